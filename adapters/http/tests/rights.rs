//! Who gets what: every route for every role.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use fsconnector_http::{GateConfig, Origin};
use stage::Stage;

/// Method, target, and the statuses for admin, member and guest.
const TABLE: [(&str, &str, [u16; 3]); 66] = [
    ("GET", "/api/users", [200, 403, 403]),
    ("HEAD", "/api/users", [200, 403, 403]),
    ("GET", "/api/users/", [200, 403, 403]),
    ("GET", "/api/users?x=y", [200, 403, 403]),
    ("GET", "/api/users/byid/", [200, 403, 403]),
    ("GET", "/api/users/byid/2", [200, 403, 403]),
    ("GET", "/api/users/byname/a%6e", [200, 403, 403]),
    ("GET", "/api/users/byname/日本", [200, 403, 403]),
    ("GET", "/api/users/byname/%FF", [400, 403, 403]),
    ("GET", "/api/users/byname/%", [400, 403, 403]),
    ("GET", "/api/users/byemail/x", [200, 403, 403]),
    ("GET", "/api/users/bycontext/team", [200, 403, 403]),
    ("GET", "/api/users/bypolymac/none", [200, 403, 403]),
    ("GET", "/api/users/match/n", [200, 403, 403]),
    ("GET", "/api/users/unknown", [404, 404, 404]),
    ("GET", "/api/conferences", [200, 403, 403]),
    ("GET", "/api/conferences/bynum/3", [200, 403, 403]),
    ("GET", "/api/conferences/byname/o", [200, 403, 403]),
    ("GET", "/api/conferences/bytype/1", [200, 403, 403]),
    ("GET", "/api/conferences/bycontext/p", [200, 403, 403]),
    ("GET", "/api/info", [200, 403, 403]),
    ("GET", "/api/info/state", [200, 403, 403]),
    ("GET", "/api/openapi.json", [200, 200, 200]),
    ("GET", "/api/recordings", [200, 403, 403]),
    ("HEAD", "/api/recordings/", [200, 403, 403]),
    ("GET", "/api/recordings/find/", [200, 403, 403]),
    ("GET", "/api/recordings/find/a%2Fb", [200, 403, 403]),
    ("GET", "/api/recordings/missing.wav", [404, 403, 403]),
    ("GET", "/api/recordings/%2e%2e", [404, 403, 403]),
    ("GET", "/api/recordings/%FF", [400, 403, 403]),
    ("GET", "/api/recordings/a/b", [404, 404, 404]),
    ("GET", "/fr/friendsrec", [200, 200, 403]),
    ("GET", "/fr/friendsrec/missing.wav", [404, 404, 403]),
    ("GET", "/fr/friendsrec/a/b", [404, 404, 404]),
    ("GET", "/linphone", [404, 404, 404]),
    ("GET", "/linphone/21000/linphone.xml", [404, 404, 404]),
    ("GET", "/polycom/000000000000.cfg", [404, 404, 404]),
    ("GET", "/polycom/Config/a.cfg", [404, 404, 404]),
    ("GET", "/polycom/languages/a.xml", [404, 404, 404]),
    ("GET", "/polycom/SoundPointIPLocalization/d/f", [404, 404, 404]),
    ("GET", "/polycom/SoundPointIPLocalization/f", [404, 404, 404]),
    ("GET", "/polycom/", [404, 404, 404]),
    ("GET", "/polycom/a/b", [404, 404, 404]),
    // What is encoded is not taken for what it stands for: this is a page, and there is none.
    ("GET", "/fr%2Ffriendsrec", [404, 404, 404]),
    ("GET", "/api%2Fusers", [404, 404, 404]),
    ("GET", "/polycom%2F000000000000.cfg", [404, 404, 404]),
    ("GET", "/userinfo", [200, 200, 200]),
    ("HEAD", "/userinfo", [200, 200, 200]),
    ("GET", "/pubxml", [200, 200, 200]),
    ("GET", "/friendxml", [200, 200, 403]),
    ("GET", "/", [200, 200, 200]),
    ("HEAD", "/", [200, 200, 200]),
    ("GET", "/missing.js", [404, 404, 404]),
    ("GET", "/../secret", [404, 404, 404]),
    ("GET", "/%zz", [400, 400, 400]),
    ("GET", "/api", [404, 404, 404]),
    ("GET", "/api/nothing", [404, 404, 404]),
    ("GET", "/fr/nothing", [404, 404, 404]),
    ("GET", "http://x/userinfo", [200, 200, 200]),
    ("DELETE", "/api/users", [405, 405, 405]),
    ("POST", "/pubxml", [405, 405, 405]),
    ("PUT", "/index.html", [405, 405, 405]),
    ("OPTIONS", "/api/users", [405, 405, 405]),
    ("OPTIONS", "*", [405, 405, 405]),
    ("POST", "/livez", [405, 405, 405]),
    ("TRACE", "/api/nothing", [404, 404, 404]),
];

#[test]
fn every_role_gets_what_it_may_have_and_nothing_else() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (method, target, expected) in TABLE {
        for (name, expected) in ["anna", "mike", "gast"].into_iter().zip(expected) {
            let answer = client.request(name, method, target, "");
            assert_eq!(answer.status, expected, "{name}: {method} {target}: {answer:?}");
            let media_type = answer.header("content-type").unwrap();
            if expected >= 400 && method != "HEAD" {
                let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!((media_type, &problem["status"]), ("application/problem+json", &expected.into()));
                assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
            }
            assert_eq!(answer.header("allow"), (expected == 405).then_some("GET, HEAD"), "{method} {target}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {target}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {target}");
            assert!(answer.header("date").is_some(), "{method} {target}");
        }
    }
}

#[test]
fn nobody_gets_anything_without_logging_in() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (method, target, _) in TABLE {
        client.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let answer = client.answer(method == "HEAD");
        assert_eq!(answer.status, 401, "{method} {target}");
        let challenges = answer.all("www-authenticate");
        assert!(
            challenges[0].contains("algorithm=MD5,") && challenges[1].contains("algorithm=SHA-256,"),
            "{challenges:?}"
        );
    }
}

#[test]
fn answers_are_what_the_state_says() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (target, expected) in [
        ("/api/users/byname/a%6ena", r#""op":"users/byname/anna","users":[{"id":"20000""#),
        ("/api/users/byemail/mike@", r#""op":"users/byemail/mike@","users":[{"id":"21000""#),
        ("/api/users/byid/x%2Fy/", r#""op":"users/byid/x/y/","users":[]"#),
        ("/api/conferences/bytype/", r#""conferences":[{"num":"32000""#),
        ("/api/info/state", r#""conferencetypes":["16kHz-novideo"]"#),
    ] {
        let answer = client.get("anna", target);
        assert!(answer.text().contains(expected), "{target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    }
    assert!(client.get("gast", "/userinfo").text().contains(r#""name":"gast""#));
}

#[test]
fn a_head_request_gets_the_head_of_the_answer_to_get() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for target in ["/api/users", "/", "/missing"] {
        let to_get = client.request("anna", "GET", target, "");
        let to_head = client.request("anna", "HEAD", target, "");
        assert_eq!(
            (to_head.status, to_head.header("content-length")),
            (to_get.status, to_get.header("content-length"))
        );
        assert_eq!(to_head.header("content-type"), to_get.header("content-type"), "{target}");
    }
}

#[test]
fn before_the_first_state_there_is_only_the_probes() {
    let stage = Stage::without_state(GateConfig::default());
    let mut client = stage.connect();
    let mut ask = |target: &str| {
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let answer = client.answer(false);
        (answer.status, answer.header("retry-after").is_some())
    };
    assert_eq!(ask("/livez"), (200, false));
    assert_eq!(ask("/readyz"), (503, true));
    assert_eq!(ask("/api/users"), (503, true));
    assert_eq!(ask("/"), (503, true));
    stage.current.publish(stage::sample::state());
    assert_eq!(ask("/readyz"), (200, false));
    assert_eq!(ask("/api/users"), (401, false));
}

#[test]
fn a_new_state_is_what_the_next_request_sees() {
    let stage = Stage::new();
    let mut client = stage.connect();
    assert_eq!(client.get("mike", "/friendxml").status, 200);
    let mut state = fsconnector_engine::state::State::clone(&stage::sample::state());
    state.users = std::sync::Arc::default();
    stage.current.publish(std::sync::Arc::new(state));
    assert_eq!(client.get("mike", "/friendxml").status, 401);
}

#[test]
fn too_many_wrong_passwords_are_answered_with_429() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let mut attempt = |change: bool| {
        let good = client.authorization("anna", "GET", "/userinfo");
        let sent = if change { good.replace("response=", "response=\"0\", x=") } else { good };
        client.send(&format!("GET /userinfo HTTP/1.1\r\nHost: x\r\n{sent}\r\n"));
        client.answer(false)
    };
    for _ in 0..5 {
        assert_eq!(attempt(true).status, 401);
    }
    let refused = attempt(false);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")));
}

#[test]
fn a_replayed_request_is_refused_as_stale() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let authorization = client.authorization("anna", "GET", "/userinfo");
    for (status, stale) in [(200, false), (401, true)] {
        client.send(&format!("GET /userinfo HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
        let answer = client.answer(false);
        assert_eq!(answer.status, status);
        assert_eq!(answer.all("www-authenticate").iter().any(|challenge| challenge.ends_with("stale=true")), stale);
    }
}

#[test]
fn other_web_sites_are_only_let_in_if_they_are_configured() {
    let origins = vec![Origin::parse("https://a.example").unwrap()];
    let stage = Stage::with(GateConfig { origins, ..GateConfig::default() });
    let mut client = stage.connect();
    let preflight = "Access-Control-Request-Method: GET\r\n";
    for (origin, status) in [("https://a.example", 204), ("https://b.example", 401), ("null", 401)] {
        client.send(&format!("OPTIONS /api/users HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n{preflight}\r\n"));
        let answer = client.answer(false);
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), (status == 204).then_some(origin));
    }
    let answer = client.request("anna", "GET", "/pubxml", "Origin: https://a.example\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(
        (answer.header("access-control-allow-credentials"), answer.header("vary")),
        (Some("true"), Some("Origin"))
    );
    let answer = client.request("anna", "OPTIONS", "/pubxml", "Origin: https://a.example\r\n");
    assert_eq!(answer.status, 405, "no preflight");
    client.send(&format!("OPTIONS /api/users HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n{preflight}\r\n"));
    let answer = client.answer(false);
    for (name, value) in [
        ("access-control-allow-methods", "GET, HEAD, POST, PUT"),
        ("access-control-allow-headers", "Authorization, Content-Type, Range"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let answer = client.request("anna", "GET", "/pubxml", "Origin: https://b.example\r\n");
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, Some("Origin")));

    let closed = Stage::new();
    let mut client = closed.connect();
    client.send(&format!("OPTIONS /pubxml HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n{preflight}\r\n"));
    assert_eq!(client.answer(false).status, 401);
}

#[test]
fn a_form_of_another_web_site_is_refused_whatever_it_says() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for origin in ["", "Origin: https://b.example\r\n", "Origin: null\r\n"] {
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let authorization = client.authorization("anna", "POST", "/api/users/del");
            client.send(&format!(
                "POST /api/users/del HTTP/1.1\r\nHost: x\r\n{authorization}{origin}Content-Type: {media_type}\r\n\
                Content-Length: 2\r\n\r\n[]"
            ));
            let expected = if origin.is_empty() { 415 } else { 403 };
            assert_eq!(client.answer(false).status, expected, "{origin}{media_type}");
        }
    }
    let twice = "Origin: http://x\r\nOrigin: https://b.example\r\n";
    assert_eq!(client.request("anna", "POST", "/api/users/rebuild", twice).status, 400);
    assert!(stage.asked.is_empty());
}

#[test]
fn other_web_sites_change_nothing_unless_they_are_configured() {
    let origins = vec![Origin::parse("https://a.example").unwrap()];
    let stage = Stage::with(GateConfig { origins, ..GateConfig::default() });
    stage.with_engine(|| {
        let mut client = stage.connect();
        for (status, headers) in [
            (200, ""),
            (200, "Sec-Fetch-Site: same-origin\r\nOrigin: http://x\r\n"),
            (200, "Sec-Fetch-Site: same-origin\r\nOrigin: http://x:8443\r\n"),
            (200, "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n"),
            (200, "Sec-Fetch-Site: none\r\n"),
            (200, "Sec-Fetch-Site: cross-site\r\nOrigin: https://a.example\r\n"),
            (403, "Sec-Fetch-Site: cross-site\r\n"),
            (403, "Sec-Fetch-Site: same-site\r\n"),
            (403, "Sec-Fetch-Site: cross-site\r\nOrigin: https://b.example\r\n"),
            (403, "Origin: https://b.example\r\n"),
            (403, "Origin: null\r\n"),
            (403, "Origin: https://x.\r\n"),
            (403, "Origin: HTTPS://x\r\n"),
            (403, "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"),
            (403, "Sec-Fetch-Site: SAME-ORIGIN\r\n"),
            (403, "Origin: http://x:8080\r\n"),
        ] {
            client.send_post("anna", "/api/users/add", headers, "[]");
            let answers = [
                client.answer(false),
                client.request("anna", "GET", "/api/users/rebuild", headers),
                client.request("anna", "POST", "/api/users/rebuild", headers),
            ];
            for answer in answers {
                assert_eq!(answer.status, status, "{headers}: {answer:?}");
                let lists: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert!(lists["op"].is_string() && lists["done"].is_array() && lists["failed"].is_array(), "{lists}");
            }
            assert_eq!(client.request("anna", "GET", "/api/users", headers).status, 200, "reading changes nothing");
        }
        client.send_post("anna", "/api/users/add", "Origin: https://a.example\r\n", "[]");
        assert_eq!(client.answer(false).header("access-control-allow-origin"), Some("https://a.example"));
    });
}
