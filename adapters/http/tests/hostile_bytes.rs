//! Bytes where nobody expects them, lengths that contradict each other, and connections that are closed on one side.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod live_stage;
mod stage;

use std::net::Shutdown;

use files_stage::Archive;
use fsconnector_engine::live::listener::Listening;
use live_stage::masked;
use stage::{Client, Stage};

const GET: &str = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

/// What has no place in a text: not UTF-8, cut off, overlong, a surrogate; NUL and other controls.
const BAD: [&[u8]; 9] =
    [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\0", b"a\0b", b"\x7f", b"\x1b[2J"];

/// The same, percent-encoded.
const BAD_ENCODED: [&str; 9] =
    ["%ff", "%C3", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "%00", "a%00b", "%0d%0aX:%20y", "%2e%2e%2f%00"];

fn text(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The statuses of all answers to these bytes, in order.
fn statuses(stage: &Stage, bytes: &[u8]) -> Vec<u16> {
    let answers = stage.exchange(bytes);
    answers.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// The gate answers everybody else as before.
fn assert_stands(stage: &Stage) {
    assert_eq!(stage.connect().get("anna", "/userinfo").status, 200);
}

#[test]
fn bad_bytes_in_a_head_are_refused_or_passed_over_and_never_split_it() {
    let stage = Stage::new();
    for bad in BAD {
        for (bytes, statuses_allowed) in [
            (text(&[b"GET /", bad, b" HTTP/1.1\r\nHost: x\r\n\r\n"]), &[400, 401][..]),
            (text(&[b"GET /x?", bad, b" HTTP/1.1\r\nHost: x\r\n\r\n"]), &[400, 401]),
            (text(&[b"G", bad, b"T / HTTP/1.1\r\nHost: x\r\n\r\n"]), &[400]),
            (text(&[b"GET / HTTP/1.1", bad, b"\r\nHost: x\r\n\r\n"]), &[400, 505]),
            (text(&[b"GET / HTTP/1.1\r\nHost: ", bad, b"\r\n\r\n"]), &[400]),
            (text(&[b"GET / HTTP/1.1\r\nHost: x\r\nA", bad, b": b\r\n\r\n"]), &[400]),
            (text(&[b"GET / HTTP/1.1\r\nHost: x\r\nA: ", bad, b"\r\n\r\n"]), &[400, 401]),
            (text(&[b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: ", bad, b"\r\n\r\n"]), &[400, 401]),
            (text(&[b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1", bad, b"\r\n\r\n"]), &[400]),
            (text(&[b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked", bad, b"\r\n\r\n"]), &[400, 501]),
            (text(&[b"GET /api/live?login=", bad, b":", bad, b" HTTP/1.1\r\nHost: x\r\n\r\n"]), &[400, 401]),
            (text(&[b"GET /api/live?ticket=", bad, b" HTTP/1.1\r\nHost: x\r\n\r\n"]), &[400, 401]),
        ] {
            let statuses = statuses(&stage, &bytes);
            assert!(
                statuses.len() == 1 && statuses_allowed.contains(&statuses[0]),
                "{:?}: {statuses:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    assert_stands(&stage);
}

#[test]
fn bad_bytes_in_each_parameter_of_credentials_are_no_login() {
    let stage = Stage::new();
    for parameter in ["username", "realm", "nonce", "uri", "response", "cnonce", "nc", "qop", "algorithm"] {
        for bad in BAD {
            let good = stage.connect().authorization("anna", "GET", "/userinfo");
            let place = good.find(&format!("{parameter}=")).map_or(good.len() - 2, |at| at + parameter.len() + 1);
            let (before, behind) = good.split_at(place);
            // Inside the quotes, if there are any.
            let (quote, behind) = behind.strip_prefix('"').map_or(("", behind), |behind| ("\"", behind));
            let head = [b"GET /userinfo HTTP/1.1\r\nHost: x\r\n", before.as_bytes(), quote.as_bytes(), bad];
            let bytes = [&text(&head), behind.as_bytes(), b"\r\n"].concat();
            let statuses = statuses(&stage, &bytes);
            assert!(statuses == [400] || statuses == [401], "{parameter} {bad:?}: {statuses:?}");
            // That also clears the count: after a few wrong responses nothing would be looked at any more.
            assert_stands(&stage);
        }
    }
}

#[test]
fn bad_bytes_in_paths_of_somebody_who_is_logged_in_lead_nowhere() {
    let archive = Archive::new();
    let mut client = archive.stage.connect();
    for bad in BAD_ENCODED {
        for (method, path) in [
            ("GET", format!("/{bad}")),
            ("GET", format!("/phone/{bad}")),
            ("GET", format!("/api/users/byname/{bad}")),
            ("GET", format!("/api/recordings/{bad}")),
            ("GET", format!("/api/recordings/find/{bad}")),
            ("GET", format!("/fr/friendsrec/{bad}")),
            ("GET", format!("/polycom/{bad}")),
            ("GET", format!("/polycom/languages/{bad}/x")),
            ("GET", format!("/nowhere?{bad}")),
            ("PUT", format!("/polycom/{bad}")),
        ] {
            let headers = if method == "PUT" { "Content-Length: 0\r\n" } else { "" };
            let answer = client.request("anna", method, &path, headers);
            // A search for something that nothing has finds nothing.
            let finds_nothing = answer.status == 200 && (path.contains("byname") || path.contains("find"));
            assert!(finds_nothing || matches!(answer.status, 400 | 404), "{method} {path}: {answer:?}");
            assert_eq!(answer.all("x"), [""; 0], "{path}");
        }
    }
    assert!(files_stage::names_in(archive.tree.path()).iter().all(|name| name != "polycom"), "nothing was written");
    assert_stands(&archive.stage);
}

#[test]
fn a_body_that_is_no_text_is_no_command() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let target = "/api/users/add";
    for bad in BAD {
        // In a value, in a name, and where neither is.
        for (before, behind) in [("[{\"name\":\"", "\"}]"), ("[{\"", "\":1}]"), ("[", "]"), ("", "[]"), ("[]", "")] {
            let body = text(&[before.as_bytes(), bad, behind.as_bytes()]);
            let authorization = client.authorization("anna", "POST", target);
            let head = format!(
                "POST {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
                Content-Length: {}\r\n\r\n",
                body.len()
            );
            client.send_bytes(&text(&[head.as_bytes(), &body]));
            assert_eq!(client.answer(false).status, 400, "{:?}", String::from_utf8_lossy(&body));
        }
    }
    assert!(stage.asked.is_empty(), "the engine was asked for nothing");
}

#[test]
fn a_frame_that_is_no_text_ends_the_websocket_and_a_control_in_one_is_no_request() {
    let stage = Stage::new();
    for (bad, code) in [(&b"\xff"[..], 1007), (b"\xc3", 1007), (b"\xc0\xaf", 1007), (b"\xed\xa0\x80", 1007)] {
        let (mut socket, id) = stage.listen("anna");
        socket.write(&masked(0x81, &text(&[b"{\"req\":\"", bad, b"\"}"])));
        assert_eq!(socket.close_code(), Some(code), "{bad:?}");
        assert_eq!(stage.next_doing(), (id, Listening::Leaves));
    }
    let (mut socket, _) = stage.listen("anna");
    for bad in ["{\"req\":\"init\0\"}", "\0", "{\"req\":\"init\"}\0", "{\"req\0\":\"init\"}"] {
        socket.write(&masked(0x81, bad.as_bytes()));
        assert!(socket.hear().contains("wrong "), "{bad:?}");
    }
    // As a binary frame that is read as text.
    socket.write(&masked(0x82, b"\xff\0"));
    assert!(socket.hear().contains("wrong format"));
}

/// A request hidden in what another one could take for its body.
const HIDDEN: &str = "0\r\n\r\nGET /livez HTTP/1.1\r\nHost: hidden\r\n\r\n";

#[test]
fn an_encoding_in_disguise_hides_no_request() {
    let stage = Stage::new();
    for (disguise, expected) in [
        // The same thing in other clothes, and nobody who is logged in: refused, and the connection ends.
        ("Transfer-Encoding: chunked", &[401][..]),
        ("TRANSFER-encoding:\tCHUNKED \t", &[401]),
        ("Transfer-Encoding:chunked", &[401]),
        ("Transfer-Encoding: chunked,", &[501]),
        ("Transfer-Encoding: ,chunked", &[501]),
        ("Transfer-Encoding: chunked, chunked", &[501]),
        ("Transfer-Encoding: \"chunked\"", &[501]),
        ("Transfer-Encoding: chunked;q=1", &[501]),
        ("Transfer-Encoding: cow", &[501]),
        ("Transfer-Encoding: identity", &[501]),
        ("Transfer-Encoding: chunk\u{e9}d", &[501]),
        ("Transfer-Encoding: \u{b}chunked", &[400]),
        ("Transfer-Encoding: chunked\u{c}", &[400]),
        ("Transfer-Encoding\t: chunked", &[400]),
        ("Transfer-Encoding\u{b}: chunked", &[400]),
        ("\u{feff}Transfer-Encoding: chunked", &[400]),
        (" Transfer-Encoding: chunked", &[400]),
        ("A: b\r\n Transfer-Encoding: chunked", &[400]),
        ("A: b\nTransfer-Encoding: chunked", &[400]),
        ("A: b\rTransfer-Encoding: chunked", &[400]),
        ("Transfer-Encoding:\r\n chunked", &[400]),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &[400]),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", &[501]),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", &[400]),
        ("Content-Length: 5\r\ntransfer-encoding: chunked", &[400]),
        ("Content-Length: 5\r\nContent-Length: 6", &[400]),
        ("Content-Length: 5\r\nCONTENT-LENGTH: 5", &[400]),
        ("Content-Length: 5,5", &[400]),
        ("Content-Length: 5 5", &[400]),
        ("Content-Length: 0x5", &[400]),
        ("Content-Length: 5.0", &[400]),
        ("Content-Length: 5e0", &[400]),
        ("Content-Length: \u{665}", &[400]),
        ("Content-Length: 18446744073709551616", &[401]),
        ("Content-Length: -1", &[400]),
        // Another header, which nobody takes for this one: so this request has no body, and what follows is none.
        ("Transfer_Encoding: chunked", &[401, 400]),
        ("X-Transfer-Encoding: chunked", &[401, 400]),
    ] {
        let request = format!("POST /api/users/del HTTP/1.1\r\nHost: x\r\n{disguise}\r\n\r\n{HIDDEN}");
        assert_eq!(statuses(&stage, request.as_bytes()), expected, "{disguise:?}");
    }
    assert_stands(&stage);
}

#[test]
fn who_closes_its_sending_side_gets_what_it_asked_for_and_no_more() {
    let archive = Archive::new();
    archive.record("open-2026-11-23T08:25:58.123Z.wav", "sound");
    let stage = &archive.stage;
    for incomplete in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r"] {
        assert_eq!(stage.exchange(incomplete.as_bytes()), "", "{incomplete:?}");
    }
    assert_eq!(statuses(stage, GET.repeat(3).as_bytes()), [200; 3], "those before are answered");
    assert_eq!(statuses(stage, format!("{GET}GET /li").as_bytes()), [200]);
    let half_closed = |method: &str, target: &str, headers: &str, body: &str| {
        let mut client = stage.connect();
        let authorization = client.authorization("anna", method, target);
        client.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{authorization}{headers}\r\n{body}"));
        client.stream.shutdown(Shutdown::Write).unwrap();
        let answer = client.answer(false);
        assert_eq!(client.rest(), "", "{target}");
        answer
    };
    assert_eq!(half_closed("GET", "/api/users", "", "").status, 200);
    assert_eq!(half_closed("GET", "/api/recordings/open-2026-11-23T08:25:58.123Z.wav", "", "").text(), "sound");
    assert_eq!(half_closed("PUT", "/polycom/x.cfg", "Content-Length: 1\r\n", "x").status, 200);
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    stage.with_engine(|| assert_eq!(half_closed("POST", "/api/users/del", json, "[]").status, 200));
}

#[test]
fn who_closes_its_sending_side_in_a_body_changes_nothing_and_keeps_nothing() {
    let stage = Stage::new();
    let begin = |client: &mut Client, framing: &str, body: &str| {
        let authorization = client.authorization("anna", "POST", "/api/users/del");
        client.send(&format!(
            "POST /api/users/del HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n{framing}\r\n\r\n{body}"
        ));
        client.stream.shutdown(Shutdown::Write).unwrap();
    };
    for (framing, body) in [
        ("Content-Length: 3", "[]"),
        ("Transfer-Encoding: chunked", "2\r\n[]\r\n"),
        ("Transfer-Encoding: chunked", "2\r\n[]\r\n0\r\n\r"),
        ("Transfer-Encoding: chunked", "3\r\n[]"),
    ] {
        let mut client = stage.connect();
        begin(&mut client, framing, body);
        assert_eq!(client.rest(), "", "{framing} {body:?}");
    }
    assert!(stage.asked.is_empty());
    assert_stands(&stage);
}
