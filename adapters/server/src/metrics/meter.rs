//! What the engine's loop measures.

use std::time::Duration;

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
    reloads: Family<Ended, Durations, fn() -> Durations>,
    readings: Family<Ended, Durations, fn() -> Durations>,
    transactions: Family<Ended, Durations, fn() -> Durations>,
    requests: Counter,
    recoveries: Family<Recovery, Counter>,
    left: Counter,
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
    /// What it measures, for whoever tells it.
    pub(crate) fn measures(&self) -> Measures {
        self.measures.clone()
    }

    /// The engine takes these inputs; if they come from the switch, they were read at `read`.
    pub(crate) fn takes(&self, now: Mono, read: Option<Mono>, inputs: &[Input]) {
        let measures = &self.measures;
        if let Some(read) = read {
            measures.lag.observe(since(read, now));
        }
        let mut events = 0;
        for input in inputs {
            match input {
                Input::SwitchEvent { .. } => events += 1,
                Input::SwitchUp { .. } => _ = measures.connects.inc(),
                Input::SwitchDown { .. } => _ = measures.disconnects.inc(),
                Input::Listener { does: Listening::HasMissed, .. } => _ = measures.missed.inc(),
                Input::FilesDone { result: Ok(FilesDone::Undone { left }), .. } => {
                    measures.recoveries.get_or_create(&AT_WORK).inc();
                    measures.left.inc_by(left.len() as u64);
                }
                _ => (),
            }
        }
        measures.events.inc_by(events);
    }

    /// The engine says that something begins or ends.
    pub(crate) fn mark(&mut self, now: Mono, mark: Mark) {
        let took = |begun: &mut Option<Mono>| begun.take().map(|begun| since(begun, now));
        match mark {
            Mark::ReloadBegun => self.reload = Some(now),
            Mark::ReloadEnded { accepted } => {
                let outcome = if accepted { "accepted" } else { "rejected" };
                self.measures.reloads.ended(outcome, took(&mut self.reload));
            }
            Mark::ReadingBegun => self.reading = Some(now),
            Mark::ReadingEnded { usable } => {
                let outcome = if usable { "usable" } else { "unusable" };
                self.measures.readings.ended(outcome, took(&mut self.reading));
            }
            Mark::TransactionBegun { requests } => {
                self.transaction = Some(now);
                self.measures.requests.inc_by(requests as u64);
            }
            Mark::TransactionEnded(outcome) => {
                self.measures.transactions.ended(outcome.name(), took(&mut self.transaction));
            }
        }
    }
}

fn since(begun: Mono, now: Mono) -> Duration {
    Duration::from_micros(now.0.saturating_sub(begun.0))
}

impl Default for Measures {
    fn default() -> Self {
        let works = || Family::new_with_constructor((|| Durations::new(WORKS)) as fn() -> Durations);
        let measures = Self {
            connects: Counter::default(),
            disconnects: Counter::default(),
            events: Counter::default(),
            lag: Durations::new(LAGS),
            missed: Counter::default(),
            reloads: works(),
            readings: works(),
            transactions: works(),
            requests: Counter::default(),
            recoveries: Family::default(),
            left: Counter::default(),
        };
        // What has not happened yet is zero, and not unknown.
        drop(measures.recoveries.get_or_create(&AT_START));
        drop(measures.recoveries.get_or_create(&AT_WORK));
        for outcome in ["accepted", "rejected"] {
            drop(measures.reloads.get_or_create(&Ended { outcome }));
        }
        for outcome in ["usable", "unusable"] {
            drop(measures.readings.get_or_create(&Ended { outcome }));
        }
        for outcome in Outcome::ALL {
            drop(measures.transactions.get_or_create(&Ended { outcome: outcome.name() }));
        }
        measures
    }
}

impl Measures {
    /// The start has put back what an earlier run had not finished, but for so many files.
    pub(crate) fn recovered(&self, left: usize) {
        self.recoveries.get_or_create(&AT_START).inc();
        self.left.inc_by(left as u64);
    }

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
        let durations = [
            ("reload_duration", "How long the switch took to reload its XML", &self.reloads),
            ("readback_duration", "How long it took to read everything from the switch", &self.readings),
            ("transaction_duration", "How long changes took, from the first file to the end", &self.transactions),
        ];
        for (name, help, family) in durations {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
    }
}

/// What takes time and ends in one way or another.
trait Ends {
    /// One has ended, and took so long; nothing if nobody has seen its beginning.
    fn ended(&self, outcome: &'static str, took: Option<Duration>);
}

impl Ends for Family<Ended, Durations, fn() -> Durations> {
    fn ended(&self, outcome: &'static str, took: Option<Duration>) {
        if let Some(took) = took {
            self.get_or_create(&Ended { outcome }).observe(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use fsconnector_engine::esl::event::Event;
    use fsconnector_engine::io::{EffectId, Epoch};
    use fsconnector_engine::live::listener::ListenerId;
    use fsconnector_engine::path::TreePath;
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
                "reload_duration_seconds_sum{outcome=\"accepted\"} 2.0",
                "reload_duration_seconds_bucket{le=\"1.0\",outcome=\"accepted\"} 0",
                "reload_duration_seconds_bucket{le=\"2.5\",outcome=\"accepted\"} 1",
                "readback_duration_seconds_sum{outcome=\"unusable\"} 3.0",
                "transaction_duration_seconds_sum{outcome=\"unusable\"} 7.0",
                "transaction_duration_seconds_sum{outcome=\"kept\"} 40.0",
                "transaction_duration_seconds_count{outcome=\"kept\"} 1",
                "transaction_duration_seconds_count{outcome=\"rejected\"} 0",
                "transaction_requests_total 4",
            ],
        );
    }

    #[test]
    fn what_a_lost_session_has_cut_off_is_not_counted_and_the_next_begins_anew() {
        let mut meter = Meter::default();
        for (at, mark) in [
            (0, Mark::ReadingBegun),
            (9_000_000, Mark::ReadingBegun),
            (9_500_000, Mark::ReadingEnded { usable: true }),
            (9_900_000, Mark::ReadingEnded { usable: true }),
        ] {
            meter.mark(Mono(at), mark);
        }
        check(
            &meter,
            &[
                "readback_duration_seconds_sum{outcome=\"usable\"} 0.5",
                "readback_duration_seconds_count{outcome=\"usable\"} 1",
            ],
        );
    }

    #[test]
    fn events_and_how_long_they_waited_are_counted_a_batch_at_a_time() {
        let meter = Meter::default();
        let epoch = Epoch(1);
        let event =
            || Input::SwitchEvent { epoch, event: Event::plain(b"Event-Name: HEARTBEAT\n\n".as_slice().into()) };
        meter.takes(Mono(1_000), Some(Mono(950)), &[Input::SwitchUp { epoch }, event(), event()]);
        meter.takes(Mono(500_000), Some(Mono(2_000)), &[event(), Input::SwitchDown { epoch }]);
        meter.takes(Mono(900_000), None, &[Input::Tick]);
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
        let meter = Meter::default();
        check(&meter, &["journal_recoveries_total{during=\"start\"} 0", "journal_recoveries_total{during=\"work\"} 0"]);
        meter.measures().recovered(2);
        let left: Vec<TreePath> = Vec::new();
        let undone = Input::FilesDone { id: EffectId(1), result: Ok(FilesDone::Undone { left }) };
        let kept = Input::FilesDone { id: EffectId(2), result: Ok(FilesDone::Kept) };
        meter.takes(Mono(0), None, &[undone, kept]);
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
        let meter = Meter::default();
        let does = |does| Input::Listener { id: ListenerId(1), does };
        meter.takes(Mono(0), None, &[does(Listening::HasMissed), does(Listening::Leaves)]);
        check(&meter, &["listeners_missed_total 1"]);
    }
}
