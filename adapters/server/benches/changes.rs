//! Changes through everything: the real program, over real sockets, against the simulated switch, durable on the disk of
//! the temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "../tests/end_to_end/client.rs"]
mod client;
#[path = "../tests/end_to_end/connector.rs"]
mod connector;
#[path = "../tests/end_to_end/stage.rs"]
mod stage;

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::{Value, json};

use connector::Connector;
use stage::{ADMIN, Stage};

fn main() {
    divan::main();
}

/// A program that is ready, and a request for so many users.
fn ready(users: u32) -> (Stage, Connector, Value) {
    let stage = Stage::new();
    let connector = stage.connector();
    connector.wait_until_ready();
    let user = |n: u32| json!({"name": format!("user {n}"), "email": "user@example.org", "context": "friends"});
    (stage, connector, (0..users).map(user).collect())
}

/// From the request to the answer: the files are durable, and the switch has shown every user.
#[divan::bench(args = [1, 900], sample_count = 20, sample_size = 1)]
fn adding_users(bencher: Bencher, users: u32) {
    let bencher = bencher.counter(ItemsCount::new(users)).with_inputs(|| ready(users));
    bencher.bench_local_refs(|(_, connector, items)| {
        let answer = connector.post(ADMIN, "/api/users/add", items);
        assert_eq!(answer.json()["done"].as_array().unwrap().len(), users as usize);
    });
}

/// From the start of the process until all users are shown.
#[divan::bench(args = [30, 3_000], sample_count = 20, sample_size = 1)]
fn starting(bencher: Bencher, users: u32) {
    let stage = Stage::new();
    for id in 21_000..21_000 + users {
        stage.write_user("friends", &id.to_string(), &format!("user {id}"), "password");
    }
    stage.switch.reload();
    bencher.bench_local(|| {
        let connector = stage.connector();
        connector.wait_until_ready();
        let total = connector.get(ADMIN, "/api/users").json()["info"]["total"].as_u64();
        assert_eq!(total, Some(u64::from(users) + 1));
    });
}
