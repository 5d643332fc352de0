//! The bodies of requests: how they are framed, how large they may be, and what has to be in them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::time::Duration;

use fsconnector_http::{GateConfig, Limits};
use serde_json::{Value, json};
use stage::{Answer, Client, Stage, sample};

const TARGET: &str = "/api/users/del";

fn limited(limits: Limits) -> Stage {
    Stage::with(GateConfig { limits, ..GateConfig::default() })
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// Sends a request with these headers and, whatever they say, this body.
fn send(client: &mut Client, headers: &str, body: &str) {
    let authorization = client.authorization("anna", "POST", TARGET);
    client.send(&format!("POST {TARGET} HTTP/1.1\r\nHost: x\r\n{authorization}{headers}\r\n{body}"));
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Refused, with the lists that clients of changes read.
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = json_of(answer);
    assert_eq!([&problem["op"], &problem["done"]], [&json!("users/del"), &json!([])], "{problem}");
    assert!(problem["failed"].is_array(), "{problem}");
}

#[test]
fn chunked_and_sized_bodies_arrive_and_the_connection_goes_on() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for (headers, body) in [
            ("Content-Length: 12\r\n", r#"[{"id":"7"}]"#),
            ("Transfer-Encoding: chunked\r\n", "5\r\n[{\"id\r\n7\r\n\":\"7\"}]\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "2\r\n[]\r\n0\r\n\r\n"),
            ("Content-Length: 2\r\nExpect: 100-continue\r\n", "[]"),
        ] {
            // Sent together with the next request: nobody takes that for a part of the body.
            send(&mut client, &format!("{JSON}{headers}"), &format!("{body}GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
            let mut statuses = vec![client.answer(false).status, client.answer(false).status];
            if headers.contains("Expect") {
                statuses.push(client.answer(false).status);
                assert_eq!(statuses.remove(0), 100);
            }
            assert_eq!(statuses, [200, 200], "{headers}");
        }
    });
}

#[test]
fn a_client_is_told_to_go_on_only_if_its_body_is_wanted() {
    let stage = Stage::new();
    let waiting = "Content-Length: 12\r\nExpect: 100-continue\r\n";
    let mut client = stage.connect();
    send(&mut client, &format!("{JSON}{waiting}"), "");
    assert_eq!(client.answer(false).status, 100);
    client.send(r#"[{"id":"7"}]"#);
    stage.answer(&stage.next_asked());
    assert_eq!(client.answer(false).status, 200);
    for (status, headers) in [
        (415, waiting.to_owned()),
        (403, format!("{JSON}{waiting}Origin: https://b.example\r\n")),
        (413, format!("{JSON}Content-Length: 99999999\r\nExpect: 100-continue\r\n")),
    ] {
        let mut client = stage.connect();
        send(&mut client, &headers, "");
        assert_refused(&client.answer(false), status);
    }
    let mut client = stage.connect();
    client.send(&format!("POST {TARGET} HTTP/1.1\r\nHost: x\r\n{JSON}{waiting}\r\n"));
    assert_refused(&client.answer(false), 401);
}

#[test]
fn a_body_is_json_and_says_so() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        let length = "Content-Length: 2\r\n";
        for (status, headers) in [
            (200, "Content-Type: application/json\r\n"),
            (200, "Content-Type: application/json; charset=utf-8\r\n"),
            (200, "content-type: Application/JSON;charset=\"UTF-8\"\r\n"),
            (415, ""),
            (415, "Content-Type: \r\n"),
            (415, "Content-Type: text/plain\r\n"),
            (415, "Content-Type: application/x-www-form-urlencoded\r\n"),
            (415, "Content-Type: application/json, text/plain\r\n"),
            (415, "Content-Type: application/json\r\nContent-Type: text/plain\r\n"),
        ] {
            send(&mut client, &format!("{headers}{length}"), "[]");
            let answer = client.answer(false);
            assert_eq!(answer.status, status, "{headers}");
            if status != 200 {
                assert_refused(&answer, status);
            }
        }
        send(&mut client, JSON, "");
        assert_refused(&client.answer(false), 411);
    });
}

#[test]
fn what_is_no_json_or_not_as_it_has_to_be_is_400() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (pointer, body) in [
        (None, ""),
        (None, "["),
        (None, "[]x"),
        (None, "{'id':'7'}"),
        (None, r#"[{"id":"7","id":"8"}]"#),
        (None, r#"["\ud800"]"#),
        (Some(""), "{}"),
        (Some(""), "null"),
        (Some("/0"), "[7]"),
        (Some("/0"), "[{}]"),
        (Some("/1/id"), r#"[{"id":"7"},{"id":7}]"#),
        (Some("/0/id"), r#"[{"id":null}]"#),
        (Some("/0/name"), r#"[{"id":"7","name":"secret"}]"#),
        (Some("/0/x~1~0"), r#"[{"id":"7","x/~":"secret"}]"#),
    ] {
        let answer = client.post("anna", TARGET, body);
        assert_refused(&answer, 400);
        let problem = json_of(&answer);
        assert_eq!(problem["errors"][0]["pointer"].as_str(), pointer, "{body}: {problem}");
        assert!(
            !problem["detail"].as_str().unwrap().contains("secret")
                && !problem["errors"].to_string().contains("secret")
        );
    }
    let authorization = client.authorization("anna", "POST", TARGET);
    let head = format!("POST {TARGET} HTTP/1.1\r\nHost: x\r\n{authorization}{JSON}Content-Length: 5\r\n\r\n");
    client.send_bytes(&[head.as_bytes(), b"[\"\xff\"]"].concat());
    let answer = client.answer(false);
    assert_refused(&answer, 400);
    assert_eq!(json_of(&answer)["detail"], "the body is not UTF-8");
    assert!(stage.asked.is_empty(), "the engine was not asked for anything");
}

#[test]
fn the_items_of_a_refused_request_come_back() {
    let stage = Stage::new();
    let items = [json!({"id": "7"}), json!({"id": "8", "password": 4711})];
    let problem = json_of(&stage.connect().post("anna", TARGET, &json!(items).to_string()));
    let sent: Vec<&Value> = problem["failed"].as_array().unwrap().iter().map(|failed| &failed["user"]).collect();
    assert_eq!(sent, items.iter().collect::<Vec<_>>());
    assert_eq!(problem["failed"][1]["error"], "/1/password: there is no such property");
    let problem = json_of(&stage.connect().post("anna", "/api/conferences/del", "[1]"));
    assert_eq!(problem["failed"], json!([{"error": "/0: this has to be of type object", "conference": 1}]));
}

#[test]
fn json_may_nest_but_not_without_end() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for depth in [100, 126, 200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_refused(&client.post("anna", TARGET, &format!("[{{\"id\":{inner}}}]")), 400);
        }
    }
}

/// A body of that many bytes.
fn spacious(length: usize) -> String {
    format!("[{}]", " ".repeat(length - 2))
}

#[test]
fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let stage = Stage::new();
    let limit = 4 * 1024 * 1024;
    stage.with_engine(|| {
        let mut client = stage.connect();
        assert_eq!(client.post("anna", TARGET, &spacious(limit)).status, 200);
        let body = spacious(limit);
        send(
            &mut client,
            &format!("{JSON}Transfer-Encoding: chunked\r\n"),
            &format!("{limit:x}\r\n{body}\r\n0\r\n\r\n"),
        );
        assert_eq!(client.answer(false).status, 200);
        let too_large = limit + 1;
        for (framing, body) in [
            (format!("Content-Length: {too_large}"), ""),
            ("Transfer-Encoding: chunked".into(), &*format!("{too_large:x}\r\n")),
            ("Transfer-Encoding: chunked".into(), &*format!("{limit:x}\r\n{body}\r\n1\r\n")),
        ] {
            let mut client = stage.connect();
            send(&mut client, &format!("{JSON}{framing}\r\n"), body);
            let answer = client.answer(false);
            assert_refused(&answer, 413);
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(client.rest(), "");
        }
    });
}

#[test]
fn chunks_are_read_strictly() {
    let stage = Stage::new();
    for chunks in [
        "2;a=b\r\n[]\r\n0\r\n\r\n",
        "2;\r\n[]\r\n0\r\n\r\n",
        "2\n[]\r\n0\r\n\r\n",
        "2\r\n[]\r\n0\r\nA: b\r\n\r\n",
        "2\r\n[]\r\n0\r\nContent-Length: 2\r\n\r\n",
        "2\r\n[]\r\n0;a\r\n\r\n",
        "2\r\n[]0\r\n\r\n",
        "2\r\n[]\n0\r\n\r\n",
        "0x2\r\n[]\r\n0\r\n\r\n",
        "+2\r\n[]\r\n0\r\n\r\n",
        "-2\r\n[]\r\n0\r\n\r\n",
        " 2\r\n[]\r\n0\r\n\r\n",
        "2 \r\n[]\r\n0\r\n\r\n",
        "2_0\r\n[]\r\n0\r\n\r\n",
        "\u{665}\r\n[]\r\n0\r\n\r\n",
        "2\0\r\n[]\r\n0\r\n\r\n",
        "\r\n[]\r\n0\r\n\r\n",
        "000000002\r\n[]\r\n0\r\n\r\n",
        "10000000000000002\r\n[]\r\n0\r\n\r\n",
    ] {
        let mut client = stage.connect();
        send(
            &mut client,
            &format!("{JSON}Transfer-Encoding: chunked\r\n"),
            &format!("{chunks}GET /livez HTTP/1.1\r\n"),
        );
        let answer = client.answer(false);
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert_refused(&answer, 400);
        assert_eq!(client.rest(), "", "what follows is not taken for a request");
    }
}

#[test]
fn who_sends_the_body_too_slowly_gets_408() {
    let stage = limited(Limits { body_time: Duration::from_millis(50), ..Limits::default() });
    let mut client = stage.connect();
    send(&mut client, &format!("{JSON}Content-Length: 5\r\n"), "[");
    assert_refused(&client.answer(false), 408);
    assert_eq!(client.rest(), "");
}

#[test]
fn dripping_bytes_does_not_extend_the_time_for_a_body() {
    let stage = limited(Limits { body_time: Duration::from_millis(100), ..Limits::default() });
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut client = stage.connect();
        send(&mut client, &format!("{JSON}{framing}\r\n"), "");
        client.stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let piece = if framing.starts_with('C') { " " } else { "1\r\n \r\n" };
        // A piece after each attempt to read, until there is an answer.
        while client.stream.peek(&mut [0]).is_err() {
            client.send(piece);
        }
        assert_eq!(client.answer(false).status, 408, "{framing}");
    }
}

#[test]
fn a_body_that_breaks_off_is_no_command() {
    let stage = Stage::new();
    let mut client = stage.connect();
    send(&mut client, &format!("{JSON}Content-Length: 5\r\n"), "[]");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), "");
    assert!(stage.asked.is_empty());
}

#[test]
fn all_bodies_together_have_a_bound_which_counts_until_the_answer() {
    let stage = limited(Limits { bodies_bytes: 100, ..Limits::default() });
    let mut first = stage.connect();
    first.send_post("anna", TARGET, "", &spacious(60));
    let asked = stage.next_asked();
    let mut second = stage.connect();
    let refused = second.post("anna", TARGET, &spacious(60));
    assert_refused(&refused, 503);
    assert!(refused.header("retry-after").is_some());
    stage.answer(&asked);
    assert_eq!(first.answer(false).status, 200);
    stage.with_engine(|| assert_eq!(stage.connect().post("anna", TARGET, &spacious(60)).status, 200));
}

#[test]
fn a_rebuild_needs_no_body_and_reads_none() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for (method, headers) in [("GET", ""), ("POST", ""), ("POST", "Content-Length: 0\r\n")] {
            assert_eq!(client.request("anna", method, "/api/users/rebuild", headers).status, 200);
        }
        let headers = "Content-Length: 3\r\n\r\nabc";
        let authorization = client.authorization("anna", "POST", "/api/users/rebuild");
        client.send(&format!("POST /api/users/rebuild HTTP/1.1\r\nHost: x\r\n{authorization}{headers}"));
        assert_eq!(client.answer(false).status, 200);
        assert_eq!(client.get("anna", "/api/users").status, 200, "the connection goes on");
    });
}

#[test]
fn curl_changes_things() {
    let stage = Stage::new();
    let login = format!("anna:{}", sample::PASSWORD);
    let large = spacious(100_000);
    stage.with_engine(|| {
        for more in [
            &["-d", "[]"][..],
            &["-d", "[]", "-H", "Transfer-Encoding: chunked"],
            &["-d", "[]", "-H", "Expect: 100-continue"],
            &["-d", &large],
            &["-d", &large, "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
        ] {
            let arguments = [&["--digest", "-u", &login, "-H", "Content-Type: application/json"], more].concat();
            let Some(answer) = stage.curl(&arguments, TARGET) else { return };
            assert_eq!(answer, r#"{"op":"users/del","done":[],"failed":[]}"#, "{:?}", &more[2..]);
        }
    });
}

#[test]
fn a_body_that_does_not_come_before_the_gate_stops_is_answered_503() {
    let mut stage = limited(Limits { stop_time: Duration::from_secs(2), ..Limits::default() });
    let (mut idle, mut slow) = (stage.connect(), stage.connect());
    send(&mut slow, &format!("{JSON}Content-Length: 12\r\nExpect: 100-continue\r\n"), "");
    assert_eq!(slow.answer(false).status, 100);
    stage.stop();
    assert_eq!(idle.rest(), "", "the gate is stopping");
    slow.send("[");
    let answer = slow.answer(false);
    assert_refused(&answer, 503);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_body_that_comes_while_the_gate_stops_is_taken() {
    let mut stage = Stage::new();
    let (mut idle, mut slow) = (stage.connect(), stage.connect());
    send(&mut slow, &format!("{JSON}Content-Length: 2\r\nExpect: 100-continue\r\n"), "");
    assert_eq!(slow.answer(false).status, 100);
    stage.stop();
    assert_eq!(idle.rest(), "", "the gate is stopping");
    slow.send("[]");
    stage.answer(&stage.next_asked());
    assert_eq!(slow.answer(false).status, 200);
}
