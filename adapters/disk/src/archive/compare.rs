//! What of the tree is not as an archive says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use fsconnector_engine::files::Part;
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree};

use super::fault::{Bound, Fault};
use super::walk::{Item, ItemKind, open, read_file, unreadable, walk};
use super::wanted::{Thing, Wanted, parents};
use crate::fingerprint::Fingerprint;
use crate::operations::{Access, Found, Operations};
use crate::places::LONGEST_NAME;

/// The differences between a part of the tree and its archive.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    pub(crate) files: BTreeMap<RelPath, Difference>,
    /// The files that are as they should be.
    pub(crate) unchanged: Vec<RelPath>,
    /// The folders that are missing, from the root down, with their permission bits if the archive says.
    pub(crate) missing: BTreeMap<RelPath, Option<u32>>,
    /// The folders whose permission bits differ: these, and those of the archive.
    pub(crate) modes: BTreeMap<RelPath, (u32, u32)>,
    /// The folders that are not in the archive, from the root down.
    pub(crate) leaving: Vec<RelPath>,
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// There is none.
    Missing { mode: u32 },
    /// There is one with another content.
    Content { old: Fingerprint, access: Access },
    /// There is one with this content, but with other permission bits.
    Mode { old: Fingerprint, access: Access },
    /// There is one, and it is not in the archive.
    Leaving { old: Fingerprint },
}

/// Compares all of a part with what is wanted of it.
pub(crate) fn compare<O: Operations>(operations: &O, part: Part, wanted: &Wanted) -> Result<Differences, FileError> {
    let mut comparison = Comparison { wanted, differences: Differences::default(), present: BTreeSet::new() };
    match open(operations, part)? {
        Some(folder) => {
            comparison.present.extend(part.folder().iter().flat_map(parents));
            if let Some(path) = part.folder() {
                let mode = match wanted.get(&path) {
                    Some(Thing::Folder { mode }) => *mode,
                    _ => None,
                };
                comparison.see_folder(operations, &path, &folder, mode)?;
            }
            walk(operations, part, &folder, &mut |item| comparison.see(operations, &item))?;
        }
        None => {
            for parent in part.folder().iter().flat_map(parents) {
                if is_folder(operations, &parent)? {
                    comparison.present.insert(parent);
                }
            }
        }
    }
    let differences = comparison.finish();
    match differences.files.keys().find(|path| path.file_name().len() > LONGEST_NAME) {
        // There has to be a hidden name next to it.
        Some(path) => Err(Fault::TooMuch(Bound::Name(path.clone())).into()),
        None => Ok(differences),
    }
}

struct Comparison<'a> {
    wanted: &'a Wanted,
    differences: Differences,
    /// What is wanted and there, be it as it should be or not.
    present: BTreeSet<RelPath>,
}

impl Comparison<'_> {
    fn see<O: Operations>(&mut self, operations: &O, item: &Item<'_, O::Folder>) -> Result<(), FileError> {
        let path = item.path;
        match (self.wanted.get(path), &item.kind) {
            (Some(Thing::Folder { mode }), ItemKind::Folder(folder)) => {
                self.see_folder(operations, path, folder, *mode)?;
            }
            (None, ItemKind::Folder(_)) => self.differences.leaving.push(path.clone()),
            (Some(Thing::File { content, mode }), ItemKind::File(folder, name)) => {
                let Some(found) = read_file(operations, path, folder, name)? else { return Ok(()) };
                self.present.insert(path.clone());
                match differ(&found, *content, *mode) {
                    Some(difference) => drop(self.differences.files.insert(path.clone(), difference)),
                    None => self.differences.unchanged.push(path.clone()),
                }
            }
            (None, ItemKind::File(folder, name)) => {
                let Some(found) = read_file(operations, path, folder, name)? else { return Ok(()) };
                let leaving = Difference::Leaving { old: Fingerprint::of(&found.content) };
                self.differences.files.insert(path.clone(), leaving);
            }
            (Some(Thing::File { .. }), ItemKind::Folder(_)) | (Some(Thing::Folder { .. }), ItemKind::File(..)) => {
                return Err(Fault::OtherKind(path.clone()).into());
            }
        }
        Ok(())
    }

    fn see_folder<O: Operations>(
        &mut self,
        operations: &O,
        path: &RelPath,
        folder: &O::Folder,
        wanted: Option<u32>,
    ) -> Result<(), FileError> {
        self.present.insert(path.clone());
        let is = operations.folder_access(folder).map_err(|error| unreadable(Some(path), &error))?.mode;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
            self.differences.modes.insert(path.clone(), (is, wanted));
        }
        Ok(())
    }

    fn finish(mut self) -> Differences {
        for (path, thing) in self.wanted.iter().filter(|(path, _)| !self.present.contains(*path)) {
            match thing {
                Thing::Folder { mode } => drop(self.differences.missing.insert(path.clone(), *mode)),
                Thing::File { mode, .. } => {
                    self.differences.files.insert(path.clone(), Difference::Missing { mode: *mode });
                }
            }
        }
        self.differences
    }
}

fn differ(found: &Found, content: Fingerprint, mode: u32) -> Option<Difference> {
    let old = Fingerprint::of(&found.content);
    let access = Access { mode, ..found.access };
    if old != content {
        return Some(Difference::Content { old, access });
    }
    (found.access.mode != mode).then(|| Difference::Mode { old: Fingerprint::with_mode(found), access })
}

fn is_folder<O: Operations>(operations: &O, path: &RelPath) -> Result<bool, FileError> {
    match operations.folder(Tree::Configuration, Some(path)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(Some(path), &error)),
    }
}
