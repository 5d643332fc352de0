//! All that is in a part of the configuration tree.

use std::io;

use fsconnector_engine::files::Part;
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use super::bounds::{DEEPEST, LARGEST_FILE};
use super::fault::{Bound, Fault, Odd};
use super::names::{is_file_systems, is_ours};
use crate::journal::journal_path;
use crate::operations::{Entry, EntryKind, Found, Operations};
use crate::places::failed;

/// A file or folder of the tree.
pub(crate) struct Item<'a, F> {
    /// Where it is in the tree.
    pub(crate) path: &'a RelPath,
    pub(crate) kind: ItemKind<'a, F>,
}

/// What it is, with what it is reached by.
pub(crate) enum ItemKind<'a, F> {
    Folder(&'a F),
    /// A file of this name in this folder.
    File(&'a F, &'a str),
}

/// Shows `visit` all files and folders below the folder of a part, which is `folder`: the folders before what is in them,
/// in the order of their names. The connector's own files are left out, and what belongs to the file system that the tree
/// is. Anything else is refused.
pub(crate) fn walk<O, V>(operations: &O, part: Part, folder: &O::Folder, visit: &mut V) -> Result<(), FileError>
where
    O: Operations,
    V: FnMut(Item<'_, O::Folder>) -> Result<(), FileError>,
{
    walk_folder(operations, part.folder().as_ref(), folder, visit)
}

/// Opens the folder of a part; nothing if there is none.
pub(crate) fn open<O: Operations>(operations: &O, part: Part) -> Result<Option<O::Folder>, FileError> {
    let path = part.folder();
    match operations.folder(Tree::Configuration, path.as_ref()) {
        Ok(folder) => return Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(path.as_ref(), &error)),
    }
    // What is not found need not be nothing: it, or a folder on the way to it, can be a link.
    let Some(path) = path else { return Ok(None) };
    let mut folder = operations.folder(Tree::Configuration, None).map_err(|error| unreadable(None, &error))?;
    let mut at: Option<RelPath> = None;
    for name in path.names() {
        let entries = operations.entries(&folder).map_err(|error| unreadable(at.as_ref(), &error))?;
        let Some(entry) = entries.into_iter().find(|entry| entry.name == name) else { return Ok(None) };
        let below = check(at.as_ref(), &entry)?;
        if entry.kind != EntryKind::Folder {
            return Err(Fault::NotAFolder(below).into());
        }
        match operations.folder(Tree::Configuration, Some(&below)) {
            Ok(opened) => folder = opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(Some(&below), &error)),
        }
        at = Some(below);
    }
    Ok(Some(folder))
}

/// Reads a file; nothing if somebody has removed it just now.
pub(crate) fn read_file<O: Operations>(
    operations: &O,
    path: &RelPath,
    folder: &O::Folder,
    name: &str,
) -> Result<Option<Found>, FileError> {
    match operations.read_up_to(folder, name, LARGEST_FILE) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(Fault::TooMuch(Bound::File(path.clone())).into())
        }
        Err(error) => Err(unreadable(Some(path), &error)),
    }
}

fn walk_folder<O, V>(operations: &O, path: Option<&RelPath>, folder: &O::Folder, visit: &mut V) -> Result<(), FileError>
where
    O: Operations,
    V: FnMut(Item<'_, O::Folder>) -> Result<(), FileError>,
{
    let mut entries = operations.entries(folder).map_err(|error| unreadable(path, &error))?;
    entries.retain(|entry| !(is_ours(&entry.name) || path.is_none() && is_file_systems(&entry.name)));
    entries.sort();
    for entry in entries {
        let below = check(path, &entry)?;
        if entry.kind == EntryKind::File {
            visit(Item { path: &below, kind: ItemKind::File(folder, &entry.name) })?;
            continue;
        }
        let opened = match operations.folder(Tree::Configuration, Some(&below)) {
            // Somebody has removed it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| unreadable(Some(&below), &error))?,
        };
        visit(Item { path: &below, kind: ItemKind::Folder(&opened) })?;
        walk_folder(operations, Some(&below), &opened, visit)?;
    }
    Ok(())
}

/// The path of a file or folder. Nothing else is allowed in the tree, and no name that the program cannot use.
fn check(folder: Option<&RelPath>, entry: &Entry) -> Result<RelPath, Fault> {
    let name = folder.map_or_else(|| entry.name.clone(), |folder| format!("{folder}/{}", entry.name));
    let odd = |kind| Err(Fault::Odd { name: name.clone(), kind });
    match entry.kind {
        EntryKind::File | EntryKind::Folder => {}
        EntryKind::Link => return odd(Odd::SymbolicLink),
        EntryKind::Other => return odd(Odd::Other),
        EntryKind::Nameless => return Err(Fault::UnsafeName(name)),
    }
    let path = RelPath::parse(&name).ok_or(Fault::UnsafeName(name))?;
    if path.names().count() > DEEPEST { Err(Fault::TooMuch(Bound::Depth(path))) } else { Ok(path) }
}

/// A file or folder that cannot be read; without a path it is the tree's own folder.
pub(crate) fn unreadable(path: Option<&RelPath>, error: &io::Error) -> FileError {
    failed(&path.cloned().map_or_else(journal_path, TreePath::configuration), error)
}
