//! The switch by itself: what its clients hear, and what goes wrong when it is told to.

#![allow(clippy::unwrap_used)]

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{Answer, ConnectionId, Identity, Output, SimSwitch};
use proptest::prelude::*;

const NOW: u64 = 1_795_405_352_545_035;
const ROOT: &str = "<document>\n<section name=\"directory\">\n<X-PRE-PROCESS cmd=\"include\" data=\"users/*.xml\"/>\n</section>\n</document>\n";

/// A switch and all that it has sent.
struct World {
    switch: SimSwitch<Memory>,
    now: u64,
    out: Vec<Output>,
}

impl World {
    fn new() -> Self {
        let files = Memory::new([("freeswitch.xml", ROOT), ("users/20000.xml", "<user id=\"20000\"/>\n")]);
        World { switch: SimSwitch::new(files, Identity::default(), NOW), now: NOW, out: Vec::new() }
    }

    fn client(&mut self, commands: &[&str]) -> ConnectionId {
        let id = self.switch.connect(&mut self.out);
        for command in [&["auth ClueCon"], commands].concat() {
            self.say(id, command);
        }
        self.out.clear();
        id
    }

    fn say(&mut self, id: ConnectionId, command: &str) {
        self.switch.receive(self.now, id, format!("{command}\n\n").as_bytes(), &mut self.out);
    }

    /// What one client was sent since the last time.
    fn heard(&mut self, by: ConnectionId) -> String {
        let mut heard = Vec::new();
        self.out.retain(|output| match output {
            Output::Send(to, bytes) if *to == by => {
                heard.extend_from_slice(bytes);
                false
            }
            _ => true,
        });
        String::from_utf8(heard).unwrap()
    }

    fn wait(&mut self, micros: u64) {
        self.now += micros;
        self.switch.tick(self.now, &mut self.out);
    }
}

/// The names of the events in a stream of plain ones.
fn names(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("Event-Name: ")).collect()
}

#[test]
fn a_reload_is_told_before_its_job_and_only_when_it_succeeds() {
    let mut world = World::new();
    let id = world.client(&["event plain all"]);
    world.say(id, "bgapi reloadxml");
    assert_eq!(names(&world.heard(id)), ["API", "RELOADXML", "BACKGROUND_JOB"]);
    world.switch.files_mut().files.insert("users/20001.xml".to_owned(), b"</user>\n".to_vec());
    world.say(id, "bgapi reloadxml");
    assert_eq!(names(&world.heard(id)), ["API", "BACKGROUND_JOB"]);
}

#[test]
fn a_refused_configuration_leaves_the_old_one_active() {
    let mut world = World::new();
    let id = world.client(&[]);
    world.say(id, "api xml_locate directory");
    let before = world.heard(id);
    assert!(before.contains("20000"));
    world.switch.files_mut().files.insert("users/20001.xml".to_owned(), b"</user>\n".to_vec());
    world.say(id, "api reloadxml");
    assert!(world.heard(id).contains("+OK [[error near line 4]: unexpected closing tag </user>]\n"));
    world.say(id, "api xml_locate directory");
    assert_eq!(world.heard(id), before);
}

#[test]
fn somebody_elses_reload_is_heard_by_those_who_listen() {
    let mut world = World::new();
    let listener = world.client(&["event json RELOADXML"]);
    let other = world.client(&[]);
    assert_eq!(world.switch.reload(world.now, &mut world.out), b"+OK [Success]\n");
    assert!(world.heard(listener).contains("{\"Event-Name\":\"RELOADXML\","));
    assert_eq!(world.heard(other), "");
}

#[test]
fn a_command_whose_sender_is_gone_is_carried_out() {
    let mut world = World::new();
    world.switch.faults.answers.push(("api reloadxml".to_owned(), Answer::Never));
    let listener = world.client(&["event plain RELOADXML"]);
    let sender = world.client(&[]);
    world.say(sender, "api reloadxml");
    world.switch.disconnected(sender);
    assert_eq!(names(&world.heard(listener)), ["RELOADXML"]);
}

#[test]
fn a_late_answer_holds_back_what_follows_it() {
    let mut world = World::new();
    world.switch.faults.answers.push(("api version".to_owned(), Answer::After(500)));
    let id = world.client(&[]);
    world.say(id, "api version");
    world.say(id, "api global_getvar hostname");
    world.wait(499);
    assert_eq!(world.heard(id), "");
    assert_eq!(world.switch.deadline(), NOW + 500);
    world.wait(1);
    let heard = world.heard(id);
    assert!(heard.contains("FreeSWITCH Version") && heard.ends_with("\nswitch"), "{heard}");
}

#[test]
fn an_answer_that_never_comes_silences_its_connection_only() {
    let mut world = World::new();
    world.switch.faults.answers.push(("api version".to_owned(), Answer::Never));
    let id = world.client(&["event plain HEARTBEAT"]);
    let other = world.client(&[]);
    world.say(id, "api version");
    world.say(id, "api status");
    world.wait(20_000_000);
    assert_eq!(world.heard(id), "");
    world.say(other, "api status");
    assert!(world.heard(other).contains("UP 0 years, 0 days, 0 hours, 0 minutes, 20 seconds, 0 milliseconds"));
}

#[test]
fn a_heartbeat_comes_every_twenty_seconds() {
    let mut world = World::new();
    let id = world.client(&["event plain HEARTBEAT"]);
    world.wait(19_999_999);
    assert_eq!(world.heard(id), "");
    world.wait(1);
    assert_eq!(names(&world.heard(id)), ["HEARTBEAT"]);
    assert_eq!(world.switch.deadline(), NOW + 40_000_000);
}

#[test]
fn a_switch_that_refuses_says_so_and_closes() {
    let mut world = World::new();
    world.switch.faults.refuse = true;
    let id = world.switch.connect(&mut world.out);
    let rejection = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n";
    assert_eq!(world.out, [Output::Send(id, rejection.to_vec()), Output::Close(id)]);
}

#[test]
fn a_frozen_switch_neither_reads_nor_says_anything() {
    let mut world = World::new();
    let id = world.client(&["event plain all"]);
    world.switch.faults.frozen = true;
    world.say(id, "api reloadxml");
    let new = world.switch.connect(&mut world.out);
    world.say(new, "auth ClueCon");
    world.wait(20_000_000);
    world.switch.reload(world.now, &mut world.out);
    assert_eq!(world.out, []);
}

#[test]
fn a_job_keeps_the_uuid_it_was_given() {
    let mut world = World::new();
    let id = world.client(&["event plain BACKGROUND_JOB"]);
    world.say(id, "bgapi status\nJob-UUID: 11111111-2222-3333-4444-555555555555");
    let heard = world.heard(id);
    assert_eq!(heard.matches("Job-UUID: 11111111-2222-3333-4444-555555555555\n").count(), 3, "{heard}");
}

#[test]
fn an_answer_without_text_says_so_to_api() {
    let mut world = World::new();
    let id = world.client(&[]);
    world.say(id, "api global_getvar nosuch");
    assert!(world.heard(id).ends_with("\n\n-ERR no reply\n"));
}

#[test]
fn nobody_learns_a_password_from_what_is_printed_of_a_switch() {
    let root = "<X-PRE-PROCESS cmd=\"set\" data=\"pw=sesame\"/>\n<document x=\"sesame\"/>\n";
    let identity = Identity { password: "open sesame".to_owned(), ..Identity::default() };
    let mut switch = SimSwitch::new(Memory::new([("freeswitch.xml", root)]), identity, NOW);
    let id = switch.connect(&mut Vec::new());
    switch.receive(NOW, id, b"auth open sesame\n", &mut Vec::new());
    let printed = format!("{switch:?} {:?} {:?} {:?}", switch.globals(), switch.configuration(), switch.files());
    assert!(printed.contains("\"pw\"") && !printed.contains("sesame"), "{printed}");
}

#[test]
fn a_restart_forgets_variables_and_clients() {
    let mut world = World::new();
    let set = "<X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/>\n<document/>\n";
    world.switch.files_mut().files.insert("freeswitch.xml".to_owned(), set.as_bytes().to_vec());
    world.switch.reload(world.now, &mut world.out);
    assert_eq!(world.switch.globals().value(b"x").unwrap(), b"1");
    let id = world.client(&[]);
    world.switch.files_mut().files.insert("freeswitch.xml".to_owned(), b"<document/>\n".to_vec());
    world.switch.restart(world.now);
    assert_eq!(world.switch.globals().value(b"x"), None);
    world.say(id, "api status");
    assert_eq!(world.out, []);
}

/// What clients say, and what only looks like it.
fn speech() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "auth ClueCon",
            "api reloadxml",
            "bgapi status",
            "bgapi conference x lock",
            "Job-UUID: ",
            "event plain all",
            "event json CUSTOM x",
            "filter Event-Name API",
            "filter delete all",
            "nixevent API",
            "noevents",
            "log 9",
            "api xml_locate directory",
            "exit",
            "\n",
            "\n\n",
            "\r\n\r\n",
            " ",
            "api global_getvar",
            "api user_data 1@2 param x",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| [b"auth ClueCon\n\n", &pieces.concat()[..]].concat())
}

proptest! {
    #[test]
    fn what_is_answered_does_not_depend_on_how_the_bytes_were_cut(speech in speech(), cuts in prop::collection::vec(1_usize..20, 1..50)) {
        let (mut whole, mut cut) = (World::new(), World::new());
        let id = whole.switch.connect(&mut whole.out);
        prop_assert_eq!(cut.switch.connect(&mut cut.out), id);
        whole.switch.receive(NOW, id, &speech, &mut whole.out);
        let mut rest = &speech[..];
        for length in cuts.iter().cycle().take(speech.len()) {
            let (chunk, behind) = rest.split_at((*length).min(rest.len()));
            cut.switch.receive(NOW, id, chunk, &mut cut.out);
            rest = behind;
        }
        prop_assert_eq!(whole.out, cut.out);
    }
}
