//! Lines of the log that clients can cause, as often as they like.

use std::fmt::Arguments;
use std::time::{Duration, Instant};

/// One kind of line, written from time to time only.
#[derive(Debug, Default)]
pub(super) struct Sparing {
    last: Option<Instant>,
    /// How many were left out since then.
    left_out: u64,
}

/// How long the log is spared after each line.
const PAUSE: Duration = Duration::from_secs(10);

impl Sparing {
    /// Warns, unless that was done lately.
    pub(super) fn warn(&mut self, warning: Arguments<'_>) {
        match self.speaks(Instant::now()) {
            Some(0) => log::warn!("{warning}"),
            Some(left_out) => log::warn!("{warning} ({left_out} times more since this was said last)"),
            None => (),
        }
    }

    /// How many lines were left out, if it is time for one again.
    fn speaks(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_written_and_then_one_from_time_to_time_that_counts_the_others() {
        let (mut sparing, start) = (Sparing::default(), Instant::now());
        assert_eq!(sparing.speaks(start), Some(0));
        assert_eq!([1, 9].map(|second| sparing.speaks(start + Duration::from_secs(second))), [None; 2]);
        assert_eq!(sparing.speaks(start + PAUSE), Some(2));
        assert_eq!(sparing.speaks(start + PAUSE), None);
        assert_eq!(sparing.speaks(start + 3 * PAUSE), Some(1));
    }
}
