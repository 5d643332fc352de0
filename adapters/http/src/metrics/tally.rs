//! What is counted as it happens.

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Subject, Topic};

/// Counts what happens at the gate.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: Family<Answered, Counter>,
    admitted: Counter,
    turned_away: Counter,
    displaced: Counter,
    open: Gauge,
    handshakes: Family<Failed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: Topic,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    reason: &'static str,
}

/// A connection that is open as long as this lives.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Tally {
    /// An answer begins.
    pub(crate) fn answered(&self, Subject { method, topic }: Subject, status: StatusCode) {
        self.requests.get_or_create(&Answered { method, route: topic, status: status.as_u16() }).inc();
    }

    /// A connection is let in.
    pub(crate) fn admit(&self) -> Open {
        self.admitted.inc();
        self.open.inc();
        Open(self.open.clone())
    }

    /// There is no room for a connection.
    pub(crate) fn turn_away(&self) {
        self.turned_away.inc();
    }

    /// A connection ends, since another one needs its place.
    pub(crate) fn displace(&self) {
        self.displaced.inc();
    }

    /// A handshake came to nothing.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes.get_or_create(&Failed { reason: "broken" }).inc();
    }

    /// A handshake took too long.
    pub(crate) fn handshake_timed_out(&self) {
        self.handshakes.get_or_create(&Failed { reason: "slow" }).inc();
    }

    /// Has it told to whoever asks.
    pub(crate) fn report(&self, registry: &mut Registry) {
        let help = "Requests answered, WebSockets included; the route is a path as /api/openapi.json writes it, or preflight, \
                    unknown (no such path) or malformed (no request)";
        registry.register("http_requests", help, self.requests.clone());
        registry.register("http_connections", "Connections of clients that were let in", self.admitted.clone());
        let help = "Connections for which there was no room, since all places were kept by those who have logged in";
        registry.register("http_connections_refused", help, self.turned_away.clone());
        let help = "Connections of those who had not logged in, closed to make room for others";
        registry.register("http_connections_displaced", help, self.displaced.clone());
        registry.register("http_connections_open", "Connections of clients that are open", self.open.clone());
        let help = "TLS handshakes that came to nothing, or were too slow";
        registry.register("http_handshakes_failed", help, self.handshakes.clone());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
