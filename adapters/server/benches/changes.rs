//! Changes through everything: the real program, over real sockets, against the simulated switch, durable on the disk of
//! the temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "../tests/end_to_end/client.rs"]
mod client;
#[path = "../tests/end_to_end/connector.rs"]
mod connector;
#[path = "../tests/end_to_end/secrets.rs"]
mod secrets;
#[path = "../tests/end_to_end/stage.rs"]
mod stage;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::{Value, json};

use client::{get, post};
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

/// Users, a third in each context, in the house of the contacts' benchmarks.
const USERS: u32 = 3_000;
/// How many of them have a Polycom phone.
const PHONES: u32 = 300;
/// Conferences.
const CONFERENCES: u32 = 100;

/// A program with many users, conferences and phones, all of them provisioned.
fn provisioned() -> (Stage, Connector) {
    let stage = Stage::new();
    for n in 1..USERS {
        let (context, id) = [("team", 20_000), ("friends", 21_000), ("public", 22_000)][(n % 3) as usize];
        let id = id + n / 3;
        let polymac = if n <= PHONES { format!("00005e{n:06x}") } else { "none".to_owned() };
        let mut text = String::from("<include>\n");
        write!(text, "<user id=\"{id}\"><params><param name=\"password\" value=\"password\"/></params><variables>")
            .unwrap();
        for (name, value) in [
            ("user_context", context),
            ("effective_caller_id_name", &format!("user {id}")),
            ("verto_dvar_email", "user@example.org"),
            ("polymac", &polymac),
        ] {
            write!(text, "<variable name=\"{name}\" value=\"{value}\"/>").unwrap();
        }
        text.push_str("</variables></user>\n</include>\n");
        stage.write(&format!("directory/{context}/{id}.xml"), text);
    }
    stage.switch.reload();
    let connector = stage.ready();
    // Three are there already.
    let conference = |n: u32| {
        let context = ["team", "friends", "public"][(n % 3) as usize];
        json!({"name": format!("conference_{n}"), "type": "16kHz-novideo", "context": context})
    };
    let added = connector.post(ADMIN, "/api/conferences/add", &(3..CONFERENCES).map(conference).collect()).json();
    assert_eq!(added["failed"], json!([]));
    let written = connector.get(ADMIN, "/api/users/reprov").json();
    assert_eq!(written["done"].as_array().unwrap().len(), USERS as usize, "{:?}", written["failed"]);
    (stage, connector)
}

fn rebuild_contacts(address: SocketAddr) {
    let answer = get(address, ADMIN, "/api/conferences/rebuildcontacts").json();
    assert_ne!(answer["done"], "", "{answer}");
}

/// Gives a conference that everybody sees another name, so that all contacts change.
fn rename(address: SocketAddr) {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let name = format!("public_{}", SERIAL.fetch_add(1, Ordering::Relaxed));
    let answer = post(address, ADMIN, "/api/conferences/mod", &json!([{"num": "32000", "name": name}])).unwrap().json();
    assert_eq!(answer["failed"], json!([]));
}

/// From the request to the answer, when every file is as it should be.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn rebuilding_contacts_that_have_not_changed(bencher: Bencher) {
    let (_stage, connector) = provisioned();
    bencher.bench_local(|| rebuild_contacts(connector.address));
}

/// From the request to the answer, when every file is another one; all of them are durable.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn rebuilding_contacts_that_have_all_changed(bencher: Bencher) {
    let (_stage, connector) = provisioned();
    bencher.with_inputs(|| rename(connector.address)).bench_local_values(|()| rebuild_contacts(connector.address));
}

/// The one user there is room for.
fn last_user() -> Value {
    json!([{"name": "the last", "email": "user@example.org", "context": "public"}])
}

/// What others ask for while contacts are rebuilt.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    /// The list of all users.
    List,
    /// A user is added.
    Add,
}

/// From the request of somebody else to its answer, with contacts rebuilt all the time, changed ones, and without.
#[divan::bench(args = [(Meanwhile::List, false), (Meanwhile::List, true), (Meanwhile::Add, false), (Meanwhile::Add, true)],
    sample_count = 50, sample_size = 1)]
fn waiting_while_contacts_are_rebuilt(bencher: Bencher, (asked, rebuilds): (Meanwhile, bool)) {
    let (_stage, connector) = provisioned();
    let (address, over) = (connector.address, AtomicBool::new(false));
    thread::scope(|scope| {
        if rebuilds {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    rename(address);
                    rebuild_contacts(address);
                }
            });
        }
        let make_room = || {
            if let Meanwhile::Add = asked {
                post(address, ADMIN, "/api/users/del", &json!([{"id": "22999"}])).unwrap();
            }
        };
        bencher.with_inputs(make_room).bench_local_values(|()| match asked {
            Meanwhile::List => assert_eq!(get(address, ADMIN, "/api/users").status, 200),
            Meanwhile::Add => {
                let answer = post(address, ADMIN, "/api/users/add", &last_user()).unwrap().json();
                assert_eq!(answer["done"][0]["id"], "22999", "{answer}");
            }
        });
        over.store(true, Ordering::Relaxed);
    });
}
