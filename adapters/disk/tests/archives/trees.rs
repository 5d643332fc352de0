//! Trees to archive, on the disk of this machine and on the model of one.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fsconnector_disk::{ChangeSets, Disk, Edit, Editing, Folders, Model, RelPath, TreePath};
use fsconnector_engine::files::{FileError, FileWork, FilesDone, Part};
use tempfile::TempDir;

/// What is in a tree: the content of each file, and nothing for each folder.
pub(crate) type Tree = BTreeMap<String, Option<String>>;

/// What is in a tree, with permission bits.
pub(crate) type TreeWithModes = BTreeMap<String, (u32, Option<String>)>;

const USER: &str = "<include>\n  <user id=\"20000\">\n  </user>\n</include>\n";

/// A small configuration.
pub(crate) fn sample() -> Tree {
    let files = [
        ("freeswitch.xml", "<document/>"),
        ("vars.xml", "<include>\n</include>"),
        ("directory/default.xml", "<include>\n<X-PRE-PROCESS cmd=\"include\" data=\"team/*.xml\">\n</include>\n"),
        ("directory/team/20000.xml", USER),
        ("directory/team/20001.xml", "<include>\n  <user id=\"20001\"/>\n</include>\n"),
        ("directory/team/.notes", "not loaded <"),
        ("directory/friends/21000.xml", "<include>\n  <user id=\"21000\"/>\n</include>\n"),
        ("dialplan/public.xml", "<include>\n</include>\n"),
        ("dialplan/conferences/30000.xml", "<include>\n  <extension name=\"30000\"/>\n</include>\n"),
    ];
    tree(&files)
}

/// A tree of these files, and of the folders they are in.
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    for (path, content) in files {
        tree.extend(path.match_indices('/').map(|(end, _)| (path[..end].to_owned(), None)));
        tree.insert((*path).to_owned(), Some((*content).to_owned()));
    }
    tree
}

/// What is in `tree` at `folder` and below.
pub(crate) fn below(tree: &Tree, folder: &str) -> Tree {
    let inside = |path: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    tree.iter().filter(|(path, _)| inside(path)).map(|(path, content)| (path.clone(), content.clone())).collect()
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// The name of the archive of a part.
pub(crate) fn archive_name(part: Part) -> String {
    format!("{}.tar.gz", part.name())
}

/// Both trees on the disk of this machine.
pub(crate) struct RealTrees {
    folder: TempDir,
}

impl RealTrees {
    /// With this configuration, and an empty static tree.
    pub(crate) fn new(configuration: &Tree) -> Self {
        let trees = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(trees.configuration()).unwrap();
        fs::create_dir(trees.static_tree()).unwrap();
        for (path, content) in configuration {
            match content {
                Some(content) => trees.write(path, content),
                None => fs::create_dir_all(trees.at(path)).unwrap(),
            }
        }
        trees
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.path().join("configuration")
    }

    pub(crate) fn static_tree(&self) -> PathBuf {
        self.folder.path().join("static")
    }

    /// Where this is of the configuration.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.configuration().join(path)
    }

    /// Writes a file of the configuration, and makes the folders it is in.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn open(&self) -> Disk {
        let folders = Folders { configuration: self.configuration(), files: Some(self.static_tree()) };
        Disk::open(folders).unwrap().0
    }

    pub(crate) fn store(&self, part: Part) -> Result<FilesDone, FileError> {
        self.open().perform(&FileWork::Archive(part))
    }

    /// Restores a part, and keeps that.
    pub(crate) fn restore(&self, part: Part) -> Result<FilesDone, FileError> {
        let disk = self.open();
        disk.perform(&FileWork::Restore(part))?;
        disk.perform(&FileWork::Keep)
    }

    /// The names of the archives.
    pub(crate) fn archives(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.static_tree().join("store")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn archive(&self, name: &str) -> Vec<u8> {
        fs::read(self.static_tree().join("store").join(name)).unwrap()
    }

    /// Puts an archive where that of the part is.
    pub(crate) fn put_archive(&self, part: Part, archive: &[u8]) {
        fs::create_dir_all(self.static_tree().join("store")).unwrap();
        fs::write(self.static_tree().join("store").join(archive_name(part)), archive).unwrap();
    }

    /// All of the configuration, hidden files included.
    pub(crate) fn found(&self) -> Tree {
        self.with_modes().into_iter().map(|(path, (_, content))| (path, content)).collect()
    }

    /// All of the configuration, with permission bits.
    pub(crate) fn with_modes(&self) -> TreeWithModes {
        let mut found = TreeWithModes::new();
        let root = self.configuration();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let at = entry.unwrap().path();
                let name = at.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let metadata = fs::symlink_metadata(&at).unwrap();
                let content = metadata.is_file().then(|| text(&fs::read(&at).unwrap()));
                found.insert(name, (metadata.mode() & 0o777, content));
                if metadata.is_dir() {
                    folders.push(at);
                }
            }
        }
        found
    }
}

/// What differs is easier to see in a text.
fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

pub(crate) fn mode(at: &Path) -> u32 {
    fs::symlink_metadata(at).unwrap().mode() & 0o777
}

/// A model disk with this configuration, and an empty static tree.
pub(crate) fn model(configuration: &Tree) -> Model {
    let model = Model::new();
    for (name, content) in configuration {
        match content {
            None => model.add_folder(&TreePath::configuration(path(name))),
            Some(content) => write(&model, &TreePath::configuration(path(name)), content.as_bytes()),
        }
    }
    // A new one, without what was done to this.
    model.after_kill()
}

/// Puts an archive where that of the part is.
pub(crate) fn put_archive(model: &Model, part: Part, archive: &[u8]) {
    model.add_folder(&TreePath::in_static(path("store")));
    write(model, &TreePath::in_static(part.archive()), archive);
}

/// Writes a file, durably.
pub(crate) fn write(model: &Model, path: &TreePath, content: &[u8]) {
    model.edit(&Edit { path: path.clone(), editing: Editing::Replace(content.to_vec()), synced: true });
}

/// All of the configuration, hidden files included.
pub(crate) fn found(model: &Model) -> Tree {
    let in_configuration = |path: &TreePath| path.tree == fsconnector_disk::Tree::Configuration;
    let folders = model.folders().into_iter().filter(in_configuration).map(|path| (path.to_string(), None));
    let files = model.files().into_iter().filter(|(path, _)| in_configuration(path));
    folders.chain(files.map(|(path, content)| (path.to_string(), Some(text(&content))))).collect()
}

/// The archives and what else is in the static tree.
pub(crate) fn archives(model: &Model) -> BTreeMap<String, Vec<u8>> {
    let files = model.files().into_iter().filter(|(path, _)| path.tree == fsconnector_disk::Tree::Static);
    files.map(|(path, content)| (path.to_string(), content)).collect()
}

/// Starts on the disk.
pub(crate) fn recover(model: &Model) -> ChangeSets<Model> {
    ChangeSets::recover(model.clone()).unwrap().0
}
