//! Changes, from the client to an engine and back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use fsconnector_engine::change::command::{Command, Failed, Noun, Outcome, Response, Unavailable};
use fsconnector_engine::files::Part;
use fsconnector_http::{GateConfig, Limits};
use serde_json::{Value, json};
use stage::{Answer, Client, Stage, WAITING, response, wait_until};

/// The commands, each with a body that is as it has to be.
const COMMANDS: [(&str, &str); 6] = [
    ("users/add", r#"[{"context":"team","name":"a","email":"a@example.org","password":"secret"}]"#),
    ("users/mod", r#"[{"id":"20000","name":"b"}]"#),
    ("users/del", r#"[{"id":"20000"}]"#),
    ("conferences/add", r#"[{"name":"c","type":"t","context":"team"}]"#),
    ("conferences/mod", r#"[{"num":"30000","type":"t"}]"#),
    ("conferences/del", r#"[{"num":"30000"}]"#),
];

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_command_reaches_the_engine_and_its_answer_the_client() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for (op, body) in COMMANDS {
            for body in [body, "[]", " [ ] \r\n"] {
                let answer = client.post("anna", &format!("/api/{op}"), body);
                assert_eq!(answer.status, 200, "{op}: {answer:?}");
                assert_eq!(json_of(&answer), json!({"op": op, "done": [], "failed": []}));
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
            }
        }
        for (method, target) in [("GET", "/api/users/rebuild"), ("POST", "/api/users/rebuild/")] {
            let answer = client.request("anna", method, target, "");
            assert_eq!((answer.status, &json_of(&answer)["op"]), (200, &json!("users/rebuild")));
        }
    });
}

#[test]
fn what_needs_no_body_is_asked_with_get_and_with_post() {
    let stage = Stage::new();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for (op, expected) in [
            ("users/rebuild", json!({"op": "users/rebuild", "done": [], "failed": []})),
            ("users/reprov", json!({"op": "users/reprov", "done": [], "failed": []})),
            ("conferences/rebuildcontacts", json!({"op": "conferences/rebuildcontacts", "done": "done"})),
            ("store/directory", json!({"op": "store/directory", "done": "done", "failed": ""})),
            ("restore/freeswitch", json!({"op": "restore/freeswitch", "done": "done", "failed": ""})),
        ] {
            for method in ["GET", "POST"] {
                let answer = client.request("anna", method, &format!("/api/{op}"), "");
                assert_eq!((answer.status, &json_of(&answer)), (200, &expected), "{method} {op}");
            }
            let to_head = client.request("anna", "HEAD", &format!("/api/{op}"), "");
            assert_eq!((to_head.status, to_head.header("allow")), (405, Some("GET, POST")), "{op}");
        }
    });
}

#[test]
fn a_part_that_is_none_fails_in_the_answer_and_the_engine_is_not_asked() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (name, shown) in
        [("", ""), ("sip%20profiles", "sip profiles"), ("%C3%BC/..", "ü/.."), ("Directory", "Directory")]
    {
        for verb in ["store", "restore"] {
            for method in ["GET", "POST"] {
                let answer = client.request("anna", method, &format!("/api/{verb}/{name}"), "");
                let told = json_of(&answer);
                assert_eq!((answer.status, &told["op"]), (200, &json!(format!("{verb}/{shown}"))), "{told}");
                assert_eq!(told["done"], "");
                assert!(told["failed"].as_str().unwrap().contains("directory, dialplan"), "{told}");
            }
        }
    }
    assert_eq!(client.get("anna", "/api/store/%FF").status, 400);
    assert!(stage.asked.is_empty());
}

#[test]
fn a_problem_of_one_thing_says_why_where_clients_read_it() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let check = |answer: &Answer, status: u16, op: &str| {
        let problem = json_of(answer);
        assert_eq!((answer.status, &problem["op"], &problem["done"]), (status, &json!(op), &json!("")), "{problem}");
        assert_eq!(problem["failed"], problem["detail"]);
    };
    check(&client.get("mike", "/api/store/directory"), 403, "store/directory");
    check(&client.get("gast", "/api/conferences/rebuildcontacts"), 403, "conferences/rebuildcontacts");
    let target = "/api/restore/%64ialplan";
    let authorization = client.authorization("anna", "GET", target);
    client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
    let asked = stage.next_asked();
    assert_eq!(asked.command, Command::Restore(Part::Dialplan));
    let outcome = Outcome::Single(Err("away".into()));
    let away = Response { unavailable: Some(Unavailable::SwitchAway), ..response(asked.command.op(), outcome) };
    stage.gate.respond(asked.id, away);
    check(&client.answer(false), 503, "restore/dialplan");
    stage.asked.close();
    check(&client.get("anna", "/api/store/directory"), 503, "store/directory");
}

#[test]
fn what_was_left_alone_is_in_the_answer() {
    let stage = Stage::new();
    let mut client = stage.connect();
    client.send_post("anna", "/api/users/reprov", "", "");
    let asked = stage.next_asked();
    let outcome = Outcome::Items { done: Vec::new(), failed: Vec::new() };
    let left_alone = vec!["polycom/x is damaged and was left alone: it is no XML".to_owned()];
    stage.gate.respond(asked.id, Response { left_alone: left_alone.clone(), ..response(asked.command.op(), outcome) });
    assert_eq!(json_of(&client.answer(false))["leftAlone"], json!(left_alone));
}

#[test]
fn only_admins_change_anything_and_only_with_the_methods_for_it() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for (op, body) in COMMANDS {
        let target = format!("/api/{op}");
        for name in ["mike", "gast"] {
            let answer = client.post(name, &target, body);
            assert_eq!(answer.status, 403, "{name}: {op}");
            let problem = json_of(&answer);
            assert_eq!([&problem["op"], &problem["done"], &problem["failed"]], [&json!(op), &json!([]), &json!([])]);
        }
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = client.request("anna", method, &target, "");
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {op}");
        }
        let length = body.len();
        client.send(&format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"));
        assert_eq!(client.answer(false).status, 401, "{op}");
    }
    for method in ["GET", "POST"] {
        assert_eq!(client.request("mike", method, "/api/users/rebuild", "").status, 403, "{method}");
    }
    let to_head = client.request("anna", "HEAD", "/api/users/rebuild", "");
    assert_eq!((to_head.status, to_head.header("allow")), (405, Some("GET, POST")));
    assert!(stage.asked.is_empty(), "the engine was not asked for anything");
}

#[test]
fn the_engine_is_told_who_asks_and_gets_fresh_entropy_each_time() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        client.send_post("anna", "/api/users/del", "", r#"[{"id":"7"}]"#);
        let asked = stage.next_asked();
        assert_eq!((asked.caller.id.as_str(), &*asked.caller.name), ("20000", "anna"));
        assert!(asked.caller.address.is_loopback());
        assert_eq!(asked.command, delete_user(7));
        assert!(seen.insert((asked.id, asked.entropy)));
        assert!(!format!("{asked:?}").contains("entropy"), "passwords are made of it");
        stage.answer(&asked);
        assert_eq!(client.answer(false).status, 200);
    }
    let entropies: BTreeSet<_> = seen.iter().map(|(_, entropy)| entropy).collect();
    let ids: BTreeSet<_> = seen.iter().map(|(id, _)| id).collect();
    assert_eq!((ids.len(), entropies.len()), (3, 3));
}

fn delete_user(id: usize) -> Command {
    Command::DelUsers(serde_json::from_value(json!([{"id": id.to_string()}])).unwrap())
}

#[test]
fn items_that_fail_are_in_the_answer_as_they_were_sent() {
    let stage = Stage::new();
    let mut client = stage.connect();
    let item = json!({"name": "c", "type": "t", "context": "team"});
    client.send_post("anna", "/api/conferences/add", "", &json!([item]).to_string());
    let asked = stage.next_asked();
    let failed = vec![Failed { error: "name already taken".into(), noun: Noun::Conference, item: item.clone() }];
    let response = response(asked.command.op(), Outcome::Items { done: vec![json!({"num": "1"})], failed });
    stage.gate.respond(asked.id, response);
    let answer = client.answer(false);
    assert_eq!(
        (answer.status, json_of(&answer)),
        (
            200,
            json!({
                "op": "conferences/add",
                "done": [{"num": "1"}],
                "failed": [{"error": "name already taken", "conference": item}],
            })
        )
    );
}

#[test]
fn a_request_that_cannot_be_carried_out_is_503_with_its_items() {
    let stage = Stage::new();
    let mut client = stage.connect();
    for why in [Unavailable::SwitchAway, Unavailable::SwitchLost, Unavailable::Unreadable, Unavailable::Busy] {
        client.send_post("anna", "/api/users/del", "", r#"[{"id":"7"}]"#);
        let asked = stage.next_asked();
        let failed = vec![Failed { error: why.to_string(), noun: Noun::User, item: json!({"id": "7"}) }];
        let outcome = Outcome::Items { done: Vec::new(), failed };
        let response = Response { unavailable: Some(why), ..response(asked.command.op(), outcome) };
        stage.gate.respond(asked.id, response);
        let answer = client.answer(false);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{why}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = json_of(&answer);
        assert_eq!(problem["detail"], why.to_string());
        assert_eq!((&problem["op"], &problem["done"]), (&json!("users/del"), &json!([])));
        assert_eq!(problem["failed"], json!([{"error": why.to_string(), "user": {"id": "7"}}]));
    }
}

/// Clients with a command each that waits; the one at place `n` wants user `n` deleted.
fn waiting_clients(stage: &Stage, count: usize) -> Vec<Client> {
    let ask = |id: usize| {
        let mut client = stage.connect();
        client.send_post("anna", "/api/users/del", "", &json!([{"id": id.to_string()}]).to_string());
        client
    };
    (0..count).map(ask).collect()
}

#[test]
fn a_hundred_commands_at_once_are_answered_in_whatever_order_each_to_its_own_client() {
    const CLIENTS: usize = 100;
    let stage = Stage::new();
    let clients = waiting_clients(&stage, CLIENTS);
    let mut asked: Vec<_> = clients.iter().map(|_| stage.next_asked()).collect();
    // Every third first, the rest backwards.
    asked.sort_by_key(|asked| (asked.id.0 % 3, u64::MAX - asked.id.0));
    for asked in asked {
        let id = (0..CLIENTS).find(|id| asked.command == delete_user(*id)).unwrap();
        let outcome = Outcome::Items { done: vec![json!({"id": id})], failed: Vec::new() };
        let response = response("users/del", outcome);
        stage.gate.respond(asked.id, response);
    }
    for (id, mut client) in clients.into_iter().enumerate() {
        let answer = client.answer(false);
        assert_eq!((answer.status, &json_of(&answer)["done"]), (200, &json!([{"id": id}])));
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_neither_files_nor_reads_wait_for_commands() {
    let stage = Stage::new();
    let clients = waiting_clients(&stage, WAITING);
    wait_until(|| stage.asked.is_full());
    let mut late = stage.connect();
    let refused = late.post("anna", "/api/users/del", r#"[{"id":"7"},{"id":"8"}]"#);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let problem = json_of(&refused);
    let detail = "too many changes are waiting; nothing was changed";
    assert_eq!((&problem["op"], &problem["detail"]), (&json!("users/del"), &json!(detail)));
    assert_eq!(
        problem["failed"],
        json!([{"error": detail, "user": {"id": "7"}}, {"error": detail, "user": {"id": "8"}}])
    );
    assert_eq!((late.get("anna", "/").status, late.get("anna", "/api/users").status), (200, 200));
    for _ in &clients {
        stage.answer(&stage.next_asked());
    }
    for mut client in clients {
        assert_eq!(client.answer(false).status, 200);
    }
}

#[test]
fn clients_that_are_gone_before_their_answers_leave_nothing_behind() {
    let stage = Stage::new();
    // More than there are turns.
    for _ in 0..300 {
        let clients = waiting_clients(&stage, 1);
        let asked = stage.next_asked();
        drop(clients);
        stage.answer(&asked);
    }
    stage.with_engine(|| assert_eq!(stage.connect().post("anna", "/api/users/del", "[]").status, 200));
}

#[test]
fn an_answer_nobody_waits_for_is_passed_over() {
    let stage = Stage::new();
    let mut client = stage.connect();
    client.send_post("anna", "/api/users/del", "", "[]");
    let asked = stage.next_asked();
    for _ in 0..3 {
        stage.answer(&asked);
    }
    assert_eq!(client.answer(false).status, 200);
    stage.with_engine(|| assert_eq!(client.post("anna", "/api/users/del", "[]").status, 200));
}

#[test]
fn no_limit_of_the_gate_cuts_a_long_wait() {
    let moment = Duration::from_millis(500);
    let limits =
        Limits { head_time: moment, idle_time: moment, body_time: moment, write_time: moment, ..Limits::default() };
    let stage = Stage::with(GateConfig { limits, ..GateConfig::default() });
    let mut clients = waiting_clients(&stage, 1);
    let asked = stage.next_asked();
    // Until the gate has had enough of an idle client.
    assert_eq!(stage.connect().rest(), "");
    assert_eq!(stage.connect().rest(), "");
    stage.answer(&asked);
    assert_eq!(clients[0].answer(false).status, 200);
}

#[test]
fn a_large_answer_arrives_whole_and_one_that_is_not_read_holds_nobody_up() {
    let stage = Stage::new();
    let mut clients = waiting_clients(&stage, 3);
    let done: Vec<Value> = (0..20_000).map(|id| json!({"id": id, "name": "x".repeat(100)})).collect();
    for _ in &clients {
        let asked = stage.next_asked();
        let outcome = Outcome::Items { done: done.clone(), failed: Vec::new() };
        stage.gate.respond(asked.id, response("users/del", outcome));
    }
    // The last is read first, while the others wait for their clients.
    for client in clients.iter_mut().rev() {
        assert_eq!(json_of(&client.answer(false))["done"].as_array(), Some(&done));
    }
}

#[test]
fn what_is_under_way_when_the_gate_stops_is_still_answered() {
    let mut stage = Stage::new();
    let mut clients = waiting_clients(&stage, 3);
    let asked: Vec<_> = clients.iter().map(|_| stage.next_asked()).collect();
    let mut idle = stage.connect();
    stage.stop();
    assert_eq!(idle.rest(), "", "the gate is stopping");
    for asked in &asked {
        stage.answer(asked);
    }
    for client in &mut clients {
        let answer = client.answer(false);
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert_eq!(client.rest(), "");
    }
    stage.ended();
}

#[test]
fn whoever_still_waits_when_the_time_to_stop_is_over_gets_503() {
    let limits = Limits { stop_time: Duration::from_secs(2), ..Limits::default() };
    let mut stage = Stage::with(GateConfig { limits, ..GateConfig::default() });
    let mut clients = waiting_clients(&stage, 3);
    let asked: Vec<_> = clients.iter().map(|_| stage.next_asked()).collect();
    stage.stop();
    for (id, client) in clients.iter_mut().enumerate() {
        let answer = client.answer(false);
        assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
        let problem = json_of(&answer);
        assert!(problem["detail"].as_str().unwrap().starts_with("the connector stops"), "{problem}");
        assert_eq!(problem["failed"][0]["user"], json!({"id": id.to_string()}));
    }
    // The engine answers all the same, and nobody minds.
    for asked in &asked {
        stage.answer(asked);
    }
    stage.ended();
}

#[test]
fn when_the_engine_is_gone_changes_are_refused_and_reads_go_on() {
    let stage = Stage::new();
    stage.asked.close();
    let mut client = stage.connect();
    let answer = client.post("anna", "/api/users/del", r#"[{"id":"7"}]"#);
    let detail = "the connector stops; nothing was changed";
    assert_eq!((answer.status, &json_of(&answer)["detail"]), (503, &json!(detail)));
    assert_eq!(json_of(&answer)["failed"], json!([{"error": detail, "user": {"id": "7"}}]));
    assert_eq!(client.get("anna", "/api/users").status, 200);
}

#[test]
fn commands_of_many_clients_and_reads_go_on_side_by_side() {
    let stage = Stage::new();
    stage.with_engine(|| {
        thread::scope(|scope| {
            for number in 0..32 {
                let stage = &stage;
                scope.spawn(move || {
                    let mut client = stage.connect();
                    for _ in 0..10 {
                        let target = if number % 2 == 0 { "/api/users/add" } else { "/api/conferences/add" };
                        assert_eq!(client.post("anna", target, "[]").status, 200);
                        assert_eq!(client.get("anna", "/").status, 200);
                    }
                });
            }
        });
    });
}
