//! The folders of phones in the static tree, and how the names in them become durable.

use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::mac::Mac;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::operations::{EntryKind, Operations};
use crate::places::failed;

/// The folder with the files of every Linphone.
pub(crate) const LINPHONES: &str = "linphone";

/// The folder with the files of all other phones.
pub(crate) const PHONES: &str = "polycom";

/// Whether the program writes in this folder below those of phones. Next to the phones' own the operator keeps other ones.
pub(crate) fn is_written(folder: &RelPath) -> bool {
    let mut names = folder.names();
    names.next() != Some(PHONES) || names.next().is_none_or(|name| Mac::parse(name).is_some())
}

/// Makes the names of all phones' files durable. A folder that is closed to us is passed over: whoever changes something in
/// it is told.
pub(crate) fn sync_static_tree<O: Operations>(operations: &O) -> Result<(), FileError> {
    let mut volumes = O::Volumes::default();
    for folder in tops() {
        let added = match open(operations, folder.as_ref()) {
            Ok(Some(opened)) => operations.add_volume(&mut volumes, &opened),
            other => other.map(drop),
        };
        added.map_err(|error| failed(&shown(folder), &error))?;
    }
    match operations.sync_volumes(&volumes) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => sync_singly(operations),
        other => other.map_err(|error| failed(&shown(None), &error)),
    }
}

/// Syncs folder by folder.
fn sync_singly<O: Operations>(operations: &O) -> Result<(), FileError> {
    let mut folders: Vec<Option<RelPath>> = tops().collect();
    while let Some(folder) = folders.pop() {
        let below = sync_folder(operations, folder.as_ref()).map_err(|error| failed(&shown(folder), &error))?;
        folders.extend(below.into_iter().map(Some));
    }
    Ok(())
}

/// Syncs one folder, and says which ones in it are next.
fn sync_folder<O: Operations>(operations: &O, path: Option<&RelPath>) -> io::Result<Vec<RelPath>> {
    let Some(folder) = open(operations, path)? else { return Ok(Vec::new()) };
    operations.sync_folder(&folder)?;
    // In the tree's own there are others' folders, too.
    let Some(path) = path else { return Ok(Vec::new()) };
    let mut below = Vec::new();
    for entry in operations.entries(&folder)? {
        if entry.kind == EntryKind::Folder {
            below.extend(path.join(&entry.name).filter(is_written));
        }
    }
    Ok(below)
}

/// The tree's own folder, and those in it that hold phones' files: they can be on file systems of their own.
fn tops() -> impl Iterator<Item = Option<RelPath>> {
    [None, RelPath::parse(LINPHONES), RelPath::parse(PHONES)].into_iter()
}

/// Opens a folder; nothing if it is not there or closed to us.
fn open<O: Operations>(operations: &O, path: Option<&RelPath>) -> io::Result<Option<O::Folder>> {
    match operations.folder(Tree::Static, path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        other => other.map(Some),
    }
}

/// The folder in messages. The tree's own has no name there.
#[expect(clippy::expect_used, reason = "the name is a plain one")]
fn shown(folder: Option<RelPath>) -> TreePath {
    TreePath::in_static(folder.unwrap_or_else(|| RelPath::parse(LINPHONES).expect("a plain name")))
}
