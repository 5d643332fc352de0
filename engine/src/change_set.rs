//! Change sets: which files get which content, on which condition.

use std::fmt;
use std::sync::Arc;

use crate::access::Role;
use crate::path::RelPath;
use crate::render::{Templates, conference_file, user_file};
use crate::state::{Conference, Globals, User, UserId};
use crate::switch::file::{Verdict, compare_conference, compare_user};

/// Changes of files that happen all or not at all. No path is in it twice.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    /// The changes.
    pub changes: Vec<Change>,
    /// What the files are written with.
    pub templates: Arc<Templates>,
    /// The switch's global variables, which the files refer to.
    pub globals: Arc<Globals>,
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, in the configuration tree.
    pub path: RelPath,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// The kinds of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file is made. If there is one already, that is [`Refusal::Occupied`].
    Create(Document),
    /// The file is written anew. It has to hold exactly this user or conference.
    Replace(Before, Document),
    /// The file is removed. It has to hold exactly this user or conference.
    Remove(Before),
}

/// Whom a file holds, as the switch reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// A user.
    User(User),
    /// A conference.
    Conference(Conference),
}

/// Whom a file is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The user with this id.
    User(UserId),
    /// The conference with this number.
    Conference(u32),
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A user, and the role of its context.
    User(User, Role),
    /// A conference.
    Conference(Conference),
}

/// Why a file is not as a change needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// There is a file already.
    Occupied,
    /// The file is not there.
    Missing,
    /// It holds more than the one user or conference, or another one.
    NotItsOwn,
    /// Somebody has changed it since it was looked at.
    Changed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Occupied => "there is a file already",
            Self::Missing | Self::NotItsOwn => "not in a file of its own",
            Self::Changed => "the file was changed by hand meanwhile",
        })
    }
}

impl ChangeSet {
    /// The new content of a file; nothing if it is to be removed.
    pub fn content(&self, change: &Change) -> Option<String> {
        match &change.kind {
            ChangeKind::Create(document) | ChangeKind::Replace(_, document) => Some(self.render(document)),
            ChangeKind::Remove(_) => None,
        }
    }

    fn render(&self, document: &Document) -> String {
        match document {
            Document::User(user, role) => user_file(&self.templates, &self.globals, user, *role),
            Document::Conference(conference) => conference_file(&self.templates, conference),
        }
    }
}

impl ChangeSet {
    /// Whether the change may be made to a file that holds `content` now; if so, whether anything that somebody has added
    /// to it is lost.
    pub fn accepts(&self, change: &Change, content: &[u8]) -> Result<Loss, Refusal> {
        let verdict = match &change.kind {
            ChangeKind::Create(_) => return Err(Refusal::Occupied),
            ChangeKind::Replace(Before::User(user), _) | ChangeKind::Remove(Before::User(user)) => {
                compare_user(content, user, &self.globals)
            }
            ChangeKind::Replace(Before::Conference(conference), _)
            | ChangeKind::Remove(Before::Conference(conference)) => compare_conference(content, conference),
        };
        match (verdict, &change.kind) {
            (Verdict::Same { has_extras: true }, ChangeKind::Replace(..)) => Ok(Loss::Extras),
            (Verdict::Same { .. }, _) => Ok(Loss::Nothing),
            (Verdict::Edited, _) => Err(Refusal::Changed),
            (Verdict::Others, _) => Err(Refusal::NotItsOwn),
        }
    }
}

/// What is lost of a file that is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing but what is meant to change.
    Nothing,
    /// What somebody has added by hand.
    Extras,
}
