//! Replies: what the switch answers to a command.

use std::fmt;

use bytes::Bytes;

/// What the switch answers to a command.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// The output of the command. It can hold passwords: a debug print shows only its length.
    Answer(Bytes),
    /// The event socket did not take the command, with its words.
    Refused(String),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(body) => write!(f, "Answer({} bytes)", body.len()),
            Self::Refused(text) => f.debug_tuple("Refused").field(text).finish(),
        }
    }
}
