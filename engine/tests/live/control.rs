//! What those who listen may have done with conferences, and what the switch is told then.

use std::time::Duration;

use serde_json::json;

use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

/// A conference of each context, with two members.
fn talking() -> Stage {
    let mut stage = Stage::new();
    for (number, room) in ["room", "lounge", "plaza", "My%20Conf", "a%22b"].into_iter().enumerate() {
        let (first, second) = (2 * number + 2, 2 * number + 3);
        stage.happens(&format!("{room} create"));
        stage.happens(&format!("{room} join {first} 20001"));
        stage.happens(&format!("{room} join {second} 21000"));
    }
    stage.settle();
    stage.hush();
    stage
}

fn exec(conference: &str, call: &str) -> String {
    json!({"req": "exec", "conference": conference, "call": call}).to_string()
}

fn memexec(conference: &str, call: &str, member: &str) -> String {
    json!({"req": "memexec", "conference": conference, "call": call, "member": member}).to_string()
}

#[test]
fn an_order_is_one_command_and_has_no_confirmation() {
    let mut stage = talking();
    for (request, command) in [
        (exec("room", "lock"), "conference room lock"),
        (exec("room", "unlock"), "conference room unlock"),
        (exec("room", "muteall"), "conference room mute all"),
        (exec("My Conf", "kickall"), "conference 'My Conf' kick all"),
        (memexec("room", "mute", "2"), "conference room mute 2"),
        (memexec("room", "unmute", "3"), "conference room unmute 3"),
        (memexec("My Conf", "kick", "8"), "conference 'My Conf' kick 8"),
    ] {
        assert_eq!(stage.ask(ADMIN, &request), Ok(vec![]));
        assert_eq!(stage.told(), [command]);
        assert_eq!(stage.heard(ADMIN), [""; 0]);
    }
}

#[test]
fn a_recording_that_is_ordered_over_the_websocket_is_announced_like_one_by_key() {
    let mut stage = talking();
    let file = format!("/recordings/lounge-{}.wav", stage.now().wall);
    let told = |stage: &mut Stage, call: &str, event: &str| {
        assert_eq!(stage.ask(MEMBER, &exec("lounge", call)), Ok(vec![]));
        if !event.is_empty() {
            stage.happens(&format!("lounge {event} {file}"));
        }
        stage.told()
    };
    let recording = |what: &str| format!("conference lounge recording {what} {file}");
    let sound = |name: &str| format!("conference lounge play conference/{name}.wav");
    assert_eq!(told(&mut stage, "stoprec", ""), [sound("not_recording_to_start_press_start")]);
    assert_eq!(told(&mut stage, "startrec", "rec"), [recording("start"), sound("recording_started")]);
    assert_eq!(told(&mut stage, "startrec", ""), [sound("already_recording")]);
    assert_eq!(told(&mut stage, "pauserec", "pause"), [recording("pause"), sound("recording_paused")]);
    assert_eq!(told(&mut stage, "startrec", ""), [sound("recording_paused_to_resume_press_resume")]);
    assert_eq!(told(&mut stage, "resumerec", "resume"), [recording("resume"), sound("resuming_recording")]);
    assert_eq!(told(&mut stage, "resumerec", ""), [sound("already_recording")]);
    assert_eq!(told(&mut stage, "stoprec", "stop"), [recording("stop"), sound("recording_stopped")]);
    assert_eq!(told(&mut stage, "pauserec", ""), [sound("not_recording_to_start_press_start")]);
}

#[test]
fn mute_all_is_told_once_when_all_are_muted_whichever_is_heard_of_first() {
    for answer_first in [true, false] {
        let mut stage = talking();
        stage.is_slow = true;
        stage.ask(ADMIN, &exec("room", "muteall")).unwrap();
        if answer_first {
            stage.hurries();
        }
        stage.all_happen(&["room mute 3", "room mute 2"]);
        stage.hurries();
        assert_eq!(stage.heard(ADMIN), ["mute room 3", "mute room 2", "muteAll room"]);
        stage.all_happen(&["room unmute 2", "room mute 2"]);
        assert_eq!(stage.heard(ADMIN), ["unmute room 2", "mute room 2"]);
    }
}

#[test]
fn mute_all_of_those_who_are_muted_already_is_told_once_and_one_that_fails_is_not() {
    let mut stage = talking();
    stage.all_happen(&["room mute 3", "room mute 2"]);
    stage.hush();
    stage.ask(ADMIN, &exec("room", "muteall")).unwrap();
    assert_eq!(stage.heard(ADMIN), ["muteAll room"]);
    stage.objection = Some("-ERR Conference room not found\n");
    stage.ask(ADMIN, &exec("room", "muteall")).unwrap();
    stage.all_happen(&["room unmute 2", "room mute 2"]);
    assert_eq!(stage.heard(ADMIN), ["unmute room 2", "mute room 2"]);
}

#[test]
fn mute_all_is_not_told_of_somebody_who_comes_later_and_is_muted_alone() {
    let mut stage = talking();
    stage.ask(ADMIN, &exec("room", "muteall")).unwrap();
    stage.all_happen(&["room mute 3", "room join 20 20002", "room mute 2", "room mute 20"]);
    assert_eq!(stage.heard(ADMIN), ["mute room 3", "newMember room 20", "mute room 2", "mute room 20"]);
}

#[test]
fn what_the_switch_does_not_do_is_logged() {
    let mut stage = talking();
    stage.objection = Some("-ERR Non-Existant ID 2\n");
    stage.ask(ADMIN, &memexec("room", "kick", "2")).unwrap();
    let warnings = stage.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("Non-Existant ID 2"), "{warnings:?}");
}

#[test]
fn what_is_not_known_is_an_error_and_the_switch_is_told_nothing() {
    let mut stage = talking();
    for (request, error) in [
        (exec("nowhere", "lock"), "no conference nowhere"),
        (exec("", "lock"), "no conference "),
        (exec("room lock\n\napi shutdown", "lock"), "no conference room lock\n\napi shutdown"),
        (memexec("nowhere", "mute", "2"), "no conference nowhere"),
        (memexec("room", "mute", "4"), "no member 4 in conference room"),
        (memexec("room", "mute", "all"), "no member all in conference room"),
        (memexec("room", "kick", "2 all"), "no member 2 all in conference room"),
    ] {
        assert_eq!(stage.error(ADMIN, &request), error);
    }
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_conference_whose_name_the_switch_does_not_understand_is_an_error_frame() {
    let mut stage = talking();
    for request in [exec("a\"b", "lock"), exec("a\"b", "startrec"), memexec("a\"b", "kick", "10")] {
        assert!(stage.error(ADMIN, &request).contains("cannot be controlled"));
    }
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_member_controls_what_it_sees_and_nothing_else_exists_for_it() {
    let mut stage = talking();
    for room in ["lounge", "plaza"] {
        stage.ask(MEMBER, &exec(room, "lock")).unwrap();
        assert_eq!(stage.told(), [format!("conference {room} lock")]);
    }
    for (request, hidden, unknown) in [
        (exec as fn(&str, &str) -> String, "room", "nowhere"),
        (|name, _| memexec(name, "kick", "2"), "room", "nowhere"),
        (exec, "a\"b", "nowhere"),
    ] {
        let (hidden_error, unknown_error) =
            (stage.error(MEMBER, &request(hidden, "lock")), stage.error(MEMBER, &request(unknown, "lock")));
        assert_eq!(hidden_error.replace(hidden, ""), unknown_error.replace(unknown, ""));
    }
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_guest_that_wants_to_control_is_closed_whatever_it_wants() {
    for request in
        [exec("plaza", "lock"), exec("nowhere", "lock"), memexec("plaza", "mute", "6"), exec("plaza", "stoprec")]
    {
        let mut stage = talking();
        assert!(stage.ask(GUEST, &request).is_err());
        stage.happens("plaza lock");
        assert_eq!((stage.told(), stage.heard(GUEST)), (vec![], vec![]), "it hears nothing after that");
    }
}

#[test]
fn while_the_switch_is_away_control_is_an_error_and_looking_is_not() {
    let mut stage = talking();
    stage.lose();
    for request in [exec("room", "lock"), exec("room", "startrec"), memexec("room", "mute", "2")] {
        assert!(stage.error(ADMIN, &request).contains("switch is not connected"));
    }
    assert_eq!(stage.error(MEMBER, &exec("room", "lock")), "no conference room");
    assert_eq!(stage.init(ADMIN).len(), 5);
    stage.connect();
    stage.pass(Duration::from_secs(10));
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_conference_that_has_ended_cannot_be_controlled() {
    let mut stage = talking();
    stage.all_happen(&["room leave 2", "room leave 3"]);
    assert_eq!(stage.error(ADMIN, &exec("room", "lock")), "no conference room");
    stage.happens("room destroy");
    assert_eq!(stage.error(ADMIN, &memexec("room", "kick", "2")), "no conference room");
}

#[test]
fn every_order_is_one_line_of_the_log() {
    let mut stage = talking();
    stage.ask(MEMBER, &exec("lounge", "lock")).unwrap();
    stage.ask(MEMBER, &memexec("room", "kick", "2")).unwrap();
    let lines: Vec<String> = stage.notes.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("\"member\" (21000) from 192.0.2.7") && lines[0].contains("lounge"), "{lines:?}");
    assert!(lines[1].contains("no conference room"), "{lines:?}");
}

#[test]
fn who_gives_orders_faster_than_the_switch_carries_them_out_is_told_to_wait() {
    let mut stage = talking();
    stage.is_slow = true;
    let lock = r#"{"req":"exec","conference":"room","call":"lock"}"#;
    for _ in 0..16 {
        assert_eq!(stage.ask(ADMIN, lock), Ok(vec![]));
    }
    assert_eq!(stage.error(ADMIN, lock), "too many orders wait for the switch; try again later");
    // There is room left for keys.
    stage.happens("room key conferencelock");
    assert_eq!(stage.told().len(), 17);
    stage.hurries();
    assert_eq!(stage.ask(ADMIN, lock), Ok(vec![]));
}
