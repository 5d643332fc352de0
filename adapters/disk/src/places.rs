//! Where the files of a change set are: their folders, each opened once, and their names.

use std::collections::BTreeMap;
use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::fingerprint::Fingerprint;
use crate::journal::{HIDDEN, journal_path};
use crate::operations::Operations;

/// The folders of some files.
pub(crate) struct Folders<F> {
    by_path: BTreeMap<(Tree, Box<str>), F>,
}

/// Where one file is.
pub(crate) struct Place<'a, F> {
    pub(crate) folder: &'a F,
    /// The file's name.
    pub(crate) name: &'a str,
    /// The hidden name next to it, for the content that it does not have at present: the new one before the change, the
    /// old one after it.
    pub(crate) hidden: String,
}

impl<F> Folders<F> {
    /// Opens the folders of `paths`. One that is not there is left out.
    pub(crate) fn open<'p, O>(operations: &O, paths: impl Iterator<Item = &'p TreePath>) -> Result<Self, FileError>
    where
        O: Operations<Folder = F>,
    {
        let mut by_path: BTreeMap<(Tree, Box<str>), Option<F>> = BTreeMap::new();
        for path in paths {
            let (folder, _) = split(path);
            let key = (path.tree, folder.into());
            if by_path.contains_key(&key) {
                continue;
            }
            let opened = match operations.folder(path.tree, RelPath::parse(folder).as_ref()) {
                Ok(opened) => Some(opened),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(failed(&folder_of(path), &error)),
            };
            by_path.insert(key, opened);
        }
        let there = by_path.into_iter().filter_map(|(path, folder)| Some((path, folder?)));
        Ok(Self { by_path: there.collect() })
    }

    /// Where `path` is; nothing if its folder is not there.
    pub(crate) fn place<'a>(&'a self, path: &'a TreePath) -> Option<Place<'a, F>> {
        let (folder, name) = split(path);
        Some(Place {
            folder: self.by_path.get(&(path.tree, folder.into()))?,
            name,
            hidden: format!("{HIDDEN}swap-{name}"),
        })
    }

    /// Where `path` is; an error if its folder is not there.
    pub(crate) fn existing_place<'a>(&'a self, path: &'a TreePath) -> Result<Place<'a, F>, FileError> {
        self.place(path).ok_or_else(|| FileError::Failed {
            path: folder_of(path),
            reason: "there is no such folder; make it, and have the switch include its *.xml files".into(),
        })
    }

    /// All folders.
    pub(crate) fn all(&self) -> Vec<&F> {
        self.by_path.values().collect()
    }

    /// Makes the names in all folders durable.
    pub(crate) fn sync<O: Operations<Folder = F>>(&self, operations: &O) -> Result<(), FileError> {
        for ((tree, path), folder) in &self.by_path {
            let path = || RelPath::parse(path).map_or_else(journal_path, |path| TreePath { tree: *tree, path });
            operations.sync_folder(folder).map_err(|error| failed(&path(), &error))?;
        }
        Ok(())
    }
}

impl<F> Place<'_, F> {
    /// The fingerprint of the file; nothing if there is no plain file.
    pub(crate) fn visible<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<Option<Fingerprint>> {
        fingerprint(operations, self.folder, self.name)
    }

    /// The fingerprint of the file under the hidden name; nothing if there is none.
    pub(crate) fn set_aside<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<Option<Fingerprint>> {
        fingerprint(operations, self.folder, &self.hidden)
    }

    /// Removes what has the hidden name, if anything has it.
    pub(crate) fn clear<O: Operations<Folder = F>>(&self, operations: &O) -> io::Result<()> {
        match operations.remove(self.folder, &self.hidden) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn fingerprint<O: Operations>(operations: &O, folder: &O::Folder, name: &str) -> io::Result<Option<Fingerprint>> {
    match operations.read(folder, name) {
        Ok(found) => Ok(Some(Fingerprint::of(&found.content))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An operation on `path` that failed.
pub(crate) fn failed(path: &TreePath, error: &io::Error) -> FileError {
    FileError::Failed { path: path.clone(), reason: error.to_string() }
}

/// The folder, empty for the tree's own, and the name in it.
fn split(path: &TreePath) -> (&str, &str) {
    let path = &path.path;
    path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()))
}

/// The folder of `path`, for messages; of a file in the tree's own folder it is the file.
fn folder_of(path: &TreePath) -> TreePath {
    RelPath::parse(split(path).0).map_or_else(|| path.clone(), |folder| TreePath { tree: path.tree, path: folder })
}
