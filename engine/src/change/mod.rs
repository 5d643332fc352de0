//! Changes: what administrators ask for becomes files and a reload, whole or not at all.
//!
//! ```text
//! command.rs       what is asked for, and what is answered
//! rules.rs         which values are allowed
//! draft.rs         a state with what was decided to change of it
//! users.rs         add, mod, del, rebuild of users, each item on its own
//! conferences.rs   add, mod, del of conferences
//! provisioning.rs  which files phones have, and what becomes of them when a user changes
//! plan.rs          a group of requests → changes of files, answers, and what the switch has to show
//! transaction.rs   the plan is carried out, or put back; archives are made and restored
//! sweep.rs         the files of all phones are written anew, some at a time
//! response.rs      the answers to requests
//! press.rs         what all files are written with
//! ```

pub mod command;
mod conferences;
pub(crate) mod draft;
mod plan;
pub(crate) mod press;
pub(crate) mod provisioning;
pub(crate) mod response;
pub(crate) mod rules;
pub(crate) mod sweep;
pub(crate) mod transaction;
mod users;

use std::collections::BTreeMap;
use std::fmt;

use crate::change_set::Subject;
use crate::path::RelPath;

use command::{Caller, Command, Entropy, RequestId};
use plan::ItemName;
use rules::Forbidden;

/// A request that waits, or is being carried out.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) id: RequestId,
    pub(crate) caller: Caller,
    pub(crate) command: Command,
    pub(crate) entropy: Entropy,
    /// The items that have turned out to fail in an earlier attempt.
    forced: BTreeMap<ItemName, Failure>,
    /// How many attempts there were before.
    attempts: u32,
}

impl Queued {
    pub(crate) fn new(id: RequestId, caller: Caller, command: Command, entropy: Entropy) -> Self {
        Self { id, caller, command, entropy, forced: BTreeMap::new(), attempts: 0 }
    }
}

impl Queued {
    /// Whether it is carried out by itself: it makes or uses an archive.
    fn goes_alone(&self) -> bool {
        matches!(self.command, Command::Store(_) | Command::Restore(_))
    }
}

/// What the password of an item is made of: the request's entropy, and the place of the item in it.
#[derive(Clone, Copy)]
struct Seed<'a> {
    request: &'a Entropy,
    item: usize,
}

/// Why an item fails. Nothing has changed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NoUser(String),
    NoConference(String),
    NameTaken,
    NoEmail,
    NoContext,
    PhoneTaken,
    NoType,
    NoNumber,
    NotAllowed(&'static str, Forbidden),
    NotItsOwn,
    /// The file was changed by somebody else meanwhile.
    ChangedByHand,
    /// The switch did not take the files, with its words.
    Rejected(String),
    /// The files could not be written.
    NotWritten(String),
    /// The archive, or the tree, is not fit for it.
    Unfit(String),
    /// A file of the phone was left alone, in these words.
    LeftAlone(String),
    /// Nobody could administer the system any more.
    NoAdmin,
    /// The program ends.
    Stops,
    /// There is no static tree, so phones are not provisioned.
    NoStaticTree,
    /// The change failed, and the files could not be put back yet.
    NotPutBack,
    /// The switch took the files, but shows something else.
    NotShown(Subject, RelPath),
    /// What the switch reports after the change cannot be read.
    Unreadable,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser(id) => write!(f, "no userid {id}"),
            Self::NoConference(num) => write!(f, "no conference {num}"),
            Self::NameTaken => f.write_str("name already taken"),
            Self::NoEmail => f.write_str("email does not contain an email"),
            Self::NoContext => f.write_str("context does not exist"),
            Self::PhoneTaken => f.write_str("polymac already taken"),
            Self::NoType => f.write_str("type not implemented"),
            Self::NoNumber => f.write_str("no free number"),
            Self::NotAllowed(property, why) => write!(f, "{property} not allowed: {why}"),
            Self::NotItsOwn => f.write_str("not in a file of its own"),
            Self::ChangedByHand => f.write_str("the file was changed by hand meanwhile"),
            Self::Rejected(words) | Self::Unfit(words) | Self::LeftAlone(words) => f.write_str(words),
            Self::NotWritten(reason) => write!(f, "the files could not be written: {reason}"),
            Self::NoStaticTree => f.write_str("the static tree cannot be reached, so there is no provisioning; the log says why"),
            Self::NoAdmin => f.write_str("with it no administrator could log in any more"),
            Self::Stops => f.write_str("the connector stops; ask again when it is back"),
            Self::NotPutBack => f.write_str(
                "a change failed and its files could not be put back; that is tried again until it succeeds, and the log says why",
            ),
            Self::NotShown(subject, path) => {
                let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
                match subject {
                    Subject::User(id) => write!(f, "the switch accepted the reload but does not show user {id}"),
                    Subject::Conference(num) => {
                        write!(f, "the switch accepted the reload but does not show conference {num}")
                    }
                }?;
                write!(f, " as it was written; does it include {folder}?")
            }
            Self::Unreadable => f.write_str("what the switch reports after the change cannot be read"),
        }
    }
}
