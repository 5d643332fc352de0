//! Time as the engine knows it: two integers that come in with every input.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A point on a clock that never goes back, in microseconds since the program's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// The point `wait` after this one.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// A point in civil time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Wall(pub i64);

/// ISO 8601 in UTC with milliseconds: `2026-11-23T05:27:53.123Z`.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millisecond = self.0 - self.0.rem_euclid(1000);
        // Outside the years -9999 to 9999 there is no such notation; the epoch stands in.
        let time = jiff::Timestamp::from_microsecond(millisecond).unwrap_or_default();
        write!(f, "{time:.3}")
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The time of an input, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For waiting and deadlines.
    pub mono: Mono,
    /// For what people read.
    pub wall: Wall,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_iso_8601_with_milliseconds() {
        assert_eq!(Wall(1_795_405_352_585_999).to_string(), "2026-11-23T03:42:32.585Z");
        assert_eq!(Wall(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Wall(i64::MAX).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
