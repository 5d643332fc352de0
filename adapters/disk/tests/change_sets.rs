//! What a change set does and refuses when nothing goes wrong with the disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, TreePath};
use fsconnector_engine::change_set::{Change, ChangeSet, Refusal};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use sample::{
    after, before, change_set, contacts, content, create, disk, file, files, folders, hand_over, linphone, path, phone,
    rebuild, recover, remove, remove_folder, replace, static_path, write as write_any,
};

fn commit(sets: &mut ChangeSets<Model>, set: &ChangeSet) -> Result<FilesDone, FileError> {
    sets.perform(&FileWork::Commit(set.clone()))
}

/// A commit that nobody loses anything by.
fn committed() -> FilesDone {
    FilesDone::Committed { dropped: vec![], left_alone: vec![] }
}

fn write(at: u32, text: &str) -> Edit {
    Edit { path: file(at), editing: Editing::Replace(text.into()), synced: false }
}

/// A change set with one of each kind.
fn one_of_each() -> ChangeSet {
    change_set(vec![create(20010, "new"), replace(20000, "new"), remove(20001)])
}

#[track_caller]
fn check_refused(changes: Vec<Change>, edits: &[Edit], expected: &[(u32, Refusal)]) {
    let disk = disk();
    for edit in edits {
        disk.edit(edit);
    }
    let before = files(&disk);
    let (mut sets, _) = recover(&disk);
    let expected = expected.iter().map(|(number, refusal)| (file(*number), *refusal)).collect();
    assert_eq!(commit(&mut sets, &change_set(changes)), Err(FileError::Refused(expected)));
    assert_eq!(files(&disk), before);
}

#[test]
fn a_kept_change_set_is_there_and_nothing_else_is() {
    let (set, disk) = (one_of_each(), disk());
    let (mut sets, recovered) = recover(&disk);
    assert!(!recovered.unsettled);
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&set));
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }), "there is nothing to undo");
    assert_eq!(files(&disk), after(&set));
}

#[test]
fn an_undone_change_set_is_as_if_it_had_never_been() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    assert_eq!(commit(&mut sets, &one_of_each()), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    assert_eq!(files(&disk), before());
}

#[test]
fn a_committed_change_set_is_undone_by_the_next_start() {
    let disk = disk();
    commit(&mut recover(&disk).0, &one_of_each()).unwrap();
    let (_, recovered) = recover(&disk);
    assert!(recovered.unsettled && recovered.left.is_empty(), "{recovered:?}");
    assert_eq!(files(&disk), before());
}

#[test]
fn a_number_whose_file_is_there_is_occupied() {
    check_refused(vec![create(20000, "new")], &[], &[(20000, Refusal::Occupied)]);
}

#[test]
fn a_file_that_is_not_there_is_missing() {
    check_refused(vec![replace(20010, "new")], &[], &[(20010, Refusal::Missing)]);
    check_refused(vec![remove(20011)], &[], &[(20011, Refusal::Missing)]);
}

#[test]
fn a_file_that_holds_somebody_else_is_not_its_own() {
    let other = content(29999, "other");
    let two = "<include><user id=\"20001\"/><user id=\"20003\"/></include>";
    let edits = [write(20000, &other), write(20001, two)];
    let refused = [(20000, Refusal::NotItsOwn), (20001, Refusal::NotItsOwn)];
    check_refused(vec![replace(20000, "new"), remove(20001)], &edits, &refused);
}

#[test]
fn a_file_that_somebody_edited_since_it_was_loaded_is_changed() {
    let edits = [write(20000, &content(20000, "mine"))];
    check_refused(vec![replace(20000, "new")], &edits, &[(20000, Refusal::Changed)]);
}

#[test]
fn files_whose_additions_are_dropped_are_named() {
    let disk = disk();
    let additions = "<variable name=\"mine\" value=\"1\"/></variables>";
    for number in [20000, 20001] {
        disk.edit(&write(number, &content(number, "old").replace("</variables>", additions)));
    }
    let (mut sets, _) = recover(&disk);
    let done = commit(&mut sets, &change_set(vec![replace(20000, "old"), remove(20001), replace(20002, "new")]));
    assert_eq!(done, Ok(FilesDone::Committed { dropped: vec![file(20000)], left_alone: vec![] }));
}

#[test]
fn what_is_as_it_should_be_becomes_durable_all_the_same() {
    for seed in 0..20 {
        let disk = disk();
        disk.edit(&write(20010, &content(20010, "old")));
        let (mut sets, _) = recover(&disk);
        commit(&mut sets, &change_set(vec![replace(20010, "old")])).unwrap();
        sets.perform(&FileWork::Keep).unwrap();
        let found = files(&disk.after_power_cut(seed));
        assert_eq!(found.get(&file(20010)), Some(&content(20010, "old")));
    }
}

#[test]
fn every_refusal_is_told_and_not_one_file_is_changed() {
    let changes = vec![create(20000, "new"), create(20010, "new"), replace(20002, "new"), remove(20013)];
    check_refused(changes, &[], &[(20000, Refusal::Occupied), (20013, Refusal::Missing)]);
}

#[test]
fn a_folder_that_is_not_there_is_named_with_what_to_do() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    let mut change = create(20010, "new");
    change.path = path("directory/nobody/20010.xml");
    let error = commit(&mut sets, &change_set(vec![change])).unwrap_err();
    let FileError::Failed { path: folder, reason } = error else { panic!("{error}") };
    assert_eq!(folder, path("directory/nobody"));
    assert!(reason.contains("make it"), "{reason}");
}

#[test]
fn what_is_as_it_should_be_is_not_written_again() {
    let set = change_set(vec![replace(20000, "old")]);
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    disk.limit_space(Some(0));
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), before());
}

#[test]
fn files_that_somebody_changed_after_the_commit_stay_his() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    commit(&mut sets, &one_of_each()).unwrap();
    for number in [20000, 20001, 20010] {
        disk.edit(&write(number, "mine"));
    }
    let undone = sets.perform(&FileWork::Undo);
    assert_eq!(undone, Ok(FilesDone::Undone { left: vec![file(20010), file(20000), file(20001)] }));
    let mut expected = before();
    expected.extend([20000, 20001, 20010].map(|number| (file(number), "mine".to_owned())));
    assert_eq!(files(&disk), expected);
}

#[test]
fn who_had_the_old_file_open_and_writes_into_it_is_noticed_before_it_is_lost() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    commit(&mut sets, &change_set(vec![replace(20000, "new")])).unwrap();
    // What he has open is hidden now.
    let open = path("directory/team/.fsconnector-swap-20000.xml");
    disk.edit(&Edit { path: open, editing: Editing::Overwrite("mine".into()), synced: false });
    let kept = sets.perform(&FileWork::Keep);
    assert_eq!(kept, Err(FileError::Refused(vec![(file(20000), Refusal::Changed)])));
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    assert_eq!(files(&disk).get(&file(20000)).map(String::as_str), Some("mine"));
}

#[test]
fn a_change_set_waits_for_the_end_of_the_last_one() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    assert!(matches!(sets.perform(&FileWork::Keep), Err(FileError::Failed { .. })), "there is nothing to keep");
    commit(&mut sets, &one_of_each()).unwrap();
    let second = commit(&mut sets, &change_set(vec![create(20011, "new")]));
    assert!(matches!(second, Err(FileError::Failed { .. })));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&one_of_each()));
}

#[test]
fn a_commit_that_could_not_be_put_back_is_put_back_by_the_next_undo() {
    // Both the first visible change and what would put it back fail.
    let all = {
        let disk = disk();
        commit(&mut recover(&disk).0, &one_of_each()).unwrap();
        disk.operations()
    };
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    disk.fail(all - 1);
    disk.fail(all);
    let FileError::Failed { reason, .. } = commit(&mut sets, &one_of_each()).unwrap_err() else { panic!("refused") };
    assert!(reason.contains("tried again"), "{reason}");
    assert_ne!(files(&disk), before());
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    assert_eq!(files(&disk), before());
}

/// The numbers of the operations that carry out [`one_of_each`].
fn operations_of_commit() -> std::ops::Range<usize> {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    let first = disk.operations();
    commit(&mut sets, &one_of_each()).unwrap();
    first..disk.operations()
}

/// Carries out [`one_of_each`] with an operation that fails and somebody who edits a file right before another one. The
/// files that the next undo names, if that was a failure.
fn left_by_failure(failing: usize, edited: usize) -> Option<Vec<TreePath>> {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    disk.fail(failing);
    disk.edit_before(edited, write(20000, "mine"));
    let done = commit(&mut sets, &one_of_each());
    let undone = sets.perform(&FileWork::Undo);
    let Ok(FilesDone::Undone { left }) = undone else { panic!("{undone:?}") };
    assert!(left.is_empty() || left == [file(20000)] && files(&disk)[&file(20000)] == "mine", "{left:?}");
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }), "it was told once");
    matches!(done, Err(FileError::Failed { .. })).then_some(left)
}

#[test]
fn a_failed_commit_leaves_the_names_of_what_somebody_changed_to_the_next_undo() {
    let edits = operations_of_commit().flat_map(|failing| (1..12).map(move |distance| (failing, failing + distance)));
    let left = edits.filter_map(|(failing, edited)| left_by_failure(failing, edited));
    assert_ne!(left.flatten().count(), 0);
}

#[test]
fn what_an_earlier_change_could_not_clear_away_is_in_nobodys_way() {
    let (set, disk) = (one_of_each(), disk());
    let (mut sets, _) = recover(&disk);
    for stray in ["directory/team/.fsconnector-swap-20010.xml", ".fsconnector-journal-new"] {
        disk.edit(&Edit { path: path(stray), editing: Editing::Replace("half".into()), synced: true });
    }
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&set));
}

#[test]
fn only_our_own_hidden_files_are_cleared_at_the_start() {
    let disk = disk();
    for stray in [".fsconnector-journal-new", "directory/team/.fsconnector-swap-20000.xml"] {
        disk.edit(&Edit { path: path(stray), editing: Editing::Replace("half".into()), synced: true });
    }
    let (_, recovered) = recover(&disk);
    assert!(!recovered.unsettled);
    assert_eq!(files(&disk), before());
}

#[test]
fn a_damaged_journal_is_left_for_a_human_with_everything_it_needs() {
    let disk = disk();
    for name in [".fsconnector-journal", "directory/team/.fsconnector-swap-20000.xml"] {
        disk.edit(&Edit { path: path(name), editing: Editing::Replace("rubbish".into()), synced: true });
    }
    let before = files(&disk);
    let error = ChangeSets::recover(disk.clone()).unwrap_err();
    assert!(error.to_string().contains("journal"), "{error}");
    assert_eq!(files(&disk), before);
}

#[test]
fn a_large_change_set_is_synced_at_once_and_a_small_one_file_by_file() {
    for (count, syncs_all) in [(64, false), (65, true)] {
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        let set = change_set((20010..20010 + count).map(|number| create(number, "new")).collect());
        commit(&mut sets, &set).unwrap();
        let singly = self::disk();
        singly.without_volumes();
        commit(&mut recover(&singly).0, &set).unwrap();
        assert_eq!(disk.operations() < singly.operations(), syncs_all, "{count}");
    }
}

/// A user who comes with its Linphone, and one who goes with all its phones.
fn with_phones() -> ChangeSet {
    let comes = [create(20010, "new"), write_any(linphone(20010), 20010, "new")];
    let goes = [remove(20001), remove_folder(&linphone(20001)), remove_folder(&phone(20001, "x"))];
    change_set(comes.into_iter().chain(goes).collect())
}

#[test]
fn folders_come_and_go_with_what_is_in_them() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    assert_eq!(commit(&mut sets, &with_phones()), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
    assert_eq!((files(&disk), disk.folders()), (before(), folders(&before())));
    assert_eq!(commit(&mut sets, &with_phones()), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!((files(&disk), disk.folders()), (after(&with_phones()), folders(&after(&with_phones()))));
}

#[test]
fn folders_that_are_not_there_are_no_error_when_they_go() {
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    let set = change_set(vec![remove_folder(&linphone(20010)), remove_folder(&phone(20005, "x"))]);
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!((files(&disk), disk.folders()), (before(), folders(&before())));
}

#[test]
fn a_phone_that_somebody_else_gets_holds_only_what_is_his() {
    let set = change_set(hand_over(20000, "new"));
    let disk = disk();
    let (mut sets, _) = recover(&disk);
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&set));
    let of_phone = files(&disk).into_keys().filter(|path| path.path.as_str().contains("0004f2020000"));
    assert_eq!(of_phone.collect::<Vec<_>>(), [phone(20000, "allprov.cfg")]);
}

#[test]
fn what_a_phone_uploads_meanwhile_stays_with_its_folder() {
    for ending in [FileWork::Keep, FileWork::Undo] {
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        commit(&mut sets, &with_phones()).unwrap();
        let new = phone(20001, "new.cfg");
        disk.edit(&Edit { path: new.clone(), editing: Editing::Replace("uploaded".into()), synced: true });
        sets.perform(&ending).unwrap();
        assert_eq!(files(&disk).get(&new).map(String::as_str), Some("uploaded"));
    }
}

#[test]
fn a_file_of_a_phone_is_written_whatever_it_says() {
    let set = change_set(vec![write_any(linphone(20000), 20000, "new"), write_any(linphone(20001), 20001, "new")]);
    let disk = disk();
    disk.edit(&Edit { path: linphone(20000), editing: Editing::Replace("mine".into()), synced: true });
    disk.edit(&Edit { path: linphone(20001), editing: Editing::Remove, synced: true });
    let (mut sets, _) = recover(&disk);
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&set));
}

#[test]
fn a_damaged_file_is_left_alone_and_named_and_the_rest_is_done() {
    let disk = disk();
    let damaged = contacts(20000).path;
    disk.edit(&Edit { path: damaged.clone(), editing: Editing::Replace("<directory>".into()), synced: true });
    let (mut sets, _) = recover(&disk);
    let done = commit(&mut sets, &change_set(vec![replace(20000, "new"), contacts(20000), contacts(20001)])).unwrap();
    let FilesDone::Committed { left_alone, .. } = done else { panic!("{done:?}") };
    assert_eq!(left_alone.into_iter().map(|left| left.path).collect::<Vec<_>>(), std::slice::from_ref(&damaged));
    sets.perform(&FileWork::Keep).unwrap();
    let found = files(&disk);
    assert_eq!(found.get(&damaged).map(String::as_str), Some("<directory>"));
    assert_eq!(found.get(&file(20000)), Some(&content(20000, "new")));
    assert!(found[&contacts(20001).path].contains("Standup"));
}

#[test]
fn what_is_in_the_place_of_a_phones_file_or_folder_is_refused_and_stays() {
    let disk = disk();
    disk.add_folder(&linphone(20010));
    let in_the_way = static_path("linphone/20011");
    disk.edit(&Edit { path: in_the_way, editing: Editing::Replace("a file".into()), synced: true });
    let before = (files(&disk), disk.folders());
    let (mut sets, _) = recover(&disk);
    let changes = [20010, 20011].map(|number| write_any(linphone(number), number, "new"));
    let refused = [20010, 20011].map(|number| (linphone(number), Refusal::Occupied)).to_vec();
    let set = change_set([vec![create(20010, "new")], changes.to_vec()].concat());
    assert_eq!(commit(&mut sets, &set), Err(FileError::Refused(refused)));
    assert_eq!((files(&disk), disk.folders()), before);
}

#[test]
fn a_file_is_rebuilt_whatever_it_says_of_its_user_and_made_if_it_is_missing() {
    let disk = disk();
    disk.edit(&write(20000, &content(20000, "by hand")));
    disk.edit(&Edit { path: file(20001), editing: Editing::Remove, synced: false });
    let set = change_set(vec![rebuild(20000, "new"), rebuild(20001, "new")]);
    let (mut sets, _) = recover(&disk);
    assert_eq!(commit(&mut sets, &set), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
    assert_eq!(files(&disk), after(&set));
}

#[test]
fn a_file_that_holds_somebody_else_is_not_rebuilt() {
    let edits = [write(20000, &content(29999, "other"))];
    check_refused(vec![rebuild(20000, "new")], &edits, &[(20000, Refusal::NotItsOwn)]);
}

#[test]
fn an_unfinished_change_of_the_static_tree_waits_for_that_tree() {
    let disk = disk();
    commit(&mut recover(&disk).0, &with_phones()).unwrap();
    let (whole, without) = (disk.after_kill(), disk.after_kill());
    without.without_static_tree();
    let unfinished = files(&without);
    let error = ChangeSets::recover(without.clone()).unwrap_err();
    assert!(error.to_string().contains("static tree"), "{error}");
    assert_eq!(files(&without), unfinished);
    assert!(recover(&whole).1.unsettled);
    assert_eq!(files(&whole), before());
}

#[test]
fn without_a_static_tree_the_configuration_changes_all_the_same() {
    let disk = disk();
    disk.without_static_tree();
    let (mut sets, _) = recover(&disk);
    let error = commit(&mut sets, &with_phones()).unwrap_err();
    assert!(matches!(error, FileError::Failed { .. }), "{error}");
    assert_eq!(commit(&mut sets, &one_of_each()), Ok(committed()));
    assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
}

#[test]
fn only_empty_folders_of_phones_are_cleared_at_the_start() {
    let disk = disk();
    let kept = ["polycom/ucs/empty", "phone/empty", "linphone/20000/empty", "polycom/notes"].map(static_path);
    let cleared = ["linphone/20010", "polycom/0004f2999999"].map(static_path);
    kept.iter().chain(&cleared).for_each(|folder| disk.add_folder(folder));
    let stray = static_path("linphone/20010/.fsconnector-swap-linphone.xml");
    disk.edit(&Edit { path: stray, editing: Editing::Replace("half".into()), synced: true });
    let not_ours = static_path("polycom/ucs/.fsconnector-x");
    disk.edit(&Edit { path: not_ours.clone(), editing: Editing::Replace("theirs".into()), synced: true });
    recover(&disk);
    let mut expected = folders(&before());
    expected.extend(kept);
    assert_eq!(disk.folders(), expected);
    assert!(files(&disk).contains_key(&not_ours), "the operator's files are not looked into");
}

#[test]
fn a_set_in_which_anything_is_to_change_twice_is_refused_and_nothing_is_touched() {
    let whole = || remove_folder(&phone(20001, "x"));
    let below = || remove_folder(&phone(20001, "calls/today.xml"));
    let there_and_not_there = [whole(), remove_folder(&linphone(20010))];
    let same_name = || Change { path: phone(20001, "calls"), ..write_any(linphone(20001), 20001, "new") };
    let twice = there_and_not_there.map(|change| vec![change.clone(), change]).into_iter().chain([
        vec![create(20010, "new"), create(20010, "other")],
        vec![remove(20001), create(20001, "new")],
        vec![write_any(linphone(20001), 20001, "new"), replace(20000, "new"), write_any(linphone(20001), 20001, "new")],
        vec![whole(), below()],
        vec![below(), whole()],
        vec![same_name(), whole()],
    ]);
    for changes in twice {
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        let error = commit(&mut sets, &change_set(changes)).unwrap_err();
        assert!(matches!(error, FileError::Failed { .. }) && error.to_string().contains("twice"), "{error}");
        assert_eq!(sets.perform(&FileWork::Undo), Ok(FilesDone::Undone { left: vec![] }));
        assert_eq!((files(&disk), disk.folders()), (before(), folders(&before())));
    }
}
