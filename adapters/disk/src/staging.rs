//! The first half of a commit: looking whether every file is as its change needs it, and writing the new contents under
//! hidden names. No visible file is touched here.

use std::io;

use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Loss, Refusal};
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::TreePath;

use crate::fingerprint::Fingerprint;
use crate::journal::{Journal, Step, StepKind};
use crate::operations::{Found, NewAccess, Operations};
use crate::places::{Folders, Place, failed};

/// Up to so many files are synced one by one; more with their whole file system, which costs less then, but waits for
/// what others are writing there.
const SYNCED_SINGLY: usize = 64;

/// A change that may be made, and the file as it is now.
pub(crate) struct Checked<'a> {
    change: &'a Change,
    old: Option<Old>,
}

/// A file that is replaced or removed.
struct Old {
    found: Found,
    loss: Loss,
}

/// Checks every change of the set.
pub(crate) fn check<'a, O: Operations>(
    operations: &O,
    folders: &Folders<O::Folder>,
    set: &'a ChangeSet,
) -> Result<Vec<Checked<'a>>, FileError> {
    let mut checked = Vec::with_capacity(set.changes.len());
    let mut refused = Vec::new();
    for change in &set.changes {
        match check_one(operations, folders, set, change)? {
            Ok(old) => checked.push(Checked { change, old }),
            Err(refusal) => refused.push((change.path.clone(), refusal)),
        }
    }
    if refused.is_empty() { Ok(checked) } else { Err(FileError::Refused(refused)) }
}

/// The files that somebody has added something to by hand, which the changes drop.
pub(crate) fn dropped(checked: &[Checked<'_>]) -> Vec<TreePath> {
    let loses = |checked: &&Checked<'_>| checked.old.as_ref().is_some_and(|old| old.loss == Loss::Extras);
    checked.iter().filter(loses).map(|checked| checked.change.path.clone()).collect()
}

/// The file that is replaced or removed, or why it may not be.
fn check_one<O: Operations>(
    operations: &O,
    folders: &Folders<O::Folder>,
    set: &ChangeSet,
    change: &Change,
) -> Result<Result<Option<Old>, Refusal>, FileError> {
    let path = &change.path;
    if let ChangeKind::Create(_) = change.kind {
        let place = folders.existing_place(path)?;
        let occupied = operations.exists(place.folder, place.name).map_err(|error| failed(path, &error))?;
        return Ok(if occupied { Err(Refusal::Occupied) } else { Ok(None) });
    }
    let Some(place) = folders.place(path) else { return Ok(Err(Refusal::Missing)) };
    match operations.read(place.folder, place.name) {
        Ok(found) => Ok(set.accepts(change, &found.content).map(|loss| Some(Old { found, loss }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(Refusal::Missing)),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Writes the new contents next to the files they are for, makes them and the old ones durable, and says what there is
/// to do. When it fails nothing is left behind.
pub(crate) fn stage<O: Operations>(
    operations: &O,
    folders: &Folders<O::Folder>,
    set: &ChangeSet,
    checked: &[Checked<'_>],
) -> Result<Journal, FileError> {
    let staged = write_all(operations, folders, set, checked);
    if staged.is_err() {
        for Checked { change, .. } in checked {
            // What cannot be removed now is removed by the next change of that file, or at the next start.
            let _ = folders.place(&change.path).map(|place| place.clear(operations));
        }
    }
    staged
}

fn write_all<O: Operations>(
    operations: &O,
    folders: &Folders<O::Folder>,
    set: &ChangeSet,
    checked: &[Checked<'_>],
) -> Result<Journal, FileError> {
    let syncing = Syncing::start(operations, folders, checked)?;
    let mut journal = Journal::default();
    for Checked { change, old } in checked {
        let path = &change.path;
        let place = folders.existing_place(path)?;
        let write = {
            let old = old.as_ref().map(|old| &old.found);
            let content = set.content(change, old.map(|old| &*old.content));
            let content = content.map_err(|damage| failed(path, &io::Error::other(damage.to_string())))?;
            write_new(operations, &place, content, old)
        };
        let kind = write.map_err(|error| failed(path, &error))?;
        journal.steps.extend(kind.map(|kind| Step { path: path.clone(), kind }));
    }
    syncing.finish(operations, folders, checked, &journal)?;
    Ok(journal)
}

/// Writes one new content, if it is one, and says what the step is; nothing if the file already is as it should be.
fn write_new<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    content: Option<String>,
    old: Option<&Found>,
) -> io::Result<Option<StepKind>> {
    let old_print = old.map(|old| Fingerprint::of(&old.content));
    let Some(content) = content else { return Ok(old_print.map(|old| StepKind::Remove { old })) };
    if content.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the template makes an empty file of it"));
    }
    if old.is_some_and(|old| old.content == content.as_bytes()) {
        return Ok(None);
    }
    let access = old.map_or(NewAccess::LikeFolder, |old| NewAccess::Like(old.access));
    let write = || operations.write_new(place.folder, &place.hidden, content.as_bytes(), access);
    match write() {
        // Something that an earlier change could not remove.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            place.clear(operations)?;
            write()?;
        }
        other => other?,
    }
    let new = Fingerprint::of(content.as_bytes());
    Ok(Some(old_print.map_or(StepKind::Create { new }, |old| StepKind::Replace { old, new })))
}

/// How contents are made durable.
enum Syncing<V> {
    Singly,
    /// With the file systems they are on, opened before the first write.
    Together(V),
}

impl<V> Syncing<V> {
    fn start<O>(operations: &O, folders: &Folders<O::Folder>, checked: &[Checked<'_>]) -> Result<Self, FileError>
    where
        O: Operations<Volumes = V>,
    {
        let Some(first) = checked.get(SYNCED_SINGLY) else { return Ok(Self::Singly) };
        let volumes = operations.volumes(&folders.all());
        volumes.map(Self::Together).map_err(|error| failed(&first.change.path, &error))
    }

    /// Makes new and old contents durable: the old ones may have to be put back after a power cut, and who wrote them
    /// need not have synced them.
    fn finish<O>(
        self,
        operations: &O,
        folders: &Folders<O::Folder>,
        checked: &[Checked<'_>],
        journal: &Journal,
    ) -> Result<(), FileError>
    where
        O: Operations<Volumes = V>,
    {
        if let (Self::Together(volumes), Some(first)) = (self, checked.first()) {
            match operations.sync_volumes(&volumes) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                other => return other.map_err(|error| failed(&first.change.path, &error)),
            }
        }
        for step in &journal.steps {
            if !matches!(step.kind, StepKind::Remove { .. }) {
                let place = folders.existing_place(&step.path)?;
                sync(operations, &place, &place.hidden, &step.path)?;
            }
        }
        for Checked { change, .. } in checked.iter().filter(|checked| checked.old.is_some()) {
            let place = folders.existing_place(&change.path)?;
            sync(operations, &place, place.name, &change.path)?;
        }
        // What an earlier change set had under the same hidden names must not come back when the power is lost: recovery
        // would take it for what somebody wrote.
        folders.sync(operations)
    }
}

fn sync<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    name: &str,
    path: &TreePath,
) -> Result<(), FileError> {
    operations.sync_file(place.folder, name).map_err(|error| failed(path, &error))
}
