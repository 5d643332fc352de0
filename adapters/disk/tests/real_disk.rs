//! The change sets on the disk of this machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use fsconnector_disk::{
    Disk, Folders, NoStaticTree, OpenError, RelPath, Root, Tree, TreePath, UploadError, UploadName, Uploaded,
};
use fsconnector_engine::change_set::{ChangeSet, Refusal};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::mac::Mac;
use sample::{
    after, before, change_set, contacts, create, file, linphone, path, phone, remove, remove_folder, replace,
    with_own_contact, write,
};
use tempfile::TempDir;

/// Folders with what is there before.
struct Trees {
    configuration: TempDir,
    files: TempDir,
}

fn trees() -> Trees {
    let trees = Trees { configuration: tempfile::tempdir().unwrap(), files: tempfile::tempdir().unwrap() };
    for (path, content) in before() {
        let path = trees.at(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    trees
}

impl Trees {
    fn folder(&self, tree: Tree) -> &Path {
        match tree {
            Tree::Configuration => self.configuration.path(),
            Tree::Static => self.files.path(),
        }
    }

    fn at(&self, path: &TreePath) -> PathBuf {
        self.folder(path.tree).join(path.path.as_str())
    }

    fn folders(&self) -> Folders {
        Folders { configuration: self.configuration.path().into(), files: Some(self.files.path().into()) }
    }
}

fn open(trees: &Trees) -> Disk {
    Disk::open(trees.folders()).unwrap().0
}

fn commit(disk: &Disk, set: &ChangeSet) -> Result<FilesDone, FileError> {
    disk.perform(&FileWork::Commit(set.clone()))
}

/// A commit that nobody loses anything by.
fn committed() -> FilesDone {
    FilesDone::Committed { dropped: vec![], left_alone: vec![] }
}

#[track_caller]
fn check_files(trees: &Trees, expected: &sample::Files) {
    let mut found = sample::Files::new();
    for tree in [Tree::Configuration, Tree::Static] {
        let mut folders = vec![trees.folder(tree).to_owned()];
        while let Some(below) = folders.pop() {
            for entry in fs::read_dir(below).unwrap() {
                let at = entry.unwrap().path();
                if at.is_dir() {
                    folders.push(at);
                } else {
                    let name = at.strip_prefix(trees.folder(tree)).unwrap().to_str().unwrap();
                    let path = TreePath { tree, path: rel(name) };
                    found.insert(path, fs::read_to_string(at).unwrap());
                }
            }
        }
    }
    assert_eq!(found, *expected);
}

fn rel(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn mode(at: &Path) -> u32 {
    fs::metadata(at).unwrap().mode() & 0o777
}

#[test]
fn change_sets_are_kept_undone_and_undone_by_the_next_start() {
    let trees = trees();
    let set = change_set(vec![create(20010, "new"), replace(20000, "new"), remove(20001)]);
    let disk = open(&trees);
    assert_eq!(commit(&disk, &set), Ok(committed()));
    assert_eq!(disk.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    check_files(&trees, &before());
    assert_eq!(commit(&disk, &set), Ok(committed()));
    drop(disk);
    let (disk, recovered) = Disk::open(trees.folders()).unwrap();
    assert!(recovered.unsettled);
    check_files(&trees, &before());
    assert_eq!(commit(&disk, &set), Ok(committed()));
    assert_eq!(disk.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    check_files(&trees, &after(&set));
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_new_one_takes_the_folders() {
    let trees = trees();
    let team = trees.configuration.path().join("directory/team");
    fs::set_permissions(team.join("20000.xml"), Permissions::from_mode(0o604)).unwrap();
    for (of_folder, of_file) in [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600), (0o770, 0o660)] {
        fs::set_permissions(&team, Permissions::from_mode(of_folder)).unwrap();
        let disk = open(&trees);
        commit(&disk, &change_set(vec![create(20010, "new"), replace(20000, "new")])).unwrap();
        assert_eq!(mode(&team.join("20010.xml")), of_file);
        assert_eq!(mode(&team.join("20000.xml")), 0o604);
        assert_eq!(mode(&trees.configuration.path().join(".fsconnector-journal")), 0o600);
        disk.perform(&FileWork::Undo).unwrap();
        assert_eq!(mode(&team.join("20000.xml")), 0o604);
    }
}

#[test]
fn an_undone_file_is_the_very_same_one() {
    let trees = trees();
    let at = trees.configuration.path().join("directory/team/20000.xml");
    let identity = |at: &Path| fs::metadata(at).map(|file| (file.ino(), file.mtime_nsec())).unwrap();
    let before = identity(&at);
    let disk = open(&trees);
    commit(&disk, &change_set(vec![replace(20000, "new")])).unwrap();
    assert_ne!(identity(&at), before);
    disk.perform(&FileWork::Undo).unwrap();
    assert_eq!(identity(&at), before);
}

#[test]
fn links_are_neither_followed_nor_overwritten() {
    let (trees, outside) = (trees(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("20000.xml");
    fs::write(&secret, sample::content(20000, "outside")).unwrap();
    let team = trees.configuration.path().join("directory/team");
    fs::remove_file(team.join("20000.xml")).unwrap();
    symlink(&secret, team.join("20000.xml")).unwrap();
    symlink("nowhere", team.join("20010.xml")).unwrap();
    symlink(outside.path(), trees.configuration.path().join("directory/away")).unwrap();
    let disk = open(&trees);
    let set = change_set(vec![replace(20000, "new"), create(20010, "new")]);
    let refused = vec![(file(20000), Refusal::Missing), (file(20010), Refusal::Occupied)];
    assert_eq!(commit(&disk, &set), Err(FileError::Refused(refused)));
    let mut change = create(20012, "new");
    change.path = path("directory/away/20012.xml");
    assert!(matches!(commit(&disk, &change_set(vec![change])), Err(FileError::Failed { .. })));
    assert_eq!(fs::read_to_string(&secret).unwrap(), sample::content(20000, "outside"));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn nine_hundred_files_are_made_at_once() {
    let trees = trees();
    let set = change_set((20010..20910).map(|number| create(number, "new")).collect());
    let disk = open(&trees);
    assert_eq!(commit(&disk, &set), Ok(committed()));
    assert_eq!(disk.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    check_files(&trees, &after(&set));
}

#[test]
fn a_second_connector_is_refused_until_the_first_is_gone() {
    let trees = trees();
    let disk = open(&trees);
    let clone = disk.clone();
    drop(disk);
    let error = Disk::open(trees.folders()).unwrap_err();
    assert!(matches!(error, OpenError::Taken { .. }) && error.to_string().contains("another connector"), "{error}");
    drop(clone);
    assert!(Disk::open(trees.folders()).is_ok());
}

#[test]
fn a_tree_that_is_not_there_cannot_be_taken_over() {
    let error = Disk::open(Folders { configuration: "/nowhere/at all".into(), files: None }).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at all"), "{error}");
}

/// A file system that nothing can be changed on, until it is dropped.
struct ReadOnly(TempDir);

impl ReadOnly {
    /// Nothing if this user may not mount.
    fn mount() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "ro", "tmpfs"]).arg(place.path()).output().ok()?;
        mount.status.success().then(|| Self(place))
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0.path()).output().unwrap();
    }
}

#[test]
fn a_tree_on_a_file_system_that_is_only_read_is_one_that_cannot_be_reached_for_changing() {
    let Some(read_only) = ReadOnly::mount() else { return };
    let error = Disk::open(Folders { configuration: read_only.0.path().into(), files: None }).unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    let root = Root::open_folder(read_only.0.path()).unwrap();
    assert_eq!(root.try_writing(None).unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn a_tree_for_reading_is_listed_and_not_changed() {
    let trees = trees();
    let disk = Disk::reading(trees.folders());
    let listed = disk.perform(&FileWork::List(vec![rel("directory/team"), rel("directory/nobody")]));
    assert_eq!(listed, Ok(FilesDone::Listed([20000, 20002, 20004].map(|number| file(number).path).to_vec())));
    let error = commit(&disk, &change_set(vec![remove(20000)])).unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
    assert_eq!(disk.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: Vec::new() }), "nothing was done");
    check_files(&trees, &before());
    let missing = Disk::reading(Folders { configuration: trees.configuration.path().join("missing"), files: None });
    assert!(missing.perform(&FileWork::List(vec![rel("directory/team")])).is_err());
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_that_leaves_nothing() {
    // With our prefix the name is longer than a file system allows.
    let trees = trees();
    let mut change = create(20010, "new");
    change.path = path(&format!("directory/team/{}.xml", "2".repeat(250)));
    let error = commit(&open(&trees), &change_set(vec![create(20012, "new"), change])).unwrap_err();
    assert!(matches!(error, FileError::Failed { .. }), "{error}");
    check_files(&trees, &before());
}

#[test]
fn a_change_set_spans_both_trees() {
    let trees = trees();
    let comes = [create(20010, "new"), write(linphone(20010), 20010, "new")];
    let goes = [remove(20001), remove_folder(&linphone(20001)), remove_folder(&phone(20001, "x"))];
    let set = change_set(comes.into_iter().chain(goes).collect());
    let disk = open(&trees);
    assert_eq!(commit(&disk, &set), Ok(committed()));
    assert_eq!(disk.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    check_files(&trees, &before());
    assert!(!trees.files.path().join("linphone/20010").exists(), "the folder that was made is gone");
    assert_eq!(commit(&disk, &set), Ok(committed()));
    assert_eq!(disk.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    check_files(&trees, &after(&set));
    assert!(!trees.files.path().join("linphone/20001").exists());
    assert!(!trees.files.path().join("polycom/0004f2020001").exists());
}

#[test]
fn files_of_phones_are_nobodys_business() {
    let trees = trees();
    fs::set_permissions(trees.at(&linphone(20000)), Permissions::from_mode(0o664)).unwrap();
    let disk = open(&trees);
    commit(&disk, &change_set([20000, 20010].map(|number| write(linphone(number), number, "new")).to_vec())).unwrap();
    disk.perform(&FileWork::Keep).unwrap();
    let provision = change_set(vec![write(linphone(20011), 20011, "new")]);
    disk.perform(&FileWork::Provision(provision)).unwrap();
    upload(&disk, "x.cfg", "uploaded").unwrap();
    let modes =
        [linphone(20000), linphone(20010), linphone(20011), phone(20000, "x.cfg")].map(|at| mode(&trees.at(&at)));
    assert_eq!(modes, [0o660, 0o640, 0o640, 0o640]);
}

fn upload(disk: &Disk, name: &str, content: &str) -> Result<Uploaded, UploadError> {
    disk.upload(&Mac::parse("0004f2020000").unwrap(), &UploadName::parse(name).unwrap(), content.as_bytes())
}

#[test]
fn links_in_the_static_tree_are_neither_followed_nor_overwritten() {
    let (trees, outside) = (trees(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("secret");
    fs::write(&secret, "outside").unwrap();
    let at = |name: &str| trees.files.path().join(name);
    symlink(&secret, at("polycom/0004f2020000/link.cfg")).unwrap();
    symlink(outside.path(), at("polycom/0004f2020005")).unwrap();
    fs::create_dir(at("linphone/20010")).unwrap();
    symlink(&secret, at("linphone/20010/linphone.xml")).unwrap();
    symlink(outside.path(), at("linphone/20011")).unwrap();
    let disk = open(&trees);
    let writes = [linphone(20010), linphone(20011)].map(|path| write(path, 20010, "new"));
    let refused = [linphone(20010), linphone(20011)].map(|path| (path, Refusal::Occupied)).to_vec();
    assert_eq!(commit(&disk, &change_set(writes.to_vec())), Err(FileError::Refused(refused)));
    let provisioned = disk.perform(&FileWork::Provision(change_set(writes.to_vec())));
    let Ok(FilesDone::Provisioned { left_alone }) = provisioned else { panic!("{provisioned:?}") };
    assert_eq!(left_alone.len(), 2);
    assert!(upload(&disk, "link.cfg", "new").is_err());
    let linked = Mac::parse("0004f2020005").unwrap();
    assert!(disk.upload(&linked, &UploadName::parse("x.cfg").unwrap(), b"new").is_err());
    let goes = [20000, 20005].map(|number| remove_folder(&phone(number, "x")));
    commit(&disk, &change_set(goes.to_vec())).unwrap();
    disk.perform(&FileWork::Keep).unwrap();
    assert!(at("polycom/0004f2020000/link.cfg").is_symlink(), "what is no plain file stays, and with it the folder");
    assert_eq!(fs::read_dir(at("polycom/0004f2020000")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "outside");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn uploads_provisioning_and_change_sets_take_turns() {
    let trees = trees();
    let disk = open(&trees);
    let directory = contacts(20000).path;
    let uploads = || {
        for round in 0..40 {
            upload(&disk, directory.path.file_name(), &with_own_contact(&format!("own {round}"))).unwrap();
            upload(&disk, "x-app.log", "a line\n").unwrap();
        }
    };
    let changes = || {
        for round in 0..40 {
            let set = change_set(vec![contacts(20000), write(linphone(20000), 20000, &format!("name {round}"))]);
            if round % 3 == 0 {
                disk.perform(&FileWork::Provision(set)).unwrap();
                continue;
            }
            commit(&disk, &set).unwrap();
            let ending = if round % 3 == 1 { FileWork::Keep } else { FileWork::Undo };
            disk.perform(&ending).unwrap();
        }
    };
    thread::scope(|scope| {
        scope.spawn(uploads);
        scope.spawn(changes);
    });
    let found = fs::read_to_string(trees.at(&directory)).unwrap();
    assert!(found.contains("own 39"), "{found}");
    let log = fs::read_to_string(trees.at(&phone(20000, "x-app.log"))).unwrap();
    assert_eq!(log.matches("a line").count(), 40);
    let names = fs::read_dir(trees.files.path().join("polycom/0004f2020000")).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn a_static_tree_that_is_not_there_is_made() {
    let trees = trees();
    let path = trees.files.path().join("not/there/yet");
    let disk = Disk::open(Folders { files: Some(path.clone()), ..trees.folders() }).unwrap().0;
    assert!(disk.static_tree().is_ok());
    assert_eq!(mode(&path), 0o755);
    commit(&disk, &change_set(vec![write(linphone(20010), 20010, "new")])).unwrap();
    disk.perform(&FileWork::Keep).unwrap();
    assert!(path.join("linphone/20010/linphone.xml").is_file());
}

#[test]
fn without_a_static_tree_the_rest_works_and_it_is_told_why() {
    let trees = trees();
    let path = trees.configuration.path().join("vars.xml/below a file");
    let disk = Disk::open(Folders { files: Some(path), ..trees.folders() }).unwrap().0;
    let error = disk.static_tree().unwrap_err();
    assert!(matches!(error, NoStaticTree::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("below a file"), "{error}");
    assert_eq!(commit(&disk, &change_set(vec![create(20010, "new")])), Ok(committed()));
    disk.perform(&FileWork::Keep).unwrap();
    let set = change_set(vec![write(linphone(20010), 20010, "new")]);
    let error = disk.perform(&FileWork::Provision(set)).unwrap_err();
    assert!(error.to_string().contains("no static tree"), "{error}");
    assert!(matches!(upload(&disk, "x.cfg", "text"), Err(UploadError::Unavailable(_))));
}

#[test]
fn a_second_connector_may_not_share_the_static_tree_either() {
    let (first, second) = (trees(), trees());
    let _disk = open(&first);
    let error = Disk::open(Folders { files: first.folders().files, ..second.folders() }).unwrap_err();
    let OpenError::Taken { path } = error else { panic!("{error}") };
    assert_eq!(path, first.files.path());
}

#[test]
fn trees_that_are_only_read_are_not_changed() {
    let trees = trees();
    let disk = Disk::reading(trees.folders());
    assert!(matches!(disk.static_tree(), Err(NoStaticTree::OnlyRead)));
    assert!(matches!(upload(&disk, "x.cfg", "text"), Err(UploadError::Unavailable(NoStaticTree::OnlyRead))));
    let set = change_set(vec![write(linphone(20010), 20010, "new")]);
    assert!(disk.perform(&FileWork::Provision(set)).is_err());
    check_files(&trees, &before());
}
