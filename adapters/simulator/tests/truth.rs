//! Whatever happens: what the switch tells is how things are.

#![allow(clippy::unwrap_used, clippy::panic)]

mod recorded;
mod world;

use std::collections::BTreeMap;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{CallId, Pace, SimSwitch};
use proptest::prelude::*;
use recorded::{frames, header, sent};
use world::World;

/// What a listener knows from events alone: conferences by UUID, with name, lock, floor, members (id, whether they speak) and recordings.
type Known = BTreeMap<String, Heard>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    is_locked: bool,
    floor: Option<u64>,
    members: Vec<(u64, bool)>,
    recordings: Vec<(String, bool)>,
}

fn learn(known: &mut Known, event: &str) {
    let value = |name| header(event, name);
    let (Some(action), Some(uuid)) = (value("Action"), value("Conference-Unique-ID")) else { return };
    if action == "conference-create" {
        assert!(known.insert(uuid.to_owned(), Heard::default()).is_none());
        return;
    }
    let conference = known.get_mut(uuid).unwrap_or_else(|| panic!("{action} of a conference that is not there"));
    let id = value("Member-ID").map(|id| id.parse().unwrap());
    let speaks = value("Speak") == Some("true");
    let path = value("Path").unwrap_or_default().to_owned();
    let recording = conference.recordings.iter().position(|(known, _)| *known == path);
    match action {
        "conference-destroy" => {
            let ended = known.remove(uuid).unwrap();
            assert_eq!(ended.members, []);
            assert_eq!(ended.recordings, []);
        }
        "add-member" => conference.members.push((id.unwrap(), speaks)),
        "del-member" => conference.members.retain(|(known, _)| Some(*known) != id),
        "floor-change" => conference.floor = value("New-ID").and_then(|id| id.parse().ok()),
        "lock" | "unlock" => conference.is_locked = action == "lock",
        "start-recording" if value("Error").is_none() => conference.recordings.push((path, false)),
        "stop-recording" => conference.recordings.retain(|(known, _)| *known != path),
        "pause-recording" | "resume-recording" => {
            conference.recordings[recording.unwrap()].1 = action == "pause-recording";
        }
        _ => {}
    }
    let Some(conference) = known.get_mut(uuid) else { return };
    if let Some(member) = conference.members.iter_mut().find(|(known, _)| Some(*known) == id) {
        member.1 = speaks;
    }
}

fn truth(switch: &SimSwitch<Memory>) -> Known {
    let conferences = switch.conferences().into_iter();
    let known = conferences.map(|conference| {
        let members = conference.members.iter().map(|member| (member.id, !member.is_muted && !member.is_held));
        let recordings = conference.recordings.iter().map(|recording| (recording.path.clone(), recording.is_paused));
        let heard = Heard {
            is_locked: conference.is_locked,
            floor: conference.floor,
            members: members.collect(),
            recordings: recordings.collect(),
        };
        (conference.uuid, heard)
    });
    known.collect()
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Deed {
    Dial(&'static str, &'static str),
    /// With the call of this index, of those that there have been.
    Leave(usize),
    Press(usize, char),
    Talk(usize, bool),
    Hold(usize, bool),
    Pace(usize, u64),
    End(&'static str),
    Command(String),
    Wait(u64),
}

fn command() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "alpha",
        "beta",
        "json_list",
        "compact",
        "list",
        "lock",
        "unlock",
        "mute",
        "unmute",
        "tmute",
        "deaf",
        "undeaf",
        "kick",
        "hup",
        "hold",
        "unhold",
        "floor",
        "vid-floor",
        "recording",
        "start",
        "stop",
        "check",
        "pause",
        "resume",
        "record",
        "norecord",
        "play",
        "all",
        "last",
        "non_moderator",
        "1",
        "2",
        "3",
        "/r/a.wav",
        "/r/b.wav",
        "bad",
        "x",
        "'",
        "\\",
        "ä",
        "",
    ]);
    let random = prop::collection::vec(words, 0..5).prop_map(|words| words.join(" "));
    let sensible = ("(mute|unmute|tmute|kick|hup|hold|unhold|deaf|floor) (all|last|non_moderator|[1-9])")
        .prop_map(|rest| format!("alpha {rest}"));
    let recording =
        ("recording (start|stop|pause|resume) (/r/a.wav|/r/b.wav|bad|all)").prop_map(|rest| format!("alpha {rest}"));
    prop_oneof![2 => random, 2 => sensible, 4 => recording, 1 => "alpha (lock|unlock)"]
}

fn deed() -> impl Strategy<Value = Deed> {
    let call = 0_usize..12;
    prop_oneof![
        4 => prop::sample::select(vec![("20000", "30000"), ("20001", "30000"), ("22000", "30000"), ("20000", "30001")])
            .prop_map(|(user, number)| Deed::Dial(user, number)),
        2 => call.clone().prop_map(Deed::Leave),
        3 => (call.clone(), prop::sample::select(vec!['1', '7', '0', '#'])).prop_map(|(call, key)| Deed::Press(call, key)),
        1 => (call.clone(), any::<bool>()).prop_map(|(call, on)| Deed::Talk(call, on)),
        1 => (call.clone(), any::<bool>()).prop_map(|(call, on)| Deed::Hold(call, on)),
        1 => (call, 0_u64..3_000_000).prop_map(|(call, departure)| Deed::Pace(call, departure)),
        1 => prop::sample::select(vec!["alpha", "beta"]).prop_map(Deed::End),
        4 => command().prop_map(Deed::Command),
        4 => (0_u64..100_000).prop_map(Deed::Wait),
    ]
}

fn perform(world: &mut World, calls: &mut Vec<CallId>, deed: Deed) {
    let (now, switch, out) = (world.now, &mut world.switch, &mut world.out);
    let call = |at: usize| calls.get(at).or(calls.last()).copied();
    match deed {
        Deed::Dial(user, number) => calls.extend(world.dial(user, number)),
        Deed::Leave(at) => call(at).into_iter().for_each(|call| switch.leave(now, call, out)),
        Deed::Press(at, key) => call(at).into_iter().for_each(|call| switch.press(now, call, key, out)),
        Deed::Talk(at, on) => call(at).into_iter().for_each(|call| switch.talk(now, call, on, out)),
        Deed::Hold(at, on) => call(at).into_iter().for_each(|call| switch.hold(now, call, on, out)),
        Deed::Pace(at, departure) => {
            let pace = Pace { departure, ..Pace::default() };
            if let Some(call) = call(at) {
                switch.set_pace(call, pace);
            }
        }
        Deed::End(name) => switch.end_conference(now, name, out),
        Deed::Command(command) => {
            let command = format!("bgapi conference {command}\n\n");
            switch.receive(now, world.listener, command.as_bytes(), out);
        }
        Deed::Wait(micros) => world.wait(micros),
    }
}

proptest! {
    #[test]
    fn whoever_listens_to_all_events_knows_how_things_are(deeds in prop::collection::vec(deed(), 0..80)) {
        let mut world = World::new();
        let mut calls = Vec::new();
        for deed in deeds {
            perform(&mut world, &mut calls, deed);
        }
        world.wait(10_000_000);
        let mut known = Known::new();
        for (_, body) in frames(&sent(&world.out, world.listener).0) {
            learn(&mut known, &String::from_utf8(body).unwrap());
        }
        prop_assert_eq!(known, truth(&world.switch));
    }

    #[test]
    fn no_argument_of_a_command_is_too_much(argument in ".{0,40}") {
        let mut world = World::new();
        world.dial("20000", "30000");
        for command in ["conference", "conference alpha", "conference alpha recording", "show", "uuid_recv_dtmf", "hupall"] {
            let request = format!("api {command} {}\n\n", argument.replace('\n', " "));
            world.switch.receive(world.now, world.listener, request.as_bytes(), &mut world.out);
        }
        world.wait(1_000_000);
    }
}
