//! More clients than there is room for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::net::{SocketAddr, TcpStream};

use fsconnector_engine::access::Roles;
use fsconnector_http::{GateConfig, Limits};
use rustix::net::{AddressFamily, SocketType};
use stage::{Client, Stage};

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
