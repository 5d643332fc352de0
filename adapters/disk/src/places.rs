//! Where files are: their folders, opened when they are needed, and their names.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};
use rustix::io::Errno;

use crate::fingerprint::Fingerprint;
use crate::journal::{HIDDEN, StepKind, journal_path};
use crate::operations::{EntryKind, NewAccess, Operations};

/// Up to so many files are synced one by one; more with their whole file system, which costs less then, but waits for
/// what others are writing there.
const SYNCED_SINGLY: usize = 64;

/// The same where there are more files to follow: one by one they would take too long in all.
const SWEPT_SINGLY: usize = 8;

/// So many folders are held open at most: a program may have no more than some thousand files open.
pub(crate) const HELD_OPEN: usize = 128;

/// The longest name in bytes that a file of ours can have: file systems allow 255, and next to it there is a hidden one.
pub(crate) const LONGEST_NAME: usize = 255 - HIDDEN.len() - SWAP.len();

/// How a hidden name goes on.
const SWAP: &str = "swap-";

/// A folder, by its tree and its path; without a path it is the tree's own.
type FolderPath = (Tree, Option<RelPath>);

/// The folders of some files.
pub(crate) struct Folders<O: Operations> {
    open: BTreeMap<FolderPath, Rc<O::Folder>>,
    /// All that ever were opened.
    met: BTreeSet<FolderPath>,
    /// Their file systems, if there are many files.
    volumes: Option<O::Volumes>,
    /// Up to so many are synced one by one.
    singly: usize,
    /// Whether the names of folders that are there may not be durable yet.
    doubted: bool,
}

/// Where one file is.
pub(crate) struct Place<'p, F> {
    pub(crate) folder: Rc<F>,
    /// The file's name.
    pub(crate) name: &'p str,
    /// The hidden name next to it, for the content that it does not have at present: the new one before the change, the
    /// old one after it.
    pub(crate) hidden: String,
    /// Whether the fingerprints are of the permission bits, too.
    with_mode: bool,
}

impl<O: Operations> Folders<O> {
    /// The folders of about so many files.
    pub(crate) fn of(files: usize) -> Self {
        Self::synced_singly(SYNCED_SINGLY, files)
    }

    /// The folders of about so many files out of a great many.
    pub(crate) fn of_some(files: usize) -> Self {
        Self::synced_singly(SWEPT_SINGLY, files)
    }

    fn synced_singly(singly: usize, files: usize) -> Self {
        let volumes = (files > singly).then(O::Volumes::default);
        Self { open: BTreeMap::new(), met: BTreeSet::new(), volumes, singly, doubted: false }
    }

    /// Folders whose names may not be durable yet, if they are `doubted`: they become so with what is written in them.
    pub(crate) fn doubted(self, doubted: bool) -> Self {
        Self { doubted, ..self }
    }

    /// Opens a folder, for the first time before anything is written in it.
    pub(crate) fn open(&mut self, operations: &O, folder: &FolderPath) -> io::Result<Rc<O::Folder>> {
        if let Some(open) = self.open.get(folder) {
            return Ok(Rc::clone(open));
        }
        let opened = Rc::new(operations.folder(folder.0, folder.1.as_ref())?);
        if !self.met.contains(folder) {
            if let Some(volumes) = &mut self.volumes {
                operations.add_volume(volumes, &opened)?;
            }
            self.met.insert(folder.clone());
        }
        if self.open.len() >= HELD_OPEN {
            self.open.clear();
        }
        self.open.insert(folder.clone(), Rc::clone(&opened));
        Ok(opened)
    }

    /// Where `path` is; nothing if its folder is not there.
    pub(crate) fn place<'p>(
        &mut self,
        operations: &O,
        path: &'p TreePath,
    ) -> Result<Option<Place<'p, O::Folder>>, Trouble> {
        match self.open(operations, &folder_of(path)) {
            Ok(folder) => Ok(Some(Place::new(folder, path.path.file_name()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Trouble { path: shown(&folder_of(path), path), error }),
        }
    }

    /// Where `path` is; an error if its folder is not there.
    pub(crate) fn existing_place<'p>(
        &mut self,
        operations: &O,
        path: &'p TreePath,
    ) -> Result<Place<'p, O::Folder>, Trouble> {
        let place = self.place(operations, path)?;
        place.ok_or_else(|| {
            let reason = match path.tree {
                Tree::Configuration => "there is no such folder; make it, and have the switch include its *.xml files",
                Tree::Static => "there is no such folder",
            };
            Trouble { path: shown(&folder_of(path), path), error: io::Error::new(io::ErrorKind::NotFound, reason) }
        })
    }

    /// The folders that are missing on the way to the file at `path`, from the root down.
    pub(crate) fn missing(&mut self, operations: &O, path: &TreePath) -> Result<Vec<TreePath>, Trouble> {
        self.missing_down_to(operations, folder_of(path))
    }

    /// The folders that are missing on the way to `folder` and itself, from the root down.
    pub(crate) fn missing_down_to(&mut self, operations: &O, mut folder: FolderPath) -> Result<Vec<TreePath>, Trouble> {
        let mut missing = Vec::new();
        while let (tree, Some(below)) = &folder {
            let at = TreePath { tree: *tree, path: below.clone() };
            match self.open(operations, &folder) {
                Ok(_) if self.doubted => {
                    self.open_parents(operations, &at)?;
                    break;
                }
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Trouble { path: at, error }),
            }
            folder = folder_of(&at);
            missing.push(at);
        }
        missing.reverse();
        Ok(missing)
    }

    /// Opens the folders that a folder is in: who made it may have failed before its name was durable.
    fn open_parents(&mut self, operations: &O, folder: &TreePath) -> Result<(), Trouble> {
        let mut folder = folder.clone();
        loop {
            let parent = folder_of(&folder);
            if let Err(error) = self.open(operations, &parent) {
                return Err(Trouble { path: folder, error });
            }
            let (tree, Some(path)) = parent else { return Ok(()) };
            folder = TreePath { tree, path };
        }
    }

    /// Makes a folder. Whether it was made: not if anything has the name.
    pub(crate) fn make(&mut self, operations: &O, folder: &TreePath, access: NewAccess) -> Result<bool, Trouble> {
        let mut make = || {
            let parent = self.open(operations, &folder_of(folder))?;
            operations.make_folder(&parent, folder.path.file_name(), access)
        };
        match make() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Trouble { path: folder.clone(), error }),
        }
    }

    /// Removes a folder with what is under hidden names in it, unless there is something else in it. A folder that is not
    /// there is no error.
    pub(crate) fn remove(&mut self, operations: &O, folder: &TreePath) -> Result<(), FileError> {
        let path = (folder.tree, Some(folder.path.clone()));
        let mut remove = || {
            // First of all: if the folder is gone already, that has to become durable, too.
            let parent = self.open(operations, &folder_of(folder))?;
            let opened = self.open(operations, &path)?;
            let entries = operations.entries(&opened)?;
            let hidden = |name: &str| name.starts_with(HIDDEN);
            if entries.iter().any(|entry| entry.kind != EntryKind::File || !hidden(&entry.name)) {
                return Ok(());
            }
            entries.iter().try_for_each(|entry| operations.remove(&opened, &entry.name))?;
            operations.remove_folder(&parent, folder.path.file_name())?;
            self.open.remove(&path);
            self.met.remove(&path);
            Ok(())
        };
        let removed: io::Result<()> = remove();
        match removed.map_err(|error| (error.kind(), error)) {
            // Somebody was faster.
            Ok(()) | Err((io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty, _)) => Ok(()),
            Err((_, error)) => Err(failed(folder, &error)),
        }
    }

    /// Makes all that is written on the file systems of the folders durable, contents and names, if so many of them were
    /// `written` that it is worth while. Whether it did.
    pub(crate) fn sync_volumes(&self, operations: &O, written: usize) -> Result<bool, FileError> {
        let Some(volumes) = self.volumes.as_ref().filter(|_| written > self.singly) else { return Ok(false) };
        match operations.sync_volumes(volumes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
            Err(error) => {
                let first = self.met.first().map(|folder| shown(folder, &journal_path()));
                Err(failed(&first.unwrap_or_else(journal_path), &error))
            }
        }
    }

    /// Makes the names in all folders durable.
    pub(crate) fn sync_names(&mut self, operations: &O) -> Result<(), FileError> {
        if self.sync_volumes(operations, self.met.len())? {
            return Ok(());
        }
        for folder in self.met.clone() {
            let synced = self.open(operations, &folder).and_then(|opened| operations.sync_folder(&opened));
            synced.map_err(|error| failed(&shown(&folder, &journal_path()), &error))?;
        }
        Ok(())
    }
}

impl<'p, F> Place<'p, F> {
    fn new(folder: Rc<F>, name: &'p str) -> Self {
        Self { folder, name, hidden: format!("{HIDDEN}{SWAP}{name}"), with_mode: false }
    }

    /// The place with such fingerprints as the step has.
    pub(crate) fn of_step(self, kind: StepKind) -> Self {
        Self { with_mode: matches!(kind, StepKind::ReplaceMode { .. }), ..self }
    }

    /// Writes a file with the hidden name, in the place of whatever an earlier change could not remove.
    pub(crate) fn write_hidden<O>(&self, operations: &O, content: &[u8], access: NewAccess) -> io::Result<()>
    where
        O: Operations<Folder = F>,
    {
        let write = || operations.write_new(&self.folder, &self.hidden, content, access);
        match write() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.clear(operations)?;
                write()
            }
            other => other,
        }
    }

    /// The fingerprint of the file; nothing if there is no plain file.
    pub(crate) fn visible<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<Option<Fingerprint>> {
        self.fingerprint(operations, self.name)
    }

    /// The fingerprint of the file under the hidden name; nothing if there is none.
    pub(crate) fn set_aside<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<Option<Fingerprint>> {
        self.fingerprint(operations, &self.hidden)
    }

    /// Removes what has the hidden name, if anything has it.
    pub(crate) fn clear<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<()> {
        match operations.remove(&self.folder, &self.hidden) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn fingerprint<O>(&self, operations: &O, name: &str) -> io::Result<Option<Fingerprint>>
    where
        O: Operations<Folder = F>,
    {
        match operations.read(&self.folder, name) {
            Ok(found) if self.with_mode => Ok(Some(Fingerprint::with_mode(&found))),
            Ok(found) => Ok(Some(Fingerprint::of(&found.content))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An operation on a file or folder that failed.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) path: TreePath,
    pub(crate) error: io::Error,
}

impl Trouble {
    /// Whether other files would fail for the same reason: the disk is full or cannot be written, or the program has too
    /// many files open.
    pub(crate) fn is_everywhere(&self) -> bool {
        use io::ErrorKind::{OutOfMemory, QuotaExceeded, ReadOnlyFilesystem, StorageFull, Unsupported};
        let limits = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        matches!(self.error.kind(), OutOfMemory | QuotaExceeded | ReadOnlyFilesystem | StorageFull | Unsupported)
            || self.error.raw_os_error().is_some_and(|code| limits.contains(&code))
    }
}

impl From<Trouble> for FileError {
    fn from(trouble: Trouble) -> Self {
        failed(&trouble.path, &trouble.error)
    }
}

/// An operation on `path` that failed.
pub(crate) fn failed(path: &TreePath, error: &io::Error) -> FileError {
    FileError::Failed { path: path.clone(), reason: error.to_string() }
}

/// The folder that a file or folder is in.
fn folder_of(path: &TreePath) -> FolderPath {
    let parent = path.path.as_str().rsplit_once('/').and_then(|(parent, _)| RelPath::parse(parent));
    (path.tree, parent)
}

/// The folder in messages, where the tree's own has no name but `otherwise`.
fn shown(folder: &FolderPath, otherwise: &TreePath) -> TreePath {
    let (tree, path) = folder;
    path.clone().map_or_else(|| otherwise.clone(), |path| TreePath { tree: *tree, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_every_file_from_being_written_is_told_from_what_keeps_one() {
        let is_everywhere = |code: Errno| Trouble { path: journal_path(), error: code.into() }.is_everywhere();
        for everywhere in [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert!(is_everywhere(everywhere), "{everywhere}");
        }
        for of_one in [Errno::ACCESS, Errno::PERM, Errno::IO, Errno::LOOP, Errno::NOTDIR, Errno::ISDIR, Errno::NOENT] {
            assert!(!is_everywhere(of_one), "{of_one}");
        }
    }
}
