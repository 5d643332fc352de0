//! Downloads and short requests do not wait for each other, nor one user for another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::fs;
use std::sync::Arc;

use fsconnector_disk::Root;
use fsconnector_engine::state::{State, User, UserId, Users};
use fsconnector_http::GateConfig;
use serde_json::Value;
use stage::{Answer, Client, Stage, sample};
use tempfile::TempDir;

/// How many files one user can have on their way at once, in each lane.
const SHARE: usize = 8;

/// How many friends there are.
const FRIENDS: usize = 70;

/// Far more than all the buffers on the way.
const LARGE: usize = 64 << 20;

fn stage() -> (TempDir, Stage) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("phone")).unwrap();
    for large in ["large.wav", "phone/large"] {
        // Without a byte on the disk.
        fs::File::create(folder.path().join(large)).unwrap().set_len(LARGE as u64).unwrap();
    }
    fs::write(folder.path().join("phone/small"), "small").unwrap();
    fs::write(folder.path().join("small.wav"), "small").unwrap();
    let files = Some(Arc::new(Root::open_folder(folder.path()).unwrap()));
    let recordings = Some(folder.path().to_owned());
    let stage = Stage::with(GateConfig { files, recordings, ..GateConfig::default() });
    stage.current.publish(with_friends());
    (folder, stage)
}

/// The sample's state with friends named `friend0` and so on.
fn with_friends() -> Arc<State> {
    let state = sample::state();
    let mut users: Vec<User> = state.users.iter().cloned().collect();
    let friend = users[1].clone();
    users.extend((0..FRIENDS).map(|number| User {
        id: UserId::parse(&(21_100 + number).to_string()).unwrap(),
        name: format!("friend{number}").into(),
        ..friend.clone()
    }));
    Arc::new(State { users: Users::new(users, &state.config).into(), ..State::clone(&state) })
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// Clients of one user that have got the heads of their answers and do not read on.
fn slow(stage: &Stage, name: &str, target: &str) -> Vec<Client> {
    let begin = |_| {
        let mut client = stage.connect();
        let authorization = client.authorization(name, "GET", target);
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
        // The head: the body is left where it is.
        assert_eq!(client.answer(true).status, 200);
        client
    };
    (0..SHARE).map(begin).collect()
}

#[test]
fn whoever_has_too_many_downloads_is_told_so_and_still_gets_everything_else() {
    let (_folder, stage) = stage();
    let slow = slow(&stage, "anna", "/api/recordings/large.wav");
    let mut client = stage.connect();
    let refused = client.get("anna", "/api/recordings/small.wav");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{refused:?}");
    for target in ["/small", "/api/recordings", "/api/users"] {
        assert_eq!(client.get("anna", target).status, 200, "{target}");
    }
    drop(slow);
    // It takes a moment until the gate knows.
    while client.get("anna", "/api/recordings/small.wav").status == 503 {}
    assert_eq!(client.get("anna", "/api/recordings/small.wav").text(), "small");
}

#[test]
fn slow_pages_of_one_user_keep_nobody_else_waiting() {
    let (_folder, stage) = stage();
    let _slow = (slow(&stage, "anna", "/large"), slow(&stage, "mike", "/large"));
    let mut client = stage.connect();
    assert_eq!(client.get("gast", "/small").text(), "small");
    assert_eq!(client.get("gast", "/large").body.len(), LARGE);
    assert_eq!(client.get("anna", "/small").text(), "small", "that is another lane");
    assert_eq!(client.get("anna", "/api/recordings/small.wav").status, 503, "what is long is a download");
}

#[test]
fn slow_pages_of_a_few_users_keep_nobody_waiting_for_what_is_short() {
    let (_folder, stage) = stage();
    let _slow: Vec<_> = (0..4).map(|number| slow(&stage, &format!("friend{number}"), "/large")).collect();
    let mut client = stage.connect();
    assert_eq!(client.get("gast", "/small").text(), "small");
    assert_eq!(json(&client.get("anna", "/api/recordings"))["op"], "api/recordings");
    assert_eq!(client.get("friend0", "/small").text(), "small", "not even those who have it");
    assert_eq!(client.get("gast", "/large").body.len(), LARGE);
}

#[test]
fn the_fuller_the_downloads_are_the_less_one_user_gets_of_them() {
    let (_folder, stage) = stage();
    let begin = |number: usize| {
        let mut client = stage.connect();
        let (name, target) = (format!("friend{number}"), "/large");
        let authorization = client.authorization(&name, "GET", target);
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
        client
    };
    // What is refused may wait for its turn: only those are looked at that come first.
    let _greedy: Vec<Client> = (0..12).flat_map(|number| (0..SHARE).map(move |_| number)).map(begin).collect();
    let mut client = stage.connect();
    for name in ["gast", "anna", "mike", "friend20", "friend21"] {
        assert_eq!(client.get(name, "/large").body.len(), LARGE, "{name}");
    }
}
