//! How long something took, each time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A histogram. Whoever measures waits for nobody, neither for others who do nor for those who read it.
#[derive(Clone, Debug)]
pub(crate) struct Durations(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    bounds: &'static [Duration],
    /// How many lie within each bound and beyond the one before; the last one is for what lies beyond all.
    buckets: Box<[AtomicU64]>,
    /// In microseconds.
    sum: AtomicU64,
}

impl Durations {
    /// None so far, to be told apart by these bounds, from short to long.
    pub(crate) fn new(bounds: &'static [Duration]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Counts { bounds, buckets, sum: AtomicU64::new(0) }))
    }

    /// One more.
    pub(crate) fn observe(&self, took: Duration) {
        let Counts { bounds, buckets, sum } = &*self.0;
        let bucket = buckets.get(bounds.partition_point(|bound| *bound < took));
        if let Some(bucket) = bucket {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        sum.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Counts { bounds, buckets, sum } = &*self.0;
        // What is counted meanwhile is either in all figures but the sum, or in none.
        let buckets = buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let bounds = bounds.iter().map(Duration::as_secs_f64).chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(buckets).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_micros(sum.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::{Registry, Unit};

    use super::*;

    #[test]
    fn each_is_within_the_first_bound_that_it_does_not_exceed() {
        const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(500)];
        let durations = Durations::new(BOUNDS);
        for micros in [0, 1_000, 1_001, 500_000, 7_250_000] {
            durations.observe(Duration::from_micros(micros));
        }
        let mut registry = Registry::default();
        registry.register_with_unit("x", "Help", Unit::Seconds, durations);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert_eq!(
            text,
            "# HELP x_seconds Help.\n# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n\
             x_seconds_sum 7.752001\nx_seconds_count 5\n\
             x_seconds_bucket{le=\"0.001\"} 2\nx_seconds_bucket{le=\"0.5\"} 4\nx_seconds_bucket{le=\"+Inf\"} 5\n# EOF\n"
        );
    }
}
