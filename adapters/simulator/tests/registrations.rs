//! The recorded story of registrations, told again; and what was not recorded of them.
//!
//! Compared are all answers, the events `API` and `BACKGROUND_JOB`, and all events `sofia::…`; dates and sequence numbers are masked. Left out is
//! `sofia status profile internal reg`, which the simulated switch does not know.

#![allow(clippy::unwrap_used, clippy::panic)]

mod recorded;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{ConnectionId, Identity, Output, Phone, SimSwitch};
use recorded::{client, configuration, identity, sent, steps, told};

const CHANGING: [&str; 3] = ["Core-UUID", "Job-UUID", "Reply-Text"];
const LEFT_OUT: &str = "16";

const NOW: u64 = 1_795_405_352_545_035;

fn phone(user: &str, port: u16, call_id: &str) -> Phone {
    let call_id = format!("{call_id}@127.0.0.1");
    Phone { call_id, agent: "measure-ua/1.0".to_owned(), ..Phone::new(user, port) }
}

/// The story: who does what in which step.
fn act(switch: &mut SimSwitch<Memory>, now: u64, step: &str, out: &mut Vec<Output>) {
    let first = phone("20000", 38207, "1015a092beceb5098875");
    let anna = phone("20001", 38299, "1eb65cfad05c3511dd27");
    match step {
        "02" => {
            let hasty = Phone { expires: 5, ..phone("20002", 33803, "3ff9e30823ac9f3899b1") };
            switch.register(now, &hasty, out);
        }
        "03" | "05" => switch.register(now, &first, out),
        "07" => switch.register(now, &phone("20000", 50133, "2674861e8e48cd3fc094"), out),
        "11" => {
            switch.reboot(now, &first, out);
        }
        "13" => {
            let wrong = Phone { knows_password: false, ..phone("20000", 38736, "5ccee2184f48f1391598") };
            switch.register(now, &wrong, out);
        }
        "14" => switch.register(now, &phone("29999", 45266, "ae7742c26371ffbcf9e1"), out),
        "15" => switch.register(now, &anna, out),
        "17" | "18" => switch.unregister(now, &anna, out),
        _ => {}
    }
}

#[test]
fn the_recorded_story_is_told_again() {
    let Some(files) = configuration() else { return };
    let steps = steps("registration");
    let mut switch = SimSwitch::new(files, identity(), steps[0].begins);
    let listener = client(&mut switch, steps[0].begins, "auth ClueCon\n\nevent plain all\n\n");
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for step in steps.iter().filter(|step| !step.name.starts_with(LEFT_OUT)) {
        let mut out = Vec::new();
        act(&mut switch, step.begins, &step.name[..2], &mut out);
        if let Some(command) = &step.command {
            switch.receive(step.begins, listener, command.as_bytes(), &mut out);
        }
        let recorded = told(&step.heard, "sofia", &CHANGING, &mut theirs, |_| true);
        let found = told(&sent(&out, listener).0, "sofia", &CHANGING, &mut ours, |_| true);
        assert_eq!(recorded, found, "{}", step.name);
    }
    assert_eq!(switch.registrations().len(), 2);
}

/// A switch with the users 20000 and 20001, and a client that hears what the connector hears.
fn switch(identity: Identity) -> (SimSwitch<Memory>, ConnectionId) {
    let users = "<user id=\"20000\"/><user id=\"20001\"/>";
    let domain = format!("<domain name=\"here\"><groups><group><users>{users}</users></group></groups></domain>");
    let root = format!("<document><section name=\"directory\">{domain}</section></document>");
    let mut switch = SimSwitch::new(Memory::new([("freeswitch.xml", root)]), identity, NOW);
    let events = "event plain CUSTOM sofia::register sofia::unregister sofia::expire\n\n";
    let listener = client(&mut switch, NOW, &format!("auth ClueCon\n\n{events}"));
    (switch, listener)
}

/// The subclasses of the events that were sent, and who they are about.
fn heard(out: &mut Vec<Output>, listener: ConnectionId) -> Vec<String> {
    let stream = String::from_utf8(sent(out, listener).0).unwrap();
    out.clear();
    let lines = stream.lines().filter(|line| line.starts_with("Event-Subclass") || line.starts_with("call-id"));
    lines.map(|line| line.rsplit(": ").next().unwrap().replace("%3A%3A", "::").replace("%40", "@")).collect()
}

#[test]
fn the_newest_phone_of_a_user_replaces_the_others_unless_several_are_allowed() {
    for (several_registrations, expected) in [(false, 1), (true, 2)] {
        let (mut switch, _) = switch(Identity { several_registrations, ..Identity::default() });
        for port in [5060, 5062, 5060] {
            switch.register(NOW, &Phone::new("20000", port), &mut Vec::new());
        }
        switch.reboot(NOW, &Phone::new("20000", 5062), &mut Vec::new());
        assert_eq!(switch.registrations().len(), expected);
    }
}

#[test]
fn a_phone_that_does_not_register_again_expires_by_itself() {
    let (mut switch, listener) = switch(Identity::default());
    let mut out = Vec::new();
    switch.register(NOW, &Phone { expires: 5, ..Phone::new("20000", 5060) }, &mut out);
    heard(&mut out, listener);
    while switch.registrations().len() == 1 {
        switch.tick(switch.deadline(), &mut out);
        assert!(switch.deadline() < NOW + 100_000_000);
    }
    assert_eq!(heard(&mut out, listener), ["sofia::expire", "20000-5060@127.0.0.1"]);
}

#[test]
fn a_refresh_keeps_a_registration_alive_and_an_unknown_user_has_none() {
    let (mut switch, listener) = switch(Identity::default());
    let (mut out, phone) = (Vec::new(), Phone { expires: 60, ..Phone::new("20000", 5060) });
    for minutes in 0..10 {
        switch.tick(NOW + minutes * 60_000_000, &mut out);
        switch.register(NOW + minutes * 60_000_000, &phone, &mut out);
    }
    switch.register(NOW + 600_000_000, &Phone::new("29999", 5064), &mut out);
    assert_eq!(heard(&mut out, listener).len(), 20);
    assert_eq!(switch.registrations().len(), 1);
    switch.expire(NOW + 600_000_000, &phone, &mut out);
    switch.expire(NOW + 600_000_000, &phone, &mut out);
    assert_eq!(heard(&mut out, listener), ["sofia::expire", "20000-5060@127.0.0.1"]);
}

#[test]
fn a_restart_forgets_registrations() {
    let (mut switch, _) = switch(Identity::default());
    switch.register(NOW, &Phone::new("20000", 5060), &mut Vec::new());
    switch.restart(NOW + 1);
    assert_eq!(switch.registrations(), []);
}
