//! What a change set does and refuses when nothing goes wrong with the disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model};
use fsconnector_engine::change_set::{Change, ChangeSet, Refusal};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use sample::{after, before, change_set, content, create, disk, file, files, path, recover, remove, replace};

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
