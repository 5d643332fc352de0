//! Who guesses passwords is refused, and learns nothing of the names there are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::sync::Arc;

use digest_auth::AuthContext;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{State, User, Users};
use fsconnector_http::GateConfig;
use stage::{Answer, Client, Stage, sample};

/// The sample's state, with more users, none of whom can log in.
fn with_barred() -> Arc<State> {
    let mut state = State::clone(&sample::state());
    let mut list: Vec<User> = state.users.iter().cloned().collect();
    let mut add = |id: &str, name: &str, context: &str, password: &str| {
        let mut user = list[0].clone();
        user.id = fsconnector_engine::state::UserId::parse(id).unwrap();
        (user.name, user.context, user.password) = (name.into(), context.into(), Secret::new(password));
        list.push(user);
    };
    add("20001", "", "team", sample::PASSWORD);
    add("20002", "no password", "team", "");
    add("20003", "no context", "elsewhere", sample::PASSWORD);
    add("20004", "shared", "team", sample::PASSWORD);
    add("21001", "shared", "friends", sample::PASSWORD);
    state.users = Arc::new(Users::new(list, &state.config));
    Arc::new(state)
}

/// What somebody gets who says this name and this password. It has not said anything before.
fn answer(client: &mut Client, name: &str, password: &str) -> Answer {
    client.send("GET /userinfo HTTP/1.1\r\nHost: x\r\n\r\n");
    let challenge = client.answer(false);
    let mut challenge = digest_auth::parse(challenge.all("www-authenticate")[1]).unwrap();
    let authorization = challenge.respond(&AuthContext::new(name, password, "/userinfo")).unwrap();
    client.send(&format!("GET /userinfo HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n"));
    client.answer(false)
}

/// An answer without what differs from one to the next: the date and the nonce.
fn without_chance(answer: &Answer) -> String {
    let lines = answer.head.lines().filter(|line| !line.starts_with("Date: "));
    let lines = lines.map(|line| match line.split_once("nonce=\"") {
        Some((before, after)) => format!("{before}{}", &after[64..]),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + answer.text()
}

#[test]
fn an_unknown_name_a_wrong_password_and_a_user_that_cannot_log_in_get_the_same_answer_byte_by_byte() {
    let stage = Stage::without_state(GateConfig::default());
    stage.current.publish(with_barred());
    let mut client = stage.connect();
    let (wrong, right) = ("guess", sample::PASSWORD);
    let first = without_chance(&answer(&mut client, "anna", wrong));
    assert!(first.starts_with("HTTP/1.1 401 "), "{first}");
    for (name, password) in [
        ("nobody", wrong),
        ("nobody", right),
        ("", right),
        ("no password", ""),
        ("no context", right),
        ("shared", right),
    ] {
        assert_eq!(without_chance(&answer(&mut client, name, password)), first, "{name}");
    }
    assert_eq!(answer(&mut client, "anna", right).status, 200);
}

#[test]
fn a_name_that_nobody_has_is_locked_like_any_other() {
    let stage = Stage::without_state(GateConfig::default());
    stage.current.publish(with_barred());
    let mut client = stage.connect();
    let mut sixth = |name: &str| {
        for _ in 0..5 {
            assert_eq!(answer(&mut client, name, "guess").status, 401, "{name}");
        }
        answer(&mut client, name, sample::PASSWORD)
    };
    let first = sixth("anna");
    assert_eq!((first.status, first.header("retry-after")), (429, Some("10")));
    for name in ["nobody", "no password", "shared"] {
        assert_eq!(without_chance(&sixth(name)), without_chance(&first), "{name}");
    }
}

#[test]
fn failures_with_other_names_lock_nobody_out() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for number in 0..30 {
        assert_eq!(answer(&mut client, &format!("nobody {number}"), "guess").status, 401);
    }
    for name in ["anna", "mike", "gast"] {
        assert_eq!(answer(&mut client, name, sample::PASSWORD).status, 200, "{name}");
    }
}

#[test]
fn the_lock_is_the_same_for_digest_tickets_and_logins_in_the_query() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for _ in 0..3 {
        assert_eq!(answer(&mut client, "anna", "guess").status, 401);
    }
    let listen = |login: &str| {
        stage.shake_hands(&format!("/api/live?login={login}"), "").map_or_else(|answer| answer.status, |_| 101)
    };
    for _ in 0..2 {
        assert_eq!(listen("anna:guess"), 401);
    }
    assert_eq!(listen("anna:x"), 429);
    assert_eq!(answer(&mut client, "anna", sample::PASSWORD).status, 429);
    assert_eq!(client.request("anna", "POST", "/api/live/ticket", "").status, 429);
    assert_eq!(client.request("mike", "POST", "/api/live/ticket", "").status, 200);
}

#[test]
fn an_unknown_name_and_a_wrong_password_in_the_query_get_the_same_answer() {
    let stage = Stage::new();
    let refused = |login: &str| {
        let answer = stage.shake_hands(&format!("/api/live?login={login}"), "").map(|_| ()).unwrap_err();
        without_chance(&answer)
    };
    assert_eq!(refused("nobody:guess"), refused("anna:guess"));
}
