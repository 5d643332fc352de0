//! Recordings: which there are, for whom, and how they go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use files_stage::log::{lines_with, listen_to_the_log};
use files_stage::{Archive, json, names_in, state};
use fsconnector_engine::state::{Info, State};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::json;

const OF_BOARD: &str = "board-2026-11-23T08:25:58.123Z.wav";
const OF_PALS: &str = "pals-2026-11-23T08:25:58.123Z.wav";
const OF_TWO_WORDS: &str = "two-words-2026-11-23T08:25:58.123Z.wav";
const OF_OPEN: &str = "open-2026-11-23T08:25:58.123Z.wav";
const OF_TWIN: &str = "twin-2026-11-23T08:25:58.123Z.wav";
const OF_NOBODY: &str = "gone-2026-11-23T08:25:58.123Z.wav";
const UNFIT: &str = "pals.wav";

/// Each with its name as its content.
const ALL: [&str; 7] = [OF_BOARD, OF_NOBODY, OF_OPEN, OF_PALS, OF_TWIN, OF_TWO_WORDS, UNFIT];
const OF_FRIENDS: [&str; 3] = [OF_OPEN, OF_PALS, OF_TWO_WORDS];

fn with_recordings() -> Archive {
    let archive = Archive::new();
    for name in ALL {
        archive.record(name, name);
    }
    archive
}

fn encoded(name: &str) -> String {
    percent_encode(name.as_bytes(), NON_ALPHANUMERIC).to_string()
}

fn deletion(names: &[&str]) -> String {
    names.iter().map(|name| json!({"file": name})).collect::<serde_json::Value>().to_string()
}

#[test]
fn admins_see_all_recordings_in_order() {
    let archive = with_recordings();
    let answer = archive.stage.connect().get("anna", "/api/recordings");
    let mut sorted = ALL;
    sorted.sort_unstable();
    assert_eq!((answer.status, json(&answer)), (200, json!({"op": "api/recordings", "files": sorted})));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn recordings_are_found_by_what_their_names_contain() {
    let archive = with_recordings();
    archive.record("Jürgen & \"co\".wav", "");
    let mut client = archive.stage.connect();
    for (text, shown, expected) in [
        ("twin", "twin", vec![OF_TWIN]),
        ("w", "w", vec!["Jürgen & \"co\".wav", OF_BOARD, OF_NOBODY, OF_OPEN, OF_PALS, UNFIT, OF_TWIN, OF_TWO_WORDS]),
        ("%2D2026-11-23T08:25:58.123Z", "-2026-11-23T08:25:58.123Z", {
            vec![OF_BOARD, OF_NOBODY, OF_OPEN, OF_PALS, OF_TWIN, OF_TWO_WORDS]
        }),
        ("J%C3%BCrgen%20%26%20%22", "Jürgen & \"", vec!["Jürgen & \"co\".wav"]),
        ("TWIN", "TWIN", vec![]),
        ("a/b", "a/b", vec![]),
        ("..%2F", "../", vec![]),
    ] {
        let answer = client.get("anna", &format!("/api/recordings/find/{text}"));
        let expected = json!({"op": format!("api/recordings/find/{shown}"), "files": expected});
        assert_eq!((answer.status, json(&answer)), (200, expected), "{text}");
    }
    let all = client.get("anna", "/api/recordings/find/");
    assert_eq!(json(&all)["files"], json(&client.get("anna", "/api/recordings"))["files"]);
}

#[test]
fn friends_recordings_are_those_of_conferences_that_are_not_the_admins_for_admins_too() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    for name in ["anna", "mike"] {
        let answer = client.get(name, "/fr/friendsrec");
        assert_eq!((answer.status, json(&answer)), (200, json!({"op": "friendserc", "files": OF_FRIENDS})));
        for file in ALL {
            let answer = client.get(name, &format!("/fr/friendsrec/{file}"));
            if OF_FRIENDS.contains(&file) {
                assert_eq!((answer.status, answer.text()), (200, file), "{name}");
            } else {
                archive.assert_problem(&answer, 404, file);
                assert_eq!(answer.text(), client.get(name, "/fr/friendsrec/nothing").text(), "as if it was not there");
            }
        }
    }
}

#[test]
fn a_recording_goes_to_the_admins_when_its_conference_goes() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    assert_eq!(client.get("mike", &format!("/fr/friendsrec/{OF_PALS}")).status, 200);
    let state = state();
    let rest = state.conferences.iter().filter(|conference| conference.name != "pals").cloned().collect();
    archive.stage.current.publish(State { conferences: rest, ..State::clone(&state) }.into());
    archive.assert_problem(&client.get("mike", &format!("/fr/friendsrec/{OF_PALS}")), 404, OF_PALS);
    assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([OF_OPEN, OF_TWO_WORDS]));
    assert_eq!(client.get("anna", &format!("/api/recordings/{OF_PALS}")).text(), OF_PALS);
}

#[test]
fn each_role_gets_its_recordings_and_nothing_else() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    let open = format!("/fr/friendsrec/{OF_OPEN}");
    for (method, target, body, expected) in [
        ("GET", "/api/recordings", "", [200, 403, 403]),
        ("HEAD", "/api/recordings", "", [200, 403, 403]),
        ("GET", "/api/recordings/find/x", "", [200, 403, 403]),
        ("GET", &*format!("/api/recordings/{OF_OPEN}"), "", [200, 403, 403]),
        ("HEAD", &*format!("/api/recordings/{OF_BOARD}"), "", [200, 403, 403]),
        ("GET", "/api/recordings/nothing", "", [404, 403, 403]),
        ("POST", "/api/recordings/del", "[]", [200, 403, 403]),
        ("GET", "/fr/friendsrec", "", [200, 200, 403]),
        ("GET", &*open, "", [200, 200, 403]),
        ("HEAD", &*open, "", [200, 200, 403]),
        ("GET", "/fr/friendsrec/nothing", "", [404, 404, 403]),
        ("POST", "/fr/delfriendsrec", "[]", [200, 200, 403]),
    ] {
        for (name, expected) in ["anna", "mike", "gast"].into_iter().zip(expected) {
            let answer = match method {
                "POST" => client.post(name, target, body),
                _ => client.request(name, method, target, ""),
            };
            assert_eq!(answer.status, expected, "{name}: {method} {target}: {answer:?}");
        }
        client.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(client.answer(method == "HEAD").status, 401, "{method} {target}");
    }
}

#[test]
fn a_recording_is_sound_that_only_its_listener_keeps() {
    let archive = with_recordings();
    let other = ["picture.svg", "page.html", "odd.WAV", "notes"];
    for name in other {
        archive.record(name, "<script>");
    }
    let mut client = archive.stage.connect();
    for target in [format!("/api/recordings/{OF_OPEN}"), format!("/fr/friendsrec/{OF_OPEN}")] {
        let answer = client.get("anna", &target);
        assert_eq!((answer.header("content-type"), answer.text()), (Some("audio/wav"), OF_OPEN));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    }
    for (name, media_type) in other.into_iter().zip([
        "application/octet-stream",
        "application/octet-stream",
        "audio/wav",
        "application/octet-stream",
    ]) {
        let answer = client.get("anna", &format!("/api/recordings/{name}"));
        assert_eq!(answer.header("content-type"), Some(media_type), "{name}");
    }
}

#[test]
fn recordings_go_in_the_order_they_are_named_and_each_only_once() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    let body = deletion(&[OF_TWIN, "nothing", OF_BOARD, OF_TWIN, "../x", UNFIT, ""]);
    let answer = client.post("anna", "/api/recordings/del", &body);
    let expected = json!({
        "op": "api/recordings/del",
        "done": [OF_TWIN, OF_BOARD, UNFIT],
        "failed": ["nothing", OF_TWIN, "../x", ""],
    });
    assert_eq!((answer.status, json(&answer)), (200, expected));
    assert_eq!(names_in(archive.recordings.path()), [OF_NOBODY, OF_OPEN, OF_PALS, OF_TWO_WORDS]);
    let nothing = client.post("anna", "/api/recordings/del", "[]");
    assert_eq!(json(&nothing), json!({"op": "api/recordings/del", "done": [], "failed": []}));
}

#[test]
fn friends_remove_their_recordings_and_no_others() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    for (name, own) in [("mike", OF_PALS), ("anna", OF_OPEN)] {
        let answer =
            client.post(name, "/fr/delfriendsrec", &deletion(&[OF_BOARD, own, OF_TWIN, OF_NOBODY, UNFIT, own]));
        let expected = json!({
            "op": "delfriendsrec",
            "done": [own],
            "failed": [OF_BOARD, OF_TWIN, OF_NOBODY, UNFIT, own],
        });
        assert_eq!((answer.status, json(&answer)), (200, expected));
    }
    assert_eq!(names_in(archive.recordings.path()), [OF_BOARD, OF_NOBODY, UNFIT, OF_TWIN, OF_TWO_WORDS]);
}

#[test]
fn a_body_that_is_not_as_it_has_to_be_removes_nothing() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    for (target, op) in [("/api/recordings/del", "api/recordings/del"), ("/fr/delfriendsrec", "delfriendsrec")] {
        for (body, failed) in [
            (json!([{"file": OF_OPEN}, {"file": 1}]).to_string(), json!([OF_OPEN])),
            (json!([{"file": OF_OPEN, "more": ""}]).to_string(), json!([OF_OPEN])),
            (json!([OF_OPEN]).to_string(), json!([])),
            (json!({"file": OF_OPEN}).to_string(), json!([])),
            (format!("[{{\"file\": \"{OF_OPEN}\"}}"), json!([])),
        ] {
            let answer = client.post("anna", target, &body);
            archive.assert_problem(&answer, 400, &body);
            let problem = json(&answer);
            assert_eq!(
                (&problem["op"], &problem["done"], &problem["failed"]),
                (&json!(op), &json!([]), &failed),
                "{body}"
            );
        }
    }
    assert_eq!(names_in(archive.recordings.path()).len(), ALL.len());
}

#[test]
fn while_the_switch_is_away_no_recording_is_removed() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    let state = state();
    let info = Info { connected: false, ..state.info.clone() };
    archive.stage.current.publish(State { info, ..State::clone(&state) }.into());
    for target in ["/api/recordings/del", "/fr/delfriendsrec"] {
        let answer = client.post("anna", target, &deletion(&[OF_PALS]));
        archive.assert_problem(&answer, 503, target);
        let problem = json(&answer);
        assert_eq!((&problem["done"], &problem["failed"]), (&json!([]), &json!([OF_PALS])), "{target}");
    }
    assert_eq!(names_in(archive.recordings.path()).len(), ALL.len());
}

#[test]
fn another_web_site_can_have_nothing_removed() {
    let archive = with_recordings();
    let mut client = archive.stage.connect();
    for target in ["/api/recordings/del", "/fr/delfriendsrec"] {
        client.send_post("anna", target, "Origin: https://elsewhere.example\r\n", &deletion(&[OF_OPEN]));
        let answer = client.answer(false);
        archive.assert_problem(&answer, 403, target);
        assert_eq!((&json(&answer)["done"], &json(&answer)["failed"]), (&json!([]), &json!([])));
    }
    assert_eq!(names_in(archive.recordings.path()).len(), ALL.len());
}

/// What else can lie in a folder, and outside of it.
fn with_traps() -> Archive {
    let archive = with_recordings();
    let folder = archive.recordings.path();
    fs::write(archive.tree.path().join(OF_PALS), "secret").unwrap();
    fs::create_dir(folder.join("pals-2026-01-01T00:00:00.000Z.wav")).unwrap();
    fs::write(folder.join("pals-2026-01-01T00:00:00.000Z.wav/inside.wav"), "secret").unwrap();
    symlink(archive.tree.path().join(OF_PALS), folder.join("pals-2026-01-02T00:00:00.000Z.wav")).unwrap();
    symlink(OF_PALS, folder.join("pals-2026-01-03T00:00:00.000Z.wav")).unwrap();
    symlink("nowhere", folder.join("pals-2026-01-04T00:00:00.000Z.wav")).unwrap();
    symlink(archive.tree.path(), folder.join("pals-2026-01-05T00:00:00.000Z.wav")).unwrap();
    let pipe = folder.join("pals-2026-01-06T00:00:00.000Z.wav");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    drop(UnixListener::bind(folder.join("pals-2026-01-07T00:00:00.000Z.wav")).unwrap());
    fs::write(folder.join(".pals-2026-01-08T00:00:00.000Z.wav"), "secret").unwrap();
    fs::write(folder.join("pals\n-2026-01-09T00:00:00.000Z.wav"), "secret").unwrap();
    fs::write(folder.join("pals\\x-2026-01-10T00:00:00.000Z.wav"), "secret").unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"pals\xff-2026-01-11T00:00:00.000Z.wav")), "secret").unwrap();
    archive
}

#[test]
fn only_plain_files_of_plain_names_are_listed() {
    let archive = with_traps();
    let mut client = archive.stage.connect();
    let mut sorted = ALL;
    sorted.sort_unstable();
    assert_eq!(json(&client.get("anna", "/api/recordings"))["files"], json!(sorted));
    assert_eq!(json(&client.get("anna", "/api/recordings/find/pals"))["files"], json!([OF_PALS, UNFIT]));
    assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!(OF_FRIENDS));
}

/// What attackers ask for: as names in JSON, where anything goes.
fn traps(archive: &Archive) -> Vec<String> {
    let day = |day: u8| format!("pals-2026-01-{day:02}T00:00:00.000Z.wav");
    let mut names: Vec<String> = (1..8).map(day).collect();
    let outside = archive.tree.path().join(OF_PALS).to_str().unwrap().to_owned();
    let relative = format!("../{}/{OF_PALS}", archive.tree.path().file_name().unwrap().to_str().unwrap());
    names.extend([
        format!(".{}", day(8)),
        "pals\n-2026-01-09T00:00:00.000Z.wav".into(),
        "pals\\x-2026-01-10T00:00:00.000Z.wav".into(),
        "pals\u{fffd}-2026-01-11T00:00:00.000Z.wav".into(),
        format!("{}/inside.wav", day(1)),
        format!("{}/{OF_PALS}", day(5)),
        format!("./{OF_PALS}"),
        format!("{OF_PALS}/"),
        format!("{OF_PALS}\0"),
        format!("{OF_PALS}\0.wav"),
        format!("{OF_PALS}\r\nX: y"),
        format!("..\\{OF_PALS}"),
        format!("%2e%2e%2f{OF_PALS}"),
        outside,
        relative,
        "..".into(),
        ".".into(),
        "/".into(),
        String::new(),
        "x".repeat(255),
        "x".repeat(256),
        "ü".repeat(5000),
    ]);
    names
}

#[test]
fn nothing_but_a_recording_is_sent_whatever_is_asked_for() {
    let archive = with_traps();
    let mut client = archive.stage.connect();
    for name in traps(&archive).iter().filter(|name| !name.is_empty() && name.len() < 1000) {
        for target in [format!("/api/recordings/{}", encoded(name)), format!("/fr/friendsrec/{}", encoded(name))] {
            let answer = client.get("anna", &target);
            archive.assert_problem(&answer, 404, &target);
            assert!(!answer.text().contains("secret"));
        }
    }
    for name in ["..", "%2e%2e", "..%2F", "%2E%2E%5C", "a%00", "%00", "%2F", "%5C", ".", "a/b", "//", "%0d%0aX:y"] {
        for target in [format!("/api/recordings/{name}"), format!("/fr/friendsrec/{name}")] {
            archive.assert_problem(&client.get("anna", &target), 404, &target);
        }
    }
    for name in ["%", "%zz", "%FF"] {
        for target in [format!("/api/recordings/{name}"), format!("/api/recordings/find/{name}")] {
            archive.assert_problem(&client.get("anna", &target), 400, &target);
        }
    }
    assert_eq!(client.get("anna", "/api/recordings/").status, 200, "the list, with a slash");
}

#[test]
fn nothing_but_a_recording_is_removed_whatever_is_asked_for() {
    let archive = with_traps();
    let before = (names_in(archive.recordings.path()), names_in(archive.tree.path()));
    let mut client = archive.stage.connect();
    let traps = traps(&archive);
    let names: Vec<&str> = traps.iter().map(String::as_str).collect();
    for (user, target) in
        [("anna", "/api/recordings/del"), ("mike", "/fr/delfriendsrec"), ("anna", "/fr/delfriendsrec")]
    {
        let answer = client.post(user, target, &deletion(&names));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((&json(&answer)["done"], &json(&answer)["failed"]), (&json!([]), &json!(names)));
    }
    assert_eq!((names_in(archive.recordings.path()), names_in(archive.tree.path())), before);
}

#[test]
fn names_of_all_kinds_work_if_they_are_plain() {
    let archive = Archive::new();
    let longest = format!("{}.wav", "x".repeat(251));
    let names = [
        "a b.wav",
        "a\"b'c.wav",
        "100%25.wav",
        "%2e%2e",
        "Jürgen&日本.wav",
        "a..b",
        "~",
        "-rf",
        "*?",
        "a;b#c?d.wav",
        "\u{202e}vaw.a",
        &longest,
    ];
    for name in names {
        archive.record(name, name);
    }
    let mut client = archive.stage.connect();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(json(&client.get("anna", "/api/recordings"))["files"], json!(sorted));
    for name in names {
        assert_eq!(client.get("anna", &format!("/api/recordings/{}", encoded(name))).text(), name);
    }
    let answer = client.post("anna", "/api/recordings/del", &deletion(&names));
    assert_eq!((&json(&answer)["done"], &json(&answer)["failed"]), (&json!(names), &json!([])));
    assert!(names_in(archive.recordings.path()).is_empty());
}

#[test]
fn a_folder_that_is_not_there_has_no_recordings_until_it_comes() {
    listen_to_the_log();
    let archive = Archive::new();
    let folder = archive.recordings.path();
    fs::remove_dir(folder).unwrap();
    let mut client = archive.stage.connect();
    let warnings = || lines_with(&format!("{} for recordings", folder.display())).len();
    for _ in 0..3 {
        assert_eq!(json(&client.get("anna", "/api/recordings"))["files"], json!([]));
        assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([]));
        archive.assert_problem(&client.get("anna", "/api/recordings/x"), 404, "x");
        assert_eq!(json(&client.post("anna", "/api/recordings/del", &deletion(&["x"])))["failed"], json!(["x"]));
    }
    assert_eq!(warnings(), 1, "the log is told once");
    fs::create_dir(folder).unwrap();
    archive.record(OF_OPEN, "");
    assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([OF_OPEN]));
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(json(&client.get("mike", "/fr/friendsrec"))["files"], json!([]));
    assert_eq!(warnings(), 2, "and again when it has gone again");
    fs::create_dir(folder).unwrap();
}

#[test]
fn a_folder_that_cannot_be_read_is_a_problem() {
    let archive = Archive::with(|config| {
        let path = config.recordings.unwrap();
        fs::remove_dir(&path).unwrap();
        // Root may read any folder; but nobody can list what is none.
        fs::write(&path, "").unwrap();
        fsconnector_http::GateConfig { recordings: Some(path), ..config }
    });
    let mut client = archive.stage.connect();
    for target in ["/api/recordings", "/api/recordings/find/x", "/fr/friendsrec"] {
        let answer = client.get("anna", target);
        archive.assert_problem(&answer, 503, target);
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    let answer = client.post("anna", "/api/recordings/del", &deletion(&["x"]));
    assert_eq!((answer.status, &json(&answer)["failed"]), (200, &json!(["x"])));
    fs::remove_file(archive.recordings.path()).unwrap();
    fs::create_dir(archive.recordings.path()).unwrap();
}

#[test]
fn a_recording_that_may_not_be_read_is_not_there() {
    let archive = with_recordings();
    fs::set_permissions(archive.recordings.path().join(OF_OPEN), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(archive.recordings.path().join(OF_OPEN)).is_ok() {
        // Root may read anything.
        return;
    }
    archive.assert_problem(&archive.stage.connect().get("anna", &format!("/api/recordings/{OF_OPEN}")), 404, OF_OPEN);
}
