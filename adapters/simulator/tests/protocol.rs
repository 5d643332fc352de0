//! The recorded conversations: the simulated switch answers each, byte for byte, as the real one did.
//!
//! Dates, UUIDs, sequence numbers and the figures of a running computer cannot be the same; they are masked on both sides, and so are
//! the bodies that come from a configuration that was not recorded. Every length is checked against what it measures.

#![allow(clippy::unwrap_used, clippy::panic)]

mod recorded;

use std::fs;
use std::path::Path;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{ConnectionId, SimSwitch};
use recorded::{captures, frames, identity, length_in, sent};

const NOW: u64 = 1_795_405_352_545_035;
/// What the recordings hold and the simulator does not answer.
const UNSUPPORTED: [&str; 1] = ["2c-bgapi-conference-noargs"];
/// Answers that show the configuration itself.
const MASKED_BODIES: [&str; 4] =
    ["xml_locate-directory", "xml_locate-dialplan", "xml_locate-conference.conf", "global_getvar"];

/// A configuration in the shape of the recorded one.
fn configuration() -> Memory {
    let include = |pattern: &str| format!("<X-PRE-PROCESS cmd=\"include\" data=\"{pattern}\"/>\n");
    let group = |name: &str| {
        format!("<group name=\"{name}\">\n<users>\n{}</users>\n</group>\n", include(&format!("{name}/*.xml")))
    };
    let root = format!(
        "<document>\n<X-PRE-PROCESS cmd=\"set\" data=\"domain=127.0.0.1\"/>\n\
         <section name=\"configuration\">\n<configuration name=\"conference.conf\"/>\n</section>\n\
         <section name=\"dialplan\">\n<context name=\"team\">\n{}</context>\n</section>\n\
         <section name=\"directory\">\n{}</section>\n</document>\n",
        include("dialplan/*.xml"),
        include("directory/*.xml")
    );
    let directory = format!(
        "<domain name=\"$${{domain}}\">\n<groups>\n{}{}</groups>\n</domain>\n",
        group("team"),
        group("friends")
    );
    let user = "<user id=\"20000\"><params><param name=\"password\" value=\"napw\"/></params></user>\n";
    Memory::new([
        ("freeswitch.xml", root),
        ("directory/default.xml", directory),
        ("directory/team/20000.xml", user.to_owned()),
        ("directory/friends/21000.xml", "<user id=\"21000\"/>\n".to_owned()),
    ])
}

fn switch() -> SimSwitch<Memory> {
    SimSwitch::new(configuration(), identity(), NOW)
}

fn client(switch: &mut SimSwitch<Memory>, commands: &str) -> ConnectionId {
    recorded::client(switch, NOW, commands)
}

/// A conversation with everything masked that cannot be the same twice.
fn masked(stream: &[u8], mask_bodies: bool) -> String {
    frames(stream).into_iter().map(|(head, body)| masked_frame(&head, &body, mask_bodies)).collect()
}

fn masked_frame(head: &str, body: &[u8], mask_bodies: bool) -> String {
    let shown = String::from_utf8_lossy(body).into_owned();
    let body = if head.contains("text/event-plain") {
        let (inner, text) = shown.split_once("\n\n").unwrap();
        assert_eq!(length_in(inner).unwrap_or(0), text.len());
        let lines: Vec<String> = inner.lines().map(masked_header).collect();
        lines.join("\n") + "\n\n" + &masked_body(text, mask_bodies)
    } else if head.contains("text/event-json") {
        let members = shown.split("\",\"").map(|member| match member.split_once("\":\"") {
            Some(("_body", body)) => "_body: ".to_owned() + &masked_body(&body.replace("\\n", "\n"), mask_bodies),
            Some((name, value)) => masked_header(&format!("{name}: {value}")),
            None => member.to_owned(),
        });
        members.collect::<Vec<_>>().join("\n")
    } else {
        masked_body(&shown, mask_bodies)
    };
    head.lines().map(masked_header).collect::<Vec<_>>().join("\n") + "\n\n" + &body
}

fn masked_header(line: &str) -> String {
    let changing = [
        "Event-Date-",
        "Event-Sequence",
        "Core-UUID",
        "Job-UUID",
        "Content-Length",
        "Uptime-msec",
        "Up-Time",
        "Session-",
        "Task-Runtime",
        "Idle-CPU",
    ];
    let name = line.split(": ").next().unwrap_or(line);
    if changing.iter().any(|begin| name.trim_start_matches(['{', '"']).starts_with(begin)) {
        return format!("{name}: …");
    }
    match line.split_once("Job-UUID: ") {
        Some((before, _)) => format!("{before}Job-UUID: …"),
        None => line.to_owned(),
    }
}

fn masked_body(body: &str, mask: bool) -> String {
    if mask {
        return "…".to_owned();
    }
    let lines = body.split('\n').map(|line| {
        let has_figures = ["UP ", "min idle cpu ", "Current Stack ", "+OK [[error near line "]
            .iter()
            .any(|begin| line.starts_with(begin));
        line.chars()
            .filter(|sign| !(has_figures && (sign.is_ascii_digit() || *sign == '.')))
            .collect::<String>()
            .replace("seconds", "second")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(what: &str, recorded: &[u8], found: &[u8], mask_bodies: bool) {
    let (recorded, found) = (masked(recorded, mask_bodies), masked(found, mask_bodies));
    for (at, line) in recorded.lines().enumerate() {
        let other = found.lines().nth(at);
        assert_eq!(other, Some(line), "{what}, line {}, found\n{found}", at + 1);
    }
    assert_eq!(recorded, found, "{what}");
}

/// Puts the recorded file of a case, such as `30-broken…`, into the configuration.
fn edit(files: &mut Memory, folder: &Path, stem: &str) {
    let case = stem.get(..2).unwrap_or_default();
    let file = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(case) && path.extension().is_some_and(|extension| extension == "xmlfile")
    });
    if let Some(file) = file {
        let place = if case == "31" { "dialplan/99.xml" } else { "directory/team/99.xml" };
        files.files.insert(place.to_owned(), fs::read(file).unwrap());
    }
}

#[test]
fn the_switch_greets_and_turns_away_as_recorded() {
    let Some(captures) = captures() else { return };
    let mut out = Vec::new();
    let id = switch().connect(&mut out);
    check("greeting", &fs::read(captures.join("protocol/01-auth-request.s2c")).unwrap(), &sent(&out, id).0, false);
}

#[test]
fn every_recorded_command_is_answered_as_recorded() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("protocol");
    let mut stems: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".c2s")?.to_owned()))
        .collect();
    stems.sort();
    assert!(!stems.is_empty());
    for stem in stems.iter().filter(|stem| !UNSUPPORTED.contains(&stem.as_str())) {
        check_command(&folder, stem);
    }
}

fn check_command(folder: &Path, stem: &str) {
    let mut switch = switch();
    let command = fs::read(folder.join(format!("{stem}.c2s"))).unwrap();
    let is_unknown = ["02-", "03-", "04-", "1f-"].iter().any(|begin| stem.starts_with(begin));
    let needs_events = stem.starts_with("15-");
    let asker = match (is_unknown, needs_events) {
        (true, _) => client(&mut switch, ""),
        (_, true) => client(&mut switch, "auth ClueCon\n\nevent plain all\n\n"),
        _ => client(&mut switch, "auth ClueCon\n\n"),
    };
    let plain = client(&mut switch, "auth ClueCon\n\nevent plain BACKGROUND_JOB\n\n");
    let json = client(&mut switch, "auth ClueCon\n\nevent json BACKGROUND_JOB\n\n");
    if !stem.ends_with("after-repair") {
        edit(switch.files_mut(), folder, stem);
    }
    let reads_files = stem.starts_with('3') && !stem.contains("reloadxml");
    if reads_files {
        switch.reload(NOW, &mut Vec::new());
    }
    let mut out = Vec::new();
    for byte in command {
        switch.receive(NOW, asker, &[byte], &mut out);
    }
    let mask_bodies = MASKED_BODIES.iter().any(|end| stem.ends_with(end));
    let answers = [(".s2c", asker), (".reply.s2c", asker), (".event.plain.s2c", plain), (".event.json.s2c", json)];
    let mut seen = 0;
    for (ending, id) in answers {
        if let Ok(recorded) = fs::read(folder.join(format!("{stem}{ending}"))) {
            check(&format!("{stem}{ending}"), &recorded, &sent(&out, id).0, mask_bodies);
            seen += 1;
        }
    }
    assert!(seen > 0, "{stem} has no answer");
}

#[test]
fn a_shutdown_is_told_as_recorded() {
    let Some(captures) = captures() else { return };
    let recorded = fs::read(captures.join("lifecycle/01-shutdown.s2c")).unwrap();
    let recorded = frames(&recorded);
    let mut switch = switch();
    let id = client(&mut switch, "auth ClueCon\n\nevent plain all\n\n");
    let mut out = Vec::new();
    switch.shutdown(NOW, &mut out);
    let (found, is_closed) = sent(&out, id);
    let found = frames(&found);
    assert_eq!(found.len(), 2);
    for (recorded, found) in [(&recorded[0], &found[0]), (recorded.last().unwrap(), &found[1])] {
        assert_eq!(masked_frame(&recorded.0, &recorded.1, false), masked_frame(&found.0, &found.1, false));
    }
    assert!(is_closed);
}

#[test]
fn heartbeats_and_api_events_look_as_recorded() {
    let Some(captures) = captures() else { return };
    let recorded = fs::read(captures.join("conference/051-dtmf-9-energyup.s2c")).unwrap();
    let recorded = [recorded, fs::read(captures.join("conference/012-unmute-2.s2c")).unwrap()].concat();
    let mut switch = switch();
    let id = client(&mut switch, "auth ClueCon\n\nevent plain all\n\n");
    let mut out = Vec::new();
    switch.tick(switch.deadline(), &mut out);
    switch.receive(NOW, id, b"bgapi conference team_g722 unmute 2\n\n", &mut out);
    let found = sent(&out, id).0;
    for name in ["HEARTBEAT", "RE_SCHEDULE", "API"] {
        let of_name = |stream: &[u8]| {
            let begin = format!("Event-Name: {name}\n");
            let frame = frames(stream).into_iter().find(|(_, body)| body.starts_with(begin.as_bytes())).unwrap();
            masked_frame(&frame.0, &frame.1, false)
        };
        assert_eq!(of_name(&recorded), of_name(&found));
    }
}
