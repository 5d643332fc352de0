//! What the engine's loop measures.

use std::time::Duration;

use fsconnector_disk::Recovered;
use fsconnector_engine::io::{FilesDone, Input};
use fsconnector_engine::live::listener::Listening;
use fsconnector_engine::mark::{Mark, Outcome};
use fsconnector_engine::time::Mono;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use super::durations::Durations;

/// Measures what goes in and out of the engine. It is the engine's thread's own, which it never has wait.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    measures: Measures,
    /// Since when they are under way.
    reload: Option<Mono>,
    reading: Option<Mono>,
    transaction: Option<Mono>,
}

/// What was measured so far. All clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    connects: Counter,
    disconnects: Counter,
    events: Counter,
    lag: Durations,
    missed: Counter,
    reloads: Works,
    readings: Works,
    transactions: Works,
    requests: Counter,
    recoveries: Family<Recovery, Counter>,
    left: Counter,
}

/// Works of one kind that take time, and end in one way or another.
#[derive(Clone, Debug)]
struct Works {
    outcomes: Family<Ended, Counter>,
    durations: Durations,
}

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

/// When files were put back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Recovery {
    during: &'static str,
}

const AT_START: Recovery = Recovery { during: "start" };
const AT_WORK: Recovery = Recovery { during: "work" };

/// From what nobody notices to what is worth a call at night.
const LAGS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// From a few files on a fast disk to a switch with thousands of users that is busy.
const WORKS: &[Duration] = &[
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(120),
];

impl Meter {
    /// One that begins when the trees were taken over, with what an earlier run had left to be put back there.
    pub(crate) fn after(recovered: &Recovered) -> Self {
        let meter = Self::default();
        if recovered.unsettled {
            meter.measures.recoveries.get_or_create(&AT_START).inc();
            meter.measures.left.inc_by(recovered.left.len() as u64);
        }
        meter
    }

    /// What it measures, for whoever tells it.
    pub(crate) fn measures(&self) -> Measures {
        self.measures.clone()
    }

    /// Inputs begin to be taken; if they come from the switch, they were read at `read`.
    pub(crate) fn reads(&self, now: Mono, read: Option<Mono>) {
        if let Some(read) = read {
            self.measures.lag.observe(since(read, now));
        }
    }

    /// The engine takes this input next.
    pub(crate) fn takes(&mut self, input: &Input) {
        let Self { measures, reload, reading, .. } = self;
        match input {
            Input::SwitchEvent { .. } => _ = measures.events.inc(),
            Input::SwitchUp { .. } => _ = measures.connects.inc(),
            Input::SwitchDown { .. } => {
                measures.disconnects.inc();
                measures.reloads.lost(reload);
                measures.readings.lost(reading);
            }
            Input::Listener { does: Listening::HasMissed, .. } => _ = measures.missed.inc(),
            Input::FilesDone { result: Ok(FilesDone::Undone { left }), .. } => {
                measures.recoveries.get_or_create(&AT_WORK).inc();
                measures.left.inc_by(left.len() as u64);
            }
            _ => (),
        }
    }

    /// The engine says that something begins or ends.
    pub(crate) fn mark(&mut self, now: Mono, mark: Mark) {
        let Self { measures, reload, reading, transaction } = self;
        match mark {
            Mark::ReloadBegun => *reload = Some(now),
            Mark::ReloadEnded { accepted } => {
                let outcome = if accepted { "accepted" } else { "rejected" };
                measures.reloads.ended(outcome, reload.take(), now);
            }
            Mark::ReadingBegun => *reading = Some(now),
            Mark::ReadingEnded { usable } => {
                let outcome = if usable { "usable" } else { "unusable" };
                measures.readings.ended(outcome, reading.take(), now);
            }
            Mark::TransactionBegun { requests } => {
                *transaction = Some(now);
                measures.requests.inc_by(requests as u64);
            }
            Mark::TransactionEnded(outcome) => {
                measures.transactions.ended(outcome.name(), transaction.take(), now);
            }
        }
    }
}

fn since(begun: Mono, now: Mono) -> Duration {
    Duration::from_micros(now.0.saturating_sub(begun.0))
}

impl Default for Measures {
    fn default() -> Self {
        let recoveries = Family::default();
        // What has not happened yet is zero, and not unknown; here and below.
        for when in [AT_START, AT_WORK] {
            drop(recoveries.get_or_create(&when));
        }
        Self {
            connects: Counter::default(),
            disconnects: Counter::default(),
            events: Counter::default(),
            lag: Durations::new(LAGS),
            missed: Counter::default(),
            reloads: Works::ending(["accepted", "rejected", LOST]),
            readings: Works::ending(["usable", "unusable", LOST]),
            transactions: Works::ending(Outcome::ALL.map(Outcome::name)),
            requests: Counter::default(),
            recoveries,
            left: Counter::default(),
        }
    }
}

/// What becomes of what the switch is doing when the session with it is lost.
const LOST: &str = "lost";

impl Works {
    /// None so far.
    fn ending<const N: usize>(outcomes: [&'static str; N]) -> Self {
        let works = Self { outcomes: Family::default(), durations: Durations::new(WORKS) };
        for outcome in outcomes {
            drop(works.outcomes.get_or_create(&Ended { outcome }));
        }
        works
    }

    /// If one was under way, nobody hears of its end. How long it took is not known.
    fn lost(&self, begun: &mut Option<Mono>) {
        if begun.take().is_some() {
            self.outcomes.get_or_create(&Ended { outcome: LOST }).inc();
        }
    }

    /// One has ended; how long it took is known if somebody has seen its beginning.
    fn ended(&self, outcome: &'static str, begun: Option<Mono>, now: Mono) {
        self.outcomes.get_or_create(&Ended { outcome }).inc();
        if let Some(begun) = begun {
            self.durations.observe(since(begun, now));
        }
    }
}

impl Measures {
    /// Has them told to whoever asks.
    pub(crate) fn report(&self, registry: &mut Registry) {
        let counters = [
            ("switch_connects", "Sessions with the switch that came up", &self.connects),
            ("switch_disconnects", "Sessions with the switch that ended", &self.disconnects),
            ("switch_events", "Events of the switch that the engine has taken", &self.events),
            ("listeners_missed", "Times that a listener was too slow and had to begin anew", &self.missed),
            ("transaction_requests", "Requests for changes that took part in transactions", &self.requests),
            ("journal_files_left", "Files not put back, since somebody had changed them meanwhile", &self.left),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let help = "Times that files were put back by the journal: at the start, and after changes that failed";
        registry.register("journal_recoveries", help, self.recoveries.clone());
        let help = "How long what was read from the switch waited for the engine, a chunk at a time";
        registry.register_with_unit("switch_lag", help, Unit::Seconds, self.lag.clone());
        let works = [
            (
                "reload",
                "Reloads of the switch's XML that were asked for here, and whether the switch took it, or the session was lost",
                &self.reloads,
            ),
            (
                "readback",
                "Times that everything was read from the switch, and whether that could be used, or the session was lost",
                &self.readings,
            ),
            ("transaction", "Changes of files, and what became of them", &self.transactions),
        ];
        for (name, help, Works { outcomes, durations }) in works {
            registry.register(format!("{name}s"), help, outcomes.clone());
            let help = format!("How long a {name} took, however it ended, if that is known");
            registry.register_with_unit(format!("{name}_duration"), help, Unit::Seconds, durations.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use fsconnector_engine::esl::event::Event;
    use fsconnector_engine::io::{EffectId, Epoch};
    use fsconnector_engine::live::listener::ListenerId;
    use fsconnector_engine::path::{RelPath, Tree, TreePath};
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(meter: &Meter) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        meter.measures().report(&mut registry);
        encode(&mut text, &registry).unwrap();
        text
    }

    /// All of these lines are there.
    fn check(meter: &Meter, lines: &[&str]) {
        let text = text(meter);
        for line in lines {
            assert!(text.lines().any(|told| told == *line), "{line}: {text}");
        }
    }

    #[test]
    fn what_is_marked_takes_as_long_as_the_clock_says() {
        let mut meter = Meter::default();
        let second = |seconds: u64| Mono(seconds * 1_000_000);
        for (at, mark) in [
            (10, Mark::TransactionBegun { requests: 3 }),
            (11, Mark::ReloadBegun),
            (13, Mark::ReloadEnded { accepted: true }),
            (13, Mark::ReadingBegun),
            (16, Mark::ReadingEnded { usable: false }),
            (17, Mark::TransactionEnded(Outcome::Unusable)),
            (20, Mark::TransactionBegun { requests: 1 }),
            (60, Mark::TransactionEnded(Outcome::Kept)),
        ] {
            meter.mark(second(at), mark);
        }
        check(
            &meter,
            &[
                "reloads_total{outcome=\"accepted\"} 1",
                "reloads_total{outcome=\"rejected\"} 0",
                "reload_duration_seconds_sum 2.0",
                "reload_duration_seconds_bucket{le=\"1.0\"} 0",
                "reload_duration_seconds_bucket{le=\"2.5\"} 1",
                "readbacks_total{outcome=\"unusable\"} 1",
                "readback_duration_seconds_sum 3.0",
                "transactions_total{outcome=\"unusable\"} 1",
                "transactions_total{outcome=\"kept\"} 1",
                "transactions_total{outcome=\"rejected\"} 0",
                "transaction_duration_seconds_sum 47.0",
                "transaction_duration_seconds_count 2",
                "transaction_requests_total 4",
            ],
        );
    }

    #[test]
    fn what_a_lost_session_has_cut_off_is_counted_and_how_long_it_took_is_not() {
        let mut meter = Meter::default();
        let down = || Input::SwitchDown { epoch: Epoch(1) };
        meter.takes(&down());
        check(&meter, &["reloads_total{outcome=\"lost\"} 0", "readbacks_total{outcome=\"lost\"} 0"]);
        meter.mark(Mono(0), Mark::ReadingBegun);
        meter.takes(&down());
        meter.mark(Mono(1_000_000), Mark::ReloadBegun);
        meter.takes(&down());
        meter.takes(&down());
        meter.mark(Mono(9_000_000), Mark::ReadingBegun);
        meter.mark(Mono(9_500_000), Mark::ReadingEnded { usable: true });
        check(
            &meter,
            &[
                "reloads_total{outcome=\"lost\"} 1",
                "readbacks_total{outcome=\"lost\"} 1",
                "readbacks_total{outcome=\"usable\"} 1",
                "readback_duration_seconds_sum 0.5",
                "readback_duration_seconds_count 1",
                "reload_duration_seconds_count 0",
            ],
        );
    }

    #[test]
    fn events_are_counted_and_how_long_they_waited_a_batch_at_a_time() {
        let mut meter = Meter::default();
        let epoch = Epoch(1);
        let event =
            || Input::SwitchEvent { epoch, event: Event::plain(b"Event-Name: HEARTBEAT\n\n".as_slice().into()) };
        meter.reads(Mono(1_000), Some(Mono(950)));
        for input in [Input::SwitchUp { epoch }, event(), event()] {
            meter.takes(&input);
        }
        meter.reads(Mono(500_000), Some(Mono(2_000)));
        for input in [event(), Input::SwitchDown { epoch }] {
            meter.takes(&input);
        }
        meter.reads(Mono(900_000), None);
        meter.takes(&Input::Tick);
        check(
            &meter,
            &[
                "switch_events_total 3",
                "switch_connects_total 1",
                "switch_disconnects_total 1",
                "switch_lag_seconds_count 2",
                "switch_lag_seconds_sum 0.49805",
                "switch_lag_seconds_bucket{le=\"0.0001\"} 1",
                "switch_lag_seconds_bucket{le=\"0.1\"} 1",
                "switch_lag_seconds_bucket{le=\"1.0\"} 2",
            ],
        );
    }

    #[test]
    fn what_was_put_back_is_told_apart_by_when() {
        check(
            &Meter::after(&Recovered::default()),
            &["journal_recoveries_total{during=\"start\"} 0", "journal_recoveries_total{during=\"work\"} 0"],
        );
        let path = |name: &str| TreePath { tree: Tree::Static, path: RelPath::parse(name).unwrap() };
        let mut meter = Meter::after(&Recovered { unsettled: true, left: vec![path("a"), path("b")] });
        let left: Vec<TreePath> = Vec::new();
        let undone = Input::FilesDone { id: EffectId(1), result: Ok(FilesDone::Undone { left }) };
        let kept = Input::FilesDone { id: EffectId(2), result: Ok(FilesDone::Kept) };
        meter.takes(&undone);
        meter.takes(&kept);
        check(
            &meter,
            &[
                "journal_recoveries_total{during=\"start\"} 1",
                "journal_recoveries_total{during=\"work\"} 1",
                "journal_files_left_total 2",
            ],
        );
    }

    #[test]
    fn who_was_too_slow_is_counted() {
        let mut meter = Meter::default();
        let does = |does| Input::Listener { id: ListenerId(1), does };
        meter.takes(&does(Listening::HasMissed));
        meter.takes(&does(Listening::Leaves));
        check(&meter, &["listeners_missed_total 1"]);
    }
}
