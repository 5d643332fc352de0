//! What people do in conferences, beyond what was recorded: prompts, generations, races, faults.

#![allow(clippy::unwrap_used)]

mod recorded;
mod world;

use fsconnector_simulator::{Caller, Pace, Timing};
use world::{NOW, World};

#[test]
fn a_conference_exists_while_its_first_caller_is_asked_for_the_pin() {
    let mut world = World::new();
    let call = world.dial("20000", "30001").unwrap();
    assert_eq!(world.heard(), ["conference-create"]);
    assert!(world.api("conference json_list compact").contains("\"member_count\":0,"));
    assert!(world.api("conference json_list compact").contains("\"members\":[]"));
    world.press(call, "99");
    assert_eq!(world.only().members, []);
    world.press(call, "17");
    world.wait(1_000_000);
    assert_eq!(world.heard(), ["add-member 1", "floor-change 1"]);
    assert_eq!(world.only().floor, Some(1));
}

#[test]
fn whoever_does_not_know_the_pin_is_hung_up_and_the_conference_ends() {
    let mut world = World::new();
    let call = world.dial("20000", "30001").unwrap();
    world.press(call, "1#42");
    world.wait(1_000_000);
    assert_eq!(world.heard(), ["conference-create", "conference-destroy"]);
    assert_eq!(world.switch.conferences(), []);
}

#[test]
fn a_number_leads_through_the_dialplan_or_nowhere() {
    let mut world = World::new();
    for (user, number) in [("20000", "30002"), ("20000", "9"), ("20000", "930000"), ("22000", "4"), ("22000", "9")] {
        assert_eq!(world.dial(user, number), None, "{user} {number}");
    }
    assert_eq!(world.heard(), [""; 0]);
    world.dial("22000", "30000").unwrap();
    world.dial("20001", "30000").unwrap();
    let members = world.only().members;
    let told: Vec<_> = members.iter().map(|member| (member.username.as_deref(), member.is_muted)).collect();
    assert_eq!(told, [(Some("22000"), false), (Some("20001"), true)]);
}

#[test]
fn a_call_into_a_locked_conference_is_told_to_nobody() {
    let mut world = World::new();
    world.dial("20000", "30000");
    world.api("conference alpha lock");
    world.wait(1_000_000);
    world.heard();
    assert_eq!(world.dial("20001", "30000"), None);
    assert_eq!(world.heard(), [""; 0]);
}

#[test]
fn two_generations_of_a_name_are_alive_until_the_old_one_has_gone() {
    let mut world = World::new();
    let old = world.dial("20000", "30000").unwrap();
    world.wait(1_000_000);
    world.switch.set_pace(old, Pace { departure: 5_000_000, ..Pace::default() });
    world.switch.end_conference(world.now, "alpha", &mut world.out);
    world.dial("20001", "30000").unwrap();
    world.wait(1_000_000);
    let both = world.switch.conferences();
    assert_eq!(both.len(), 2);
    assert_ne!(both[0].uuid, both[1].uuid);
    let listing = world.api("conference json_list");
    assert!(!listing.contains(&both[0].uuid) && listing.contains(&both[1].uuid));
    world.heard();
    world.wait(5_000_000);
    assert_eq!(world.heard(), ["floor-change", "del-member 1", "conference-destroy"]);
    assert_eq!(world.only().uuid, both[1].uuid);
}

#[test]
fn a_conference_whose_last_member_has_just_left_takes_nobody_in() {
    let mut world = World::new();
    let call = world.dial("20000", "30000").unwrap();
    world.wait(1_000_000);
    world.heard();
    world.leave(call);
    world.dial("20001", "30000").unwrap();
    world.wait(1_000_000);
    let expected =
        ["floor-change", "del-member 1", "conference-create", "add-member 2", "conference-destroy", "floor-change 2"];
    assert_eq!(world.heard(), expected);
}

#[test]
fn whoever_ends_the_conference_takes_the_others_along() {
    let mut world = World::new();
    let join = |world: &mut World, data: &str| {
        world.switch.join(world.now, Caller::user("20000"), data, &mut world.out).unwrap()
    };
    let chief = join(&mut world, "team talk@wide++flags{endconf}");
    join(&mut world, "team talk@wide");
    world.wait(1_000_000);
    world.leave(chief);
    assert!(world.only().is_ending);
    world.wait(1_000_000);
    assert_eq!(world.switch.conferences(), []);
}

#[test]
fn a_recording_begins_behind_the_answer_and_may_be_stopped_before() {
    let mut world = World::new();
    world.dial("20000", "30000");
    world.wait(1_000_000);
    world.heard();
    assert_eq!(world.api("conference alpha recording start /r/a.wav"), "+OK Record file /r/a.wav\n");
    let stopped = "Stopped recording file /r/a.wav\n+OK Stopped recording 0 files\n";
    assert_eq!(world.api("conference alpha recording stop all"), stopped);
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.only().recordings.len(), 1);
    world.wait(1_000_000);
    assert_eq!(world.heard(), ["start-recording /r/a.wav", "stop-recording /r/a.wav"]);
    assert_eq!(world.only().recordings, []);
}

#[test]
fn a_recording_that_cannot_be_opened_says_so_after_it_was_said_to_begin() {
    let mut world = World::new();
    world.switch.faults.unwritable.push("/full/".to_owned());
    world.dial("20000", "30000");
    world.wait(1_000_000);
    world.heard();
    assert_eq!(world.api("conference alpha recording start /full/a.wav"), "+OK Record file /full/a.wav\n");
    world.wait(1_000_000);
    assert_eq!(world.heard(), ["start-recording /full/a.wav", "stop-recording /full/a.wav"]);
    assert_eq!(world.api("conference alpha recording check"), "-ERR Conference is not being recorded.\n");
}

#[test]
fn without_delays_everything_follows_at_once_but_behind_the_answer() {
    let mut world = World::new();
    let pace = Pace { listening: 0, hearing: 0, departure: 0 };
    world.switch.timing = Timing { mixing: 0, recording: 0, ending: 0, lead_in: 0, sound: 0, pace };
    world.dial("20000", "30000");
    world.switch.receive(NOW, world.listener, b"bgapi conference alpha kick all\n\n", &mut world.out);
    let expected = [
        "conference-create",
        "add-member 1",
        "floor-change 1",
        "kick-member 1",
        "floor-change",
        "del-member 1",
        "conference-destroy",
    ];
    assert_eq!(world.heard(), expected);
}

#[test]
fn who_is_on_hold_is_said_not_to_speak_but_is_not_muted() {
    let mut world = World::new();
    let call = world.dial("20000", "30000").unwrap();
    world.switch.hold(world.now, call, true, &mut world.out);
    let member = world.only().members.remove(0);
    assert!(member.is_held && !member.is_muted);
    assert!(world.api("conference json_list compact").contains("\"can_speak\":false,\"hold\":true"));
    world.switch.hold(world.now, call, false, &mut world.out);
    assert!(world.api("conference json_list compact").contains("\"can_speak\":true,\"hold\":false"));
}

#[test]
fn the_floor_goes_to_whoever_talks_when_its_holder_falls_silent() {
    let mut world = World::new();
    let (one, other) = (world.dial("20000", "30000").unwrap(), world.dial("20000", "30000").unwrap());
    world.switch.talk(world.now, one, true, &mut world.out);
    world.wait(1_000_000);
    world.switch.talk(world.now, other, true, &mut world.out);
    world.wait(1_000_000);
    let before = world.only().floor;
    let holder = if before == Some(1) { one } else { other };
    world.switch.talk(world.now, holder, false, &mut world.out);
    world.wait(1_000_000);
    assert_ne!(world.only().floor, before);
}

#[test]
fn a_restart_forgets_calls() {
    let mut world = World::new();
    let call = world.dial("20000", "30000").unwrap();
    world.switch.restart(world.now);
    assert_eq!(world.switch.conferences(), []);
    world.press(call, "#");
    world.leave(call);
    assert_eq!(world.api("conference json_list"), "[]");
    assert_ne!(world.dial("20000", "30000").unwrap(), call);
}

#[test]
fn a_burst_is_heard_as_single_events_would_be() {
    let mut world = World::new();
    world.dial("20000", "30000");
    world.dial("20001", "30000");
    world.wait(1_000_000);
    world.heard();
    assert_eq!(world.switch.burst(world.now, "nosuch", 5, &mut world.out), 0);
    assert_eq!(world.switch.burst(world.now, "alpha", 5, &mut world.out), 5);
    let expected = ["mute-member 1", "unmute-member 2", "unmute-member 1", "mute-member 2", "mute-member 1"];
    assert_eq!(world.heard(), expected);
    let muted: Vec<bool> = world.only().members.iter().map(|member| member.is_muted).collect();
    assert_eq!(muted, [true, true]);
    world.api("conference alpha unmute 1");
    world.switch.burst(world.now, "alpha", 1, &mut world.out);
    assert_eq!(world.heard(), ["unmute-member 1", "mute-member 1"]);
}
