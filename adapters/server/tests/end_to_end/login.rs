//! Who gets in, with what, and to what.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;

use digest_auth::{AuthContext, WwwAuthenticateHeader};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::client::{Answer, Login, authorization, request};
use crate::connector::wait_for;
use crate::curl::Curl;
use crate::listener::Listener;
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
    let answer = |authorization: &str| connector.request("GET", "/userinfo", &[("Authorization", authorization)]);
    assert_eq!((answer(&old).status, is_stale(&answer(&old))), (401, true));
    let invented = answer(&old.replace("nonce=\"", "nonce=\"f"));
    assert_eq!((invented.status, is_stale(&invented)), (401, false));
    let wrong = Login { name: "admin", password: "guess" };
    let wrong = answer(&authorization(&challenge, wrong, "GET", "/userinfo"));
    assert_eq!((wrong.status, is_stale(&wrong)), (401, false), "it says nothing about a wrong password");
}

#[test]
fn guessing_is_refused_after_a_while_and_only_for_the_name_that_is_guessed() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    let guess = || connector.get(Login { name: "admin", password: "guess" }, "/userinfo");
    let refused = wait_for("a refusal", guess, |answer| answer.status == 429);
    assert_eq!(refused.headers("Retry-After"), ["10"]);
    assert_eq!(connector.get(ADMIN, "/userinfo").status, 429);
    assert_eq!(Listener::open(connector.address, "?login=admin:change-me-at-once", &[]).err(), Some(429));
    assert_eq!(connector.post(ADMIN, "/api/live/ticket", &json!([])).status, 429);
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

#[test]
fn a_login_that_was_put_in_the_path_by_mistake_is_not_in_the_log() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Login { name, password } = ADMIN;
    for mistake in [
        format!("%3Flogin={name}:{password}"),
        format!("%3Flogin%3D{name}%3A{password}"),
        format!("%253Flogin%253D{name}%253A{password}"),
        format!("&login={name}:{password}"),
        format!(";login={name}:{password}"),
        format!("/login={name}:{password}"),
        format!("/{name}:{password}"),
    ] {
        for target in
            ["/api/live", "/api/users/byname", "/api/users/byname/x", "/api/store/x", "/polycom/x", "/page", "/"]
        {
            let target = format!("{target}{mistake}");
            assert_eq!(connector.request("GET", &target, &[]).status, 401, "{target}");
            connector.get(ADMIN, &target);
        }
    }
    assert_eq!(connector.request("GET", &format!("//{name}:{password}@host/api/live"), &[]).status, 401);
    connector.get(ADMIN, "/api/store/no-such-part");
    // What it says is searched in the end, and is to hold what an administrator looks for.
    let (_, log) = connector.stop();
    for line in [
        "GET \"/api/live\"… 401",
        "GET \"/api/users/byname/x\"… 200",
        "store/x…: done []",
        "store/no-such-part: done []",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn a_browsers_many_connections_send_their_counters_in_any_order() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let challenge = connector.request("GET", "/userinfo", &[]);
    let mut prompt = WwwAuthenticateHeader::parse(challenge.headers("WWW-Authenticate")[1]).unwrap();
    let context = AuthContext::new(ADMIN.name, ADMIN.password, "/userinfo");
    let headers: Vec<String> = (0..36).map(|_| prompt.respond(&context).unwrap().to_header_string()).collect();
    thread::scope(|scope| {
        for connection in 0..6 {
            let (headers, address) = (&headers, connector.address);
            scope.spawn(move || {
                // Every ninth is never sent.
                for number in (0..6).map(|turn| turn * 6 + 5 - connection).filter(|number| number % 9 != 0) {
                    let answer = request(address, "GET", "/userinfo", &[("Authorization", &headers[number])]);
                    assert_eq!(answer.status, 200, "{number}");
                }
            });
        }
    });
    let again = connector.request("GET", "/userinfo", &[("Authorization", &headers[1])]);
    assert_eq!((again.status, is_stale(&again)), (401, true));
}

#[test]
fn who_cannot_log_in_is_answered_as_who_does_not_know_the_password_and_the_log_says_once_why() {
    let stage = Stage::with_all_roles();
    stage.write_user("friends", "21001", "", "word-of-21001");
    stage.write_user("friends", "21002", "Silent", "");
    stage.write_user("friends", "21003", "Stranger", "word-of-21003");
    let of_stranger = fs::read_to_string(stage.path("directory/friends/21003.xml")).unwrap();
    stage.write("directory/friends/21003.xml", of_stranger.replace("\"friends\"", "\"elsewhere\""));
    stage.write_user("friends", "21004", "Twin", "word-of-21004");
    stage.write_user("public", "22004", "Twin", "word-of-22004");
    stage.switch.reload();
    let connector = stage.ready();
    let answer = |name, password| {
        let answer = connector.get(Login { name, password }, "/userinfo");
        (answer.status, answer.body)
    };
    let expected = answer("nobody", "word");
    assert_eq!(expected.0, 401);
    for (name, password) in [
        ("", "word-of-21001"),
        ("Silent", ""),
        ("Stranger", "word-of-21003"),
        ("Twin", "word-of-21004"),
        ("Twin", "word-of-22004"),
    ] {
        assert_eq!(answer(name, password), expected, "{name}");
    }
    stage.write_user("friends", "21005", "Late", "word-of-21005");
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000", "21000", "21001", "21002", "21003", "21004", "21005", "22000", "22004"]);
    let (_, log) = connector.stop();
    for id in ["21001", "21002", "21003", "21004", "22004"] {
        let lines = log.lines().filter(|line| line.contains(&format!("user \"{id}\" cannot log in: ")));
        assert_eq!(lines.count(), 1, "{id}: {log}");
    }
    assert!(!log.contains("word-of"), "{log}");
}

#[test]
fn another_web_site_has_nothing_changed() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let loads = stage.loads();
    for foreign in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1"),
        ("Origin", "http://localhost"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        for (method, target) in [
            ("POST", "/api/users/del"),
            ("POST", "/api/conferences/add"),
            ("POST", "/api/recordings/del"),
            ("GET", "/api/users/rebuild"),
            ("POST", "/api/users/rebuild"),
            ("GET", "/api/users/reprov"),
            ("GET", "/api/conferences/rebuildcontacts"),
            ("GET", "/api/store/directory"),
            ("GET", "/api/restore/directory"),
            ("POST", "/api/live/ticket"),
        ] {
            let challenge = connector.request(method, target, &[]);
            let authorization = authorization(&challenge, ADMIN, method, target);
            let answer = connector.request(method, target, &[("Authorization", &authorization), foreign]);
            assert_eq!(answer.status, 403, "{method} {target} {foreign:?}");
        }
        let name = if foreign.0 == "Origin" { "origin" } else { "sec-fetch-site" };
        let listener = Listener::open(connector.address, "?login=admin:change-me-at-once", &[(name, foreign.1)]);
        assert_eq!(listener.err(), Some(403), "{foreign:?}");
    }
    assert_eq!(stage.loads(), loads, "the switch has reloaded nothing");
    let own = format!("http://{}", connector.address);
    let challenge = connector.request("GET", "/api/users/rebuild", &[]);
    let authorization = authorization(&challenge, ADMIN, "GET", "/api/users/rebuild");
    let headers = [("Authorization", &*authorization), ("Origin", &own), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(connector.request("GET", "/api/users/rebuild", &headers).status, 200);
}

#[test]
fn only_pages_of_configured_sites_may_read_answers() {
    let stage = Stage::with_all_roles();
    let configured = Configured::new("origins = ['https://phone.example']");
    let config = configured.path();
    let with_config = ["--config", &*config];
    for (arguments, site, is_let_in) in [
        (&with_config[..], "https://phone.example", true),
        (&with_config[..], "https://evil.example", false),
        (&[][..], "https://phone.example", false),
    ] {
        let connector = stage.connector_with(arguments);
        connector.wait_until_ready();
        let asked = [("Origin", site), ("Access-Control-Request-Method", "POST")];
        let preflight = connector.request("OPTIONS", "/api/users/add", &asked);
        assert_eq!(preflight.status, if is_let_in { 204 } else { 401 }, "{site}");
        let allowed = if is_let_in { vec![site] } else { Vec::new() };
        assert_eq!(preflight.headers("Access-Control-Allow-Origin"), allowed);
        let challenge = connector.request("GET", "/userinfo", &[("Origin", site)]);
        assert_eq!(challenge.headers("Access-Control-Allow-Origin"), allowed, "so that it can log in");
        let authorization = authorization(&challenge, ADMIN, "GET", "/userinfo");
        let answer = connector.request("GET", "/userinfo", &[("Authorization", &authorization), ("Origin", site)]);
        assert_eq!((answer.status, answer.headers("Access-Control-Allow-Origin")), (200, allowed));
        let listener = Listener::open(connector.address, "?login=admin:change-me-at-once", &[("origin", site)]);
        assert_eq!(listener.err(), (!is_let_in).then_some(403));
    }
}

#[test]
fn answers_say_that_passwords_are_not_to_be_stored_and_nothing_is_to_be_guessed_or_framed() {
    let stage = Stage::with_all_roles();
    fs::write(stage.recording("weekly-2026-01-31T12:00:00.000Z.wav"), "RIFF").unwrap();
    let connector = stage.ready();
    connector.get(ADMIN, "/api/users/reprov");
    for (target, stored) in [
        ("/api/users", "no-store"),
        ("/api/info/state", "no-store"),
        ("/api/users/rebuild", "no-store"),
        ("/api/store/directory", "no-store"),
        ("/userinfo", "no-store"),
        ("/linphone", "no-store"),
        ("/", "no-store"),
        ("/nothing", "no-store"),
        ("/api/recordings/weekly-2026-01-31T12:00:00.000Z.wav", "private, no-cache"),
    ] {
        let answer = connector.get(ADMIN, target);
        assert_eq!(answer.headers("Cache-Control"), [stored], "{target}");
        assert_eq!(answer.headers("X-Content-Type-Options"), ["nosniff"], "{target}");
        assert_eq!(answer.headers("Cross-Origin-Resource-Policy"), ["same-origin"], "{target}");
        let policies = answer.headers("Content-Security-Policy");
        assert!(policies.iter().any(|policy| policy.contains("frame-ancestors ")), "{target}: {policies:?}");
    }
    let ticket = connector.post(ADMIN, "/api/live/ticket", &json!([]));
    assert_eq!((ticket.status, ticket.headers("Cache-Control")), (200, vec!["no-store"]));
}

#[test]
fn behind_a_proxy_everybody_is_locked_out_for_itself_and_the_log_says_who_it_was() {
    let stage = Stage::with_all_roles();
    let configured = Configured::new("proxies = ['127.0.0.1']");
    let connector = stage.connector_with(&["--config", &configured.path()]);
    connector.wait_until_ready();
    let ask = |from: &str, login: Login<'_>, target: &str| {
        let from = ("X-Forwarded-For", from);
        let challenge = connector.request("GET", target, &[from]);
        let authorization = authorization(&challenge, login, "GET", target);
        connector.request("GET", target, &[("Authorization", &authorization), from])
    };
    let guess = Login { name: "admin", password: "guess" };
    let refused = wait_for("a refusal", || ask("203.0.113.7", guess, "/userinfo"), |answer| answer.status == 429);
    assert_eq!(refused.headers("Retry-After"), ["10"]);
    assert_eq!(ask("198.51.100.1, 203.0.113.7", ADMIN, "/userinfo").status, 429);
    assert_eq!(ask("203.0.113.7, 198.51.100.1", ADMIN, "/api/users/rebuild").status, 200);
    let own = format!("https://{}", connector.address);
    let listener = |proto| {
        let headers = [("origin", &*own), ("x-forwarded-proto", proto)];
        Listener::open(connector.address, "?login=admin:change-me-at-once", &headers).err()
    };
    assert_eq!((listener("https"), listener("http")), (None, Some(403)));
    let (_, log) = connector.stop();
    let audit = log.lines().find(|line| line.contains("users/rebuild")).unwrap();
    assert!(audit.contains("198.51.100.1"), "{audit}");
    assert!(log.contains("wrong password for \"admin\" from 203.0.113.7, which is refused for 10 s now"), "{log}");
}

#[test]
fn a_proxy_that_is_not_listed_is_not_believed_and_the_log_says_what_to_do() {
    let stage = Stage::with_all_roles();
    let mut connector = stage.ready();
    for _ in 0..2 {
        connector.request("GET", "/userinfo", &[("X-Forwarded-For", "203.0.113.7")]);
    }
    connector.wait_for_line("set proxies = [\"127.0.0.1\"] under [http]");
    let (_, log) = connector.stop();
    assert_eq!(log.matches("set proxies = ").count(), 1);
    assert!(!log.contains("203.0.113.7"), "{log}");
}

#[test]
fn curl_python_requests_and_chromium_log_in_with_names_that_are_not_plain() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    for login in [ADMIN, MEMBER, GUEST] {
        if let Some(curl) = Curl::of(&connector) {
            assert_eq!(curl.get(login, "/userinfo").json()["name"], login.name);
        }
        if let Some(said) = requests(&format!("http://{}/userinfo", connector.address), login) {
            assert_eq!(said, login.name);
        }
        if let Some(html) = chromium(connector.address, login) {
            let escaped = login.name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(html.contains(&format!("<strong>{escaped}</strong>")), "{html}");
        }
    }
}

/// The name that `/userinfo` tells to Python's `requests`; nothing if that is not there.
#[allow(clippy::print_stdout, reason = "a note for whoever looks at the output of tests")]
fn requests(url: &str, login: Login<'_>) -> Option<String> {
    let script = "import sys, requests\n\
        auth = requests.auth.HTTPDigestAuth(sys.argv[2], sys.argv[3])\n\
        sys.stdout.buffer.write(requests.get(sys.argv[1], auth=auth).json()['name'].encode())\n";
    let python = Command::new("python3").args(["-c", script, url, login.name, login.password]).output().ok()?;
    let errors = String::from_utf8_lossy(&python.stderr);
    if errors.contains("ModuleNotFoundError") {
        println!("skipped: this Python has no `requests`");
        return None;
    }
    assert!(python.status.success(), "{errors}");
    Some(String::from_utf8(python.stdout).unwrap())
}

/// What Chromium shows of the start page; nothing if that is not there.
fn chromium(address: SocketAddr, login: Login<'_>) -> Option<String> {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let profile = tempfile::tempdir().unwrap();
    let browser = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom", "--timeout=30000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{}:{}@{address}/", encoded(login.name), encoded(login.password)))
        .output();
    browser.ok().map(|browser| String::from_utf8_lossy(&browser.stdout).into_owned())
}

fn is_stale(answer: &Answer) -> bool {
    answer.headers("WWW-Authenticate").iter().all(|challenge| challenge.contains("stale=true"))
}

/// A configuration file with these settings under `[http]`.
struct Configured(NamedTempFile);

impl Configured {
    fn new(http: &str) -> Self {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("[http]\n{http}\n")).unwrap();
        Self(file)
    }

    fn path(&self) -> String {
        self.0.path().to_string_lossy().into_owned()
    }
}
