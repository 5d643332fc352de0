//! Marks: what whoever measures the program may want to know.
//!
//! The engine reads no clock, so it cannot say how long something took. It marks where things begin and end, and whoever
//! carries out its effects looks at the clock. Nothing depends on marks; they may be ignored.

use crate::change::Failure;
use crate::change::command::Unavailable;

/// Something begins or ends. What begins last is what ends next of its kind. A reload or reading that a lost session has cut off never
/// ends: whoever has handed in the loss knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The switch is told to reload its XML.
    ReloadBegun,
    /// It has answered.
    ReloadEnded {
        /// Whether it has taken the XML.
        accepted: bool,
    },
    /// The switch is asked for everything that the state is made of.
    ReadingBegun,
    /// The answers are a state, or cannot be used.
    ReadingEnded {
        /// Whether they can.
        usable: bool,
    },
    /// Files are about to be written for requests.
    TransactionBegun {
        /// How many requests share it.
        requests: usize,
    },
    /// They are kept, or were put back.
    TransactionEnded(Outcome),
}

/// What has become of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Durable on disk and active in the switch.
    Kept,
    /// Put back: the switch did not take the files.
    Rejected,
    /// Put back: the files could not be written.
    NotWritten,
    /// Put back: what the switch reports after the change cannot be read, or nobody could administer it any more.
    Unusable,
    /// Put back: the session with the switch was lost.
    SwitchLost,
    /// Put back, and tried again without what stood in the way.
    Retried,
    /// Neither kept nor put back; that is tried again until it succeeds.
    NotPutBack,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Kept,
        Self::Rejected,
        Self::NotWritten,
        Self::Unusable,
        Self::SwitchLost,
        Self::Retried,
        Self::NotPutBack,
    ];

    /// Its name, in lower case without blanks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Rejected => "rejected",
            Self::NotWritten => "not_written",
            Self::Unusable => "unusable",
            Self::SwitchLost => "switch_lost",
            Self::Retried => "retried",
            Self::NotPutBack => "not_put_back",
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(why: &Failure) -> Self {
        match why {
            Failure::Rejected(_) => Self::Rejected,
            Failure::Unreadable | Failure::NoAdmin => Self::Unusable,
            _ => Self::NotWritten,
        }
    }
}

impl From<Unavailable> for Outcome {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Unreadable => Self::Unusable,
            Unavailable::SwitchAway | Unavailable::SwitchLost | Unavailable::Busy => Self::SwitchLost,
        }
    }
}

/// How much there is of what, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Whether there is a session with the switch.
    pub is_connected: bool,
    /// Requests that wait for their transaction.
    pub waiting_changes: usize,
    /// Requests that wait for all files of phones to be written.
    pub waiting_sweeps: usize,
    /// Users of the last state.
    pub users: usize,
    /// Live conferences, as administrators see them.
    pub conferences: usize,
    /// Members of those, all together.
    pub members: usize,
    /// Conferences of those that are being recorded or whose recording is paused.
    pub recordings: usize,
    /// Registrations of phones.
    pub registrations: usize,
    /// Orders to conferences that the switch has not answered yet.
    pub orders: usize,
}
