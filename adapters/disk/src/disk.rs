//! The door: both trees, and the work that the engine wants done in them.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::path::{RelPath, TreePath};

use crate::change_sets::{ChangeSets, Recovered};
use crate::journal::journal_path;
use crate::listing::list;
use crate::lock::Lock;
use crate::places::failed;
use crate::real::Real;
use crate::root::Root;
use crate::uploads::{UploadError, UploadName, Uploaded, upload};

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
    real: Real,
    static_tree: Result<StaticTree, NoStaticTree>,
    _configuration: Lock,
}

#[derive(Debug)]
struct StaticTree {
    root: Arc<Root>,
    /// Whose turn it is to write in it. Who has the change sets may take it, and not the other way round.
    turn: Mutex<()>,
    _lock: Lock,
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
        let root = Arc::new(Root::open_folder(&path).map_err(unreachable)?);
        if root.is_read_only().map_err(unreachable)? {
            return Err(unreachable(io::ErrorKind::ReadOnlyFilesystem.into()));
        }
        let lock = Lock::take(&path).map_err(unreachable)?.ok_or_else(|| OpenError::Taken { path: path.clone() })?;
        let static_tree = open_static(files)?;
        let real = Real::new(root, static_tree.as_ref().ok().map(|tree| Arc::clone(&tree.root)));
        let (change_sets, recovered) = ChangeSets::recover(real.clone()).map_err(OpenError::NotRecovered)?;
        let writing = Writing { change_sets: Mutex::new(change_sets), real, static_tree, _configuration: lock };
        Ok((Self { configuration: path, writing: Some(Arc::new(writing)) }, recovered))
    }

    /// The static tree, for reading; or why there is none, and phones cannot be provisioned.
    pub fn static_tree(&self) -> Result<Arc<Root>, NoStaticTree> {
        let writing = self.writing.as_ref().ok_or(NoStaticTree::OnlyRead)?;
        writing.static_tree.as_ref().map(|tree| Arc::clone(&tree.root)).map_err(Clone::clone)
    }

    /// Carries out one work. It blocks for as long as the disk takes; works that change files wait for each other, and for
    /// an upload.
    ///
    /// Files that could not be put back after a failed commit, keep or undo are put back by the next undo or commit that
    /// succeeds, or the next [`open`](Self::open). An undo without anything to undo does no harm.
    pub fn perform(&self, work: &FileWork) -> Result<FilesDone, FileError> {
        match (work, &self.writing) {
            (FileWork::List(folders), _) => self.list(folders),
            (_, Some(writing)) => writing.perform(work),
            // Nothing was ever done.
            (FileWork::Undo, None) => Ok(FilesDone::Undone { left: Vec::new() }),
            (_, None) => {
                let reason = "the configuration was opened for reading only";
                Err(failed(&journal_path(), &io::Error::new(io::ErrorKind::PermissionDenied, reason)))
            }
        }
    }

    /// Takes what a phone uploads, durably: it is in the phone's folder then. It blocks for as long as the disk takes;
    /// uploads wait for each other, and for works that change the static tree.
    pub fn upload(&self, mac: &Mac, name: &UploadName, content: &[u8]) -> Result<Uploaded, UploadError> {
        let none = |none: &NoStaticTree| UploadError::Unavailable(none.clone());
        let writing = self.writing.as_ref().ok_or_else(|| none(&NoStaticTree::OnlyRead))?;
        let tree = writing.static_tree.as_ref().map_err(none)?;
        let _turn = tree.take_turn();
        upload(&writing.real, mac, name, content)
    }

    /// Lists without waiting for a change set. The tree is looked up anew: it may have been put there just now.
    fn list(&self, folders: &[RelPath]) -> Result<FilesDone, FileError> {
        let Some(first) = folders.first() else { return Ok(FilesDone::Listed(Vec::new())) };
        let root = Root::open_folder(&self.configuration);
        let root = root.map_err(|error| failed(&TreePath::configuration(first.clone()), &error))?;
        list(&Real::new(Arc::new(root), None), folders).map(FilesDone::Listed)
    }
}

impl Writing {
    fn perform(&self, work: &FileWork) -> Result<FilesDone, FileError> {
        // They keep their own account before and after each step, so a panic in between has not confused them.
        let mut change_sets = self.change_sets.lock().unwrap_or_else(PoisonError::into_inner);
        let concerned = self.static_tree.as_ref().ok().filter(|_| change_sets.concerns_static_tree(work));
        let _turn = concerned.map(StaticTree::take_turn);
        change_sets.perform(work)
    }
}

impl StaticTree {
    fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens and locks the static tree; makes it if it is not there.
fn open_static(path: Option<PathBuf>) -> Result<Result<StaticTree, NoStaticTree>, OpenError> {
    let Some(path) = path else { return Ok(Err(NoStaticTree::NotWanted)) };
    let open = || {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&path)?;
        Ok((Root::open_folder(&path)?, Lock::take(&path)?))
    };
    match open() {
        Ok((root, Some(lock))) => Ok(Ok(StaticTree { root: Arc::new(root), turn: Mutex::default(), _lock: lock })),
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
