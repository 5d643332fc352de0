//! The door: both trees, and the work that the engine wants done in them.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::path::{RelPath, TreePath};

use crate::change_sets::{ChangeSets, Recovered};
use crate::journal::journal_path;
use crate::listing::list;
use crate::lock::Lock;
use crate::places::failed;
use crate::real::Real;
use crate::root::Root;

/// Both trees, and the work that the engine wants done in them. Clones are the same trees.
#[derive(Clone, Debug)]
pub struct Disk {
    configuration: PathBuf,
    /// Nothing if the trees are only read.
    writing: Option<Arc<Writing>>,
}

/// Where the trees are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The switch's XML files.
    pub configuration: PathBuf,
    /// What clients are served: the static tree, if there is to be one.
    pub files: Option<PathBuf>,
}

#[derive(Debug)]
struct Writing {
    change_sets: Mutex<ChangeSets<Real>>,
    _configuration: Lock,
    static_tree: Result<Lock, NoStaticTree>,
}

impl Disk {
    /// Only for reading the configuration tree. It need not be there yet, and somebody else may be writing in it.
    pub fn reading(folders: Folders) -> Self {
        Self { configuration: folders.configuration, writing: None }
    }

    /// Takes over the trees for as long as the result or a clone of it lives, and undoes what an earlier program did not
    /// finish there. Without a static tree the rest works all the same: [`static_tree`](Self::static_tree) tells.
    pub fn open(folders: Folders) -> Result<(Self, Recovered), OpenError> {
        let Folders { configuration: path, files } = folders;
        let unreachable = |error| OpenError::Unreachable { path: path.clone(), error };
        let root = Root::open_folder(&path).map_err(unreachable)?;
        let lock = Lock::take(&path).map_err(unreachable)?.ok_or_else(|| OpenError::Taken { path: path.clone() })?;
        let (files, static_tree) = match open_static(files)? {
            Ok((root, lock)) => (Some(root), Ok(lock)),
            Err(none) => (None, Err(none)),
        };
        let recovered = ChangeSets::recover(Real::new(root, files)).map_err(OpenError::NotRecovered);
        let (change_sets, recovered) = recovered?;
        let writing = Writing { change_sets: Mutex::new(change_sets), _configuration: lock, static_tree };
        Ok((Self { configuration: path, writing: Some(Arc::new(writing)) }, recovered))
    }

    /// Whether there is a static tree to write in, and if not, why.
    pub fn static_tree(&self) -> Result<(), NoStaticTree> {
        match &self.writing {
            None => Err(NoStaticTree::OnlyRead),
            Some(writing) => writing.static_tree.as_ref().map(|_| ()).map_err(Clone::clone),
        }
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
        let root = Root::open_folder(&self.configuration);
        let root = root.map_err(|error| failed(&TreePath::configuration(first.clone()), &error))?;
        list(&Real::new(root, None), folders).map(FilesDone::Listed)
    }
}

/// Opens and locks the static tree; makes it if it is not there.
fn open_static(path: Option<PathBuf>) -> Result<Result<(Root, Lock), NoStaticTree>, OpenError> {
    let Some(path) = path else { return Ok(Err(NoStaticTree::NotWanted)) };
    let open = || {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&path)?;
        Ok((Root::open_folder(&path)?, Lock::take(&path)?))
    };
    match open() {
        Ok((root, Some(lock))) => Ok(Ok((root, lock))),
        Ok((_, None)) => Err(OpenError::Taken { path }),
        Err(error) => {
            let error: io::Error = error;
            Ok(Err(NoStaticTree::Unreachable { path, reason: error.to_string() }))
        }
    }
}

/// Why there is no static tree to write in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoStaticTree {
    /// None was asked for.
    NotWanted,
    /// The trees are only read.
    OnlyRead,
    /// The folder is not there and cannot be made, or is closed to us.
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

impl fmt::Display for NoStaticTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWanted => f.write_str("there is no static tree"),
            Self::OnlyRead => f.write_str("the trees were opened for reading only"),
            Self::Unreachable { path, reason } => {
                write!(f, "cannot open or make the static tree {}: {reason}", path.display())?;
                f.write_str("; it has to be a folder that this program may read and change")
            }
        }
    }
}

impl std::error::Error for NoStaticTree {}

/// Why the trees cannot be taken over.
#[derive(Debug)]
pub enum OpenError {
    /// The configuration tree is not there, or is closed to us.
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Another connector writes in one of the trees.
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
                write!(f, "another connector is at work in the tree {}", shown(path))?;
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
