//! The change sets on the disk of this machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fsconnector_disk::{Disk, Folders, OpenError, RelPath};
use fsconnector_engine::change_set::{ChangeSet, Refusal};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use sample::{after, before, change_set, create, file, path, remove, replace};
use tempfile::TempDir;

/// A folder with what is there before.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in before() {
        let path = folder.path().join(path.path.as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// The configuration tree alone.
fn folders(path: impl Into<PathBuf>) -> Folders {
    Folders { configuration: path.into(), files: None }
}

fn open(folder: &TempDir) -> Disk {
    Disk::open(folders(folder.path())).unwrap().0
}

fn commit(tree: &Disk, set: &ChangeSet) -> Result<FilesDone, FileError> {
    tree.perform(&FileWork::Commit(set.clone()))
}

/// A commit that nobody loses anything by.
fn committed() -> FilesDone {
    FilesDone::Committed { dropped: vec![], left_alone: vec![] }
}

#[track_caller]
fn check_files(folder: &TempDir, expected: &sample::Files) {
    let mut found = sample::Files::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let at = entry.unwrap().path();
            if at.is_dir() {
                folders.push(at);
            } else {
                let name = at.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
                found.insert(path(&name), fs::read_to_string(at).unwrap());
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
    let folder = folder();
    let set = change_set(vec![create(20010, "new"), replace(20000, "new"), remove(20001)]);
    let tree = open(&folder);
    assert_eq!(commit(&tree, &set), Ok(committed()));
    assert_eq!(tree.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    check_files(&folder, &before());
    assert_eq!(commit(&tree, &set), Ok(committed()));
    drop(tree);
    let (tree, recovered) = Disk::open(folders(folder.path())).unwrap();
    assert!(recovered.unsettled);
    check_files(&folder, &before());
    assert_eq!(commit(&tree, &set), Ok(committed()));
    assert_eq!(tree.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    check_files(&folder, &after(&set));
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_new_one_takes_the_folders() {
    let folder = folder();
    let team = folder.path().join("directory/team");
    fs::set_permissions(team.join("20000.xml"), Permissions::from_mode(0o604)).unwrap();
    for (of_folder, of_file) in [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600), (0o770, 0o660)] {
        fs::set_permissions(&team, Permissions::from_mode(of_folder)).unwrap();
        let tree = open(&folder);
        commit(&tree, &change_set(vec![create(20010, "new"), replace(20000, "new")])).unwrap();
        assert_eq!(mode(&team.join("20010.xml")), of_file);
        assert_eq!(mode(&team.join("20000.xml")), 0o604);
        assert_eq!(mode(&folder.path().join(".fsconnector-journal")), 0o600);
        tree.perform(&FileWork::Undo).unwrap();
        assert_eq!(mode(&team.join("20000.xml")), 0o604);
    }
}

#[test]
fn an_undone_file_is_the_very_same_one() {
    let folder = folder();
    let at = folder.path().join("directory/team/20000.xml");
    let identity = |at: &Path| fs::metadata(at).map(|file| (file.ino(), file.mtime_nsec())).unwrap();
    let before = identity(&at);
    let tree = open(&folder);
    commit(&tree, &change_set(vec![replace(20000, "new")])).unwrap();
    assert_ne!(identity(&at), before);
    tree.perform(&FileWork::Undo).unwrap();
    assert_eq!(identity(&at), before);
}

#[test]
fn links_are_neither_followed_nor_overwritten() {
    let (folder, outside) = (folder(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("20000.xml");
    fs::write(&secret, sample::content(20000, "outside")).unwrap();
    let team = folder.path().join("directory/team");
    fs::remove_file(team.join("20000.xml")).unwrap();
    symlink(&secret, team.join("20000.xml")).unwrap();
    symlink("nowhere", team.join("20010.xml")).unwrap();
    symlink(outside.path(), folder.path().join("directory/away")).unwrap();
    let tree = open(&folder);
    let set = change_set(vec![replace(20000, "new"), create(20010, "new")]);
    let refused = vec![(file(20000), Refusal::Missing), (file(20010), Refusal::Occupied)];
    assert_eq!(commit(&tree, &set), Err(FileError::Refused(refused)));
    let mut change = create(20012, "new");
    change.path = path("directory/away/20012.xml");
    assert!(matches!(commit(&tree, &change_set(vec![change])), Err(FileError::Failed { .. })));
    assert_eq!(fs::read_to_string(&secret).unwrap(), sample::content(20000, "outside"));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn nine_hundred_files_are_made_at_once() {
    let folder = folder();
    let set = change_set((20010..20910).map(|number| create(number, "new")).collect());
    let tree = open(&folder);
    assert_eq!(commit(&tree, &set), Ok(committed()));
    assert_eq!(tree.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    check_files(&folder, &after(&set));
}

#[test]
fn a_second_connector_is_refused_until_the_first_is_gone() {
    let folder = folder();
    let tree = open(&folder);
    let clone = tree.clone();
    drop(tree);
    let error = Disk::open(folders(folder.path())).unwrap_err();
    assert!(matches!(error, OpenError::Taken { .. }) && error.to_string().contains("another connector"), "{error}");
    drop(clone);
    assert!(Disk::open(folders(folder.path())).is_ok());
}

#[test]
fn a_tree_that_is_not_there_cannot_be_taken_over() {
    let error = Disk::open(folders("/nowhere/at all")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at all"), "{error}");
}

#[test]
fn a_tree_for_reading_is_listed_and_not_changed() {
    let folder = folder();
    let tree = Disk::reading(folders(folder.path()));
    let listed = tree.perform(&FileWork::List(vec![rel("directory/team"), rel("directory/nobody")]));
    assert_eq!(listed, Ok(FilesDone::Listed([20000, 20002, 20004].map(|number| file(number).path).to_vec())));
    let error = commit(&tree, &change_set(vec![remove(20000)])).unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
    check_files(&folder, &before());
    let missing = Disk::reading(folders(folder.path().join("missing")));
    assert!(missing.perform(&FileWork::List(vec![rel("directory/team")])).is_err());
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_that_leaves_nothing() {
    // With our prefix the name is longer than a file system allows.
    let folder = folder();
    let mut change = create(20010, "new");
    change.path = path(&format!("directory/team/{}.xml", "2".repeat(250)));
    let error = commit(&open(&folder), &change_set(vec![create(20012, "new"), change])).unwrap_err();
    assert!(matches!(error, FileError::Failed { .. }), "{error}");
    check_files(&folder, &before());
}
