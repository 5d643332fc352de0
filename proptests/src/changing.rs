//! What the connector is changing at the moment: what every file of it is to hold, and may hold on the way there.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_disk::{Tree, TreePath};
use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Document, PhoneFile};
use fsconnector_engine::files::Part;

use crate::ledger::{Content, Files};
use crate::phones::directory_misfit;

/// What is to come of the trees.
#[derive(Debug)]
pub(crate) enum Aim {
    /// The changes of a set, all or none.
    Set(ChangeSet),
    /// The changes of a set, each for itself.
    Each(ChangeSet),
    /// A part is as it was archived; without an archive that is fit it stays as it is.
    Restore(Part, Option<Files>),
}

/// Changes on their way.
#[derive(Debug)]
pub(crate) struct Changing {
    aim: Aim,
    pub(crate) target: BTreeMap<TreePath, Content>,
    /// All that a file can hold while it is being changed.
    variants: BTreeMap<TreePath, Vec<Content>>,
    /// Files that the connector has looked at: from now on it must not overwrite what people write.
    looked_at: BTreeSet<TreePath>,
    /// Folders whose names the connector has read: what people add from now on stays.
    listed: BTreeSet<(Tree, String)>,
    /// The files that people have written since the connector has looked at them.
    pub(crate) protected: BTreeSet<TreePath>,
    /// Files that are made, and not changed.
    made: BTreeSet<TreePath>,
    /// Files that people have edited meanwhile.
    pub(crate) edited: BTreeSet<TreePath>,
    /// Files of which it is open whether what people have written is there, or what was made of it.
    undecided: BTreeSet<TreePath>,
    /// Files that have had their new content.
    placed: BTreeSet<TreePath>,
    /// What people have written on in old files.
    pub(crate) written_on: BTreeMap<TreePath, Vec<u8>>,
    /// Whether all of it was visible once.
    pub(crate) has_been_visible: bool,
    /// Whether all of it is visible.
    pub(crate) committed: bool,
    /// Whether keeping it was tried: it may last.
    pub(crate) keep_tried: bool,
}

impl Changing {
    /// A change of files that hold what is expected. The connector does not know of what is in `unknown`.
    pub(crate) fn new(aim: Aim, expected: &Files, unknown: &BTreeSet<TreePath>) -> Self {
        let mut changing = Self {
            aim,
            target: BTreeMap::new(),
            variants: BTreeMap::new(),
            looked_at: BTreeSet::new(),
            listed: BTreeSet::new(),
            protected: BTreeSet::new(),
            made: BTreeSet::new(),
            edited: BTreeSet::new(),
            undecided: BTreeSet::new(),
            placed: BTreeSet::new(),
            written_on: BTreeMap::new(),
            has_been_visible: false,
            committed: false,
            keep_tried: false,
        };
        for path in changing.concerned(expected) {
            let old = expected.get(&path);
            changing.aim_at(&path, old.cloned(), old.cloned());
            let compares = matches!(changing.kind(&path), Some(ChangeKind::Replace(..) | ChangeKind::Remove(_)));
            if compares && unknown.contains(&path) && old.is_some() {
                changing.protected.insert(path);
            } else if matches!(changing.kind(&path), Some(ChangeKind::Create(_))) {
                changing.made.insert(path);
            }
        }
        changing
    }

    /// All files that this is about.
    fn concerned(&self, expected: &Files) -> BTreeSet<TreePath> {
        let there = expected.keys().filter(|path| self.is_implied(path)).cloned();
        match &self.aim {
            Aim::Set(set) | Aim::Each(set) => {
                let named = set.changes.iter().filter(|change| change.kind != ChangeKind::RemoveFolder);
                named.map(|change| change.path.clone()).chain(there).collect()
            }
            Aim::Restore(_, archive) => archive.iter().flat_map(Files::keys).cloned().chain(there).collect(),
        }
    }

    fn change(&self, path: &TreePath) -> Option<&Change> {
        let (Aim::Set(set) | Aim::Each(set)) = &self.aim else { return None };
        set.changes.iter().find(|change| change.path == *path && change.kind != ChangeKind::RemoveFolder)
    }

    fn kind(&self, path: &TreePath) -> Option<&ChangeKind> {
        self.change(path).map(|change| &change.kind)
    }

    /// Whether the file goes with its folder, or with all that was not archived.
    fn is_implied(&self, path: &TreePath) -> bool {
        match &self.aim {
            Aim::Set(set) | Aim::Each(set) => {
                let folders = set.changes.iter().filter(|change| change.kind == ChangeKind::RemoveFolder);
                self.change(path).is_none() && folders.into_iter().any(|folder| is_below(path, &folder.path))
            }
            Aim::Restore(part, archive) => {
                is_in(path, *part) && archive.as_ref().is_some_and(|archive| !archive.contains_key(path))
            }
        }
    }

    /// What is to come of a file that holds `old`; nothing if it stays as it is.
    fn wanted(&self, path: &TreePath, old: Option<&[u8]>) -> Option<Content> {
        if self.is_implied(path) {
            return Some(None);
        }
        match &self.aim {
            Aim::Set(set) | Aim::Each(set) => {
                let content = set.content(self.change(path)?, old).ok()?;
                Some(content.map(String::into_bytes))
            }
            Aim::Restore(_, archive) => archive.as_ref()?.get(path).map(|content| Some(content.clone())),
        }
    }

    /// Finds out what is to come of a file that held `before` and holds `old` now.
    fn aim_at(&mut self, path: &TreePath, before: Content, old: Content) {
        let wanted = self.wanted(path, old.as_deref());
        let variants = self.variants.entry(path.clone()).or_default();
        variants.extend([before, old].into_iter().chain(wanted.clone()));
        match wanted {
            Some(wanted) => self.target.insert(path.clone(), wanted),
            None => self.target.remove(path),
        };
    }

    /// Whether the file may hold this at the moment.
    pub(crate) fn tolerates(&self, path: &TreePath, content: Option<&[u8]>) -> bool {
        self.variants.get(path).is_some_and(|all| all.iter().any(|one| one.as_deref() == content))
    }

    /// Somebody who has had the old file open writes on in it.
    pub(crate) fn written_on(&mut self, path: &TreePath, content: Vec<u8>) {
        self.written_on.insert(path.clone(), content.clone());
        self.variants.entry(path.clone()).or_default().push(Some(content));
        self.protected.insert(path.clone());
        self.edited.insert(path.clone());
    }

    /// The connector looks at a file.
    pub(crate) fn looked_at(&mut self, path: &TreePath, is_there: bool) {
        if self.looked_at.insert(path.clone()) && !is_there && self.variants.contains_key(path) {
            self.made.insert(path.clone());
        }
    }

    /// The connector reads the names in a folder, in which there is what is expected.
    pub(crate) fn listed(&mut self, tree: Tree, folder: &str, expected: &Files) {
        self.listed.insert((tree, folder.to_owned()));
        let gone = |path: &TreePath| !expected.contains_key(path) && place(path) == (tree, folder);
        let gone = self.target.keys().filter(|path| gone(path) && self.is_implied(path));
        for path in gone.cloned().collect::<Vec<TreePath>>() {
            self.target.remove(&path);
        }
    }

    /// Somebody edits a file that held `before`.
    pub(crate) fn edited(&mut self, path: &TreePath, before: Content, after: Content) {
        let is_known = self.variants.contains_key(path);
        if self.is_each_for_itself() && is_known {
            // What is there is looked at again until nobody has changed it meanwhile.
            self.aim_at(path, before, after);
            self.edited.insert(path.clone());
            self.undecided.insert(path.clone());
            return;
        }
        if !self.looked_at.contains(path) && !self.placed.contains(path) && !self.has_been_visible {
            let (tree, folder) = place(path);
            let is_added = self.is_implied(path) && !self.target.contains_key(path);
            let comes_late = is_added && self.listed.contains(&(tree, folder.to_owned()));
            if (is_known || self.is_implied(path)) && !comes_late {
                self.aim_at(path, before, after);
                self.edited.insert(path.clone());
            }
            return;
        }
        if !is_known {
            return;
        }
        // A file may still be made where a person has just removed one of his own.
        let makes_room = after.is_none() && self.made.contains(path) && !self.placed.contains(path);
        self.variants.entry(path.clone()).or_default().push(after);
        self.edited.insert(path.clone());
        if makes_room {
            self.protected.remove(path);
        } else {
            self.protected.insert(path.clone());
        }
    }

    /// Whether the file is one that is being made.
    pub(crate) fn makes(&self, path: &TreePath) -> bool {
        self.made.contains(path)
    }

    /// Looks which of these files have their new content.
    pub(crate) fn look_for_placed(&mut self, paths: &[TreePath], actual: impl Fn(&TreePath) -> Content) {
        for path in paths {
            if self.target.get(path).is_some_and(|target| *target == actual(path)) {
                self.placed.insert(path.clone());
            }
        }
    }

    /// What is undecided is as it is found.
    pub(crate) fn decide(&mut self, expected: &Files, actual: &Files) {
        let stays = |path: &&TreePath| actual.get(*path) == expected.get(*path);
        self.protected.extend(self.undecided.iter().filter(stays).cloned());
    }

    /// What does not fit in what becomes of the directories of phones that hold what is expected.
    pub(crate) fn directory_misfit(&self, expected: &Files) -> Option<String> {
        let (Aim::Set(set) | Aim::Each(set)) = &self.aim else { return None };
        let keeps = |change: &&Change| {
            matches!(&change.kind, ChangeKind::Write(Document::Phone(PhoneFile::Directory, ..)))
                && !self.protected.contains(&change.path)
        };
        set.changes.iter().filter(keeps).find_map(|change| {
            let new = self.target.get(&change.path).and_then(Option::as_deref);
            directory_misfit(&change.path, expected.get(&change.path)?, new)
        })
    }

    /// What the files are to hold, but for those that people have written meanwhile.
    pub(crate) fn unprotected(&self) -> impl Iterator<Item = (&TreePath, &Content)> {
        self.target.iter().filter(|(path, _)| !self.protected.contains(*path))
    }

    /// Whether some of it can happen without the rest.
    pub(crate) fn is_each_for_itself(&self) -> bool {
        matches!(self.aim, Aim::Each(_))
    }

    /// The part that is being restored.
    pub(crate) fn restores(&self) -> Option<Part> {
        match self.aim {
            Aim::Restore(part, _) => Some(part),
            Aim::Set(_) | Aim::Each(_) => None,
        }
    }

    /// Whether the connector has looked at the file.
    pub(crate) fn has_looked_at(&self, path: &TreePath) -> bool {
        self.looked_at.contains(path)
    }

    /// Whether it is open what there was of the file when it was written.
    pub(crate) fn is_undecided(&self, path: &TreePath) -> bool {
        self.undecided.contains(path)
    }

    /// The directories of phones that are left alone.
    pub(crate) fn left_alone(&self) -> BTreeSet<TreePath> {
        let (Aim::Set(set) | Aim::Each(set)) = &self.aim else { return BTreeSet::new() };
        let is_left = |change: &&Change| {
            matches!(&change.kind, ChangeKind::Write(Document::Phone(PhoneFile::Directory, ..)))
                && !self.target.contains_key(&change.path)
                && !self.undecided.contains(&change.path)
        };
        set.changes.iter().filter(is_left).map(|change| change.path.clone()).collect()
    }
}

/// Whether the file belongs to this part of the configuration tree.
pub(crate) fn is_in(path: &TreePath, part: Part) -> bool {
    path.tree == Tree::Configuration
        && part.folder().is_none_or(|folder| is_below(path, &TreePath::configuration(folder)))
}

fn is_below(path: &TreePath, folder: &TreePath) -> bool {
    let below = path.path.as_str().strip_prefix(folder.path.as_str());
    path.tree == folder.tree && below.is_some_and(|rest| rest.starts_with('/'))
}

/// The tree of a file, and the folder in it.
fn place(path: &TreePath) -> (Tree, &str) {
    (path.tree, path.path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder))
}
