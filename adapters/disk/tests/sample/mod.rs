//! A small configuration, and change sets for it.
#![allow(dead_code, reason = "every test program uses some of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, RelPath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Document, Subject};
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::{User, UserId};

/// What is in a tree.
pub type Files = BTreeMap<RelPath, Vec<u8>>;

pub fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// The file of the user with this number; odd ones are friends.
pub fn file(number: u32) -> RelPath {
    path(&format!("directory/{}/{number}.xml", if number % 2 == 0 { "team" } else { "friends" }))
}

/// What the file of the user with this number says who has this name.
pub fn content(number: u32, name: &str) -> Vec<u8> {
    format!("<include>\n<user id=\"{number}\" name=\"{name}\"/>\n</include>\n").into_bytes()
}

pub fn create(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Create(document(number, name)) }
}

pub fn replace(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Replace(subject(number), document(number, name)) }
}

pub fn remove(number: u32) -> Change {
    Change { path: file(number), kind: ChangeKind::Remove(subject(number)) }
}

pub fn change_set(changes: Vec<Change>) -> ChangeSet {
    let user = "<include>\n<user id=\"{id}\" name=\"{name}\"/>\n</include>\n";
    let templates = Templates::new(user, &[("default", "<include/>")]).unwrap();
    ChangeSet { changes, templates: Arc::new(templates), globals: Arc::default() }
}

fn subject(number: u32) -> Subject {
    Subject::User(UserId::parse(&number.to_string()).unwrap())
}

fn document(number: u32, name: &str) -> Document {
    let user = User {
        id: UserId::parse(&number.to_string()).unwrap(),
        password: fsconnector_engine::secret::Secret::new(""),
        conpin: fsconnector_engine::secret::Secret::new(""),
        context: "team".into(),
        name: name.into(),
        email: "".into(),
        polymac: "none".into(),
    };
    Document::User(user, Role::Admin)
}

/// What is in the tree before any change: the users 20000 to 20005, and files that are not ours.
pub fn before() -> Files {
    let users = (20000..20006).map(|number| (file(number), content(number, "old")));
    let others = ["vars.xml", "directory/team/.gitkeep", "directory/team/notes.txt", "directory/friends/.20001.xml.swp"];
    users.chain(others.map(|name| (path(name), b"not ours".to_vec()))).collect()
}

/// What is in the tree after the changes.
pub fn after(set: &ChangeSet) -> Files {
    let mut files = before();
    for change in &set.changes {
        match set.content(change) {
            Some(content) => files.insert(change.path.clone(), content.into_bytes()),
            None => files.remove(&change.path),
        };
    }
    files
}

/// A disk with what is there before.
pub fn disk() -> Model {
    let disk = Model::new();
    for folder in ["directory", "directory/team", "directory/friends", "dialplan", "dialplan/conferences"] {
        disk.make_folder(&path(folder));
    }
    for (path, content) in before() {
        disk.edit(&Edit { path, editing: Editing::Replace(content), synced: true });
    }
    disk
}

/// The files of a disk, and whether nothing hidden of ours is among them.
pub fn recover(disk: &Model) -> (ChangeSets<Model>, fsconnector_disk::Recovered) {
    ChangeSets::recover(disk.clone()).unwrap()
}
