//! The first half of a commit: writing the new contents under hidden names. No visible file is touched here.

use std::io;

use fsconnector_engine::change_set::{Change, ChangeSet, Refusal};
use fsconnector_engine::files::LeftAlone;
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{Tree, TreePath};

use crate::checking::{Plan, Task};
use crate::fingerprint::Fingerprint;
use crate::journal::{Step, StepKind};
use crate::operations::{Access, Found, NewAccess, Operations};
use crate::places::{Folders, HELD_OPEN, Place, failed};

/// What is staged.
#[derive(Default)]
pub(crate) struct Staged {
    pub(crate) steps: Vec<Step>,
    /// The damaged files, for which nothing is staged.
    pub(crate) left_alone: Vec<LeftAlone>,
    /// Files that are as they should be.
    unchanged: Vec<TreePath>,
    refused: Vec<(TreePath, Refusal)>,
}

/// Writes the new contents next to the files they are for, makes them and the old ones durable, and says what there is
/// to do. When it fails nothing is left behind.
pub(crate) fn stage<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    set: &ChangeSet,
    plan: &Plan<'_>,
) -> Result<Staged, FileError> {
    let staged = write_all(operations, folders, set, plan);
    if staged.is_err() {
        clear(operations, folders, plan.tasks.iter().map(Task::path));
    }
    staged
}

/// Removes what is under the hidden names next to these files. What cannot be removed now is removed by the next change of
/// that file, or at the next start.
pub(crate) fn clear<'p, O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    paths: impl Iterator<Item = &'p TreePath>,
) {
    let mut places = Vec::new();
    for path in paths {
        places.extend(folders.place(operations, path).ok().flatten());
        if places.len() >= HELD_OPEN {
            remove_hidden(operations, &places);
            places.clear();
        }
    }
    remove_hidden(operations, &places);
}

fn remove_hidden<O: Operations>(operations: &O, places: &[Place<'_, O::Folder>]) {
    let hidden: Vec<(&O::Folder, &str)> = places.iter().map(|place| (&*place.folder, &*place.hidden)).collect();
    operations.remove_all(&hidden);
}

fn write_all<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    set: &ChangeSet,
    plan: &Plan<'_>,
) -> Result<Staged, FileError> {
    let mut staged = Staged::default();
    for task in &plan.tasks {
        match task {
            Task::Checked(change, old) => {
                let place = folders.existing_place(operations, &change.path)?;
                staged.write(operations, &place, set, change, old.as_ref().map(|old| &old.found))?;
            }
            Task::Write(change) => {
                let Some(place) = folders.place(operations, &change.path)? else {
                    // A link or a file has the name of its folder.
                    staged.refused.push((change.path.clone(), Refusal::Occupied));
                    continue;
                };
                match find(operations, &place).map_err(|error| failed(&change.path, &error))? {
                    Ok(old) => staged.write(operations, &place, set, change, old.as_ref())?,
                    Err(refusal) => staged.refused.push((change.path.clone(), refusal)),
                }
            }
            Task::Remove(path, old) => {
                staged.steps.push(Step { path: path.clone(), kind: StepKind::Remove { old: *old } });
            }
        }
    }
    if !staged.refused.is_empty() {
        return Err(FileError::Refused(staged.refused));
    }
    make_durable(operations, folders, &staged.steps, &staged.unchanged)?;
    Ok(staged)
}

/// The plain file that is there, if there is anything.
pub(crate) fn find<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
) -> io::Result<Result<Option<Found>, Refusal>> {
    match operations.read(&place.folder, place.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let in_the_way = operations.exists(&place.folder, place.name)?;
            Ok(if in_the_way { Err(Refusal::Occupied) } else { Ok(None) })
        }
        other => other.map(|found| Ok(Some(found))),
    }
}

impl Staged {
    /// Writes one new content, if it is one.
    fn write<O: Operations>(
        &mut self,
        operations: &O,
        place: &Place<'_, O::Folder>,
        set: &ChangeSet,
        change: &Change,
        old: Option<&Found>,
    ) -> Result<(), FileError> {
        let path = change.path.clone();
        let old_print = old.map(|old| Fingerprint::of(&old.content));
        let content = match set.content(change, old.map(|old| &*old.content)) {
            Ok(Some(content)) => content,
            Ok(None) => {
                self.steps.extend(old_print.map(|old| Step { path, kind: StepKind::Remove { old } }));
                return Ok(());
            }
            Err(damage) => {
                self.left_alone.push(LeftAlone { path, damage });
                return Ok(());
            }
        };
        if old.is_some_and(|old| old.content == content.as_bytes()) {
            self.unchanged.push(path);
            return Ok(());
        }
        let written = refuse_empty(&content)
            .and_then(|()| place.write_hidden(operations, content.as_bytes(), access(change, old)));
        written.map_err(|error| failed(&path, &error))?;
        let new = Fingerprint::of(content.as_bytes());
        let kind = old_print.map_or(StepKind::Create { new }, |old| StepKind::Replace { old, new });
        self.steps.push(Step { path, kind });
        Ok(())
    }
}

pub(crate) fn refuse_empty(content: &str) -> io::Result<()> {
    if content.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the template makes an empty file of it"));
    }
    Ok(())
}

/// Who may read and write the new file: a file of the switch is as open as its folder, for the switch can run as another
/// user; one for a phone is served by this program only.
pub(crate) fn access(change: &Change, old: Option<&Found>) -> NewAccess {
    match (old, change.path.tree) {
        (Some(old), Tree::Configuration) => NewAccess::Like(old.access),
        (Some(old), Tree::Static) => NewAccess::Like(closed(old.access)),
        (None, Tree::Configuration) => NewAccess::LikeFolder,
        (None, Tree::Static) => NewAccess::LikeFolderClosed,
    }
}

/// The same access, but for those who are neither the owner nor in the group.
pub(crate) fn closed(access: Access) -> Access {
    Access { mode: access.mode & 0o770, ..access }
}

/// Makes staged contents durable, and the old ones: these may have to be put back after a power cut, and who wrote them
/// need not have synced them. The same goes for files that stay `unchanged`.
pub(crate) fn make_durable<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    steps: &[Step],
    unchanged: &[TreePath],
) -> Result<(), FileError> {
    if folders.sync_volumes(operations, steps.len() + unchanged.len())? {
        return Ok(());
    }
    for Step { path, kind } in steps {
        let place = folders.existing_place(operations, path)?;
        if !matches!(kind, StepKind::Remove { .. }) {
            sync(operations, &place, &place.hidden, path)?;
        }
        if !matches!(kind, StepKind::Create { .. }) {
            sync(operations, &place, place.name, path)?;
        }
    }
    for path in unchanged {
        let place = folders.existing_place(operations, path)?;
        sync(operations, &place, place.name, path)?;
    }
    // What an earlier change set had under the same hidden names must not come back when the power is lost: recovery
    // would take it for what somebody wrote.
    folders.sync_names(operations)
}

fn sync<O: Operations>(
    operations: &O,
    place: &Place<'_, O::Folder>,
    name: &str,
    path: &TreePath,
) -> Result<(), FileError> {
    operations.sync_file(&place.folder, name).map_err(|error| failed(path, &error))
}
