//! The ledger: what every visible file has to hold, as its last author wrote it, and which files are being changed.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_disk::{Edit, Editing, Tree, TreePath};

use fsconnector_engine::files::Part;

use crate::archives::{Fitness, Storing, fitness, is_kept, unpack};
use crate::changing::{Aim, Changing};
use crate::invariants::number_of;
use crate::tree::{is_sound, numbers_in};

/// The content of a file; nothing if it is not there.
pub(crate) type Content = Option<Vec<u8>>;

/// All visible files, by path.
pub(crate) type Files = BTreeMap<TreePath, Vec<u8>>;

/// What every visible file has to hold.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    expected: Files,
    /// Files whose last author is a person.
    by_hand: BTreeSet<TreePath>,
    /// Files whose last author is a person who has not synced them.
    unsynced: BTreeSet<TreePath>,
    /// Files that can hold anything, since the power was lost before a person had synced them, until the connector has
    /// recovered.
    forgiven: BTreeSet<TreePath>,
    /// Whether a file was torn in its middle: the switch may take it, and then not know how to show it.
    torn: bool,
    /// Files that somebody has edited since the switch has loaded them: the connector cannot know of that.
    unknown: BTreeSet<TreePath>,
    /// The numbers in files that somebody has edited since the switch has loaded them.
    unloaded: BTreeSet<u32>,
    changing: Option<Changing>,
    /// The archive that is being made.
    storing: Option<Storing>,
    /// Files of people that could not be synced: they do not get to the disk any more, whatever a second try says.
    lost: BTreeSet<TreePath>,
    /// Files of which a sweep has not made the names durable yet.
    unswept: BTreeSet<TreePath>,
    /// The parts of which an archive could not be made: what is kept of them need not be durable.
    unkept: Vec<Part>,
    /// Whether the archive that is being restored is fit for it.
    fitness: Option<Fitness>,
}

impl Ledger {
    /// The ledger of a tree that nobody has changed yet.
    pub(crate) fn new(files: Files) -> Self {
        Self { expected: files, ..Self::default() }
    }

    /// The files that are there.
    pub(crate) fn paths(&self) -> Vec<TreePath> {
        self.files().cloned().collect()
    }

    /// What a file has to hold.
    pub(crate) fn content(&self, path: &TreePath) -> Option<&[u8]> {
        self.expected.get(path).map(|content| &**content)
    }

    /// The files that are there.
    pub(crate) fn files(&self) -> impl Iterator<Item = &TreePath> {
        self.expected.keys()
    }

    /// The files that a person has written last.
    pub(crate) fn by_hand(&self) -> impl Iterator<Item = (&TreePath, &[u8])> {
        self.expected.iter().filter(|(path, _)| self.by_hand.contains(*path)).map(|(path, content)| (path, &**content))
    }

    /// Whether a person has written this file last, or removed it.
    pub(crate) fn is_by_hand(&self, path: &TreePath) -> bool {
        self.by_hand.contains(path)
    }

    /// Whether a change set is on its way.
    pub(crate) fn is_changing(&self) -> bool {
        self.changing.is_some()
    }

    /// Whether a file was torn.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whether the switch may show something else of this number than the tree.
    pub(crate) fn is_unloaded(&self, number: &str) -> bool {
        number.parse().is_ok_and(|number| self.unloaded.contains(&number))
    }

    /// The switch has loaded the tree.
    pub(crate) fn loaded(&mut self) {
        self.unloaded.clear();
        self.unknown.clear();
    }

    /// A person edits a file that holds `before` now.
    pub(crate) fn edited(&mut self, edit: &Edit, before: Option<&[u8]>) {
        let path = &edit.path;
        let after = match &edit.editing {
            Editing::Replace(content) => Some(content.clone()),
            Editing::Overwrite(content) if before.is_some() => Some(content.clone()),
            Editing::Remove if before.is_some() => None,
            Editing::Overwrite(_) | Editing::Remove => return,
        };
        self.unload(path, before);
        self.unload(path, after.as_deref());
        if let Some(changing) = &mut self.changing {
            changing.edited(path, before.map(<[u8]>::to_vec), after.clone());
        }
        if let Some(storing) = &mut self.storing {
            storing.edited(path, before.map(<[u8]>::to_vec), after.clone());
        }
        if edit.synced {
            self.unsynced.remove(path)
        } else {
            self.unsynced.insert(path.clone())
        };
        self.forgiven.remove(path);
        self.lost.remove(path);
        self.unswept.remove(path);
        // Who removes what he has just written where a file was being removed may find that again, or not.
        let removes = |changing: &Changing| changing.target.get(path) == Some(&None);
        if after.is_none() && self.changing.as_ref().is_some_and(removes) {
            self.forgiven.insert(path.clone());
        }
        self.unknown.insert(path.clone());
        self.by_hand.insert(path.clone());
        self.expect(path, after);
        let restored = self.changing.as_ref().filter(|changing| !changing.has_looked_at(path));
        let restored = restored.and_then(Changing::restores).filter(|part| part.archive() == path.path);
        if let Some(part) = restored.filter(|_| path.tree == Tree::Static) {
            self.begins_restoring(part);
        }
    }

    /// The switch need not know what is in the file, or what was.
    fn unload(&mut self, path: &TreePath, content: Option<&[u8]>) {
        self.unloaded.extend(number_of(path));
        self.unloaded.extend(numbers_in(content.unwrap_or_default()));
    }

    fn expect(&mut self, path: &TreePath, content: Content) {
        match content {
            Some(content) => self.expected.insert(path.clone(), content),
            None => self.expected.remove(path),
        };
    }

    /// The connector begins to change files.
    pub(crate) fn begins(&mut self, aim: Aim) {
        self.changing = Some(Changing::new(aim, &self.expected, &self.unknown));
    }

    /// The connector begins to restore a part.
    pub(crate) fn begins_restoring(&mut self, part: Part) {
        let archive = self.expected.get(&TreePath::in_static(part.archive()));
        let fitness = archive.map_or(Fitness::Unfit, |archive| fitness(archive, part));
        let files = archive.filter(|_| fitness != Fitness::Unfit).and_then(|archive| unpack(archive, part));
        self.fitness = Some(fitness);
        self.begins(Aim::Restore(part, files));
    }

    /// Whether what is being restored is fit for it.
    pub(crate) fn fitness(&self) -> Option<Fitness> {
        self.fitness
    }

    /// The connector begins to make an archive.
    pub(crate) fn begins_storing(&mut self, part: Part) {
        self.storing = Some(Storing::new(part, &self.expected));
    }

    /// The connector has made an archive, or tried to, and has removed the oldest ones, if it could. What does not fit
    /// now.
    pub(crate) fn stored(&mut self, actual: &Files, done: bool, pruned: bool) -> Option<String> {
        let storing = self.storing.take()?;
        let misfit = storing.misfit(actual, pruned).filter(|_| done);
        let concerned = self.expected.keys().chain(actual.keys()).filter(|path| storing.concerns(path));
        let concerned: BTreeSet<TreePath> = concerned.cloned().collect();
        let fits = |path: &&TreePath| storing.tolerates(path, actual.get(*path).map(|content| &**content));
        let wrong = concerned.iter().find(|path| !fits(path) && !self.forgiven.contains(*path));
        let misfit = misfit.or_else(|| wrong.map(|path| format!("{path} is neither as before nor whole")));
        self.unkept.retain(|part| !done || *part != storing.part());
        self.unkept.extend(Some(storing.part()).filter(|_| !done));
        let was_synced = !self.unsynced.contains(&storing.present());
        for path in concerned {
            let content = actual.get(&path).cloned();
            if content.as_ref() != self.expected.get(&path) {
                let is_durable = done && content.is_some() && (was_synced || path == storing.present());
                if is_durable {
                    self.unsynced.remove(&path)
                } else {
                    self.unsynced.insert(path.clone())
                };
                self.expect(&path, content);
            }
        }
        misfit
    }

    /// Whether it is open what there was of the file when it was written.
    pub(crate) fn is_undecided(&self, path: &TreePath) -> bool {
        self.changing.as_ref().is_some_and(|changing| changing.is_undecided(path))
    }

    /// These files are as they were, unless they could be written after all.
    pub(crate) fn cannot_be_written<'a>(&mut self, paths: impl Iterator<Item = &'a TreePath>, actual: &Files) {
        if let Some(changing) = &mut self.changing {
            let stays = |path: &&TreePath| actual.get(*path) == self.expected.get(*path);
            changing.protected.extend(paths.filter(stays).cloned());
        }
    }

    /// Whether the file is not in the archive that is being restored.
    pub(crate) fn is_removed_by_restoring(&self, path: &TreePath) -> bool {
        let restoring = self.changing.as_ref().filter(|changing| changing.restores().is_some());
        restoring.is_some_and(|changing| changing.target.get(path) == Some(&None))
    }

    /// Whether somebody has put something else in the place of the archive that is being made.
    pub(crate) fn is_archive_replaced(&self) -> bool {
        self.storing.as_ref().is_some_and(Storing::is_replaced)
    }

    fn is_unkept(&self, path: &TreePath) -> bool {
        self.unkept.iter().any(|part| is_kept(path, *part))
    }

    /// The archives that are there.
    pub(crate) fn archives(&self) -> Files {
        let is_one = |path: &TreePath| path.tree == Tree::Static && path.path.as_str().starts_with("store/");
        self.expected.iter().filter(|(path, _)| is_one(path)).map(|(path, all)| (path.clone(), all.clone())).collect()
    }

    /// The directories of phones that are left alone.
    pub(crate) fn left_alone(&self) -> BTreeSet<TreePath> {
        self.changing.as_ref().map(Changing::left_alone).unwrap_or_default()
    }

    /// All of the change set is visible.
    pub(crate) fn committed(&mut self) {
        if let Some(changing) = &mut self.changing {
            changing.has_been_visible = true;
            changing.committed = true;
        }
    }

    /// The change set is being put back, or whoever does it is gone.
    pub(crate) fn undoing(&mut self) {
        if let Some(changing) = &mut self.changing {
            changing.committed = false;
        }
    }

    /// The files whose old contents are aside, and that nobody has written meanwhile.
    pub(crate) fn set_aside(&self) -> Vec<TreePath> {
        let Some(changing) = self.changing.as_ref().filter(|changing| changing.committed && !changing.keep_tried)
        else {
            return Vec::new();
        };
        let aside = changing.unprotected().map(|(path, _)| path);
        // What stays as it is has nothing aside.
        let differs =
            |path: &&TreePath| self.expected.get(*path) != changing.target.get(*path).and_then(Option::as_ref);
        aside.filter(|path| !changing.makes(path)).filter(differs).cloned().collect()
    }

    /// Somebody who has had a file open since before the change writes on.
    pub(crate) fn written_on(&mut self, path: &TreePath, content: &[u8]) {
        let Some(changing) = &mut self.changing else { return };
        changing.written_on(path, content.to_vec());
        let before = self.expected.get(path).cloned();
        self.unload(path, before.as_deref());
        self.unload(path, Some(content));
        self.unsynced.insert(path.clone());
        self.unknown.insert(path.clone());
        self.by_hand.insert(path.clone());
        self.expect(path, Some(content.to_vec()));
    }

    /// The connector looks at a file.
    pub(crate) fn looked_at(&mut self, path: &TreePath) {
        let is_there = self.expected.contains_key(path);
        if let Some(changing) = &mut self.changing {
            changing.looked_at(path, is_there);
        }
    }

    /// The connector looks whether there is a file.
    pub(crate) fn looked_for(&mut self, path: &TreePath) {
        if self.changing.as_ref().is_some_and(|changing| changing.makes(path)) {
            self.looked_at(path);
        }
    }

    /// A file could not be synced; without a path that is any.
    pub(crate) fn could_not_be_synced(&mut self, path: Option<&TreePath>) {
        let concerned = self.unsynced.iter().filter(|unsynced| path.is_none_or(|path| *unsynced == path));
        self.lost.extend(concerned.cloned());
    }

    /// The connector reads the names in a folder.
    pub(crate) fn listed(&mut self, tree: Tree, folder: &str) {
        if let Some(changing) = &mut self.changing {
            changing.listed(tree, folder, &self.expected);
        }
    }

    /// The connector tries to make the change set last.
    pub(crate) fn keeping(&mut self) {
        if let Some(changing) = &mut self.changing {
            changing.keep_tried = true;
        }
    }

    /// What does not fit in these files while files are being changed.
    pub(crate) fn misfit_on_the_way(
        &mut self,
        paths: &[TreePath],
        actual: impl Fn(&TreePath) -> Content,
    ) -> Option<String> {
        if let Some(changing) = &mut self.changing {
            changing.look_for_placed(paths, &actual);
        }
        let of = |path: &TreePath| Some((path.clone(), actual(path)?));
        let there: Files = paths.iter().filter_map(of).collect();
        let fits = |path: &&TreePath| {
            let content = there.get(*path);
            let storing = self.storing.as_ref().filter(|storing| storing.concerns(path));
            content == self.expected.get(*path)
                || storing.is_some_and(|storing| storing.tolerates(path, content.map(|content| &**content)))
                || self.forgiven.contains(*path)
                || self.changing.as_ref().is_some_and(|changing| changing.tolerates(path, content.map(|c| &**c)))
        };
        paths.iter().find(|path| !fits(path)).map(|path| describe(path, &self.expected, &there))
    }

    /// What does not fit now that the change set is visible.
    pub(crate) fn misfit_when_committed(&self, actual: &Files) -> Option<String> {
        let Some(changing) = &self.changing else { return self.misfit_at_rest(actual) };
        let mut wanted = self.expected.clone();
        for (path, content) in changing.unprotected() {
            match content {
                Some(content) => wanted.insert(path.clone(), content.clone()),
                None => wanted.remove(path),
            };
        }
        let strict = |files: &Files| -> Files {
            let strict = files.iter().filter(|(path, _)| !self.forgiven.contains(*path));
            strict.map(|(path, content)| (path.clone(), content.clone())).collect()
        };
        difference(&strict(&wanted), &strict(actual))
    }

    /// The change set lasts. The files that it has changed.
    pub(crate) fn kept(&mut self) -> Vec<TreePath> {
        let Some(changing) = self.changing.take() else { return Vec::new() };
        let restores = changing.restores().is_some();
        let mut changed = Vec::new();
        for (path, content) in changing.target {
            self.unknown.remove(&path);
            if changing.protected.contains(&path) {
                changed.push(path);
                continue;
            }
            let is_changed = self.expected.get(&path) != content.as_ref();
            changed.extend(is_changed.then(|| path.clone()));
            let is_lost = !is_changed && self.lost.contains(&path);
            if !changing.edited.contains(&path) && !is_lost {
                self.lost.remove(&path);
                self.by_hand.remove(&path);
                self.unsynced.remove(&path);
                self.unswept.remove(&path);
            }
            if restores {
                // It can be anybody's.
                self.by_hand.insert(path.clone());
            }
            self.expect(&path, content);
        }
        changed
    }

    /// The files were written, each for itself; if not all, any of them.
    pub(crate) fn provisioned(&mut self, actual: &Files, all: bool) -> Option<String> {
        if let Some(changing) = &mut self.changing {
            changing.decide(&self.expected, actual);
        }
        let misfit = if all { self.directory_misfit().or_else(|| self.misfit_when_committed(actual)) } else { None };
        self.accept_any(actual);
        self.changing = None;
        misfit.or_else(|| self.misfit_at_rest(actual))
    }

    /// Every file that was to be changed may be as before or as it was to be.
    fn accept_any(&mut self, actual: &Files) {
        let Some(changing) = &self.changing else { return };
        let changed = |(path, content): &(&TreePath, &Content)| {
            actual.get(*path) == content.as_ref() && self.expected.get(*path) != content.as_ref()
        };
        let changed: Vec<TreePath> = changing.unprotected().filter(changed).map(|(path, _)| path.clone()).collect();
        for path in changed {
            self.by_hand.remove(&path);
            self.unsynced.insert(path.clone());
            self.unswept.insert(path.clone());
            let content = actual.get(&path).cloned();
            self.expect(&path, content);
        }
    }

    /// What was provisioned is durable.
    pub(crate) fn swept(&mut self) {
        for path in std::mem::take(&mut self.unswept) {
            self.unsynced.remove(&path);
        }
    }

    /// What does not fit in what becomes of the directories of phones.
    pub(crate) fn directory_misfit(&self) -> Option<String> {
        self.changing.as_ref().and_then(|changing| changing.directory_misfit(&self.expected))
    }

    /// The change set is gone.
    pub(crate) fn undone(&mut self) {
        self.changing = None;
    }

    /// What does not fit now that nothing is being changed.
    pub(crate) fn misfit_at_rest(&self, actual: &Files) -> Option<String> {
        let paths = self.expected.keys().chain(actual.keys());
        let mut wrong =
            paths.filter(|path| actual.get(*path) != self.expected.get(*path) && !self.forgiven.contains(*path));
        wrong.next().map(|path| describe(path, &self.expected, actual))
    }

    /// The power was lost: what people did not sync may be as before, torn, or as they wrote it.
    pub(crate) fn lost_power(&mut self) {
        if let Some(storing) = self.storing.as_mut().filter(|storing| self.unsynced.contains(&storing.present())) {
            storing.is_in_doubt();
        }
        for path in std::mem::take(&mut self.unsynced) {
            let content = self.expected.get(&path).cloned();
            self.unload(&path, content.as_deref());
            self.forgiven.insert(path);
        }
    }

    /// The connector was interrupted, and has recovered: all files of the change set are as before, or all are as they
    /// were to be.
    pub(crate) fn recovered(&mut self, actual: &Files) -> Option<String> {
        let stored = self.stored(actual, false, false);
        let unkept = self.expected.keys().chain(actual.keys()).filter(|path| self.is_unkept(path));
        for path in unkept.cloned().collect::<BTreeSet<TreePath>>() {
            let content = actual.get(&path).cloned();
            self.expect(&path, content);
        }
        self.accept_forgiven(actual);
        if stored.is_some() {
            return stored;
        }
        if self.changing.as_ref().is_some_and(Changing::is_each_for_itself) {
            return self.provisioned(actual, false);
        }
        let misfit = self.misfit_at_rest(actual);
        let may_last = self.changing.as_ref().is_some_and(|changing| changing.keep_tried);
        if misfit.is_some() && may_last {
            let misfit = self.misfit_when_committed(actual);
            self.kept();
            return misfit;
        }
        self.changing = None;
        misfit
    }

    /// What can be anything is taken as it is.
    pub(crate) fn accept_forgiven(&mut self, actual: &Files) {
        // Of two people who write at the same time, one into the old file and one into the new, either may be the last.
        let written_on = self.changing.as_ref().map(|changing| changing.written_on.clone()).unwrap_or_default();
        for (path, content) in written_on.into_iter().filter(|(path, content)| actual.get(path) == Some(content)) {
            self.expect(&path, Some(content));
        }
        for path in std::mem::take(&mut self.forgiven) {
            let content = actual.get(&path).cloned();
            self.torn |=
                path.tree == Tree::Configuration && content.as_deref().is_some_and(|content| !is_sound(content));
            self.unload(&path, content.as_deref());
            if let Some(changing) = &mut self.changing {
                changing.protected.insert(path.clone());
            }
            self.by_hand.insert(path.clone());
            self.unsynced.insert(path.clone());
            self.expect(&path, content);
        }
    }

    /// What does not fit in a copy of the tree that has lost its power.
    pub(crate) fn misfit_when_durable(&self, actual: &Files) -> Option<String> {
        let strict = |files: &Files| -> Files {
            let synced = files.iter().filter(|(path, _)| !self.unsynced.contains(*path) && !self.is_unkept(path));
            synced.map(|(path, content)| (path.clone(), content.clone())).collect()
        };
        difference(&strict(&self.expected), &strict(actual))
    }
}

fn difference(wanted: &Files, actual: &Files) -> Option<String> {
    let mut paths = wanted.keys().chain(actual.keys());
    let wrong = paths.find(|path| wanted.get(*path) != actual.get(*path));
    wrong.map(|path| describe(path, wanted, actual))
}

fn describe(path: &TreePath, wanted: &Files, actual: &Files) -> String {
    let shown = |files: &Files| {
        files.get(path).map_or("(no file)".to_owned(), |content| String::from_utf8_lossy(content).into_owned())
    };
    format!("{path} should hold\n{}\nbut holds\n{}", shown(wanted), shown(actual))
}
