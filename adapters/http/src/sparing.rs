//! Lines of the log that clients can cause, as often as they like.

use std::fmt::Arguments;
use std::time::{Duration, Instant};

use log::Level;

/// One kind of line, written from time to time only.
#[derive(Debug)]
pub(crate) struct Sparing {
    /// How many are written at a time,
    most: u32,
    /// which began then,
    since: Option<Instant>,
    /// and how many were.
    written: u32,
    /// How many were left out since the last one.
    left_out: u64,
}

/// How long such a time is.
const PAUSE: Duration = Duration::from_secs(10);

impl Default for Sparing {
    fn default() -> Self {
        Self::after(1)
    }
}

impl Sparing {
    /// Spares the log after so many lines, for a while.
    pub(crate) fn after(most: u32) -> Self {
        Self { most, since: None, written: 0, left_out: 0 }
    }

    /// Warns, unless that was done lately.
    pub(crate) fn warn(&mut self, warning: Arguments<'_>) {
        self.write(Level::Warn, warning);
    }

    /// Writes a line, unless that was done lately, or too often.
    pub(crate) fn write(&mut self, level: Level, line: Arguments<'_>) {
        match self.speaks(Instant::now()) {
            Some(0) => log::log!(level, "{line}"),
            Some(left_out) => log::log!(level, "{line} ({left_out} times more since this was said last)"),
            None => (),
        }
    }

    /// How many lines were left out, if it is time for one again.
    fn speaks(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= PAUSE) {
            (self.since, self.written) = (Some(now), 0);
        }
        if self.written == self.most {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
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

    #[test]
    fn several_lines_are_written_before_others_are_left_out() {
        let (mut sparing, start) = (Sparing::after(3), Instant::now());
        let mut at = |second: u64| sparing.speaks(start + Duration::from_secs(second));
        assert_eq!([0, 1, 2, 3, 4].map(&mut at), [Some(0), Some(0), Some(0), None, None]);
        assert_eq!([10, 11, 12, 13].map(&mut at), [Some(2), Some(0), Some(0), None]);
        assert_eq!([25, 26].map(&mut at), [Some(1), Some(0)]);
    }
}
