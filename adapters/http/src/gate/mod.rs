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
mod scraping;
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
use prometheus_client::registry::Registry;
use rustix::io::Errno;
use smol::channel::{self, Receiver, Sender};
use smol::future::{self, FutureExt as _};
use smol::{Executor, Timer};

use crate::auth::Authenticator;
use crate::current::Current;
use crate::deadline::within;
use crate::handlers::{Asked, Files, Handlers, Uploads};
use crate::live::{self, FromListener, Live};
use crate::metrics::{Lanes, Open, Tally};
use crate::relay::{ChangeRelay, FileRelay};
use crate::routes::{Changing, Reading};
use crate::sparing::Sparing;
pub use acceptor::{Acceptor, Plain};
use client::{Peer, Proxies};
use connection::{Conversation, Switched};
use cors::Cors;
pub use cors::Origin;
pub use limits::Limits;
use occupancy::{Occupancy, Place};
pub use scraping::serve_metrics;
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
    /// The proxies that are believed when they say for whom they speak (`X-Forwarded-For`). Where connections run out, each is
    /// one address all the same: who has not logged in through it is among its strangers, and who has keeps a place as far
    /// as the user's share goes and that of the proxy's address.
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
            Self::Handlers(error) => write!(
                f,
                "the handlers behind the gate could not be started, with sockets in {}: {error}; if it is that folder, set TMPDIR to \
                 the short path of one that can be written in",
                std::env::temp_dir().display()
            ),
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
    tally: Tally,
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
            tally: Tally::default(),
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

    /// Leaves nothing behind, for the case that the process ends before the gate is dropped: the log hears of the changes whose
    /// end nobody knows, and the sockets of the handlers go. Nothing can be served afterwards.
    pub fn abandon(&self) {
        self.handlers.abandon();
    }

    /// Has told what the gate has counted, and how things stand there. Cheap, and for every time that somebody asks.
    pub fn report(&self, registry: &mut Registry) {
        self.tally.report(registry);
        self.authenticator.report(registry);
        self.live.report(registry);
        Lanes::default()
            .with("quick", self.files.occupied(Reading::Quick))
            .with("downloads", self.files.occupied(Reading::Download))
            .with("commands", self.commands.occupied())
            .with("removals", self.removals.occupied())
            .with("uploads", self.uploads.occupied())
            .report(registry);
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
    let occupancy = Occupancy::new(gate.limits.connections);
    let spreading = Arc::clone(&gate);
    let mut spreading = executor.spawn(async move { spreading.live.spread_the_word().await });
    let entrance = Entrance { gate: Arc::clone(&gate), acceptor, executor, occupancy, stopping, alive };
    // It spreads the word until the last listener has gone. If it fails, so does this.
    entrance.admit_all(&listener).or(stop).or(&mut spreading).await;
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
        let mut complaints = Complaints::default();
        loop {
            match listener.accept().await {
                Ok((connection, address)) => self.admit(connection, address.ip().to_canonical(), &mut complaints),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    log::debug!("a client was gone before it was let in");
                }
                Err(error) => {
                    complaints.accepting.warn(format_args!("connections cannot be accepted for now: {error}"));
                    // Whoever goes leaves a descriptor, and memory.
                    if has_run_out(&error) {
                        self.occupancy.make_room();
                    }
                    Timer::after(ACCEPT_PAUSE).await;
                }
            }
            // However many come, those who are here have their turn, and those who are to go can go.
            future::yield_now().await;
        }
    }

    /// Lets a client in, if there is room.
    fn admit(&self, connection: TcpStream, address: IpAddr, complaints: &mut Complaints) {
        if self.occupancy.is_full() {
            let most = self.gate.limits.connections;
            complaints.crowd.warn(format_args!(
                "all {most} connections are taken, and {address} wants another one: who has not logged in makes room"
            ));
        }
        let Some(place) = self.occupancy.enter(address) else {
            self.gate.tally.turn_away();
            return complaints.refusal.warn(format_args!("no room for another connection from {address}"));
        };
        let open = self.gate.tally.admit();
        let (stopping, alive) = (self.stopping.clone(), self.alive.clone());
        let visitor = Visitor { address, place, stopping, _open: open, _alive: alive };
        let visit = visitor.talk(Arc::clone(&self.gate), connection, self.acceptor.clone());
        self.executor.spawn(visit).detach();
    }
}

/// Whether there is too little of something for another connection.
fn has_run_out(error: &io::Error) -> bool {
    let code = Errno::from_io_error(error);
    code.is_some_and(|code| matches!(code, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// What the log says of connections that do not come in as they should: whoever floods us with connections does not flood
/// the log as well.
#[derive(Default)]
struct Complaints {
    accepting: Sparing,
    crowd: Sparing,
    refusal: Sparing,
}

/// When the program has run out of descriptors, for instance, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A client that was let in.
struct Visitor {
    address: IpAddr,
    stopping: Receiver<()>,
    place: Place,
    _open: Open,
    _alive: Sender<()>,
}

impl Visitor {
    /// Talks to the client until one side has had enough, or somebody else needs its place.
    async fn talk<A: Acceptor>(self, gate: Arc<Gate>, connection: TcpStream, acceptor: A) {
        let needed = async {
            self.place.is_needed().await;
            Err(Broken::Displaced)
        };
        let ended = match self.converse(&gate, connection, acceptor).or(needed).await {
            // Nobody needs this one's place: it has to say that it goes.
            Ok(Some(Switched { guest, stream, unread, stopping })) => {
                live::attend(guest, (stream, unread), &gate.live, gate.limits.write_time, stopping).await
            }
            Ok(None) => Ok(()),
            Err(broken) => Err(broken),
        };
        self.note(&gate, ended);
    }

    /// Shakes hands and answers requests, until the client speaks another protocol if it comes to that.
    async fn converse<A: Acceptor>(
        &self,
        gate: &Arc<Gate>,
        connection: TcpStream,
        acceptor: A,
    ) -> Result<Option<Switched<A::Stream>>, Broken> {
        let Some(stream) = self.shake_hands(gate, connection, acceptor).await else { return Ok(None) };
        let stopping = Stopping::when_closed(self.stopping.clone());
        let peer = Peer { address: self.address, is_secure: A::IS_SECURE };
        Conversation::new(stream, Arc::clone(gate), (peer, &self.place), stopping).hold().await
    }

    async fn shake_hands<A: Acceptor>(&self, gate: &Gate, connection: TcpStream, acceptor: A) -> Option<A::Stream> {
        let address = self.address;
        if let Err(error) = connection.set_nodelay(true) {
            log::debug!("{address} is gone already: {error}");
            return None;
        }
        match within(gate.limits.head_time, acceptor.accept(connection)).await {
            Some(Ok(stream)) => return Some(stream),
            Some(Err(error)) => {
                gate.tally.handshake_failed();
                log::debug!("{address} did not shake hands: {error}");
            }
            None => {
                gate.tally.handshake_timed_out();
                log::debug!("{address} took too long to shake hands");
            }
        }
        None
    }

    fn note(&self, gate: &Gate, ended: Result<(), Broken>) {
        let address = self.address;
        match ended {
            Ok(()) => (),
            Err(Broken::Io(error)) => log::debug!("the connection to {address} broke: {error}"),
            Err(Broken::Displaced) => {
                gate.tally.displace();
                log::debug!("{address} made room for somebody else");
            }
            Err(Broken::TimedOut) => log::debug!("{address} took too long"),
            Err(Broken::HandlerFailed) => log::debug!("the answer to {address} was cut off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_has_to_go_when_something_has_run_out_and_for_no_other_error() {
        let error = |code: Errno| io::Error::from(code);
        for code in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(has_run_out(&error(code)), "{code}");
        }
        for code in [Errno::PERM, Errno::PROTO, Errno::NETDOWN, Errno::HOSTUNREACH, Errno::CONNABORTED] {
            assert!(!has_run_out(&error(code)), "{code}");
        }
    }
}
