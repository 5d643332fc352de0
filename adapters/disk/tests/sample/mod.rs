//! A small configuration with its phones, and change sets for it.
//!
//! In the files of phones there is what would be in a user's file: what is written does not matter to the disk, and the
//! templates of phones have tests of their own.
#![allow(dead_code, reason = "every test program uses some of it")]
#![allow(clippy::unwrap_used, reason = "a sample that cannot be made is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, RelPath, TreePath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Before, Change, ChangeKind, ChangeSet, Document, PhoneFile};
use fsconnector_engine::config::{Config, ContextName};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::render::{PublicAddress, Renderer, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, User, UserId};

/// What is in a tree.
pub(crate) type Files = BTreeMap<TreePath, String>;

/// A path in the configuration tree.
pub(crate) fn path(text: &str) -> TreePath {
    TreePath::configuration(RelPath::parse(text).unwrap())
}

/// A path in the static tree.
pub(crate) fn static_path(text: &str) -> TreePath {
    TreePath::in_static(RelPath::parse(text).unwrap())
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
        let conferences = Arc::new([conference()]);
        Arc::new(Renderer::new(Arc::new(templates), Arc::new(config), Arc::default(), conferences, address))
    });
    ChangeSet { changes, renderer: Arc::clone(&RENDERER) }
}

/// The file of the Linphone of the user with this number.
pub(crate) fn linphone(number: u32) -> TreePath {
    static_path(&format!("linphone/{number}/linphone.xml"))
}

/// A file in the folder of the phone of the user with this number.
pub(crate) fn phone(number: u32, name: &str) -> TreePath {
    static_path(&format!("polycom/0004f20{number}/{name}"))
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &TreePath) -> Option<TreePath> {
    let (folder, _) = path.path.as_str().rsplit_once('/')?;
    Some(TreePath { tree: path.tree, path: RelPath::parse(folder)? })
}

/// Writes the file of a user anew, whatever it says of him.
pub(crate) fn rebuild(number: u32, name: &str) -> Change {
    Change { path: file(number), kind: ChangeKind::Rebuild(document(number, name)) }
}

/// Writes a file with what is there of somebody, whatever it says.
pub(crate) fn write(path: TreePath, number: u32, name: &str) -> Change {
    Change { path, kind: ChangeKind::Write(document(number, name)) }
}

/// Writes the contacts of the phone of the user with this number, and keeps those that its owner has made.
pub(crate) fn contacts(number: u32) -> Change {
    let mac = Mac::parse(&format!("0004f20{number}")).unwrap();
    let path = phone(number, &PhoneFile::Directory.name(&mac));
    let document = Document::Phone(PhoneFile::Directory, mac, user(number, "old"), Role::Admin);
    Change { path, kind: ChangeKind::Write(document) }
}

/// A phone's contacts with one that its owner has made.
pub(crate) fn with_own_contact(name: &str) -> String {
    format!("<directory><item_list><item><ln>{name}</ln><ct>1</ct></item></item_list></directory>")
}

/// Removes the folder that a file is in.
pub(crate) fn remove_folder(path: &TreePath) -> Change {
    Change { path: folder_of(path).unwrap(), kind: ChangeKind::RemoveFolder }
}

/// A phone that somebody else has now: nothing of what is in its folder stays.
pub(crate) fn hand_over(number: u32, name: &str) -> Vec<Change> {
    let kind = ChangeKind::WriteAfresh(document(number, name));
    vec![remove_folder(&phone(number, "allprov.cfg")), Change { path: phone(number, "allprov.cfg"), kind }]
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

fn conference() -> Conference {
    let context = ContextName::parse("team").unwrap();
    Conference { num: 30000, name: "Standup".into(), profile: "default".into(), context, pin: None }
}

/// What is in the trees before any change: the users 20000 to 20005, each with a Linphone, the first two with another phone,
/// and files that are not ours.
pub(crate) fn before() -> Files {
    static BEFORE: LazyLock<Files> = LazyLock::new(|| {
        let users = (20000..20006).map(|number| (file(number), content(number, "old")));
        let others =
            ["vars.xml", "directory/team/.gitkeep", "directory/team/notes.txt", "directory/friends/.20001.xml.swp"];
        let linphones = (20000..20006).map(|number| (linphone(number), content(number, "old")));
        let phones = [20000, 20001].into_iter().flat_map(|number| {
            ["allprov.cfg", "x-app.log", "calls/today.xml"].map(|name| (phone(number, name), content(number, name)))
        });
        let operators = ["phone/index.html", "polycom/ucs/sip.ld"];
        let operators = operators.map(|name| (static_path(name), "not ours".to_owned()));
        let others = others.map(|name| (path(name), "not ours".to_owned()));
        users.chain(linphones).chain(phones).chain(operators).chain(others).collect()
    });
    BEFORE.clone()
}

/// What is in the tree after the changes.
pub(crate) fn after(set: &ChangeSet) -> Files {
    let mut files = before();
    let removed = set.changes.iter().filter(|change| change.kind == ChangeKind::RemoveFolder);
    for Change { path, .. } in removed {
        files.retain(|file, _| file.tree != path.tree || !file.path.as_str().starts_with(&format!("{}/", path.path)));
    }
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
        for folder in folders(&before()) {
            disk.add_folder(&folder);
        }
        for (path, content) in before() {
            disk.edit(&Edit { path, editing: Editing::Replace(content.into_bytes()), synced: true });
        }
        disk
    });
    // A new one, without what was done to this.
    DISK.after_kill()
}

/// The folders that are there however many files there are.
fn standing_folders() -> BTreeSet<TreePath> {
    let folders = ["directory/team", "directory/friends", "dialplan/conferences"].map(path);
    folders.into_iter().chain(["linphone", "polycom", "polycom/ucs", "phone"].map(static_path)).collect()
}

/// The folders there have to be for these files.
pub(crate) fn folders(files: &Files) -> BTreeSet<TreePath> {
    let mut folders = standing_folders();
    folders.extend(files.keys().filter_map(folder_of));
    let mut above: Vec<TreePath> = folders.iter().cloned().collect();
    while let Some(folder) = above.pop() {
        if let Some(parent) = folder_of(&folder) {
            above.push(parent.clone());
            folders.insert(parent);
        }
    }
    folders
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
