//! What the gate counts, and how it says that things stand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod samples;
mod stage;

use fsconnector_http::{GateConfig, Limits};
use samples::sample;
use stage::{Stage, wait_until};

fn requests(method: &str, route: &str, status: u16) -> String {
    format!("http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}")
}

#[test]
fn answers_are_counted_whoever_gives_them() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        assert_eq!(client.get("anna", "/api/users").status, 200);
        assert_eq!(client.request("anna", "HEAD", "/api/users", "").status, 200);
        assert_eq!(client.get("anna", "/api/recordings/nothing.wav").status, 404);
        assert_eq!(client.post("anna", "/api/users/del", "[]").status, 200);
        assert_eq!(client.post("anna", "/api/users/del", "{").status, 400);
        assert_eq!(client.request("anna", "PUT", "/api/users", "").status, 405);
        client.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!([client.answer(false).status, client.answer(false).status], [200, 200]);
    });
    for (method, route, status) in [
        ("GET", "/", 401),
        ("GET", "/api/users", 200),
        ("HEAD", "/api/users", 200),
        ("GET", "/api/recordings/{file}", 404),
        ("POST", "/api/users/del", 200),
        ("POST", "/api/users/del", 400),
        ("PUT", "/api/users", 405),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
    ] {
        let name = requests(method, route, status);
        assert_eq!(sample(&stage.gate, &name), Some(1.0), "{name}");
    }
    assert_eq!(sample(&stage.gate, "http_connections_total"), Some(1.0));
}

#[test]
fn questions_of_browsers_before_their_requests_have_a_name_of_their_own() {
    let origins = vec![fsconnector_http::Origin::parse("https://phone.example").unwrap()];
    let stage = Stage::with(GateConfig { origins, ..GateConfig::default() });
    let mut client = stage.connect();
    client.send(
        "OPTIONS /api/users HTTP/1.1\r\nHost: x\r\nOrigin: https://phone.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    );
    let status = client.answer(false).status;
    assert_eq!(sample(&stage.gate, &requests("OPTIONS", "preflight", status)), Some(1.0));
}

#[test]
fn a_change_is_in_its_lane_until_it_is_answered() {
    let stage = Stage::new();
    let lane = |lane: &str| sample(&stage.gate, &format!("http_lane_requests{{lane=\"{lane}\"}}"));
    let mut client = stage.connect();
    client.send_post("anna", "/api/users/del", "", "[]");
    let asked = stage.next_asked();
    assert_eq!([lane("commands"), lane("quick"), lane("uploads")], [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(sample(&stage.gate, &requests("POST", "/api/users/del", 200)), None);
    stage.answer(&asked);
    assert_eq!(client.answer(false).status, 200);
    assert_eq!(lane("commands"), Some(0.0));
    assert_eq!(sample(&stage.gate, &requests("POST", "/api/users/del", 200)), Some(1.0));
}

#[test]
fn wrong_passwords_are_counted_and_so_are_those_that_nobody_looks_at() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let mut statuses: Vec<u16> = Vec::new();
    while statuses.last() != Some(&429) {
        assert!(statuses.len() < 100);
        statuses.push(client.get("nobody", "/userinfo").status);
    }
    let wrong = statuses.iter().filter(|status| **status == 401).map(|_| 1.0).sum();
    assert_eq!(sample(&stage.gate, "http_logins_failed_total"), Some(wrong));
    assert_eq!(sample(&stage.gate, "http_logins_refused_total"), Some(1.0));
    assert_eq!(sample(&stage.gate, &requests("GET", "/userinfo", 429)), Some(1.0));
}

#[test]
fn connections_are_counted_and_those_for_which_there_is_no_room() {
    let stage = Stage::new();
    let clients = [stage.connect(), stage.connect()];
    wait_until(|| sample(&stage.gate, "http_connections_open") == Some(2.0));
    drop(clients);
    wait_until(|| sample(&stage.gate, "http_connections_open") == Some(0.0));
    assert_eq!(sample(&stage.gate, "http_connections_total"), Some(2.0));
    let full =
        Stage::with(GateConfig { limits: Limits { connections: 0, ..Limits::default() }, ..GateConfig::default() });
    assert_eq!(full.connect().rest(), "");
    assert_eq!(sample(&full.gate, "http_connections_refused_total"), Some(1.0));
    assert_eq!(sample(&full.gate, "http_connections_total"), Some(0.0));
    let narrow =
        Stage::with(GateConfig { limits: Limits { connections: 1, ..Limits::default() }, ..GateConfig::default() });
    let mut stranger = narrow.connect();
    let _newcomer = narrow.connect();
    assert_eq!(stranger.rest(), "");
    wait_until(|| sample(&narrow.gate, "http_connections_displaced_total") == Some(1.0));
    assert_eq!(sample(&narrow.gate, "http_connections_refused_total"), Some(0.0));
}
