//! The configuration tree of the switch.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::path::RelPath;

use crate::change_sets::{ChangeSets, Recovered};
use crate::journal::journal_path;
use crate::listing::list;
use crate::lock::Lock;
use crate::places::failed;
use crate::real::Real;

/// The configuration tree, and the work that the engine wants done in it. Clones are the same tree.
#[derive(Clone, Debug)]
pub struct ConfigurationTree {
    path: PathBuf,
    /// Nothing in a tree that is only read.
    writing: Option<Arc<Writing>>,
}

#[derive(Debug)]
struct Writing {
    change_sets: Mutex<ChangeSets<Real>>,
    _lock: Lock,
}

impl ConfigurationTree {
    /// The tree at `path`, only for reading. It need not be there yet, and somebody else may be writing in it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writing: None }
    }

    /// Takes over the tree at `path` for as long as the result or a clone of it lives, and undoes what an earlier program
    /// did not finish there.
    pub fn open(path: impl Into<PathBuf>) -> Result<(Self, Recovered), OpenError> {
        let path = path.into();
        let unreachable = |error| OpenError::Unreachable { path: path.clone(), error };
        let lock = Lock::take(&path).map_err(unreachable)?.ok_or_else(|| OpenError::Taken { path: path.clone() })?;
        let real = Real::open(&path).map_err(unreachable)?;
        let (change_sets, recovered) = ChangeSets::recover(real).map_err(OpenError::NotRecovered)?;
        let writing = Writing { change_sets: Mutex::new(change_sets), _lock: lock };
        Ok((Self { path, writing: Some(Arc::new(writing)) }, recovered))
    }

    /// Carries out one work. It blocks for as long as the disk takes; works that change files wait for each other.
    ///
    /// Files that could not be put back after a failed commit, keep or undo are put back by the next undo or commit that
    /// succeeds, or the next [`open`](Self::open). An undo without anything to undo does no harm.
    pub fn perform(&self, work: &FileWork) -> Result<FilesDone, FileError> {
        match (work, &self.writing) {
            (FileWork::List(folders), _) => self.list(folders),
            // It keeps its own account before and after each step, so a panic in between has not confused it.
            (_, Some(writing)) => writing.change_sets.lock().unwrap_or_else(PoisonError::into_inner).perform(work),
            (_, None) => {
                let reason = "the configuration was opened for reading only";
                Err(failed(&journal_path(), &io::Error::new(io::ErrorKind::PermissionDenied, reason)))
            }
        }
    }

    /// Lists without waiting for a change set. The tree is looked up anew: it may have been put there just now.
    fn list(&self, folders: &[RelPath]) -> Result<FilesDone, FileError> {
        let Some(first) = folders.first() else { return Ok(FilesDone::Listed(Vec::new())) };
        let real = Real::open(&self.path).map_err(|error| failed(first, &error))?;
        list(&real, folders).map(FilesDone::Listed)
    }
}

/// Why a tree cannot be taken over.
#[derive(Debug)]
pub enum OpenError {
    /// The folder is not there, or is closed to us.
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Another connector writes in it.
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// What an earlier program did not finish could not be undone.
    NotRecovered(FileError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| path.display().to_string();
        match self {
            Self::Unreachable { path, error } => {
                write!(f, "cannot open the configuration tree {}: {error}", shown(path))?;
                f.write_str("; it has to be a folder that this program may read and change")
            }
            Self::Taken { path } => {
                write!(f, "another connector is at work in the configuration tree {}", shown(path))?;
                f.write_str("; stop it first, or give this one another tree")
            }
            Self::NotRecovered(error) => {
                write!(f, "an unfinished change of the configuration could not be undone: {error}")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { error, .. } => Some(error),
            Self::NotRecovered(error) => Some(error),
            Self::Taken { .. } => None,
        }
    }
}
