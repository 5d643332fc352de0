//! Nothing that a listener logs in with is in the log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
#[path = "files_stage/log.rs"]
mod log_lines;
mod stage;

use live_stage::target_of;
use serde_json::Value;
use stage::Stage;

#[test]
fn no_login_and_no_ticket_is_in_any_line_of_the_log() {
    log_lines::listen_to_the_log();
    log::set_max_level(log::LevelFilter::Trace);
    let stage = Stage::new();
    let answer = stage.connect().request("anna", "POST", "/api/live/ticket", "");
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    let ticket = json["ticket"].as_str().unwrap();
    drop(stage.listen("anna"));
    for query in [
        "login=anna:Hidden1",
        "login=Hidden2:x",
        "login=Hidden3",
        "login=anna:Hidden4&login=anna:Hidden5",
        "ticket=Hidden6",
        "login=anna:Hid\"den7",
        "login=anna:Hidden8 x",
        "login=%48idden9:x%ff",
    ] {
        assert!(stage.shake_hands(&format!("/api/live?{query}"), "").is_err(), "{query}");
    }
    let _listening = stage.shake_hands(&format!("/api/live?ticket={ticket}"), "").unwrap();
    drop(stage.shake_hands(&target_of("mike"), ""));
    for (header, name) in
        [("username=\"Hidden10\"", "username=\"anna\""), ("username=\"Hid\\\"den11\"", "username=\"anna\"")]
    {
        let mut client = stage.connect();
        let authorization = client.authorization("anna", "GET", "/userinfo").replace(name, header);
        client.send(&format!("GET /userinfo HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
        assert_eq!(client.answer(false).status, 401, "{header}");
    }
    for secret in ["Hidden", "idden9", "Hid", ticket, "login=", "ticket=", stage::sample::PASSWORD] {
        let lines = log_lines::lines_with(secret);
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
    assert!(!log_lines::lines_with("wrong password for \"anna\"").is_empty());
    assert!(!log_lines::lines_with("wrong password for an unknown name").is_empty());
    assert!(!log_lines::lines_with("GET \"/api/live\"").is_empty(), "and all was logged");
}
