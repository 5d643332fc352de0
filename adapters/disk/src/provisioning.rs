//! Writing the files of phones, each for itself: whole, but never to be undone.
//!
//! There is no journal. All files of a work are written under hidden names, synced at once, and swapped with the visible
//! ones one by one: whatever happens, each is old or new, and the hidden ones are removed at the next start. What is
//! visible is durable with the names in the folders only. These become so later, with those of many works at once; until
//! then the power can be lost and a file be the old one again.

use std::io;

use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Refusal};
use fsconnector_engine::files::{Damage, LeftAlone};
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{Tree, TreePath};

use crate::checking::refuse_twice;
use crate::operations::{Found, NewAccess, Operations};
use crate::places::{Folders, Place, Trouble, failed};
use crate::placing::swap;
use crate::staging::{access, clear, find, refuse_empty};

/// How often a file is written again at most while somebody else keeps writing it.
const ATTEMPTS: usize = 16;

/// What came of the changes.
#[derive(Debug, Default)]
pub(crate) struct Provisioned {
    /// The files that stay as they are: they are damaged, or cannot be written.
    pub(crate) left_alone: Vec<LeftAlone>,
    /// Whether there are names now that may not be durable.
    pub(crate) has_written: bool,
}

/// Carries out the changes. A file that is as it should be is not written; one that cannot be written does not keep the
/// others from it, unless they could not be written either.
pub(crate) fn provision<O: Operations>(operations: &O, set: &ChangeSet) -> Result<Provisioned, FileError> {
    let Some(first) = set.changes.first() else { return Ok(Provisioned::default()) };
    if let Some(change) = set.changes.iter().find(|change| !is_provisioning(change)) {
        let reason = "this is not a file of a phone that can be written by itself";
        return Err(failed(&change.path, &io::Error::other(reason)));
    }
    refuse_twice(set.changes.iter().map(|change| &change.path))?;
    operations.folder(Tree::Static, None).map_err(|error| failed(&first.path, &error))?;
    let folders = Folders::of_some(set.changes.len());
    let mut writing = Writing { operations, set, folders, begun: Vec::new(), done: Provisioned::default() };
    let written = writing.write_all();
    clear(operations, &mut writing.folders, writing.begun.iter().copied());
    written.map(|()| writing.done)
}

fn is_provisioning(change: &Change) -> bool {
    change.path.tree == Tree::Static && matches!(change.kind, ChangeKind::Write(_) | ChangeKind::WriteAfresh(_))
}

struct Writing<'a, O: Operations> {
    operations: &'a O,
    set: &'a ChangeSet,
    folders: Folders<O>,
    /// The files that there may be something next to under a hidden name.
    begun: Vec<&'a TreePath>,
    done: Provisioned,
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
            let result = self.stage(change);
            staged.extend(self.unless_in_trouble(change, result)?.flatten());
        }
        for staged in self.sync_contents(staged)? {
            let change = staged.change;
            let result = self.make_visible(staged);
            self.unless_in_trouble(change, result)?;
        }
        Ok(())
    }

    /// What came of a step; nothing if the file of the change is left alone for what failed.
    fn unless_in_trouble<T>(&mut self, change: &Change, result: Result<T, Trouble>) -> Result<Option<T>, FileError> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(trouble) if trouble.is_everywhere() => Err(trouble.into()),
            Err(trouble) => {
                self.leave_alone(change, not_written(change, &trouble));
                Ok(None)
            }
        }
    }

    fn leave_alone(&mut self, change: &Change, damage: Damage) {
        self.done.left_alone.push(LeftAlone { path: change.path.clone(), damage });
    }

    /// Writes the new content under the hidden name, unless the file already says it, or is to be left alone.
    fn stage(&mut self, change: &'a Change) -> Result<Option<Staged<'a>>, Trouble> {
        self.make_folders(&change.path)?;
        let Some(place) = self.folders.place(self.operations, &change.path)? else {
            self.leave_alone(change, in_the_way(Refusal::Occupied));
            return Ok(None);
        };
        let old = match at(change, find(self.operations, &place))? {
            Ok(old) => old,
            Err(refusal) => {
                self.leave_alone(change, in_the_way(refusal));
                return Ok(None);
            }
        };
        let new = match self.set.content(change, old.as_ref().map(|old| &*old.content)) {
            Ok(new) => new.unwrap_or_default(),
            Err(damage) => {
                self.leave_alone(change, damage);
                return Ok(None);
            }
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

    fn make_folders(&mut self, path: &TreePath) -> Result<(), Trouble> {
        for folder in self.folders.missing(self.operations, path)? {
            self.done.has_written = true;
            self.folders.make(self.operations, &folder, NewAccess::LikeFolder)?;
        }
        Ok(())
    }

    /// Makes the new contents durable; which of them are is said.
    fn sync_contents(&mut self, staged: Vec<Staged<'a>>) -> Result<Vec<Staged<'a>>, FileError> {
        if self.folders.sync_volumes(self.operations, staged.len())? {
            return Ok(staged);
        }
        let mut durable = Vec::new();
        for staged in staged {
            let result = self.sync(staged.change);
            durable.extend(self.unless_in_trouble(staged.change, result)?.map(|()| staged));
        }
        Ok(durable)
    }

    /// Swaps the new content in. Whatever somebody has written meanwhile is read, and the file rendered anew.
    fn make_visible(&mut self, staged: Staged<'a>) -> Result<(), Trouble> {
        self.done.has_written = true;
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
        at(change, Err(io::Error::new(io::ErrorKind::ResourceBusy, "somebody keeps changing the file")))
    }

    fn sync(&mut self, change: &Change) -> Result<(), Trouble> {
        let place = self.folders.existing_place(self.operations, &change.path)?;
        at(change, self.operations.sync_file(&place.folder, &place.hidden))
    }
}

/// The result of operations for a change.
fn at<T>(change: &Change, result: io::Result<T>) -> Result<T, Trouble> {
    result.map_err(|error| Trouble { path: change.path.clone(), error })
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

/// A change set that needs this file is refused in the same words.
fn in_the_way(refusal: Refusal) -> Damage {
    Damage(refusal.to_string())
}

fn not_written(change: &Change, Trouble { path, error }: &Trouble) -> Damage {
    if *path == change.path {
        Damage(format!("it cannot be written: {error}"))
    } else {
        Damage(format!("it cannot be written: {path}: {error}"))
    }
}
