//! The program, put together: the engine's thread, the sockets to the switch, the gate.

use std::error::Error;
use std::mem;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_net::TcpListener;
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
use fsconnector_http::{
    Asked, COMMANDS, Current, FromListener, Gate, GateConfig, GateError, Limits, Plain, Tls, TlsError, Uploads, serve,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use smol::{Executor, Task, Timer};

use crate::command_line::VERSION;
use crate::heart::{self, Clock, Stops, Wires};
use crate::metrics::{self, Meter, Metrics, Process, Queues};
use crate::settings::{Folders, Host, Http, Reach, Settings};
use crate::{templates, trees};

/// How many batches of the switch may wait for the engine; then reading from the switch waits.
const WAITING_BATCHES: usize = 16;

/// How much of what listeners do may wait for the engine; then reading from them waits.
const WAITING_LISTENERS: usize = 256;

/// How many connections the kernel keeps that we have not accepted yet; whoever comes then tries again a second later. The
/// usual 128 is what a few clients can fill between two looks of ours.
const WAITING_CONNECTIONS: i32 = 1024;

/// How long the end may take.
pub(crate) const FAREWELL: Duration = Duration::from_secs(9);

/// How often the files of the certificate are looked at. A new one is in use after two looks.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);

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
    serving: Task<()>,
    /// Closing it stops the engine, and that the connections to the switch.
    stop_engine: Sender<()>,
    /// Closing it keeps the engine from beginning what takes long.
    stop_soon: Sender<()>,
    /// Closed when the engine's thread has ended.
    engine_ended: Receiver<()>,
    switch: Task<()>,
}

impl Program {
    /// Starts everything. The switch need not be there yet.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Box<dyn Error>> {
        let process = Process::start();
        log::info!("fsconnector {VERSION}: {settings}");
        let limits = Limits::default().with_descriptors(allow_many_files());
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
        let (engine_runs, engine_ended) = bounded(1);
        let (queue, asked) = bounded(COMMANDS);
        let (listeners, listening) = bounded(WAITING_LISTENERS);
        let templates = templates::load(settings.folders.templates.as_deref())?;
        let (disk, recovered) = take_over(&settings.folders)?;
        trees::warn_of_obstacles(&settings.folders, &settings.engine, &disk);
        let gate = open_gate(&settings, limits, &disk, &readers, (queue, listeners))?;
        let phones = disk.static_tree().ok().map(|_| public_address(&settings.http.reach, address));
        // An earlier run may have put files back and ended before the switch has reloaded; nothing on the disk tells.
        let start = Start { templates: templates.clone(), unsettled: true, phones: phones.clone() };
        let engine = Engine::new(settings.engine, start, clock.now())?;
        let meter = Meter::default();
        let measures = meter.measures();
        if recovered.unsettled {
            measures.recovered(recovered.left.len());
        }
        let (asking, questions) = metrics::questions();
        let metrics = Metrics {
            gate: Arc::downgrade(&gate),
            measures,
            queues: Queues::default()
                .with("from_switch", &from_switch)
                .with("changes", &asked)
                .with("from_listeners", &listening)
                .with("to_switch", &commands),
            questions: asking,
            process,
        };
        let executor = executor()?;
        let metrics = match settings.metrics {
            Some(address) => tell(metrics, address, &executor).await,
            None => None,
        };
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
        thread::Builder::new().name("engine".into()).spawn(move || {
            let _runs = engine_runs;
            smol::block_on(heart::beat(engine, meter, wires, Stops { soon, now: engine_stopped }));
        })?;
        let switch =
            smol::spawn(stay_connected(settings.switch.into(), Arc::new(move || clock.mono()), commands, inputs));
        let stopped = async move {
            // Nothing is ever sent.
            let _ = gate_stopped.recv().await;
        };
        let serving = match tls {
            Some(tls) => smol::spawn(serve_securely(Arc::clone(&gate), listener, tls, executor, stopped)),
            None => smol::spawn(serve(Arc::clone(&gate), listener, Plain, executor, stopped)),
        };
        log::info!("listening on {}://{address}", if is_secure { "https" } else { "http" });
        Ok(Self {
            address,
            metrics,
            disk,
            templates,
            phones,
            first_state,
            gate,
            stop_gate,
            serving,
            stop_engine,
            stop_soon,
            engine_ended,
            switch,
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

    /// Waits until it cannot go on: the engine, which never ends by itself, has ended.
    pub(crate) async fn failure(&self) {
        // Nothing is ever sent: it is closed.
        let _ = self.engine_ended.recv().await;
        log::error!("the engine has ended; stopping");
    }

    /// Stops: first accepting, then the engine when nothing is in flight, at last the session with the switch. After
    /// [`FAREWELL`] it is left at that. The process has to end then.
    pub(crate) async fn stop(self) {
        let farewell = async {
            drop(self.stop_soon);
            drop(self.stop_gate);
            self.serving.await;
            drop(self.stop_engine);
            self.switch.await;
            // Nothing is ever sent: it is closed.
            let _ = self.engine_ended.recv().await;
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

async fn listen(settings: &Settings) -> Result<TcpListener, String> {
    let address = SocketAddr::from((settings.http.address, settings.http.port));
    let advice = "choose another address or port under [http] (FASTIIP, FASTIPORT)";
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}; {advice}"))?;
    // What was given before is only made longer.
    rustix::net::listen(&listener, WAITING_CONNECTIONS)
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    Ok(listener)
}

/// Begins to tell whoever measures. If that is not possible the program goes on without: phones matter more.
async fn tell(
    metrics: Metrics,
    address: SocketAddr,
    executor: &Arc<Executor<'static>>,
) -> Option<(Task<()>, SocketAddr)> {
    match metrics.serve(address, executor).await {
        Ok((task, address)) => {
            log::info!("metrics at http://{address}/metrics");
            Some((task, address))
        }
        Err(error) => {
            let advice = "choose another address or port under [metrics], or set enabled = false there";
            log::error!("cannot listen on {address} for metrics, and goes on without: {error}; {advice}");
            None
        }
    }
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
    if let Some(warning) = unknown_port(reach, address) {
        log::warn!("{warning}");
    }
}

fn unknown_port(reach: &Reach, address: SocketAddr) -> Option<String> {
    let (usual, port) = (if reach.is_secure { 443 } else { 80 }, address.port());
    let is_unknown = reach.host == Host::OfSwitch && !address.ip().is_loopback() && port != usual;
    is_unknown.then(|| {
        format!(
            "phones are sent to the switch's host name at port {usual}, and this program listens at {address}: set hostname \
             under [http] (CONHOSTNAME) to the name that phones are to use, with :{port} unless port {usual} is forwarded"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Hostname;

    #[test]
    fn phones_that_are_sent_to_another_port_than_the_programs_are_warned_of() {
        let warns = |is_secure, host: &Host, address: &str| {
            unknown_port(&Reach { is_secure, host: host.clone() }, address.parse().unwrap()).is_some()
        };
        let (of_switch, named) = (Host::OfSwitch, Host::Named(Hostname::parse("a.example").unwrap()));
        for address in ["192.0.2.1:3000", "0.0.0.0:3000", "[::]:80"] {
            assert!(warns(true, &of_switch, address), "{address}");
        }
        assert!(warns(false, &of_switch, "0.0.0.0:443"));
        // The usual port is the program's, a proxy's, or the one that was configured with the name.
        for address in ["192.0.2.1:443", "127.0.0.1:3000", "[::1]:3000"] {
            assert!(!warns(true, &of_switch, address), "{address}");
        }
        assert!(!warns(false, &of_switch, "192.0.2.1:80"));
        assert!(!warns(true, &named, "192.0.2.1:3000") && !warns(false, &Host::WhereItListens, "192.0.2.1:3000"));
        let warning = unknown_port(&Reach { is_secure: true, host: of_switch }, "192.0.2.1:3000".parse().unwrap());
        assert!(warning.unwrap().contains("at port 443, and this program listens at 192.0.2.1:3000: set hostname"));
    }
}
