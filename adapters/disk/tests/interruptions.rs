//! The change sets on a disk that fails, fills up and loses its power at any operation, while somebody edits files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod sample;

use std::collections::BTreeSet;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model, Tree, TreePath};
use fsconnector_engine::change_set::{Change, ChangeSet};
use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use proptest::prelude::*;
use sample::{
    Files, after, before, change_set, content, create, disk, file, files, folder_of, folders, hand_over, linphone,
    path, phone, recover, remove, remove_folder, replace, write,
};

/// A change set, and what is there before and after it.
struct Case {
    set: ChangeSet,
    old: Files,
    new: Files,
    /// All folders that there can be for a time.
    folders: BTreeSet<TreePath>,
}

impl Case {
    fn of(changes: Vec<Change>) -> Self {
        let set = change_set(changes);
        let (old, new) = (before(), after(&set));
        let folders = folders(&old).union(&folders(&new)).cloned().collect();
        Self { set, old, new, folders }
    }
}

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
fn carry_through(sets: &mut ChangeSets<Model>, case: &Case, ending: Ending) -> Outcome {
    let undo = |sets: &mut ChangeSets<Model>, otherwise| {
        let undone = sets.perform(&FileWork::Undo).or_else(|_| sets.perform(&FileWork::Undo));
        if matches!(undone, Ok(FilesDone::Undone { .. })) { Outcome::NotMade } else { otherwise }
    };
    match (sets.perform(&FileWork::Commit(case.set.clone())), ending) {
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
fn operations(case: &Case, ending: Ending) -> usize {
    let disk = disk();
    let outcome = carry_through(&mut recover(&disk).0, case, ending);
    assert_eq!(outcome, if ending == Ending::Keep { Outcome::Kept } else { Outcome::NotMade });
    disk.operations()
}

/// Runs a program from its start: it may die before it has begun.
fn run(disk: &Model, case: &Case, ending: Ending) -> Outcome {
    match ChangeSets::recover(disk.clone()) {
        Ok((mut sets, _)) => carry_through(&mut sets, case, ending),
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
#[track_caller]
fn check(disk: &Model, case: &Case, outcome: Outcome) {
    let found = files(disk);
    if disk.edits().is_empty() {
        check_folders(disk, case, &found);
    }
    check_files(disk, case, &found, outcome);
}

/// As [`check`], but what could not be cleared away for want of a working disk may still be there.
#[track_caller]
fn check_visible(disk: &Model, case: &Case, outcome: Outcome) {
    let mut found = files(disk);
    found.retain(|path, _| !path.path.file_name().starts_with(".fsconnector-"));
    check_files(disk, case, &found, outcome);
}

#[track_caller]
fn check_files(disk: &Model, case: &Case, found: &Files, outcome: Outcome) {
    let edited: BTreeSet<TreePath> = disk.edits().into_iter().map(|edit| edit.path).collect();
    let differing = |expected: &Files| -> Vec<TreePath> {
        let all: BTreeSet<&TreePath> = found.keys().chain(expected.keys()).collect();
        let differs = |path: &&TreePath| !edited.contains(*path) && found.get(*path) != expected.get(*path);
        all.into_iter().filter(differs).cloned().collect()
    };
    match outcome {
        Outcome::Kept => assert_eq!(differing(&case.new), []),
        Outcome::NotMade | Outcome::NotPutBack => assert_eq!(differing(&case.old), []),
        Outcome::Either => {
            let (old, new) = (differing(&case.old), differing(&case.new));
            assert!(old.is_empty() || new.is_empty(), "not old: {old:?}; not new: {new:?}");
        }
    }
}

/// No folder is there for nothing, but for those of phones, which the next start removes.
#[track_caller]
fn check_folders(disk: &Model, case: &Case, files: &Files) {
    let (found, needed) = (disk.folders(), folders(files));
    assert_eq!(needed.difference(&found).next(), None, "it is missing");
    let may_wait = |folder: &TreePath| folder.tree == Tree::Static && case.folders.contains(folder);
    let superfluous: Vec<&TreePath> = found.difference(&needed).filter(|folder| !may_wait(folder)).collect();
    assert_eq!(superfluous, Vec::<&TreePath>::new());
}

/// What somebody wrote last is there. In the configuration he writes what no change accepts; a phone's files are replaced
/// and removed whatever they say, if they say it soon enough.
#[track_caller]
fn check_edits(disk: &Model, case: &Case, edits: &[Edit], outcome: Outcome) {
    let found = files(disk);
    for (at, edit) in edits.iter().enumerate() {
        if edits[at + 1..].iter().any(|later| later.path == edit.path) {
            continue;
        }
        // What he made and removed himself while there was no file leaves no trace: we may make one, or put one back.
        let may_be_absent = !case.old.contains_key(&edit.path) || !case.new.contains_key(&edit.path);
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
        let is_new = found.get(&edit.path) == case.new.get(&edit.path);
        if edit.path.tree == Tree::Static && matches!(outcome, Outcome::Kept | Outcome::Either) && is_new {
            continue;
        }
        assert_eq!(found.get(&edit.path), expected.as_ref(), "{edit:?}");
    }
}

/// A few changes of each kind.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let existing = prop::collection::vec(0..4_u8, 4);
    let fresh = prop::collection::vec(any::<bool>(), 2);
    (existing, fresh).prop_map(|(existing, fresh)| {
        let existing = (20000..).zip(existing).flat_map(|(number, kind)| match kind {
            0 => vec![replace(number, "new"), write(linphone(number), number, "new")],
            1 => vec![remove(number), remove_folder(&linphone(number)), remove_folder(&phone(number, "x"))],
            // It is as it should be already, but for the phone that was somebody else's.
            2 => [vec![replace(number, "old"), write(linphone(number), number, "old")], hand_over(number, "new")]
                .concat(),
            _ => vec![],
        });
        let fresh = (20010..).zip(fresh).filter(|(_, made)| *made).flat_map(|(number, _)| {
            let apart = path(&format!("directory/apart/{number}.xml"));
            [create(number, "new"), write(linphone(number), number, "new"), write(apart, number, "new")]
        });
        existing.chain(fresh).collect()
    })
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::Keep), Just(Ending::Undo)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let number = prop_oneof![20000..20004_u32, 20010..20012_u32];
    let path = (number, 0..6).prop_map(|(number, kind)| match kind {
        0 => linphone(number),
        1 => phone(number, "x-app.log"),
        2 => phone(number, "uploaded.cfg"),
        _ => file(number),
    });
    let editing = prop_oneof![
        any::<u8>().prop_map(|byte| Editing::Replace(format!("somebody's own {byte}").into_bytes())),
        any::<u8>().prop_map(|byte| Editing::Overwrite(format!("somebody's over {byte}").into_bytes())),
        Just(Editing::Remove),
    ];
    (path, editing).prop_map(|(path, editing)| Edit { path, editing, synced: true })
}

/// Each case is hundreds of runs, so there are a twentieth of the usual number of cases, or of `PROPTEST_CASES`.
fn twentieth() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 20, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(twentieth())]

    #[test]
    fn after_a_power_cut_at_any_operation_all_files_are_old_or_all_are_new(
        changes in changes(), ending in ending(), seed in any::<u64>(),
    ) {
        let case = Case::of(changes);
        for at in 0..=operations(&case, ending) {
            for round in 0..4 {
                let disk = disk();
                disk.stop_after(at);
                let outcome = run(&disk, &case, ending);
                let found = start_again(&disk, seed.wrapping_add(round).wrapping_add(100 * at as u64));
                check(&found, &case, outcome);
            }
        }
    }

    #[test]
    fn after_being_killed_at_any_operation_all_files_are_old_or_all_are_new(changes in changes(), ending in ending()) {
        let case = Case::of(changes);
        for at in 0..=operations(&case, ending) {
            let disk = disk();
            disk.stop_after(at);
            let outcome = run(&disk, &case, ending);
            let found = disk.after_kill();
            recover(&found);
            check(&found, &case, outcome);
        }
    }

    #[test]
    fn whatever_operation_fails_what_is_told_is_what_is_on_the_disk(
        changes in changes(), ending in ending(), second in 0..200_usize, seed in any::<u64>(),
    ) {
        let case = Case::of(changes);
        for at in 0..operations(&case, ending) {
            let disk = disk();
            disk.fail(at);
            disk.fail(at + 1 + second);
            let outcome = run(&disk, &case, ending);
            if outcome != Outcome::NotPutBack {
                check_visible(&disk, &case, outcome);
            }
            check(&start_again(&disk, seed.wrapping_add(at as u64)), &case, outcome);
        }
    }

    #[test]
    fn an_end_soon_after_a_failure_finds_all_files_old_or_all_new(
        changes in changes(), ending in ending(), distance in 1..12_usize, seed in any::<u64>(),
    ) {
        let case = Case::of(changes);
        for at in 0..operations(&case, ending) {
            let disk = disk();
            disk.fail(at);
            disk.stop_after(at + distance);
            let outcome = run(&disk, &case, ending);
            check(&start_again(&disk, seed.wrapping_add(at as u64)), &case, outcome);
            let killed = disk.after_kill();
            recover(&killed);
            check(&killed, &case, outcome);
        }
    }

    #[test]
    fn a_full_disk_changes_nothing_and_leaves_nothing_behind(changes in changes(), room in 0..24000_usize) {
        let case = Case::of(changes);
        let disk = disk();
        let (mut sets, _) = recover(&disk);
        disk.limit_space(Some(room));
        match sets.perform(&FileWork::Commit(case.set.clone())) {
            Ok(_) => {
                prop_assert_eq!(sets.perform(&FileWork::Keep), Ok(FilesDone::Kept));
                check(&disk, &case, Outcome::Kept);
            }
            Err(error) => {
                let no_refusal = matches!(error, FileError::Failed { .. });
                prop_assert!(no_refusal, "{}", error);
                check(&disk, &case, Outcome::NotMade);
            }
        }
        // And it goes on when there is room again.
        disk.limit_space(None);
        let more = Case::of(vec![create(20014, "more")]);
        prop_assert_eq!(carry_through(&mut sets, &more, Ending::Keep), Outcome::Kept);
    }
}

proptest! {
    #![proptest_config(twentieth())]

    #[test]
    fn what_somebody_writes_at_any_moment_is_never_lost(
        changes in changes(), ending in ending(), first in edit(), second in edit(), distance in 0..12_usize,
    ) {
        let case = Case::of(changes);
        for at in 0..=operations(&case, ending) {
            let disk = disk();
            disk.edit_before(at, first.clone());
            disk.edit_before(at + distance, second.clone());
            let outcome = run(&disk, &case, ending);
            check(&disk, &case, outcome);
            check_edits(&disk, &case, &disk.edits(), outcome);
        }
    }

    #[test]
    fn what_somebody_writes_is_not_lost_by_a_power_cut_either(
        changes in changes(), ending in ending(), edit in edit(), distance in 0..20_usize, seed in any::<u64>(),
    ) {
        let case = Case::of(changes);
        for at in 0..=operations(&case, ending) {
            let disk = disk();
            disk.edit_before(at, edit.clone());
            disk.stop_after(at + distance);
            let outcome = run(&disk, &case, ending);
            let found = start_again(&disk, seed.wrapping_add(at as u64));
            let mut edits = disk.edits();
            // A folder that was made just now is lost with all that is in it.
            edits.retain(|edit| folders(&case.old).contains(&folder_of(&edit.path).unwrap()));
            check_edits(&found, &case, &edits, outcome);
        }
    }
}

#[test]
fn what_somebody_writes_right_before_the_end_is_not_lost() {
    let case = Case::of(vec![create(20010, "new"), replace(20000, "new"), remove(20001)]);
    let editings = [Editing::Replace("mine".into()), Editing::Overwrite("mine".into())];
    for (number, editing) in [20010, 20000, 20001].into_iter().flat_map(|number| editings.clone().map(|e| (number, e)))
    {
        let edit = Edit { path: file(number), editing, synced: true };
        for at in 0..operations(&case, Ending::Undo) {
            for distance in 0..5 {
                let disk = disk();
                disk.edit_before(at, edit.clone());
                disk.stop_after(at + distance);
                let outcome = run(&disk, &case, Ending::Undo);
                let killed = disk.after_kill();
                recover(&killed);
                check_edits(&killed, &case, &disk.edits(), outcome);
                check_edits(&start_again(&disk, at as u64), &case, &disk.edits(), outcome);
            }
        }
    }
}

#[test]
fn what_an_earlier_change_set_left_is_not_taken_for_something_that_somebody_wrote() {
    let (first, second) = (Case::of(vec![remove(20000)]), Case::of(vec![create(20000, "again")]));
    let mut with_second = first.new.clone();
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
                Outcome::Either => assert!(found == with_second || found == first.new, "{found:?}"),
                Outcome::NotMade | Outcome::NotPutBack => assert_eq!(found, first.new),
            }
        }
    }
}

#[test]
fn many_files_at_once_survive_a_power_cut_as_few_do() {
    let case = Case::of((20010..20090).map(|number| create(number, "new")).chain([replace(20000, "new")]).collect());
    let all = operations(&case, Ending::Keep);
    for at in (0..=all).step_by(7).chain(all.saturating_sub(100)..=all) {
        for singly in [false, true] {
            let disk = disk();
            if singly {
                disk.without_volumes();
            }
            disk.stop_after(at);
            let outcome = run(&disk, &case, Ending::Keep);
            check(&start_again(&disk, 1000 + at as u64), &case, outcome);
        }
    }
}
