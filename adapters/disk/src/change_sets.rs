//! Change sets: all of their files are changed, or none is, whatever happens in between.
//!
//! A journal that is there means *undo*, none means *done*:
//!
//! 1. Every file is looked at. Is one not as its change needs it, nothing happens.
//! 2. The folders that are missing are made. The new contents are written under hidden names next to the files, and synced;
//!    then the journal is.
//! 3. File by file, the hidden one is swapped with the visible one. Now the change set is committed.
//! 4. *Keep*: the folders are synced, the journal is removed, that is synced, and the old contents are removed, and then
//!    the folders that are to go.
//! 5. *Undo*, or a start that finds a journal: every file that still is what was written is swapped back, and the folders
//!    that were made are removed, then the same.

use std::collections::BTreeSet;
use std::io;

use fsconnector_engine::change_set::{ChangeSet, Refusal};
use fsconnector_engine::files::Part;
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::path::{Tree, TreePath};

use crate::archive::{Restoration, store};
use crate::checking::check;
use crate::journal::{Journal, Step, StepKind, journal_path, remove_journal};
use crate::listing::list;
use crate::operations::{NewAccess, Operations};
use crate::places::{Folders, failed};
use crate::placing::{Placed, PutBack, place, put_back};
use crate::provisioning::{Provisioned, provision};
use crate::staging::{clear, stage};
use crate::static_tree::sync_static_tree;
use crate::strays::clear_strays;

/// The files of both trees, which change in sets. There may be only one of these for a tree.
#[derive(Debug)]
pub struct ChangeSets<O> {
    operations: O,
    standing: Standing,
    /// The files that somebody had changed when others were put back, and that nobody was told of yet.
    left: Vec<TreePath>,
    /// Whether names in the static tree may not be durable: they were provisioned, or an earlier program ended right after
    /// it had made them. No change set may rely on such.
    doubt: bool,
}

/// What the start found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Whether an unfinished change set was undone: the switch may have loaded what is gone now.
    pub unsettled: bool,
    /// The files that were not put back, since somebody has changed them meanwhile.
    pub left: Vec<TreePath>,
}

#[derive(Debug, Default)]
enum Standing {
    /// Nothing is to be done.
    #[default]
    Settled,
    /// A change set is visible, and its journal is there: it can be kept or undone.
    Committed(Journal),
    /// The change set could not be kept: it is visible, and its journal may be gone.
    Unkept(Journal),
    /// The change set is to be undone; with its journal, or with nothing visible any more.
    Undoing(Journal),
}

impl<O: Operations> ChangeSets<O> {
    /// Takes over the trees: undoes what was not finished, and removes what was left behind. It can be interrupted anywhere
    /// and done again.
    pub fn recover(operations: O) -> Result<(Self, Recovered), FileError> {
        let mut recovered = Recovered::default();
        match Journal::find(&operations)? {
            Some(journal) => {
                if journal.names(Tree::Static) {
                    find_static_tree(&operations)?;
                }
                recovered = Recovered { unsettled: true, left: put_back_all(&operations, &journal)? };
            }
            // An earlier program may have ended before its removal was durable: it must not come back.
            None => remove_journal(&operations)?,
        }
        clear_strays(&operations)?;
        Ok((Self { operations, standing: Standing::Settled, left: Vec::new(), doubt: true }, recovered))
    }

    /// Carries out one work.
    ///
    /// After a failed commit or undo, files that could not be put back are put back by the next undo or commit that
    /// succeeds. Undoing when there is nothing to undo does no harm; it names the files that were left alone when a failed
    /// commit put back the others.
    pub fn perform(&mut self, work: &FileWork) -> Result<FilesDone, FileError> {
        match work {
            FileWork::List(folders) => list(&self.operations, folders).map(FilesDone::Listed),
            FileWork::Commit(set) => self.commit(set),
            FileWork::Keep => self.keep().map(|()| FilesDone::Kept),
            FileWork::Undo => {
                self.undo()?;
                Ok(FilesDone::Undone { left: std::mem::take(&mut self.left) })
            }
            FileWork::Provision(set) => {
                self.settle()?;
                self.provision(set)
            }
            FileWork::SyncProvisioning => self.resolve_doubt().map(|()| FilesDone::Synced),
            FileWork::Archive(part) => {
                self.settle()?;
                store(&self.operations, *part).map(|()| FilesDone::Archived)
            }
            FileWork::Restore(part) => self.restore(*part),
        }
    }

    /// Whether the work may change the static tree.
    pub(crate) fn concerns_static_tree(&self, work: &FileWork) -> bool {
        match work {
            FileWork::Commit(set) => set.changes.iter().any(|change| change.path.tree == Tree::Static),
            FileWork::Keep | FileWork::Undo => self.standing.journal().is_some_and(|it| it.names(Tree::Static)),
            FileWork::Provision(_) => true,
            FileWork::List(_) | FileWork::SyncProvisioning | FileWork::Archive(_) | FileWork::Restore(_) => false,
        }
    }

    fn commit(&mut self, set: &ChangeSet) -> Result<FilesDone, FileError> {
        self.settle()?;
        if set.changes.iter().any(|change| change.path.tree == Tree::Static) {
            self.resolve_doubt()?;
        }
        let mut folders = Folders::of(set.changes.len());
        let plan = check(&self.operations, &mut folders, set)?;
        let journal = Journal {
            steps: Vec::new(),
            made: plan.missing.clone(),
            leaving: plan.leaving.clone(),
            ..Journal::default()
        };
        let mut left_alone = Vec::new();
        let like_folder = |_: &TreePath| NewAccess::LikeFolder;
        self.carry_out(&mut folders, journal, like_folder, |operations, folders| {
            let staged = stage(operations, folders, set, &plan)?;
            left_alone = staged.left_alone;
            Ok(staged.steps)
        })?;
        Ok(FilesDone::Committed { dropped: plan.dropped(), left_alone })
    }

    fn provision(&mut self, set: &ChangeSet) -> Result<FilesDone, FileError> {
        let done = provision(&self.operations, set);
        self.doubt |= done.as_ref().ok().is_none_or(|done| done.has_written);
        done.map(|Provisioned { left_alone, .. }| FilesDone::Provisioned { left_alone })
    }

    fn restore(&mut self, part: Part) -> Result<FilesDone, FileError> {
        self.settle()?;
        let restoration = Restoration::plan(&self.operations, part)?;
        let mut folders = Folders::of(restoration.files());
        let access = |folder: &TreePath| restoration.folder_access(folder);
        self.carry_out(&mut folders, restoration.journal(), access, |operations, folders| {
            restoration.stage(operations, folders)
        })?;
        Ok(FilesDone::Committed { dropped: Vec::new(), left_alone: Vec::new() })
    }

    /// Sees to it that nothing of an earlier change set is left to be done.
    fn settle(&mut self) -> Result<(), FileError> {
        match self.standing {
            Standing::Settled => Ok(()),
            Standing::Unkept(_) | Standing::Undoing(_) => self.undo(),
            Standing::Committed(_) => Err(out_of_turn("the last change set is neither kept nor undone")),
        }
    }

    /// Makes the names in the static tree durable, if they may not be.
    fn resolve_doubt(&mut self) -> Result<(), FileError> {
        if self.doubt {
            sync_static_tree(&self.operations)?;
            self.doubt = false;
        }
        Ok(())
    }

    /// Makes the missing folders with this access, and carries out the steps that `stage` prepares. If anything fails all
    /// is put back.
    fn carry_out(
        &mut self,
        folders: &mut Folders<O>,
        journal: Journal,
        access: impl Fn(&TreePath) -> NewAccess,
        stage: impl FnOnce(&O, &mut Folders<O>) -> Result<Vec<Step>, FileError>,
    ) -> Result<(), FileError> {
        let Err(error) = self.try_out(folders, journal, access, stage) else { return Ok(()) };
        Err(match (self.undo(), error) {
            (Ok(()), FileError::Refused(refused)) => {
                FileError::Refused(with_left(refused, std::mem::take(&mut self.left)))
            }
            (Ok(()), error) => error,
            (Err(second), error) => not_put_back(&error, &second),
        })
    }

    fn try_out(
        &mut self,
        folders: &mut Folders<O>,
        mut journal: Journal,
        access: impl Fn(&TreePath) -> NewAccess,
        stage: impl FnOnce(&O, &mut Folders<O>) -> Result<Vec<Step>, FileError>,
    ) -> Result<(), FileError> {
        if !journal.made.is_empty() {
            self.standing = Standing::Undoing(journal.clone());
            make_folders(&self.operations, folders, &journal, access)?;
        }
        journal.steps = stage(&self.operations, folders)?;
        // Until it is done, whatever happens.
        self.standing = Standing::Undoing(journal.clone());
        if !journal.is_empty() {
            place_all(&self.operations, folders, &journal)?;
        }
        self.standing = Standing::Committed(journal);
        Ok(())
    }

    fn keep(&mut self) -> Result<(), FileError> {
        let Standing::Committed(journal) = &self.standing else {
            return Err(out_of_turn("there is no change set to keep"));
        };
        let mut folders = Folders::of(journal.steps.len());
        refuse_changed(&self.operations, &mut folders, journal)?;
        folders.sync_names(&self.operations)?;
        let journal = journal.clone();
        self.standing = Standing::Unkept(journal.clone());
        remove_journal(&self.operations)?;
        clear_hidden(&self.operations, &mut folders, &journal);
        for folder in journal.leaving.iter().rev() {
            // The next start tries again.
            let _ = folders.remove(&self.operations, folder);
        }
        self.standing = Standing::Settled;
        Ok(())
    }

    /// Puts back what is to be put back, and remembers what is left.
    fn undo(&mut self) -> Result<(), FileError> {
        let journal = match &self.standing {
            Standing::Settled => return Ok(()),
            Standing::Committed(journal) | Standing::Undoing(journal) => journal.clone(),
            Standing::Unkept(journal) => {
                // Without it an interruption would leave some files new.
                journal.write_again(&self.operations)?;
                journal.clone()
            }
        };
        self.standing = Standing::Undoing(journal.clone());
        self.left.extend(put_back_all(&self.operations, &journal)?);
        self.standing = Standing::Settled;
        Ok(())
    }
}

impl Standing {
    fn journal(&self) -> Option<&Journal> {
        match self {
            Self::Settled => None,
            Self::Committed(journal) | Self::Unkept(journal) | Self::Undoing(journal) => Some(journal),
        }
    }
}

fn find_static_tree<O: Operations>(operations: &O) -> Result<(), FileError> {
    let Err(error) = operations.folder(Tree::Static, None) else { return Ok(()) };
    let reason = format!("the unfinished change is one of the static tree, too, which is not to be had ({error})");
    Err(FileError::Failed { path: journal_path(), reason })
}

/// Makes the folders of the journal. In the static tree the next start removes empty ones that an interruption leaves; in
/// the configuration tree there are others, too, so the journal has to tell.
fn make_folders<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    journal: &Journal,
    access: impl Fn(&TreePath) -> NewAccess,
) -> Result<(), FileError> {
    if journal.made.iter().any(|folder| folder.tree == Tree::Configuration) {
        journal.write(operations)?;
    }
    for folder in &journal.made {
        // If anything else has the name, what is to be written in the folder is refused.
        folders.make(operations, folder, access(folder))?;
    }
    Ok(())
}

/// Writes the journal and makes all changes visible.
fn place_all<O: Operations>(operations: &O, folders: &mut Folders<O>, journal: &Journal) -> Result<(), FileError> {
    journal.write(operations)?;
    for step in &journal.steps {
        let at = folders.existing_place(operations, &step.path)?.of_step(step.kind);
        match place(operations, &at, step.kind).map_err(|error| failed(&step.path, &error))? {
            Placed::Done => {}
            Placed::Refused(refusal) => return Err(FileError::Refused(vec![(step.path.clone(), refusal)])),
        }
    }
    journal.modes.iter().try_for_each(|mode| mode.place(operations, folders))
}

/// Takes all steps back, as far as they were carried out, durably, and then removes the journal. What is left are the
/// files that somebody has changed.
fn put_back_all<O: Operations>(operations: &O, journal: &Journal) -> Result<Vec<TreePath>, FileError> {
    let mut folders = Folders::of(journal.steps.len());
    let mut left = Vec::new();
    for step in &journal.steps {
        let is_back = match folders.place(operations, &step.path)? {
            Some(at) => {
                put_back(operations, &at.of_step(step.kind), step.kind).map_err(|error| failed(&step.path, &error))?
            }
            // With the folder the file is gone.
            None if matches!(step.kind, StepKind::Create { .. }) => PutBack::Done,
            None => PutBack::Left,
        };
        if is_back == PutBack::Left {
            left.push(step.path.clone());
        }
    }
    for mode in &journal.modes {
        mode.put_back(operations, &mut folders)?;
    }
    for folder in journal.made.iter().rev() {
        folders.remove(operations, folder)?;
    }
    folders.sync_names(operations)?;
    remove_journal(operations)?;
    clear_hidden(operations, &mut folders, journal);
    Ok(left)
}

/// Removes what is under the hidden names. The journal is gone for good: what cannot be removed now is of no use any
/// more, and the next start tries again.
fn clear_hidden<O: Operations>(operations: &O, folders: &mut Folders<O>, journal: &Journal) {
    clear(operations, folders, journal.steps.iter().map(|step| &step.path));
}

/// Refuses if somebody has written into an old file: he had it open when it was replaced, and it would be lost.
fn refuse_changed<O: Operations>(operations: &O, folders: &mut Folders<O>, journal: &Journal) -> Result<(), FileError> {
    let mut refused = Vec::new();
    for step in &journal.steps {
        let at = folders.existing_place(operations, &step.path)?.of_step(step.kind);
        let (StepKind::Replace { old, .. } | StepKind::ReplaceMode { old, .. } | StepKind::Remove { old }) = step.kind
        else {
            continue;
        };
        let aside = at.set_aside(operations).map_err(|error| failed(&step.path, &error))?;
        if aside.is_some_and(|aside| aside != old) {
            refused.push((step.path.clone(), Refusal::Changed));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(FileError::Refused(refused)) }
}

/// A refusal also names the files that were left alone when the others were put back.
fn with_left(mut refused: Vec<(TreePath, Refusal)>, left: Vec<TreePath>) -> Vec<(TreePath, Refusal)> {
    let known: BTreeSet<TreePath> = refused.iter().map(|(path, _)| path.clone()).collect();
    let left = left.into_iter().filter(|path| !known.contains(path));
    refused.extend(left.map(|path| (path, Refusal::Changed)));
    refused
}

fn not_put_back(error: &FileError, second: &FileError) -> FileError {
    let path = match error {
        FileError::Failed { path, .. } => path.clone(),
        FileError::Unfit(_) => journal_path(),
        FileError::Refused(refused) => refused.first().map_or_else(journal_path, |(path, _)| path.clone()),
    };
    let reason = format!(
        "{error}; and what was changed could not be put back ({second}): that is tried again with the next change and \
         at the next start"
    );
    FileError::Failed { path, reason }
}

fn out_of_turn(reason: &str) -> FileError {
    failed(&journal_path(), &io::Error::other(reason))
}
