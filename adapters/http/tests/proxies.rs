//! Clients that come through a proxy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::net::IpAddr;

use fsconnector_http::GateConfig;
use stage::{Client, Stage};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A gate behind a proxy on the same machine.
fn behind_a_proxy() -> Stage {
    Stage::with(GateConfig { proxies: vec![HERE], ..GateConfig::default() })
}

/// The status that somebody gets who says the right password, or a wrong one.
fn status(client: &mut Client, is_right: bool, headers: &str) -> u16 {
    let good = client.authorization("anna", "GET", "/userinfo");
    let sent = if is_right { good } else { good.replace("response=", "response=\"0\", x=") };
    client.send(&format!("GET /userinfo HTTP/1.1\r\nHost: x\r\n{sent}{headers}\r\n"));
    client.answer(false).status
}

#[test]
fn who_guesses_through_a_proxy_locks_nobody_out_but_itself() {
    let stage = behind_a_proxy();
    let mut client = stage.connect();
    let guesser = "X-Forwarded-For: 198.51.100.99, 203.0.113.7\r\n";
    for _ in 0..5 {
        assert_eq!(status(&mut client, false, guesser), 401);
    }
    assert_eq!(status(&mut client, true, guesser), 429);
    assert_eq!(status(&mut client, true, "X-Forwarded-For: 203.0.113.7\r\n"), 429, "whatever it invents before itself");
    for other in ["X-Forwarded-For: 203.0.113.8\r\n", "X-Forwarded-For: 198.51.100.99\r\n", ""] {
        assert_eq!(status(&mut client, true, other), 200, "{other}");
    }
}

#[test]
fn who_is_no_proxy_does_not_get_around_its_lock_by_naming_another_address() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for last in 0..5 {
        assert_eq!(status(&mut client, false, &format!("X-Forwarded-For: 203.0.113.{last}\r\n")), 401);
    }
    assert_eq!(status(&mut client, true, "X-Forwarded-For: 203.0.113.9\r\n"), 429);
}

#[test]
fn a_change_is_asked_for_from_the_clients_address() {
    for (stage, expected) in [(behind_a_proxy(), "203.0.113.7"), (Stage::new(), "127.0.0.1")] {
        let mut client = stage.connect();
        client.send_post("anna", "/api/users/del", "X-Forwarded-For: 203.0.113.7\r\n", "[]");
        let asked = stage.next_asked();
        assert_eq!(asked.caller.address.to_string(), expected);
        stage.answer(&asked);
        assert_eq!(client.answer(false).status, 200);
    }
}

#[test]
fn a_page_is_ours_if_it_comes_from_where_the_proxy_was_asked() {
    let stage = behind_a_proxy();
    let mut client = stage.connect();
    for (status, headers) in [
        (200, "Origin: https://x\r\n"),
        (200, "Origin: https://x\r\nX-Forwarded-Proto: https\r\n"),
        (403, "Origin: http://x\r\nX-Forwarded-Proto: https\r\n"),
        (200, "Origin: https://phone.example:8443\r\nX-Forwarded-Host: phone.example:8443\r\n"),
        (403, "Origin: https://phone.example\r\nX-Forwarded-Host: phone.example:8443\r\n"),
        (403, "Origin: https://b.example\r\nX-Forwarded-Host: b.example, x\r\n"),
    ] {
        assert_eq!(client.request("anna", "POST", "/api/live/ticket", headers).status, status, "{headers}");
    }
    let invented = "Origin: https://b.example\r\nX-Forwarded-Host: b.example\r\n";
    assert_eq!(Stage::new().connect().request("anna", "POST", "/api/live/ticket", invented).status, 403);
}
