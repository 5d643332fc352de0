//! What the log says of changes of files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use files_stage::log::{lines_with, listen_to_the_log};
use files_stage::{Archive, PHONE_OF_MIKE, json, names_in, put};
use serde_json::json;

fn deletion(names: &[&str]) -> String {
    names.iter().map(|name| json!({"file": name})).collect::<serde_json::Value>().to_string()
}

#[test]
fn the_log_says_in_one_line_which_phone_has_uploaded_what() {
    listen_to_the_log();
    let archive = Archive::new();
    let target = format!("/polycom/{PHONE_OF_MIKE}-noted.cfg");
    assert_eq!(put(&mut archive.stage.connect(), "mike", &target, "", b"secret").status, 200);
    let expected =
        format!(r#"INFO "mike" (21000) from 127.0.0.1: polycom: done [{PHONE_OF_MIKE}/{PHONE_OF_MIKE}-noted.cfg]"#);
    assert_eq!(lines_with("-noted.cfg"), [expected]);
}

#[test]
fn the_log_says_in_one_line_who_has_removed_what() {
    listen_to_the_log();
    let archive = Archive::new();
    for name in ["logged a.wav", "logged\u{2028}b-2026-11-23T08:25:58.123Z.wav", "logged-c"] {
        archive.record(name, "");
    }
    let names = ["logged a.wav", "logged\u{2028}b-2026-11-23T08:25:58.123Z.wav", "logged\nx: done [all]"];
    archive.stage.connect().post("anna", "/api/recordings/del", &deletion(&names));
    assert_eq!(
        lines_with("logged"),
        [concat!(
            "INFO \"anna\" (20000) from 127.0.0.1: api/recordings/del: ",
            r#"done ["logged a.wav" "logged\u{2028}b-2026-11-23T08:25:58.123Z.wav"], "#,
            r#"failed [no recording "logged\nx: done [all]"]"#
        )]
    );
    archive.stage.connect().post("mike", "/fr/delfriendsrec", &deletion(&["friendly"]));
    assert_eq!(
        lines_with("friendly"),
        [r#"INFO "mike" (21000) from 127.0.0.1: delfriendsrec: done [], failed [no recording "friendly"]"#]
    );
}

#[test]
fn a_great_many_recordings_go_at_once_and_the_log_names_some_of_them() {
    const COUNT: usize = 7500;
    listen_to_the_log();
    let archive = Archive::new();
    let names: Vec<String> = (0..COUNT).map(|number| format!("many-{number:04}")).collect();
    for name in &names {
        archive.record(name, "");
    }
    let missing = ["many-missing"; 25];
    let names: Vec<&str> = names.iter().map(String::as_str).chain(missing).collect();
    let answer = json(&archive.stage.connect().post("anna", "/api/recordings/del", &deletion(&names)));
    assert_eq!((&answer["done"], &answer["failed"]), (&json!(names[..COUNT]), &json!(missing)));
    assert!(names_in(archive.recordings.path()).is_empty());
    let [line] = &lines_with("many-")[..] else { panic!("one line") };
    assert!(line.contains(r#""many-0019" … 7480 more], failed [no recording "many-missing"; "#), "{line}");
    assert!(line.ends_with("; … 5 more]"), "{line}");
}
