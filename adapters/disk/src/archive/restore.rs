//! Putting a part of the tree in the state that its archive holds: what there is to do, as steps of a change set.
//!
//! The archive is gone through twice. The first time everything is checked, and compared with the tree; only then, the
//! second time, is anything written: what differs, under hidden names next to the files it is for.

use fsconnector_engine::files::{FileError, Part};
use fsconnector_engine::path::{RelPath, TreePath};

use super::compare::{Difference, Differences, compare};
use super::read::{Member, read};
use super::shelf::take;
use super::wanted::survey;
use crate::fingerprint::Fingerprint;
use crate::folder_modes::FolderMode;
use crate::journal::{Journal, Step, StepKind};
use crate::operations::{NewAccess, Operations};
use crate::places::{Folders, failed};
use crate::staging::{clear, make_durable};

/// A part that is being restored.
pub(crate) struct Restoration {
    part: Part,
    packed: Vec<u8>,
    differences: Differences,
}

impl Restoration {
    /// Checks the archive of a part and compares it with the tree. Nothing is written.
    pub(crate) fn plan<O: Operations>(operations: &O, part: Part) -> Result<Self, FileError> {
        let packed = take(operations, part)?;
        let wanted = survey(&packed, part)?;
        let differences = compare(operations, part, &wanted)?;
        Ok(Self { part, packed, differences })
    }

    /// What has to be put back before any file is changed.
    pub(crate) fn journal(&self) -> Journal {
        let made = self.differences.missing.keys().cloned().map(TreePath::configuration);
        let leaving = self.differences.leaving.iter().cloned().map(TreePath::configuration);
        let modes = self.differences.modes.iter().map(|(path, (old, new))| FolderMode {
            path: TreePath::configuration(path.clone()),
            old: *old,
            new: fillable(*new),
        });
        Journal { steps: Vec::new(), made: made.collect(), modes: modes.collect(), leaving: leaving.collect() }
    }

    /// How many files are looked at.
    pub(crate) fn files(&self) -> usize {
        self.differences.files.len() + self.differences.unchanged.len()
    }

    /// Who may list and change a folder that is made.
    pub(crate) fn folder_access(&self, folder: &TreePath) -> NewAccess {
        let mode = self.differences.missing.get(&folder.path).copied().flatten();
        mode.map_or(NewAccess::LikeFolder, |mode| NewAccess::Mode(fillable(mode)))
    }

    /// Writes what differs next to the files it is for, makes that and the old files durable, and says what the steps are.
    /// When it fails nothing is left behind.
    pub(crate) fn stage<O: Operations>(
        &self,
        operations: &O,
        folders: &mut Folders<O>,
    ) -> Result<Vec<Step>, FileError> {
        let staged = self.write_all(operations, folders);
        if staged.is_err() {
            let paths: Vec<TreePath> = self.differences.files.keys().cloned().map(TreePath::configuration).collect();
            clear(operations, folders, paths.iter());
        }
        staged
    }

    fn write_all<O: Operations>(&self, operations: &O, folders: &mut Folders<O>) -> Result<Vec<Step>, FileError> {
        let mut steps = Vec::new();
        for (path, difference) in &self.differences.files {
            if let Difference::Leaving { old } = difference {
                steps.push(step(path, StepKind::Remove { old: *old }));
            }
        }
        read(&self.packed, self.part, |Member { path, content, .. }| {
            if let (Some(content), Some(difference)) = (content, self.differences.files.get(path)) {
                steps.extend(write(operations, folders, path, content, *difference)?);
            }
            Ok::<(), FileError>(())
        })?;
        let unchanged: Vec<TreePath> =
            self.differences.unchanged.iter().cloned().map(TreePath::configuration).collect();
        make_durable(operations, folders, &steps, &unchanged)?;
        Ok(steps)
    }
}

/// The permission bits of a folder, without those that would shut its owner out: it could not be filled or emptied.
fn fillable(mode: u32) -> u32 {
    mode | 0o700
}

/// Writes one file under its hidden name, and says what the step is.
fn write<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    path: &RelPath,
    content: &[u8],
    difference: Difference,
) -> Result<Option<Step>, FileError> {
    let at = TreePath::configuration(path.clone());
    let place = folders.existing_place(operations, &at)?;
    let write = |access| place.write_hidden(operations, content, access).map_err(|error| failed(&at, &error));
    let new = Fingerprint::of(content);
    let kind = match difference {
        Difference::Missing { mode } => {
            write(NewAccess::Mode(mode))?;
            StepKind::Create { new }
        }
        Difference::Content { old, access } => {
            write(NewAccess::Like(access))?;
            StepKind::Replace { old, new }
        }
        Difference::Mode { old, access } => {
            write(NewAccess::Like(access))?;
            // Not every mode can be given by everybody.
            let given = operations.read(&place.folder, &place.hidden).map_err(|error| failed(&at, &error))?;
            StepKind::ReplaceMode { old, new: Fingerprint::with_mode(&given) }
        }
        Difference::Leaving { .. } => return Ok(None),
    };
    if matches!(kind, StepKind::ReplaceMode { old, new } if old == new) {
        place.clear(operations).map_err(|error| failed(&at, &error))?;
        return Ok(None);
    }
    Ok(Some(step(path, kind)))
}

fn step(path: &RelPath, kind: StepKind) -> Step {
    Step { path: TreePath::configuration(path.clone()), kind }
}
