//! The connector: what ends when it is killed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fsconnector_disk::ChangeSets;
use fsconnector_engine::Engine;
use fsconnector_engine::io::{EffectId, Epoch, FileError, FileWork, FilesDone};
use fsconnector_engine::state::State;
use fsconnector_engine::time::Mono;

use crate::disk::Watched;
use crate::requests::Sent;
use crate::wires::Pair;

/// A connector that runs.
pub(crate) struct Connector {
    pub(crate) engine: Engine,
    pub(crate) change_sets: ChangeSets<Watched>,
    pub(crate) pair: Option<Pair>,
    pub(crate) connect_at: Mono,
    /// What the engine wants of the disk.
    pub(crate) works: VecDeque<(EffectId, FileWork)>,
    /// What came of it, as far as the engine has not heard.
    pub(crate) results: VecDeque<(EffectId, Result<FilesDone, FileError>)>,
    pub(crate) published: Option<Arc<State>>,
    /// The requests that are not answered yet.
    pub(crate) waiting: BTreeMap<u64, Sent>,
    /// The reloads that the engine has asked for.
    pub(crate) reloads: BTreeSet<EffectId>,
    /// Answers that the switch did not give.
    pub(crate) made_up: VecDeque<(Epoch, EffectId)>,
    /// Files that were changed for good, and nobody was told yet.
    pub(crate) unexplained: BTreeSet<String>,
}

impl Connector {
    pub(crate) fn new(engine: Engine, change_sets: ChangeSets<Watched>, connect_at: Mono) -> Self {
        Self {
            engine,
            change_sets,
            pair: None,
            connect_at,
            works: VecDeque::new(),
            results: VecDeque::new(),
            published: None,
            waiting: BTreeMap::new(),
            reloads: BTreeSet::new(),
            made_up: VecDeque::new(),
            unexplained: BTreeSet::new(),
        }
    }
}
