//! At random, and false: a switch whose events and answers contradict each other, bytes that are no events, users who change,
//! and clients who send anything. Nothing panics, every request is answered, and at any time listeners know what somebody
//! learns who asks now.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::live::listener::ListenerId;
use fsconnector_engine::live::request::LiveRequest;
use proptest::prelude::*;
use serde_json::json;

use crate::stage::{ADMIN, Configuration, GUEST, MEMBER, Stage};

#[derive(Clone, Debug)]
enum Step {
    Claim(String),
    Bytes(Vec<u8>),
    List(Vec<Listed>),
    Answer(String),
    Pass(u64),
    Break,
    Ask(ListenerId, String),
    Slow(ListenerId),
    CatchUp(ListenerId),
    Reload(usize),
}

/// A conference that a listing claims to be there: its name, its generation, whether it is locked, its members and its
/// recordings.
type Listed = (&'static str, u8, bool, Vec<(u8, &'static str, bool)>, Vec<(&'static str, bool)>);

const NAMES: [&str; 7] = ["room", "lounge", "plaza", "My%20Conf", "a%22b", "%27%5C%00", "%ff%fe"];
const NUMBERS: [&str; 5] = ["20000", "20001", "22000", "999", "%00%22"];
const FILES: [&str; 3] = ["/recordings/x.wav", "", "%0a"];

fn claim() -> impl Strategy<Value = String> {
    let room = (prop::sample::select(&NAMES[..]), 1..3_u8).prop_map(|(name, age)| format!("{name}~{age}"));
    let member = 1..5_u8;
    let person =
        (member.clone(), prop::sample::select(&NUMBERS[..]), prop::sample::select(&NUMBERS[..]), any::<bool>());
    let what = prop_oneof![
        Just("create".to_owned()),
        Just("destroy".to_owned()),
        Just("lock".to_owned()),
        Just("unlock".to_owned()),
        Just("floor none".to_owned()),
        person.prop_map(|(id, number, user, mute)| {
            format!("join {id} {number} user={user} {}", if mute { "mute" } else { "name=Ann" })
        }),
        (prop::sample::select(vec!["leave", "floor", "mute", "unmute", "hold", "unhold", "talk", "kick"]), member)
            .prop_map(|(what, id)| format!("{what} {id}")),
        (prop::sample::select(vec!["rec", "fail", "pause", "resume", "stop"]), prop::sample::select(&FILES[..]))
            .prop_map(|(what, file)| format!("{what} {file}")),
        prop::sample::select(vec![
            "muteall",
            "startrecording",
            "pauserecording",
            "resumerecording",
            "stoprecording",
            "checkrecording",
            "conferencelock",
            "conferenceunlock",
            "nonsense",
        ])
        .prop_map(|key| format!("key {key}")),
    ];
    let phone = (
        prop::sample::select(&NUMBERS[..]),
        1..3_u8,
        1..3_u8,
        prop::sample::select(vec!["register", "unregister", "expire"]),
    );
    prop_oneof![
        6 => (room, what).prop_map(|(room, what)| format!("{room} {what}")),
        1 => phone.prop_map(|(user, call, port, what)| format!("phone {what} {user} call-{call} 10.0.0.1:{port}")),
    ]
}

fn listed() -> impl Strategy<Value = Listed> {
    let member = (1..5_u8, prop::sample::select(&NUMBERS[..]), any::<bool>());
    let file = (prop::sample::select(&FILES[..]), any::<bool>());
    let members = proptest::collection::vec(member, 0..4);
    (prop::sample::select(&NAMES[..]), 1..3_u8, any::<bool>(), members, proptest::collection::vec(file, 0..3))
}

fn request() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["room", "lounge", "plaza", "My Conf", "a\"b", "no such", "list"]);
    let call = prop::sample::select(vec![
        "lock",
        "unlock",
        "startrec",
        "pauserec",
        "resumerec",
        "stoprec",
        "muteall",
        "kickall",
        "mute",
        "unmute",
        "kick",
    ]);
    let member = prop::sample::select(vec!["1", "2", "3", "4", "-1", "x", "99999999999"]);
    (name, call, member).prop_map(|(name, call, member)| {
        match call {
            "mute" | "unmute" | "kick" => json!({"req": "memexec", "conference": name, "call": call, "member": member}),
            _ => json!({"req": "exec", "conference": name, "call": call}),
        }
        .to_string()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let listener = || prop::sample::select(vec![ADMIN, MEMBER, GUEST]);
    let garbage =
        vec!["", "x", "-ERR no\n", "{}", "[1]", "null", "+OK\n", "[", "{\"row_count\": 0}\n", "{\"rows\":[{}]}"];
    prop_oneof![
        24 => claim().prop_map(Step::Claim),
        2 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Step::Bytes),
        8 => proptest::collection::vec(listed(), 0..4).prop_map(Step::List),
        3 => prop::sample::select(garbage).prop_map(|text| Step::Answer(text.into())),
        4 => (1..90_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Break),
        6 => (listener(), request()).prop_map(|(id, text)| Step::Ask(id, text)),
        1 => listener().prop_map(Step::Slow),
        2 => listener().prop_map(Step::CatchUp),
        1 => (0..3_usize).prop_map(Step::Reload),
    ]
}

fn json_list(rooms: &[Listed]) -> String {
    let member = |(id, number, speaks): &(u8, &str, bool)| {
        json!({"type": "caller", "id": id, "caller_id_number": number, "caller_id_name": number,
            "flags": {"can_speak": speaks, "hold": false, "has_floor": speaks}})
    };
    let recorder = |(file, is_paused): &(&str, bool)| json!({"type": "recording_node", "record_path": file, "status": if *is_paused { "paused" } else { "" }});
    let room = |(name, age, locked, members, files): &Listed| {
        let nodes: Vec<_> = files.iter().map(recorder).chain(members.iter().map(member)).collect();
        json!({"conference_name": crate::switch::decoded(name), "conference_uuid": format!("{name}~{age}"),
            "locked": locked, "run_time": age, "members": nodes})
    };
    serde_json::Value::Array(rooms.iter().map(room).collect()).to_string()
}

/// Three configurations: the usual one; one in which people and conferences have other contexts; one without most of them.
fn configuration(choice: usize) -> Configuration {
    match choice {
        1 => Configuration::with(
            &[("20000", "admin", "friends"), ("21000", "member", "team"), ("22000", "guest", "public")],
            &[("30000", "plaza"), ("32000", "room"), ("31000", "My Conf")],
        ),
        2 => Configuration::with(&[("20000", "admin", "team"), ("29999", "guest", "public")], &[("30000", "room")]),
        _ => Configuration::default(),
    }
}

fn does(stage: &mut Stage, step: &Step) {
    match step {
        Step::Claim(line) => stage.is_claimed(line),
        Step::Bytes(bytes) => {
            stage.event(&[&b"Event-Subclass: conference%3A%3Amaintenance\nEvent-Name: CUSTOM\n"[..], bytes].concat());
        }
        Step::List(rooms) => answer(stage, json_list(rooms).as_bytes()),
        Step::Answer(text) => answer(stage, text.as_bytes()),
        Step::Pass(milliseconds) => stage.pass(Duration::from_millis(*milliseconds)),
        Step::Break => {
            stage.lose();
            stage.check_ears();
            stage.connect();
        }
        Step::Ask(id, text) => {
            if stage.ear(*id).closed.is_none() {
                assert!(LiveRequest::parse(text.as_bytes()).is_ok());
                drop(stage.ask(*id, text));
            }
        }
        Step::Slow(id) => stage.gets_slow(*id),
        Step::CatchUp(id) => stage.catches_up(*id),
        Step::Reload(choice) => stage.reload(configuration(*choice)),
    }
    // Who was closed comes again, if it may.
    for (id, name) in [(ADMIN, "admin"), (MEMBER, "member"), (GUEST, "guest")] {
        if stage.ear(id).closed.is_some() && stage.may_log_in(name) {
            stage.join(id, name);
        }
    }
    stage.check_ears();
}

/// A listing is for one question; others are answered as usual.
fn answer(stage: &mut Stage, body: &[u8]) {
    while let Some(question) = stage.questions().front() {
        if *question == SwitchCommand::LiveConferences {
            return stage.answer_with(body);
        }
        stage.answer_one();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_switch_claims_and_whatever_clients_ask_listeners_are_never_wrong(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut stage = Stage::new();
        stage.is_slow = true;
        for step in &steps {
            does(&mut stage, step);
        }
        stage.leaves(ADMIN);
        stage.leaves(ADMIN);
    }
}
