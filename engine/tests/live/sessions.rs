//! Sessions with the switch, new states of the configuration, and those who listen meanwhile.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::live::listener::{ListenerId, Listening};
use fsconnector_engine::live::request::{ConferenceCall, LiveRequest};
use serde_json::json;

use crate::stage::{ADMIN, Configuration, GUEST, MEMBER, Stage, USERS};

fn talking() -> Stage {
    let mut stage = Stage::new();
    stage.all_happen(&["room create", "room join 2 20001", "plaza create", "plaza join 3 22000", "plaza rec /r/x.wav"]);
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.settle();
    stage.hush();
    stage
}

#[test]
fn after_a_break_listeners_are_told_everything_anew_once() {
    let mut stage = talking();
    stage.lose();
    assert_eq!((stage.init(ADMIN).len(), stage.initreg(ADMIN).len()), (2, 1), "the last known state is shown");
    for line in ["room leave 2", "room destroy", "plaza join 4 20002", "plaza stop /r/x.wav", "lounge create"] {
        stage.is_missed(line);
    }
    stage.is_missed("lounge join 5 21000");
    stage.is_missed("phone unregister 20001 a");
    stage.connect();
    stage.settle();
    for (id, rooms) in [(ADMIN, 2), (MEMBER, 2), (GUEST, 1)] {
        let heard = stage.heard(id);
        assert_eq!(heard.iter().filter(|line| *line == "newLiveState").count(), 1, "{heard:?}");
        assert!(heard.iter().all(|line| ["newXML", "newLiveState", "delReg a"].contains(&&**line)), "{heard:?}");
        assert_eq!(stage.init(id).len(), rooms);
    }
    assert_eq!(stage.listings, 1);
}

#[test]
fn events_between_a_reconnect_and_its_listing_are_silent_and_part_of_it() {
    let mut stage = talking();
    stage.lose();
    stage.is_missed("plaza join 4 20002");
    stage.is_slow = true;
    stage.connect();
    let before = stage.switch.json_list();
    stage.hush();
    stage.all_happen(&[
        "room leave 2",
        "room destroy",
        "plaza lock",
        "room~2 create",
        "room~2 join 5 20001",
        "plaza mute 4",
    ]);
    assert_eq!(stage.heard(ADMIN), [""; 0]);
    stage.answer_with(before.as_bytes());
    assert_eq!(stage.heard(ADMIN), ["newLiveState"]);
    let rooms = stage.init(ADMIN);
    assert_eq!((&rooms[0]["locked"], &rooms[1]["members"][0]["confid"]), (&json!(true), &json!("5")));
    // An event about a member that was not known yet: only the next listing tells.
    stage.hurries();
    stage.settle();
    assert_eq!(stage.heard(ADMIN), ["mute plaza 4"]);
}

#[test]
fn a_switch_that_has_started_anew_begins_with_nothing_and_its_member_ids_anew() {
    let mut stage = talking();
    stage.lose();
    stage.switch = crate::switch::Switch::default();
    for line in ["plaza~9 create", "plaza~9 join 2 20002"] {
        stage.is_missed(line);
    }
    stage.connect();
    stage.settle();
    assert_eq!(stage.initreg(GUEST).len(), 0);
    let rooms = stage.init(ADMIN);
    assert_eq!((rooms.len(), &rooms[0]["members"][0]["id"], &rooms[0]["lastleave"]), (1, &json!("20002"), &json!({})));
    stage.all_happen(&["room~9 create", "room~9 join 3 22000"]);
    assert_eq!(stage.heard(ADMIN).last().unwrap(), "newConference room");
}

#[test]
fn when_the_first_listing_cannot_be_read_events_are_what_there_is_and_it_is_asked_for_again_soon() {
    let mut stage = talking();
    stage.lose();
    stage.says.insert(SwitchCommand::LiveConferences, "-ERR\n");
    stage.connect();
    stage.happens("plaza lock");
    stage.is_missed("plaza mute 3");
    stage.pass(Duration::from_secs(20));
    assert_eq!(stage.heard(ADMIN).split_off(1), ["newLiveState", "lock plaza"]);
    stage.says.clear();
    stage.pass(Duration::from_secs(10));
    assert_eq!(stage.heard(ADMIN), ["mute plaza 3"]);
}

#[test]
fn a_listener_that_comes_during_the_catching_up_is_told_everything_afterwards() {
    let mut stage = talking();
    stage.lose();
    stage.is_slow = true;
    stage.connect();
    stage.join(ListenerId(9), "bert");
    stage.happens("plaza lock");
    stage.hurries();
    assert_eq!(stage.heard(ListenerId(9)), ["reply init", "reply initreg", "newLiveState"]);
}

#[test]
fn a_new_state_is_told_to_everybody_and_an_unchanged_one_says_no_more() {
    let mut stage = talking();
    stage.reload(Configuration::default());
    for id in [ADMIN, MEMBER, GUEST] {
        assert_eq!(stage.heard(id), ["newXML"]);
    }
}

#[test]
fn a_conference_that_gets_another_context_is_shown_to_whom_it_is_meant_from_then_on() {
    let mut stage = talking();
    let moved = [("30000", "plaza"), ("30001", "My Conf"), ("31000", "lounge"), ("32000", "room")];
    stage.reload(Configuration::with(&USERS, &moved));
    for id in [ADMIN, MEMBER, GUEST] {
        assert_eq!(stage.heard(id), ["newXML", "newLiveState"]);
    }
    assert_eq!(stage.init(GUEST)[0]["name"], "room");
    stage.all_happen(&["plaza lock", "room lock"]);
    assert_eq!((stage.heard(ADMIN).len(), stage.heard(GUEST)), (2, vec!["lock room".to_owned()]));
}

#[test]
fn who_has_changed_is_closed_before_anybody_hears_of_the_new_state() {
    let mut stage = talking();
    let users = [("20000", "admin", "team"), ("21000", "member", "public"), ("20001", "Anna Müller", "team")];
    stage.reload(Configuration::with(&users, &[("30000", "room"), ("32000", "plaza")]));
    assert!(stage.ear(ADMIN).closed.is_none());
    for id in [MEMBER, GUEST] {
        assert!(stage.ear(id).closed.is_some());
        assert_eq!(stage.heard(id), [""; 0]);
    }
}

#[test]
fn a_demoted_admin_loses_control_at_once() {
    let mut stage = talking();
    let users = USERS.map(|(id, name, context)| (id, name, if id == "20000" { "public" } else { context }));
    stage.reload(Configuration::with(&users, &[("30000", "room"), ("32000", "plaza")]));
    assert!(stage.ear(ADMIN).closed.is_some());
    // What it sent before it learned that.
    let request = LiveRequest::Exec { conference: "room".into(), call: ConferenceCall::KickAll };
    stage.does(ADMIN, Listening::Asks(request));
    stage.happens("room lock");
    assert_eq!((stage.told(), stage.heard(ADMIN)), (vec![], vec![]));
}

#[test]
fn who_logged_in_as_somebody_that_is_not_so_any_more_is_closed_when_it_comes() {
    let mut stage = talking();
    let users = USERS.map(|(id, name, context)| (id, name, if name == "bert" { "public" } else { context }));
    stage.join_later("bert", |stage| stage.reload(Configuration::with(&users, &[("30000", "room")])));
    assert!(stage.ear(ListenerId(9)).closed.is_some());
}

#[test]
fn who_has_missed_events_is_told_all_that_it_had_asked_for() {
    let mut stage = talking();
    stage.join_only(ListenerId(9), "guest");
    stage.ask(ListenerId(9), r#"{"req":"init"}"#).unwrap();
    for id in [GUEST, ListenerId(9)] {
        stage.gets_slow(id);
    }
    stage.all_happen(&["plaza join 4 20002", "plaza leave 3", "room lock", "phone unregister 20001 a"]);
    stage.hush();
    for id in [GUEST, ListenerId(9)] {
        stage.catches_up(id);
    }
    assert_eq!(stage.heard(GUEST), ["newXML", "newLiveState", "reply initreg"]);
    assert_eq!(stage.heard(ListenerId(9)), ["newXML", "newLiveState"]);
    stage.check_ears();
    stage.happens("plaza lock");
    assert_eq!(stage.heard(GUEST), ["lock plaza"]);
}

#[test]
fn who_has_left_hears_nothing_and_is_answered_nothing() {
    let mut stage = talking();
    stage.leaves(GUEST);
    stage.happens("plaza lock");
    stage.does(GUEST, Listening::HasMissed);
    stage.does(GUEST, Listening::Asks(LiveRequest::Init {}));
    stage.leaves(GUEST);
    assert_eq!(stage.heard(GUEST), [""; 0]);
}
