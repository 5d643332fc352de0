//! The disk, as the connector and as the switch see it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::rc::Rc;

use fsconnector_disk::{Access, Entry, Found, Model, NewAccess, Opened, Operations, RelPath, Tree, TreePath};
use fsconnector_engine::time::Wall;
use fsconnector_simulator::config::{Files, Memory};
use sha2::{Digest, Sha256};

use crate::sabotage::Sabotage;
use crate::scene::Scene;

/// What the configuration tree holds now.
pub(crate) fn snapshot(model: &Model) -> Memory {
    let files = model.files().into_iter().filter(|(path, _)| path.tree == Tree::Configuration);
    Memory::new(files.map(|(path, content)| (path.to_string(), content)))
}

/// The switch's view of the disk. One load sees one moment of it.
pub(crate) struct TreeFiles {
    model: Model,
    seen: RefCell<Memory>,
    loads: Cell<u64>,
}

impl TreeFiles {
    pub(crate) fn new(model: Model) -> Self {
        Self { model, seen: RefCell::default(), loads: Cell::new(0) }
    }

    pub(crate) fn replace(&mut self, model: Model) {
        self.model = model;
    }

    /// How many loads have begun.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.get()
    }
}

impl Files for TreeFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("freeswitch.xml") {
            self.loads.set(self.loads.get() + 1);
            self.seen.replace(snapshot(&self.model));
        }
        self.seen.borrow().read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.seen.borrow().list(folder)
    }
}

/// The connector's view of the disk: before each operation something can happen, and after it is looked whether all is
/// well.
#[derive(Clone)]
pub(crate) struct Watched {
    scene: Rc<RefCell<Scene>>,
    model: Model,
}

impl Watched {
    pub(crate) fn new(scene: &Rc<RefCell<Scene>>) -> Self {
        Self { scene: scene.clone(), model: scene.borrow().model.clone() }
    }

    /// Does something that changes what these names in a folder stand for.
    fn change<T>(&self, folder: &Opened, names: &[&str], act: impl FnOnce(&Model) -> io::Result<T>) -> io::Result<T> {
        let result = self.look(act);
        let paths: Vec<TreePath> = names.iter().filter_map(|name| place(folder, name)).collect();
        self.scene.borrow_mut().after_change(&paths);
        result
    }

    fn look<T>(&self, act: impl FnOnce(&Model) -> io::Result<T>) -> io::Result<T> {
        self.scene.borrow_mut().before_operation();
        act(&self.model)
    }

    fn lacks(&self, sabotage: Sabotage) -> bool {
        self.scene.borrow().sabotage == Some(sabotage)
    }

    /// A blind connector takes what it sets aside for what it has read before.
    fn blinded(&self, folder: &Opened, name: &str, found: Found) -> Found {
        if !self.lacks(Sabotage::UnchangedCheck) {
            return found;
        }
        let Some(place) = place(folder, name) else { return found };
        let mut scene = self.scene.borrow_mut();
        if name.starts_with('.') {
            let content = scene.taken_for.get(&place).cloned().unwrap_or_else(|| found.content.clone());
            return Found { content, ..found };
        }
        scene.last_read.insert(place, found.content.clone());
        found
    }

    fn blind(&self, folder: &Opened, hidden: &str, name: &str) {
        let scene = &mut *self.scene.borrow_mut();
        let (Some(visible), Some(hidden)) = (place(folder, name), place(folder, hidden)) else { return };
        let read = scene.last_read.get(&visible);
        if let Some(read) = read.filter(|_| scene.sabotage == Some(Sabotage::UnchangedCheck)) {
            scene.taken_for.insert(hidden, read.clone());
        }
    }
}

/// The path of what has this name in the folder.
fn place(folder: &Opened, name: &str) -> Option<TreePath> {
    let path = folder.path.as_ref().map_or_else(|| RelPath::parse(name), |path| path.join(name))?;
    Some(TreePath { tree: folder.tree, path })
}

/// A journal that does not name any file of the static tree.
fn without_static_files(journal: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(journal);
    let is_kept = |line: &&str| !line.starts_with("end ") && !line.contains(" static ");
    let kept: String = text.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect();
    let mut text = format!("{kept}end ");
    for byte in Sha256::digest(&kept) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    text.into_bytes()
}

impl Operations for Watched {
    type Folder = Opened;
    type Volumes = ();

    fn folder(&self, tree: Tree, path: Option<&RelPath>) -> io::Result<Opened> {
        let opened = self.look(|model| model.folder(tree, path));
        if let (Err(error), Some(path)) = (&opened, path)
            && error.kind() == io::ErrorKind::NotFound
        {
            // There is nothing in it.
            self.scene.borrow_mut().ledger.listed(tree, path.as_str());
        }
        opened
    }

    fn entries(&self, folder: &Opened) -> io::Result<Vec<Entry>> {
        let mut entries = self.look(|model| model.entries(folder));
        if let (Ok(entries), true) = (&mut entries, self.lacks(Sabotage::Removal)) {
            let goes = |path| self.scene.borrow().ledger.is_removed_by_restoring(&path);
            entries.retain(|entry| !place(folder, &entry.name).is_some_and(goes));
        }
        let path = folder.path.as_ref().map_or("", RelPath::as_str);
        self.scene.borrow_mut().ledger.listed(folder.tree, path);
        entries
    }

    fn exists(&self, folder: &Opened, name: &str) -> io::Result<bool> {
        let exists = self.look(|model| model.exists(folder, name));
        if let Some(path) = place(folder, name) {
            self.scene.borrow_mut().ledger.looked_for(&path);
        }
        exists
    }

    fn read_up_to(&self, folder: &Opened, name: &str, most: u64) -> io::Result<Found> {
        let found = self.look(|model| model.read_up_to(folder, name, most));
        if let Some(path) = place(folder, name) {
            self.scene.borrow_mut().ledger.looked_at(&path);
        }
        found.map(|found| self.blinded(folder, name, found))
    }

    fn folder_access(&self, folder: &Opened) -> io::Result<Access> {
        self.look(|model| model.folder_access(folder))
    }

    fn size(&self, folder: &Opened, name: &str) -> io::Result<u64> {
        self.look(|model| model.size(folder, name))
    }

    fn modified(&self, folder: &Opened, name: &str) -> io::Result<Wall> {
        self.look(|model| model.modified(folder, name))
    }

    fn write_new(&self, folder: &Opened, name: &str, content: &[u8], access: NewAccess) -> io::Result<()> {
        if let Some(path) = place(folder, name) {
            self.scene.borrow_mut().taken_for.remove(&path);
        }
        let forgets = self.lacks(Sabotage::Journal) && name.starts_with(".fsconnector-journal");
        let forgetful = forgets.then(|| without_static_files(content));
        let content = forgetful.as_deref().unwrap_or(content);
        self.change(folder, &[name], |model| model.write_new(folder, name, content, access))
    }

    fn rename_new(&self, folder: &Opened, from: &str, to: &str) -> io::Result<()> {
        self.blind(folder, to, from);
        self.change(folder, &[from, to], |model| model.rename_new(folder, from, to))
    }

    fn exchange(&self, folder: &Opened, one: &str, other: &str) -> io::Result<()> {
        self.blind(folder, one, other);
        self.change(folder, &[one, other], |model| model.exchange(folder, one, other))
    }

    fn remove(&self, folder: &Opened, name: &str) -> io::Result<()> {
        self.change(folder, &[name], |model| model.remove(folder, name))
    }

    fn make_folder(&self, folder: &Opened, name: &str, access: NewAccess) -> io::Result<()> {
        self.look(|model| model.make_folder(folder, name, access))
    }

    fn remove_folder(&self, folder: &Opened, name: &str) -> io::Result<()> {
        self.look(|model| model.remove_folder(folder, name))
    }

    fn set_folder_mode(&self, folder: &Opened, mode: u32) -> io::Result<()> {
        self.look(|model| Operations::set_folder_mode(model, folder, mode))
    }

    fn sync_file(&self, folder: &Opened, name: &str) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        let synced = self.look(|model| if lacks { Ok(()) } else { model.sync_file(folder, name) });
        if let (Err(_), Some(path)) = (&synced, place(folder, name)) {
            self.scene.borrow_mut().ledger.could_not_be_synced(Some(&path));
        }
        synced
    }

    fn sync_folder(&self, folder: &Opened) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        self.look(|model| if lacks { Ok(()) } else { model.sync_folder(folder) })
    }

    fn add_volume(&self, volumes: &mut (), folder: &Opened) -> io::Result<()> {
        self.look(|model| model.add_volume(volumes, folder))
    }

    fn sync_volumes(&self, volumes: &()) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        let synced = self.look(|model| if lacks { Ok(()) } else { model.sync_volumes(volumes) });
        if synced.is_err() {
            self.scene.borrow_mut().ledger.could_not_be_synced(None);
        }
        synced
    }
}
