//! Changes, from the client to an engine and back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use fsconnector_engine::change::command::{Response, Unavailable};
use fsconnector_http::{Asked, GateConfig, Limits, Origin};
use serde_json::{Value, json};
use stage::{Answer, Client, Stage, WAITING};

/// The commands, each with a body that is as it has to be.
const COMMANDS: [(&str, &str); 6] = [
    ("users/add", r#"[{"context":"team","name":"a","email":"a@example.org","password":"secret"}]"#),
    ("users/mod", r#"[{"id":"20000","name":"b"}]"#),
    ("users/del", r#"[{"id":"20000"}]"#),
    ("conferences/add", r#"[{"name":"c","type":"t","context":"team"}]"#),
    ("conferences/mod", r#"[{"num":"30000","type":"t"}]"#),
    ("conferences/del", r#"[{"num":"30000"}]"#),
];

/// An engine that says to everything that it is done.
fn answer(stage: &Stage, asked: &Asked) {
    let done = vec![json!({"answer to": asked.id.0})];
    stage.gate.respond(asked.id, Response { op: asked.command.op(), done, failed: Vec::new(), unavailable: None });
}

/// Runs `clients` with such an engine.
fn with_engine<T>(stage: &Stage, clients: impl FnOnce() -> T) -> T {
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            let next = || {
                smol::block_on(smol::future::or(async { stage.asked.recv().await.ok() }, async {
                    let _ = stopped.recv().await;
                    None
                }))
            };
            while let Some(asked) = next() {
                answer(stage, &asked);
            }
        });
        let outcome = clients();
        drop(stop);
        outcome
    })
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_command_reaches_the_engine_and_its_answer_the_client() {
    let stage = Stage::new();
    with_engine(&stage, || {
        let mut client = stage.connect();
        for (op, body) in COMMANDS {
            for body in [body, "[]"] {
                let answer = client.post("anna", &format!("/api/{op}"), body);
                assert_eq!(answer.status, 200, "{op}: {answer:?}");
                let lists = json_of(&answer);
                assert_eq!((&lists["op"], &lists["failed"]), (&json!(op), &json!([])), "{lists}");
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
