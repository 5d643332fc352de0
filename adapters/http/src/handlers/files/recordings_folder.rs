//! Where the recordings are.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use fsconnector_disk::{RelPath, Root};

use super::recording_name::RecordingName;

/// The folder of the recordings, if there is to be one. It is looked up anew each time: the switch makes it with its first
/// recording, or an administrator mounts it later.
#[derive(Debug, Default)]
pub(crate) struct RecordingsFolder {
    path: Option<PathBuf>,
    /// Whether the log knows already that it is not there.
    is_missed: AtomicBool,
}

impl From<Option<PathBuf>> for RecordingsFolder {
    fn from(path: Option<PathBuf>) -> Self {
        Self { path, is_missed: AtomicBool::new(false) }
    }
}

impl RecordingsFolder {
    /// The names of the plain files in it that can be asked for, in no order. A folder that is not there has none.
    pub(super) fn names(&self) -> io::Result<Vec<RecordingName>> {
        match self.look_up() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            folder => Ok(folder?.names()?.iter().filter_map(|name| RecordingName::parse(name)).collect()),
        }
    }

    /// Opens a recording. Anything but a plain file is [`io::ErrorKind::NotFound`].
    pub(super) fn open(&self, name: &RecordingName) -> io::Result<File> {
        self.opened()?.0.open(&path(name)?)
    }

    /// Opens the folder, to remove recordings.
    pub(super) fn opened(&self) -> io::Result<OpenFolder> {
        self.look_up().map(OpenFolder)
    }

    /// Opens the folder. The log is told when it is not there, and again only when it has been there meanwhile.
    fn look_up(&self) -> io::Result<Root> {
        let path = self.path.as_deref().ok_or(io::ErrorKind::NotFound)?;
        let opened = Root::open_folder(path);
        let is_missing = opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !self.is_missed.swap(is_missing, Ordering::Relaxed) && is_missing {
            log::warn!("there is no folder {} for recordings; until there is, no recordings are shown", path.display());
        }
        opened
    }
}

/// The folder of the recordings, held open.
pub(super) struct OpenFolder(Root);

impl OpenFolder {
    /// Removes a recording. Anything but a plain file is [`io::ErrorKind::NotFound`], and stays.
    pub(super) fn remove(&self, name: &RecordingName) -> io::Result<()> {
        self.0.remove(&path(name)?)
    }

    /// Has what was removed be gone for good.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

fn path(name: &RecordingName) -> io::Result<RelPath> {
    RelPath::parse(name.as_str()).ok_or_else(|| io::ErrorKind::NotFound.into())
}
