//! What a program that ended in the middle of something has left behind.

use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::journal::{HIDDEN, journal_path};
use crate::operations::{EntryKind, Operations};
use crate::places::failed;
use crate::static_tree::{LINPHONES, PHONES, is_written};

/// The folders of the static tree that the program writes in. In the others are the operator's files.
const WRITTEN: [&str; 3] = [LINPHONES, PHONES, "store"];

/// Removes every file of ours with a hidden name from both trees, and every empty folder that was made for a phone. Other
/// hidden files are others'. The journal must be gone.
pub(crate) fn clear_strays<O: Operations>(operations: &O) -> Result<(), FileError> {
    clear_tree(operations, Tree::Configuration, vec![None])?;
    let written = WRITTEN.into_iter().filter_map(RelPath::parse).map(Some).collect();
    for folder in clear_tree(operations, Tree::Static, written)?.iter().filter(|folder| is_phones(folder)) {
        remove_empty(operations, folder);
    }
    Ok(())
}

/// Clears these folders and those below them, and says which are empty now.
fn clear_tree<O: Operations>(
    operations: &O,
    tree: Tree,
    mut folders: Vec<Option<RelPath>>,
) -> Result<Vec<RelPath>, FileError> {
    let mut empty = Vec::new();
    while let Some(path) = folders.pop() {
        let cleared = clear_folder(operations, tree, path.as_ref()).map_err(|error| {
            let folder = path.clone().map(|path| TreePath { tree, path });
            failed(&folder.unwrap_or_else(journal_path), &error)
        })?;
        let join = |name: &String| path.as_ref().map_or_else(|| RelPath::parse(name), |path| path.join(name));
        let below = cleared.below.iter().filter_map(join);
        folders.extend(below.filter(|path| tree == Tree::Configuration || is_written(path)).map(Some));
        empty.extend(path.filter(|_| cleared.is_empty));
    }
    Ok(empty)
}

/// What is left in a folder.
#[derive(Default)]
struct Cleared {
    /// The folders.
    below: Vec<String>,
    is_empty: bool,
}

/// Clears one folder. One that is closed to us, or gone by now, holds nothing of ours.
fn clear_folder<O: Operations>(operations: &O, tree: Tree, path: Option<&RelPath>) -> io::Result<Cleared> {
    let folder = match operations.folder(tree, path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
            return Ok(Cleared::default());
        }
        other => other?,
    };
    let mut cleared = Cleared { is_empty: true, ..Cleared::default() };
    for entry in operations.entries(&folder)? {
        match entry.kind {
            EntryKind::File if entry.name.starts_with(HIDDEN) => {
                operations.remove(&folder, &entry.name)?;
                continue;
            }
            EntryKind::Folder => cleared.below.push(entry.name),
            _ => {}
        }
        cleared.is_empty = false;
    }
    Ok(cleared)
}

/// Whether the folder is that of one phone.
fn is_phones(folder: &RelPath) -> bool {
    matches!(folder.as_str().split_once('/'), Some((LINPHONES | PHONES, name)) if !name.contains('/'))
}

/// Removes a folder, if it can be.
fn remove_empty<O: Operations>(operations: &O, path: &RelPath) {
    let Some((parent, name)) = path.as_str().rsplit_once('/') else { return };
    let parent = operations.folder(Tree::Static, RelPath::parse(parent).as_ref());
    let _ = parent.and_then(|parent| operations.remove_folder(&parent, name));
}
