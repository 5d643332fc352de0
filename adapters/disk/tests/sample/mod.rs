//! A small configuration, and change sets for it.
#![allow(dead_code, reason = "every test program uses some of it")]
#![allow(clippy::unwrap_used, reason = "a sample that cannot be made is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, RelPath, TreePath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Before, Change, ChangeKind, ChangeSet, Document};
use fsconnector_engine::config::Config;
use fsconnector_engine::render::{PublicAddress, Renderer, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{User, UserId};

/// What is in a tree.
pub(crate) type Files = BTreeMap<TreePath, String>;

/// A path in the configuration tree.
pub(crate) fn path(text: &str) -> TreePath {
    TreePath::configuration(RelPath::parse(text).unwrap())
}

/// The file of the user with this number; odd ones are friends.
pub(crate) fn file(number: u32) -> TreePath {
    path(&format!("directory/{}/{number}.xml", if number.is_multiple_of(2) { "team" } else { "friends" }))
}

/// What the file of the user with this number says who has this name.
pub(crate) fn content(number: u32, name: &str) -> String {
    change_set(vec![]).content(&create(number, name), None).unwrap().unwrap()
}

pub(crate) fn create(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Create(document(number, name)) }
}

/// Gives a user another name who had the name `old`.
pub(crate) fn replace(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Replace(Before::User(user(number, "old")), document(number, name)) }
}

/// Removes a user who had the name `old`.
pub(crate) fn remove(number: u32) -> Change {
    Change { path: file(number), kind: ChangeKind::Remove(Before::User(user(number, "old"))) }
}

pub(crate) fn change_set(changes: Vec<Change>) -> ChangeSet {
    static RENDERER: LazyLock<Arc<Renderer>> = LazyLock::new(|| {
        let templates = Templates::new(fsconnector_templates::ALL).unwrap();
        let (config, address) = (Config::default(), PublicAddress::default());
        Arc::new(Renderer::new(Arc::new(templates), Arc::new(config), Arc::default(), Arc::new([]), address))
    });
    ChangeSet { changes, renderer: Arc::clone(&RENDERER) }
}

fn document(number: u32, name: &str) -> Document {
    Document::User(user(number, name), Role::Admin)
}

fn user(number: u32, name: &str) -> User {
    User {
        id: UserId::parse(&number.to_string()).unwrap(),
        password: Secret::new("correct horse"),
        conpin: Secret::new("1234"),
        context: "team".into(),
        name: name.into(),
        email: "somebody@example.org".into(),
        polymac: "none".into(),
    }
}

/// What is in the tree before any change: the users 20000 to 20005, and files that are not ours.
pub(crate) fn before() -> Files {
    static BEFORE: LazyLock<Files> = LazyLock::new(|| {
        let users = (20000..20006).map(|number| (file(number), content(number, "old")));
        let others =
            ["vars.xml", "directory/team/.gitkeep", "directory/team/notes.txt", "directory/friends/.20001.xml.swp"];
        users.chain(others.map(|name| (path(name), "not ours".to_owned()))).collect()
    });
    BEFORE.clone()
}

/// What is in the tree after the changes.
pub(crate) fn after(set: &ChangeSet) -> Files {
    let mut files = before();
    for change in &set.changes {
        match set.content(change, None).unwrap() {
            Some(content) => files.insert(change.path.clone(), content),
            None => files.remove(&change.path),
        };
    }
    files
}

/// A disk with what is there before.
pub(crate) fn disk() -> Model {
    static DISK: LazyLock<Model> = LazyLock::new(|| {
        let disk = Model::new();
        for folder in ["directory", "directory/team", "directory/friends", "dialplan", "dialplan/conferences"] {
            disk.add_folder(&path(folder));
        }
        for (path, content) in before() {
            disk.edit(&Edit { path, editing: Editing::Replace(content.into_bytes()), synced: true });
        }
        disk
    });
    // A new one, without what was done to this.
    DISK.after_kill()
}

/// What is on the disk, hidden files included.
pub(crate) fn files(disk: &Model) -> Files {
    let text = |content: Vec<u8>| String::from_utf8_lossy(&content).into_owned();
    disk.files().into_iter().map(|(path, content)| (path, text(content))).collect()
}

/// Starts on the disk.
pub(crate) fn recover(disk: &Model) -> (ChangeSets<Model>, fsconnector_disk::Recovered) {
    ChangeSets::recover(disk.clone()).unwrap()
}
