//! Change sets: all of their files are changed, or none is, whatever happens in between.
//!
//! A journal that is there means *undo*, none means *done*:
//!
//! 1. Every file is looked at. Is one not as its change needs it, nothing happens.
//! 2. The new contents are written under hidden names next to the files, and synced; then the journal is.
//! 3. File by file, the hidden one is swapped with the visible one. Now the change set is committed.
//! 4. *Keep*: the folders are synced, the journal is removed, that is synced, and the old contents are removed.
//! 5. *Undo*, or a start that finds a journal: every file that still is what was written is swapped back, then the same.

use std::io;

use fsconnector_engine::change_set::{ChangeSet, Refusal};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::path::TreePath;

use crate::archive::store;
use crate::journal::{Journal, StepKind, journal_path, remove_journal};
use crate::listing::list;
use crate::operations::Operations;
use crate::places::{Folders, failed};
use crate::placing::{Placed, PutBack, place, put_back};
use crate::staging::{check, dropped, stage};
use crate::strays::clear_strays;

/// The files of a tree, which change in sets. There may be only one of these for a tree.
#[derive(Debug)]
pub struct ChangeSets<O> {
    operations: O,
    standing: Standing,
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
    /// Takes over a tree: undoes what was not finished, and removes what was left behind. It can be interrupted anywhere
    /// and done again.
    pub fn recover(operations: O) -> Result<(Self, Recovered), FileError> {
        let mut recovered = Recovered::default();
        match Journal::find(&operations)? {
            Some(journal) => recovered = Recovered { unsettled: true, left: put_back_all(&operations, &journal)? },
            // An earlier program may have ended before its removal was durable: it must not come back.
            None => remove_journal(&operations)?,
        }
        clear_strays(&operations)?;
        Ok((Self { operations, standing: Standing::Settled }, recovered))
    }

    /// Carries out one work.
    ///
    /// After a failed commit or undo, files that could not be put back are put back by the next undo or commit that
    /// succeeds. Undoing when there is nothing to undo does no harm.
    pub fn perform(&mut self, work: &FileWork) -> Result<FilesDone, FileError> {
        match work {
            FileWork::List(folders) => list(&self.operations, folders).map(FilesDone::Listed),
            FileWork::Commit(set) => {
                self.commit(set).map(|dropped| FilesDone::Committed { dropped, left_alone: Vec::new() })
            }
            FileWork::Keep => self.keep().map(|()| FilesDone::Kept),
            FileWork::Undo => self.undo().map(|left| FilesDone::Undone { left }),
            FileWork::Archive(part) => {
                self.settle()?;
                store(&self.operations, *part).map(|()| FilesDone::Archived)
            }
            FileWork::Provision(_) | FileWork::Restore(_) => Err(out_of_turn("not yet")),
        }
    }

    /// The files that lose what somebody has added to them by hand.
    fn commit(&mut self, set: &ChangeSet) -> Result<Vec<TreePath>, FileError> {
        self.settle()?;
        let folders = Folders::open(&self.operations, set.changes.iter().map(|change| &change.path))?;
        let checked = check(&self.operations, &folders, set)?;
        let journal = stage(&self.operations, &folders, set, &checked)?;
        let placed = self.place(&folders, journal);
        let Err(error) = placed else { return Ok(dropped(&checked)) };
        match self.undo() {
            Ok(left) => Err(with_left(error, left)),
            Err(second) => Err(not_put_back(&error, &second)),
        }
    }

    /// Makes sure that nothing is left to be done of the last change set.
    fn settle(&mut self) -> Result<(), FileError> {
        match self.standing {
            Standing::Settled => Ok(()),
            Standing::Unkept(_) | Standing::Undoing(_) => self.undo().map(drop),
            Standing::Committed(_) => Err(out_of_turn("the last change set is neither kept nor undone")),
        }
    }

    /// Makes what is staged visible.
    fn place(&mut self, folders: &Folders<O::Folder>, journal: Journal) -> Result<(), FileError> {
        // Until it is done, whatever happens.
        self.standing = Standing::Undoing(journal.clone());
        if !journal.steps.is_empty() {
            place_all(&self.operations, folders, &journal)?;
        }
        self.standing = Standing::Committed(journal);
        Ok(())
    }

    fn keep(&mut self) -> Result<(), FileError> {
        let Standing::Committed(journal) = &self.standing else {
            return Err(out_of_turn("there is no change set to keep"));
        };
        let folders = Folders::open(&self.operations, journal.steps.iter().map(|step| &step.path))?;
        refuse_changed(&self.operations, &folders, journal)?;
        folders.sync(&self.operations)?;
        let journal = journal.clone();
        self.standing = Standing::Unkept(journal.clone());
        remove_journal(&self.operations)?;
        clear_hidden(&self.operations, &folders, &journal);
        self.standing = Standing::Settled;
        Ok(())
    }

    fn undo(&mut self) -> Result<Vec<TreePath>, FileError> {
        let journal = match &self.standing {
            Standing::Settled => return Ok(Vec::new()),
            Standing::Committed(journal) | Standing::Undoing(journal) => journal.clone(),
            Standing::Unkept(journal) => {
                // Without it an interruption would leave some files new.
                journal.write_again(&self.operations)?;
                journal.clone()
            }
        };
        self.standing = Standing::Undoing(journal.clone());
        let left = put_back_all(&self.operations, &journal)?;
        self.standing = Standing::Settled;
        Ok(left)
    }
}

/// Writes the journal and makes all changes visible.
fn place_all<O: Operations>(operations: &O, folders: &Folders<O::Folder>, journal: &Journal) -> Result<(), FileError> {
    journal.write(operations)?;
    for step in &journal.steps {
        let at = folders.existing_place(&step.path)?;
        match place(operations, &at, step.kind).map_err(|error| failed(&step.path, &error))? {
            Placed::Done => {}
            Placed::Refused(refusal) => return Err(FileError::Refused(vec![(step.path.clone(), refusal)])),
        }
    }
    Ok(())
}

/// Takes all steps back, as far as they were carried out, durably, and then removes the journal. What is left are the
/// files that somebody has changed.
fn put_back_all<O: Operations>(operations: &O, journal: &Journal) -> Result<Vec<TreePath>, FileError> {
    let folders = Folders::open(operations, journal.steps.iter().map(|step| &step.path))?;
    let mut left = Vec::new();
    for step in &journal.steps {
        let is_back = match folders.place(&step.path) {
            Some(at) => put_back(operations, &at, step.kind).map_err(|error| failed(&step.path, &error))?,
            None => PutBack::Left,
        };
        if is_back == PutBack::Left {
            left.push(step.path.clone());
        }
    }
    folders.sync(operations)?;
    remove_journal(operations)?;
    clear_hidden(operations, &folders, journal);
    Ok(left)
}

/// Removes what is under the hidden names. The journal is gone for good: what cannot be removed now is of no use any
/// more, and the next start tries again.
fn clear_hidden<O: Operations>(operations: &O, folders: &Folders<O::Folder>, journal: &Journal) {
    for step in &journal.steps {
        let _ = folders.place(&step.path).map(|at| at.clear(operations));
    }
}

/// Refuses if somebody has written into an old file: he had it open when it was replaced, and it would be lost.
fn refuse_changed<O: Operations>(
    operations: &O,
    folders: &Folders<O::Folder>,
    journal: &Journal,
) -> Result<(), FileError> {
    let mut refused = Vec::new();
    for step in &journal.steps {
        let (StepKind::Replace { old, .. } | StepKind::Remove { old }) = step.kind else { continue };
        let at = folders.existing_place(&step.path)?;
        let aside = at.set_aside(operations).map_err(|error| failed(&step.path, &error))?;
        if aside.is_some_and(|aside| aside != old) {
            refused.push((step.path.clone(), Refusal::Changed));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(FileError::Refused(refused)) }
}

/// A refusal also names the files that were left alone when the others were put back.
fn with_left(error: FileError, left: Vec<TreePath>) -> FileError {
    let FileError::Refused(mut refused) = error else { return error };
    for path in left {
        if refused.iter().all(|(known, _)| *known != path) {
            refused.push((path, Refusal::Changed));
        }
    }
    FileError::Refused(refused)
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
