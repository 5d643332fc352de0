//! More clients than there is room for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
#[path = "files_stage/log.rs"]
mod log_lines;
mod stage;

use std::net::{SocketAddr, TcpStream};

use fsconnector_engine::access::Roles;
use fsconnector_http::{GateConfig, Limits};
use rustix::net::{AddressFamily, SocketType};
use stage::{Client, Stage, wait_until};

const GET: &str = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

fn stage(connections: usize) -> Stage {
    Stage::with(GateConfig { limits: Limits { connections, ..Limits::default() }, ..GateConfig::default() })
}

/// A client at another address of this computer.
fn connect_from(last: u8, stage: &Stage) -> Client {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    rustix::net::connect(&socket, &stage.address).unwrap();
    Client::new(TcpStream::from(socket))
}

/// A client that was let in.
fn inside(last: u8, stage: &Stage) -> Client {
    let mut client = connect_from(last, stage);
    client.send(GET);
    assert_eq!(client.answer(false).status, 200);
    client
}

/// Waits until the gate has closed the connection.
fn wait_for_end(client: &mut Client) {
    client.rest();
}

#[test]
fn strangers_make_room_for_each_other_and_those_first_who_are_many() {
    let stage = stage(3);
    let (mut alone, mut first, mut second) = (inside(2, &stage), inside(3, &stage), inside(3, &stage));
    let _newcomer = inside(4, &stage);
    wait_for_end(&mut first);
    for stays in [&mut alone, &mut second] {
        stays.send(GET);
        assert_eq!(stays.answer(false).status, 200);
    }
}

#[test]
fn a_stranger_makes_room_also_in_the_middle_of_a_head_or_of_a_body() {
    let stage = stage(1);
    for begun in ["", "GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"] {
        let mut stranger = connect_from(2, &stage);
        stranger.send(begun);
        let _newcomer = inside(3, &stage);
        wait_for_end(&mut stranger);
    }
}

#[test]
fn who_is_logged_in_keeps_its_place_however_many_strangers_come() {
    let stage = stage(8);
    let mut known = connect_from(2, &stage);
    assert_eq!(known.get("anna", "/userinfo").status, 200);
    let (mut listener, _) = stage.listen("mike");
    let mut strangers: Vec<Client> = (0..100).map(|number| connect_from(3 + number % 20, &stage)).collect();
    for stranger in &mut strangers[..94] {
        wait_for_end(stranger);
    }
    assert_eq!(known.get("anna", "/userinfo").status, 200);
    stage.tell(Roles::ALL, "still there");
    assert_eq!(listener.hear(), "still there");
    assert_eq!(inside(30, &stage).get("gast", "/userinfo").status, 200);
}

#[test]
fn who_listens_keeps_its_place_also_where_many_listen() {
    let stage = stage(4);
    // An address does not keep as many otherwise.
    let mut listeners = [(); 4].map(|()| stage.listen("anna").0);
    wait_for_end(&mut connect_from(2, &stage));
    stage.tell(Roles::ALL, "still there");
    for listener in &mut listeners {
        assert_eq!(listener.hear(), "still there");
    }
}

#[test]
fn a_change_under_way_keeps_its_place() {
    let stage = stage(2);
    let mut admin = connect_from(2, &stage);
    admin.send_post("anna", "/api/users/del", "", "[]");
    let asked = stage.next_asked();
    for stranger in 3..20 {
        inside(stranger, &stage);
    }
    stage.answer(&asked);
    assert_eq!(admin.answer(false).status, 200);
}

#[test]
fn one_user_takes_no_places_from_others_however_many_addresses_it_comes_from() {
    let stage = stage(32);
    let mut greedy: Vec<Client> = (2..34).map(|last| connect_from(last, &stage)).collect();
    for client in &mut greedy {
        assert_eq!(client.get("gast", "/userinfo").status, 200);
    }
    // All but the three that it keeps.
    let _strangers: Vec<Client> = (40..69).map(|last| inside(last, &stage)).collect();
    for client in &mut greedy[3..] {
        wait_for_end(client);
    }
    for client in &mut greedy[..3] {
        assert_eq!(client.get("gast", "/userinfo").status, 200);
    }
    assert_eq!(connect_from(70, &stage).get("anna", "/userinfo").status, 200);
}

#[test]
fn who_does_not_log_in_any_more_makes_room_as_before() {
    let stage = stage(1);
    for (request, status) in [(GET, 200), ("GET /userinfo HTTP/1.1\r\nHost: x\r\n\r\n", 401)] {
        let mut known = connect_from(2, &stage);
        assert_eq!(known.get("anna", "/userinfo").status, 200);
        wait_for_end(&mut connect_from(3, &stage));
        known.send(request);
        assert_eq!(known.answer(false).status, status);
        let _newcomer = inside(3, &stage);
        wait_for_end(&mut known);
    }
}

#[test]
fn a_place_is_on_the_account_of_whoever_asks_last() {
    let stage = stage(16);
    // A proxy uses the same connections for whoever comes.
    let mut first = connect_from(2, &stage);
    for name in ["gast", "mike", "anna"] {
        assert_eq!(first.get(name, "/userinfo").status, 200);
    }
    let mut second = connect_from(3, &stage);
    assert_eq!(second.get("gast", "/userinfo").status, 200);
    let _strangers: Vec<Client> = (20..60).map(|last| inside(last, &stage)).collect();
    assert_eq!(first.get("anna", "/userinfo").status, 200);
    assert_eq!(second.get("gast", "/userinfo").status, 200);
}

#[test]
fn a_change_is_heard_to_its_end_and_answered_also_for_whom_keeps_no_more_places() {
    let stage = stage(4);
    let mut clients = [(); 3].map(|()| connect_from(2, &stage));
    for client in &mut clients {
        assert_eq!(client.get("anna", "/userinfo").status, 200);
    }
    let [mut kept, _, mut beyond] = clients;
    let many_come = || (3..20).map(|stranger| inside(stranger, &stage)).collect::<Vec<Client>>();
    let authorization = beyond.authorization("anna", "POST", "/api/users/del");
    beyond.send(&format!(
        "POST /api/users/del HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
        Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ));
    assert_eq!(beyond.answer(false).status, 100);
    stage.with_engine(|| {
        drop(many_come());
        beyond.send("[]");
        assert_eq!(beyond.answer(false).status, 200);
    });
    beyond.send_post("anna", "/api/users/del", "", "[]");
    let asked = stage.next_asked();
    drop(many_come());
    stage.answer(&asked);
    assert_eq!(beyond.answer(false).status, 200);
    let _strangers = many_come();
    wait_for_end(&mut beyond);
    assert_eq!(kept.get("anna", "/userinfo").status, 200);
}

#[test]
fn a_change_that_waits_for_its_turn_makes_room_and_the_log_says_so() {
    log_lines::listen_to_the_log();
    let stage = stage(4);
    let target = "/api/recordings/del";
    // As many as one user can have under way.
    let _under_way = [(); 2].map(|()| {
        let mut client = connect_from(2, &stage);
        let authorization = client.authorization("anna", "POST", target);
        client.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
            Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        ));
        assert_eq!(client.answer(false).status, 100);
        client
    });
    let mut waiting = connect_from(2, &stage);
    let authorization = waiting.authorization("anna", "POST", target);
    // Read together with a request before it, it is there when that is answered.
    waiting.send(&format!(
        "{GET}POST {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
        Content-Length: 2\r\n\r\n[]"
    ));
    assert_eq!(waiting.answer(false).status, 200);
    let _strangers: Vec<Client> = (3..20).map(|stranger| inside(stranger, &stage)).collect();
    assert_eq!(waiting.rest(), "");
    let refused = "from 127.0.0.2: api/recordings/del: done [], failed [the request broke off]";
    wait_until(|| !log_lines::lines_with(refused).is_empty());
}

#[test]
fn when_all_have_logged_in_newcomers_are_turned_away_until_one_goes() {
    let stage = stage(2);
    let known = [("anna", 2), ("mike", 3)].map(|(name, last)| {
        let mut client = connect_from(last, &stage);
        assert_eq!(client.get(name, "/userinfo").status, 200);
        client
    });
    wait_for_end(&mut connect_from(4, &stage));
    drop(known);
    // The gate notices a little later.
    while stage.exchange(GET.as_bytes()).is_empty() {}
}
