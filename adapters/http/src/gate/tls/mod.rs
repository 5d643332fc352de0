//! TLS: connections on which nobody else can read or write.
//!
//! ```text
//! certificate.rs  a certificate with its chain and key, as two files hold them
//! pem.rs          what stands in such a file
//! fault.rs        why files cannot be used
//! doubt.rs        what may be wrong with files that can
//! renewal.rs      files that change
//! places.rs       how many clients shake hands at once, who is next, and who makes room
//! plain.rs        clients that speak plain HTTP where TLS is spoken
//! stream.rs       a connection after the handshake
//! ```
//!
//! What a handshake can cost is bounded. A client gets a place only when it has said hello, keeps it for [`PLACE_TIME`] at
//! most, not even that if it lets us wait and others need it, and all that in
//! [`Limits::head_time`](crate::Limits::head_time); so whoever shakes hands slowly, or not at all, takes nothing from others
//! but a connection.

mod certificate;
mod doubt;
mod fault;
mod pem;
mod places;
mod plain;
mod renewal;
mod stream;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use async_net::TcpStream;
use futures_rustls::LazyConfigAcceptor;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{Acceptor as HelloReader, ServerSessionMemoryCache};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

pub use certificate::{Certificate, CertificateFiles};
pub use doubt::{CertificateDoubt, Doubt};
pub use fault::{CertificateFault, Fault};
use places::{Places, SentAway};
use renewal::Renewal;
pub use stream::TlsStream;

use super::acceptor::Acceptor;
use crate::auth::Source;
use crate::deadline::within;
use crate::sparing::Sparing;

/// How many clients shake hands at once. Signing takes a processor a millisecond or so, and each waits for a client.
const PLACES: usize = 32;

/// How many of them from one address (IPv6: from one /64 network).
const PLACES_PER_SOURCE: usize = 8;

/// How long a client that has said hello may keep its place: enough for a lossy mobile network, and half of what a
/// handshake may take, so that who waited for a place has time left to use it.
const PLACE_TIME: Duration = Duration::from_secs(5);

/// How many sessions are remembered for clients that know no tickets; then the oldest is forgotten. Each takes a few hundred
/// bytes. What other clients need to come back is in their tickets.
const SESSIONS: usize = 1024;

/// TLS with a certificate from files, which may change.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: CertificateFiles,
    /// The host that clients ask for, if it is known.
    host: Option<String>,
    /// As of the certificate that is in use.
    config: ArcSwap<ServerConfig>,
    /// The one that was there at the start.
    first: Certificate,
    places: Arc<Places>,
    /// What the log hears of those who are sent away.
    complaint: Mutex<Sparing>,
}

/// Why there can be no TLS.
#[derive(Debug)]
pub enum TlsError {
    /// The certificate cannot be used.
    Certificate(CertificateFault),
    /// The operating system gives no random numbers.
    NoRandomness,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(fault) => fault.fmt(f),
            Self::NoRandomness => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for TlsError {}

impl From<CertificateFault> for TlsError {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificate(fault)
    }
}

impl Tls {
    /// TLS with the certificate in these files. `host`, a name or an address without a port, is what clients ask for: the log
    /// warns when the certificate is for another.
    pub fn open(files: CertificateFiles, host: Option<String>) -> Result<Self, TlsError> {
        let first = Certificate::load(&files)?;
        log::info!("certificate: {first}");
        let config = ArcSwap::from_pointee(configure(&first)?);
        let places = Places::new(PLACES, PLACES_PER_SOURCE);
        let complaint = Mutex::default();
        Ok(Self(Arc::new(Inner { files, host, config, first, places, complaint })))
    }

    /// Looks at the files `every` so often, for ever. A new certificate is used for all connections that begin from then on;
    /// those that are there go on. New files that cannot be used change nothing, and the log says so once.
    ///
    /// A change is taken when two looks have seen the same, for it may come file by file, and line by line.
    pub async fn keep_current(&self, every: Duration) {
        let mut renewal = Renewal::new(self.0.files.clone(), self.0.host.clone(), self.0.first.clone());
        renewal.warn(SystemTime::now());
        loop {
            smol::Timer::after(every).await;
            if let Some(certificate) = renewal.look().await {
                match configure(&certificate) {
                    Ok(config) => self.0.config.store(Arc::new(config)),
                    Err(error) => log::error!("the new certificate is not used: {error}"),
                }
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Acceptor for Tls {
    type Stream = TlsStream;

    const IS_SECURE: bool = true;

    async fn accept(&self, connection: TcpStream) -> io::Result<TlsStream> {
        let address: IpAddr = connection.peer_addr()?.ip();
        if plain::is_spoken_on(&connection).await? {
            return Err(plain::turn_away(connection).await);
        }
        let hello = LazyConfigAcceptor::new(HelloReader::default(), connection).await?;
        let place = self.0.places.take(Source::from(address)).await;
        let handshake = hello.into_stream(self.0.config.load_full());
        let shaken = place.spend(within(PLACE_TIME, handshake)).await.map_err(|SentAway| {
            self.0.complain(address);
            io::Error::other("it let us wait, and others needed its place")
        })?;
        Ok(TlsStream::from(shaken.ok_or(io::ErrorKind::TimedOut)??))
    }
}

impl Inner {
    fn complain(&self, address: IpAddr) {
        // Nothing in here can panic half-way.
        let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.warn(format_args!(
            "more clients begin TLS handshakes than go on with them: those who let others wait are sent away, like {address}"
        ));
    }
}

/// TLS 1.2 and 1.3 with this certificate. What sessions before were agreed on does not count any more: who comes back
/// sees the new certificate.
fn configure(certificate: &Certificate) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    // Fails for versions without cipher suites, which these are not: the only other thing that can be missing is this.
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).map_err(|_| TlsError::NoRandomness)?;
    let resolver = SingleCertAndKey::from(certificate.chain_and_key());
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.ticketer = ring::Ticketer::new().map_err(|_| TlsError::NoRandomness)?;
    Ok(config)
}
