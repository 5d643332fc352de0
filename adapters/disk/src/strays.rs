//! What a program that ended in the middle of something has left behind.

use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::journal::{HIDDEN, journal_path};
use crate::operations::{EntryKind, Operations};
use crate::places::failed;

/// Removes every file of ours with a hidden name from the whole tree. Other hidden files are others', and hidden folders
/// are not looked into: nothing of ours is there. The journal must be gone.
pub(crate) fn clear_strays<O: Operations>(operations: &O) -> Result<(), FileError> {
    let mut folders = vec![None];
    while let Some(path) = folders.pop() {
        let found = clear_folder(operations, path.as_ref());
        let below =
            found.map_err(|error| failed(&path.clone().map_or_else(journal_path, TreePath::configuration), &error))?;
        let join = |name: &str| path.as_ref().map_or_else(|| RelPath::parse(name), |path| path.join(name));
        folders.extend(below.iter().filter_map(|name| join(name)).map(Some));
    }
    Ok(())
}

/// Clears one folder and says which visible folders are in it. One that is closed to us, or gone by now, holds nothing of
/// ours.
fn clear_folder<O: Operations>(operations: &O, path: Option<&RelPath>) -> io::Result<Vec<String>> {
    let folder = match operations.folder(Tree::Configuration, path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut below = Vec::new();
    for entry in operations.entries(&folder)? {
        match entry.kind {
            EntryKind::File if entry.name.starts_with(HIDDEN) => operations.remove(&folder, &entry.name)?,
            EntryKind::Folder if !entry.name.starts_with('.') => below.push(entry.name),
            _ => {}
        }
    }
    Ok(below)
}
