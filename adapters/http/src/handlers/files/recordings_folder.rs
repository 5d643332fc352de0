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
        let names = match self.root().and_then(|_| plain_names(self.path.as_deref())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        Ok(names.iter().filter_map(|name| RecordingName::parse(name)).collect())
    }

    /// Opens a recording.
    pub(super) fn open(&self, name: &RecordingName) -> io::Result<File> {
        self.root()?.open(&path(name)?)
    }

    /// Removes a recording.
    pub(super) fn remove(&self, name: &RecordingName) -> io::Result<()> {
        self.open(name)?;
        std::fs::remove_file(self.path.as_ref().ok_or(io::ErrorKind::NotFound)?.join(name.as_str()))
    }

    fn root(&self) -> io::Result<Root> {
        let path = self.path.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let root = Root::open_folder(path);
        let is_missing = root.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !self.is_missed.swap(is_missing, Ordering::Relaxed) && is_missing {
            log::warn!("there is no folder {} for recordings; until there is, no recordings are shown", path.display());
        }
        root
    }
}

fn path(name: &RecordingName) -> io::Result<RelPath> {
    RelPath::parse(name.as_str()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn plain_names(path: Option<&std::path::Path>) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path.ok_or(io::ErrorKind::NotFound)?)? {
        let entry = entry?;
        if entry.file_type()?.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    Ok(names)
}
