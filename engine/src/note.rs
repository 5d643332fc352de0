//! What the engine has to say to the log.

use std::borrow::Cow;
use std::fmt;

use crate::change::command::Caller;
use crate::esl::command::SwitchCommand;
use crate::files::{FileError, LeftAlone};
use crate::path::TreePath;
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
    /// A request was answered: who, from where, what, with which result.
    Audit {
        /// Who has asked.
        caller: Caller,
        /// The operation.
        op: Cow<'static, str>,
        /// The ids or numbers of the items that were done.
        done: Vec<String>,
        /// Why the others failed.
        failed: Vec<String>,
    },
    /// Files could not be written; nothing was changed.
    NotWritten(FileError),
    /// Files could not be put back.
    NotUndone(FileError),
    /// A file was written anew, and what somebody had added to it by hand was dropped.
    Dropped(TreePath),
    /// A damaged file was left as it is.
    Damaged(LeftAlone),
    /// A file was not put back, for somebody has changed it meanwhile.
    LeftAlone(TreePath),
    /// The switch did not take a reload, with its words.
    NotReloaded(String),
    /// The live state cannot be listed: what the switch said. It is kept from events until that changes.
    NotListedLive {
        /// What was asked.
        command: SwitchCommand,
        /// What came.
        words: String,
    },
    /// Somebody has a conference controlled.
    Controlled {
        /// Who has asked.
        caller: Caller,
        /// What is to be done.
        what: String,
        /// Why it was not.
        why: Option<String>,
    },
    /// The switch did not do what a conference was told.
    NotObeyed {
        /// The name of the conference.
        conference: String,
        /// What it said.
        words: String,
    },
    /// An order about the recording of a conference could not be carried out.
    NotRecorded {
        /// The name of the conference.
        conference: String,
        /// Why.
        why: String,
    },
    /// Something in the configuration does not fit. Said once, until it is gone.
    Odd(Oddity),
}

impl Note {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::SwitchUp | Self::Reloaded | Self::Read { .. } | Self::Audit { .. } | Self::Controlled { .. } => {
                Level::Info
            }
            Self::SwitchDown
            | Self::Odd(_)
            | Self::NotListed(_)
            | Self::LeftAlone(_)
            | Self::Dropped(_)
            | Self::Damaged(_)
            | Self::NotListedLive { .. }
            | Self::NotObeyed { .. }
            | Self::NotRecorded { .. } => Level::Warn,
            Self::Unreadable(_) | Self::NotWritten(_) | Self::NotUndone(_) | Self::NotReloaded(_) => Level::Error,
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
            Self::Audit { caller, op, done, failed } => {
                let done = some_of(done, " ", DONE_SHOWN);
                write!(f, "{:?} ({}) from {}: {op}: done [{done}]", caller.name, caller.id, caller.address)?;
                let shown = some_of(failed, "; ", FAILED_SHOWN);
                if failed.is_empty() { Ok(()) } else { write!(f, ", failed [{shown}]") }
            }
            Self::NotWritten(error) => write!(f, "files could not be written, and nothing was changed: {error}"),
            Self::NotUndone(error) => {
                write!(f, "files could not be put back; that is tried again: {error}")
            }
            Self::Dropped(path) => write!(f, "{path} was written anew; what had been added to it by hand was dropped"),
            Self::LeftAlone(path) => write!(f, "{path} was changed by hand meanwhile and left as it is"),
            Self::NotReloaded(words) => write!(f, "the switch does not take its configuration: {words}"),
            Self::Damaged(left) => left.fmt(f),
            Self::NotListedLive { command, words } => {
                write!(f, "the answer to `{command}` cannot be used, so the live state may be incomplete: {words}")
            }
            Self::Controlled { caller, what, why } => {
                write!(f, "{:?} ({}) from {}: live: {what}", caller.name, caller.id, caller.address)?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ", failed: {why:?}"))
            }
            Self::NotObeyed { conference, words } => {
                write!(f, "conference {conference:?} was not controlled: {words:?}")
            }
            Self::NotRecorded { conference, why } => {
                write!(f, "an order about the recording of conference {conference:?} was not carried out: {why:?}")
            }
            Self::Odd(oddity) => oddity.fmt(f),
        }
    }
}

/// How many items of each kind a line shows: whoever asks must not fill the log.
const DONE_SHOWN: usize = 1_000;
const FAILED_SHOWN: usize = 20;

/// The first of `items`, and how many more there are.
fn some_of(items: &[String], separator: &str, most: usize) -> String {
    let shown = items.get(..most).unwrap_or(items).join(separator);
    if items.len() <= most { shown } else { format!("{shown}{separator}… {} more", items.len() - most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_off_where_it_gets_too_long_for_a_line() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(some_of(&items, " ", 3), "a b c");
        assert_eq!(some_of(&items, "; ", 1), "a; … 2 more");
        assert_eq!(some_of(&[], " ", 1), "");
    }
}
