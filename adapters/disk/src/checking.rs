//! What comes before a commit: looking whether every file is as its change needs it. Nothing is written here.

use std::collections::BTreeSet;
use std::io;

use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Loss, Refusal};
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::TreePath;

use crate::fingerprint::Fingerprint;
use crate::journal::HIDDEN;
use crate::operations::{Entry, EntryKind, Found, Operations};
use crate::places::{Folders, LONGEST_NAME, failed};

/// What there is to do for a change set.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    pub(crate) tasks: Vec<Task<'a>>,
    /// The folders that have to be made first, from the root down.
    pub(crate) missing: Vec<TreePath>,
    /// The folders that go when nothing is in them any more, from the root down.
    pub(crate) leaving: Vec<TreePath>,
}

/// What there is to do with one file.
pub(crate) enum Task<'a> {
    /// A change that may be made, and the file that it replaces or removes.
    Checked(&'a Change, Option<Old>),
    /// A file that is written whatever it says now.
    Write(&'a Change),
    /// A file that goes with its folder.
    Remove(TreePath, Fingerprint),
}

/// A file that is replaced or removed.
pub(crate) struct Old {
    pub(crate) found: Found,
    loss: Loss,
}

impl Task<'_> {
    /// The file.
    pub(crate) fn path(&self) -> &TreePath {
        match self {
            Self::Checked(change, _) | Self::Write(change) => &change.path,
            Self::Remove(path, _) => path,
        }
    }
}

impl Plan<'_> {
    /// The files that somebody has added something to by hand, which the changes drop.
    pub(crate) fn dropped(&self) -> Vec<TreePath> {
        let loses = |task: &&Task<'_>| matches!(task, Task::Checked(_, Some(old)) if old.loss == Loss::Extras);
        self.tasks.iter().filter(loses).map(|task| task.path().clone()).collect()
    }
}

/// Checks every change of the set.
pub(crate) fn check<'a, O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    set: &'a ChangeSet,
) -> Result<Plan<'a>, FileError> {
    refuse_twice(set.changes.iter().map(|change| &change.path))?;
    let (mut plan, mut refused) = (Plan::default(), Vec::new());
    let mut missing = BTreeSet::new();
    for change in &set.changes {
        match &change.kind {
            ChangeKind::Write(_) | ChangeKind::WriteAfresh(_) => {
                missing.extend(folders.missing(operations, &change.path)?);
                plan.tasks.push(Task::Write(change));
            }
            ChangeKind::RemoveFolder => empty(operations, folders, set, &change.path, &mut plan)?,
            _ => match check_one(operations, folders, set, change)? {
                Ok(old) => plan.tasks.push(Task::Checked(change, old)),
                Err(refusal) => refused.push((change.path.clone(), refusal)),
            },
        }
    }
    plan.missing.extend(missing);
    // One folder that goes can be in another one.
    refuse_twice(plan.leaving.iter().chain(plan.tasks.iter().map(Task::path)))?;
    if refused.is_empty() { Ok(plan) } else { Err(FileError::Refused(refused)) }
}

/// Refuses a set in which anything is to change twice: what would be put back after the second time is not what was there
/// before the first.
pub(crate) fn refuse_twice<'p>(paths: impl Iterator<Item = &'p TreePath>) -> Result<(), FileError> {
    let mut known = BTreeSet::new();
    for path in paths {
        if !known.insert(path) {
            return Err(failed(path, &io::Error::other("it is in the change set twice")));
        }
    }
    Ok(())
}

/// The file that is replaced or removed, or why it may not be.
fn check_one<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    set: &ChangeSet,
    change: &Change,
) -> Result<Result<Option<Old>, Refusal>, FileError> {
    let path = &change.path;
    // With the file itself its folder can be missing, but where one is made it has to be there.
    let place = match change.kind {
        ChangeKind::Replace(..) | ChangeKind::Remove(_) => folders.place(operations, path)?,
        _ => Some(folders.existing_place(operations, path)?),
    };
    let Some(place) = place else { return Ok(Err(Refusal::Missing)) };
    let found = match change.kind {
        ChangeKind::Create(_) => None,
        _ => match operations.read(&place.folder, place.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.map_err(|error| failed(path, &error))?),
        },
    };
    if let Some(found) = found {
        return Ok(set.accepts(change, &found.content).map(|loss| Some(Old { found, loss })));
    }
    let is_free = || operations.exists(&place.folder, place.name).map(|exists| !exists);
    Ok(match change.kind {
        ChangeKind::Create(_) if is_free().map_err(|error| failed(path, &error))? => Ok(None),
        ChangeKind::Create(_) => Err(Refusal::Occupied),
        ChangeKind::Rebuild(_) if is_free().map_err(|error| failed(path, &error))? => Ok(None),
        ChangeKind::Rebuild(_) => Err(Refusal::NotItsOwn),
        _ => Err(Refusal::Missing),
    })
}

/// Plans the removal of a folder and of what is below it. What is no plain file stays, and so does a file whose name is
/// not one of ours or too long for a hidden one next to it; the folder stays with it.
fn empty<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    set: &ChangeSet,
    folder: &TreePath,
    plan: &mut Plan<'_>,
) -> Result<(), FileError> {
    let changed: BTreeSet<&TreePath> = set.changes.iter().map(|change| &change.path).collect();
    let mut waiting = vec![folder.clone()];
    while let Some(folder) = waiting.pop() {
        let opened = match folders.open(operations, &(folder.tree, Some(folder.path.clone()))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| failed(&folder, &error))?,
        };
        let entries = operations.entries(&opened).map_err(|error| failed(&folder, &error))?;
        for Entry { name, kind } in entries {
            let Some(path) = folder.path.join(&name).map(|path| TreePath { tree: folder.tree, path }) else { continue };
            match kind {
                EntryKind::Folder => waiting.push(path),
                EntryKind::File if changed.contains(&path) || !is_ordinary(&name) => {}
                EntryKind::File => match operations.read(&opened, &name) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(&path, &error)),
                    Ok(found) => plan.tasks.push(Task::Remove(path, Fingerprint::of(&found.content))),
                },
                EntryKind::Link | EntryKind::Other | EntryKind::Nameless => {}
            }
        }
        plan.leaving.push(folder);
    }
    Ok(())
}

fn is_ordinary(name: &str) -> bool {
    !name.starts_with(HIDDEN) && name.len() <= LONGEST_NAME
}
