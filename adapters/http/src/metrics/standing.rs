//! How much there is of something at the moment.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use crate::live::Live;
use crate::relay::Occupied;

/// How full the lanes to the handlers behind the gate are.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    requests: Family<Lane, Gauge>,
    limits: Family<Lane, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

impl Lanes {
    /// With one more.
    #[must_use]
    pub(crate) fn with(self, lane: &'static str, Occupied { taken, places }: Occupied) -> Self {
        self.requests.get_or_create(&Lane { lane }).set(signed(taken));
        self.limits.get_or_create(&Lane { lane }).set(signed(places));
        self
    }

    /// Has them told to whoever asks.
    pub(crate) fn report(self, registry: &mut Registry) {
        let help = "Requests that the handlers behind the gate are at, or that wait for them";
        registry.register("http_lane_requests", help, self.requests);
        registry.register("http_lane_requests_limit", "Requests that can be in a lane; more are refused", self.limits);
    }
}

impl Live {
    /// Has how many listen told to whoever asks.
    pub(crate) fn report(&self, registry: &mut Registry) {
        let gauge = |figure| ConstGauge::new(signed(figure));
        registry.register("listeners", "Those who listen to the live state", gauge(self.listeners()));
        registry.register(
            "listeners_limit",
            "Those who can listen at once; more are refused",
            gauge(self.most_listeners()),
        );
        let help = "Live events told to those who listen, each counted once however many hear it";
        registry.register("listeners_events", help, ConstCounter::new(self.told()));
        let help = "Live events kept for those who read slowly";
        registry.register_with_unit("listeners_ring", help, Unit::Bytes, gauge(self.ring_bytes()));
        let help = "How much is kept at most; who is farther behind begins anew";
        registry.register_with_unit("listeners_ring_limit", help, Unit::Bytes, gauge(self.most_ring_bytes()));
    }
}

/// Nothing here is as much as that.
fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
