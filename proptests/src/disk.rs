//! The disk, as the connector and as the switch see it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::rc::Rc;

use fsconnector_disk::{Entry, Found, Model, NewAccess, Operations, RelPath};
use fsconnector_simulator::config::{Files, Memory};

use crate::sabotage::Sabotage;
use crate::scene::Scene;

/// What the tree holds now.
pub(crate) fn snapshot(model: &Model) -> Memory {
    Memory::new(model.files().into_iter().map(|(path, content)| (path.as_str().to_owned(), content)))
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

    fn change<T>(&self, act: impl FnOnce(&Model) -> io::Result<T>) -> io::Result<T> {
        let result = self.look(act);
        self.scene.borrow_mut().after_change();
        result
    }

    fn look<T>(&self, act: impl FnOnce(&Model) -> io::Result<T>) -> io::Result<T> {
        self.scene.borrow_mut().before_operation();
        act(&self.model)
    }

    fn looked_at(&self, folder: &str, name: &str) {
        if let Some(path) = RelPath::parse(&format!("{folder}/{name}")) {
            self.scene.borrow_mut().ledger.looked_at(&path);
        }
    }

    fn lacks(&self, sabotage: Sabotage) -> bool {
        self.scene.borrow().sabotage == Some(sabotage)
    }

    /// A blind connector takes what it sets aside for what it has read before.
    fn blinded(&self, folder: &str, name: &str, found: Found) -> Found {
        if !self.lacks(Sabotage::UnchangedCheck) {
            return found;
        }
        let mut scene = self.scene.borrow_mut();
        let place = (folder.to_owned(), name.to_owned());
        if name.starts_with('.') {
            let content = scene.taken_for.get(&place).cloned().unwrap_or_else(|| found.content.clone());
            return Found { content, ..found };
        }
        scene.last_read.insert(place, found.content.clone());
        found
    }

    fn blind(&self, folder: &str, hidden: &str, name: &str) {
        let scene = &mut *self.scene.borrow_mut();
        let read = scene.last_read.get(&(folder.to_owned(), name.to_owned()));
        if let Some(read) = read.filter(|_| scene.sabotage == Some(Sabotage::UnchangedCheck)) {
            scene.taken_for.insert((folder.to_owned(), hidden.to_owned()), read.clone());
        }
    }
}

impl Operations for Watched {
    type Folder = String;
    type Volumes = ();

    fn folder(&self, path: Option<&RelPath>) -> io::Result<String> {
        self.look(|model| model.folder(path))
    }

    fn entries(&self, folder: &String) -> io::Result<Vec<Entry>> {
        self.look(|model| model.entries(folder))
    }

    fn exists(&self, folder: &String, name: &str) -> io::Result<bool> {
        let exists = self.look(|model| model.exists(folder, name));
        self.looked_at(folder, name);
        exists
    }

    fn read(&self, folder: &String, name: &str) -> io::Result<Found> {
        let found = self.look(|model| model.read(folder, name));
        self.looked_at(folder, name);
        found.map(|found| self.blinded(folder, name, found))
    }

    fn write_new(&self, folder: &String, name: &str, content: &[u8], access: NewAccess) -> io::Result<()> {
        self.scene.borrow_mut().taken_for.remove(&(folder.clone(), name.to_owned()));
        self.change(|model| model.write_new(folder, name, content, access))
    }

    fn rename_new(&self, folder: &String, from: &str, to: &str) -> io::Result<()> {
        self.blind(folder, to, from);
        self.change(|model| model.rename_new(folder, from, to))
    }

    fn exchange(&self, folder: &String, one: &str, other: &str) -> io::Result<()> {
        self.blind(folder, one, other);
        self.change(|model| model.exchange(folder, one, other))
    }

    fn remove(&self, folder: &String, name: &str) -> io::Result<()> {
        self.change(|model| model.remove(folder, name))
    }

    fn sync_file(&self, folder: &String, name: &str) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        self.look(|model| if lacks { Ok(()) } else { model.sync_file(folder, name) })
    }

    fn sync_folder(&self, folder: &String) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        self.look(|model| if lacks { Ok(()) } else { model.sync_folder(folder) })
    }

    fn volumes(&self, folders: &[&String]) -> io::Result<()> {
        self.look(|model| model.volumes(folders))
    }

    fn sync_volumes(&self, volumes: &()) -> io::Result<()> {
        let lacks = self.lacks(Sabotage::Sync);
        self.look(|model| if lacks { Ok(()) } else { model.sync_volumes(volumes) })
    }
}
