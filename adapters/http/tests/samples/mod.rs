//! What a gate tells whoever measures it.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use fsconnector_http::Gate;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The value of a sample; nothing if there is none.
pub(crate) fn sample(gate: &Gate, name: &str) -> Option<f64> {
    let (mut registry, mut text) = (Registry::default(), String::new());
    gate.report(&mut registry);
    encode(&mut text, &registry).unwrap();
    let mut samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    samples.find_map(|(sample, value)| (sample == name).then(|| value.parse().unwrap()))
}
