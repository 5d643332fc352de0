//! The files of phones, written each for itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, TreePath};
use fsconnector_engine::change_set::{Change, Refusal};
use fsconnector_engine::files::LeftAlone;
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use sample::{
    Files, before, change_set, contacts, content, create, disk, file, files, linphone, phone, recover,
    with_own_contact, write,
};

fn provision(sets: &mut ChangeSets<Model>, changes: Vec<Change>) -> Result<Vec<LeftAlone>, FileError> {
    match sets.perform(&FileWork::Provision(change_set(changes)))? {
        FilesDone::Provisioned { left_alone } => Ok(left_alone),
        other => panic!("{other:?}"),
    }
}

fn sync(sets: &mut ChangeSets<Model>) -> Result<FilesDone, FileError> {
    sets.perform(&FileWork::SyncProvisioning)
}

/// One file that is as it should be, two that are not, and two that are to be made, one with its folder.
fn some() -> Vec<Change> {
    let old = write(linphone(20000), 20000, "old");
    let changed = [20001, 20002].map(|number| write(linphone(number), number, "new"));
    let made = [write(phone(20000, "made.cfg"), 20000, "new"), write(linphone(20010), 20010, "new")];
    changed.into_iter().chain([old]).chain(made).collect()
}

/// What is there when [`some`] are carried out.
fn some_new() -> Files {
    let mut files = before();
    files.extend([20001, 20002, 20010].map(|number| (linphone(number), content(number, "new"))));
    files.insert(phone(20000, "made.cfg"), content(20000, "new"));
    files
}

/// Nothing that is neither old nor new is there.
#[track_caller]
fn check_each_whole(found: &Files) {
    let (old, new) = (before(), some_new());
    for path in found.keys().chain(new.keys()) {
        let at = |files: &Files| files.get(path).cloned();
        assert!([at(&old), at(&new)].contains(&at(found)), "{path} is neither old nor new");
    }
}

fn put(disk: &Model, path: TreePath, text: &str) {
    disk.edit(&Edit { path, editing: Editing::Replace(text.into()), synced: true });
}

#[test]
fn files_are_written_with_their_folders() {
    let disk = disk();
    assert_eq!(provision(&mut recover(&disk).0, some()), Ok(vec![]));
    assert_eq!(files(&disk), some_new());
}

#[test]
fn files_that_are_as_they_should_be_are_not_written() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    provision(&mut sets, some()).unwrap();
    disk.limit_space(Some(0));
    assert_eq!(provision(&mut sets, some()), Ok(vec![]));
    assert_eq!(files(&disk), some_new());
}

#[test]
fn what_is_synced_is_durable() {
    for seed in 0..40 {
        for (count, singly) in [(1, false), (80, false), (80, true)] {
            let disk = disk();
            if singly {
                disk.without_volumes();
            }
            let (mut sets, _) = recover(&disk);
            sync(&mut sets).unwrap();
            let more = (20020..20020 + count).map(|number| write(linphone(number), number, "new"));
            provision(&mut sets, some()).unwrap();
            provision(&mut sets, more.collect()).unwrap();
            assert_eq!(sync(&mut sets), Ok(FilesDone::Synced));
            let found = files(&disk.after_power_cut(seed));
            assert!(some_new().iter().all(|(path, text)| found.get(path) == Some(text)), "seed {seed}");
            assert!((20020..20020 + count).all(|number| found.contains_key(&linphone(number))), "seed {seed}");
        }
    }
}

#[test]
fn the_contents_of_more_than_a_few_files_are_synced_at_once() {
    for (count, syncs_all) in [(8, false), (9, true)] {
        let disks = [disk(), disk()];
        disks[1].without_volumes();
        let operations = disks.map(|disk| {
            let changes = (20010..20010 + count).map(|number| write(linphone(number), number, "new"));
            provision(&mut recover(&disk).0, changes.collect()).unwrap();
            disk.operations()
        });
        assert_eq!(operations[0] < operations[1], syncs_all, "{count}");
    }
}

#[test]
fn only_what_was_written_since_is_synced() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    sync(&mut sets).unwrap();
    let operations_of_sync = |sets: &mut ChangeSets<Model>| {
        let before = disk.operations();
        sync(sets).unwrap();
        disk.operations() - before
    };
    assert_eq!(operations_of_sync(&mut sets), 0);
    provision(&mut sets, some()).unwrap();
    assert_ne!(operations_of_sync(&mut sets), 0);
    provision(&mut sets, some()).unwrap();
    assert_eq!(operations_of_sync(&mut sets), 0, "all files were as they should be");
}

#[test]
fn what_was_not_synced_is_whole_after_a_power_cut_and_a_later_sync_is_enough() {
    for seed in 0..200 {
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        // The second time with the hidden names of the first.
        provision(&mut sets, vec![write(linphone(20001), 20001, "old")]).unwrap();
        provision(&mut sets, some()).unwrap();
        let cut = disk.after_power_cut(seed);
        let (mut sets, _) = recover(&cut);
        check_each_whole(&files(&cut));
        provision(&mut sets, some()).unwrap();
        sync(&mut sets).unwrap();
        let cut = cut.after_power_cut(seed.wrapping_mul(31));
        recover(&cut);
        assert_eq!(files(&cut), some_new());
    }
}

#[test]
fn a_sync_that_failed_is_done_the_next_time() {
    for singly in [false, true] {
        for at in 0.. {
            let disk = disk();
            if singly {
                disk.without_volumes();
            }
            let (mut sets, _) = recover(&disk);
            provision(&mut sets, some()).unwrap();
            let failing = disk.operations() + at;
            disk.fail(failing);
            let synced = sync(&mut sets).is_ok();
            if disk.operations() <= failing {
                break;
            }
            if !synced {
                sync(&mut sets).unwrap();
            }
            for seed in 0..10 {
                let cut = disk.after_power_cut(seed);
                recover(&cut);
                assert_eq!(files(&cut), some_new(), "{at}, {seed}");
            }
        }
    }
}

#[test]
fn a_change_set_relies_on_nothing_that_is_not_durable() {
    let phones = [20001, 20010].map(|number| write(linphone(number), number, "other"));
    let set = || change_set([vec![create(20010, "new")], phones.to_vec()].concat());
    for singly in [false, true] {
        for at in 0..150 {
            for seed in 0..4 {
                let disk = disk();
                if singly {
                    disk.without_volumes();
                }
                let (mut sets, _) = recover(&disk);
                sync(&mut sets).unwrap();
                provision(&mut sets, some()).unwrap();
                disk.stop_after(disk.operations() + at);
                let kept = sets.perform(&FileWork::Commit(set())).and_then(|_| sets.perform(&FileWork::Keep));
                let cut = disk.after_power_cut(seed + 1000 * at as u64);
                let (_, recovered) = recover(&cut);
                assert_eq!(recovered.left, [], "nobody has changed anything");
                let found = files(&cut);
                let is_new = found.contains_key(&file(20010));
                for number in [20001, 20010] {
                    let other = Some(&content(number, "other"));
                    assert_eq!(found.get(&linphone(number)) == other, is_new, "{at}, {seed}");
                }
                assert!(kept.is_err() || is_new);
            }
        }
    }
}

#[test]
fn after_an_end_at_any_moment_each_file_is_old_or_new_and_nothing_is_left_behind() {
    let all = {
        let disk = disk();
        provision(&mut recover(&disk).0, some()).unwrap();
        disk.operations()
    };
    for at in 0..all {
        for seed in 0..10 {
            let disk = disk();
            disk.stop_after(at);
            let _ = ChangeSets::recover(disk.clone()).map(|(mut sets, _)| provision(&mut sets, some()));
            let killed = disk.after_kill();
            let cut = disk.after_power_cut(seed);
            for disk in [killed, cut] {
                recover(&disk);
                check_each_whole(&files(&disk));
                assert_eq!(disk.folders(), sample::folders(&files(&disk)));
            }
        }
    }
}

#[test]
fn what_failed_is_left_alone_or_told_and_written_and_durable_the_next_time() {
    for singly in [false, true] {
        for at in 0.. {
            let disk = disk();
            if singly {
                disk.without_volumes();
            }
            let (mut sets, _) = recover(&disk);
            let failing = disk.operations() + at;
            disk.fail(failing);
            if let Ok(left_alone) = provision(&mut sets, some()) {
                for left in left_alone {
                    assert_eq!(files(&disk).get(&left.path), before().get(&left.path), "{at}: {left}");
                    assert!(left.to_string().contains("it cannot be written: "), "{left}");
                }
            }
            if disk.operations() <= failing {
                break;
            }
            check_each_whole(&visible(&disk));
            assert_eq!(provision(&mut sets, some()), Ok(vec![]));
            sync(&mut sets).unwrap();
            for seed in 0..10 {
                let cut = disk.after_power_cut(seed);
                recover(&cut);
                assert_eq!(files(&cut), some_new(), "{at}, {seed}");
            }
        }
    }
}

#[test]
fn a_folder_that_is_closed_to_us_keeps_nobody_else_from_being_written() {
    let disk = disk();
    disk.close(&sample::static_path("linphone/20002"));
    disk.close(&sample::static_path("polycom"));
    let (mut sets, _) = recover(&disk);
    let left_alone = provision(&mut sets, some()).unwrap();
    let paths: Vec<TreePath> = left_alone.iter().map(|left| left.path.clone()).collect();
    assert_eq!(paths, [linphone(20002), phone(20000, "made.cfg")]);
    let words = "linphone/20002/linphone.xml was left alone: it cannot be written: linphone/20002: permission denied";
    assert_eq!(left_alone[0].to_string(), words);
    assert_eq!(sync(&mut sets), Ok(FilesDone::Synced));
    let mut expected = some_new();
    expected.insert(linphone(20002), content(20002, "old"));
    expected.remove(&phone(20000, "made.cfg"));
    assert_eq!(files(&disk.after_power_cut(0)), expected);
}

#[test]
fn a_closed_folder_of_archives_is_in_no_changes_way() {
    let disk = disk();
    disk.add_folder(&sample::static_path("store"));
    disk.close(&sample::static_path("store"));
    let (mut sets, _) = recover(&disk);
    sets.perform(&FileWork::Commit(change_set(some()))).unwrap();
    sets.perform(&FileWork::Keep).unwrap();
    assert_eq!(files(&disk), some_new());
}

#[test]
fn without_a_static_tree_it_is_told() {
    let disk = disk();
    disk.without_static_tree();
    let (mut sets, _) = recover(&disk);
    assert!(matches!(provision(&mut sets, some()), Err(FileError::Failed { .. })));
    assert_eq!(sync(&mut sets), Ok(FilesDone::Synced), "nothing was written");
}

fn visible(disk: &Model) -> Files {
    files(disk).into_iter().filter(|(path, _)| !path.path.file_name().starts_with(".fsconnector-")).collect()
}

#[test]
fn a_full_disk_is_told_and_leaves_whole_files_and_nothing_else() {
    for room in (0..3000).step_by(100) {
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        disk.limit_space(Some(room));
        let done = provision(&mut sets, some());
        check_each_whole(&files(&disk));
        assert_eq!(done.is_ok(), files(&disk) == some_new());
        disk.limit_space(None);
        provision(&mut sets, some()).unwrap();
        assert_eq!(files(&disk), some_new());
    }
}

#[test]
fn a_damaged_file_is_left_alone_and_named_and_the_others_are_written() {
    let disk = disk();
    put(&disk, contacts(20000).path, "<directory><item_list>");
    let changes = [vec![contacts(20000)], some()].concat();
    let left_alone = provision(&mut recover(&disk).0, changes).unwrap();
    assert_eq!(left_alone.into_iter().map(|left| left.path).collect::<Vec<_>>(), [contacts(20000).path]);
    let mut expected = some_new();
    expected.insert(contacts(20000).path, "<directory><item_list>".into());
    assert_eq!(files(&disk), expected);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_left_alone_and_named() {
    let disk = disk();
    disk.add_folder(&linphone(20010));
    put(&disk, sample::static_path("linphone/20011"), "a file");
    let odd = [20010, 20011].map(|number| write(linphone(number), number, "new"));
    let left_alone = provision(&mut recover(&disk).0, [odd.to_vec(), vec![some()[0].clone()]].concat()).unwrap();
    let paths: Vec<TreePath> = left_alone.iter().map(|left| left.path.clone()).collect();
    assert_eq!(paths, [linphone(20010), linphone(20011)]);
    for left in &left_alone {
        assert_eq!(left.to_string(), format!("{} was left alone: {}", left.path, Refusal::Occupied));
    }
    assert_eq!(files(&disk).get(&linphone(20001)), Some(&content(20001, "new")));
}

#[test]
fn what_an_owner_writes_at_any_moment_is_kept() {
    let edit = || {
        let text = with_own_contact("written meanwhile");
        Edit { path: contacts(20000).path, editing: Editing::Replace(text.into()), synced: true }
    };
    for first in 0..60 {
        for distance in [0, 1, 2, 4] {
            let disk = disk();
            put(&disk, contacts(20000).path, &with_own_contact("from before"));
            let (mut sets, _) = recover(&disk);
            let start = disk.operations();
            disk.edit_before(start + first, edit());
            disk.edit_before(start + first + distance, edit());
            provision(&mut sets, vec![contacts(20000)]).unwrap();
            // The first edit was the one from before.
            let kept = if disk.edits().len() > 1 { "written meanwhile" } else { "from before" };
            let found = &files(&disk)[&contacts(20000).path];
            let owners: Vec<bool> = ["from before", "written meanwhile"].map(|text| found.contains(text)).to_vec();
            assert_eq!(owners, [kept == "from before", kept == "written meanwhile"], "{found}");
            assert_eq!(visible(&disk), files(&disk));
        }
    }
}

#[test]
fn only_files_of_phones_can_be_written_by_themselves() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    let config = write(file(20000), 20000, "new");
    let kept = [config, create(20010, "new"), sample::remove_folder(&linphone(20000))];
    for change in kept {
        assert!(provision(&mut sets, vec![change]).is_err());
    }
    assert_eq!(files(&disk), before());
}

#[test]
fn a_change_set_under_way_is_waited_for() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    sets.perform(&FileWork::Commit(change_set(vec![write(linphone(20001), 20001, "other")]))).unwrap();
    assert!(provision(&mut sets, some()).is_err());
    sets.perform(&FileWork::Undo).unwrap();
    assert_eq!(provision(&mut sets, some()), Ok(vec![]));
    assert_eq!(files(&disk), some_new());
}

#[test]
fn a_file_that_is_to_be_written_twice_is_refused() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    let twice = ["new", "other"].map(|name| write(linphone(20001), 20001, name));
    let error = provision(&mut sets, twice.to_vec()).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
    assert_eq!(files(&disk), before());
}
