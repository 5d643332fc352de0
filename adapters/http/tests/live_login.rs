//! Who may listen: the three ways to log in, the handshake, other web sites.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_tungstenite::tungstenite::client::IntoClientRequest as _;
use async_tungstenite::{client_async, tungstenite};
use fsconnector_engine::access::Roles;
use fsconnector_engine::live::listener::Listening;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{State, User, UserId, Users};
use fsconnector_http::{GateConfig, Origin};
use live_stage::{HANDSHAKE, stage_with, target_of};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use smol::stream::StreamExt as _;
use stage::{Stage, sample};

/// A state with users that have these names and passwords.
fn state(users: &[(&str, &str)]) -> Arc<State> {
    let mut state = State::clone(&sample::state());
    let user = |(index, (name, password)): (usize, &(&str, &str))| User {
        id: UserId::parse(&(20_000 + index).to_string()).unwrap(),
        password: Secret::new(*password),
        conpin: Secret::default(),
        context: "public".into(),
        name: (*name).into(),
        email: "".into(),
        polymac: "none".into(),
    };
    state.users = Arc::new(Users::new(users.iter().enumerate().map(user).collect(), &state.config));
    Arc::new(state)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Who is let in, by its name; or the status.
fn login(stage: &Stage, target: &str, headers: &str) -> Result<String, u16> {
    stage.shake_hands(target, headers).map_err(|answer| answer.status)?;
    let (id, listener) = stage.next_joining();
    assert!(listener.address.is_loopback());
    let (left, does) = stage.next_doing();
    assert_eq!((left, does), (id, Listening::Leaves), "the socket is gone");
    Ok(listener.user.name.to_string())
}

const AWKWARD: [(&str, &str); 12] = [
    ("anna", "plain"),
    ("amp", "a&b"),
    ("a&b", "x"),
    ("percent", "%41"),
    ("%41", "y"),
    ("plus+", "a+b"),
    ("colon", "a:b:"),
    ("Jürgen", "ü"),
    ("日本", "語"),
    ("twice", "p&login"),
    ("half", "100%"),
    ("query", "a?b=c&d=e"),
];

#[test]
fn every_name_and_password_logs_in_encoded_or_not() {
    let stage = Stage::without_state(GateConfig::default());
    stage.current.publish(state(&AWKWARD));
    for (name, password) in AWKWARD {
        for value in [format!("{name}:{password}"), format!("{}:{}", encoded(name), encoded(password))] {
            assert_eq!(login(&stage, &format!("/api/live?login={value}"), ""), Ok(name.into()), "{value}");
            assert_eq!(login(&stage, &format!("/api/live?a=b&login={value}"), ""), Ok(name.into()), "{value}");
        }
        let value = encoded(&format!("{name}:{password}"));
        assert_eq!(login(&stage, &format!("/api/live?login={value}&a=b"), ""), Ok(name.into()), "{value}");
    }
}

#[test]
fn a_wrong_login_is_refused_and_after_some_the_name_is() {
    let stage = Stage::new();
    for query in ["", "?", "?login=", "?login=gast", "?login=gast:", "?login=:x", "?ticket=", "?x=login=gast:x"] {
        let answer = stage.shake_hands(&format!("/api/live{query}"), "").map(|_| ()).unwrap_err();
        assert_eq!((answer.status, answer.all("www-authenticate").len()), (401, 2), "{query}");
    }
    let good = target_of("anna");
    assert_eq!(login(&stage, &format!("{good}&login=x:y"), ""), Err(400));
    assert_eq!(login(&stage, "/api/live?ticket=x&ticket=y", ""), Err(400));
    for _ in 0..5 {
        assert_eq!(login(&stage, "/api/live?login=anna:wrong", ""), Err(401));
    }
    let answer = stage.shake_hands(&good, "").map(|_| ()).unwrap_err();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("10")));
    assert_eq!(login(&stage, &target_of("mike"), ""), Ok("mike".into()));
    assert_eq!(stage.connect().get("anna", "/userinfo").status, 429, "the same lock as for everything else");
}

#[test]
fn a_client_that_knows_digest_logs_in_with_that() {
    let stage = Stage::new();
    for name in ["anna", "mike", "gast"] {
        let mut client = stage.connect();
        let authorization = client.authorization(name, "GET", "/api/live");
        assert_eq!(login(&stage, "/api/live", &authorization), Ok(name.into()));
        assert_eq!(login(&stage, "/api/live", &authorization), Err(401), "it is good once");
    }
}

#[test]
fn a_ticket_lets_its_owner_in_once() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let mut ticket = |name: &str| {
        let answer = client.request(name, "POST", "/api/live/ticket", "");
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&json["op"], &json["expires"]), (&"live/ticket".into(), &30.into()));
        format!("/api/live?ticket={}", json["ticket"].as_str().unwrap())
    };
    for name in ["anna", "mike", "gast"] {
        let target = ticket(name);
        assert_eq!(login(&stage, &target, ""), Ok(name.into()));
        assert_eq!(login(&stage, &target, ""), Err(401));
    }
    let mine = ticket("mike");
    stage.current.publish(state(&[("mike", "another")]));
    assert_eq!(login(&stage, &mine, ""), Err(401), "the password has changed");
}

#[test]
fn a_ticket_is_not_good_for_ever() {
    let stage = stage_with(|limits| limits.ticket_time = Duration::ZERO);
    let answer = stage.connect().request("gast", "POST", "/api/live/ticket", "");
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    let target = format!("/api/live?ticket={}", json["ticket"].as_str().unwrap());
    assert_eq!(login(&stage, &target, ""), Err(401));
}

#[test]
fn pages_of_other_web_sites_neither_listen_nor_get_tickets() {
    let origins = vec![Origin::parse("https://a.example").unwrap()];
    let stage = Stage::with(GateConfig { origins, ..GateConfig::default() });
    let mut client = stage.connect();
    for (is_let_in, headers) in [
        (true, ""),
        (true, "Origin: http://x\r\n"),
        (true, "Origin: https://a.example\r\n"),
        (true, "Origin: http://x\r\nSec-Fetch-Site: same-origin\r\n"),
        (true, "Origin: https://x:8443\r\nSec-Fetch-Site: same-origin\r\n"),
        (false, "Origin: https://b.example\r\n"),
        (false, "Origin: http://x:81\r\n"),
        (false, "Origin: null\r\n"),
        (false, "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        let expected = if is_let_in { Ok("anna".into()) } else { Err(403) };
        assert_eq!(login(&stage, &target_of("anna"), headers), expected, "{headers}");
        let status = client.request("anna", "POST", "/api/live/ticket", headers).status;
        assert_eq!(status, if is_let_in { 200 } else { 403 }, "{headers}");
    }
    for _ in 0..6 {
        let evil = "Origin: https://b.example\r\n";
        assert_eq!(login(&stage, "/api/live?login=anna:guess", evil), Err(403));
    }
    assert_eq!(login(&stage, &target_of("anna"), ""), Ok("anna".into()), "nobody was locked out by that");
}

#[test]
fn what_pages_of_other_web_sites_embed_is_not_judged() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for headers in ["", "Upgrade: h2c\r\n", "Connection: Upgrade\r\n"] {
        for login in ["login=anna:guess", "ticket=guess", "login=anna:guess&ticket=guess"] {
            for _ in 0..6 {
                client.send(&format!("GET /api/live?{login} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
                let answer = client.answer(false);
                assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")), "{headers}{login}");
            }
        }
    }
    assert_eq!(login(&stage, &target_of("anna"), ""), Ok("anna".into()), "nobody was locked out by that");
}

#[test]
fn what_is_no_handshake_is_told_what_is_wanted() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let answer = client.get("gast", "/api/live");
    assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")));
    assert_eq!(client.request("gast", "HEAD", "/api/live", "").status, 426);
    let older = HANDSHAKE.replace("Version: 13", "Version: 8");
    let answer = client.request("gast", "GET", "/api/live", &older);
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
    let answer = client.request("gast", "POST", "/api/live", HANDSHAKE);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = client.request("gast", "GET", "/api/live/ticket", HANDSHAKE);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(client.request("gast", "GET", "/api/live/x", HANDSHAKE).status, 404);
    assert_eq!(client.request("gast", "GET", "/api/info", HANDSHAKE).status, 403, "as ever");
    assert!(stage.listening.is_empty());
}

#[test]
fn before_the_first_state_nobody_listens() {
    let stage = Stage::without_state(GateConfig::default());
    let answer = stage.shake_hands(&target_of("anna"), "").map(|_| ()).unwrap_err();
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true));
}

#[test]
fn there_are_not_more_listeners_than_there_is_room_for() {
    let stage = stage_with(|limits| (limits.listeners, limits.listeners_per_user) = (3, 2));
    let (first, _) = stage.listen("anna");
    let _second = stage.listen("anna");
    assert_eq!(login(&stage, &target_of("anna"), ""), Err(429));
    let third = stage.listen("mike");
    let answer = stage.shake_hands(&target_of("gast"), "").map(|_| ()).unwrap_err();
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true));
    drop(first);
    assert_eq!(stage.next_doing().1, Listening::Leaves);
    stage::wait_until(|| login_status(&stage, "anna") == 101);
    drop(third);
}

/// The status of another handshake; who is let in leaves at once.
fn login_status(stage: &Stage, name: &str) -> u16 {
    login(stage, &target_of(name), "").map_or_else(|status| status, |_| 101)
}

#[test]
fn a_client_of_the_ecosystem_listens() {
    let stage = Stage::new();
    smol::block_on(async {
        let url = format!("ws://{}{}", stage.address, target_of("anna"));
        let stream = async_net::TcpStream::connect(stage.address).await.unwrap();
        let (mut socket, response) = client_async(url.into_client_request().unwrap(), stream).await.unwrap();
        assert_eq!(response.status(), 101);
        let (id, _) = stage.next_joining();
        stage.tell(Roles::ALL, "hello");
        assert_eq!(socket.next().await.unwrap().unwrap(), tungstenite::Message::text("hello"));
        socket.send(tungstenite::Message::text(r#"{"req":"init"}"#)).await.unwrap();
        assert!(matches!(stage.next_doing(), (asks, Listening::Asks(_)) if asks == id));
        stage.reply(id, &["reply"]);
        assert_eq!(socket.next().await.unwrap().unwrap(), tungstenite::Message::text("reply"));
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
        assert_eq!(stage.next_doing(), (id, Listening::Leaves));
    });
}

#[test]
fn python_websockets_listens() {
    let stage = Stage::new();
    let script = "import sys\n\
        from websockets.sync.client import connect\n\
        with connect(sys.argv[1]) as socket:\n    \
            socket.send('nonsense')\n    \
            print(socket.recv())\n    \
            print(socket.recv())\n";
    let url = format!("ws://{}{}", stage.address, target_of("anna"));
    let python =
        Command::new("python3").args(["-c", script, &url]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    // Skipped where there is no Python, or none with this library.
    let Ok(python) = python else { return };
    let engine = || {
        stage.next_joining();
        stage.tell(Roles::ALL, "event");
        assert_eq!(stage.next_doing().1, Listening::Leaves);
    };
    let output = thread::scope(|scope| {
        let output = scope.spawn(|| python.wait_with_output().unwrap());
        stage::wait_until(|| !stage.listening.is_empty() || output.is_finished());
        if !stage.listening.is_empty() {
            engine();
        }
        output.join().unwrap()
    });
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if stderr.contains("ModuleNotFoundError") {
        return;
    }
    let mut heard: Vec<_> = stdout.lines().collect();
    heard.sort_unstable();
    assert_eq!(heard, ["event", r#"{"event":"error","error":"wrong format"}"#], "{stderr}");
}
