//! What the engine has to say to the log.

use std::fmt;

use crate::io::FileError;
use crate::switch::{Oddity, Unreadable};

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something does not work until a person mends it.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
}

/// Something for the log. No note holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A session with the switch is up.
    SwitchUp,
    /// The session is over.
    SwitchDown,
    /// Somebody reloaded the XML.
    Reloaded,
    /// A new state was read.
    Read {
        /// How many users it has.
        users: usize,
        /// How many conferences it has.
        conferences: usize,
    },
    /// What the switch answered cannot be used; the state before stays.
    Unreadable(Unreadable),
    /// The configuration tree could not be looked at.
    NotListed(FileError),
    /// Something in the configuration does not fit. Said once, until it is gone.
    Odd(Oddity),
}

impl Note {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::SwitchUp | Self::Reloaded | Self::Read { .. } => Level::Info,
            Self::SwitchDown | Self::Odd(_) | Self::NotListed(_) => Level::Warn,
            Self::Unreadable(_) => Level::Error,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwitchUp => f.write_str("the switch is connected"),
            Self::SwitchDown => f.write_str("the switch is not connected any more; the last known state is served"),
            Self::Reloaded => f.write_str("the switch has reloaded its XML"),
            Self::Read { users, conferences } => {
                write!(f, "the switch reports {users} users and {conferences} conferences")
            }
            Self::Unreadable(unreadable) => write!(f, "{unreadable}; the state before stays"),
            Self::NotListed(error) => {
                write!(
                    f,
                    "the configuration tree cannot be looked at, so numbers of files that the switch does not show may seem free: {error}"
                )
            }
            Self::Odd(oddity) => oddity.fmt(f),
        }
    }
}
