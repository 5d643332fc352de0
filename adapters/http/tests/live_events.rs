//! What listeners hear, and in which order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::thread;

use fsconnector_engine::access::{Role, Roles};
use fsconnector_engine::live::listener::{Listening, Notice};
use fsconnector_engine::live::request::LiveRequest;
use live_stage::{stage_with, target_of};
use stage::Stage;

#[test]
fn each_role_hears_what_is_for_it_in_order() {
    let stage = Stage::new();
    let mut listeners = ["anna", "mike", "gast"].map(|name| stage.listen(name).0);
    let sets = [Roles::ALL, Roles::who_see(Role::Member), Roles::only(Role::Admin), Roles::only(Role::Guest)];
    for number in 0..1000 {
        stage.tell(sets[number % sets.len()], number.to_string());
    }
    stage.tell(Roles::ALL, "end");
    for (listener, role) in listeners.iter_mut().zip([Role::Admin, Role::Member, Role::Guest]) {
        let expected: Vec<String> = (0..1000)
            .filter(|number| sets[number % sets.len()].contains(role))
            .map(|number| number.to_string())
            .collect();
        assert_eq!(listener.hear_until("end"), expected, "{role}");
    }
}

#[test]
fn a_listener_hears_nothing_from_before_the_engine_knows_it() {
    let stage = Stage::new();
    let mut socket = stage.shake_hands(&target_of("anna"), "").unwrap();
    stage::wait_until(|| !stage.listening.is_empty());
    stage.tell(Roles::ALL, "early");
    let (id, _) = stage.next_joining();
    stage.tell(Roles::ALL, "late");
    assert_eq!(socket.hear(), "late");
    stage.gate.tell(Notice::Close { listener: id, why: "x" });
    assert_eq!(socket.closed(), Some((1008, "x".into())));
}

#[test]
fn a_reply_is_one_point_in_the_order_of_events() {
    let stage = stage_with(|limits| limits.messages_at_once = 1000);
    let (mut asking, id) = stage.listen("anna");
    let (mut other, _) = stage.listen("anna");
    for round in 0..200 {
        asking.ask(r#"{"req":"init"}"#);
        for number in 0..round % 4 {
            stage.tell(Roles::ALL, format!("{round} before {number}"));
        }
        assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::Init {})));
        stage.tell(Roles::ALL, format!("{round} last"));
        stage.reply(id, &["reply", "more"]);
        stage.tell(Roles::ALL, format!("{round} after"));
        let before: Vec<_> = (0..round % 4).map(|number| format!("{round} before {number}")).collect();
        let last = [format!("{round} last")];
        assert_eq!(asking.hear_until("reply"), [&before[..], &last[..]].concat());
        assert_eq!((asking.hear(), asking.hear()), ("more".into(), format!("{round} after")));
        assert_eq!(other.hear_until(&format!("{round} after")).len(), before.len() + 1, "and none of the reply");
    }
}

#[test]
fn the_next_request_comes_when_the_last_is_answered() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("mike");
    for _ in 0..3 {
        socket.ask(r#"{"req":"initreg"}"#);
    }
    for _ in 0..3 {
        assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::InitReg {})));
        stage.tell(Roles::ALL, "event");
        assert_eq!(socket.hear(), "event");
        assert!(stage.listening.is_empty());
        stage.reply(id, &[]);
    }
    drop(socket);
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
}

#[test]
fn what_is_no_request_is_complained_about_and_does_no_harm() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("gast");
    for (text, error) in
        [("null", "wrong format"), ("{", "wrong format"), ("{}", "wrong protocol"), ("1", "wrong protocol")]
    {
        socket.ask(text);
        assert_eq!(socket.hear(), format!(r#"{{"event":"error","error":"{error}"}}"#));
    }
    socket.0.send(async_tungstenite::tungstenite::Message::binary(br#"{"req":"init"}"#.as_slice())).unwrap();
    assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::Init {})), "binary counts as text");
    socket.ask("[");
    stage.reply(id, &["reply"]);
    assert_eq!(socket.hear(), "reply");
    assert_eq!(socket.hear(), r#"{"event":"error","error":"wrong format"}"#);
}

#[test]
fn who_may_not_listen_any_longer_hears_nothing_more() {
    let stage = Stage::new();
    let (socket, id) = stage.listen("anna");
    stage.gate.tell(Notice::Close { listener: id, why: "the user has changed" });
    stage.tell(Roles::ALL, "secret");
    stage.reply(id, &["secret"]);
    assert_eq!(socket.closed(), Some((1008, "the user has changed".into())));
    assert_eq!(stage.next_doing(), (id, Listening::Leaves));
    stage.reply(id, &["to nobody"]);
    stage.gate.tell(Notice::Close { listener: id, why: "again" });
}

#[test]
fn who_does_not_read_may_not_stay_longer_for_that() {
    let stage = Stage::new();
    let (_stalled, id) = stage.listen("anna");
    tell_numbers(&stage);
    stage.gate.tell(Notice::Close { listener: id, why: "x" });
    loop {
        match stage.next_doing() {
            // It was passed by the ring before its socket took nothing more.
            (_, Listening::HasMissed) => (),
            (_, does) => {
                assert_eq!(does, Listening::Leaves);
                break;
            }
        }
    }
}

/// Numbers that are told, with enough around them to fill every buffer on the way.
const NUMBERS: usize = 30_000;

fn tell_numbers(stage: &Stage) {
    let padding = "x".repeat(1000);
    for number in 0..NUMBERS {
        stage.tell(Roles::ALL, format!("{number} {padding}"));
    }
}

/// The numbers, which follow each other from zero on; how many there were before `last`.
fn count_until(texts: &[String]) -> usize {
    for (expected, text) in texts.iter().enumerate() {
        assert_eq!(text.split(' ').next(), Some(&*expected.to_string()));
    }
    texts.len()
}

#[test]
fn whom_the_ring_has_passed_goes_on_from_the_answer_to_that() {
    let stage = stage_with(|limits| limits.ring_bytes = 1024 * 1024);
    let (mut socket, id) = stage.listen("anna");
    tell_numbers(&stage);
    thread::scope(|scope| {
        let reading = scope.spawn(|| (socket.hear_until("fresh"), socket.hear_until("end")));
        assert_eq!(stage.next_doing(), (id, Listening::HasMissed));
        stage.tell(Roles::ALL, "missed as well");
        stage.reply(id, &["fresh"]);
        stage.tell(Roles::ALL, "after");
        stage.tell(Roles::ALL, "end");
        let (before, after) = reading.join().unwrap();
        let heard = count_until(&before);
        assert!(heard < NUMBERS, "{heard}");
        assert_eq!(after, ["after"]);
    });
    assert!(stage.listening.is_empty(), "it has missed something once");
}

#[test]
fn an_answer_that_is_on_its_way_comes_before_the_ring_is_caught_up_with() {
    let stage = stage_with(|limits| limits.ring_bytes = 1024 * 1024);
    let (mut socket, id) = stage.listen("anna");
    socket.ask(r#"{"req":"init"}"#);
    socket.ask(r#"{"req":"initreg"}"#);
    assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::Init {})));
    tell_numbers(&stage);
    stage.reply(id, &["reply"]);
    tell_numbers(&stage);
    thread::scope(|scope| {
        let reading =
            scope.spawn(|| (socket.hear_until("reply"), socket.hear_until("fresh"), socket.hear_until("second")));
        assert_eq!(stage.next_doing(), (id, Listening::HasMissed));
        stage.reply(id, &["fresh"]);
        assert_eq!(stage.next_doing(), (id, Listening::Asks(LiveRequest::InitReg {})));
        stage.reply(id, &["second"]);
        let (before, between, after) = reading.join().unwrap();
        assert!(count_until(&before) < NUMBERS);
        assert_eq!((between.len(), after.len()), (0, 0));
    });
}

#[test]
fn a_large_answer_comes_whole_and_what_follows_comes_after_it() {
    let stage = Stage::new();
    let (mut socket, id) = stage.listen("anna");
    socket.ask(r#"{"req":"init"}"#);
    stage.next_doing();
    let large = "y".repeat(300_000);
    stage.reply(id, &[&large, "small", &large]);
    stage.tell(Roles::ALL, "after");
    assert_eq!([socket.hear(), socket.hear(), socket.hear(), socket.hear()], [&*large, "small", &large, "after"]);
}

#[test]
fn a_listener_waits_when_the_engine_is_slow_and_nothing_is_lost() {
    let stage = Stage::new();
    let room = stage::WAITING;
    let sockets: Vec<_> = (0..room + 20).map(|_| stage.shake_hands(&target_of("anna"), "").unwrap()).collect();
    stage::wait_until(|| stage.listening.len() == room);
    drop(sockets);
    let (mut joined, mut left) = (0, 0);
    while left < room + 20 {
        match stage.next_doing().1 {
            Listening::Joins(_) => joined += 1,
            Listening::Leaves => left += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(joined, room + 20);
}
