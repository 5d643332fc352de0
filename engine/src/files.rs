//! Work with files: what the engine wants done, and what comes of it.

use std::fmt;

use crate::change_set::{ChangeSet, Refusal};
use crate::path::{RelPath, TreePath};

/// What can be done with files.
#[derive(Clone, Debug)]
pub enum FileWork {
    /// Find the visible `*.xml` files in these folders of the configuration tree; a folder that is not there has none.
    List(Vec<RelPath>),
    /// Carry out a change set, so that all of its files have their new content or none has. Until [`FileWork::Keep`] it
    /// can be undone, also by a program that starts after a crash.
    Commit(ChangeSet),
    /// Unpack the archive of this part, so that the part is what was archived or stays as it is. What follows is as with
    /// [`FileWork::Commit`].
    Restore(Part),
    /// Make the last change set last: durable, and not to be undone any more.
    Keep,
    /// Put back what the last change set changed.
    Undo,
    /// Write files of the static tree, each for itself: whole, but never to be undone, and durable after the next
    /// [`FileWork::SyncProvisioning`] only. A file that cannot be written does not keep the others from it. All that is in
    /// the set is written there, afresh or not.
    Provision(ChangeSet),
    /// Make durable what was provisioned since this was done last.
    SyncProvisioning,
    /// Make an archive of this part of the configuration tree.
    Archive(Part),
}

/// A part of the configuration tree that can be archived and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The users.
    Directory,
    /// The dialplan, conferences included.
    Dialplan,
    /// The conferences.
    Conferences,
    /// All of it.
    FreeSwitch,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Directory, Self::Dialplan, Self::Conferences, Self::FreeSwitch];

    /// The name in requests, in the name of the archive, and of the one folder in it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Dialplan => "dialplan",
            Self::Conferences => "conferences",
            Self::FreeSwitch => "freeswitch",
        }
    }

    /// The part of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// Where it is in the configuration tree; nothing if it is the whole tree.
    pub fn folder(self) -> Option<RelPath> {
        match self {
            Self::Directory | Self::Dialplan => RelPath::parse(self.name()),
            Self::Conferences => RelPath::parse("dialplan/conferences"),
            Self::FreeSwitch => None,
        }
    }

    /// Where its archive is in the static tree.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the names are plain ones")]
    pub fn archive(self) -> RelPath {
        RelPath::parse(&format!("store/{}.tar.gz", self.name())).expect("a plain name")
    }
}

/// What came of the work with files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesDone {
    /// The files found.
    Listed(Vec<RelPath>),
    /// All files have their new content, but for those that were left alone.
    Committed {
        /// The files that held something that somebody had added by hand, and that is dropped.
        dropped: Vec<TreePath>,
        /// The damaged files.
        left_alone: Vec<LeftAlone>,
    },
    /// The new content is durable.
    Kept,
    /// The files have their old content again, but for those that somebody has changed meanwhile: theirs stays.
    Undone {
        /// The files that were left alone.
        left: Vec<TreePath>,
    },
    /// The static tree's files have their new content, but for those that were left alone.
    Provisioned {
        /// The files that are damaged, or cannot be written.
        left_alone: Vec<LeftAlone>,
    },
    /// What was provisioned is durable.
    Synced,
    /// The archive is complete and durable.
    Archived,
}

/// A file that could not be written: a part of it has to be kept, but what there is cannot be read, or something else is in
/// the way. Nothing in it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The file.
    pub path: TreePath,
    /// Why.
    pub damage: Damage,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was left alone: {}", self.path, self.damage)
    }
}

/// What is wrong with a file, in words that hold nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(pub String);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the work with files could not be done. Nothing was changed, unless the reason says that putting back is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// These files are not as the change set needs them.
    Refused(Vec<(TreePath, Refusal)>),
    /// The operating system could not do it.
    Failed {
        /// The file or folder.
        path: TreePath,
        /// What the operating system said.
        reason: String,
    },
    /// What is to be archived or restored is not fit for it. The words are for whoever has asked.
    Unfit(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { path, reason } => write!(f, "{path}: {reason}"),
            Self::Unfit(words) => f.write_str(words),
            Self::Refused(files) => {
                let files: Vec<String> = files.iter().map(|(path, why)| format!("{path}: {why}")).collect();
                f.write_str(&files.join("; "))
            }
        }
    }
}

impl std::error::Error for FileError {}
