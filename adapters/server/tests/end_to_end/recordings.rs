//! Recordings: admins have all of them, members those of conferences that are not the admins', guests none.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::curl::Curl;
use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

const TEAM: &str = "team-2026-11-23T09:00:00.000Z.wav";
const FRIENDS: &str = "friends_video-2026-11-23T10:00:00.000Z.wav";
const PUBLIC: &str = "public-2026-11-23T08:00:00.000Z.wav";
/// Of a conference that is no more.
const GONE: &str = "gone-by-2026-11-22T08:00:00.000Z.wav";
const ODD: &str = "notes.wav";

fn stage() -> Stage {
    let stage = Stage::with_all_roles();
    for name in [TEAM, FRIENDS, PUBLIC, GONE, ODD] {
        fs::write(stage.recording(name), format!("0123456789 of {name}")).unwrap();
    }
    stage
}

#[test]
fn admins_list_find_and_fetch_all_recordings_and_nobody_else_does() {
    let stage = stage();
    fs::create_dir(stage.recording("folder")).unwrap();
    symlink("/etc/passwd", stage.recording("link.wav")).unwrap();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    let all = json!({"op": "api/recordings", "files": [FRIENDS, GONE, ODD, PUBLIC, TEAM]});
    assert_eq!(curl.get(ADMIN, "/api/recordings").json(), all);
    let found = curl.get(ADMIN, "/api/recordings/find/lic-2026").json();
    assert_eq!(found, json!({"op": "api/recordings/find/lic-2026", "files": [PUBLIC]}));
    let fetched = curl.get(ADMIN, &format!("/api/recordings/{TEAM}"));
    assert_eq!((fetched.status, fetched.text()), (200, &*format!("0123456789 of {TEAM}")));
    for name in
        ["link.wav", "folder", "..%2Fetc%2Ffreeswitch.xml", "../etc/freeswitch.xml", "%2e%2e", "x.wav", "%ff.wav"]
    {
        let status = curl.get(ADMIN, &format!("/api/recordings/{name}")).status;
        assert!(matches!(status, 400 | 404), "{name}: {status}");
    }
    for login in [MEMBER, GUEST] {
        for target in ["/api/recordings", "/api/recordings/find/x", &*format!("/api/recordings/{FRIENDS}")] {
            assert_eq!(curl.get(login, target).status, 403, "{} {target}", login.name);
        }
        assert_eq!(curl.post(login, "/api/recordings/del", &json!([{"file": FRIENDS}])).status, 403);
    }
    assert!(stage.recording(FRIENDS).exists());
}

#[test]
fn a_player_can_seek_in_a_recording_and_fetches_nothing_twice() {
    let stage = stage();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    let target = format!("/api/recordings/{TEAM}");
    let part = curl.run(ADMIN, &target, &["--range", "2-4"]);
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.header("Content-Range"), format!("bytes 2-4/{}", "0123456789 of ".len() + TEAM.len()));
    let end = curl.run(ADMIN, &target, &["--range", "-4"]);
    assert_eq!((end.status, end.text()), (206, ".wav"));
    assert_eq!(curl.run(ADMIN, &target, &["--range", "5000-"]).status, 416);
    let whole = curl.get(ADMIN, &target);
    let (tag, modified) = (whole.header("ETag"), whole.header("Last-Modified"));
    assert_eq!(curl.run(ADMIN, &target, &["--header", &format!("If-None-Match: {tag}")]).status, 304);
    assert_eq!(curl.run(ADMIN, &target, &["--header", &format!("If-Modified-Since: {modified}")]).status, 304);
    let other = curl.run(ADMIN, &target, &["--range", "2-4", "--header", "If-Range: \"other\""]);
    assert_eq!((other.status, other.body), (200, whole.body));
}

#[test]
fn members_have_the_recordings_of_conferences_that_are_not_the_admins() {
    let stage = stage();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    for login in [ADMIN, MEMBER] {
        let listed = curl.get(login, "/fr/friendsrec").json();
        assert_eq!(listed, json!({"op": "friendserc", "files": [FRIENDS, PUBLIC]}));
        let fetched = curl.run(login, &format!("/fr/friendsrec/{FRIENDS}"), &["--range", "0-9"]);
        assert_eq!((fetched.status, fetched.text()), (206, "0123456789"));
        for name in [TEAM, GONE, ODD] {
            assert_eq!(curl.get(login, &format!("/fr/friendsrec/{name}")).status, 404, "{name}");
        }
    }
    assert_eq!(curl.get(GUEST, "/fr/friendsrec").status, 403);
    assert_eq!(curl.get(GUEST, &format!("/fr/friendsrec/{FRIENDS}")).status, 403);
    let items = json!([{"file": TEAM}, {"file": FRIENDS}, {"file": GONE}, {"file": FRIENDS}]);
    assert_eq!(curl.post(GUEST, "/fr/delfriendsrec", &items).status, 403);
    let deleted = curl.post(MEMBER, "/fr/delfriendsrec", &items).json();
    assert_eq!(deleted, json!({"op": "delfriendsrec", "done": [FRIENDS], "failed": [TEAM, GONE, FRIENDS]}));
    assert!(!stage.recording(FRIENDS).exists() && stage.recording(TEAM).exists() && stage.recording(GONE).exists());
}

#[test]
fn only_plain_files_of_the_folder_are_deleted_and_failed_names_the_rest() {
    let stage = stage();
    fs::create_dir(stage.recording("folder")).unwrap();
    symlink(stage.path("freeswitch.xml"), stage.recording("link.wav")).unwrap();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    let bad = ["link.wav", "folder", "../etc/freeswitch.xml", "..", ".", "", "/etc/passwd", "missing.wav"];
    let items: Vec<_> = bad.iter().chain(&[TEAM, ODD]).map(|file| json!({"file": file})).collect();
    let deleted = curl.post(ADMIN, "/api/recordings/del", &json!(items)).json();
    assert_eq!(deleted, json!({"op": "api/recordings/del", "done": [TEAM, ODD], "failed": bad}));
    assert!(stage.recording("folder").exists() && stage.recording("link.wav").is_symlink());
    assert!(stage.path("freeswitch.xml").exists());
}

#[test]
fn without_the_folder_there_are_no_recordings() {
    let stage = stage();
    fs::remove_dir_all(stage.recording("")).unwrap();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    assert_eq!(curl.get(ADMIN, "/api/recordings").json()["files"], json!([]));
    assert_eq!(curl.get(MEMBER, "/fr/friendsrec").json()["files"], json!([]));
    assert_eq!(curl.get(ADMIN, &format!("/api/recordings/{TEAM}")).status, 404);
}
