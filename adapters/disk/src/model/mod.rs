//! A disk in memory that does what a real one may do at worst, the same each time.
//!
//! It keeps what programs see apart from what is durable. When the power is lost, a content that was not synced is as it
//! was, cut off, zeroed, or new; of the changes of names in a folder since it was synced, any are lost and any are not. A
//! folder whose own name is lost is lost with all that is in it.

mod chance;
mod disk;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fsconnector_engine::path::{RelPath, Tree, TreePath};
use fsconnector_engine::time::Wall;

use chance::Chance;
use disk::{Disk, FOLDER_MODE};
use node::Node;

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
    pub path: TreePath,
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

/// A folder of a [`Model`] that is held open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The tree it was opened in.
    pub tree: Tree,
    /// Where it was when it was opened; nothing for the tree's own.
    pub path: Option<RelPath>,
    number: usize,
}

impl Model {
    /// An empty disk, with both trees' own folders.
    pub fn new() -> Self {
        let model = Self::default();
        model.lock().add_tree(Tree::Configuration);
        model.lock().add_tree(Tree::Static);
        model
    }

    /// From now on there is no static tree.
    pub fn without_static_tree(&self) {
        self.lock().remove_tree(Tree::Static);
    }

    /// An administrator makes a folder, and those on the way to it, durably.
    pub fn add_folder(&self, path: &TreePath) {
        let mut disk = self.lock();
        let Ok(mut folder) = disk.find(path.tree, None) else { return };
        for name in path.path.names() {
            let there = disk.folder(folder).and_then(|folder| folder.number(name));
            let Ok(below) = there.or_else(|_| disk.make_folder(folder, name, FOLDER_MODE)) else { return };
            if let Ok(folder) = disk.folder_mut(folder) {
                folder.sync();
            }
            folder = below;
        }
    }

    /// An administrator closes a folder to us.
    pub fn close(&self, path: &TreePath) {
        self.lock().closed.insert(path.clone());
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
    pub fn files(&self) -> BTreeMap<TreePath, Vec<u8>> {
        self.lock().files()
    }

    /// The content of one file.
    pub fn content(&self, path: &TreePath) -> Option<Vec<u8>> {
        self.lock().content(path)
    }

    /// Every folder, but for the trees' own.
    pub fn folders(&self) -> BTreeSet<TreePath> {
        self.lock().folders()
    }

    /// The permission bits of a folder; nothing if there is none.
    pub fn folder_mode(&self, path: &TreePath) -> Option<u32> {
        let disk = self.lock();
        let number = disk.find(path.tree, Some(&path.path)).ok()?;
        disk.folder(number).ok().map(|folder| folder.mode)
    }

    /// An administrator gives a folder other permission bits, durably.
    pub fn edit_folder_mode(&self, path: &TreePath, mode: u32) {
        let mut disk = self.lock();
        let found = disk.find(path.tree, Some(&path.path));
        if let Ok(folder) = found.and_then(|number| disk.folder_mut(number)) {
            folder.mode = mode;
            folder.sync();
        }
    }

    /// The edits so far that changed something, in order.
    pub fn edits(&self) -> Vec<Edit> {
        self.lock().edited.clone()
    }

    /// The disk after the power was lost and came back: one of the many that are possible, chosen by `seed`. It has no
    /// faults.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let disk = self.lock().after_power_cut(&mut Chance(seed));
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// The disk after the program was killed, but not the machine: all that was done is there. It has no faults.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let disk = self.lock().after_kill();
        Self { disk: Arc::new(Mutex::new(disk)) }
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
    type Folder = Opened;
    type Volumes = ();

    fn folder(&self, tree: Tree, path: Option<&RelPath>) -> io::Result<Opened> {
        let disk = self.begin()?.unless_failing()?;
        let number = disk.find(tree, path)?;
        if disk.is_closed(tree, path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Opened { tree, path: path.cloned(), number })
    }

    fn folder_access(&self, folder: &Opened) -> io::Result<Access> {
        let disk = self.begin()?.unless_failing()?;
        let mode = disk.folder(folder.number)?.mode;
        Ok(Access { mode, owner: 0, group: 0 })
    }

    fn entries(&self, folder: &Opened) -> io::Result<Vec<Entry>> {
        let disk = self.begin()?.unless_failing()?;
        let kind = |number| match disk.node(number) {
            Ok(Node::Folder(_)) => EntryKind::Folder,
            _ => EntryKind::File,
        };
        let names = disk.folder(folder.number)?.names();
        Ok(names.map(|(name, number)| Entry { name: name.clone(), kind: kind(number) }).collect())
    }

    fn exists(&self, folder: &Opened, name: &str) -> io::Result<bool> {
        let disk = self.begin()?.unless_failing()?;
        Ok(disk.folder(folder.number)?.holds(name))
    }

    fn read_up_to(&self, folder: &Opened, name: &str, most: u64) -> io::Result<Found> {
        let mut disk = self.begin()?.unless_failing()?;
        let file = disk.file_mut(folder.number, name)?;
        if u64::try_from(file.content.len()).is_ok_and(|length| length > most) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Found { content: file.content.clone(), access: file.access })
    }

    fn size(&self, folder: &Opened, name: &str) -> io::Result<u64> {
        let mut disk = self.begin()?.unless_failing()?;
        disk.file_mut(folder.number, name).map(|file| file.content.len() as u64)
    }

    fn modified(&self, folder: &Opened, name: &str) -> io::Result<Wall> {
        let mut disk = self.begin()?.unless_failing()?;
        disk.file_mut(folder.number, name).map(|file| file.modified)
    }

    fn write_new(&self, folder: &Opened, name: &str, content: &[u8], access: NewAccess) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        if disk.folder(folder.number)?.holds(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let fits = disk.space.map_or(content.len(), |space| space.min(content.len()));
        disk.space = disk.space.map(|space| space - fits);
        let written = content.get(..fits).unwrap_or_default();
        disk.make_file(folder.number, name, written, given(access))?;
        if fits == content.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn rename_new(&self, folder: &Opened, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let folder = disk.folder_mut(folder.number)?;
        let number = folder.number(from)?;
        if folder.holds(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        folder.rename(vec![(from.to_owned(), None), (to.to_owned(), Some(number))]);
        Ok(())
    }

    fn exchange(&self, folder: &Opened, one: &str, other: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let folder = disk.folder_mut(folder.number)?;
        let (first, second) = (folder.number(one)?, folder.number(other)?);
        folder.rename(vec![(one.to_owned(), Some(second)), (other.to_owned(), Some(first))]);
        Ok(())
    }

    fn remove(&self, folder: &Opened, name: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let number = disk.folder(folder.number)?.number(name)?;
        if disk.folder(number).is_ok() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        disk.folder_mut(folder.number)?.rename(vec![(name.to_owned(), None)]);
        Ok(())
    }

    fn make_folder(&self, folder: &Opened, name: &str, access: NewAccess) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        if disk.folder(folder.number)?.holds(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let around = disk.folder(folder.number)?.mode;
        let mode = match access {
            NewAccess::Private => 0o700,
            NewAccess::LikeFolder => around | 0o700,
            NewAccess::LikeFolderClosed => around & 0o750 | 0o700,
            NewAccess::Mode(mode) => mode,
            NewAccess::Like(access) => access.mode,
        };
        disk.make_folder(folder.number, name, mode).map(drop)
    }

    fn set_folder_mode(&self, folder: &Opened, mode: u32) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        disk.folder_mut(folder.number)?.mode = mode;
        Ok(())
    }

    fn remove_folder(&self, folder: &Opened, name: &str) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        let number = disk.folder(folder.number)?.number(name)?;
        if !disk.folder(number)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        disk.folder_mut(number)?.gone = true;
        disk.folder_mut(folder.number)?.rename(vec![(name.to_owned(), None)]);
        Ok(())
    }

    fn sync_file(&self, folder: &Opened, name: &str) -> io::Result<()> {
        let mut disk = self.begin()?;
        let fails = disk.fails();
        disk.file_mut(folder.number, name)?.sync(fails);
        if fails { Err(input_output()) } else { Ok(()) }
    }

    fn sync_folder(&self, folder: &Opened) -> io::Result<()> {
        let mut disk = self.begin()?.unless_failing()?;
        disk.folder_mut(folder.number)?.sync();
        Ok(())
    }

    fn add_volume(&self, _volumes: &mut (), _folder: &Opened) -> io::Result<()> {
        self.begin()?.unless_failing().map(drop)
    }

    fn sync_volumes(&self, _volumes: &()) -> io::Result<()> {
        let mut disk = self.begin()?;
        if disk.syncs_singly {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let fails = disk.fails();
        disk.sync_all(fails);
        if fails { Err(input_output()) } else { Ok(()) }
    }
}

/// A new file is as in a folder of 0750.
fn given(access: NewAccess) -> Access {
    let of = |mode| Access { mode, owner: 0, group: 0 };
    match access {
        NewAccess::Private => of(0o600),
        NewAccess::LikeFolder | NewAccess::LikeFolderClosed => of(0o640),
        NewAccess::Mode(mode) => of(mode),
        NewAccess::Like(access) => access,
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

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn input_output() -> io::Error {
    io::Error::other("input/output error")
}
