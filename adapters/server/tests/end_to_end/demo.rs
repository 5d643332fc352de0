//! The demonstration, as a new user meets it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::connector::{Connector, wait_for};
use crate::listener::Listener;
use crate::stage::ADMIN;

#[test]
fn the_demo_prints_curl_lines_that_work_and_leaves_nothing_behind() {
    what_is_printed_works(&["demo"]);
}

#[test]
fn the_demo_speaks_tls_with_a_certificate_of_its_own() {
    what_is_printed_works(&["demo", "--tls"]);
}

fn what_is_printed_works(arguments: &[&str]) {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut demo = Connector::start(arguments, &[("PATH", &path)]);
    let mut lines = Vec::new();
    let files = loop {
        let line = demo.wait_for_line("  ");
        if let Some(curl) = line.strip_prefix("  try       ") {
            lines.push(curl.to_owned());
        }
        if let Some(files) = line.strip_prefix("  files     ") {
            break files.to_owned();
        }
    };
    assert!(Path::new(&files).is_dir());
    // An administrator, a member with a Polycom phone, a guest: each has a Linphone file.
    assert_eq!(lines.iter().filter(|line| line.ends_with("/linphone")).count(), 3, "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with("/polycom/allprov.cfg")), "{lines:#?}");
    for line in &lines {
        if let Some(answer) = run(line) {
            check(line, &answer);
        }
    }
    demo.wait_for_line("Ctrl-C");
    demo.signal("-INT");
    let (code, log) = demo.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!Path::new(&files).exists());
}

#[test]
fn the_people_of_the_demo_can_be_watched_and_recorded() {
    let mut demo = Connector::start(&["demo", "--callers", "20"], &[]);
    let line = demo.wait_for_line("/api/live?login=admin");
    let query = line[line.find("?login").unwrap()..].trim_end_matches('\'');
    let mut listener = Listener::open(demo.address, query, &[]).unwrap();
    let conferences = wait_for("people", || listener.init(), |conferences| conferences[0]["memcount"] != Value::Null);
    let name = conferences[0]["name"].as_str().unwrap();
    listener.ask(&json!({"req": "exec", "conference": name, "call": "startrec"}).to_string());
    let started: Value = serde_json::from_str(&listener.hear_until("recStart").pop().unwrap()).unwrap();
    let file = started["file"].as_str().unwrap().rsplit('/').next().unwrap();
    let files = || demo.get(ADMIN, "/api/recordings").json()["files"].clone();
    wait_for("the recording", files, |files| files.as_array().unwrap().contains(&json!(file)));
    assert_eq!(demo.get(ADMIN, &format!("/api/recordings/{file}")).status, 200);
    assert_eq!(demo.stop().0, Some(0));
}

#[test]
fn nobody_calls_in_a_demo_without_callers() {
    let mut demo = Connector::start(&["demo", "--callers", "0"], &[]);
    demo.wait_for_line("Ctrl-C");
    assert_eq!(Listener::login(&demo, ADMIN).init(), json!([]));
    assert_eq!(demo.stop().0, Some(0));
}

/// What the line prints; nothing if there is no curl.
fn run(line: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", &format!("{line} -s -S -f")]).output().ok()?;
    if output.status.code() == Some(127) {
        return None;
    }
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn check(line: &str, answer: &str) {
    let begins = [
        ("/api/users", r#"{"op":"users","info":{"total":3,"#),
        ("/api/recordings", r#"{"op":"api/recordings","files":["friends_video-2"#),
        ("/api/store/directory", r#"{"op":"store/directory","done":"store/directory.tar.gz","failed":""}"#),
        ("/api/openapi.json", "{"),
    ];
    for (_, begin) in begins.iter().filter(|(target, _)| line.ends_with(target)) {
        assert!(answer.starts_with(begin), "{line}: {answer}");
    }
    if line.ends_with("/linphone") {
        own_address_works(line, answer);
    }
}

/// The address in the file, where Linphone asks next time, works with the login that it carries.
fn own_address_works(line: &str, file: &str) {
    let (_, after) = file.split_once("config-uri").unwrap_or_else(|| panic!("{file}"));
    let uri = after.split_once('>').and_then(|(_, rest)| rest.split_once('<')).map(|(uri, _)| uri).unwrap();
    let scheme = if line.contains("https://") { "https://" } else { "http://" };
    assert!(uri.starts_with(scheme) && uri.contains('@'), "{uri}");
    let curl = line.split("--digest").next().unwrap();
    assert_eq!(run(&format!("{curl}--digest '{}'", uri.replace("&amp;", "&"))).as_deref(), Some(file), "{line}");
}
