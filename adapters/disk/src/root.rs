//! A folder, and what is below it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use fsconnector_engine::path::RelPath;
use rustix::fs::{
    Access, AtFlags, Dir, FileType, Mode, OFlags, StatVfsMountFlags, accessat, fstat, fstatvfs, fsync, open, openat,
    statat, unlinkat,
};
use rustix::io::Errno;

use crate::operations::{Entry, EntryKind};

/// A folder that is held open. What is below it is found from there, even if the folder is moved.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
}

impl Root {
    /// Opens a folder by any path; links on the way to it are followed, for its owner put them there.
    pub fn open_folder(path: &Path) -> io::Result<Self> {
        let folder = open(path, FOLDER, Mode::empty())?;
        Ok(Self { folder })
    }

    /// Opens the plain file at `path` for reading. A link is [`io::ErrorKind::NotFound`], as is a folder, a socket or
    /// whatever else is no plain file: nothing of the kind is offered here.
    pub fn open(&self, path: &RelPath) -> io::Result<File> {
        let folder = self.folder_of(path)?;
        open_plain(&folder, path.file_name())
    }

    /// Whether nothing can be changed on the file system that the folder is on.
    pub(crate) fn is_read_only(&self) -> io::Result<bool> {
        Ok(fstatvfs(&self.folder)?.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    /// Whether files can be made, replaced and removed right in the folder at `path`; without a path, in this one. A link
    /// is [`io::ErrorKind::NotFound`], as is anything else that is no folder.
    ///
    /// Nothing changes: the file that is made for a moment never has a name. The operating system has to allow it for good,
    /// so that a file system that is only read or full, a quota, and rules beyond permission bits count, also for root.
    /// Where a file system knows no such files, only what may be done counts.
    pub fn try_writing(&self, path: Option<&RelPath>) -> io::Result<()> {
        let folder = self.folder(path)?;
        let nameless = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match openat(&folder, ".", nameless, Mode::RUSR | Mode::WUSR) {
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                Ok(accessat(&folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
            }
            other => Ok(other.map(drop)?),
        }
    }

    /// Opens the folder at `path`; without a path that is this one.
    pub(crate) fn folder(&self, path: Option<&RelPath>) -> io::Result<OwnedFd> {
        match path {
            Some(path) => step_into(&self.folder_of(path)?, path.file_name()),
            None => Ok(openat(&self.folder, ".", FOLDER, Mode::empty())?),
        }
    }

    /// The names of the plain files right in this folder, in no order. Left out are links, folders and whatever else is no
    /// plain file, what is hidden by a dot, and names that are no UTF-8: nobody could ask for one.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let is_offered = |entry: &Entry| entry.kind == EntryKind::File && !entry.name.starts_with('.');
        Ok(entries(&self.folder)?.into_iter().filter(is_offered).map(|entry| entry.name).collect())
    }

    /// Removes the plain file at `path`. Anything else is [`io::ErrorKind::NotFound`], and stays. What was right in this
    /// folder is gone for good after [`sync`](Self::sync): once for all that were removed.
    pub fn remove(&self, path: &RelPath) -> io::Result<()> {
        let (folder, name) = (self.folder_of(path)?, path.file_name());
        if kind(&folder, name)? != EntryKind::File {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(unlinkat(&folder, name, AtFlags::empty())?)
    }

    /// Makes durable which names there are right in this folder.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.folder)?)
    }

    /// The folder that holds the last name of `path`.
    fn folder_of(&self, path: &RelPath) -> io::Result<OwnedFd> {
        let mut folder = self.folder.try_clone()?;
        let mut names = path.names().peekable();
        while let Some(name) = names.next() {
            if names.peek().is_some() {
                folder = step_into(&folder, name)?;
            }
        }
        Ok(folder)
    }
}

/// What is in the folder, in no order, without `.` and `..`.
pub(crate) fn entries(folder: &OwnedFd) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            entries.push(Entry { name: entry.file_name().to_string_lossy().into(), kind: EntryKind::Nameless });
            continue;
        };
        if matches!(name, "." | "..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Not every file system tells.
            FileType::Unknown => match kind(folder, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            },
            known => entry_kind(known),
        };
        entries.push(Entry { name: name.to_owned(), kind });
    }
    Ok(entries)
}

/// What the name stands for.
fn kind(folder: &OwnedFd, name: &str) -> io::Result<EntryKind> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(entry_kind(FileType::from_raw_mode(stat.st_mode)))
}

fn entry_kind(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

/// Opens the plain file with this name for reading. Whatever else has the name is [`io::ErrorKind::NotFound`].
pub(crate) fn open_plain(folder: &OwnedFd, name: &str) -> io::Result<File> {
    // Without waiting: opening a pipe would last until somebody writes to it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty()).map_err(hide_link)?;
    let is_plain = FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile;
    if is_plain { Ok(file.into()) } else { Err(io::ErrorKind::NotFound.into()) }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the folder with this name. A link is not there.
pub(crate) fn step_into(folder: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()).map_err(hide_link)
}

/// What lies behind a link, or is a folder where a file was expected and the other way round, is not there.
fn hide_link(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO => io::ErrorKind::NotFound.into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::io::Read;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    fn not_found<T: std::fmt::Debug>(result: io::Result<T>) -> bool {
        result.unwrap_err().kind() == io::ErrorKind::NotFound
    }

    #[test]
    fn a_plain_file_is_read_and_anything_else_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/c.txt"), "text").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        let root = Root::open_folder(folder.path()).unwrap();
        let mut text = String::new();
        root.open(&path("a/b/c.txt")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        for other in ["a", "a/b", "a/x", "x/y", "pipe", "a/b/c.txt/d"] {
            assert!(not_found(root.open(&path(other))), "{other}");
        }
    }

    #[test]
    fn no_link_is_followed_neither_at_the_end_nor_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        symlink(outside.path(), folder.path().join("way")).unwrap();
        let root = Root::open_folder(folder.path()).unwrap();
        assert!(not_found(root.open(&path("file"))));
        assert!(not_found(root.open(&path("way/secret"))));
        assert!(not_found(root.folder(Some(&path("way")))));
    }

    #[test]
    fn trying_to_write_changes_nothing_and_finds_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path();
        fs::create_dir_all(below.join("a/b")).unwrap();
        fs::write(below.join("file"), "").unwrap();
        symlink("a", below.join("link")).unwrap();
        let before = fs::metadata(below.join("a")).unwrap().modified().unwrap();
        let root = Root::open_folder(below).unwrap();
        root.try_writing(None).unwrap();
        for good in ["a", "a/b"] {
            root.try_writing(Some(&path(good))).unwrap();
        }
        for bad in ["file", "link", "missing", "a/missing", "link/b"] {
            assert!(not_found(root.try_writing(Some(&path(bad)))), "{bad}");
        }
        assert_eq!(fs::metadata(below.join("a")).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(below.join("a")).unwrap().count(), 1);
    }

    #[test]
    fn only_plain_files_that_can_be_asked_for_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path();
        fs::create_dir(below.join("folder")).unwrap();
        for name in ["1.wav", ".hidden", "ü"] {
            fs::write(below.join(name), "").unwrap();
        }
        fs::write(below.join(OsStr::from_bytes(b"\xff.wav")), "").unwrap();
        symlink("1.wav", below.join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, below.join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        let root = Root::open_folder(below).unwrap();
        let mut names = root.names().unwrap();
        names.sort();
        assert_eq!(names, ["1.wav", "ü"]);
    }

    #[test]
    fn only_a_plain_file_is_removed() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        for file in ["1.wav", "a/2.wav"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        symlink(outside.path().join("kept"), folder.path().join("link")).unwrap();
        symlink(outside.path(), folder.path().join("way")).unwrap();
        let root = Root::open_folder(folder.path()).unwrap();
        for other in ["a", "link", "way", "way/kept", "missing", "1.wav/x"] {
            assert!(not_found(root.remove(&path(other))), "{other}");
        }
        assert!(outside.path().join("kept").exists() && folder.path().join("link").is_symlink());
        for file in ["1.wav", "a/2.wav"] {
            root.remove(&path(file)).unwrap();
            root.sync().unwrap();
            assert!(!folder.path().join(file).exists());
        }
    }
}
