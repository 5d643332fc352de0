//! What a disk is made of: files and folders, as programs see them and as they are after the power was lost.

use std::collections::BTreeMap;
use std::io;

use fsconnector_engine::time::Wall;

use super::chance::Chance;
use super::not_found;
use crate::operations::Access;

/// A file or a folder. They have numbers; what has no name any more keeps its number.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) content: Vec<u8>,
    /// What is on the disk for sure.
    durable: Option<Vec<u8>>,
    /// Syncing has failed: the content never gets to the disk.
    lost: bool,
    pub(super) access: Access,
    pub(super) modified: Wall,
}

/// The names in a folder, as numbers of nodes.
type Names = BTreeMap<String, usize>;

/// What one operation does to the names of a folder.
pub(super) type Renaming = Vec<(String, Option<usize>)>;

#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) mode: u32,
    durable_mode: u32,
    names: Names,
    durable: Names,
    /// What is not durable yet, in order.
    pending: Vec<Renaming>,
    /// It has been removed, and only who holds it open still sees it.
    pub(super) gone: bool,
}

impl Node {
    pub(super) fn after_power_cut(&self, chance: &mut Chance) -> Self {
        match self {
            Self::File(file) => Self::File(file.after_power_cut(chance)),
            Self::Folder(folder) => Self::Folder(folder.after_power_cut(chance)),
        }
    }
}

impl File {
    pub(super) fn new(content: &[u8], access: Access, modified: Wall) -> Self {
        Self { content: content.to_vec(), durable: None, lost: false, access, modified }
    }

    pub(super) fn overwrite(&mut self, content: &[u8], now: Wall) {
        self.content = content.to_vec();
        self.lost = false;
        self.modified = now;
    }

    pub(super) fn sync(&mut self, fails: bool) {
        if fails {
            self.lost |= self.durable.as_ref() != Some(&self.content);
        } else if !self.lost {
            self.durable = Some(self.content.clone());
        }
    }

    fn after_power_cut(&self, chance: &mut Chance) -> Self {
        let before = self.durable.clone().unwrap_or_default();
        let content = if self.durable.as_ref() == Some(&self.content) {
            before
        } else {
            match chance.below(if self.lost { 1 } else { 4 }) {
                0 => before,
                1 => self.content.iter().take(chance.below(self.content.len())).copied().collect(),
                2 => vec![0; self.content.len()],
                _ => self.content.clone(),
            }
        };
        Self { durable: Some(content.clone()), content, lost: false, ..*self }
    }
}

impl Folder {
    pub(super) fn new(mode: u32) -> Self {
        let (names, durable) = (Names::new(), Names::new());
        Self { mode, durable_mode: mode, names, durable, pending: Vec::new(), gone: false }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&String, usize)> {
        self.names.iter().map(|(name, number)| (name, *number))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    pub(super) fn number(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(not_found)
    }

    pub(super) fn rename(&mut self, renaming: Renaming) {
        apply(&mut self.names, &renaming);
        self.pending.push(renaming);
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.names.clone();
        self.durable_mode = self.mode;
        self.pending.clear();
    }

    fn after_power_cut(&self, chance: &mut Chance) -> Self {
        let mut names = self.durable.clone();
        let all = chance.below(3);
        for renaming in &self.pending {
            let survives = match all {
                0 => false,
                1 => true,
                _ => chance.below(2) == 0,
            };
            if survives {
                apply(&mut names, renaming);
            }
        }
        let is_old = self.mode != self.durable_mode && chance.below(2) == 0;
        let mode = if is_old { self.durable_mode } else { self.mode };
        Self { durable: names.clone(), names, ..Self::new(mode) }
    }
}

fn apply(names: &mut Names, renaming: &Renaming) {
    for (name, number) in renaming {
        match number {
            Some(number) => names.insert(name.clone(), *number),
            None => names.remove(name),
        };
    }
}
