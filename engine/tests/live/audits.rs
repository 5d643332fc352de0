//! Listings: what the engine does with them, and with answers that are none.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use serde_json::json;

use crate::stage::{ADMIN, GUEST, Stage};

const A_MINUTE: Duration = Duration::from_secs(61);

/// A conference with two members.
fn talking() -> Stage {
    let mut stage = Stage::new();
    stage.all_happen(&["plaza create", "plaza join 2 22000", "plaza join 3 20001", "plaza floor 2"]);
    stage.settle();
    stage.hush();
    stage
}

#[test]
fn an_audit_publishes_what_events_have_not_told_one_by_one() {
    let mut stage = talking();
    for line in
        ["plaza floor 3", "plaza mute 2", "plaza lock", "plaza rec /r/x.wav", "plaza join 4 20002", "room create"]
    {
        stage.is_missed(line);
    }
    stage.is_missed("room join 5 20000");
    stage.pass(A_MINUTE);
    let expected = [
        "mute plaza 2",
        "newMember plaza 4",
        "floorchange plaza 3",
        "lock plaza",
        "recStart plaza /r/x.wav",
        "newConference room",
    ];
    assert_eq!(sorted(stage.heard(ADMIN)), sorted(expected.map(String::from).to_vec()));
    for line in ["plaza leave 3", "plaza pause /r/x.wav", "plaza unlock", "room leave 5", "room destroy"] {
        stage.is_missed(line);
    }
    stage.pass(A_MINUTE);
    let expected = ["floorchange plaza", "delMember plaza 3", "unlock plaza", "recPause plaza /r/x.wav"];
    assert_eq!(stage.heard(GUEST).split_off(5), expected);
    assert!(stage.heard(ADMIN).contains(&"delConference room".to_owned()));
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn an_audit_that_finds_nothing_says_nothing() {
    let mut stage = talking();
    stage.pass(10 * A_MINUTE);
    assert_eq!((stage.heard(ADMIN), stage.listings), (vec![], 10));
}

#[test]
fn what_events_have_told_since_a_listing_was_asked_for_counts_more_than_the_listing() {
    let mut stage = talking();
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    let before = stage.switch.json_list();
    stage.all_happen(&["plaza mute 2", "plaza join 4 20002", "plaza leave 3", "plaza lock", "plaza floor 4"]);
    stage.all_happen(&["plaza rec /r/x.wav", "room create", "room join 5 20000"]);
    let heard = stage.heard(ADMIN);
    assert_eq!(stage.questions().front(), Some(&SwitchCommand::LiveConferences));
    stage.answer_with(before.as_bytes());
    assert_eq!((heard.len(), stage.heard(ADMIN)), (7, vec![]), "{heard:?}");
    stage.hurries();
    stage.settle();
    assert_eq!(stage.heard(ADMIN), [""; 0]);
}

#[test]
fn a_listing_of_what_events_tell_later_is_not_doubled_by_them() {
    let mut stage = talking();
    let lines =
        ["plaza mute 2", "plaza join 4 20002", "plaza lock", "room create", "room join 5 20000", "plaza rec /r/x"];
    for line in lines {
        stage.is_missed(line);
    }
    stage.pass(A_MINUTE);
    assert_eq!(stage.heard(ADMIN).len(), 5);
    for line in lines {
        stage.is_claimed(line);
    }
    assert_eq!(stage.heard(ADMIN), [""; 0]);
}

#[test]
fn a_listing_decides_about_one_recording_although_an_event_tells_of_another() {
    let mut stage = talking();
    stage.is_missed("plaza rec /r/1.wav");
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    stage.happens("plaza rec /r/2.wav");
    stage.hurries();
    assert_eq!(stage.heard(ADMIN), ["recStart plaza /r/2.wav", "recStart plaza /r/1.wav"]);
}

#[test]
fn an_empty_conference_in_a_listing_is_harmless() {
    let mut stage = talking();
    stage.is_missed("room create");
    stage.pass(A_MINUTE);
    for odd in [r#"{"conference_name":"x","conference_uuid":"u"}"#, r#"{"conference_name":"y","members":[]}"#, "{}"] {
        stage.is_slow = true;
        stage.pass(A_MINUTE);
        let list = stage.switch.json_list().replacen('[', &format!("[{odd},"), 1);
        stage.answer_with(list.as_bytes());
        stage.hurries();
    }
    assert_eq!((stage.heard(ADMIN), stage.warnings()), (vec![], vec![]));
}

#[test]
fn a_listing_that_cannot_be_read_is_logged_once_and_the_state_stays() {
    let mut stage = talking();
    stage.says.insert(SwitchCommand::LiveConferences, "-ERR conference Command not found!\n");
    stage.pass(3 * A_MINUTE);
    assert!(stage.listings > 3);
    let warnings = stage.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`conference json_list`") && warnings[0].contains("not found"), "{warnings:?}");
    assert_eq!((stage.heard(ADMIN), stage.init(GUEST)[0]["memcount"].clone()), (vec![], json!(2)));
    stage.happens("plaza lock");
    assert_eq!(stage.heard(ADMIN), ["lock plaza"]);
    // Once it works again, the log hears of the next time.
    let words = stage.says.remove(&SwitchCommand::LiveConferences).unwrap();
    stage.pass(A_MINUTE);
    stage.says.insert(SwitchCommand::LiveConferences, words);
    stage.pass(A_MINUTE);
    assert_eq!(stage.warnings().len(), 1);
}

#[test]
fn a_listing_from_before_a_conference_does_not_end_it_nor_revive_the_one_before() {
    let mut stage = talking();
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    let before = stage.switch.json_list();
    stage.all_happen(&["plaza leave 2", "plaza leave 3", "plaza destroy", "plaza~2 create", "plaza~2 join 4 20001"]);
    stage.hush();
    stage.answer_with(before.as_bytes());
    assert_eq!(stage.heard(ADMIN), [""; 0]);
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "4");
}

#[test]
fn a_listing_that_knows_the_generation_after_the_one_that_events_tell_of_is_believed_in_the_end() {
    let mut stage = Stage::new();
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    stage.all_happen(&["room~1 create", "room~1 join 2 20001"]);
    for line in ["room~1 leave 2", "room~1 destroy", "room~2 create", "room~2 join 3 20002"] {
        stage.is_missed(line);
    }
    stage.hurries();
    stage.settle();
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "3");
    for line in ["room~1 leave 2", "room~1 destroy", "room~2 create", "room~2 join 3 20002"] {
        stage.is_claimed(line);
    }
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "3");
}

#[test]
fn a_generation_that_has_begun_to_be_shown_stays_whatever_a_listing_from_before_says() {
    let mut stage = Stage::new();
    stage.lose();
    for line in ["room~1 create", "room~1 join 2 20001", "room~2 create"] {
        stage.is_missed(line);
    }
    stage.connect();
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "2", "nobody is in the next one yet");
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    let before = stage.switch.json_list();
    stage.happens("room~2 join 3 20002");
    stage.answer_with(before.as_bytes());
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "3");
    stage.hurries();
    stage.all_happen(&["room~1 leave 2", "room~1 destroy", "room~2 join 4 20000"]);
    assert_eq!(stage.init(ADMIN)[0]["memcount"], 2);
}

#[test]
fn a_late_event_about_the_generation_before_the_one_that_is_listed_does_not_end_that_for_good() {
    let mut stage = Stage::new();
    stage.lose();
    let lines = ["room~1 create", "room~1 join 2 20001", "room~1 leave 2", "room~1 destroy", "room~2 create"];
    for line in lines.into_iter().chain(["room~2 join 3 20002"]) {
        stage.is_missed(line);
    }
    stage.connect();
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "3");
    for line in lines.into_iter().chain(["room~2 join 3 20002"]) {
        stage.is_claimed(line);
    }
    assert_eq!(stage.init(ADMIN)[0]["members"][0]["confid"], "3");
}

#[test]
fn what_one_listing_has_ended_the_next_one_can_bring_back() {
    let mut stage = talking();
    stage.is_slow = true;
    stage.pass(A_MINUTE);
    assert_eq!(stage.questions().front(), Some(&SwitchCommand::LiveConferences));
    stage.answer_with(b"[]");
    assert_eq!(stage.heard(ADMIN), ["delConference plaza"]);
    stage.hurries();
    stage.pass(A_MINUTE);
    assert_eq!(stage.heard(ADMIN), ["newConference plaza", "newMember plaza 3", "floorchange plaza 2"]);
}
