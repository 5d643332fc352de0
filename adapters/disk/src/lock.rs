//! A tree has one connector at a time.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

/// The exclusive right to change the files below a folder, for as long as this lives, and no longer than the process. It
/// is a lock on the folder itself, so nothing is left behind in it.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: OwnedFd,
}

impl Lock {
    /// Takes the lock; nothing if somebody has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let folder = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _folder: folder })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
