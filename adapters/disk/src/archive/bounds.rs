//! How much an archive may hold. What is stored keeps to the same bounds as what is restored, so whatever was stored can be
//! restored.

use fsconnector_engine::path::RelPath;

use super::fault::{Bound, Fault};

/// The bytes of an archive, compressed.
pub(crate) const LARGEST_ARCHIVE: u64 = 256 << 20;
/// The bytes of all files.
pub(crate) const MOST_BYTES: u64 = 512 << 20;
/// The bytes of one file.
pub(crate) const LARGEST_FILE: u64 = 64 << 20;
/// The bytes of the paths of all files and folders: they are all held in memory.
pub(crate) const MOST_NAMES: u64 = 32 << 20;
/// The files and folders.
pub(crate) const MOST_ENTRIES: usize = 250_000;
/// The names in a path in the tree.
pub(crate) const DEEPEST: usize = 32;

/// What an archive holds so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    entries: usize,
    names: u64,
    bytes: u64,
}

impl Tally {
    /// One more file or folder.
    pub(crate) fn add(&mut self, path: &RelPath) -> Result<(), Fault> {
        self.entries += 1;
        self.names += length(path.as_str().len());
        if self.entries > MOST_ENTRIES {
            return Err(Fault::TooMuch(Bound::Entries));
        }
        if self.names > MOST_NAMES {
            return Err(Fault::TooMuch(Bound::Names));
        }
        if path.names().count() > DEEPEST {
            return Err(Fault::TooMuch(Bound::Depth(path.clone())));
        }
        Ok(())
    }

    /// The content of the file that was added last.
    pub(crate) fn add_content(&mut self, path: &RelPath, size: u64) -> Result<(), Fault> {
        if size > LARGEST_FILE {
            return Err(Fault::TooMuch(Bound::File(path.clone())));
        }
        self.bytes += size;
        if self.bytes > MOST_BYTES { Err(Fault::TooMuch(Bound::Bytes)) } else { Ok(()) }
    }
}

/// A length in memory as a number of bytes.
pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn as_many_entries_as_allowed_are_taken_and_not_one_more() {
        let mut tally = Tally::default();
        for _ in 0..MOST_ENTRIES {
            assert_eq!(tally.add(&path("directory/a")), Ok(()));
        }
        assert_eq!(tally.add(&path("directory/a")), Err(Fault::TooMuch(Bound::Entries)));
    }

    #[test]
    fn long_names_are_bounded_in_all() {
        let mut tally = Tally::default();
        let long = path(&"n".repeat(1 << 20));
        for _ in 0..32 {
            assert_eq!(tally.add(&long), Ok(()));
        }
        assert_eq!(tally.add(&long), Err(Fault::TooMuch(Bound::Names)));
    }

    #[test]
    fn a_path_can_have_so_many_names_and_no_more() {
        let deep = |names: usize| path(&format!("{}file", "a/".repeat(names - 1)));
        assert_eq!(Tally::default().add(&deep(DEEPEST)), Ok(()));
        let deeper = deep(DEEPEST + 1);
        assert_eq!(Tally::default().add(&deeper), Err(Fault::TooMuch(Bound::Depth(deeper))));
    }

    #[test]
    fn each_file_and_all_of_them_are_bounded() {
        let mut tally = Tally::default();
        let file = path("directory/a");
        assert_eq!(tally.add_content(&file, LARGEST_FILE + 1), Err(Fault::TooMuch(Bound::File(file.clone()))));
        for _ in 0..MOST_BYTES / LARGEST_FILE {
            assert_eq!(tally.add_content(&file, LARGEST_FILE), Ok(()));
        }
        assert_eq!(tally.add_content(&file, 1), Err(Fault::TooMuch(Bound::Bytes)));
    }
}
