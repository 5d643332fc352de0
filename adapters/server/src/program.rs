//! The program, put together: the engine's thread, the sockets to the switch, the gate.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_net::TcpListener;
use fsconnector_disk::{Disk, OpenError, Root};
use fsconnector_engine::config::Config;
use fsconnector_engine::files::FileWork;
use fsconnector_engine::path::Tree;
use fsconnector_engine::query::Query;
use fsconnector_engine::rebuild::Rebuild;
use fsconnector_engine::render::{PublicAddress, Templates};
use fsconnector_engine::state::State;
use fsconnector_engine::{Engine, Start};
use fsconnector_esl::{Address, stay_connected};
use fsconnector_http::{
    Asked, COMMANDS, Current, FromListener, Gate, GateConfig, GateError, Plain, Tls, TlsError, Uploads, serve,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use smol::{Executor, Task, Timer};

use crate::heart::{self, Clock, Stops, Wires};
use crate::settings::{Folders, Host, Http, Reach, Settings};
use crate::{templates, trees};

/// How many batches of the switch may wait for the engine; then reading from the switch waits.
const WAITING_BATCHES: usize = 16;

/// How much of what listeners do may wait for the engine; then reading from them waits.
const WAITING_LISTENERS: usize = 256;

/// How long the end may take.
const FAREWELL: Duration = Duration::from_secs(9);

/// How often the files of the certificate are looked at. A new one is in use after two looks.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);

/// The running program.
pub(crate) struct Program {
    address: SocketAddr,
    disk: Disk,
    templates: Templates,
    /// Where phones reach it, if they are provisioned.
    phones: Option<PublicAddress>,
    first_state: Receiver<Arc<State>>,
    /// Nothing is ever sent: closing it stops the gate.
    stop_gate: Sender<()>,
    gate: Task<()>,
    /// Closing it stops the engine, and that the connections to the switch.
    stop_engine: Sender<()>,
    /// Closing it keeps the engine from beginning what takes long.
    stop_soon: Sender<()>,
    switch: Task<()>,
}

impl Program {
    /// Starts everything. The switch need not be there yet.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Box<dyn Error>> {
        log::info!("{settings}");
        allow_many_files();
        let tls = open_tls(&settings.http)?;
        let listener = listen(&settings).await?;
        let address = listener.local_addr()?;
        let is_secure = tls.is_some();
        warn_of_a_port_that_phones_do_not_know(&settings.http.reach, address);
        let clock = Clock::start();
        let readers = Arc::new(Current::default());
        let (to_switch, commands) = unbounded();
        let (inputs, from_switch) = bounded(WAITING_BATCHES);
        let (states, first_state) = bounded(1);
        let (stop_engine, engine_stopped) = bounded(1);
        let (stop_gate, gate_stopped) = bounded(1);
        let (stop_soon, soon) = bounded(1);
        let (queue, asked) = bounded(COMMANDS);
        let (listeners, listening) = bounded(WAITING_LISTENERS);
        let templates = templates::load(settings.folders.templates.as_deref())?;
        let disk = take_over(&settings.folders)?;
        let gate = open_gate(&settings, &disk, &readers, (queue, listeners))?;
        let phones = disk.static_tree().ok().map(|_| public_address(&settings.http.reach, address));
        // An earlier run may have put files back and ended before the switch has reloaded; nothing on the disk tells.
        let start = Start { templates: templates.clone(), unsettled: true, phones: phones.clone() };
        let engine = Engine::new(settings.engine, start, clock.now())?;
        let wires = Wires {
            clock,
            from_switch,
            to_switch,
            asked,
            listening,
            gate: Arc::clone(&gate),
            disk: disk.clone(),
            readers,
            states,
        };
        thread::Builder::new()
            .name("engine".into())
            .spawn(move || smol::block_on(heart::beat(engine, wires, Stops { soon, now: engine_stopped })))?;
        let switch = Address {
            host: settings.switch.address,
            port: settings.switch.port,
            password: settings.switch.password,
            patience: settings.switch.patience,
        };
        let switch = smol::spawn(stay_connected(switch, Arc::new(move || clock.mono()), commands, inputs));
        let stopped = async move {
            // Nothing is ever sent.
            let _ = gate_stopped.recv().await;
        };
        let gate = match tls {
            Some(tls) => smol::spawn(serve_securely(gate, listener, tls, executor()?, stopped)),
            None => smol::spawn(serve(gate, listener, Plain, executor()?, stopped)),
        };
        log::info!("listening on {}://{address}", if is_secure { "https" } else { "http" });
        Ok(Self { address, disk, templates, phones, first_state, stop_gate, gate, stop_engine, stop_soon, switch })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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

    /// Stops: first accepting, then the engine when nothing is in flight, at last the session with the switch. After
    /// [`FAREWELL`] it is left at that.
    pub(crate) async fn stop(self) {
        let farewell = async {
            drop(self.stop_soon);
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

/// Takes over the trees. If that of the configuration cannot be reached it may still be there later, and until then there
/// is something to read; but two connectors must not write in one tree.
fn take_over(folders: &Folders) -> Result<Disk, OpenError> {
    match trees::take_over(folders) {
        Err(error @ OpenError::Unreachable { .. }) => {
            log::warn!("{error}; nothing can be changed");
            Ok(Disk::reading(trees::places(folders)))
        }
        taken => taken,
    }
}

/// TLS, if there is a certificate for it.
fn open_tls(http: &Http) -> Result<Option<Tls>, TlsError> {
    let host = match &http.reach.host {
        Host::Named(hostname) => Some(hostname.host().to_owned()),
        Host::OfSwitch | Host::WhereItListens => None,
    };
    http.tls.clone().map(|files| Tls::open(files, host)).transpose()
}

/// Serves until `stopped` is ready, and meanwhile takes over certificates that are renewed.
async fn serve_securely(
    gate: Arc<Gate>,
    listener: TcpListener,
    tls: Tls,
    executor: Arc<Executor<'static>>,
    stopped: impl Future<Output = ()>,
) {
    let renewal = smol::spawn({
        let tls = tls.clone();
        async move { tls.keep_current(CERTIFICATE_LOOK).await }
    });
    serve(gate, listener, tls, executor, stopped).await;
    renewal.cancel().await;
}

/// Where phones reach a program that listens at `address`.
pub(crate) fn public_address(reach: &Reach, address: SocketAddr) -> PublicAddress {
    let host = match &reach.host {
        Host::Named(hostname) => Some(hostname.as_str().to_owned()),
        Host::OfSwitch => None,
        Host::WhereItListens => Some(address.to_string()),
    };
    PublicAddress { is_secure: reach.is_secure, host }
}

/// The switch's name comes without a port, so that phones take the usual one. Behind a proxy that is the proxy's.
fn warn_of_a_port_that_phones_do_not_know(reach: &Reach, address: SocketAddr) {
    let usual = if reach.is_secure { 443 } else { 80 };
    if reach.host == Host::OfSwitch && !address.ip().is_loopback() && address.port() != usual {
        log::warn!(
            "phones are sent to the switch's host name at port {usual}, and this program listens at {address}: set hostname \
             under [http] (CONHOSTNAME) to the name that phones are to use, with :{} unless port {usual} is forwarded",
            address.port()
        );
    }
}

fn open_gate(
    settings: &Settings,
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
        ..GateConfig::default()
    };
    Gate::open(config, Arc::clone(readers), queue, listeners).map(Arc::new)
}

/// The static tree, if only for reading.
fn static_tree(disk: &Disk, path: &Path) -> Option<Arc<Root>> {
    let root = disk.static_tree().or_else(|_| Root::open_folder(path).map(Arc::new));
    root.inspect_err(|error| log::warn!("no files are served from {}: {error}", path.display())).ok()
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
