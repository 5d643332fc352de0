//! Where the configuration's files are.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A tree of files. Paths are relative to its root, in normal form (no `.`, no `..`); the root itself is the empty path.
pub trait Files {
    /// The content of a file. A folder or a device is an error, as is whatever is not there.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a folder, in any order. A file is an error, as is whatever is not there.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;
}

/// The files in a folder of this computer.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The tree that begins at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Folder { root: root.into() }
    }
}

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = self.root.join(path);
        // Opening a pipe would wait for somebody who writes to it, and a device may have no end.
        if std::fs::metadata(&path)?.is_file() { std::fs::read(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(self.root.join(folder))?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }
}

/// Files in memory: path → content, with `/` between folders. Folders are there as long as something is in them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The files; edit them as you like.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    /// The files of `entries`, each a path and a content.
    pub fn new<P: Into<String>, C: Into<Vec<u8>>>(entries: impl IntoIterator<Item = (P, C)>) -> Self {
        let files = entries.into_iter().map(|(path, content)| (path.into(), content.into())).collect();
        Memory { files }
    }
}

/// The paths only: the files hold passwords.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = path.to_str().and_then(|path| self.files.get(path));
        content.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let prefix = match folder.to_str() {
            Some("") => String::new(),
            Some(folder) => format!("{folder}/"),
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let names: BTreeSet<&str> = self
            .files
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&prefix))
            .filter_map(|below| below.split('/').next())
            .collect();
        if names.is_empty() && !prefix.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names.into_iter().map(OsString::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_memory_lists_files_and_folders_once() {
        let memory = Memory::new([("a/x.xml", ""), ("a/b/y.xml", ""), ("a/b/z.xml", ""), ("ab.xml", "")]);
        assert_eq!(memory.list(Path::new("a")).unwrap(), ["b", "x.xml"]);
        assert_eq!(memory.list(Path::new("")).unwrap(), ["a", "ab.xml"]);
        assert!(memory.list(Path::new("c")).is_err());
        assert!(memory.list(Path::new("ab.xml")).is_err());
    }

    fn check_reading(files: &dyn Files) {
        assert!(files.read(Path::new("a")).is_err());
        assert!(files.read(Path::new("b")).is_err());
        assert_eq!(files.read(Path::new("a/x.xml")).unwrap(), b"x");
        assert_eq!(files.list(Path::new("")).unwrap(), ["a"]);
        assert_eq!(files.list(Path::new("a")).unwrap(), ["x.xml"]);
        assert!(files.list(Path::new("a/x.xml")).is_err());
    }

    #[test]
    fn what_is_no_plain_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.path().join("device.xml")).unwrap();
        assert!(Folder::new(folder.path()).read(Path::new("device.xml")).is_err());
    }

    #[test]
    fn a_folder_and_memory_answer_alike() {
        check_reading(&Memory::new([("a/x.xml", "x")]));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/x.xml"), "x").unwrap();
        check_reading(&Folder::new(folder.path()));
    }
}
