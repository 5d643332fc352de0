//! At random, and true: whatever happens in a switch, and however events and answers outrun each other, the engine knows
//! in the end what the switch lists; and at any time listeners know what it knows.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::session::Line;
use proptest::prelude::*;

use crate::seen::{forgive_last_floors, listed_phones, listed_rooms, shown_phones, shown_rooms};
use crate::stage::{ADMIN, Stage};
use crate::town::{Deed, Town};

#[derive(Clone, Copy, Debug)]
enum Step {
    Happens(Deed),
    /// So many events come through.
    Deliver(usize),
    /// The switch takes up a question; the answer is the last thing it knows for now.
    Answer,
    Pass(u64),
    /// The connection breaks, and all that was on its way is lost. So much more happens until it is opened again.
    Break,
}

fn deed() -> impl Strategy<Value = Deed> {
    let one = || any::<u8>().prop_map(usize::from);
    prop_oneof![
        6 => (one(), one()).prop_map(|(name, user)| Deed::Call(name, user)),
        1 => one().prop_map(Deed::Begin),
        4 => one().prop_map(Deed::Leave),
        2 => (one(), any::<bool>()).prop_map(|(who, mute)| Deed::Mute(who, mute)),
        2 => (one(), any::<bool>()).prop_map(|(who, hold)| Deed::Hold(who, hold)),
        2 => one().prop_map(Deed::Floor),
        1 => (one(), any::<bool>()).prop_map(|(room, lock)| Deed::Lock(room, lock)),
        4 => (one(), prop::sample::select(vec!["rec", "fail", "pause", "resume", "stop"]))
            .prop_map(|(room, what)| Deed::Record(room, what)),
        2 => one().prop_map(Deed::Expire),
        3 => (one(), one()).prop_map(|(user, port)| Deed::Register(user, port)),
        1 => one().prop_map(Deed::Unregister),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => deed().prop_map(Step::Happens),
        6 => (1_usize..4).prop_map(Step::Deliver),
        4 => Just(Step::Answer),
        2 => (1_u64..600).prop_map(Step::Pass),
        1 => Just(Step::Break),
    ]
}

/// A stage with the events that are on their way to it.
struct Race {
    stage: Stage,
    town: Town,
    events: Vec<String>,
}

impl Race {
    fn new(lists_newest_only: bool) -> Self {
        let mut stage = Stage::new();
        stage.is_slow = true;
        let mut town = Town::default();
        town.switch.lists_newest_only = lists_newest_only;
        Self { stage, town, events: Vec::new() }
    }

    fn does(&mut self, step: Step) {
        match step {
            Step::Happens(deed) => self.town.does(deed, &mut self.events),
            Step::Deliver(count) => {
                let count = count.min(self.events.len());
                let events: Vec<String> = self.events.drain(..count).collect();
                for event in &events {
                    self.deliver(event);
                }
            }
            Step::Answer => self.answer(),
            Step::Pass(milliseconds) => self.stage.pass(Duration::from_millis(milliseconds)),
            Step::Break => {
                self.stage.lose();
                self.events.clear();
                self.stage.connect();
            }
        }
        self.stage.check_ears();
    }

    fn deliver(&mut self, event: &str) {
        let head = format!("Content-Length: {}\nContent-Type: text/event-plain\n\n", event.len());
        self.stage.receive(Line::Events, (head + event).as_bytes());
    }

    fn answer(&mut self) {
        let answer = match self.stage.questions().front() {
            Some(SwitchCommand::LiveConferences) => self.town.switch.json_list(),
            Some(SwitchCommand::Registrations) => self.town.switch.registrations(),
            Some(_) => "+OK\n".into(),
            None => return,
        };
        self.stage.answer_with(answer.as_bytes());
    }

    /// All that was on its way comes through, and the engine has no question any more.
    fn settle(&mut self) {
        self.does(Step::Deliver(usize::MAX));
        for _ in 0..20 {
            while !self.stage.questions().is_empty() {
                self.answer();
            }
            self.stage.pass(Duration::from_millis(250));
        }
        assert!(self.stage.questions().is_empty() && !self.stage.is_curious(), "the engine has questions without end");
    }

    fn compare(&mut self) {
        let mut rooms = shown_rooms(&self.stage.init(ADMIN));
        let mut listed = listed_rooms(&self.town.switch.json_list(), &self.stage.names());
        forgive_last_floors(&mut rooms, &listed);
        for member in rooms.values_mut().chain(listed.values_mut()).flat_map(|room| &mut room.members) {
            // Whether somebody on hold is muted does not show.
            member.1.2 &= !self.town.switch.holds(member.0);
        }
        assert_eq!(rooms, listed);
        let phones = shown_phones(&self.stage.initreg(ADMIN));
        assert_eq!(phones, listed_phones(&self.town.switch.registrations()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_events_and_answers_race_the_engine_knows_in_the_end_what_the_switch_lists(
        steps in proptest::collection::vec(step(), 1..80),
        lists_newest_only in any::<bool>(),
    ) {
        let mut race = Race::new(lists_newest_only);
        for part in steps.chunks(20) {
            for step in part {
                race.does(*step);
            }
            race.settle();
            race.compare();
        }
    }
}
