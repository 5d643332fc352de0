//! A small configuration, and change sets for it.
#![allow(dead_code, reason = "every test program uses some of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, RelPath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Before, Change, ChangeKind, ChangeSet, Document};
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::{User, UserId};

/// What is in a tree.
pub(crate) type Files = BTreeMap<RelPath, String>;

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// The file of the user with this number; odd ones are friends.
pub(crate) fn file(number: u32) -> RelPath {
    path(&format!("directory/{}/{number}.xml", if number % 2 == 0 { "team" } else { "friends" }))
}

/// What the file of the user with this number says who has this name.
pub(crate) fn content(number: u32, name: &str) -> String {
    format!("<include>\n<user id=\"{number}\" name=\"{name}\"/>\n</include>\n")
}

pub(crate) fn create(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Create(document(number, name)) }
}

pub(crate) fn replace(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Replace(reported(number), document(number, name)) }
}

pub(crate) fn remove(number: u32) -> Change {
    Change { path: file(number), kind: ChangeKind::Remove(reported(number)) }
}

pub(crate) fn change_set(changes: Vec<Change>) -> ChangeSet {
    let user = "<include>\n<user id=\"{id}\" name=\"{name}\"/>\n</include>\n";
    let templates = Templates::new(user, &[("default", "<include/>")]).unwrap();
    ChangeSet { changes, templates: Arc::new(templates), globals: Arc::default() }
}

/// The user as the switch reports it: its file has nothing that the switch would look at.
fn reported(number: u32) -> Before {
    Before::User(user(number, ""))
}

fn document(number: u32, name: &str) -> Document {
    Document::User(user(number, name), Role::Admin)
}

fn user(number: u32, name: &str) -> User {
    User {
        id: UserId::parse(&number.to_string()).unwrap(),
        password: fsconnector_engine::secret::Secret::new(""),
        conpin: fsconnector_engine::secret::Secret::new(""),
        context: "".into(),
        name: name.into(),
        email: "".into(),
        polymac: "none".into(),
    }
}

/// What is in the tree before any change: the users 20000 to 20005, and files that are not ours.
pub(crate) fn before() -> Files {
    let users = (20000..20006).map(|number| (file(number), content(number, "old")));
    let others =
        ["vars.xml", "directory/team/.gitkeep", "directory/team/notes.txt", "directory/friends/.20001.xml.swp"];
    users.chain(others.map(|name| (path(name), "not ours".to_owned()))).collect()
}

/// What is in the tree after the changes.
pub(crate) fn after(set: &ChangeSet) -> Files {
    let mut files = before();
    for change in &set.changes {
        match set.content(change) {
            Some(content) => files.insert(change.path.clone(), content),
            None => files.remove(&change.path),
        };
    }
    files
}

/// A disk with what is there before.
pub(crate) fn disk() -> Model {
    let disk = Model::new();
    for folder in ["directory", "directory/team", "directory/friends", "dialplan", "dialplan/conferences"] {
        disk.make_folder(&path(folder));
    }
    for (path, content) in before() {
        disk.edit(&Edit { path, editing: Editing::Replace(content.into_bytes()), synced: true });
    }
    // These were no edits to be remembered.
    disk.after_kill()
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
