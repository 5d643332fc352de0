//! The state of a disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use fsconnector_engine::path::{RelPath, Tree, TreePath};
use fsconnector_engine::time::Wall;

use super::chance::Chance;
use super::node::{File, Folder, Node};
use super::{Edit, Editing, not_found};
use crate::operations::Access;

/// The permission bits of the folders that were there first.
pub(super) const FOLDER_MODE: u32 = 0o750;

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    nodes: Vec<Node>,
    /// The numbers of the trees' own folders.
    roots: BTreeMap<Tree, usize>,
    /// How many operations there were.
    pub(super) operations: usize,
    pub(super) failing: BTreeSet<usize>,
    /// After so many operations nothing works any more.
    pub(super) last: Option<usize>,
    /// The bytes that can still be written.
    pub(super) space: Option<usize>,
    pub(super) edits: BTreeMap<usize, Vec<Edit>>,
    pub(super) edited: Vec<Edit>,
    /// Whether there is no way to sync all at once.
    pub(super) syncs_singly: bool,
    /// The folders that cannot be opened, nor those below them.
    pub(super) closed: BTreeSet<TreePath>,
    /// How often something was written: the time.
    writes: i64,
}

impl Disk {
    pub(super) fn add_tree(&mut self, tree: Tree) {
        let root = self.add(Node::Folder(Folder::new(FOLDER_MODE)));
        self.roots.insert(tree, root);
    }

    pub(super) fn remove_tree(&mut self, tree: Tree) {
        self.roots.remove(&tree);
    }

    /// What is there after the power was lost, without any fault.
    pub(super) fn after_power_cut(&self, chance: &mut Chance) -> Self {
        let nodes = self.nodes.iter().map(|node| node.after_power_cut(chance)).collect();
        Self { nodes, roots: self.roots.clone(), writes: self.writes, ..Self::default() }
    }

    /// The same disk without any fault.
    pub(super) fn after_kill(&self) -> Self {
        Self { nodes: self.nodes.clone(), roots: self.roots.clone(), writes: self.writes, ..Self::default() }
    }

    /// Whether the operation that was counted last is to fail.
    pub(super) fn fails(&self) -> bool {
        self.operations.checked_sub(1).is_some_and(|number| self.failing.contains(&number))
    }

    /// The number of the folder at `path`.
    pub(super) fn find(&self, tree: Tree, path: Option<&RelPath>) -> io::Result<usize> {
        let mut number = *self.roots.get(&tree).ok_or_else(not_found)?;
        for name in path.into_iter().flat_map(RelPath::names) {
            number = self.folder(number)?.number(name)?;
        }
        self.folder(number).map(|_| number)
    }

    /// Whether the folder at `path`, or one on the way to it, cannot be opened.
    pub(super) fn is_closed(&self, tree: Tree, path: Option<&RelPath>) -> bool {
        let Some(path) = path else { return false };
        let is_on_the_way = |closed: &RelPath| {
            path.as_str().strip_prefix(closed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.closed.iter().any(|closed| closed.tree == tree && is_on_the_way(&closed.path))
    }

    pub(super) fn node(&self, number: usize) -> io::Result<&Node> {
        self.nodes.get(number).ok_or_else(not_found)
    }

    pub(super) fn folder(&self, number: usize) -> io::Result<&Folder> {
        match self.nodes.get(number) {
            Some(Node::Folder(folder)) if !folder.gone => Ok(folder),
            _ => Err(not_found()),
        }
    }

    pub(super) fn folder_mut(&mut self, number: usize) -> io::Result<&mut Folder> {
        match self.nodes.get_mut(number) {
            Some(Node::Folder(folder)) if !folder.gone => Ok(folder),
            _ => Err(not_found()),
        }
    }

    pub(super) fn file_mut(&mut self, folder: usize, name: &str) -> io::Result<&mut File> {
        let number = self.folder(folder)?.number(name)?;
        match self.nodes.get_mut(number) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(not_found()),
        }
    }

    /// Gives a name to a new file.
    pub(super) fn make_file(&mut self, folder: usize, name: &str, content: &[u8], access: Access) -> io::Result<()> {
        let now = self.write();
        let number = self.add(Node::File(File::new(content, access, now)));
        self.folder_mut(folder)?.rename(vec![(name.to_owned(), Some(number))]);
        Ok(())
    }

    /// Gives a name to a new folder, and says its number.
    pub(super) fn make_folder(&mut self, folder: usize, name: &str, mode: u32) -> io::Result<usize> {
        let number = self.add(Node::Folder(Folder::new(mode)));
        self.folder_mut(folder)?.rename(vec![(name.to_owned(), Some(number))]);
        Ok(number)
    }

    /// Makes everything durable; or fails to, and the contents are lost.
    pub(super) fn sync_all(&mut self, fails: bool) {
        for node in &mut self.nodes {
            match node {
                Node::File(file) => file.sync(fails),
                Node::Folder(folder) if !fails => folder.sync(),
                Node::Folder(_) => {}
            }
        }
    }

    /// Every file that has a name, with its content.
    pub(super) fn files(&self) -> BTreeMap<TreePath, Vec<u8>> {
        let content = |(path, node): (TreePath, &Node)| match node {
            Node::File(file) => Some((path, file.content.clone())),
            Node::Folder(_) => None,
        };
        self.named().into_iter().filter_map(content).collect()
    }

    /// The content of the file at `path`.
    pub(super) fn content(&self, path: &TreePath) -> Option<Vec<u8>> {
        let (folder, name) = split(&path.path);
        let folder = self.find(path.tree, folder.as_ref()).ok()?;
        match self.nodes.get(self.folder(folder).ok()?.number(name).ok()?) {
            Some(Node::File(file)) => Some(file.content.clone()),
            _ => None,
        }
    }

    /// Every folder that has a name.
    pub(super) fn folders(&self) -> BTreeSet<TreePath> {
        let is_folder = |(_, node): &(TreePath, &Node)| matches!(node, Node::Folder(_));
        self.named().into_iter().filter(is_folder).map(|(path, _)| path).collect()
    }

    fn named(&self) -> Vec<(TreePath, &Node)> {
        let mut named = Vec::new();
        let mut folders: Vec<(Tree, Option<RelPath>, usize)> =
            self.roots.iter().map(|(tree, number)| (*tree, None, *number)).collect();
        while let Some((tree, path, number)) = folders.pop() {
            let Ok(folder) = self.folder(number) else { continue };
            for (name, number) in folder.names() {
                let path = path.as_ref().map_or_else(|| RelPath::parse(name), |path| path.join(name));
                let (Some(path), Some(node)) = (path, self.nodes.get(number)) else { continue };
                if matches!(node, Node::Folder(_)) {
                    folders.push((tree, Some(path.clone()), number));
                }
                named.push((TreePath { tree, path }, node));
            }
        }
        named
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        let (folder, name) = split(&edit.path.path);
        let Ok(folder) = self.find(edit.path.tree, folder.as_ref()) else { return };
        // What cannot be done is not done.
        if self.try_edit(folder, name, &edit.editing).is_err() {
            return;
        }
        self.edited.push(edit.clone());
        if edit.synced {
            if let Ok(file) = self.file_mut(folder, name) {
                file.sync(false);
            }
            if let Ok(folder) = self.folder_mut(folder) {
                folder.sync();
            }
        }
    }

    fn try_edit(&mut self, folder: usize, name: &str, editing: &Editing) -> io::Result<()> {
        match editing {
            Editing::Replace(content) => {
                self.make_file(folder, name, content, Access { mode: 0o644, owner: 0, group: 0 })?;
            }
            Editing::Overwrite(content) => {
                let now = self.write();
                self.file_mut(folder, name)?.overwrite(content, now);
            }
            Editing::Remove => {
                let folder = self.folder_mut(folder)?;
                folder.number(name)?;
                folder.rename(vec![(name.to_owned(), None)]);
            }
        }
        Ok(())
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// A second passes with every file that is written.
    fn write(&mut self) -> Wall {
        self.writes += 1;
        Wall(self.writes * 1_000_000)
    }
}

/// The folder of a path, nothing for the tree's own, and the name in it.
fn split(path: &RelPath) -> (Option<RelPath>, &str) {
    let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    (RelPath::parse(folder), name)
}
