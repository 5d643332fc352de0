//! Writing the files of phones, each for itself: whole and durable, but never to be undone.
//!
//! There is no journal. A file is written under its hidden name, synced, and swapped with the visible one; a crash leaves
//! it old or new, and the hidden one is removed at the next start.

use std::io;

use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet};
use fsconnector_engine::files::{Damage, LeftAlone};
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{Tree, TreePath};

use crate::operations::{Found, NewAccess, Operations};
use crate::places::{Folders, Place, failed};
use crate::placing::swap;
use crate::staging::{access, clear, find, refuse_empty};

/// How often a file is written again at most while somebody else keeps writing it.
const ATTEMPTS: usize = 16;

/// Carries out the changes, durably, and says which files are damaged and stay as they are. A file that is as it should be is not
/// written.
pub(crate) fn provision<O: Operations>(
    operations: &O,
    set: &ChangeSet,
    doubted: bool,
) -> Result<Vec<LeftAlone>, FileError> {
    if let Some(change) = set.changes.iter().find(|change| !is_provisioning(change)) {
        return Err(failed(
            &change.path,
            &io::Error::other("this is not a file of a phone that can be written by itself"),
        ));
    }
    let folders = Folders::of(set.changes.len()).doubted(doubted);
    let mut writing = Writing { operations, set, folders, doubted, begun: Vec::new(), left_alone: Vec::new() };
    let done = writing.write_all();
    clear(operations, &mut writing.folders, writing.begun.iter().copied());
    done.map(|()| writing.left_alone)
}

fn is_provisioning(change: &Change) -> bool {
    change.path.tree == Tree::Static && matches!(change.kind, ChangeKind::Write(_) | ChangeKind::WriteAfresh(_))
}

struct Writing<'a, O: Operations> {
    operations: &'a O,
    set: &'a ChangeSet,
    folders: Folders<O>,
    /// Whether names that are there may not be durable yet.
    doubted: bool,
    /// The files that there may be something next to under a hidden name.
    begun: Vec<&'a TreePath>,
    left_alone: Vec<LeftAlone>,
}

/// A file whose new content is under its hidden name.
struct Staged<'a> {
    change: &'a Change,
    /// What it says now, if it is there.
    old: Option<Vec<u8>>,
    new: String,
}

impl<'a, O: Operations> Writing<'a, O> {
    fn write_all(&mut self) -> Result<(), FileError> {
        let mut staged = Vec::new();
        for change in &self.set.changes {
            self.make_folders(&change.path)?;
            staged.extend(self.stage(change)?);
        }
        if staged.is_empty() && !self.doubted {
            return Ok(());
        }
        let written = staged.len();
        if !self.folders.sync_volumes(self.operations, written)? {
            staged.iter().try_for_each(|staged| self.sync(staged.change))?;
        }
        for staged in staged {
            self.make_visible(staged)?;
        }
        self.folders.sync_names(self.operations)
    }

    fn make_folders(&mut self, path: &TreePath) -> Result<(), FileError> {
        for folder in self.folders.missing(self.operations, path)? {
            self.folders.make(self.operations, &folder, NewAccess::LikeFolder)?;
        }
        Ok(())
    }

    /// Writes the new content under the hidden name, unless the file already says it, or is to be left alone.
    fn stage(&mut self, change: &'a Change) -> Result<Option<Staged<'a>>, FileError> {
        let Some(place) = self.folders.place(self.operations, &change.path)? else {
            return Ok(self.leave_alone(change, in_the_way()));
        };
        let Ok(old) = at(change, find(self.operations, &place))? else {
            return Ok(self.leave_alone(change, in_the_way()));
        };
        let new = match self.set.content(change, old.as_ref().map(|old| &*old.content)) {
            Ok(new) => new.unwrap_or_default(),
            Err(damage) => return Ok(self.leave_alone(change, damage)),
        };
        if old.as_ref().is_some_and(|old| old.content == new.as_bytes()) {
            return Ok(None);
        }
        let access = access(change, old.as_ref());
        self.begun.push(&change.path);
        let written = refuse_empty(&new).and_then(|()| place.write_hidden(self.operations, new.as_bytes(), access));
        at(change, written)?;
        Ok(Some(Staged { change, old: old.map(|old| old.content), new }))
    }

    fn leave_alone(&mut self, change: &Change, damage: Damage) -> Option<Staged<'a>> {
        self.left_alone.push(LeftAlone { path: change.path.clone(), damage });
        None
    }

    /// Swaps the new content in. Whatever somebody has written meanwhile is read, and the file rendered anew.
    fn make_visible(&mut self, staged: Staged<'a>) -> Result<(), FileError> {
        let change = staged.change;
        let mut staged = Some(staged);
        for _ in 0..ATTEMPTS {
            let Some(Staged { old, new, .. }) = staged else { return Ok(()) };
            let place = self.folders.existing_place(self.operations, &change.path)?;
            if at(change, put_in(self.operations, &place, old, new))? {
                return Ok(());
            }
            staged = self.stage(change)?;
            if staged.is_some() {
                self.sync(change)?;
            }
        }
        Err(failed(&change.path, &io::Error::new(io::ErrorKind::ResourceBusy, "somebody keeps changing the file")))
    }

    fn sync(&mut self, change: &Change) -> Result<(), FileError> {
        let place = self.folders.existing_place(self.operations, &change.path)?;
        at(change, self.operations.sync_file(&place.folder, &place.hidden))
    }
}

/// The result of operations for a change.
fn at<T>(change: &Change, result: io::Result<T>) -> Result<T, FileError> {
    result.map_err(|error| failed(&change.path, &error))
}

/// Makes what is under the hidden name visible. Whether it could: not if somebody was faster.
fn put_in<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    old: Option<Vec<u8>>,
    new: String,
) -> io::Result<bool> {
    match old {
        Some(old) => swap(operations, place, old, new.into_bytes(), hidden_content),
        None => match operations.rename_new(&place.folder, &place.hidden, place.name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            other => other.map(|()| true),
        },
    }
}

fn hidden_content<O: Operations>(place: &Place<'_, O::Folder>, operations: &O) -> io::Result<Option<Vec<u8>>> {
    match operations.read(&place.folder, &place.hidden) {
        Ok(Found { content, .. }) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn in_the_way() -> Damage {
    Damage("something that is no plain file has its name or the name of its folder".into())
}
