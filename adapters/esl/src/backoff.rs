//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// After a session, however short, the switch is not far.
const LONGEST_AFTER_SESSION: Duration = Duration::from_secs(1);
/// A session that held this long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// Waits that grow from attempt to attempt, jittered so that the connectors of a whole site do not come back in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait: between half and all of a length that doubles each time, up to [`LONGEST`]. `random` is any
    /// number.
    pub(crate) fn wait(&mut self, random: u32) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        full / 2 + (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Begins anew after a session that held long enough, and says whether it did. After one that broke at once the waits
    /// go on growing a little, or a switch that accepts and breaks sessions would be kept busy with them.
    pub(crate) fn after_session(&mut self, held: Duration) -> bool {
        let good = held >= GOOD;
        self.next = if good { FIRST } else { self.next.min(LONGEST_AFTER_SESSION) };
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_seconds_for_ever() {
        let mut backoff = Backoff::new();
        let longest: Vec<u128> = (0..10).map(|_| backoff.wait(u32::MAX).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
        assert!(backoff.after_session(GOOD));
        assert_eq!(backoff.wait(0), Duration::from_millis(50));
    }

    #[test]
    fn after_sessions_that_break_at_once_waits_grow_up_to_a_second() {
        let mut backoff = Backoff::new();
        let waits = (0..10).map(|_| {
            assert!(!backoff.after_session(Duration::from_millis(5)));
            backoff.wait(u32::MAX).as_millis()
        });
        assert_eq!(waits.collect::<Vec<u128>>(), [100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000, 1000]);
    }
}
