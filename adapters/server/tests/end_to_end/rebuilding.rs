//! `fsconnector rebuild --state`: a saved answer of `GET /api/info/state` is a backup.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::curl::Curl;
use crate::stage::{ADMIN, ADMINS_PIN, MEMBER, Stage};

const MAC: &str = "00005e005301";

/// Stores the state in a file.
fn save(stage: &Stage, state: &str) -> String {
    let file = stage.recording("state.json");
    fs::write(&file, state).unwrap();
    file.to_string_lossy().into_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A switch with some users and conferences that the connector has written, and its state.
fn filled() -> Option<(Stage, String)> {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let curl = Curl::of(&connector)?;
    let users = json!([
        {"name": "x\" value=\"y", "email": "anna <anna@example.org>", "context": "friends", "polymac": MAC},
        {"name": "日本 & Söhne", "email": "a@example.org", "context": "team", "conpin": ADMINS_PIN, "password": "a]]>b<'\\"},
        {"name": "🎧", "email": "a@example.org", "context": "public", "conpin": "4711"},
    ]);
    assert_eq!(curl.post(ADMIN, "/api/users/add", &users).json()["failed"], json!([]));
    let conferences = json!([
        {"name": "会議", "type": "48kHz-video", "context": "team"},
        {"name": "chat", "type": "16kHz-novideo", "context": "public"},
    ]);
    assert_eq!(curl.post(ADMIN, "/api/conferences/add", &conferences).json()["failed"], json!([]));
    assert_eq!(curl.get(ADMIN, "/api/users/rebuild").json()["failed"], json!([]));
    let all: Vec<Value> = ["30000", "31000", "32000"].map(|num| json!({"num": num})).into();
    assert_eq!(curl.post(ADMIN, "/api/conferences/mod", &json!(all)).json()["failed"], json!([]));
    assert_eq!(curl.get(ADMIN, "/api/users/reprov").json()["failed"], json!([]));
    let state = curl.get(ADMIN, "/api/info/state").text().to_owned();
    Some((stage, state))
}

/// Removes all files that the connector owns.
fn wipe(stage: &Stage) {
    for folder in ["directory/team", "directory/friends", "directory/public", "dialplan/conferences"] {
        for name in stage.names(folder).iter().filter(|name| !name.starts_with('.')) {
            fs::remove_file(stage.path(&format!("{folder}/{name}"))).unwrap();
        }
    }
    fs::remove_dir_all(stage.static_path("")).unwrap();
}

#[test]
fn a_saved_state_gives_back_every_file_to_the_byte() {
    let Some((stage, state)) = filled() else { return };
    let phones = [
        "linphone/20001/linphone.xml",
        "linphone/22001/linphone.xml",
        &*format!("polycom/{MAC}/allprov.cfg"),
        &*format!("polycom/{MAC}/{MAC}-directory.xml"),
    ];
    let before = (stage.tree(), phones.map(|file| stage.static_text(file).unwrap()));
    for (arguments, input) in
        [(["--state".to_owned(), save(&stage, &state)], ""), (["--state".to_owned(), "-".to_owned()], &*state)]
    {
        wipe(&stage);
        let output = stage.run(&["rebuild", &arguments[0], &arguments[1]], input);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let text = said(&output);
        assert!(text.contains("written: 6 users, 5 conferences, 6 Linphone files, 3 Polycom files"), "{text}");
        assert!(text.contains("reloadxml"), "{text}");
        assert!(!text.contains("4711") && !text.contains(MEMBER.password), "{text}");
        let after = (stage.tree(), phones.map(|file| stage.static_text(file).unwrap()));
        assert!(after == before, "{text}");
    }
    let connector = stage.ready();
    let strip = |text: &str| {
        let mut state: Value = serde_json::from_str(text).unwrap();
        state["state"].as_object_mut().unwrap().remove("info");
        state
    };
    assert_eq!(strip(&connector.get(ADMIN, "/api/info/state").body), strip(&state));
}

#[test]
fn no_connector_may_be_at_work_in_the_trees() {
    let Some((stage, state)) = filled() else { return };
    let file = save(&stage, &state);
    let _running = stage.ready();
    let before = stage.tree();
    let output = stage.run(&["rebuild", "--state", &file], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("another connector"), "{}", said(&output));
    assert!(stage.tree() == before);
}

#[test]
fn what_is_not_the_connectors_own_is_left_as_it_is_and_named() {
    let Some((stage, state)) = filled() else { return };
    let mut state: Value = serde_json::from_str(&state).unwrap();
    let users = state["state"]["users"].as_array_mut().unwrap();
    let mut stray = users[0].clone();
    (stray["id"], stray["context"]) = (json!("29999"), json!("nowhere"));
    let mut dangerous = users[0].clone();
    (dangerous["id"], dangerous["password"]) = (json!("20007"), json!("hunter2${x}"));
    users.extend([stray, dangerous]);
    let shared = "<include>\n<user id=\"21001\"/>\n<user id=\"21009\"/>\n</include>\n";
    stage.write("directory/friends/21001.xml", shared);
    stage.write_user("public", "22009", "later", "x");
    let output = stage.run(&["rebuild", "--state", "-"], &state.to_string());
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for line in [
        "written: 5 users, 5 conferences, 6 Linphone files, 3 Polycom files",
        "  user \"29999\": its context is not configured",
        "  user \"20007\": password not allowed: it holds `${`, which the switch would expand",
        "  directory/friends/21001.xml: not in a file of its own",
        "  directory/public/22009.xml",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(fs::read_to_string(stage.path("directory/friends/21001.xml")).unwrap(), shared);
}

#[test]
fn what_is_no_state_is_refused_with_its_place_and_changes_nothing() {
    let Some((stage, state)) = filled() else { return };
    let before = stage.tree();
    for (text, words) in [
        ("", "line 1, column 0: not JSON"),
        (&state[..state.len() / 2], "not JSON, or cut off"),
        ("{}", "/globals: it is missing"),
        (&*state.replace("\"polymac\":\"none\"", "\"polymac\":7"), "/state/users/0/polymac: it has to be a text"),
    ] {
        let output = stage.run(&["rebuild", "--state", "-"], text);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(words), "{}", said(&output));
        assert!(stage.tree() == before);
    }
    let output = stage.run(&["rebuild", "--state", "/nowhere/state.json"], "");
    assert!(said(&output).contains("cannot read /nowhere/state.json"), "{}", said(&output));
}

#[test]
fn without_a_static_tree_the_configuration_is_written_and_the_exit_code_tells() {
    let Some((stage, state)) = filled() else { return };
    let before = stage.tree();
    wipe(&stage);
    fs::write(stage.static_path("").with_file_name("static"), "in the way").unwrap();
    let output = stage.run(&["rebuild", "--state", "-"], &state);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("there is no static tree"), "{}", said(&output));
    assert!(stage.tree() == before);
}

#[test]
fn a_folder_that_is_missing_is_named_and_nothing_is_written() {
    let Some((stage, state)) = filled() else { return };
    fs::remove_dir_all(stage.path("dialplan/conferences")).unwrap();
    let before = stage.tree();
    let output = stage.run(&["rebuild", "--state", "-"], &state);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("dialplan/conferences: there is no such folder"), "{}", said(&output));
    assert!(stage.tree() == before);
}
