//! One line of the log for every change that somebody asks for, whatever becomes of it.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::client::{Login, authorization, put, request};
use crate::connector::Connector;
use crate::listener::Listener;
use crate::secrets;
use crate::stage::{ADMIN, MARIA, PAUL, Stage};

const MAC: &str = "00005e005301";

/// All requests of administrators that change something, by method and path, each with a body that asks for something, and
/// the name that the log knows it by.
fn changes() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let user = json!([{"name": "anna", "email": "anna@example.org", "context": "team"}]);
    let conference = json!([{"name": "chat", "type": "16kHz-novideo", "context": "team"}]);
    vec![
        ("POST", "/api/users/add", user, "users/add: done [20001]"),
        ("POST", "/api/users/mod", json!([{"id": "20001", "name": "Anna"}]), "users/mod: done [20001]"),
        ("POST", "/api/users/del", json!([{"id": "20001"}]), "users/del: done [20001]"),
        ("GET", "/api/users/rebuild", Value::Null, "users/rebuild: done [20000 21000 22000]"),
        ("POST", "/api/users/rebuild", Value::Null, "users/rebuild: done [20000 21000 22000]"),
        ("GET", "/api/users/reprov", Value::Null, "users/reprov: done [20000 21000 22000]"),
        ("POST", "/api/users/reprov", Value::Null, "users/reprov: done [20000 21000 22000]"),
        ("POST", "/api/conferences/add", conference, "conferences/add: done [30001]"),
        ("POST", "/api/conferences/mod", json!([{"num": "30001", "name": "talk"}]), "conferences/mod: done [30001]"),
        ("POST", "/api/conferences/del", json!([{"num": "30001"}]), "conferences/del: done [30001]"),
        ("GET", "/api/conferences/rebuildcontacts", Value::Null, "conferences/rebuildcontacts: done [20"),
        ("POST", "/api/conferences/rebuildcontacts", Value::Null, "conferences/rebuildcontacts: done [20"),
        (
            "POST",
            "/api/recordings/del",
            json!([{"file": "x.wav"}]),
            "api/recordings/del: done [], failed [no recording",
        ),
        ("POST", "/fr/delfriendsrec", json!([{"file": "x.wav"}]), "delfriendsrec: done [], failed [no recording"),
        ("GET", "/api/store/directory", Value::Null, "store/directory: done [store/directory.tar.gz]"),
        ("POST", "/api/store/directory", Value::Null, "store/directory: done [store/directory.tar.gz]"),
        ("GET", "/api/restore/directory", Value::Null, "restore/directory: done [directory]"),
        ("POST", "/api/restore/directory", Value::Null, "restore/directory: done [directory]"),
    ]
}

/// The lines of the log about who has changed what: what stands behind level and caller.
fn audited(log: &str, caller: &str) -> Vec<String> {
    let mark = format!(" INFO  {caller}: ");
    log.lines().filter_map(|line| line.split_once(&mark)).map(|(_, what)| what.to_owned()).collect()
}

/// Who asks, and from where.
const BY_ADMIN: &str = "\"admin\" (20000) from 127.0.0.1";
const BY_MARIA: &str = "\"maria\" (21000) from 127.0.0.1";
const BY_PAUL: &str = "\"paul\" (22000) from 127.0.0.1";

fn ask(connector: &Connector, login: Login<'_>, method: &str, target: &str, body: &Value) -> u16 {
    match method {
        "GET" => connector.get(login, target).status,
        _ => connector.post(login, target, body).status,
    }
}

#[test]
fn every_change_is_one_line_when_it_is_made() {
    let stage = Stage::with_example();
    let connector = stage.ready();
    for (method, target, body, _) in changes() {
        assert_eq!(ask(&connector, ADMIN, method, target, &body), 200, "{method} {target}");
    }
    let file = format!("/polycom/{MAC}-calls.xml");
    assert_eq!(put(connector.address, MARIA, &file, "x").unwrap().status, 200);
    connector.post(MARIA, "/api/live/ticket", &Value::Null);
    let (_, log) = connector.stop();
    let lines = audited(&log, BY_ADMIN);
    assert_eq!(lines.len(), changes().len(), "{lines:#?}");
    for (line, (.., expected)) in lines.iter().zip(changes()) {
        assert!(line.starts_with(expected), "{line}, not {expected}");
    }
    assert_eq!(audited(&log, BY_MARIA), [format!("polycom: done [{MAC}/{MAC}-calls.xml]")]);
}

#[test]
fn every_change_is_one_line_when_it_is_refused() {
    let stage = Stage::with_example();
    let mut connector = stage.ready();
    for (method, target, body, _) in changes() {
        let is_of_friends = target == "/fr/delfriendsrec";
        let login = if is_of_friends { PAUL } else { MARIA };
        assert_eq!(ask(&connector, login, method, target, &body), 403, "{target}");
    }
    for (_, target, body, _) in changes().into_iter().filter(|(.., body, _)| !body.is_null()) {
        assert_eq!(connector.post(ADMIN, target, &json!([{"wrong": body}])).status, 400, "{target}");
    }
    put(connector.address, PAUL, "/polycom/x.cfg", "x").unwrap();
    put(connector.address, MARIA, "/polycom/.x", "x").unwrap();
    stage.switch.shut_down();
    connector.wait_for_line("the switch is not connected any more");
    for (method, target, body, _) in changes() {
        let status = ask(&connector, ADMIN, method, target, &body);
        assert!(matches!(status, 200 | 503), "{target}: {status}");
    }
    let (_, log) = connector.stop();
    let forbidden = [audited(&log, BY_MARIA), audited(&log, BY_PAUL)].concat();
    assert_eq!(forbidden.iter().filter(|line| line.ends_with("may not do this]")).count(), changes().len());
    assert_eq!(forbidden.len(), changes().len() + 2, "{forbidden:#?}");
    let lines = audited(&log, BY_ADMIN);
    let (malformed, away) = lines.split_at(lines.len().saturating_sub(changes().len()));
    let with_body = changes().iter().filter(|(.., body, _)| !body.is_null()).count();
    assert_eq!(malformed.len(), with_body, "{lines:#?}");
    assert!(malformed.iter().all(|line| line.contains(": done [], failed [")), "{malformed:#?}");
    for (line, (.., expected)) in away.iter().zip(changes()) {
        assert!(line.starts_with(expected.split(' ').next().unwrap()), "{line}, not {expected}");
    }
}

#[test]
fn a_change_is_one_line_when_whoever_asked_has_gone_away() {
    let stage = Stage::new();
    let mut connector = stage.ready();
    let body = json!([{"name": "anna", "email": "anna@example.org", "context": "team"}]).to_string();
    let challenge = request(connector.address, "POST", "/api/users/add", &[]);
    let authorization = authorization(&challenge, ADMIN, "POST", "/api/users/add");
    let head = format!(
        "POST /api/users/add HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    secrets::learn(connector.address, |secrets| secrets.read_head(&head));
    // One goes before all is said, the other before the answer comes.
    let challenge = request(connector.address, "POST", "/api/users/del", &[]);
    let other = authorization_for(&challenge, "/api/users/del");
    let mut stream = TcpStream::connect(connector.address).unwrap();
    let broken = format!(
        "POST /api/users/del HTTP/1.1\r\nHost: x\r\nAuthorization: {other}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n["
    );
    secrets::learn(connector.address, |secrets| secrets.read_head(&broken));
    stream.write_all(broken.as_bytes()).unwrap();
    drop(stream);
    connector.wait_for_line("users/del: done [], failed [");
    let mut stream = TcpStream::connect(connector.address).unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    drop(stream);
    connector.wait_for_line("users/add: done [20001]");
    let (_, log) = connector.stop();
    assert_eq!(audited(&log, BY_ADMIN).len(), 2, "{log}");
}

fn authorization_for(challenge: &crate::client::Answer, target: &str) -> String {
    authorization(challenge, ADMIN, "POST", target)
}

#[test]
fn every_order_for_a_conference_is_one_line() {
    let stage = Stage::with_example();
    let connector = stage.ready();
    let mut admin = Listener::login(&connector, ADMIN);
    admin.init();
    stage.dial(fsconnector_simulator::Caller::user("20000"), "30000");
    admin.hear_until("floorchange");
    admin.ask(r#"{"req":"exec","conference":"team","call":"lock"}"#);
    admin.hear_until("\"lock\"");
    admin.ask(r#"{"req":"exec","conference":"none","call":"lock"}"#);
    admin.hear_until("error");
    let mut guest = Listener::login(&connector, PAUL);
    guest.ask(r#"{"req":"exec","conference":"team","call":"unlock"}"#);
    assert_eq!(guest.end().0, 1008);
    let (_, log) = connector.stop();
    let by_admin = audited(&log, BY_ADMIN);
    assert_eq!(by_admin.len(), 2, "{by_admin:#?}");
    assert!(by_admin.iter().all(|line| line.starts_with("live: ")), "{by_admin:#?}");
    assert_eq!(audited(&log, BY_PAUL).len(), 1, "{log}");
}

#[test]
fn nobodys_name_forges_a_line_or_turns_one_around() {
    const NAME: &str = "x\": users/del: done [all]\u{202e}\u{2028}\u{1b}[2J";
    let stage = Stage::new();
    stage.write_user("team", "20001", &NAME.replace('"', "&quot;").replace('\u{1b}', ""), "long enough");
    stage.switch.reload();
    let connector = stage.ready();
    let name = NAME.replace('\u{1b}', "");
    let login = Login { name: &name, password: "long enough" };
    let add = json!([{"name": "anna\u{202e}", "email": "anna@example.org", "context": "team"}]);
    assert_eq!(connector.post(login, "/api/users/add", &add).status, 200);
    let (_, log) = connector.stop();
    let by = r#""x\": users/del: done [all]\u{202e}\u{2028}[2J" (20001) from 127.0.0.1"#;
    assert_eq!(audited(&log, by), ["users/add: done [20002]"], "{log}");
    assert!(!log.contains(['\u{202e}', '\u{2028}']), "{log}");
}
