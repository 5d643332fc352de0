//! The program, put together: the engine's thread, the sockets to the switch, the gate and its [`entrance`].

mod entrance;
mod vital;

use std::error::Error;
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fsconnector_disk::{Disk, OpenError, Recovered, Root};
use fsconnector_engine::config::Config;
use fsconnector_engine::files::FileWork;
use fsconnector_engine::path::Tree;
use fsconnector_engine::query::Query;
use fsconnector_engine::rebuild::Rebuild;
use fsconnector_engine::render::{PublicAddress, Templates};
use fsconnector_engine::state::State;
use fsconnector_engine::{Engine, Start};
use fsconnector_esl::stay_connected;
use fsconnector_http::{Asked, COMMANDS, Current, FromListener, Gate, GateConfig, GateError, Limits, Uploads};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use smol::{Task, Timer};

use crate::command_line::VERSION;
use crate::heart::{self, Clock, Stops, Wires};
use crate::metrics::{self, Meter, Metrics, Process, Queues};
use crate::settings::{Folders, Settings};
use crate::{templates, trees};
use entrance::Entrance;
pub(crate) use entrance::public_address;
use vital::Parts;
pub(crate) use vital::{Vital, vital};

/// How many batches of the switch may wait for the engine; then reading from the switch waits.
const WAITING_BATCHES: usize = 16;

/// How much of what listeners do may wait for the engine; then reading from them waits.
const WAITING_LISTENERS: usize = 256;

/// How long the end may take.
pub(crate) const FAREWELL: Duration = Duration::from_secs(9);

/// The running program.
pub(crate) struct Program {
    address: SocketAddr,
    /// What tells whoever measures it, and where.
    metrics: Option<(Task<()>, SocketAddr)>,
    disk: Disk,
    templates: Templates,
    /// Where phones reach it, if they are provisioned.
    phones: Option<PublicAddress>,
    first_state: Receiver<Arc<State>>,
    gate: Arc<Gate>,
    /// Nothing is ever sent: closing it stops the gate.
    stop_gate: Sender<()>,
    /// Closing it stops the engine, and that the connections to the switch.
    stop_engine: Sender<()>,
    /// Closing it keeps the engine from beginning what takes long.
    stop_soon: Sender<()>,
    parts: Parts,
}

impl Program {
    /// Starts everything. The switch need not be there yet.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Box<dyn Error>> {
        let process = Process::start();
        log::info!("fsconnector {VERSION}: {settings}");
        let limits = Limits::default().with_descriptors(allow_many_files());
        let entrance = Entrance::open(&settings.http).await?;
        let address = entrance.address;
        let templates = templates::load(settings.folders.templates.as_deref())?;
        let (disk, recovered) = take_over(&settings.folders)?;
        trees::warn_of_obstacles(&settings.folders, &settings.engine, &disk);
        let phones = disk.static_tree().ok().map(|_| public_address(&settings.http.reach, address));
        // An earlier run may have put files back and ended before the switch has reloaded; nothing on the disk tells.
        let start = Start { templates: templates.clone(), unsettled: true, phones: phones.clone() };

        let clock = Clock::start();
        let readers = Arc::new(Current::default());
        let (queue, asked) = bounded(COMMANDS);
        let (listeners, listening) = bounded(WAITING_LISTENERS);
        let gate = open_gate(&settings, limits, &disk, &readers, (queue, listeners))?;
        let engine = Engine::new(settings.engine, start, clock.now())?;
        let (to_switch, commands) = unbounded();
        let (inputs, from_switch) = bounded(WAITING_BATCHES);
        let (asking, questions) = metrics::questions();
        let meter = Meter::after(&recovered);
        let measures = meter.measures();
        let queues = Queues::default()
            .with("from_switch", &from_switch)
            .with("changes", &asked)
            .with("from_listeners", &listening)
            .with("to_switch", &commands);
        let metrics = Metrics { gate: Arc::downgrade(&gate), measures, queues, questions: asking, process };
        let metrics = metrics.tell(settings.metrics, &entrance.executor).await;

        let (states, first_state) = bounded(1);
        let (stop_engine, now) = bounded(1);
        let (stop_gate, gate_stopped) = bounded(1);
        let (stop_soon, soon) = bounded(1);
        let wires = Wires {
            clock,
            from_switch,
            to_switch,
            asked,
            listening,
            gate: Arc::clone(&gate),
            disk: disk.clone(),
            readers,
            questions,
            states,
        };
        let ((of_engine, engine_runs), (of_switch, switch), (of_gate, gate_runs)) = (vital(), vital(), vital());
        heart::start(engine, meter, wires, Stops { soon, now }, of_engine)?;
        let clock = Arc::new(move || clock.mono());
        let session = stay_connected(settings.switch.into(), clock, commands, inputs);
        smol::spawn(of_switch.held_in(session)).detach();
        entrance.serve(Arc::clone(&gate), gate_stopped, of_gate);
        let parts = Parts { engine: engine_runs, switch, gate: gate_runs };
        Ok(Self {
            address,
            metrics,
            disk,
            templates,
            phones,
            first_state,
            gate,
            stop_gate,
            stop_engine,
            stop_soon,
            parts,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells whoever measures it.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// The first state that is read from the switch, as soon as it is there.
    pub(crate) async fn first_state(&self) -> Option<Arc<State>> {
        self.first_state.recv().await.ok()
    }

    /// Writes the files of all phones, as an administrator would have it done.
    pub(crate) fn provision(&self, state: &State) -> Result<(), Box<dyn Error>> {
        let saved = String::from_utf8(Query::InfoState.answer(state))?;
        let rebuild = Rebuild::new(&saved, Config::clone(&state.config), self.templates.clone(), self.phones.clone())?;
        let mut files = rebuild.set;
        files.changes.retain(|change| change.path.tree == Tree::Static);
        self.disk.perform(&FileWork::Provision(files))?;
        self.disk.perform(&FileWork::SyncProvisioning)?;
        Ok(())
    }

    /// Waits until it cannot go on: a part that never ends by itself has ended.
    pub(crate) async fn failure(&self) {
        let part = self.parts.first_end().await;
        log::error!("{part} has ended; stopping");
    }

    /// Stops: first accepting, then the engine when nothing is in flight, at last the session with the switch. After
    /// [`FAREWELL`] it is left at that. The process has to end then.
    pub(crate) async fn stop(self) {
        let farewell = async {
            drop(self.stop_soon);
            drop(self.stop_gate);
            self.parts.gate.stopped().await;
            drop(self.stop_engine);
            self.parts.switch.stopped().await;
            self.parts.engine.stopped().await;
            if let Some((metrics, _)) = self.metrics {
                metrics.cancel().await;
            }
        };
        let patience = async {
            Timer::after(FAREWELL).await;
            log::warn!("something did not end in time; stopping all the same");
        };
        farewell.or(patience).await;
        self.gate.abandon();
        // Its threads end with the process. To wait for them could take as long as a disk takes.
        mem::forget(self.gate);
        log::info!("stopped");
    }
}

/// Each client takes a descriptor, and the usual soft limit of 1024 is soon reached. Says how many there can be now.
fn allow_many_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            log::warn!("the limit of open files stays at {:?}: {error}", limit.current);
            limit.current
        }
    };
    // Nothing means that there is no limit.
    allowed.unwrap_or(u64::MAX)
}

/// Takes over the trees. If that of the configuration cannot be reached it may still be there later, and until then there
/// is something to read; but two connectors must not write in one tree.
fn take_over(folders: &Folders) -> Result<(Disk, Recovered), OpenError> {
    match trees::take_over(folders) {
        Err(error @ OpenError::Unreachable { .. }) => {
            log::warn!("{error}; nothing can be changed");
            Ok((Disk::reading(trees::places(folders)), Recovered::default()))
        }
        taken => taken,
    }
}

fn open_gate(
    settings: &Settings,
    limits: Limits,
    disk: &Disk,
    readers: &Arc<Current>,
    (queue, listeners): (Sender<Asked>, Sender<FromListener>),
) -> Result<Arc<Gate>, GateError> {
    let uploads = disk.static_tree().ok().map(|_| Arc::new(disk.clone()) as Arc<dyn Uploads>);
    let config = GateConfig {
        origins: settings.http.origins.clone(),
        proxies: settings.http.proxies.clone(),
        files: static_tree(disk, &settings.folders.files),
        recordings: Some(settings.folders.recordings.clone()),
        uploads,
        limits,
        ..GateConfig::default()
    };
    Gate::open(config, Arc::clone(readers), queue, listeners).map(Arc::new)
}

/// The static tree, if only for reading.
fn static_tree(disk: &Disk, path: &Path) -> Option<Arc<Root>> {
    let root = disk.static_tree().or_else(|_| Root::open_folder(path).map(Arc::new));
    root.inspect_err(|error| log::warn!("no files are served from {}: {error}", path.display())).ok()
}
