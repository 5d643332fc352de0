//! The program, put together: the engine's thread, the sockets to the switch, the gate.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_net::TcpListener;
use fsconnector_disk::{ConfigurationTree, OpenError, Root};
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::{Engine, Start};
use fsconnector_esl::{Address, stay_connected};
use fsconnector_http::{Asked, COMMANDS, Current, Gate, GateConfig, Plain, serve};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use smol::{Executor, Task, Timer};

use crate::heart::{self, Clock, Wires};
use crate::settings::Settings;

/// How many batches of the switch may wait for the engine; then reading from the switch waits.
const WAITING_BATCHES: usize = 16;

/// How long the end may take.
const FAREWELL: Duration = Duration::from_secs(9);

/// The running program.
pub(crate) struct Program {
    address: SocketAddr,
    first_state: Receiver<Arc<State>>,
    /// Nothing is ever sent: closing it stops the gate.
    stop_gate: Sender<()>,
    gate: Task<()>,
    /// Closing it stops the engine, and that the connections to the switch.
    stop_engine: Sender<()>,
    switch: Task<()>,
}

impl Program {
    /// Starts everything. The switch need not be there yet.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Box<dyn Error>> {
        log::info!("{settings}");
        allow_many_files();
        let listener = listen(&settings).await?;
        let address = listener.local_addr()?;
        let clock = Clock::start();
        let readers = Arc::new(Current::default());
        let (to_switch, commands) = unbounded();
        let (inputs, from_switch) = bounded(WAITING_BATCHES);
        let (states, first_state) = bounded(1);
        let (stop_engine, engine_stopped) = bounded(1);
        let (stop_gate, gate_stopped) = bounded(1);
        let (queue, asked) = bounded(COMMANDS);
        let tree = open_tree(&settings.folders.configuration)?;
        let templates = Templates::new(fsconnector_templates::ALL)?;
        let gate = open_gate(&settings, &readers, queue)?;
        // An earlier run may have put files back and ended before the switch has reloaded; nothing on the disk tells.
        let start = Start { templates, unsettled: true, phones: None };
        let engine = Engine::new(settings.engine, start, clock.now())?;
        let wires = Wires { clock, from_switch, to_switch, asked, gate: Arc::clone(&gate), tree, readers, states };
        thread::Builder::new()
            .name("engine".into())
            .spawn(move || smol::block_on(heart::beat(engine, wires, engine_stopped)))?;
        let switch = Address {
            host: settings.switch.address,
            port: settings.switch.port,
            password: settings.switch.password,
            patience: settings.switch.patience,
        };
        let switch = smol::spawn(stay_connected(switch, Arc::new(move || clock.mono()), commands, inputs));
        let gate = smol::spawn(serve(gate, listener, Plain, executor()?, async move {
            // Nothing is ever sent.
            let _ = gate_stopped.recv().await;
        }));
        log::info!("listening on http://{address}");
        Ok(Self { address, first_state, stop_gate, gate, stop_engine, switch })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first state that is read from the switch, as soon as it is there.
    pub(crate) async fn first_state(&self) -> Option<Arc<State>> {
        self.first_state.recv().await.ok()
    }

    /// Stops: first accepting, then the engine when nothing is in flight, at last the session with the switch. After
    /// [`FAREWELL`] it is left at that.
    pub(crate) async fn stop(self) {
        let farewell = async {
            drop(self.stop_gate);
            self.gate.await;
            drop(self.stop_engine);
            self.switch.await;
            log::info!("stopped");
        };
        let patience = async {
            Timer::after(FAREWELL).await;
            log::warn!("something did not end in time; stopping all the same");
        };
        farewell.or(patience).await;
    }
}

/// Each client takes a descriptor, and the usual soft limit of 1024 is soon reached.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::warn!("the limit of open files stays at {:?}: {error}", limit.current);
    }
}

async fn listen(settings: &Settings) -> Result<TcpListener, String> {
    let address = SocketAddr::from((settings.http.address, settings.http.port));
    let advice = "choose another address or port under [http] (FASTIIP, FASTIPORT)";
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}; {advice}"))
}

/// Takes over the configuration tree. If it cannot be reached it may still be there later, and until then there is
/// something to read; but two connectors must not write in one tree.
fn open_tree(path: &Path) -> Result<ConfigurationTree, OpenError> {
    match ConfigurationTree::open(path) {
        Err(error @ OpenError::Unreachable { .. }) => {
            log::warn!("{error}; nothing can be changed");
            Ok(ConfigurationTree::new(path))
        }
        Ok((tree, recovered)) => {
            if recovered.unsettled {
                log::warn!("an unfinished change of an earlier run was undone");
            }
            for path in &recovered.left {
                log::warn!("{path} was changed by hand meanwhile and left as it is");
            }
            Ok(tree)
        }
        Err(error) => Err(error),
    }
}

fn open_gate(settings: &Settings, readers: &Arc<Current>, queue: Sender<Asked>) -> Result<Arc<Gate>, Box<dyn Error>> {
    let files = &settings.folders.files;
    let files = match Root::open_folder(files) {
        Ok(root) => Some(Arc::new(root)),
        Err(error) => {
            log::warn!("no files are served from {}: {error}", files.display());
            None
        }
    };
    let config = GateConfig { origins: settings.http.origins.clone(), files, ..GateConfig::default() };
    Ok(Arc::new(Gate::open(config, Arc::clone(readers), queue)?))
}

/// An executor with a thread for each core, for the connections of clients.
fn executor() -> std::io::Result<Arc<Executor<'static>>> {
    let executor = Arc::new(Executor::new());
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    for core in 0..cores {
        let executor = Arc::clone(&executor);
        let run = move || smol::block_on(executor.run(smol::future::pending::<()>()));
        thread::Builder::new().name(format!("gate-{core}")).spawn(run)?;
    }
    Ok(executor)
}
