//! A disk in memory that does what a real one may do at worst, the same each time.
//!
//! It keeps what programs see apart from what is durable. When the power is lost, a content that was not synced is as it
//! was, cut off, zeroed, or new; of the changes of names in a folder since it was synced, any are lost and any are not.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fsconnector_engine::path::RelPath;

use crate::operations::{Access, Entry, EntryKind, Found, NewAccess, Operations};

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Model {
    disk: Arc<Mutex<Disk>>,
}

/// Something that an administrator does to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: RelPath,
    /// What he does.
    pub editing: Editing,
    /// Whether he syncs it.
    pub synced: bool,
}

/// The ways of changing a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Editing {
    /// Another file takes its place, or is made.
    Replace(Vec<u8>),
    /// The file is written over, if it is there.
    Overwrite(Vec<u8>),
    /// The file is removed, if it is there.
    Remove,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<File>,
    folders: BTreeMap<String, Folder>,
    /// How many operations there were.
    operations: usize,
    failing: BTreeSet<usize>,
    /// After so many operations nothing works any more.
    last: Option<usize>,
    /// The bytes that can still be written.
    space: Option<usize>,
    edits: BTreeMap<usize, Vec<Edit>>,
    edited: Vec<Edit>,
    /// Whether all can be synced at once.
    syncs_singly: bool,
}

#[derive(Clone, Debug)]
struct File {
    content: Vec<u8>,
    /// What is on the disk for sure.
    durable: Option<Vec<u8>>,
    /// Syncing has failed: the content never gets to the disk.
    lost: bool,
    access: Access,
}

/// The names in a folder, as numbers of files.
type Names = BTreeMap<String, usize>;

/// What one operation does to the names of a folder.
type Renaming = Vec<(String, Option<usize>)>;

#[derive(Clone, Debug, Default)]
struct Folder {
    names: Names,
    durable: Names,
    /// What is not durable yet, in order.
    pending: Vec<Renaming>,
}

impl Model {
    /// An empty disk, with the tree's own folder.
    pub fn new() -> Self {
        let model = Self::default();
        model.lock().folders.insert(String::new(), Folder::default());
        model
    }

    /// Makes a folder, durably.
    pub fn make_folder(&self, path: &RelPath) {
        self.lock().folders.entry(path.as_str().to_owned()).or_default();
    }

    /// An administrator edits a file now. Without its folder nothing happens.
    pub fn edit(&self, edit: &Edit) {
        self.lock().edit(edit);
    }

    /// An administrator edits a file right before the operation with this number.
    pub fn edit_before(&self, operation: usize, edit: Edit) {
        self.lock().edits.entry(operation).or_default().push(edit);
    }

    /// How many operations there were. They are numbered from 0.
    pub fn operations(&self) -> usize {
        self.lock().operations
    }

    /// The operation with this number fails.
    pub fn fail(&self, operation: usize) {
        self.lock().failing.insert(operation);
    }

    /// After so many operations all fail: the program is dead, or the disk.
    pub fn stop_after(&self, operations: usize) {
        self.lock().last = Some(operations);
    }

    /// So many bytes can still be written; without a number, any.
    pub fn limit_space(&self, bytes: Option<usize>) {
        self.lock().space = bytes;
    }

    /// From now on there is no way to sync all at once.
    pub fn without_volumes(&self) {
        self.lock().syncs_singly = true;
    }

    /// The content of every file, hidden ones included.
    pub fn files(&self) -> BTreeMap<RelPath, Vec<u8>> {
        let disk = self.lock();
        let mut files = BTreeMap::new();
        for (path, folder) in &disk.folders {
            for (name, number) in &folder.names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                if let (Some(path), Some(file)) = (RelPath::parse(&path), disk.files.get(*number)) {
                    files.insert(path, file.content.clone());
                }
            }
        }
        files
    }

    /// The edits so far that changed something, in order.
    pub fn edits(&self) -> Vec<Edit> {
        self.lock().edited.clone()
    }

    /// The disk after the power was lost and came back: one of the many that are possible, chosen by `seed`. It has no
    /// faults.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let disk = self.lock();
        let mut chance = Chance(seed);
        let folders = disk.folders.iter().map(|(path, folder)| (path.clone(), folder.after_power_cut(&mut chance)));
        let folders = folders.collect();
        let files = disk.files.iter().map(|file| file.after_power_cut(&mut chance)).collect();
        Self { disk: Arc::new(Mutex::new(Disk { files, folders, ..Disk::default() })) }
    }

    /// The disk after the program was killed, but not the machine: all that was done is there. It has no faults.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let disk = self.lock();
        let (files, folders) = (disk.files.clone(), disk.folders.clone());
        Self { disk: Arc::new(Mutex::new(Disk { files, folders, ..Disk::default() })) }
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation, with what happens right before it.
    fn begin(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.lock();
        if disk.last.is_some_and(|last| disk.operations >= last) {
            return Err(io::Error::other("the power is off"));
        }
        let number = disk.operations;
        disk.operations += 1;
        for edit in disk.edits.remove(&number).unwrap_or_default() {
            disk.edit(&edit);
        }
        Ok(disk)
    }
}

impl Operations for Model {
    type Folder = String;
    type Volumes = ();

    fn folder(&self, path: Option<&RelPath>) -> io::Result<String> {
        let disk = self.begin()?.unless_failing()?;
        let path = path.map_or("", RelPath::as_str);
        disk.folders.contains_key(path).then(|| path.to_owned()).ok_or_else(not_found)
    }

    fn entries(&self, folder: &String) -> io::Result<Vec<Entry>> {
        let mut disk = self.begin()?.unless_failing()?;
        let names = &disk.folder(folder)?.names;
        let files = names.keys().map(|name| Entry { name: name.clone(), kind: EntryKind::File });
        let mut entries: Vec<Entry> = files.collect();
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = disk.folders.keys().filter_map(|path| path.strip_prefix(&prefix));
        let names: BTreeSet<&str> = below.filter_map(|below| below.split('/').next()).collect();
        let folders = names.into_iter().filter(|name| !name.is_empty());
        entries.extend(folders.map(|name| Entry { name: name.to_owned(), kind: EntryKind::Folder }));
        Ok(entries)
    }

    fn exists(&self, folder: &String, name: &str) -> io::Result<bool> {
        let mut disk = self.begin()?.unless_failing()?;
        Ok(disk.folder(folder)?.names.contains_key(name))
    }

    fn read(&self, folder: &String, name: &str) -> io::Result<Found> {
        let mut disk = self.begin()?.unless_failing()?;
        let file = disk.file(folder, name)?;
        Ok(Found { content: file.content.clone(), access: file.access })
    }

    fn write_new(&self, folder: &String, name: &str, content: &[u8], access: NewAccess) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        if disk.folder(folder)?.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let fits = disk.space.map_or(content.len(), |space| space.min(content.len()));
        disk.space = disk.space.map(|space| space - fits);
        let access = match access {
            NewAccess::Private => Access { mode: 0o600, owner: 0, group: 0 },
            NewAccess::LikeFolder => Access { mode: 0o640, owner: 0, group: 0 },
            NewAccess::Like(access) => access,
        };
        let written = content.get(..fits).unwrap_or_default();
        disk.make(folder, name, written, access)?;
        if fits == content.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn rename_new(&self, folder: &String, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let folder = disk.folder(folder)?;
        let number = folder.number(from)?;
        if folder.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        folder.rename(vec![(from.to_owned(), None), (to.to_owned(), Some(number))]);
        Ok(())
    }

    fn exchange(&self, folder: &String, one: &str, other: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let folder = disk.folder(folder)?;
        let (first, second) = (folder.number(one)?, folder.number(other)?);
        folder.rename(vec![(one.to_owned(), Some(second)), (other.to_owned(), Some(first))]);
        Ok(())
    }

    fn remove(&self, folder: &String, name: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let folder = disk.folder(folder)?;
        folder.number(name)?;
        folder.rename(vec![(name.to_owned(), None)]);
        Ok(())
    }

    fn sync_file(&self, folder: &String, name: &str) -> io::Result<()> {
        let mut disk = self.begin()?;
        let fails = disk.fails();
        disk.file(folder, name)?.sync(fails);
        if fails { Err(input_output()) } else { Ok(()) }
    }

    fn sync_folder(&self, folder: &String) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        disk.folder(folder)?.sync();
        Ok(())
    }

    fn volumes(&self, _folders: &[&String]) -> io::Result<()> {
        self.begin()?.unless_failing().map(drop)
    }

    fn sync_volumes(&self, _volumes: &()) -> io::Result<()> {
        let mut disk = self.begin()?;
        if disk.syncs_singly {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let fails = disk.fails();
        disk.files.iter_mut().for_each(|file| file.sync(fails));
        if fails {
            return Err(input_output());
        }
        disk.folders.values_mut().for_each(Folder::sync);
        Ok(())
    }
}

/// An operation that can fail without having done anything.
trait UnlessFailing: Sized {
    fn unless_failing(self) -> io::Result<Self>;
}

impl UnlessFailing for MutexGuard<'_, Disk> {
    fn unless_failing(self) -> io::Result<Self> {
        if self.fails() { Err(input_output()) } else { Ok(self) }
    }
}

impl Disk {
    /// Whether the operation that was counted last is to fail.
    fn fails(&self) -> bool {
        self.operations.checked_sub(1).is_some_and(|number| self.failing.contains(&number))
    }

    fn folder(&mut self, path: &str) -> io::Result<&mut Folder> {
        self.folders.get_mut(path).ok_or_else(not_found)
    }

    fn file(&mut self, folder: &str, name: &str) -> io::Result<&mut File> {
        let number = self.folder(folder)?.number(name)?;
        self.files.get_mut(number).ok_or_else(not_found)
    }

    fn make(&mut self, folder: &str, name: &str, content: &[u8], access: Access) -> io::Result<()> {
        let number = self.files.len();
        self.folder(folder)?.rename(vec![(name.to_owned(), Some(number))]);
        self.files.push(File { content: content.to_vec(), durable: None, lost: false, access });
        Ok(())
    }

    fn edit(&mut self, edit: &Edit) {
        let (folder, name) = edit.path.as_str().rsplit_once('/').unwrap_or(("", edit.path.as_str()));
        // What cannot be done is not done.
        if self.try_edit(folder, name, &edit.editing).is_err() {
            return;
        }
        self.edited.push(edit.clone());
        if edit.synced {
            if let Ok(file) = self.file(folder, name) {
                file.sync(false);
            }
            if let Ok(folder) = self.folder(folder) {
                folder.sync();
            }
        }
    }

    fn try_edit(&mut self, folder: &str, name: &str, editing: &Editing) -> io::Result<()> {
        match editing {
            Editing::Replace(content) => {
                self.make(folder, name, content, Access { mode: 0o644, owner: 0, group: 0 })?;
            }
            Editing::Overwrite(content) => {
                let file = self.file(folder, name)?;
                file.content.clone_from(content);
                file.lost = false;
            }
            Editing::Remove => {
                let folder = self.folder(folder)?;
                folder.number(name)?;
                folder.rename(vec![(name.to_owned(), None)]);
            }
        }
        Ok(())
    }
}

impl File {
    fn sync(&mut self, fails: bool) {
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
        Self { durable: Some(content.clone()), content, lost: false, access: self.access }
    }
}

impl Folder {
    fn number(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(not_found)
    }

    fn rename(&mut self, renaming: Renaming) {
        apply(&mut self.names, &renaming);
        self.pending.push(renaming);
    }

    fn sync(&mut self) {
        self.durable = self.names.clone();
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
        Self { durable: names.clone(), names, pending: Vec::new() }
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

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn input_output() -> io::Error {
    io::Error::other("input/output error")
}

/// Numbers that look random: SplitMix64.
struct Chance(u64);

impl Chance {
    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 32).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }
}
