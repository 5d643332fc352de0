//! The change sets on a disk that fails, fills up and loses its power at any operation, while somebody edits files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model};
use fsconnector_engine::change_set::{Change, ChangeSet};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use proptest::prelude::*;
use sample::{Files, after, before, change_set, content, create, disk, file, files, recover, remove, replace};

/// How a change set ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Keep,
    Undo,
}

/// What became of a change set, as far as was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Kept,
    /// It was refused, failed, or was undone; all was put back.
    NotMade,
    /// The keeping was not confirmed.
    Either,
    /// What was changed was not confirmed to be put back.
    NotPutBack,
}

/// Carries a change set through as the engine does. Undoing is tried a second time when it fails.
fn carry_through(sets: &mut ChangeSets<Model>, set: &ChangeSet, ending: Ending) -> Outcome {
    let undo = |sets: &mut ChangeSets<Model>, otherwise| {
        let undone = sets.perform(&FileWork::Undo).or_else(|_| sets.perform(&FileWork::Undo));
        if matches!(undone, Ok(FilesDone::Undone { .. })) { Outcome::NotMade } else { otherwise }
    };
    match (sets.perform(&FileWork::Commit(set.clone())), ending) {
        (Err(_), _) | (Ok(_), Ending::Undo) => undo(sets, Outcome::NotPutBack),
        (Ok(done), Ending::Keep) => {
            assert_eq!(done, FilesDone::Committed { dropped: vec![], left_alone: vec![] });
            match sets.perform(&FileWork::Keep) {
                Ok(done) => {
                    assert_eq!(done, FilesDone::Kept);
                    Outcome::Kept
                }
                Err(_) => undo(sets, Outcome::Either),
            }
        }
    }
}

/// The operations that it takes without any trouble, from the start of the program.
fn operations(set: &ChangeSet, ending: Ending) -> usize {
    let disk = disk();
    let outcome = carry_through(&mut recover(&disk).0, set, ending);
    assert_eq!(outcome, if ending == Ending::Keep { Outcome::Kept } else { Outcome::NotMade });
    disk.operations()
}

/// Runs a program from its start: it may die before it has begun.
fn run(disk: &Model, set: &ChangeSet, ending: Ending) -> Outcome {
    match ChangeSets::recover(disk.clone()) {
        Ok((mut sets, _)) => carry_through(&mut sets, set, ending),
        Err(_) => Outcome::NotPutBack,
    }
}

/// Starts after a power cut, with another power cut during the start, and once more.
fn start_again(disk: &Model, seed: u64) -> Model {
    let disk = disk.after_power_cut(seed);
    let at = usize::try_from(seed % 40).unwrap();
    disk.stop_after(at);
    let recovered = ChangeSets::recover(disk.clone()).is_ok();
    let disk = disk.after_power_cut(seed.wrapping_mul(31));
    let (_, again) = recover(&disk);
    assert!(!recovered || !again.unsettled, "what was recovered stays so");
    disk
}

/// Whether the files are as the outcome says; those that somebody edited are looked at elsewhere.
fn check(disk: &Model, set: &ChangeSet, outcome: Outcome) {
    let without_edited = |mut files: Files| {
        disk.edits().iter().for_each(|edit| drop(files.remove(&edit.path)));
        files
    };
    let (found, old, new) = (without_edited(files(disk)), without_edited(before()), without_edited(after(set)));
    match outcome {
        Outcome::Kept => assert_eq!(found, new),
        Outcome::NotMade | Outcome::NotPutBack => assert_eq!(found, old),
        Outcome::Either => assert!(found == old || found == new, "neither old nor new: {found:?}"),
    }
}

/// What somebody wrote last is there. He writes what no change accepts.
fn check_edits(disk: &Model, set: &ChangeSet, edits: &[Edit]) {
    for (at, edit) in edits.iter().enumerate() {
        if edits[at + 1..].iter().any(|later| later.path == edit.path) {
            continue;
        }
        // What he made and removed himself while there was no file leaves no trace: we may make one, or put one back.
        let may_be_absent = !before().contains_key(&edit.path) || !after(set).contains_key(&edit.path);
        let made_by_him = edits[..at].iter().any(|earlier| earlier.path == edit.path);
        if may_be_absent && made_by_him && edit.editing == Editing::Remove {
            continue;
        }
        let expected = match &edit.editing {
            Editing::Replace(content) | Editing::Overwrite(content) => {
                Some(String::from_utf8(content.clone()).unwrap())
            }
            Editing::Remove => None,
        };
        assert_eq!(files(disk).get(&edit.path), expected.as_ref(), "{edit:?}");
    }
}

/// A few changes of each kind.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let existing = prop::collection::vec(0..4_u8, 6);
    let fresh = prop::collection::vec(any::<bool>(), 4);
    (existing, fresh).prop_map(|(existing, fresh)| {
        let existing = (20000..).zip(existing).filter_map(|(number, kind)| match kind {
            0 => Some(replace(number, "new")),
            1 => Some(remove(number)),
            // It is as it should be already.
            2 => Some(replace(number, "old")),
            _ => None,
        });
        let fresh = (20010..).zip(fresh).filter(|(_, made)| *made).map(|(number, _)| create(number, "new"));
        existing.chain(fresh).collect()
    })
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::Keep), Just(Ending::Undo)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let number = prop_oneof![20000..20006_u32, 20010..20014_u32];
    let editing = prop_oneof![
        any::<u8>().prop_map(|byte| Editing::Replace(format!("somebody's own {byte}").into_bytes())),
        any::<u8>().prop_map(|byte| Editing::Overwrite(format!("somebody's over {byte}").into_bytes())),
        Just(Editing::Remove),
    ];
    (number, editing).prop_map(|(number, editing)| Edit { path: file(number), editing, synced: true })
}

/// Each case is hundreds of runs, so there are a tenth of the usual number of cases, or of `PROPTEST_CASES`.
fn tenth() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 10, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(tenth())]

    #[test]
    fn after_a_power_cut_at_any_operation_all_files_are_old_or_all_are_new(
        changes in changes(), ending in ending(), seed in any::<u64>(),
    ) {
        let set = change_set(changes);
        for at in 0..=operations(&set, ending) {
            for round in 0..6 {
                let disk = disk();
                disk.stop_after(at);
                let outcome = run(&disk, &set, ending);
                let found = start_again(&disk, seed.wrapping_add(round).wrapping_add(100 * at as u64));
                check(&found, &set, outcome);
            }
        }
    }

    #[test]
    fn after_being_killed_at_any_operation_all_files_are_old_or_all_are_new(changes in changes(), ending in ending()) {
        let set = change_set(changes);
        for at in 0..=operations(&set, ending) {
            let disk = disk();
            disk.stop_after(at);
            let outcome = run(&disk, &set, ending);
            let found = disk.after_kill();
            recover(&found);
            check(&found, &set, outcome);
        }
    }

    #[test]
    fn whatever_operation_fails_what_is_told_is_what_is_on_the_disk(
        changes in changes(), ending in ending(), second in 0..200_usize, seed in any::<u64>(),
    ) {
        let set = change_set(changes);
        for at in 0..operations(&set, ending) {
            let disk = disk();
            disk.fail(at);
            disk.fail(at + 1 + second);
            let outcome = run(&disk, &set, ending);
            if outcome != Outcome::NotPutBack {
                check_visible(&disk, &set, outcome);
            }
            check(&start_again(&disk, seed.wrapping_add(at as u64)), &set, outcome);
        }
    }

    #[test]
    fn an_end_soon_after_a_failure_finds_all_files_old_or_all_new(
        changes in changes(), ending in ending(), distance in 1..12_usize, seed in any::<u64>(),
    ) {
        let set = change_set(changes);
        for at in 0..operations(&set, ending) {
            let disk = disk();
            disk.fail(at);
            disk.stop_after(at + distance);
            let outcome = run(&disk, &set, ending);
            check(&start_again(&disk, seed.wrapping_add(at as u64)), &set, outcome);
            let killed = disk.after_kill();
            recover(&killed);
            check(&killed, &set, outcome);
        }
    }

    #[test]
    fn a_full_disk_changes_nothing_and_leaves_nothing_behind(changes in changes(), room in 0..8000_usize) {
        let set = change_set(changes);
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        disk.limit_space(Some(room));
        match sets.perform(&FileWork::Commit(set.clone())) {
            Ok(_) => {
                prop_assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
                check(&disk, &set, Outcome::Kept);
            }
            Err(error) => {
                let no_refusal = matches!(error, FileError::Failed { .. });
                prop_assert!(no_refusal, "{}", error);
                check(&disk, &set, Outcome::NotMade);
            }
        }
        // And it goes on when there is room again.
        disk.limit_space(None);
        let more = change_set(vec![create(20014, "more")]);
        prop_assert_eq!(carry_through(&mut sets, &more, Ending::Keep), Outcome::Kept);
    }
}

/// As [`check`], but what could not be cleared away for want of a working disk may still be there.
fn check_visible(disk: &Model, set: &ChangeSet, outcome: Outcome) {
    let visible = files(disk).into_iter().filter(|(path, _)| !path.path.file_name().starts_with(".fsconnector-"));
    let visible: Files = visible.collect();
    match outcome {
        Outcome::Kept => assert_eq!(visible, after(set)),
        _ => assert_eq!(visible, before()),
    }
}

proptest! {
    #![proptest_config(tenth())]

    #[test]
    fn what_somebody_writes_at_any_moment_is_never_lost(
        changes in changes(), ending in ending(), first in edit(), second in edit(), distance in 0..12_usize,
    ) {
        let set = change_set(changes);
        for at in 0..=operations(&set, ending) {
            let disk = disk();
            disk.edit_before(at, first.clone());
            disk.edit_before(at + distance, second.clone());
            let outcome = run(&disk, &set, ending);
            check(&disk, &set, outcome);
            check_edits(&disk, &set, &disk.edits());
        }
    }

    #[test]
    fn what_somebody_writes_is_not_lost_by_a_power_cut_either(
        changes in changes(), ending in ending(), edit in edit(), distance in 0..20_usize, seed in any::<u64>(),
    ) {
        let set = change_set(changes);
        for at in 0..=operations(&set, ending) {
            let disk = disk();
            disk.edit_before(at, edit.clone());
            disk.stop_after(at + distance);
            run(&disk, &set, ending);
            let found = start_again(&disk, seed.wrapping_add(at as u64));
            check_edits(&found, &set, &disk.edits());
        }
    }
}

#[test]
fn what_somebody_writes_right_before_the_end_is_not_lost() {
    let set = change_set(vec![create(20010, "new"), replace(20000, "new"), remove(20001)]);
    let editings = [Editing::Replace("mine".into()), Editing::Overwrite("mine".into())];
    for (number, editing) in [20010, 20000, 20001].into_iter().flat_map(|number| editings.clone().map(|e| (number, e)))
    {
        let edit = Edit { path: file(number), editing, synced: true };
        for at in 0..operations(&set, Ending::Undo) {
            for distance in 0..5 {
                let disk = disk();
                disk.edit_before(at, edit.clone());
                disk.stop_after(at + distance);
                run(&disk, &set, Ending::Undo);
                let killed = disk.after_kill();
                recover(&killed);
                check_edits(&killed, &set, &disk.edits());
                check_edits(&start_again(&disk, at as u64), &set, &disk.edits());
            }
        }
    }
}

#[test]
fn what_an_earlier_change_set_left_is_not_taken_for_something_that_somebody_wrote() {
    let (first, second) = (change_set(vec![remove(20000)]), change_set(vec![create(20000, "again")]));
    let mut with_second = after(&first);
    with_second.extend([(file(20000), content(20000, "again"))]);
    for at in 0..40 {
        for seed in 0..20 {
            let disk = disk();
            let (mut sets, _) = recover(&disk);
            assert_eq!(carry_through(&mut sets, &first, Ending::Keep), Outcome::Kept);
            disk.stop_after(disk.operations() + at);
            let outcome = carry_through(&mut sets, &second, Ending::Keep);
            let found = files(&start_again(&disk, 1000 * seed + at as u64));
            match outcome {
                Outcome::Kept => assert_eq!(found, with_second),
                Outcome::Either => assert!(found == with_second || found == after(&first), "{found:?}"),
                Outcome::NotMade | Outcome::NotPutBack => assert_eq!(found, after(&first)),
            }
        }
    }
}

#[test]
fn many_files_at_once_survive_a_power_cut_as_few_do() {
    let set = change_set((20010..20090).map(|number| create(number, "new")).chain([replace(20000, "new")]).collect());
    let all = operations(&set, Ending::Keep);
    for at in (0..=all).step_by(7).chain(all.saturating_sub(100)..=all) {
        for singly in [false, true] {
            let disk = disk();
            if singly {
                disk.without_volumes();
            }
            disk.stop_after(at);
            let outcome = run(&disk, &set, Ending::Keep);
            check(&start_again(&disk, 1000 + at as u64), &set, outcome);
        }
    }
}
