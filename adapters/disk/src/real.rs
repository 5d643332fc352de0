//! The operations on a real disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fsconnector_engine::path::{RelPath, Tree};
use fsconnector_engine::time::Wall;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid, fchmod, fchown, fstat, fsync, mkdirat, openat, renameat_with,
    statat, syncfs, unlinkat,
};
use rustix::io::Errno;

use crate::operations::{Access, Entry, Found, NewAccess, Operations};
use crate::root::{Root, entries, open_plain, step_into};

/// So many threads remove many files.
const REMOVERS: usize = 8;

/// The bytes that are set aside at most for a file before it is read: its size may be that of its holes.
const LARGEST_EXPECTED: usize = 1 << 20;

/// The trees of this machine.
#[derive(Clone, Debug)]
pub struct Real {
    configuration: Arc<Root>,
    files: Option<Arc<Root>>,
}

impl Real {
    /// The configuration tree, and the static tree if there is one.
    pub fn new(configuration: Arc<Root>, files: Option<Arc<Root>>) -> Self {
        Self { configuration, files }
    }

    fn root(&self, tree: Tree) -> io::Result<&Root> {
        match tree {
            Tree::Configuration => Ok(&self.configuration),
            Tree::Static => {
                self.files.as_deref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no static tree"))
            }
        }
    }
}

impl Operations for Real {
    type Folder = OwnedFd;
    type Volumes = Vec<Volume>;

    fn folder(&self, tree: Tree, path: Option<&RelPath>) -> io::Result<OwnedFd> {
        self.root(tree)?.folder(path)
    }

    fn folder_access(&self, folder: &OwnedFd) -> io::Result<Access> {
        Ok(access(&fstat(folder)?))
    }

    fn entries(&self, folder: &OwnedFd) -> io::Result<Vec<Entry>> {
        entries(folder)
    }

    fn exists(&self, folder: &OwnedFd, name: &str) -> io::Result<bool> {
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn read_up_to(&self, folder: &OwnedFd, name: &str, most: u64) -> io::Result<Found> {
        let file = open_plain(folder, name)?;
        let stat = fstat(&file)?;
        let expected = usize::try_from(stat.st_size).unwrap_or(0).min(LARGEST_EXPECTED);
        let mut content = Vec::with_capacity(expected + 1);
        // It can grow while it is read.
        let read = file.take(most.saturating_add(1)).read_to_end(&mut content)?;
        if u64::try_from(read).is_ok_and(|read| read > most) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Found { content, access: access(&stat) })
    }

    fn size(&self, folder: &OwnedFd, name: &str) -> io::Result<u64> {
        Ok(u64::try_from(fstat(open_plain(folder, name)?)?.st_size).unwrap_or(0))
    }

    fn modified(&self, folder: &OwnedFd, name: &str) -> io::Result<Wall> {
        let stat = fstat(open_plain(folder, name)?)?;
        let microseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or(0) / 1000;
        Ok(Wall(stat.st_mtime.saturating_mul(1_000_000).saturating_add(microseconds)))
    }

    fn write_new(&self, folder: &OwnedFd, name: &str, content: &[u8], wanted: NewAccess) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(content)?;
        match wanted {
            NewAccess::Private => Ok(()),
            other => set_access(file.as_fd(), of_file(other, access(&fstat(folder)?))),
        }
    }

    fn rename_new(&self, folder: &OwnedFd, from: &str, to: &str) -> io::Result<()> {
        renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE).map_err(cannot_rename)
    }

    fn exchange(&self, folder: &OwnedFd, one: &str, other: &str) -> io::Result<()> {
        renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE).map_err(cannot_rename)
    }

    fn remove(&self, folder: &OwnedFd, name: &str) -> io::Result<()> {
        Ok(unlinkat(folder, name, AtFlags::empty())?)
    }

    /// With some threads: what takes its time in a removal is waiting, some milliseconds on some disks.
    fn remove_all(&self, files: &[(&OwnedFd, &str)]) {
        let next = AtomicUsize::new(0);
        let remove = || {
            while let Some((folder, name)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let _ = self.remove(folder, name);
            }
        };
        thread::scope(|scope| {
            for _ in 1..files.len().min(REMOVERS) {
                // Without this one the others have more to do.
                let _ = thread::Builder::new().spawn_scoped(scope, remove);
            }
            remove();
        });
    }

    fn make_folder(&self, folder: &OwnedFd, name: &str, wanted: NewAccess) -> io::Result<()> {
        mkdirat(folder, name, Mode::RWXU)?;
        match wanted {
            NewAccess::Private => Ok(()),
            other => set_access(step_into(folder, name)?.as_fd(), of_folder(other, access(&fstat(folder)?))),
        }
    }

    fn set_folder_mode(&self, folder: &OwnedFd, mode: u32) -> io::Result<()> {
        // The other bits, such as the one that hands the group down, stay.
        let others = fstat(folder)?.st_mode & 0o7000;
        Ok(fchmod(folder, Mode::from_raw_mode(others | mode))?)
    }

    fn remove_folder(&self, folder: &OwnedFd, name: &str) -> io::Result<()> {
        Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    fn sync_file(&self, folder: &OwnedFd, name: &str) -> io::Result<()> {
        Ok(fsync(open_plain(folder, name)?)?)
    }

    fn sync_folder(&self, folder: &OwnedFd) -> io::Result<()> {
        Ok(fsync(folder)?)
    }

    fn add_volume(&self, volumes: &mut Vec<Volume>, folder: &OwnedFd) -> io::Result<()> {
        let device = fstat(folder)?.st_dev;
        if volumes.iter().all(|volume| volume.device != device) {
            // A description of its own: errors are told once to each, from its opening on.
            let folder = openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            volumes.push(Volume { folder, device });
        }
        Ok(())
    }

    fn sync_volumes(&self, volumes: &Vec<Volume>) -> io::Result<()> {
        for volume in volumes {
            syncfs(&volume.folder).map_err(|error| match error {
                Errno::NOSYS => io::ErrorKind::Unsupported.into(),
                other => io::Error::from(other),
            })?;
        }
        Ok(())
    }
}

fn cannot_rename(error: Errno) -> io::Error {
    match error {
        Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::Error::new(
            io::ErrorKind::Unsupported,
            "the file system cannot rename with RENAME_NOREPLACE and RENAME_EXCHANGE, without which a file could be lost \
             that somebody edits at the same time; move the configuration to another one, such as ext4, xfs or btrfs",
        ),
        other => other.into(),
    }
}

/// A file system, by one of its folders.
#[derive(Debug)]
pub struct Volume {
    folder: OwnedFd,
    device: u64,
}

fn access(stat: &Stat) -> Access {
    Access { mode: stat.st_mode & 0o777, owner: stat.st_uid, group: stat.st_gid }
}

/// The access of a new file in a folder with that one.
fn of_file(wanted: NewAccess, folder: Access) -> Access {
    match wanted {
        NewAccess::Private => Access { mode: 0o600, ..folder },
        NewAccess::LikeFolder => Access { mode: folder.mode & 0o666 | 0o600, ..folder },
        NewAccess::LikeFolderClosed => Access { mode: folder.mode & 0o640 | 0o600, ..folder },
        NewAccess::Mode(mode) => Access { mode, ..folder },
        NewAccess::Like(access) => access,
    }
}

/// The access of a new folder in a folder with that one.
fn of_folder(wanted: NewAccess, folder: Access) -> Access {
    match wanted {
        NewAccess::Private => Access { mode: 0o700, ..folder },
        NewAccess::LikeFolder => Access { mode: folder.mode | 0o700, ..folder },
        NewAccess::LikeFolderClosed => Access { mode: folder.mode & 0o750 | 0o700, ..folder },
        NewAccess::Mode(mode) => Access { mode, ..folder },
        NewAccess::Like(access) => access,
    }
}

/// Gives a new file or folder this access as far as we may. If the owner cannot be given, it is ours. If the group cannot be given
/// either, our own group gets no more than everybody.
fn set_access(file: BorrowedFd<'_>, wanted: Access) -> io::Result<()> {
    let (mut mode, is) = (wanted.mode, access(&fstat(file)?));
    let (owner, group) = (Uid::from_raw(wanted.owner), Gid::from_raw(wanted.group));
    if (is.owner, is.group) != (wanted.owner, wanted.group) {
        let mut given = fchown(file, Some(owner), Some(group));
        if given == Err(Errno::PERM) && is.group != wanted.group {
            given = fchown(file, None, Some(group));
        }
        match given {
            Err(Errno::PERM) if is.group == wanted.group => {}
            Err(Errno::PERM) => mode &= 0o707 | (mode & 0o007) << 3,
            other => other?,
        }
    }
    Ok(fchmod(file, Mode::from_raw_mode(mode))?)
}
