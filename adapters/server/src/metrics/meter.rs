//! What the engine's loop measures.

use std::time::Duration;

use fsconnector_engine::files::FilesDone;
use fsconnector_engine::io::Input;
use fsconnector_engine::mark::{Mark, Outcome};
use fsconnector_engine::time::Mono;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use super::durations::Durations;

/// Measures what goes in and out of the engine. It belongs to the engine's thread, and never makes that wait.
#[derive(Debug)]
pub(crate) struct Meter {
    measures: Measures,
    /// Since when what is under way is under way.
    reload: Option<Mono>,
    reading: Option<Mono>,
    transaction: Option<Mono>,
}

/// What came out so far. A clone is the same one, for whoever reads it.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    connects: Counter,
    disconnects: Counter,
    events: Counter,
    lag: Durations,
    missed: Counter,
    reloads: [Durations; 2],
    readings: [Durations; 2],
    requests: Counter,
    transactions: Family<Ended, Counter>,
    durations: Durations,
    recoveries: Family<Recovery, Counter>,
    left: Counter,
}
