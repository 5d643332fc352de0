//! The folder of the handlers' sockets.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What its name begins with, before 16 hexadecimal digits.
const PREFIX: &str = "fsconnector-";

/// How often another program may take a new folder for one that was left behind, before it is locked.
const ATTEMPTS: usize = 8;

/// A folder that only this user can enter, made for the sockets and removed with them. As long as the program lives it is
/// locked, and so does not look left behind to another one.
pub(super) struct SocketFolder {
    path: PathBuf,
    _lock: File,
}

impl SocketFolder {
    /// A new one in this folder; those go that programs of this user have left behind there, killed before they could
    /// remove them.
    pub(super) fn fresh(parent: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(folder) = Self::attempt(parent)? {
                folder.remove_leftovers(parent);
                return Ok(folder);
            }
        }
        Err(io::Error::other(format!("another program removes new folders in {}", parent.display())))
    }

    /// Makes and locks one; nothing if another program was in between.
    fn attempt(parent: &Path) -> io::Result<Option<Self>> {
        let number = getrandom::u64().map_err(io::Error::other)?;
        let path = parent.join(format!("{PREFIX}{number:016x}"));
        // Fails if it exists, whoever made it.
        DirBuilder::new().mode(0o700).create(&path)?;
        match lock(&path) {
            Ok(lock) => Ok(lock.map(|lock| Self { path, _lock: lock })),
            Err(error) => {
                // It is empty. That it stays is not what is wrong.
                let _ = fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, if it is still there.
    pub(super) fn remove(&self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("the folder of the handlers' sockets could not be removed: {error}");
            }
            _ => (),
        }
    }

    fn remove_leftovers(&self, parent: &Path) {
        // A folder that nobody can list is no reason not to begin, and neither is what cannot be looked at.
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_name));
        for path in named.map(|entry| entry.path()).filter(|path| self.is_of_same_user(path)) {
            let Ok(Some(_lock)) = lock(&path) else { continue };
            if is_deserted(&path)
                && let Err(error) = fs::remove_dir_all(&path)
            {
                log::warn!("{} was left behind by an earlier run and could not be removed: {error}", path.display());
            }
        }
    }

    /// Whether this is a folder, and no link to one, that belongs to whom this one belongs to.
    fn is_of_same_user(&self, path: &Path) -> bool {
        let of = |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir).map(|folder| folder.uid());
        of(&self.path).is_some_and(|own| of(path) == Some(own))
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

fn is_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|number| {
        number.len() == 16 && number.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The lock of this folder; nothing if somebody else has it, or had it and has removed the folder.
fn lock(path: &Path) -> io::Result<Option<File>> {
    match attempt_lock(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome,
    }
}

fn attempt_lock(path: &Path) -> io::Result<Option<File>> {
    let folder = File::open(path)?;
    match folder.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (locked, there) = (folder.metadata()?, fs::symlink_metadata(path)?);
    Ok((identity(locked) == identity(there)).then_some(folder))
}

/// Whether nothing is in there but sockets that nobody listens on.
fn is_deserted(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().all(|entry| {
        let is_socket = entry.file_type().is_ok_and(|kind| kind.is_socket());
        let refusal = UnixStream::connect(entry.path()).map_err(|error| error.kind());
        is_socket && matches!(refusal, Err(io::ErrorKind::ConnectionRefused))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_a_killed_program_has_left_goes_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let folder = |name: &str| fs::create_dir(at(name)).map(|()| at(name)).unwrap();
        let killed = folder("fsconnector-0000000000000001");
        drop(UnixListener::bind(killed.join("quick")).unwrap());
        let killed_early = folder("fsconnector-0000000000000002");
        let listens = folder("fsconnector-0000000000000003");
        let _listener = UnixListener::bind(listens.join("quick")).unwrap();
        let strange = folder("fsconnector-0000000000000004");
        fs::write(strange.join("quick"), "").unwrap();
        let linked = folder("fsconnector-other");
        symlink(&linked, at("fsconnector-0000000000000005")).unwrap();
        let longer = folder("fsconnector-00000000000000006");
        let living = SocketFolder::fresh(parent.path()).unwrap();
        for gone in [&killed, &killed_early] {
            assert!(!gone.exists(), "{}", gone.display());
        }
        let second = SocketFolder::fresh(parent.path()).unwrap();
        let link = at("fsconnector-0000000000000005");
        for stays in [&listens, &strange, &linked, &link, &longer, &living.path, &second.path] {
            assert!(stays.exists(), "{}", stays.display());
        }
        drop((living, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 5);
    }

    #[test]
    fn a_folder_that_was_removed_is_not_locked_and_neither_is_one_that_somebody_has() {
        let parent = tempfile::tempdir().unwrap();
        let living = SocketFolder::fresh(parent.path()).unwrap();
        assert!(lock(&living.path).unwrap().is_none());
        living.remove();
        assert!(lock(&living.path).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_locked_for_another_reason_says_so() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(lock(&file.join("folder")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
