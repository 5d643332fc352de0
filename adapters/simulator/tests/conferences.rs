//! The recorded story of conferences: the simulated switch tells it again, frame by frame and in the same order.
//!
//! The configuration is the recorded one, the times are the recorded ones, and what people did is in [`acts`]. Compared are all answers,
//! the events `API` and `BACKGROUND_JOB`, and all events `conference::maintenance`. Masked are dates, sequence numbers and times of calls, how
//! loud somebody is, how much of a sound was played, how long a recording is; UUIDs are compared by who has which.
//!
//! Left out are the commands that make calls (`originate`, `bgdial`, `dial`), which the simulated switch does not know: the two calls
//! of `originate` are dialled instead.

#![allow(clippy::unwrap_used, clippy::panic)]

mod recorded;

use std::collections::BTreeMap;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{CallId, Caller, ConnectionId, Output, Pace, SimSwitch};
use recorded::{client, configuration, identity, sent, steps, told};

/// What cannot be the same twice, or is not simulated: when calls began, how loud they are, how much was played and recorded.
const CHANGING: [&str; 16] = [
    "Core-UUID",
    "Job-UUID",
    "Reply-Text",
    "Caller-Profile-Created-Time",
    "Caller-Channel-Created-Time",
    "Caller-Channel-Answered-Time",
    "Caller-Channel-Progress-Media-Time",
    "Caller-Transfer-Source",
    "Current-Energy",
    "seconds",
    "milliseconds",
    "samples",
    "Samples-Out",
    "Milliseconds-Elapsed",
    "Record-File-Size",
    "\"last_talking\"",
];

/// Commands that make calls.
const LEFT_OUT: [&str; 4] = ["127", "128", "130", "131"];

/// Something that somebody does in a step.
enum Act {
    /// Dials a number, and is known by a name from then on.
    Dial(&'static str, Caller, &'static str),
    /// Dials a number that leads nowhere.
    DialInVain(Caller, &'static str),
    Press(&'static str, char),
    Leave(&'static str),
    Talk(&'static str, bool),
    /// Makes the thread of a call faster or slower.
    Pace(&'static str, Pace),
    /// Makes all sounds so long.
    Sound(u64),
}

/// The story: who does what in which step, before the step's command.
fn acts(step: &str) -> Vec<Act> {
    use Act::{Dial, DialInVain, Leave, Press, Sound, Talk};
    let usual = Pace::default();
    // Of two that are played to at once, Anna hears the end later.
    let annas = Pace { hearing: 20_000, ..usual };
    let flags = "moderator|mute-detect";
    let anna = || Caller::user("20001").named("Anna Müller").talking();
    match step {
        "001" => vec![Dial("A", Caller::user("20000").talking(), "30000")],
        "003" => vec![Dial("B", anna(), "30000"), Act::Pace("B", annas)],
        // The mixer looks before the member's own thread does.
        "011" | "022" => vec![Act::Pace("A", Pace { listening: 40_000, ..usual })],
        "012" | "023" => vec![Act::Pace("A", usual)],
        "013" => vec![Act::Pace("B", Pace { listening: 30_000, ..annas })],
        "014" => vec![Act::Pace("B", annas)],
        "030" => vec![DialInVain(Caller::user("20002"), "30000")],
        "033" => vec![Talk("A", false)],
        "034" => vec![Talk("A", true)],
        "040" | "041" => vec![Press("B", '0')],
        "042" => vec![Press("A", '*')],
        "043" => vec![Press("A", '1')],
        "044" => vec![Press("A", '2')],
        "045" => vec![Press("A", '3')],
        "046" => vec![Press("A", '4')],
        "047" => vec![Press("A", '5')],
        "048" => vec![Press("A", '6')],
        "049" => vec![Press("A", '7')],
        "050" => vec![Press("A", '8')],
        "051" => vec![Press("A", '9')],
        "053" => vec![Press("A", 'D')],
        "096" => vec![Sound(5_000_000)],
        "098" => vec![Sound(500_000)],
        "100" => vec![Dial("A2", Caller::user("20000").named("second phone").talking(), "30000")],
        "102" => vec![Leave("A2")],
        // B's first phone has gone without a word: its thread notices nothing any more for a long time.
        "107" => vec![Act::Pace("B", Pace { departure: 9_759_966, ..annas }), Dial("B2", anna(), "30000")],
        "109" => vec![Leave("B2")],
        "110" => vec![Dial("E", Caller::user("22000").talking(), "32000")],
        "112" => vec![Press("E", '0')],
        "113" => vec![Press("E", '*')],
        "114" => vec![Press("E", '1')],
        "115" => vec![DialInVain(Caller::user("22000"), "30000")],
        "116" => vec![Press("E", '#')],
        "120" => vec![Dial("A3", Caller::user("20000").talking(), "30000")],
        "121" => vec![Dial("B3", anna(), "30000")],
        "123" => vec![Act::Pace("A3", Pace { departure: 10_000, ..usual })],
        "125" => vec![Dial("A4", Caller::user("20000").talking(), "30000")],
        "127" => vec![Dial("L1", Caller::loopback("looper", "29001").with("conf_flags", flags), "30000")],
        "128" => vec![Dial("L2", Caller::loopback("loop2", "29002").with("conf_flags", flags), "30000")],
        "133" => vec![Dial("A5", Caller::user("20000").talking(), "30002")],
        "139" => vec![Leave("A5")],
        _ => Vec::new(),
    }
}

/// The switch, its people and a client that hears everything.
struct Stage {
    switch: SimSwitch<Memory>,
    calls: BTreeMap<&'static str, CallId>,
    listener: ConnectionId,
    out: Vec<Output>,
}

impl Stage {
    fn new(files: Memory, now: u64) -> Self {
        let mut switch = SimSwitch::new(files, identity(), now - 10_000_000);
        switch.faults.missing_sounds = vec!["conference/nosuch.wav".to_owned(), "/nosuch/x.wav".to_owned()];
        // Somebody was there before the recording began.
        let mut out = Vec::new();
        let call = switch.dial(now - 9_000_000, Caller::user("20002"), "30000", &mut out).unwrap();
        switch.leave(now - 8_000_000, call, &mut out);
        switch.tick(now - 1, &mut out);
        let listener = client(&mut switch, now - 1, "auth ClueCon\n\nevent plain all\n\n");
        Stage { switch, calls: BTreeMap::new(), listener, out: Vec::new() }
    }

    fn act(&mut self, now: u64, act: Act) {
        match act {
            Act::Dial(name, caller, number) => {
                let call = self.switch.dial(now, caller, number, &mut self.out);
                self.calls.insert(name, call.unwrap_or_else(|| panic!("{name} gets nowhere")));
            }
            Act::DialInVain(caller, number) => {
                assert_eq!(self.switch.dial(now, caller, number, &mut self.out), None);
            }
            Act::Press(name, key) => self.switch.press(now, self.calls[name], key, &mut self.out),
            Act::Leave(name) => self.switch.leave(now, self.calls[name], &mut self.out),
            Act::Talk(name, is_loud) => self.switch.talk(now, self.calls[name], is_loud, &mut self.out),
            Act::Pace(name, pace) => self.switch.set_pace(self.calls[name], pace),
            Act::Sound(length) => self.switch.timing.sound = length,
        }
    }

    /// Lets time pass until then.
    fn wait(&mut self, until: u64) {
        while self.switch.deadline() < until {
            self.switch.tick(self.switch.deadline(), &mut self.out);
        }
    }

    /// The recorded command with the UUID of the call that it is about.
    fn say(&mut self, now: u64, command: &str) {
        let recorded = "dda58bea-039c-4487-bc5a-021b604671f3";
        let conferences = self.switch.conferences();
        let members = conferences.iter().flat_map(|conference| &conference.members);
        let own = members.into_iter().find(|member| Some(&member.call) == self.calls.get("A"));
        let command = own.map_or_else(|| command.to_owned(), |own| command.replace(recorded, &own.uuid));
        self.switch.receive(now, self.listener, command.as_bytes(), &mut self.out);
    }
}

#[test]
fn the_recorded_story_is_told_again() {
    let Some(files) = configuration() else { return };
    let steps = steps("conference");
    let mut stage = Stage::new(files, steps[0].begins);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for (at, step) in steps.iter().enumerate() {
        let number = &step.name[..3];
        for act in acts(number) {
            stage.act(step.begins, act);
        }
        let is_left_out = LEFT_OUT.contains(&number);
        if let Some(command) = step.command.as_ref().filter(|_| !is_left_out) {
            stage.say(step.begins, command);
        }
        stage.wait(steps.get(at + 1).map_or(step.begins + 1_000_000, |next| next.begins));
        let is_wanted =
            |event: &str| !is_left_out || (event.contains("\nAction: ") && !event.contains("bgdial-result"));
        let recorded = told(&step.heard, "conference", &CHANGING, &mut theirs, is_wanted);
        let found = told(&sent(&stage.out, stage.listener).0, "conference", &CHANGING, &mut ours, |_| true);
        stage.out.clear();
        check(&step.name, &recorded, &found);
    }
    assert_eq!(stage.switch.conferences(), []);
}

#[track_caller]
fn check(step: &str, recorded: &[String], found: &[String]) {
    for (at, frame) in recorded.iter().enumerate() {
        let Some(other) = found.get(at) else { panic!("{step}: missing\n{frame}") };
        for (line, expected) in frame.lines().enumerate() {
            let theirs = other.lines().nth(line);
            assert_eq!(theirs, Some(expected), "{step}, frame {at}, line {line}, found\n{other}\ninstead of\n{frame}");
        }
        assert_eq!(frame, other, "{step}, frame {at}");
    }
    assert_eq!(found.len(), recorded.len(), "{step}: too much: {:?}", found.get(recorded.len()));
}
