//! Conferences: when they begin and end for those who listen, and which of them is meant by a name.

use std::time::Duration;

use serde_json::json;

use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

#[test]
fn a_conference_begins_with_its_first_member_and_ends_with_the_last_in_one_word_each() {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001", "room floor 2", "room join 3 20002", "room leave 2"]);
    stage.all_happen(&["room floor none", "room leave 3", "room destroy"]);
    let heard = stage.heard(ADMIN);
    assert_eq!(
        heard,
        [
            "newConference room",
            "floorchange room 2",
            "newMember room 3",
            "floorchange room",
            "delMember room 2",
            "delConference room"
        ]
    );
    assert_eq!(stage.listings, 0, "nothing of that needs a listing");
}

#[test]
fn what_clients_are_told_of_a_conference_has_all_its_properties() {
    let mut stage = Stage::new();
    stage.all_happen(&["plaza create", "plaza join 2 22000 mute", "plaza join 3 20001 name=Anna"]);
    stage.all_happen(&["plaza floor 3", "plaza rec /r/x.wav", "plaza lock", "plaza join 4 999", "plaza leave 4"]);
    let member = |confid: &str, id: &str, name: &str, mute: bool| json!({"name": name, "id": id, "confid": confid, "mute": mute});
    let (guest, anna) = (member("2", "22000", "guest", true), member("3", "20001", "Anna", false));
    let stray = member("4", "999", "999", false);
    let expected = json!({
        "name": "plaza", "context": "public", "type": "16kHz-novideo", "num": "32000",
        "recording": {"status": "running", "file": "/r/x.wav"}, "locked": true, "floor": anna, "lastjoin": stray,
        "lastleave": stray, "memcount": 2, "members": [guest, anna],
    });
    assert_eq!(stage.init(GUEST), [expected]);
}

#[test]
fn a_caller_at_the_pin_prompt_is_not_shown_and_leaves_without_a_word() {
    let mut stage = Stage::new();
    stage.happens("room create");
    stage.is_missed("lounge create");
    stage.pass(Duration::from_secs(61));
    assert_eq!(stage.listings, 1, "the audit lists conferences without members");
    assert_eq!(stage.init(ADMIN), [json!(null); 0]);
    stage.all_happen(&["room destroy", "lounge join 2 21000", "lounge leave 2", "lounge destroy"]);
    assert_eq!(stage.heard(ADMIN), ["newConference lounge", "delConference lounge"]);
}

#[test]
fn figures_count_what_administrators_see() {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001", "room join 3 20002", "room rec /r/x.wav"]);
    stage.all_happen(&["plaza create", "plaza join 2 22000", "lounge create"]);
    let figures = stage.engine.figures();
    assert_eq!((figures.conferences, figures.members, figures.recordings), (2, 3, 1));
    stage.all_happen(&["room leave 2", "room leave 3", "room destroy"]);
    let figures = stage.engine.figures();
    assert_eq!((figures.conferences, figures.members, figures.recordings), (1, 1, 0));
}

#[test]
fn a_new_generation_of_a_name_sends_the_end_of_the_old_one_first_and_silences_it() {
    let mut stage = Stage::new();
    stage.all_happen(&["room~1 create", "room~1 join 2 20001", "room~1 join 3 20002"]);
    stage.all_happen(&["room~2 create", "room~2 join 4 20000"]);
    stage.all_happen(&["room~1 mute 2", "room~1 leave 2", "room~1 floor 3", "room~1 stop /r/x", "room~1 leave 3"]);
    stage.all_happen(&["room~2 lock", "room~1 destroy", "room~2 join 5 20001"]);
    let expected = [
        "newConference room",
        "newMember room 3",
        "delConference room",
        "newConference room",
        "lock room",
        "newMember room 5",
    ];
    assert_eq!(stage.heard(ADMIN), expected);
    stage.settle();
    assert_eq!(stage.listings, 0);
}

#[test]
fn a_new_generation_that_nobody_is_in_yet_leaves_the_old_one_shown() {
    let mut stage = Stage::new();
    stage.all_happen(&["room~1 create", "room~1 join 2 20001", "room~2 create", "room~1 mute 2"]);
    assert_eq!(stage.heard(ADMIN), ["newConference room", "mute room 2"]);
    stage.all_happen(&["room~1 leave 2", "room~1 destroy", "room~2 join 3 20001"]);
    assert_eq!(stage.heard(ADMIN), ["delConference room", "newConference room"]);
}

#[test]
fn between_the_end_and_the_next_beginning_of_a_name_nothing_is_said_about_it() {
    let mut stage = Stage::new();
    stage.all_happen(&["room~1 create", "room~1 join 2 20001", "room~1 rec /r/x.wav"]);
    stage.all_happen(&["room~1 floor none", "room~1 leave 2", "room~1 stop /r/x.wav", "room~1 lock", "room~1 destroy"]);
    stage.happens("room~2 create");
    assert_eq!(stage.heard(ADMIN), ["newConference room", "recStart room /r/x.wav", "delConference room"]);
}

#[test]
fn of_two_generations_in_one_listing_the_newer_counts() {
    let mut stage = Stage::new();
    for line in ["room~1 create", "room~1 join 2 20001", "room~2 create", "room~2 join 3 20002"] {
        stage.is_missed(line);
    }
    stage.pass(Duration::from_secs(61));
    assert_eq!(stage.heard(ADMIN), ["newConference room"]);
    stage.all_happen(&["room~1 leave 2", "room~1 destroy", "room~2 join 4 20000"]);
    assert_eq!(stage.heard(ADMIN), ["newMember room 4"]);
}

#[test]
fn a_conference_that_no_file_defines_is_for_admins_only() {
    let mut stage = Stage::new();
    stage.all_happen(&["street create", "street join 2 22000", "street rec /r/x.wav", "street mute 2"]);
    assert_eq!(stage.heard(ADMIN), ["newConference street", "recStart street /r/x.wav", "mute street 2"]);
    let shown = &stage.init(ADMIN)[0];
    assert_eq!((&shown["context"], &shown["type"], &shown["num"]), (&json!(""), &json!(""), &json!("")));
    for id in [MEMBER, GUEST] {
        assert_eq!((stage.init(id).len(), stage.heard(id)), (0, vec![]));
    }
}

#[test]
fn everybody_hears_of_what_is_public_members_of_their_own_and_admins_of_all() {
    let mut stage = Stage::new();
    for (number, room) in ["room", "lounge", "plaza"].into_iter().enumerate() {
        stage.all_happen(&[&format!("{room} create"), &format!("{room} join {} 20001", number + 2)]);
    }
    assert_eq!(stage.heard(ADMIN), ["newConference room", "newConference lounge", "newConference plaza"]);
    assert_eq!(stage.heard(MEMBER), ["newConference lounge", "newConference plaza"]);
    assert_eq!(stage.heard(GUEST), ["newConference plaza"]);
}

#[test]
fn an_event_about_an_unknown_conference_leads_to_one_listing_and_at_most_one_waits() {
    let mut stage = Stage::new();
    stage.settle();
    for line in ["room create", "room join 2 20001", "room join 3 20002"] {
        stage.is_missed(line);
    }
    stage.is_slow = true;
    (0..50).for_each(|_| stage.happens("room talk 2"));
    assert_eq!(stage.listings, 1, "one runs");
    stage.hurries();
    stage.settle();
    assert_eq!(stage.listings, 2, "and one has waited");
    assert_eq!(stage.heard(ADMIN), ["newConference room", "newMember room 3"]);
}

#[test]
fn a_flood_of_events_about_what_no_listing_knows_is_no_flood_of_listings() {
    let mut stage = Stage::new();
    for _ in 0..100 {
        stage.is_claimed("room talk 2");
        stage.pass(Duration::from_millis(10));
    }
    assert!(stage.listings <= 5, "{} listings in a second", stage.listings);
    assert_eq!(stage.init(ADMIN).len(), 0);
}

#[test]
fn an_event_about_an_unknown_member_leads_to_a_listing() {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001"]);
    for event in ["room mute 3", "room floor 3", "room leave 3", "room unmute 3"] {
        stage.settle();
        stage.hush();
        stage.is_claimed(event);
        stage.settle();
        assert_eq!((stage.listings, stage.heard(ADMIN)), (1, vec![]), "{event}");
    }
}

#[test]
fn a_size_that_does_not_fit_leads_to_a_listing() {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001"]);
    stage.is_missed("room join 3 20002");
    stage.settle();
    stage.hush();
    stage.happens("room join 4 20000");
    stage.settle();
    assert_eq!((stage.listings, stage.heard(ADMIN)), (1, vec!["newMember room 4".into(), "newMember room 3".into()]));
}

#[test]
fn a_name_that_the_switch_does_not_understand_is_shown_and_harmless() {
    let mut stage = Stage::new();
    for (number, room) in ["a%22b", "a%5Cb", "a%27b", "a%0Ab", "a%FFb"].into_iter().enumerate() {
        let lines = [format!("{room} create"), format!("{room} join {number} 20001"), format!("{room} rec /r/x")];
        stage.all_happen(&lines);
    }
    let names: Vec<String> = stage.init(ADMIN).iter().map(|room| room["name"].as_str().unwrap().into()).collect();
    assert_eq!(names, ["a\nb", "a\"b", "a'b", "a\\b", "a\u{fffd}b"]);
    stage.pass(Duration::from_secs(61));
    assert_eq!((stage.init(ADMIN).len(), stage.told()), (5, vec![]));
}
