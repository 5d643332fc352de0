//! The journal of a change set: what has to be put back as long as it is there.
//!
//! It is a hidden file in the configuration tree's own folder, and comes and goes as a whole: it is written under another
//! name, synced, and renamed. It holds paths and fingerprints, and no content of a file.

use std::fmt::Write as _;
use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::fingerprint::Fingerprint;
use crate::folder_modes::FolderMode;
use crate::operations::{NewAccess, Operations};
use crate::places::failed;

/// What all names begin with that the change sets use for themselves. The globs of the switch do not find them.
pub(crate) const HIDDEN: &str = ".fsconnector-";

const JOURNAL: &str = ".fsconnector-journal";
const UNFINISHED: &str = ".fsconnector-journal-new";
const HEADING: &str = "fsconnector journal 2";
const MADE: &str = "make-folder";
const MODE: &str = "folder-mode";
const LEAVING: &str = "remove-folder";

/// The steps of a change set. What did not change is no step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) steps: Vec<Step>,
    /// The folders that are made for it, from the root down: they go when it is undone.
    pub(crate) made: Vec<TreePath>,
    /// What happens to the permission bits of folders.
    pub(crate) modes: Vec<FolderMode>,
    /// The folders that go when it is kept and nothing is in them any more, from the root down.
    pub(crate) leaving: Vec<TreePath>,
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
    Create {
        new: Fingerprint,
    },
    Replace {
        old: Fingerprint,
        new: Fingerprint,
    },
    /// The content stays, and the permission bits change: the fingerprints are of both.
    ReplaceMode {
        old: Fingerprint,
        new: Fingerprint,
    },
    Remove {
        old: Fingerprint,
    },
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

    /// Writes the journal, durably, in the place of the one that may be there.
    pub(crate) fn write<O: Operations>(&self, operations: &O) -> Result<(), FileError> {
        let root = open_root(operations)?;
        let write = || {
            if operations.exists(&root, UNFINISHED)? {
                operations.remove(&root, UNFINISHED)?;
            }
            operations.write_new(&root, UNFINISHED, self.text().as_bytes(), NewAccess::Private)?;
            operations.sync_file(&root, UNFINISHED)?;
            match operations.rename_new(&root, UNFINISHED, JOURNAL) {
                Ok(()) => operations.sync_folder(&root),
                // The one that was written before the folders were made.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    operations.exchange(&root, UNFINISHED, JOURNAL)?;
                    operations.sync_folder(&root)?;
                    // If it cannot be removed now, the next start does it.
                    let _ = operations.remove(&root, UNFINISHED);
                    Ok(())
                }
                Err(error) => Err(error),
            }
        };
        write().map_err(|error: io::Error| {
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

    /// Whether nothing has to be put back.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.made.is_empty() && self.modes.is_empty()
    }

    /// Whether it has to do with this tree.
    pub(crate) fn names(&self, tree: Tree) -> bool {
        let steps = self.steps.iter().map(|step| &step.path);
        let modes = self.modes.iter().map(|mode| &mode.path);
        steps.chain(&self.made).chain(modes).chain(&self.leaving).any(|path| path.tree == tree)
    }

    fn text(&self) -> String {
        let mut text = String::from(HEADING);
        text.push('\n');
        // Writing to a string cannot fail.
        for (word, folders) in [(MADE, &self.made), (LEAVING, &self.leaving)] {
            for TreePath { tree, path } in folders {
                let _ = writeln!(text, "{word} {} {path}", tree_name(*tree));
            }
        }
        for FolderMode { path: TreePath { tree, path }, old, new } in &self.modes {
            let _ = writeln!(text, "{MODE} {old:o} {new:o} {} {path}", tree_name(*tree));
        }
        for Step { path, kind } in &self.steps {
            let tree = tree_name(path.tree);
            let _ = match kind {
                StepKind::Create { new } => writeln!(text, "create {new} {tree} {path}"),
                StepKind::Replace { old, new } => writeln!(text, "replace {old} {new} {tree} {path}"),
                StepKind::ReplaceMode { old, new } => writeln!(text, "replace-mode {old} {new} {tree} {path}"),
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
        let mut journal = Self::default();
        for line in lines {
            match line.split_once(' ')? {
                (MADE, folder) => journal.made.push(parse_path(folder)?),
                (MODE, rest) => journal.modes.push(parse_mode(rest)?),
                (LEAVING, folder) => journal.leaving.push(parse_path(folder)?),
                _ => journal.steps.push(parse_step(line)?),
            }
        }
        Some(journal)
    }
}

fn parse_step(line: &str) -> Option<Step> {
    let (kind, rest) = line.split_once(' ')?;
    let (first, rest) = rest.split_once(' ')?;
    let first = Fingerprint::parse(first)?;
    let (kind, path) = match kind {
        "create" => (StepKind::Create { new: first }, rest),
        "remove" => (StepKind::Remove { old: first }, rest),
        "replace" | "replace-mode" => {
            let (second, path) = rest.split_once(' ')?;
            let (old, new) = (first, Fingerprint::parse(second)?);
            let same_content = kind == "replace-mode";
            (if same_content { StepKind::ReplaceMode { old, new } } else { StepKind::Replace { old, new } }, path)
        }
        _ => return None,
    };
    Some(Step { path: parse_path(path)?, kind })
}

fn parse_mode(text: &str) -> Option<FolderMode> {
    let (old, rest) = text.split_once(' ')?;
    let (new, path) = rest.split_once(' ')?;
    let parse = |mode| u32::from_str_radix(mode, 8).ok();
    Some(FolderMode { path: parse_path(path)?, old: parse(old)?, new: parse(new)? })
}

fn parse_path(text: &str) -> Option<TreePath> {
    let (tree, path) = text.split_once(' ')?;
    Some(TreePath { tree: tree_named(tree)?, path: RelPath::parse(path)? })
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
        let at = |tree, path: &str| TreePath { tree, path: RelPath::parse(path).unwrap() };
        let step = |tree, path: &str, kind| Step { path: at(tree, path), kind };
        let (old, new) = (Fingerprint::of(b"old"), Fingerprint::of(b"new"));
        Journal {
            steps: vec![
                step(Tree::Configuration, "directory/team/20000.xml", StepKind::Create { new }),
                step(Tree::Static, "directory/my friends/21000.xml", StepKind::Replace { old, new }),
                step(Tree::Configuration, "top.xml", StepKind::Remove { old }),
                step(Tree::Configuration, "vars.xml", StepKind::ReplaceMode { old, new }),
            ],
            made: vec![at(Tree::Static, "linphone"), at(Tree::Static, "linphone/20 000")],
            modes: vec![FolderMode { path: at(Tree::Configuration, "my friends"), old: 0o755, new: 0o700 }],
            leaving: vec![at(Tree::Static, "polycom/0004f2000000")],
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
