//! Where the archives are: the folder `store` of the static tree, with the present archive of each part and some before it.

use std::io;

use fsconnector_engine::files::Part;
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};
use fsconnector_engine::time::Wall;

use super::bounds::LARGEST_ARCHIVE;
use super::fault::{Bound, Fault};
use crate::journal::HIDDEN;
use crate::operations::{EntryKind, NewAccess, Operations};
use crate::places::failed;

/// How many archives of a part are kept besides the present one.
const KEPT: usize = 5;

/// The name of the folder.
const STORE: &str = "store";

/// What the names of archives end with.
const SUFFIX: &str = ".tar.gz";

/// The folder with the archives.
pub(crate) struct Shelf<F> {
    folder: F,
}

impl<F> Shelf<F> {
    /// Opens the folder, and makes it if it is not there.
    pub(crate) fn make<O: Operations<Folder = F>>(operations: &O) -> Result<Self, FileError> {
        let root = match operations.folder(Tree::Static, None) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::NoStaticTree.into()),
            other => other.map_err(|error| on_shelf(&error))?,
        };
        match operations.make_folder(&root, STORE, NewAccess::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(|error| on_shelf(&error))?,
        }
        operations.sync_folder(&root).map_err(|error| on_shelf(&error))?;
        match operations.folder(Tree::Static, Some(&store())) {
            Ok(folder) => Ok(Self { folder }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::NotAFolder(store()).into()),
            Err(error) => Err(on_shelf(&error)),
        }
    }

    /// Makes `packed` the present archive of a part, durably. At every moment there is one if there was one before. That
    /// one is kept.
    pub(crate) fn put<O: Operations<Folder = F>>(
        &self,
        operations: &O,
        part: Part,
        packed: &[u8],
    ) -> Result<(), FileError> {
        let hidden = format!("{HIDDEN}new-{}{SUFFIX}", part.name());
        let put = self.write(operations, &hidden, packed).and_then(|()| self.swap_in(operations, part, &hidden));
        if let Err(error) = put {
            // What cannot be removed now is removed by the next archive, or at the next start.
            let _ = operations.remove(&self.folder, &hidden);
            return Err(failed(&TreePath::in_static(part.archive()), &error));
        }
        self.prune(operations, part);
        Ok(())
    }

    fn write<O: Operations<Folder = F>>(&self, operations: &O, hidden: &str, packed: &[u8]) -> io::Result<()> {
        let write = || operations.write_new(&self.folder, hidden, packed, NewAccess::Private);
        match write() {
            // An earlier program was interrupted.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                operations.remove(&self.folder, hidden)?;
                write()?;
            }
            other => other?,
        }
        operations.sync_file(&self.folder, hidden)
    }

    fn swap_in<O: Operations<Folder = F>>(&self, operations: &O, part: Part, hidden: &str) -> io::Result<()> {
        let present = format!("{}{SUFFIX}", part.name());
        match operations.modified(&self.folder, &present) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                operations.rename_new(&self.folder, hidden, &present)?;
            }
            Err(error) => return Err(error),
            // First under the name for the old one, then swapped with it: an end in between loses neither.
            Ok(time) => {
                let kept = self.rename_to_free(operations, part, hidden, time)?;
                if let Err(error) = operations.exchange(&self.folder, &kept, &present) {
                    let _ = operations.remove(&self.folder, &kept);
                    return Err(error);
                }
            }
        }
        operations.sync_folder(&self.folder)
    }

    /// Gives the file the name of an archive of that time, or of the first millisecond after it that no archive has.
    fn rename_to_free<O: Operations<Folder = F>>(
        &self,
        operations: &O,
        part: Part,
        hidden: &str,
        time: Wall,
    ) -> io::Result<String> {
        let mut time = time;
        loop {
            let kept = format!("{}.{}{SUFFIX}", part.name(), stamp(time));
            match operations.rename_new(&self.folder, hidden, &kept) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time = Wall(time.0.saturating_add(1000)),
                other => return other.map(|()| kept),
            }
        }
    }

    /// Removes all but the newest of the archives that are kept. What cannot be removed now is tried again with the next
    /// archive.
    fn prune<O: Operations<Folder = F>>(&self, operations: &O, part: Part) {
        let Ok(entries) = operations.entries(&self.folder) else { return };
        let mut kept: Vec<&str> = Vec::new();
        for entry in &entries {
            if entry.kind == EntryKind::File && is_kept(&entry.name, part) {
                kept.push(&entry.name);
            }
        }
        kept.sort_unstable_by(|one, other| other.cmp(one));
        for old in kept.into_iter().skip(KEPT) {
            let _ = operations.remove(&self.folder, old);
        }
    }
}

/// Reads the present archive of a part.
pub(crate) fn take<O: Operations>(operations: &O, part: Part) -> Result<Vec<u8>, FileError> {
    let name = format!("{}{SUFFIX}", part.name());
    let folder = operations.folder(Tree::Static, Some(&store()));
    match folder.and_then(|folder| operations.read_up_to(&folder, &name, LARGEST_ARCHIVE)) {
        Ok(found) => Ok(found.content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::NoArchive(part.archive()).into()),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(Fault::TooMuch(Bound::Archive).into()),
        Err(error) => Err(failed(&TreePath::in_static(part.archive()), &error)),
    }
}

/// A time in the name of a file: `2026-11-23T08-25-58.123Z`. Some programs take what stands before a colon for the name of a
/// machine.
fn stamp(time: Wall) -> String {
    time.to_string().replace(':', "-")
}

/// Whether this is the name of an archive of the part that is kept.
fn is_kept(name: &str, part: Part) -> bool {
    let stamp = name.strip_prefix(part.name()).and_then(|rest| rest.strip_prefix('.'));
    let Some(stamp) = stamp.and_then(|rest| rest.strip_suffix(SUFFIX)) else { return false };
    let pattern = "0000-00-00T00-00-00.000Z";
    let fits = |(found, wanted): (char, char)| if wanted == '0' { found.is_ascii_digit() } else { found == wanted };
    stamp.chars().count() == pattern.len() && stamp.chars().zip(pattern.chars()).all(fits)
}

#[expect(clippy::expect_used, reason = "the name is a plain one")]
fn store() -> RelPath {
    RelPath::parse(STORE).expect("a plain name")
}

fn on_shelf(error: &io::Error) -> FileError {
    failed(&TreePath::in_static(store()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_archive_is_known_by_its_time() {
        let name = format!("directory.{}.tar.gz", stamp(Wall(1_795_422_358_123_456)));
        assert_eq!(name, "directory.2026-11-23T08-25-58.123Z.tar.gz");
        assert!(is_kept(&name, Part::Directory));
        for other in [
            "directory.tar.gz",
            "directory.mine.tar.gz",
            "directory.2026-11-23T08-25-58.123Z",
            "dialplan.2026-11-23T08-25-58.123Z.tar.gz",
            "directory.2026-11-23T08:25:58.123Z.tar.gz",
        ] {
            assert!(!is_kept(other, Part::Directory), "{other}");
        }
    }
}
