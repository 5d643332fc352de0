//! Change sets: which files get which content, on which condition.

use std::fmt;
use std::sync::Arc;

use crate::access::Role;
use crate::files::Damage;
use crate::mac::Mac;
use crate::path::TreePath;
use crate::render::Renderer;
use crate::state::{Conference, User, UserId};
use crate::switch::file::{Verdict, compare_conference, compare_user};

/// Changes of files that happen all or not at all. No path is in it twice, and no file below a folder that goes, unless it
/// is written.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    /// The changes.
    pub changes: Vec<Change>,
    /// What the files are written with.
    pub renderer: Arc<Renderer>,
}

/// What happens to one file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file or folder.
    pub path: TreePath,
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
    /// The file is made, or written anew if it holds the same user or conference, whatever it says of it.
    Rebuild(Document),
    /// The file is made, with its folder, or written anew, whatever it says; only what [`Renderer::content`] keeps of it
    /// is kept. A damaged file is left alone.
    Write(Document),
    /// The file is made, with its folder, or written anew; nothing of what it says is kept.
    WriteAfresh(Document),
    /// The folder goes with all plain files in it, unless there are changes of their own for them. It need not be there.
    RemoveFolder,
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
    /// The provisioning of a user's Linphone, and the role of its context.
    Linphone(User, Role),
    /// A file of the Polycom phone of a user, and the role of its context.
    Phone(PhoneFile, Mac, User, Role),
}

/// The files of a Polycom phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhoneFile {
    /// `<mac>.cfg`: which files there are.
    Master,
    /// `allprov.cfg`: the account.
    Account,
    /// `<mac>-directory.xml`: the contacts.
    Directory,
}

impl PhoneFile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Master, Self::Account, Self::Directory];

    /// The file's name.
    pub fn name(self, mac: &Mac) -> String {
        match self {
            Self::Master => format!("{mac}.cfg"),
            Self::Account => "allprov.cfg".to_owned(),
            Self::Directory => format!("{mac}-directory.xml"),
        }
    }
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
            Self::Occupied => "something has this name already",
            Self::Missing | Self::NotItsOwn => "not in a file of its own",
            Self::Changed => "the file was changed by hand meanwhile",
        })
    }
}

impl Change {
    /// What the file is to say; nothing if it is to go.
    pub fn document(&self) -> Option<&Document> {
        match &self.kind {
            ChangeKind::Create(document)
            | ChangeKind::Replace(_, document)
            | ChangeKind::Rebuild(document)
            | ChangeKind::Write(document)
            | ChangeKind::WriteAfresh(document) => Some(document),
            ChangeKind::Remove(_) | ChangeKind::RemoveFolder => None,
        }
    }
}

impl ChangeSet {
    /// The new content of a file that says `old` now, or does not exist; nothing if it is to be removed.
    pub fn content(&self, change: &Change, old: Option<&[u8]>) -> Result<Option<String>, Damage> {
        let old = old.filter(|_| !matches!(change.kind, ChangeKind::WriteAfresh(_)));
        change.document().map(|document| self.renderer.content(document, old)).transpose()
    }

    /// Whether the change may be made to a file that holds `content` now; if so, whether anything that somebody has added
    /// to it is lost.
    pub fn accepts(&self, change: &Change, content: &[u8]) -> Result<Loss, Refusal> {
        let globals = self.renderer.globals();
        let verdict = match &change.kind {
            ChangeKind::Create(_) => return Err(Refusal::Occupied),
            ChangeKind::Write(_)
            | ChangeKind::WriteAfresh(_)
            | ChangeKind::RemoveFolder
            | ChangeKind::Rebuild(Document::Linphone(..) | Document::Phone(..)) => return Ok(Loss::Nothing),
            ChangeKind::Replace(Before::User(user), _)
            | ChangeKind::Remove(Before::User(user))
            | ChangeKind::Rebuild(Document::User(user, _)) => compare_user(content, user, globals),
            ChangeKind::Replace(Before::Conference(conference), _)
            | ChangeKind::Remove(Before::Conference(conference))
            | ChangeKind::Rebuild(Document::Conference(conference)) => compare_conference(content, conference),
        };
        match (verdict, &change.kind) {
            (Verdict::Same { has_extras: true }, ChangeKind::Replace(..) | ChangeKind::Rebuild(_)) => Ok(Loss::Extras),
            (Verdict::Same { .. }, _) | (Verdict::Edited, ChangeKind::Rebuild(_)) => Ok(Loss::Nothing),
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
