//! What goes wrong on a WebSocket, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::io::Read as _;
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use fsconnector_engine::access::Roles;
use fsconnector_engine::live::listener::Listening;
use fsconnector_engine::live::request::LiveRequest;
use live_stage::{NORMAL, masked, stage_with, target_of};
use stage::Stage;

#[test]
fn what_is_no_frame_of_a_client_ends_the_connection_with_the_code_for_it() {
    let stage = Stage::new();
    let long = vec![b'x'; 5000];
    for (code, bytes, what) in [
        (1002, vec![0x81, 2, b'{', b'}'], "not masked"),
        (1002, masked(0xc1, b"{}"), "a reserved bit"),
        (1002, masked(0x83, b"{}"), "a reserved kind of data"),
        (1002, masked(0x8b, b""), "a reserved kind of control frame"),
        (1002, masked(0x80, b"{}"), "a continuation of nothing"),
        (1002, [masked(0x01, b"{"), masked(0x81, b"{}")].concat(), "a message in another"),
        (1002, masked(0x09, b""), "a control frame in fragments"),
        (1002, masked(0x89, &[b'x'; 126]), "a long ping"),
        (1002, masked(0x88, &[3]), "half a close code"),
        (1002, masked(0x88, &1005u16.to_be_bytes()), "a close code that is never sent"),
        (1002, masked(0x88, &999u16.to_be_bytes()), "a close code that is none"),
        (1007, masked(0x81, b"\xff\xfe"), "a text that is none"),
        (1007, masked(0x88, b"\x03\xe8\xff"), "a reason that is no text"),
        (1009, masked(0x81, &long), "a long message"),
        (1009, [masked(0x01, &long[..3000]), masked(0x80, &long[..3000])].concat(), "a long message in pieces"),
        (1009, [&[0x81, 0xff, 0x7f][..], &[255; 7], &[0; 4]].concat(), "a message beyond all bounds"),
        (1000, masked(0x88, &1000u16.to_be_bytes()), "an orderly close"),
        (1005, masked(0x88, b""), "a close without a code"),
    ] {
        let (mut socket, id) = stage.listen("anna");
        socket.write(&bytes);
        assert_eq!(socket.close_code(), Some(code), "{what}");
        assert_eq!(stage.next_doing(), (id, Listening::Leaves), "{what}");
    }
}

#[test]
fn a_request_may_come_in_pieces_with_a_ping_between() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("anna");
    let bytes = [masked(0x01, br#"{"req":"#), masked(0x89, b"hi"), masked(0x00, br#""in"#), masked(0x80, br#"it"}"#)];
    for byte in bytes.concat() {
        socket.write(&[byte]);
    }
    assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::Init {})));
    assert_eq!(socket.0.read().unwrap(), Message::Pong("hi".into()));
}

#[test]
fn what_comes_right_behind_the_handshake_is_read() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let head = format!("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target_of("anna"), live_stage::HANDSHAKE);
    client.send_bytes(&[head.as_bytes(), &masked(0x81, br#"{"req":"init"}"#)].concat());
    assert_eq!(client.answer(false).status, 101);
    let (id, _) = stage.next_joining();
    assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::Init {})));
}

#[test]
fn a_close_is_answered_and_nothing_follows_it() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("anna");
    socket.0.close(Some(CloseFrame { code: NORMAL, reason: "bye".into() })).unwrap();
    socket.hang_up();
    assert_eq!(socket.closed(), Some((1000, "bye".into())));
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
}

#[test]
fn who_hangs_up_is_said_goodbye_to() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("anna");
    stage.tell(Roles::ALL, "last");
    assert_eq!(socket.hear(), "last");
    socket.hang_up();
    assert_eq!(socket.close_code(), Some(1000));
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
}

#[test]
fn when_the_gate_stops_listeners_are_told() {
    let mut stage = Stage::new();
    let sockets = ["anna", "mike", "gast"].map(|name| stage.listen(name).0);
    stage.stop();
    for socket in sockets {
        assert_eq!(socket.close_code(), Some(1001));
        assert_eq!(stage.next_doing().1, Listening::Leaves);
    }
    stage.ended();
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_dropped() {
    let stage = stage_with(|limits| limits.ping_time = Duration::from_millis(20));
    let (mut silent, id) = stage.listen("anna");
    let mut bytes = Vec::new();
    silent.0.get_mut().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [0x89, 0], "one ping, and no more");
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
}

#[test]
fn a_client_that_answers_pings_stays() {
    let stage = stage_with(|limits| limits.ping_time = Duration::from_millis(500));
    let (mut lively, id) = stage.listen("anna");
    for _ in 0..3 {
        // The answer goes out with the next read.
        assert_eq!(lively.0.read().unwrap(), Message::Ping("".into()));
    }
    stage.tell(Roles::ALL, "still there");
    assert_eq!(lively.hear(), "still there");
    drop(lively);
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
}

#[test]
fn who_sends_too_many_pings_is_closed() {
    let stage = Stage::new();
    let (mut socket, _) = stage.listen("anna");
    socket.write(&masked(0x89, b"").repeat(200));
    assert_eq!(socket.close_code(), Some(1008));
}

#[test]
fn who_asks_too_often_is_answered_all_the_same() {
    let stage = stage_with(|limits| (limits.messages_per_second, limits.messages_at_once) = (100, 5));
    let (mut socket, _) = stage.listen("anna");
    for _ in 0..20 {
        socket.ask("nonsense");
    }
    for _ in 0..20 {
        assert_eq!(socket.hear(), r#"{"event":"error","error":"wrong format"}"#);
    }
}
