//! Clients that mean no good, or do not know better.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use fsconnector_http::{GateConfig, Limits};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stage::Stage;

fn limited(limits: Limits) -> Stage {
    Stage::with(GateConfig { limits, ..GateConfig::default() })
}

/// The statuses of all answers, in order.
fn statuses(answers: &str) -> Vec<u16> {
    // A problem's text can name the protocol, too, but no number follows there.
    answers.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

const GET: &str = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn a_malformed_request_is_refused_and_what_follows_is_not_taken_for_another() {
    let stage = Stage::new();
    for (status, request) in [
        (400, "GET /livez HTTP/1.1\r\n\r\n"),
        (400, "GET /livez HTTP/1.1\nHost: x\n\n"),
        (400, "GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
        (400, "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n"),
        (400, "GET /livez HTTP/1.1\r\nHost: x\r\n A: folded\r\n\r\n"),
        (400, "GET /livez HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n"),
        (400, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        (400, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n"),
        (501, "POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        (417, "POST /livez HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n"),
        (505, "GET /livez HTTP/3.0\r\nHost: x\r\n\r\n"),
        (400, "\x16\x03\x01\x02\x00\x01\x00\x01\n"),
        (400, "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, "PRI * HTTP/2.0\r\n\r\nSM\n"),
    ] {
        let answers = stage.exchange(format!("{GET}{request}{GET}").as_bytes());
        let expected = if request.starts_with("PRI") { 505 } else { status };
        assert_eq!(statuses(&answers), [200, expected], "{request:?}: {answers}");
        assert!(answers.contains("Connection: close\r\n"), "{answers}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let stage = Stage::new();
    let mut client = stage.connect();
    client.send(&format!("{GET}\r\nHEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n{GET}"));
    let answers = [false, true, false, false].map(|to_head| client.answer(to_head).status);
    assert_eq!(answers, [200, 200, 401, 200]);
}

#[test]
fn the_body_of_a_refused_request_is_passed_over_if_it_is_small() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for length in [1, 65_536] {
        let body = "x".repeat(length);
        client.send(&format!("POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}{GET}"));
        assert_eq!([client.answer(false).status, client.answer(false).status], [401, 200], "{length}");
    }
}

#[test]
fn after_a_body_that_is_large_chunked_or_waited_for_the_connection_ends() {
    let stage = Stage::new();
    for headers in ["Content-Length: 65537", "Transfer-Encoding: chunked", "Content-Length: 5\r\nExpect: 100-continue"]
    {
        let request = format!("POST /api/users HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{GET}");
        assert_eq!(statuses(&stage.exchange(request.as_bytes())), [401], "{headers}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_413_once_the_caller_is_known() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let huge = "Content-Length: 99999999999999999999999\r\n";
    assert_eq!(client.request("anna", "GET", "/userinfo", huge).status, 413);
    assert_eq!(client.rest(), "");
}

#[test]
fn old_clients_get_an_answer_and_the_end_of_the_connection() {
    let stage = Stage::new();
    assert_eq!(statuses(&stage.exchange(format!("GET /livez HTTP/1.0\r\n\r\n{GET}").as_bytes())), [200]);
    let kept = stage.exchange(format!("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n{GET}").as_bytes());
    assert_eq!(statuses(&kept), [200, 200]);
    assert!(kept.contains("Connection: keep-alive\r\n"));
    let closed = stage.exchange(format!("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n{GET}").as_bytes());
    assert_eq!(statuses(&closed), [200]);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let stage = limited(Limits { head_bytes: 2000, ..Limits::default() });
    let long_line = format!("GET /{} HTTP/1.1\r\n", "x".repeat(3000));
    assert_eq!(statuses(&stage.exchange(long_line.as_bytes())), [414]);
    let long_head = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(3000));
    assert_eq!(statuses(&stage.exchange(long_head.as_bytes())), [431]);
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A:b\r\n".repeat(100));
    assert_eq!(statuses(&stage.exchange(many.as_bytes())), [431]);
}

#[test]
fn who_sends_the_head_too_slowly_gets_408() {
    let head_time = Duration::from_millis(100);
    let stage = limited(Limits { head_time, idle_time: Duration::from_secs(60), ..Limits::default() });
    let mut client = stage.connect();
    client.send(GET);
    assert_eq!(client.answer(false).status, 200);
    client.send("GET / HT");
    assert_eq!(statuses(&client.rest()), [408]);
}

#[test]
fn dripping_bytes_does_not_extend_the_time_for_a_head() {
    let stage = limited(Limits { head_time: Duration::from_millis(100), ..Limits::default() });
    let mut client = stage.connect();
    client.stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    client.send("GET / HTTP/1.1\r\nA: ");
    let mut answer = Vec::new();
    loop {
        // A byte after each attempt to read, until the gate has had enough.
        let _ = client.stream.write_all(b"a");
        let mut piece = [0; 1024];
        match client.stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => (),
            Err(_) => break,
        }
    }
    assert_eq!(statuses(&String::from_utf8(answer).unwrap()), [408]);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let stage = limited(Limits { idle_time: Duration::from_millis(50), ..Limits::default() });
    let mut client = stage.connect();
    assert_eq!(client.rest(), "");
    let mut client = stage.connect();
    client.send(GET);
    assert_eq!(client.answer(false).status, 200);
    assert_eq!(client.rest(), "");
}

#[test]
fn a_body_that_does_not_come_ends_the_connection() {
    let stage = limited(Limits { body_time: Duration::from_millis(50), ..Limits::default() });
    let mut client = stage.connect();
    client.send("POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.answer(false).status, 401);
    assert_eq!(client.rest(), "");
}

#[test]
fn a_client_that_does_not_read_is_dropped() {
    let stage = limited(Limits { write_time: Duration::from_millis(100), ..Limits::default() });
    let mut client = stage.connect();
    // Requests without end, and no answer ever read: at some point the gate no longer takes any.
    let flood = GET.repeat(1000);
    while client.stream.write_all(flood.as_bytes()).is_ok() {}
}

#[test]
fn stopping_closes_idle_connections_and_finishes_requests() {
    let mut stage = Stage::new();
    let mut idle = stage.connect();
    idle.send(GET);
    assert_eq!(idle.answer(false).status, 200);
    let mut busy = stage.connect();
    busy.send("GET /livez HTTP/1.1\r\n");
    // The idle one is closed, so the gate is stopping; the request that has begun is still answered.
    let address = stage.address;
    stage.stop();
    assert_eq!(idle.rest(), "");
    busy.send("Host: x\r\n\r\n");
    assert_eq!(busy.answer(false).status, 200);
    assert_eq!(busy.rest(), "");
    stage.ended();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_client_that_never_pauses_does_not_keep_the_gate_from_stopping() {
    let mut stage = Stage::new();
    let mut client = stage.connect();
    stage.stop();
    let mut answers = String::new();
    while !answers.contains("Connection: close") {
        if client.stream.write_all(GET.as_bytes()).is_err() {
            break;
        }
        let mut piece = [0; 4096];
        match client.stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => answers.push_str(&String::from_utf8_lossy(&piece[..count])),
        }
    }
    stage.ended();
}

/// Keeps sending `text`, over more connections than the gate has threads, while `during` looks at the gate.
fn while_flooded(stage: &Stage, text: &str, during: impl FnOnce()) {
    let flood = text.repeat(1 + (1 << 16) / text.len());
    let flood = flood.as_bytes();
    let floods: Vec<_> = (0..4).map(|_| stage.connect().stream).collect();
    std::thread::scope(|scope| {
        for stream in &floods {
            let (mut sending, mut reading) = (stream, stream);
            scope.spawn(move || while sending.write_all(flood).is_ok() {});
            scope.spawn(move || {
                let mut answers = vec![0; 1 << 16];
                while reading.read(&mut answers).is_ok_and(|count| count > 0) {}
            });
        }
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(during));
        for stream in &floods {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn clients_that_never_pause_do_not_keep_others_waiting() {
    let stage = Stage::new();
    for text in [GET, "\r\n"] {
        while_flooded(&stage, text, || {
            for _ in 0..20 {
                let mut client = stage.connect();
                client.send(GET);
                assert_eq!(client.answer(false).status, 200);
            }
        });
    }
}

#[test]
fn empty_lines_without_end_do_not_keep_an_idle_connection() {
    let time = Duration::from_millis(100);
    let stage = limited(Limits { head_time: time, idle_time: time, ..Limits::default() });
    let mut client = stage.connect();
    let lines = b"\r\n".repeat(1 << 15);
    // Two gigabytes take many times as long.
    let all_taken = (0..1 << 15).all(|_| client.stream.write_all(&lines).is_ok());
    assert!(!all_taken);
}

/// Bytes that look a little like requests.
fn bad_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        proptest::sample::select(vec![
            "GET ",
            "POST ",
            "HEAD ",
            "/",
            "/api/users",
            "http://",
            " HTTP/1.1",
            " HTTP/1.0",
            "\r\n",
            "\r\n\r\n",
            "\r",
            "\n",
            "Host: x\r\n",
            "Content-Length: ",
            "Transfer-Encoding: chunked\r\n",
            "0",
            "5",
            ": ",
            " ",
            "\t",
            "\0",
            "%zz",
            "Authorization: Digest ",
            "username=\"",
            "\"",
            "\\",
            ",",
            "nc=",
            "uri=\"/\"",
            "Expect: 100-continue\r\n",
            "Connection: close\r\n",
            "?",
            "*",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn whatever_comes_in_http_or_nothing_goes_out() {
    let stage = Stage::new();
    let mut runner = TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&bad_head(), |bytes| {
            let answers = stage.exchange(&bytes);
            prop_assert!(answers.is_empty() || answers.starts_with("HTTP/1.1 "), "{answers}");
            for status in statuses(&answers) {
                prop_assert!(status != 200 || bytes.windows(5).any(|window| window == b"livez"), "{answers}");
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(statuses(&stage.exchange(GET.as_bytes())), [200], "the gate still stands");
}
