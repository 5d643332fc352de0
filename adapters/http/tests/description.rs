//! Every path and method of the description, for every role: what it says is what happens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod stage;

use std::fs;
use std::sync::Arc;

use fsconnector_disk::Root;
use fsconnector_http::GateConfig;
use serde_json::{Value, json};
use stage::{Answer, Client, Stage};
use tempfile::TempDir;

/// A method and a path, as the description has them.
struct Operation {
    method: String,
    path: String,
    target: String,
    about: Value,
}

/// A stage with a static tree, and a recordings folder that has what the examples of the description ask for.
struct Described {
    _folders: TempDir,
    stage: Stage,
    document: Value,
    operations: Vec<Operation>,
}

fn described() -> Described {
    let folders = tempfile::tempdir().unwrap();
    let recordings = folders.path().join("recordings");
    let tree = folders.path().join("static");
    for folder in [&recordings, &tree.join("phone"), &tree.join("linphone/20000")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(recordings.join("weekly-2026-01-31T12:00:00.000Z.wav"), "RIFF").unwrap();
    fs::write(tree.join("phone/index.html"), "<p>").unwrap();
    fs::write(tree.join("linphone/20000/linphone.xml"), "<config/>").unwrap();
    let files = Some(Arc::new(Root::open_folder(&tree).unwrap()));
    let stage = Stage::with(GateConfig { files, recordings: Some(recordings), ..GateConfig::default() });
    let document: Value = serde_json::from_slice(&stage.connect().get("gast", "/api/openapi.json").body).unwrap();
    let operations = operations(&document);
    Described { _folders: folders, stage, document, operations }
}

/// The operations that need a login.
fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, about) in item.as_object().unwrap().iter().filter(|(_, about)| about.get("security").is_none()) {
            let parameters = about["parameters"].as_array().into_iter().flatten();
            let target = parameters.fold(path.clone(), |path, parameter| {
                let (name, example) = (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap());
                path.replace(&format!("{{{name}}}"), example)
            });
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                target,
                about: about.clone(),
            });
        }
    }
    assert!(operations.len() > 40, "all of the API");
    operations
}

impl Operation {
    fn is_allowed(&self, role: &str) -> bool {
        self.about["x-roles"].as_array().unwrap().contains(&json!(role))
    }

    /// Whether it changes something: that is what reports and uploads do.
    fn changes(&self) -> bool {
        self.method != "GET" || ["rebuild", "reprov", "store", "restore"].iter().any(|word| self.target.contains(word))
    }

    fn wants_json(&self) -> bool {
        !self.about["requestBody"]["content"]["application/json"].is_null()
    }

    fn has_body(&self) -> bool {
        !self.about["requestBody"].is_null()
    }

    /// Asks for it, with a body if it needs one. What the engine is asked is answered.
    fn ask(&self, client: &mut Client, name: &str, headers: &str) -> Answer {
        let body = if self.wants_json() { "Content-Type: application/json\r\n" } else { "" };
        let length = if self.has_body() { "Content-Length: 2\r\n" } else { "" };
        let authorization = client.authorization(name, &self.method, &self.target);
        client.send(&format!(
            "{} {} HTTP/1.1\r\nHost: x\r\n{authorization}{body}{length}{headers}\r\n{}",
            self.method,
            self.target,
            if self.has_body() { "[]" } else { "" }
        ));
        client.answer(self.method == "HEAD")
    }

    /// What the description says of this answer.
    fn response(&self, document: &Value, answer: &Answer) -> Value {
        let response = &self.about["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{} {}: {answer:?} is not described", self.method, self.target);
        match response["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
            None => response.clone(),
        }
    }

    /// The answer is one of the described, and its JSON fits its schema.
    fn check(&self, document: &Value, answer: &Answer) {
        let response = self.response(document, answer);
        let content = response["content"].as_object().unwrap();
        let media_type = answer.header("content-type").unwrap();
        let essence = media_type.split(';').next().unwrap();
        let Some(content) = content.get(essence).or_else(|| content.get("*/*")) else {
            panic!("{} {}: {media_type} is not described for {}", self.method, self.target, answer.status)
        };
        if let Some(reference) = content["schema"]["$ref"].as_str() {
            let schema = json!({"$ref": reference, "components": document["components"]});
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{} {}: {errors:?} in {body}", self.method, self.target);
        }
    }
}

#[test]
fn every_role_may_do_what_the_description_says_and_every_answer_is_as_described() {
    let Described { stage, document, operations, .. } = &described();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for operation in operations {
            for (name, role) in [("anna", "admin"), ("mike", "member"), ("gast", "guest")] {
                let answer = operation.ask(&mut client, name, "");
                let is_refused = answer.status == 403;
                assert_eq!(
                    is_refused,
                    !operation.is_allowed(role),
                    "{role}: {} {}",
                    operation.method,
                    operation.target
                );
                operation.check(document, &answer);
            }
        }
    });
}

#[test]
fn nobody_gets_anything_described_without_logging_in() {
    let Described { stage, document, operations, .. } = &described();
    for operation in operations {
        let mut client = stage.connect();
        client.send(&format!("{} {} HTTP/1.1\r\nHost: x\r\n\r\n", operation.method, operation.target));
        let answer = client.answer(false);
        assert_eq!(answer.status, 401, "{} {}", operation.method, operation.target);
        operation.check(document, &answer);
    }
    assert!(stage.asked.is_empty(), "the engine was not asked for anything");
}

#[test]
fn every_answer_keeps_browsers_from_doing_harm_with_it_and_passwords_are_not_stored() {
    let Described { stage, operations, .. } = &described();
    stage.with_engine(|| {
        let mut client = stage.connect();
        for operation in operations {
            client.send(&format!("{} {} HTTP/1.1\r\nHost: x\r\n\r\n", operation.method, operation.target));
            let mut answers = vec![client.answer(false)];
            answers.extend(["anna", "mike", "gast"].map(|name| operation.ask(&mut client, name, "")));
            for answer in answers {
                let asked = format!("{} {} {}", operation.method, operation.target, answer.status);
                let (policy, stored) = match &*operation.path {
                    "/" | "/{path}" => (vec!["frame-ancestors 'self'"], "private, no-cache"),
                    "/api/recordings/{file}" | "/fr/friendsrec/{file}" => (
                        vec!["default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"],
                        "private, no-cache",
                    ),
                    _ => (vec!["default-src 'none'; frame-ancestors 'none'"], "no-store"),
                };
                let stored = if answer.status < 400 { stored } else { "no-store" };
                assert_eq!(answer.header("cache-control"), Some(stored), "{asked}");
                assert_eq!(answer.all("content-security-policy"), policy, "{asked}");
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{asked}");
                assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{asked}");
                assert_eq!(answer.header("strict-transport-security"), None, "{asked}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{asked}");
            }
        }
    });
}

#[test]
fn other_web_sites_change_nothing_described_and_read_what_they_may() {
    let Described { stage, document, operations, .. } = &described();
    let mut client = stage.connect();
    for operation in operations {
        for headers in ["Sec-Fetch-Site: cross-site\r\n", "Origin: https://b.example\r\n"] {
            let answer = operation.ask(&mut client, "anna", headers);
            assert_eq!(answer.status == 403, operation.changes(), "{} {}", operation.method, operation.target);
            operation.check(document, &answer);
        }
    }
    assert!(stage.asked.is_empty(), "the engine was not asked for anything");
}

#[test]
fn the_other_methods_are_405_and_head_works_wherever_get_changes_nothing() {
    let Described { stage, operations, .. } = &described();
    let mut client = stage.connect();
    for operation in operations {
        let target = &operation.target;
        let is_known = |method: &str| {
            let of_target = || operations.iter().filter(|other| other.path == operation.path);
            let reads = || of_target().any(|other| other.method == "GET" && !other.changes());
            of_target().any(|other| other.method == method) || (method == "HEAD" && reads())
        };
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if !is_known(method) {
                let answer = client.request("anna", method, target, "");
                assert_eq!(answer.status, 405, "{method} {target}");
                let allowed: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
                assert!(!allowed.is_empty() && allowed.iter().all(|method| is_known(method)), "{target}: {allowed:?}");
            }
        }
        if operation.method == "GET" && !operation.changes() {
            let (to_get, to_head) = (client.get("anna", target), client.request("anna", "HEAD", target, ""));
            assert_eq!(to_head.status, to_get.status, "{target}");
            assert_eq!(to_head.header("content-length"), to_get.header("content-length"), "{target}");
        }
    }
    assert!(stage.asked.is_empty(), "the engine was not asked for anything");
}

#[test]
fn bodies_that_are_missing_too_large_or_of_another_type_are_refused_as_described() {
    let Described { stage, document, operations, .. } = &described();
    for operation in operations.iter().filter(|operation| operation.has_body()) {
        let too_large = if operation.wants_json() { 4 * 1024 * 1024 + 1 } else { 1024 * 1024 + 1 };
        let json = "Content-Type: application/json\r\n";
        let mut refused = vec![(411, json.to_owned()), (413, format!("{json}Content-Length: {too_large}\r\n"))];
        if operation.wants_json() {
            refused.push((415, "Content-Type: text/plain\r\nContent-Length: 0\r\n".to_owned()));
        }
        for (status, headers) in refused {
            let answer = stage.connect().request("anna", &operation.method, &operation.target, &headers);
            assert_eq!(answer.status, status, "{} {} {headers}", operation.method, operation.target);
            operation.check(document, &answer);
        }
    }
}
