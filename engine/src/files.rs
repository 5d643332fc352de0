//! Work with files: what the engine wants done, and what comes of it.

use std::fmt;

use crate::change_set::{ChangeSet, Refusal};
use crate::path::RelPath;

/// What can be done with files.
#[derive(Clone, Debug)]
pub enum FileWork {
    /// Find the visible `*.xml` files in these folders of the configuration tree; a folder that is not there has none.
    List(Vec<RelPath>),
    /// Carry out a change set, so that all of its files have their new content or none has. Until [`FileWork::Keep`] it
    /// can be undone, also by a program that starts after a crash.
    Commit(ChangeSet),
    /// Make the last change set last: durable, and not to be undone any more.
    Keep,
    /// Put back what the last change set changed.
    Undo,
}

/// What came of the work with files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesDone {
    /// The files found.
    Listed(Vec<RelPath>),
    /// All files have their new content.
    Committed {
        /// The files that held something that somebody had added by hand, and that is dropped.
        dropped: Vec<RelPath>,
    },
    /// The new content is durable.
    Kept,
    /// The files have their old content again, but for those that somebody has changed meanwhile: theirs stays.
    Undone {
        /// The files that were left alone.
        left: Vec<RelPath>,
    },
}

/// Why the work with files could not be done. Nothing was changed, unless the reason says that putting back is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// These files are not as the change set needs them.
    Refused(Vec<(RelPath, Refusal)>),
    /// The operating system could not do it.
    Failed {
        /// The file or folder.
        path: RelPath,
        /// What the operating system said.
        reason: String,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { path, reason } => write!(f, "{path}: {reason}"),
            Self::Refused(files) => {
                let files: Vec<String> = files.iter().map(|(path, why)| format!("{path}: {why}")).collect();
                f.write_str(&files.join("; "))
            }
        }
    }
}

impl std::error::Error for FileError {}
