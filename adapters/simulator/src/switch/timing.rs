//! How long the switch takes for what happens behind an answer.

/// Delays in microseconds. With zero a thing still happens behind the answer, but at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Until the mixer of a conference looks at who has the floor.
    pub mixing: u64,
    /// Until a recording's file is opened or closed.
    pub recording: u64,
    /// Until a conference without members ends.
    pub ending: u64,
    /// Until a sound begins that the conference plays to everybody by itself, such as to the first who comes.
    pub lead_in: u64,
    /// How long every sound is.
    pub sound: u64,
    /// How fast a phone's own thread in the switch is, for calls that have no [`Pace`] of their own.
    pub pace: Pace,
}

/// How fast the thread of one call in the switch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Microseconds until it notices that the caller talks, or does so no longer.
    pub listening: u64,
    /// Microseconds until it begins to play to the caller.
    pub hearing: u64,
    /// Microseconds until a member that was kicked is gone. A phone that sends nothing can take seconds.
    pub departure: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            mixing: 20_000,
            recording: 20_000,
            ending: 20_000,
            lead_in: 400_000,
            sound: 500_000,
            pace: Pace::default(),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Pace { listening: 10_000, hearing: 0, departure: 20_000 }
    }
}
