//! The gate: the only public listener. It bounds what a client may take, reads requests strictly, finds out who is
//! calling, answers what the published state can answer, and hands the rest on to the handlers behind it.

mod acceptor;
mod client;
mod connection;
mod cors;
mod decision;
mod framing;
mod handshake;
mod head;
mod input;
mod limits;
mod listening;
mod occupancy;
mod shelter;
mod stopping;
mod stream;
mod tls;
mod upload;
mod wire;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_net::{TcpListener, TcpStream};
use fsconnector_disk::Root;
use fsconnector_engine::change::command::{RequestId, Response};
use fsconnector_engine::live::listener::Notice;
use fsconnector_engine::time::Mono;
use smol::channel::{self, Receiver, Sender};
use smol::future::FutureExt as _;
use smol::{Executor, Timer};

use crate::auth::Authenticator;
use crate::current::Current;
use crate::deadline::within;
use crate::handlers::{Asked, Files, Handlers, Uploads};
use crate::live::{self, FromListener, Live};
use crate::relay::{ChangeRelay, FileRelay};
use crate::routes::{Changing, Reading};
pub use acceptor::{Acceptor, Plain};
use client::{Peer, Proxies};
use connection::{Conversation, Switched};
use cors::Cors;
pub use cors::Origin;
pub use limits::Limits;
use occupancy::{Occupancy, Permit};
use shelter::Shelter;
pub(crate) use stopping::Stopping;
pub(crate) use stream::Broken;
pub use tls::{
    Certificate, CertificateDoubt, CertificateFault, CertificateFiles, Doubt, Fault, Tls, TlsError, TlsStream,
};

/// How a gate is set up.
#[derive(Clone, Debug)]
pub struct GateConfig {
    /// The Digest realm: what a browser shows when it asks for a password, and part of what clients hash.
    pub realm: String,
    /// The other web sites whose pages may read answers.
    pub origins: Vec<Origin>,
    /// The proxies that are believed when they say for whom they speak (`X-Forwarded-For`). Their connections are only counted
    /// in all.
    pub proxies: Vec<IpAddr>,
    /// The static tree. Without one there is only the built-in start page.
    pub files: Option<Arc<Root>>,
    /// The folder of the recordings, if there is to be one. It need not exist yet.
    pub recordings: Option<PathBuf>,
    /// Who keeps what phones upload. Without anybody, uploads are refused.
    pub uploads: Option<Arc<dyn Uploads>>,
    /// What clients may take.
    pub limits: Limits,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            realm: "fsconnector".into(),
            origins: Vec::new(),
            proxies: Vec::new(),
            files: None,
            recordings: None,
            uploads: None,
            limits: Limits::default(),
        }
    }
}

/// Why a gate could not be opened.
#[derive(Debug)]
pub enum GateError {
    /// The operating system gives no random numbers.
    NoRandomness,
    /// The handlers behind the gate could not be started.
    Handlers(io::Error),
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRandomness => f.write_str("the operating system gives no random numbers"),
            Self::Handlers(error) => write!(f, "the handlers behind the gate could not be started: {error}"),
        }
    }
}

impl std::error::Error for GateError {}

/// The HTTP side of the program, ready to serve connections.
pub struct Gate {
    current: Arc<Current>,
    authenticator: Authenticator,
    cors: Cors,
    shelter: Shelter,
    proxies: Proxies,
    limits: Limits,
    started: Instant,
    live: Live,
    /// Before `handlers`, so that their connections are closed first.
    files: FileRelay,
    commands: ChangeRelay,
    removals: ChangeRelay,
    uploads: ChangeRelay,
    handlers: Handlers,
}

impl Gate {
    /// Starts the handlers behind the gate. They end when the gate is dropped.
    ///
    /// Readers are answered from `current`. Changes go into `queue`; when that is full, or closed, they are refused at
    /// once. Whoever takes one out has to [`respond`](Self::respond). What listeners to the live state do goes into
    /// `listeners`; when that is full they wait. What comes out of it is for the engine, whose notices the gate has to be
    /// [told](Self::tell).
    pub fn open(
        config: GateConfig,
        current: Arc<Current>,
        queue: Sender<Asked>,
        listeners: Sender<FromListener>,
    ) -> Result<Self, GateError> {
        let mut key = [0; 64];
        getrandom::fill(&mut key).map_err(|_| GateError::NoRandomness)?;
        let files = Files {
            current: Arc::clone(&current),
            tree: config.files,
            recordings: config.recordings.into(),
            uploads: config.uploads,
        };
        let handlers = Handlers::start(files, queue).map_err(GateError::Handlers)?;
        let (reading, changing) = (|which| handlers.reading(which), |which| handlers.changing(which));
        let bodies_bytes = config.limits.bodies_bytes;
        Ok(Self {
            current,
            authenticator: Authenticator::new(config.realm, &key),
            shelter: Shelter::new(&config.origins),
            cors: Cors(config.origins),
            proxies: Proxies::new(&config.proxies),
            live: Live::new(listeners, config.limits.live),
            limits: config.limits,
            started: Instant::now(),
            files: FileRelay::to(reading(Reading::Quick), reading(Reading::Download)),
            commands: ChangeRelay::commands(changing(Changing::Configuration), bodies_bytes),
            removals: ChangeRelay::removals(changing(Changing::Recordings), bodies_bytes),
            uploads: ChangeRelay::uploads(changing(Changing::Uploads), bodies_bytes),
            handlers,
        })
    }

    /// Hands over the answer to the request of this name, for whoever waits for it. The state that it rests on has to be
    /// [published](Current::publish) before. Never waits, and is cheap: another thread does the rest.
    pub fn respond(&self, id: RequestId, response: Response) {
        self.handlers.answer(id, response);
    }

    /// Hands over something for those who listen to the live state. Never waits, and is cheap however many listen: other
    /// threads do the rest. All notices have to come from one thread, in the engine's order, the one that makes
    /// [inputs](FromListener::into_input) of what listeners do.
    pub fn tell(&self, notice: Notice) {
        self.live.tell(notice);
    }

    /// The way to the handlers of these changes.
    fn changes(&self, changing: Changing) -> &ChangeRelay {
        match changing {
            Changing::Configuration => &self.commands,
            Changing::Recordings => &self.removals,
            Changing::Uploads => &self.uploads,
        }
    }

    fn mono(&self, now: Instant) -> Mono {
        Mono::default().after(now.saturating_duration_since(self.started))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Serves the connections of `listener` on `executor` until `stop` is ready. Then no more are accepted, requests that run
/// are finished, idle connections and those of listeners closed; that takes at most [`Limits::stop_time`]. Changes whose answers have not come
/// shortly before that are answered with 503.
pub async fn serve<A: Acceptor>(
    gate: Arc<Gate>,
    listener: TcpListener,
    acceptor: A,
    executor: Arc<Executor<'static>>,
    stop: impl Future<Output = ()>,
) {
    // Nothing is ever sent on these: a channel tells all of one side when the other side is gone.
    let (running, stopping) = channel::bounded::<()>(1);
    let (alive, ended) = channel::bounded::<()>(1);
    let stop_time = gate.limits.stop_time;
    let occupancy = Occupancy::new(&gate.limits);
    let spreading = Arc::clone(&gate);
    let _spreads_the_word = executor.spawn(async move { spreading.live.spread_the_word().await });
    let entrance = Entrance { gate: Arc::clone(&gate), acceptor, executor, occupancy, stopping, alive };
    entrance.admit_all(&listener).or(stop).await;
    drop((listener, running, entrance));
    // The last part of the time is for telling clients that there is none left.
    let last_part = stop_time / 8;
    if within(stop_time.saturating_sub(last_part), ended.recv()).await.is_some() {
        return;
    }
    gate.handlers.give_up();
    if within(last_part, ended.recv()).await.is_none() {
        log::warn!("some connections did not end in time");
    }
}

/// Where connections come in.
struct Entrance<A> {
    gate: Arc<Gate>,
    acceptor: A,
    executor: Arc<Executor<'static>>,
    occupancy: Arc<Occupancy>,
    stopping: Receiver<()>,
    alive: Sender<()>,
}

impl<A: Acceptor> Entrance<A> {
    async fn admit_all(&self, listener: &TcpListener) {
        let mut last_warning: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((connection, address)) => {
                    let address = address.ip().to_canonical();
                    if !self.admit(connection, address) && last_warning.is_none_or(|at| at.elapsed() > WARNING_PAUSE) {
                        log::warn!("no room for another connection from {address}");
                        last_warning = Some(Instant::now());
                    }
                }
                Err(error) => {
                    log::error!("a connection could not be accepted: {error}");
                    Timer::after(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Lets a client in, if there is room.
    fn admit(&self, connection: TcpStream, address: IpAddr) -> bool {
        let is_proxy = self.gate.proxies.contain(address);
        let permit = if is_proxy { self.occupancy.enter_uncounted() } else { self.occupancy.enter(address) };
        let Some(permit) = permit else { return false };
        let visitor = Visitor { address, _permit: permit, stopping: self.stopping.clone(), _alive: self.alive.clone() };
        let visit = visitor.talk(Arc::clone(&self.gate), connection, self.acceptor.clone());
        self.executor.spawn(visit).detach();
        true
    }
}

/// Whoever floods us with connections does not flood the log as well.
const WARNING_PAUSE: Duration = Duration::from_secs(10);

/// When the program has run out of descriptors, for instance, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A client that was let in.
struct Visitor {
    address: IpAddr,
    stopping: Receiver<()>,
    _permit: Permit,
    _alive: Sender<()>,
}

impl Visitor {
    async fn talk<A: Acceptor>(self, gate: Arc<Gate>, connection: TcpStream, acceptor: A) {
        let address = self.address;
        if let Err(error) = connection.set_nodelay(true) {
            log::debug!("{address} is gone already: {error}");
            return;
        }
        let stream = match within(gate.limits.head_time, acceptor.accept(connection)).await {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => return log::debug!("{address} did not shake hands: {error}"),
            None => return log::debug!("{address} took too long to shake hands"),
        };
        let stopping = Stopping::when_closed(self.stopping.clone());
        let peer = Peer { address, is_secure: A::IS_SECURE };
        let ended = match Conversation::new(stream, Arc::clone(&gate), peer, stopping).hold().await {
            Ok(Some(Switched { guest, stream, unread, stopping })) => {
                live::attend(guest, (stream, unread), &gate.live, gate.limits.write_time, stopping).await
            }
            Ok(None) => Ok(()),
            Err(broken) => Err(broken),
        };
        match ended {
            Ok(()) => (),
            Err(Broken::Io(error)) => log::debug!("the connection to {address} broke: {error}"),
            Err(Broken::TimedOut) => log::debug!("{address} took too long"),
            Err(Broken::HandlerFailed) => log::debug!("the answer to {address} was cut off"),
        }
    }
}
