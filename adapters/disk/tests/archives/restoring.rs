//! Restoring an honest archive.

use std::fs;
use std::os::unix::fs::symlink;

use fsconnector_disk::{Disk, Edit, Editing, Folders, TreePath};
use fsconnector_engine::change_set::Refusal;
use fsconnector_engine::files::{FileError, FileWork, FilesDone, Part};

use crate::by_hand::{archive, file, folder, long_file, pax_file};
use crate::trees::{RealTrees, Tree, below, found, mode, model, path, put_archive, recover, sample, tree, write};

/// Everything in a part is changed in every way there is.
fn change(trees: &RealTrees) {
    trees.write("directory/team/20000.xml", "<changed/>");
    trees.set_mode("directory/team/20001.xml", 0o600);
    fs::remove_file(trees.at("directory/default.xml")).unwrap();
    fs::remove_dir_all(trees.at("directory/friends")).unwrap();
    trees.write("directory/team/more.xml", "<more/>");
    trees.write("directory/other/deep/file", "more");
    fs::create_dir(trees.at("directory/empty")).unwrap();
    trees.set_mode("directory", 0o750);
    trees.set_mode("directory/team", 0o711);
}

#[test]
fn a_restored_part_is_what_was_stored_byte_for_byte_and_mode_for_mode() {
    for part in [Part::Directory, Part::FreeSwitch] {
        let trees = RealTrees::new(&sample());
        trees.set_mode("directory/friends", 0o750);
        trees.set_mode("directory/friends/21000.xml", 0o604);
        trees.set_mode("directory/team/20000.xml", 0o640);
        fs::create_dir(trees.at("directory/nobody")).unwrap();
        let before = trees.with_modes();
        trees.store(part).unwrap();
        change(&trees);
        fs::remove_dir(trees.at("directory/nobody")).unwrap();
        trees.restore(part).unwrap();
        assert_eq!(trees.with_modes(), before);
        // And so it is when nothing is to be done.
        trees.restore(part).unwrap();
        assert_eq!(trees.with_modes(), before);
    }
}

#[test]
fn what_is_not_in_the_part_is_not_touched() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::Conferences).unwrap();
    change(&trees);
    trees.write("dialplan/conferences/30001.xml", "<more/>");
    trees.write("dialplan/more.xml", "<more/>");
    let mut expected = trees.found();
    expected.remove("dialplan/conferences/30001.xml");
    trees.restore(Part::Conferences).unwrap();
    assert_eq!(trees.found(), expected);
}

#[test]
fn a_part_that_is_gone_is_made_again() {
    for part in [Part::Conferences, Part::Dialplan] {
        let trees = RealTrees::new(&sample());
        trees.store(part).unwrap();
        fs::remove_dir_all(trees.at("dialplan")).unwrap();
        trees.restore(part).unwrap();
        let folder = part.folder().unwrap();
        assert_eq!(below(&trees.found(), folder.as_str()), below(&sample(), folder.as_str()));
    }
}

#[test]
fn a_restoration_can_be_undone_and_is_undone_by_the_next_start() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::FreeSwitch).unwrap();
    change(&trees);
    let before = trees.with_modes();
    let disk = trees.open();
    for _ in 0..2 {
        let done = disk.perform(&FileWork::Restore(Part::FreeSwitch));
        assert_eq!(done, Ok(FilesDone::Committed { dropped: vec![], left_alone: vec![] }));
        assert_ne!(trees.with_modes(), before);
        assert_eq!(disk.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
        assert_eq!(trees.with_modes(), before);
    }
    disk.perform(&FileWork::Restore(Part::FreeSwitch)).unwrap();
    drop(disk);
    let folders = Folders { configuration: trees.configuration(), files: Some(trees.static_tree()) };
    let (_disk, recovered) = Disk::open(folders).unwrap();
    assert!(recovered.unsettled && recovered.left.is_empty());
    assert_eq!(trees.with_modes(), before);
}

#[test]
fn the_root_and_the_files_that_are_as_they_should_be_stay_the_very_same() {
    use std::os::unix::fs::MetadataExt;
    let trees = RealTrees::new(&sample());
    trees.store(Part::FreeSwitch).unwrap();
    trees.write("directory/team/20000.xml", "<changed/>");
    let number = |at: &str| fs::metadata(trees.at(at)).unwrap().ino();
    let before = ["", "directory", "directory/team", "directory/team/20001.xml"].map(number);
    trees.restore(Part::FreeSwitch).unwrap();
    assert_eq!(["", "directory", "directory/team", "directory/team/20001.xml"].map(number), before);
}

#[test]
fn archives_of_other_programs_are_understood() {
    let long = format!("directory/team/{}.xml", "n".repeat(150));
    let longer = format!("directory/team/{}.xml", "m".repeat(150));
    let made = archive(&[
        folder("./directory/"),
        file("./directory/team/20000.xml", b"<user/>"),
        long_file(&long, b"<long/>"),
        pax_file(&[("path", &longer), ("mtime", "1.5")], "short", b"<longer/>"),
        folder("directory/last"),
    ]);
    let trees = RealTrees::new(&sample());
    trees.put_archive(Part::Directory, &made);
    trees.restore(Part::Directory).unwrap();
    let mut expected = tree(&[("directory/team/20000.xml", "<user/>"), (&long, "<long/>"), (&longer, "<longer/>")]);
    expected.insert("directory/last".into(), None);
    assert_eq!(below(&trees.found(), "directory"), expected);
}

#[test]
fn what_is_no_plain_file_in_the_tree_stops_a_restoration() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::Directory).unwrap();
    trees.write("directory/team/20000.xml", "<changed/>");
    symlink("/etc", trees.at("directory/away")).unwrap();
    let before = trees.with_modes();
    let error = trees.restore(Part::Directory).unwrap_err();
    assert!(matches!(&error, FileError::Unfit(words) if words.starts_with("directory/away is a link")), "{error}");
    assert_eq!(trees.with_modes(), before);
    // A link in the place of the part's own folder is not followed either.
    fs::remove_file(trees.at("directory/away")).unwrap();
    let elsewhere = trees.static_tree().join("elsewhere");
    fs::rename(trees.at("directory"), &elsewhere).unwrap();
    symlink(&elsewhere, trees.at("directory")).unwrap();
    let error = trees.restore(Part::Directory).unwrap_err();
    assert!(matches!(&error, FileError::Unfit(words) if words.starts_with("directory is a link")), "{error}");
    assert_eq!(fs::read(elsewhere.join("team/20000.xml")).unwrap(), b"<changed/>");
}

#[test]
fn other_peoples_hidden_files_are_restored_and_ours_are_not_touched() {
    let trees = RealTrees::new(&sample());
    trees.write("directory/.git/config", "mine");
    trees.store(Part::Directory).unwrap();
    trees.write("directory/.git/config", "changed");
    let disk = trees.open();
    disk.perform(&FileWork::Restore(Part::Directory)).unwrap();
    disk.perform(&FileWork::Keep).unwrap();
    let mut expected = sample();
    expected.extend(tree(&[("directory/.git/config", "mine")]));
    assert_eq!(trees.found(), expected);
}

/// Right before each operation of a restoration somebody writes into each of the files: what he writes is there after it,
/// and either the rest is restored or nothing is.
#[test]
fn what_somebody_writes_at_the_same_time_is_never_lost() {
    let archive = crate::interruptions::archive_of_the_sample();
    let changed = crate::interruptions::changed_sample();
    let operations = {
        let disk = model(&changed);
        put_archive(&disk, Part::Directory, &archive);
        let disk = disk.after_kill();
        let mut sets = recover(&disk);
        sets.perform(&FileWork::Restore(Part::Directory)).unwrap();
        sets.perform(&FileWork::Keep).unwrap();
        disk.operations()
    };
    for name in ["directory/team/20000.xml", "directory/team/more.xml", "directory/default.xml"] {
        for at in 0..operations {
            let disk = model(&changed);
            put_archive(&disk, Part::Directory, &archive);
            let disk = disk.after_kill();
            let mine = Editing::Replace(b"mine".to_vec());
            disk.edit_before(at, Edit { path: TreePath::configuration(path(name)), editing: mine, synced: true });
            let mut sets = recover(&disk);
            let restored = sets.perform(&FileWork::Restore(Part::Directory));
            let kept = restored.and_then(|_| sets.perform(&FileWork::Keep));
            if kept.is_err() {
                sets.perform(&FileWork::Undo).unwrap();
            }
            let found = found(&disk);
            let is_mine = found.get(name) == Some(&Some("mine".to_owned()));
            let without = |mut tree: Tree| {
                tree.remove(name);
                tree
            };
            let expected = if kept.is_ok() { crate::interruptions::whole_sample() } else { changed.clone() };
            assert_eq!(without(found), without(expected), "{name} {at} {kept:?}");
            // Before the file is looked at, what he wrote is what is replaced.
            let was_read = at > 40;
            assert!(is_mine || kept.is_ok() || !was_read, "{name} {at} {kept:?}");
        }
    }
}

#[test]
fn a_file_that_somebody_changed_after_the_comparison_is_refused() {
    let archive = crate::interruptions::archive_of_the_sample();
    let disk = model(&crate::interruptions::changed_sample());
    put_archive(&disk, Part::Directory, &archive);
    let operations = |edit_at: Option<usize>| {
        let disk = disk.after_kill();
        let name = TreePath::configuration(path("directory/team/20000.xml"));
        if let Some(at) = edit_at {
            disk.edit_before(at, Edit { path: name, editing: Editing::Replace(b"mine".to_vec()), synced: true });
        }
        let mut sets = recover(&disk);
        (sets.perform(&FileWork::Restore(Part::Directory)), disk.operations(), disk)
    };
    let (_, last, _) = operations(None);
    // The last operations of all swap the files.
    let refusals = (0..last).filter(|at| {
        let (result, _, disk) = operations(Some(*at));
        let refused = matches!(&result, Err(FileError::Refused(files)) if files[0].1 == Refusal::Changed);
        let mine = found(&disk)["directory/team/20000.xml"] == Some("mine".to_owned());
        assert!(!refused || mine);
        refused
    });
    assert!(refusals.count() > 10);
}

#[test]
fn ten_thousand_files_are_stored_and_restored() {
    let trees = RealTrees::new(&Tree::new());
    for number in 0..10_000 {
        trees.write(&format!("directory/{}/{number}.xml", number % 300), format!("<user id=\"{number}\"/>"));
    }
    let before = trees.with_modes();
    trees.store(Part::FreeSwitch).unwrap();
    for number in 0..10_000 {
        match number % 3 {
            0 => trees.write(&format!("directory/{}/{number}.xml", number % 300), "<changed/>"),
            1 => fs::remove_file(trees.at(&format!("directory/{}/{number}.xml", number % 300))).unwrap(),
            _ => {}
        }
    }
    trees.restore(Part::FreeSwitch).unwrap();
    assert_eq!(trees.with_modes(), before);
}

#[test]
fn a_new_file_has_the_mode_of_the_archive_and_a_folder_as_well() {
    let trees = RealTrees::new(&sample());
    trees.set_mode("directory/team", 0o711);
    trees.set_mode("directory/team/20000.xml", 0o4640 & 0o777);
    trees.store(Part::Directory).unwrap();
    fs::remove_dir_all(trees.at("directory")).unwrap();
    trees.restore(Part::Directory).unwrap();
    assert_eq!(mode(&trees.at("directory/team")), 0o711);
    assert_eq!(mode(&trees.at("directory/team/20000.xml")), 0o640);
}

#[test]
fn a_change_set_follows_a_restoration_only_when_it_is_kept_or_undone() {
    let disk = model(&sample());
    let mut sets = recover(&disk);
    sets.perform(&FileWork::Archive(Part::Directory)).unwrap();
    write(&disk, &TreePath::configuration(path("directory/team/20000.xml")), b"<changed/>");
    sets.perform(&FileWork::Restore(Part::Directory)).unwrap();
    for work in [FileWork::Restore(Part::Directory), FileWork::Archive(Part::Directory)] {
        assert!(matches!(sets.perform(&work), Err(FileError::Failed { .. })));
    }
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(found(&disk), sample());
}
