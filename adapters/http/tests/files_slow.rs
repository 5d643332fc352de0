//! Clients that ask for much and read nothing: they disturb nobody.
//!
//! The threads of the whole process are counted here, so that there is one test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use files_stage::{Archive, json, names_in, put, state};
use fsconnector_engine::state::{State, User, UserId, Users};
use fsconnector_http::Limits;
use serde_json::json;
use stage::Client;

const LARGE: &str = "pals-2026-11-23T08:25:58.123Z.wav";
const SMALL: &str = "open-2026-11-23T08:25:58.123Z.wav";
/// More than all buffers on the way hold.
const LENGTH: usize = 20_000_000;

/// With so many more friends, `slow0` and so on.
fn with_slow_users(limits: Limits, count: u32) -> Archive {
    let archive = Archive::with_limits(limits);
    let state = state();
    let mut users: Vec<User> = state.users.iter().cloned().collect();
    let friend = users[1].clone();
    users.extend((0..count).map(|number| User {
        id: UserId::parse(&(21_100 + number).to_string()).unwrap(),
        name: format!("slow{number}").into(),
        polymac: "none".into(),
        ..friend.clone()
    }));
    let users = Users::new(users, &state.config).into();
    archive.stage.current.publish(Arc::new(State { users, ..State::clone(&state) }));
    archive.record(LARGE, vec![b'x'; LENGTH]);
    archive.record(SMALL, "small");
    archive.put("polycom/ucs/sip.ld", "firmware");
    archive.put("linphone/22000/linphone.xml", "<config/>");
    archive
}

/// Clients that have asked for the large recording and do not read.
fn clients_that_read_nothing(archive: &Archive, users: u32, each: usize) -> Vec<Client> {
    let ask = |user: u32| {
        let mut client = archive.stage.connect();
        let (name, target) = (format!("slow{user}"), format!("/fr/friendsrec/{LARGE}"));
        let authorization = client.authorization(&name, "GET", &target);
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
        client
    };
    (0..users).flat_map(|user| (0..each).map(move |_| user)).map(ask).collect()
}

/// Whether an answer that has begun is the file.
fn is_served(client: &Client) -> bool {
    let mut start = [0; 12];
    loop {
        match client.stream.peek(&mut start).unwrap() {
            12 => return &start == b"HTTP/1.1 200",
            count => assert!(count > 0, "the connection ended"),
        }
    }
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn clients_that_read_nothing_disturb_nobody_and_cost_a_bounded_number_of_threads() {
    while_they_do_not_read_everything_else_goes_on();
    when_all_downloads_are_taken_only_downloads_wait();
}

fn while_they_do_not_read_everything_else_goes_on() {
    const SHARE: usize = 8;
    const USERS: u32 = 6;
    let patient = Duration::from_secs(3600);
    let archive = with_slow_users(Limits { write_time: patient, idle_time: patient, ..Limits::default() }, USERS);
    let before = threads();
    let mut slow = clients_that_read_nothing(&archive, USERS, SHARE + 2);
    let served: Vec<bool> = slow.iter().map(is_served).collect();
    assert_eq!(served.iter().filter(|served| **served).count(), USERS as usize * SHARE, "each has its share");

    let mut client = archive.stage.connect();
    for _ in 0..3 {
        assert_eq!(json(&client.get("anna", "/api/recordings"))["files"], json!([SMALL, LARGE]));
        assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([SMALL, LARGE]));
        assert_eq!(json(&client.get("anna", "/api/recordings/find/open"))["files"], json!([SMALL]));
        assert_eq!(client.get("mike", &format!("/fr/friendsrec/{LARGE}")).body.len(), LENGTH);
        assert_eq!(client.get("anna", &format!("/api/recordings/{SMALL}")).text(), "small");
        assert_eq!(client.get("gast", "/polycom/sip.ld").text(), "firmware");
        assert_eq!(client.get("gast", "/linphone").text(), "<config/>");
        assert_eq!(client.get("slow0", "/userinfo").status, 200);
        assert_eq!(client.get("slow0", "/").status, 200, "a page, for somebody with all its downloads");
        assert_eq!(put(&mut client, "mike", "/polycom/x-app.log", "", b"x").status, 200);
        archive.stage.with_engine(|| assert_eq!(client.post("anna", "/api/users/del", "[]").status, 200));
    }
    let removed = client.post("mike", "/fr/delfriendsrec", &json!([{"file": LARGE}]).to_string());
    assert_eq!(json(&removed)["done"], json!([LARGE]));
    assert_eq!(names_in(archive.recordings.path()), [SMALL]);
    // A thread for each download, one for each command and each quick request of ours, and a few of tiny_http's own.
    assert!(threads() <= before + USERS as usize * SHARE + 32, "from {before} to {} threads", threads());

    let (number, _) = served.iter().enumerate().find(|(_, served)| **served).unwrap();
    let answer = slow[number].answer(false);
    assert_eq!((answer.status, answer.body.len()), (200, LENGTH), "what has begun is sent to its end");
}

fn when_all_downloads_are_taken_only_downloads_wait() {
    /// More than there can be downloads.
    const USERS: u32 = 140;
    let limits = Limits { write_time: Duration::from_millis(300), ..Limits::default() };
    let archive = with_slow_users(limits, USERS);
    let slow = clients_that_read_nothing(&archive, USERS, 1);
    let mut client = archive.stage.connect();
    assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([SMALL, LARGE]));
    assert_eq!(client.get("gast", "/linphone").text(), "<config/>");
    // Whoever does not read is dropped in the end, and then it is our turn.
    assert_eq!(client.get("mike", &format!("/fr/friendsrec/{SMALL}")).text(), "small");
    drop(slow);
}
