//! Who gets in, with what, and to what.

use crate::client::{Login, authorization};
use crate::connector::wait_for;
use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

#[test]
fn every_role_gets_what_is_its_own_and_nothing_else() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    for (target, admin, member, guest) in [
        ("/api/users", 200, 403, 403),
        ("/api/users/byid/2", 200, 403, 403),
        ("/api/users/match/a", 200, 403, 403),
        ("/api/conferences", 200, 403, 403),
        ("/api/conferences/bynum/3", 200, 403, 403),
        ("/api/info", 200, 403, 403),
        ("/api/info/state", 200, 403, 403),
        ("/api/users/reprov", 200, 403, 403),
        ("/api/users/rebuild", 200, 403, 403),
        ("/api/conferences/rebuildcontacts", 200, 403, 403),
        ("/api/recordings", 200, 403, 403),
        ("/api/recordings/find/x", 200, 403, 403),
        ("/api/recordings/x", 404, 403, 403),
        ("/api/store/directory", 200, 403, 403),
        ("/api/restore/directory", 200, 403, 403),
        ("/api/openapi.json", 200, 200, 200),
        ("/fr/friendsrec", 200, 200, 403),
        ("/fr/friendsrec/x", 404, 404, 403),
        ("/linphone", 200, 200, 200),
        ("/polycom/x.cfg", 404, 404, 404),
        ("/friendxml", 200, 200, 403),
        ("/pubxml", 200, 200, 200),
        ("/userinfo", 200, 200, 200),
        ("/", 200, 200, 200),
        ("/api/nothing", 404, 404, 404),
    ] {
        for (login, status) in [(ADMIN, admin), (MEMBER, member), (GUEST, guest)] {
            assert_eq!(connector.get(login, target).status, status, "{} {target}", login.name);
        }
        let unknown = connector.request("GET", target, &[]);
        assert_eq!(unknown.status, 401, "{target}");
        assert_eq!(unknown.headers("Content-Type"), ["application/problem+json"]);
    }
}

#[test]
fn a_user_sees_itself_whatever_its_name() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    for (login, id) in [(ADMIN, "20000"), (MEMBER, "21000"), (GUEST, "22000")] {
        let answer = connector.get(login, "/userinfo").json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["name"], login.name);
        assert_eq!(answer["password"], login.password);
        assert!(answer["internal_tls_port"].is_string());
    }
}

#[test]
fn a_wrong_password_a_wrong_name_and_another_ones_password_are_refused() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    for (name, password) in
        [("admin", "wrong"), ("admin", ""), ("nobody", "change-me-at-once"), ("Jürgen", ADMIN.password), ("20000", "x")]
    {
        let answer = connector.get(Login { name, password }, "/userinfo");
        assert_eq!(answer.status, 401, "{name}");
        assert!(!answer.headers("WWW-Authenticate").iter().any(|challenge| challenge.contains("stale=true")));
    }
}

#[test]
fn a_recorded_request_cannot_be_replayed() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    let challenge = connector.request("GET", "/userinfo", &[]);
    let authorization = authorization(&challenge, ADMIN, "GET", "/userinfo");
    let send = |target: &str| connector.request("GET", target, &[("Authorization", &authorization)]);
    assert_eq!(send("/userinfo").status, 200);
    let replayed = send("/userinfo");
    assert_eq!(replayed.status, 401);
    assert!(replayed.headers("WWW-Authenticate")[0].contains("stale=true"));
    assert_eq!(send("/api/users").status, 401, "it is not for another target either");
}

#[test]
fn a_nonce_of_an_earlier_process_is_stale_and_an_invented_one_is_not_ours() {
    let stage = Stage::with_all_roles();
    let earlier = stage.connector();
    earlier.wait_until_ready();
    let challenge = earlier.request("GET", "/userinfo", &[]);
    drop(earlier);
    let connector = stage.connector();
    connector.wait_until_ready();
    let old = authorization(&challenge, ADMIN, "GET", "/userinfo");
    assert_eq!(connector.request("GET", "/userinfo", &[("Authorization", &old)]).status, 401);
    let invented = old.replace("nonce=\"", "nonce=\"f");
    assert_eq!(connector.request("GET", "/userinfo", &[("Authorization", &invented)]).status, 401);
}

#[test]
fn guessing_is_refused_after_a_while_and_only_for_the_name_that_is_guessed() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    let guess = || connector.get(Login { name: "admin", password: "guess" }, "/userinfo");
    let refused = wait_for("a refusal", guess, |answer| answer.status == 429);
    let wait: u32 = refused.headers("Retry-After")[0].parse().unwrap();
    assert!(wait > 0);
    assert_eq!(connector.get(ADMIN, "/userinfo").status, 429);
    assert_eq!(connector.get(MEMBER, "/userinfo").status, 200);
}

#[test]
fn no_password_is_in_the_log() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    connector.get(ADMIN, "/api/users");
    connector.get(Login { name: "admin", password: "guessed-password" }, "/api/users");
    let (_, log) = connector.stop();
    for secret in ["ClueCon", ADMIN.password, MEMBER.password, GUEST.password, "guessed-password", "nonce", "Digest"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
