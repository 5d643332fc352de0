//! Where clients come in: the listener, TLS if there is a certificate for it, and the threads that serve them.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_net::TcpListener;
use fsconnector_engine::render::PublicAddress;
use fsconnector_http::{Gate, Plain, Tls, TlsError, serve};
use smol::Executor;
use smol::channel::Receiver;
use smol::future::FutureExt as _;

use super::Vital;
use crate::settings::{Host, Http, Reach};

/// How many connections the kernel keeps that we have not accepted yet; whoever comes then tries again a second later. The
/// usual 128 is what a few clients can fill between two looks of ours.
const WAITING_CONNECTIONS: i32 = 1024;

/// How often the files of the certificate are looked at. A new one is in use after two looks.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);

/// An open entrance. Clients wait before it until it is [served](Self::serve).
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    tls: Option<Tls>,
    pub(super) executor: Arc<Executor<'static>>,
}

impl Entrance {
    pub(super) async fn open(http: &Http) -> Result<Self, Box<dyn Error>> {
        let tls = open_tls(http)?;
        let listener = listen(http).await?;
        let address = listener.local_addr()?;
        if let Some(warning) = unknown_port(&http.reach, address) {
            log::warn!("{warning}");
        }
        Ok(Self { listener, address, tls, executor: executor()? })
    }

    /// Has the gate serve whoever comes, until `stop` is closed.
    pub(super) fn serve(self, gate: Arc<Gate>, stop: Receiver<()>, vital: Vital) {
        let Self { listener, address, tls, executor } = self;
        let stopped = async move {
            // Nothing is ever sent.
            let _ = stop.recv().await;
        };
        log::info!("listening on {}://{address}", if tls.is_some() { "https" } else { "http" });
        match tls {
            Some(tls) => smol::spawn(vital.held_in(serve_securely(gate, listener, tls, executor, stopped))),
            None => smol::spawn(vital.held_in(serve(gate, listener, Plain, executor, stopped))),
        }
        .detach();
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

async fn listen(http: &Http) -> Result<TcpListener, String> {
    let address = SocketAddr::from((http.address, http.port));
    let advice = "choose another address or port under [http] (FASTIIP, FASTIPORT)";
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}; {advice}"))?;
    // What was given before is only made longer.
    rustix::net::listen(&listener, WAITING_CONNECTIONS)
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    Ok(listener)
}

/// The switch's name comes without a port, so that phones take the usual one. Behind a proxy that is the proxy's.
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

/// An executor with a thread for each core, for the connections of clients.
fn executor() -> io::Result<Arc<Executor<'static>>> {
    let executor = Arc::new(Executor::new());
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    for core in 0..cores {
        let executor = Arc::clone(&executor);
        let run = move || smol::block_on(executor.run(smol::future::pending::<()>()));
        thread::Builder::new().name(format!("gate-{core}")).spawn(run)?;
    }
    Ok(executor)
}

/// Serves until `stopped` is ready, and meanwhile takes over certificates that are renewed.
async fn serve_securely(
    gate: Arc<Gate>,
    listener: TcpListener,
    tls: Tls,
    executor: Arc<Executor<'static>>,
    stopped: impl Future<Output = ()>,
) {
    let renewal = tls.clone();
    serve(gate, listener, tls, executor, stopped).or(renewal.keep_current(CERTIFICATE_LOOK)).await;
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
