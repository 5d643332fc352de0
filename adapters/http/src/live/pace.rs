//! How often something may happen.

use std::time::{Duration, Instant};

/// So many a second in the long run, and some at once (the generic cell rate algorithm).
pub(super) struct Pace {
    interval: Duration,
    at_once: u32,
    /// When all that has happened would have happened, had it come evenly.
    even: Instant,
}

impl Pace {
    /// At least one of each.
    pub(super) fn new(a_second: u32, at_once: u32) -> Self {
        Self { interval: Duration::from_secs(1) / a_second.max(1), at_once: at_once.max(1), even: Instant::now() }
    }

    /// Notes that it happens.
    pub(super) fn happens(&mut self, now: Instant) {
        self.even = self.even.max(now) + self.interval;
    }

    /// How long it has to wait before it may happen; zero if it may.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let ahead = self.even.saturating_duration_since(now);
        ahead.saturating_sub(self.interval * (self.at_once - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_may_come_at_once_and_then_one_each_interval() {
        let mut pace = Pace::new(10, 3);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(pace.wait(start), Duration::ZERO);
            pace.happens(start);
        }
        let wait = pace.wait(start);
        assert!(wait > Duration::from_millis(90) && wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(pace.wait(start + wait), Duration::ZERO);
        pace.happens(start + wait);
        assert_eq!(pace.wait(start + wait), Duration::from_millis(100));
        assert_eq!(pace.wait(start + Duration::from_secs(9)), Duration::ZERO);
    }
}
