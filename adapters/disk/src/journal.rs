//! The journal of a change set: what has to be put back as long as it is there.
//!
//! It is a hidden file in the tree's own folder, and comes and goes as a whole: it is written under another name, synced,
//! and renamed. It holds paths and fingerprints, and no content of a file.

use std::fmt::Write as _;
use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::fingerprint::Fingerprint;
use crate::operations::{NewAccess, Operations};
use crate::places::failed;

/// What all names begin with that the change sets use for themselves. The globs of the switch do not find them.
pub(crate) const HIDDEN: &str = ".fsconnector-";

const JOURNAL: &str = ".fsconnector-journal";
const UNFINISHED: &str = ".fsconnector-journal-new";
const HEADING: &str = "fsconnector journal 2";

/// The steps of a change set. What did not change is no step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) steps: Vec<Step>,
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) path: TreePath,
    pub(crate) kind: StepKind,
}

/// What happens to it, and how its contents are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    Create { new: Fingerprint },
    Replace { old: Fingerprint, new: Fingerprint },
    Remove { old: Fingerprint },
}

/// Where the journal is, for messages.
#[expect(clippy::expect_used, reason = "the name is a plain one")]
pub(crate) fn journal_path() -> TreePath {
    TreePath::configuration(RelPath::parse(JOURNAL).expect("a plain name"))
}

impl Journal {
    /// The journal that is there, if there is one.
    pub(crate) fn find<O: Operations>(operations: &O) -> Result<Option<Self>, FileError> {
        let root = open_root(operations)?;
        match operations.read(&root, JOURNAL) {
            Ok(found) => Self::parse(&found.content).map(Some).ok_or_else(damaged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&journal_path(), &error)),
        }
    }

    /// Writes the journal, durably.
    pub(crate) fn write<O: Operations>(&self, operations: &O) -> Result<(), FileError> {
        let root = open_root(operations)?;
        let write = || {
            if operations.exists(&root, UNFINISHED)? {
                operations.remove(&root, UNFINISHED)?;
            }
            operations.write_new(&root, UNFINISHED, self.text().as_bytes(), NewAccess::Private)?;
            operations.sync_file(&root, UNFINISHED)?;
            operations.rename_new(&root, UNFINISHED, JOURNAL)?;
            operations.sync_folder(&root)
        };
        write().map_err(|error| {
            // If it cannot be removed either, the next journal or the next start does it.
            let _ = operations.remove(&root, UNFINISHED);
            failed(&journal_path(), &error)
        })
    }

    /// Writes the journal if it is gone.
    pub(crate) fn write_again<O: Operations>(&self, operations: &O) -> Result<(), FileError> {
        let root = open_root(operations)?;
        match operations.exists(&root, JOURNAL) {
            Ok(true) => Ok(()),
            Ok(false) => self.write(operations),
            Err(error) => Err(failed(&journal_path(), &error)),
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(HEADING);
        text.push('\n');
        for Step { path, kind } in &self.steps {
            let tree = tree_name(path.tree);
            // Writing to a string cannot fail.
            let _ = match kind {
                StepKind::Create { new } => writeln!(text, "create {new} {tree} {path}"),
                StepKind::Replace { old, new } => writeln!(text, "replace {old} {new} {tree} {path}"),
                StepKind::Remove { old } => writeln!(text, "remove {old} {tree} {path}"),
            };
        }
        let sum = Fingerprint::of(text.as_bytes());
        let _ = writeln!(text, "end {sum}");
        text
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let (body, end) = text.strip_suffix('\n')?.split_at(text.trim_end_matches('\n').rfind('\n')? + 1);
        let sum = Fingerprint::parse(end.strip_prefix("end ")?)?;
        if sum != Fingerprint::of(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != HEADING {
            return None;
        }
        let steps = lines.map(parse_step).collect::<Option<Vec<Step>>>()?;
        Some(Self { steps })
    }
}

fn parse_step(line: &str) -> Option<Step> {
    let (kind, rest) = line.split_once(' ')?;
    let (first, rest) = rest.split_once(' ')?;
    let first = Fingerprint::parse(first)?;
    let (kind, path) = match kind {
        "create" => (StepKind::Create { new: first }, rest),
        "remove" => (StepKind::Remove { old: first }, rest),
        "replace" => {
            let (second, path) = rest.split_once(' ')?;
            (StepKind::Replace { old: first, new: Fingerprint::parse(second)? }, path)
        }
        _ => return None,
    };
    let (tree, path) = path.split_once(' ')?;
    Some(Step { path: TreePath { tree: tree_named(tree)?, path: RelPath::parse(path)? }, kind })
}

/// A tree's name in the journal.
fn tree_name(tree: Tree) -> &'static str {
    match tree {
        Tree::Configuration => "configuration",
        Tree::Static => "static",
    }
}

fn tree_named(name: &str) -> Option<Tree> {
    [Tree::Configuration, Tree::Static].into_iter().find(|tree| tree_name(*tree) == name)
}

/// Removes the journal, durably.
pub(crate) fn remove_journal<O: Operations>(operations: &O) -> Result<(), FileError> {
    let root = open_root(operations)?;
    let remove = || {
        match operations.remove(&root, JOURNAL) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        operations.sync_folder(&root)
    };
    remove().map_err(|error| failed(&journal_path(), &error))
}

fn open_root<O: Operations>(operations: &O) -> Result<O::Folder, FileError> {
    operations.folder(Tree::Configuration, None).map_err(|error| failed(&journal_path(), &error))
}

fn damaged() -> FileError {
    let reason = "the journal of an unfinished change cannot be read: it is damaged, or was written by another version. \
                  Next to the files that were being changed there are hidden ones, .fsconnector-swap-*, which hold the \
                  other version of each; put back what should be there, remove the journal, and start again";
    FileError::Failed { path: journal_path(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Journal {
        let step = |tree, path: &str, kind| Step { path: TreePath { tree, path: RelPath::parse(path).unwrap() }, kind };
        let (old, new) = (Fingerprint::of(b"old"), Fingerprint::of(b"new"));
        Journal {
            steps: vec![
                step(Tree::Configuration, "directory/team/20000.xml", StepKind::Create { new }),
                step(Tree::Static, "directory/my friends/21000.xml", StepKind::Replace { old, new }),
                step(Tree::Configuration, "top.xml", StepKind::Remove { old }),
            ],
        }
    }

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        for journal in [sample(), Journal::default()] {
            assert_eq!(Journal::parse(journal.text().as_bytes()), Some(journal));
        }
    }

    #[test]
    fn a_journal_that_lacks_or_changes_a_single_byte_is_damaged() {
        let text = sample().text().into_bytes();
        for at in 0..text.len() {
            assert_eq!(Journal::parse(&text[..at]), None, "cut at {at}");
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert_eq!(Journal::parse(&changed), None, "changed at {at}");
        }
        assert_eq!(Journal::parse(b"\n\n"), None);
    }
}
