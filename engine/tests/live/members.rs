//! Members: who they are, what they are called, and whether they can be heard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{ADMIN, Configuration, Stage, USERS};

/// The only conference's member of this id: its user, its name, and whether it is muted.
fn member(stage: &mut Stage, confid: &str) -> Value {
    let room = stage.init(ADMIN).remove(0);
    let member = room["members"].as_array().unwrap().iter().find(|member| member["confid"] == confid).cloned();
    let member = member.unwrap_or_else(|| panic!("no member {confid} in {room}"));
    json!([member["id"], member["name"], member["mute"]])
}

fn talking() -> Stage {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001", "room join 3 20002"]);
    stage.hush();
    stage
}

#[test]
fn the_same_user_can_be_in_twice() {
    let mut stage = talking();
    stage.all_happen(&["room join 4 20001 name=second%20phone", "room mute 2", "room leave 2", "room mute 4"]);
    assert_eq!(stage.heard(ADMIN), ["newMember room 4", "mute room 2", "delMember room 2", "mute room 4"]);
    assert_eq!(member(&mut stage, "4"), json!(["20001", "second phone", true]));
}

#[test]
fn a_member_has_the_name_its_phone_sends_or_that_of_the_directory() {
    let mut stage = Stage::new();
    stage.happens("room create");
    for (confid, join, expected) in [
        ("2", "20001", json!(["20001", "Anna Müller", false])),
        ("3", "20001 name=", json!(["20001", "Anna Müller", false])),
        ("4", "20001 name=Anni", json!(["20001", "Anni", false])),
        // Who has logged in counts more than the number that its phone claims.
        ("5", "12345 user=20002", json!(["20002", "bert", false])),
        ("6", "20002 user=-", json!(["20002", "bert", false])),
        ("7", "555 user=- name=looper", json!(["555", "looper", false])),
        ("8", "555 user=-", json!(["555", "555", false])),
    ] {
        stage.happens(&format!("room join {confid} {join}"));
        assert_eq!(member(&mut stage, confid), expected, "{join}");
    }
    assert_eq!(stage.listings, 0);
}

#[test]
fn an_audit_never_replaces_who_has_logged_in_by_the_number_of_the_phone() {
    let mut stage = talking();
    stage.happens("room join 4 12345 user=20000 name=boss");
    stage.hush();
    stage.pass(Duration::from_secs(61));
    assert_eq!((stage.listings, stage.heard(ADMIN)), (1, vec![]));
    assert_eq!(member(&mut stage, "4"), json!(["20000", "boss", false]));
}

#[test]
fn who_was_known_by_its_number_only_joins_again_under_its_name() {
    let mut stage = talking();
    stage.is_missed("room join 4 12345 user=20000");
    stage.pass(Duration::from_secs(61));
    assert_eq!(member(&mut stage, "4"), json!(["12345", "12345", false]));
    stage.is_claimed("room join 4 12345 user=20000");
    assert_eq!(stage.heard(ADMIN), ["newMember room 4", "delMember room 4", "newMember room 4"]);
    assert_eq!(member(&mut stage, "4"), json!(["20000", "admin", false]));
}

#[test]
fn hold_is_not_mute() {
    let mut stage = talking();
    stage.all_happen(&["room hold 2", "room join 4 20000 hold"]);
    stage.pass(Duration::from_secs(61));
    assert_eq!(stage.heard(ADMIN), ["newMember room 4"]);
    assert_eq!((stage.listings, member(&mut stage, "2")[2].clone()), (1, json!(false)));
    // Whoever was muted before stays so.
    stage.all_happen(&["room unhold 2", "room mute 2", "room hold 2"]);
    stage.pass(Duration::from_secs(61));
    assert_eq!(stage.heard(ADMIN), ["mute room 2"]);
    // What a switch does not tell of while somebody is on hold shows afterwards.
    stage.happens("room unhold 4 mute");
    assert_eq!(stage.heard(ADMIN), ["mute room 4"]);
}

#[test]
fn what_is_so_already_is_not_said_again() {
    let mut stage = talking();
    for event in
        ["room mute 2", "room mute 2", "room lock", "room lock", "room floor 2", "room floor 2", "room rec /r/x"]
    {
        stage.happens(event);
    }
    stage.all_happen(&["room pause /r/x", "room pause /r/x", "room resume /r/x", "room resume /r/x"]);
    stage.all_happen(&["room unmute 2", "room unmute 2", "room unlock", "room unlock", "room join 2 20001"]);
    assert_eq!(
        stage.heard(ADMIN),
        [
            "mute room 2",
            "lock room",
            "floorchange room 2",
            "recStart room /r/x",
            "recPause room /r/x",
            "recResume room /r/x",
            "unmute room 2",
            "unlock room"
        ]
    );
}

#[test]
fn the_floor_shows_the_member_as_it_is_and_goes_before_its_member_does() {
    let mut stage = talking();
    stage.all_happen(&["room floor 3", "room mute 3"]);
    assert_eq!(stage.init(ADMIN)[0]["floor"], json!({"name": "bert", "id": "20002", "confid": "3", "mute": true}));
    stage.happens("room leave 3");
    assert_eq!(stage.heard(ADMIN), ["floorchange room 3", "mute room 3", "floorchange room", "delMember room 3"]);
    assert_eq!(stage.init(ADMIN)[0]["floor"], json!({}));
}

#[test]
fn a_floor_that_the_only_member_has_lost_is_free_when_the_next_one_comes() {
    let mut stage = talking();
    stage.all_happen(&["room leave 3", "room floor 2"]);
    stage.hush();
    stage.happens("room floor none");
    assert_eq!(stage.heard(ADMIN), [""; 0], "so a conference ends");
    stage.happens("room join 4 20000");
    assert_eq!(stage.heard(ADMIN), ["floorchange room", "newMember room 4"]);
}

#[test]
fn a_new_name_in_the_directory_shows_at_once() {
    let mut stage = talking();
    let users: Vec<_> =
        USERS.map(|(id, name, context)| (id, if id == "20002" { "berta" } else { name }, context)).into();
    stage.reload(Configuration::with(&users, &[("30000", "room")]));
    assert_eq!(stage.heard(ADMIN), ["newXML", "newLiveState"]);
    assert_eq!(member(&mut stage, "3"), json!(["20002", "berta", false]));
}
