//! Restoring an honest archive.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::symlink;

use fsconnector_disk::{Disk, Edit, Editing, Folders, Model, TreePath};
use fsconnector_engine::change_set::Refusal;
use fsconnector_engine::files::{FileError, FileWork, FilesDone, Part};

use crate::by_hand::{archive, file, folder, long_file, pax_file};
use crate::interruptions::{archive_of_the_sample, changed_sample, whole_sample};
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
fn a_tree_that_is_a_file_system_of_its_own_keeps_what_belongs_to_that() {
    let trees = RealTrees::new(&sample());
    trees.store(Part::FreeSwitch).unwrap();
    fs::create_dir(trees.at("lost+found")).unwrap();
    trees.set_mode("lost+found", 0o700);
    let before = trees.with_modes();
    change(&trees);
    trees.restore(Part::FreeSwitch).unwrap();
    assert_eq!(trees.with_modes()["lost+found"], before["lost+found"]);
    trees.store(Part::FreeSwitch).unwrap();
    fs::remove_dir(trees.at("lost+found")).unwrap();
    trees.restore(Part::FreeSwitch).unwrap();
    assert!(!trees.at("lost+found").exists());
}

#[test]
fn what_belongs_to_a_file_system_is_passed_over_in_an_archive_as_in_the_tree() {
    let large = vec![b'x'; 300_000];
    let made = archive(&[
        folder("freeswitch/lost+found/"),
        file("freeswitch/lost+found/#12", &large),
        file("freeswitch/lost+found/below/a.xml", b"<would not parse"),
        file("freeswitch/vars.xml", b"<include/>"),
        file("freeswitch/directory/lost+found/20000.xml", b"<user/>"),
    ]);
    let expected = tree(&[("vars.xml", "<include/>"), ("directory/lost+found/20000.xml", "<user/>")]);
    let trees = RealTrees::new(&sample());
    trees.put_archive(Part::FreeSwitch, &made);
    trees.restore(Part::FreeSwitch).unwrap();
    assert_eq!(trees.found(), expected);
    trees.write("lost+found/#13", "found by the file system");
    trees.restore(Part::FreeSwitch).unwrap();
    assert_eq!(trees.found().remove("lost+found/#13"), Some(Some("found by the file system".into())));
    assert!(!trees.at("lost+found/#12").exists());
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

/// Restores on this disk and keeps that, or undoes it.
fn restore_and_settle(disk: &Model) -> Result<FilesDone, FileError> {
    let mut sets = recover(disk);
    let restored = sets.perform(&FileWork::Restore(Part::Directory));
    let kept = restored.and_then(|_| sets.perform(&FileWork::Keep));
    if kept.is_err() {
        sets.perform(&FileWork::Undo).unwrap();
    }
    kept
}

#[test]
fn what_somebody_writes_after_the_comparison_is_not_lost_and_restores_all_or_nothing() {
    let disk = || {
        let disk = model(&changed_sample());
        put_archive(&disk, Part::Directory, &archive_of_the_sample());
        disk.after_kill()
    };
    let untouched = disk();
    restore_and_settle(&untouched).unwrap();
    for name in ["directory/team/20000.xml", "directory/team/more.xml", "directory/default.xml"] {
        let (mut is_compared, mut refusals) = (false, 0);
        for at in 0..untouched.operations() {
            let disk = disk();
            let at_path = TreePath::configuration(path(name));
            let editing = Editing::Replace(b"mine".to_vec());
            disk.edit_before(at, Edit { path: at_path.clone(), editing, synced: true });
            let kept = restore_and_settle(&disk);
            let mut found = found(&disk);
            let is_mine = found.remove(name) == Some(Some("mine".to_owned()));
            // What he writes before the comparison is replaced as anything else is.
            assert!(is_mine || !is_compared, "{name} {at}");
            is_compared |= is_mine;
            let mut expected = if kept.is_ok() { whole_sample() } else { changed_sample() };
            expected.remove(name);
            assert_eq!(found, expected, "{name} {at} {kept:?}");
            if let Err(error) = kept {
                let FileError::Refused(files) = error else { panic!("{error}") };
                assert!(matches!(&files[..], [(path, Refusal::Changed | Refusal::Occupied)] if *path == at_path));
                refusals += 1;
            }
        }
        assert!(refusals > 10, "{name} {refusals}");
    }
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
    trees.set_mode("directory/team/20000.xml", 0o640);
    trees.store(Part::Directory).unwrap();
    fs::remove_dir_all(trees.at("directory")).unwrap();
    trees.restore(Part::Directory).unwrap();
    assert_eq!(mode(&trees.at("directory/team")), 0o711);
    assert_eq!(mode(&trees.at("directory/team/20000.xml")), 0o640);
}

#[test]
fn a_folder_that_hands_its_group_down_gets_its_mode_back_and_goes_on_doing_so() {
    let trees = RealTrees::new(&sample());
    trees.set_mode("directory/team", 0o2750);
    trees.store(Part::Directory).unwrap();
    trees.set_mode("directory/team", 0o2711);
    trees.restore(Part::Directory).unwrap();
    let mode = fs::metadata(trees.at("directory/team")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o2750, "{mode:o}");
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
