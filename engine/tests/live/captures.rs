//! The proof by replay: whatever a real switch has sent is played to the engine, from the beginning, from anywhere on, and
//! with breaks anywhere; and what the engine knows is held against what that switch has listed.
//!
//! The transcripts are looked for in the folder that `FSCONNECTOR_CAPTURES` names; without it there is nothing to hold
//! against, and these tests pass.
//!
//! There is no listing between any two events. Where one is needed, a switch in miniature makes it, which is held
//! against all listings there are.

// The engine reads no files; its tests may.
#![allow(clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::session::Line;
use fsconnector_engine::live::listener::ListenerId;

use crate::seen::{Names, Phones, Rooms, forgive_last_floors, listed_phones, listed_rooms, shown_phones, shown_rooms};
use crate::stage::{ADMIN, Configuration, GUEST, MEMBER, Stage};
use crate::switch::{Headers, Switch, headers};

/// What a switch has sent, and what was so after each of its events.
struct Story {
    configuration: Configuration,
    events: Vec<Sent>,
    /// The switch before each event, and after the last.
    switches: Vec<Switch>,
    /// What is to be seen then.
    truths: Vec<(Rooms, Phones)>,
}

/// An event as it came.
struct Sent {
    step: String,
    frame: Vec<u8>,
    headers: Headers,
    body: String,
}

impl Sent {
    /// Whether it is about what is live.
    fn tells(&self) -> bool {
        let class = self.headers.get("Event-Subclass").map_or("", String::as_str);
        ["conference::maintenance", "sofia::register", "sofia::unregister", "sofia::expire"].contains(&class)
    }

    /// The listing in the output of this background job.
    fn listing(&self, command: &str) -> Option<&str> {
        let of = |name| self.headers.get(name).map_or("", String::as_str);
        let job = format!("{} {}", of("Job-Command"), of("Job-Command-Arg"));
        (of("Event-Name") == "BACKGROUND_JOB" && job == command).then_some(&*self.body)
    }
}

const JSON_LIST: &str = "conference json_list";
const REGISTRATIONS: &str = "show registrations as json";

/// The heads and bodies of the frames of a transcript.
fn frames(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
        let head = String::from_utf8(rest[..end + 2].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let (body, after) = rest[end + 2..].split_at(length.map_or(0, |length| length.parse().unwrap()));
        found.push((head, body.to_vec()));
        rest = after;
    }
    found
}

/// The transcripts of a folder; nothing if there are none.
fn story(folder: &str) -> Option<Story> {
    let captures = PathBuf::from(std::env::var_os("FSCONNECTOR_CAPTURES")?);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(captures.join(folder)).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "s2c"));
    paths.sort();
    let events: Vec<Sent> = paths.iter().flat_map(|path| sent(path)).collect();
    Some(Story::new(configuration(&captures.join("protocol")), events))
}

/// The events of one transcript.
fn sent(path: &Path) -> Vec<Sent> {
    let step = path.file_stem().unwrap().to_string_lossy().into_owned();
    let frames = frames(&fs::read(path).unwrap()).into_iter();
    let events = frames.filter(|(head, _)| head.contains("text/event-plain"));
    let sent = |(head, body): (String, Vec<u8>)| {
        let text = String::from_utf8(body.clone()).unwrap();
        let output = text.split_once("\n\n").unwrap().1.to_owned();
        Sent {
            step: step.clone(),
            frame: [head.into_bytes(), body].concat(),
            headers: headers(text.as_bytes()),
            body: output,
        }
    };
    events.map(sent).collect()
}

/// What the real switch has said about its configuration.
fn configuration(folder: &Path) -> Configuration {
    let answer = |name: &str| {
        let events = sent(&folder.join(format!("{name}.event.plain.s2c")));
        let job = events.into_iter().find(|event| event.headers["Event-Name"] == "BACKGROUND_JOB");
        job.unwrap().body.into_bytes()
    };
    Configuration {
        globals: answer("26-bgapi-global_getvar"),
        directory: answer("23-bgapi-xml_locate-directory"),
        profiles: answer("25-bgapi-xml_locate-conference.conf"),
        dialplan: answer("24-bgapi-xml_locate-dialplan"),
    }
}

impl Story {
    fn new(configuration: Configuration, events: Vec<Sent>) -> Self {
        let mut switch = Switch::default();
        let mut switches = vec![switch.clone()];
        for event in &events {
            switch.happens(&event.headers);
            switches.push(switch.clone());
        }
        let names = names();
        let truth =
            |switch: &Switch| (listed_rooms(&switch.json_list(), &names), listed_phones(&switch.registrations()));
        let truths = switches.iter().map(truth).collect();
        Self { configuration, events, switches, truths }
    }

    /// Only what is about what is live.
    fn condensed(self) -> Self {
        Self::new(self.configuration, self.events.into_iter().filter(Sent::tells).collect())
    }

    /// What the real switch lists before anything else happens, counted from the event `at` on.
    fn next_listing(&self, at: usize, command: &str) -> Option<&str> {
        let quiet = self.events[at..].iter().take_while(|event| !event.tells());
        quiet.into_iter().find_map(|event| event.listing(command))
    }
}

/// The names in the captured directory.
fn names() -> Names {
    let names = [
        ("20000", "defaultuser"),
        ("20001", "Anna Müller"),
        ("20002", "teamtwo"),
        ("21000", "friendone"),
        ("22000", "pubone"),
    ];
    names.into_iter().map(|(id, name)| (id.to_owned(), name.to_owned())).collect()
}

/// A replay of a story.
struct Replay<'s> {
    story: &'s Story,
    stage: Stage,
    /// How many of the events have come, or are lost.
    at: usize,
    race: Race,
    /// Questions that are not answered yet: how much had come when they were asked.
    asked: VecDeque<usize>,
    /// Up to where an answer has looked into the future.
    seen: usize,
    /// How often what the engine knows was held against the truth.
    compared: usize,
}

/// How the answer to a question and the events outrun each other on their two connections.
#[derive(Clone, Copy, Debug)]
struct Race {
    /// How many events come between the question and its answer.
    late: usize,
    /// How many events the switch had already sent when it took up the question, that come later than the question was
    /// sent.
    ahead: usize,
}

impl Race {
    const NONE: Self = Self { late: 0, ahead: 0 };

    const ALL: [Self; 9] = {
        const fn race(late: usize, ahead: usize) -> Race {
            Race { late, ahead }
        }
        [race(0, 0), race(1, 0), race(2, 1), race(3, 0), race(3, 3), race(0, 1), race(0, 4), race(8, 0), race(2, 9)]
    };
}

impl<'s> Replay<'s> {
    /// An engine that is connected when `at` events have come, and those who listen.
    fn start(story: &'s Story, at: usize, race: Race) -> Self {
        let stage = Stage::configured(story.configuration.clone());
        let mut replay = Self { story, stage, at, race, asked: VecDeque::new(), seen: 0, compared: 0 };
        replay.stage.is_slow = true;
        replay.stage.checks_all = false;
        replay.stage.connect();
        for (id, name) in [(ADMIN, "defaultuser"), (MEMBER, "friendone"), (GUEST, "pubone")] {
            replay.stage.join(id, name);
        }
        replay.answer();
        replay
    }

    /// The next event comes.
    fn go_on(&mut self) {
        self.stage.receive(Line::Events, &self.story.events[self.at].frame);
        self.at += 1;
        self.answer();
        // So little that no audit mends what is wrong.
        let pause = if self.story.events[self.at - 1].tells() { 100 } else { 0 };
        self.stage.pass(Duration::from_millis(pause));
        self.answer();
    }

    /// The connection breaks in the middle of an event, and is opened again after `lost` more.
    fn cut(&mut self, lost: usize) {
        if let Some(event) = self.story.events.get(self.at).filter(|_| lost > 0) {
            let some = self.at * 97 % event.frame.len();
            self.stage.receive(Line::Events, &event.frame[..some]);
        }
        self.stage.lose();
        self.asked.clear();
        self.at = (self.at + lost).min(self.story.events.len());
        self.stage.connect();
        self.answer();
    }

    /// The switch answers the questions whose time has come.
    fn answer(&mut self) {
        loop {
            self.asked.resize(self.stage.questions().len(), self.at);
            let Some(asked) = self.asked.front().copied().filter(|asked| asked + self.race.late <= self.at) else {
                return;
            };
            // Its time does not go back either.
            self.seen = self.seen.max(asked + self.race.ahead).min(self.story.events.len());
            self.asked.pop_front();
            let answer = self.listing(self.seen);
            self.stage.answer_with(answer.as_bytes());
        }
    }

    /// What the real switch has listed then, else what the one in miniature lists.
    fn listing(&self, at: usize) -> String {
        let switch = &self.story.switches[at];
        match self.stage.questions().front().unwrap() {
            SwitchCommand::LiveConferences => {
                self.story.next_listing(at, JSON_LIST).map_or_else(|| switch.json_list(), str::to_owned)
            }
            SwitchCommand::Registrations => {
                self.story.next_listing(at, REGISTRATIONS).map_or_else(|| switch.registrations(), str::to_owned)
            }
            // The keys that were pressed; that switch did nothing about them.
            SwitchCommand::Conference(..) => "-ERR replay\n".into(),
            other => panic!("{other}"),
        }
    }

    /// If the engine has no question, it knows what is so.
    fn compare(&mut self, how: &str) {
        if !self.stage.questions().is_empty() || self.stage.is_curious() || self.at < self.seen {
            return;
        }
        let step = self.at.checked_sub(1).map_or("the beginning", |at| &self.story.events[at].step);
        let mut rooms = shown_rooms(&self.stage.init(ADMIN));
        forgive_last_floors(&mut rooms, &self.story.truths[self.at].0);
        let phones = shown_phones(&self.stage.initreg(ADMIN));
        assert_eq!(rooms, self.story.truths[self.at].0, "{how}: after event {} ({step})", self.at);
        assert_eq!(phones, self.story.truths[self.at].1, "{how}: after event {} ({step})", self.at);
        self.stage.check_ears();
        self.compared += 1;
    }

    /// Lets time pass until the engine has no question.
    fn wait(&mut self) {
        while self.stage.is_curious() {
            self.stage.pass(Duration::from_millis(100));
            self.answer();
        }
    }

    /// Goes on for some events, and then until the engine has no question.
    fn run(&mut self, events: usize, how: &str) {
        for _ in 0..events {
            self.compare(how);
            if self.at == self.story.events.len() {
                break;
            }
            self.go_on();
        }
        self.race = Race::NONE;
        while self.at < self.seen {
            self.go_on();
        }
        self.answer();
        self.wait();
        let before = self.compared;
        self.compare(how);
        assert_ne!(self.compared, before, "{how}: the engine has questions without end");
    }
}

const FOLDERS: [&str; 2] = ["conference", "registration"];

#[test]
fn the_switch_in_miniature_lists_what_the_real_one_has_listed() {
    let mut listings = 0;
    for story in FOLDERS.into_iter().filter_map(story) {
        for (at, event) in story.events.iter().enumerate() {
            let (rooms, phones) = &story.truths[at];
            if let Some(listing) = event.listing(JSON_LIST) {
                assert_eq!(*rooms, listed_rooms(listing, &names()), "{}", event.step);
                listings += 1;
            }
            if let Some(listing) = event.listing(REGISTRATIONS) {
                assert_eq!(*phones, listed_phones(listing), "{}", event.step);
                listings += 1;
            }
            speaks(&story.switches[at + 1], event);
        }
        assert!(listings >= 6);
    }
}

/// What an event says by the way about its member is so, for all that the switch in miniature knows.
fn speaks(switch: &Switch, event: &Sent) {
    let of = |name: &str| event.headers.get(name).map(String::as_str);
    let (Some(uuid), Some(member), Some(speak)) = (of("Conference-Unique-ID"), of("Member-ID"), of("Speak")) else {
        return;
    };
    let known = switch.can_speak(uuid, member.parse().unwrap());
    assert!(known.is_none_or(|can_speak| can_speak.to_string() == speak), "{}", event.step);
}

#[test]
fn from_the_beginning_the_engine_always_knows_what_the_switch_lists_next() {
    for story in FOLDERS.into_iter().filter_map(story) {
        let mut replay = Replay::start(&story, 0, Race::NONE);
        let mut held_against_real = 0;
        for at in 0..story.events.len() {
            replay.go_on();
            replay.compare("from the beginning");
            let registrations = story.next_listing(at + 1, REGISTRATIONS);
            if registrations.is_some() {
                // What the switch makes of a user's second phone is listed a moment later.
                replay.wait();
            }
            let json_list = story.next_listing(at + 1, JSON_LIST).filter(|_| !replay.stage.is_curious());
            if let Some(listing) = json_list {
                assert_eq!(shown_rooms(&replay.stage.init(ADMIN)), listed_rooms(listing, &names()));
            }
            if let Some(listing) = registrations {
                assert_eq!(shown_phones(&replay.stage.initreg(ADMIN)), listed_phones(listing));
            }
            held_against_real += usize::from(json_list.is_some() || registrations.is_some());
        }
        assert!(held_against_real > 9, "{held_against_real}");
        assert!(replay.compared + 30 > story.events.len(), "{} of {}", replay.compared, story.events.len());
        // Each event is understood without asking, but two: what becomes of the recordings that were ordered by key has to
        // be looked for, as this switch objects; and whether the only member, who has no floor any more, leaves.
        let ordered = replay.stage.told().iter().filter(|order| order.contains("recording start")).count();
        let is_last_floor = |event: &&Sent| {
            let of = |name: &str| event.headers.get(name).map(String::as_str);
            (of("New-ID"), of("Conference-Size")) == (Some("none"), Some("1"))
        };
        let floors = story.events.iter().filter(is_last_floor).count();
        assert_eq!(replay.stage.listings, 1 + ordered + floors, "the conferences are listed at the start");
    }
}

#[test]
fn whoever_starts_anywhere_knows_the_same() {
    for story in FOLDERS.into_iter().filter_map(story) {
        let story = story.condensed();
        for start in 0..=story.events.len() {
            // Not all races everywhere, and not always to the end: that would take a minute.
            for race in (start..start + 3).map(|at| Race::ALL[at * 4 % Race::ALL.len()]) {
                let how = format!("started at event {start}, {race:?}");
                Replay::start(&story, start, race).run(if start.is_multiple_of(10) { usize::MAX } else { 12 }, &how);
            }
        }
    }
}

#[test]
fn after_a_break_anywhere_the_engine_knows_the_same() {
    for story in FOLDERS.into_iter().filter_map(story) {
        let story = story.condensed();
        for cut in 0..=story.events.len() {
            for lost in [0, 1 + cut % 3, 5 + cut % 8] {
                let race = Race::ALL[(cut + lost) % Race::ALL.len()];
                let how = format!("cut at event {cut}, {lost} lost, {race:?}");
                let mut replay = Replay::start(&story, 0, Race::NONE);
                (0..cut).for_each(|_| replay.go_on());
                replay.race = race;
                replay.cut(lost);
                replay.run(12, &how);
            }
        }
    }
}

#[test]
fn break_after_break_the_engine_knows_the_same() {
    for story in FOLDERS.into_iter().filter_map(story) {
        let story = story.condensed();
        for (interval, race) in (1..9).flat_map(|interval| Race::ALL.map(|race| (interval, race))) {
            let how = format!("cut every {interval} events, {race:?}");
            let mut replay = Replay::start(&story, interval % 3, race);
            while replay.at < story.events.len() {
                replay.go_on();
                replay.compare(&how);
                if replay.at.is_multiple_of(interval) {
                    replay.cut(interval % 4);
                }
            }
            replay.run(0, &how);
        }
    }
}

#[test]
fn a_member_hears_nothing_of_the_admins_and_a_guest_only_what_is_public() {
    for story in FOLDERS.into_iter().filter_map(story) {
        let mut replay = Replay::start(&story, 0, Race::NONE);
        (0..story.events.len()).for_each(|_| replay.go_on());
        let heard = |replay: &mut Replay<'_>, id: ListenerId| replay.stage.heard(id);
        let all = heard(&mut replay, ADMIN);
        let is_of_admins =
            |line: &str| [" team_g722", " My Conf", " conference "].iter().any(|name| line.contains(name));
        let public: Vec<String> = all.iter().filter(|line| !is_of_admins(line)).cloned().collect();
        for id in [MEMBER, GUEST] {
            assert_eq!(heard(&mut replay, id), public);
        }
        assert_eq!(all.len() > public.len(), story.events.len() > 500);
    }
}
