//! Restoring on a disk that fails, fills up and loses its power at any operation.

use fsconnector_disk::{ChangeSets, Model, TreePath};
use fsconnector_engine::files::{FileError, FileWork, Part};

use crate::trees::{Tree, archives, found, model, path, put_archive, recover, sample, tree};

/// The sample with a file and a folder more, a file and a folder less, and one file changed.
pub(crate) fn changed_sample() -> Tree {
    let mut changed = sample();
    changed.retain(|path, _| path != "directory/default.xml" && !path.starts_with("directory/friends"));
    changed.extend(tree(&[
        ("directory/team/20000.xml", "<changed/>"),
        ("directory/team/more.xml", "<more/>"),
        ("directory/other/file", "other"),
        ("directory/.git/config", "changed"),
    ]));
    changed
}

/// The sample, with somebody's hidden folder.
pub(crate) fn whole_sample() -> Tree {
    let mut whole = sample();
    whole.extend(tree(&[("directory/.git/config", "mine")]));
    whole
}

/// The archive of that sample's directory.
pub(crate) fn archive_of_the_sample() -> Vec<u8> {
    let disk = model(&whole_sample());
    recover(&disk).perform(&FileWork::Archive(Part::Directory)).unwrap();
    archives(&disk).remove("store/directory.tar.gz").unwrap()
}

/// A folder that is in both, with other permission bits before than in the archive.
const FOLDER: &str = "directory/team";
const OLD_MODE: u32 = 0o700;
const NEW_MODE: u32 = 0o750;

/// A disk with the changed sample, and the archive of what it was before.
fn disk() -> Model {
    let disk = model(&changed_sample());
    disk.edit_folder_mode(&TreePath::configuration(path(FOLDER)), OLD_MODE);
    put_archive(&disk, Part::Directory, &archive_of_the_sample());
    disk.after_kill()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Kept,
    NotMade,
    /// The keeping was not confirmed.
    Either,
}

/// Restores and keeps, as the engine does.
fn run(disk: &Model) -> Outcome {
    let Ok((mut sets, _)) = ChangeSets::recover(disk.clone()) else { return Outcome::NotMade };
    let undo = |mut sets: ChangeSets<Model>, otherwise| {
        let undone = sets.perform(&FileWork::Undo).or_else(|_| sets.perform(&FileWork::Undo));
        if undone.is_ok() { Outcome::NotMade } else { otherwise }
    };
    match sets.perform(&FileWork::Restore(Part::Directory)) {
        Err(_) => undo(sets, Outcome::NotMade),
        Ok(_) => match sets.perform(&FileWork::Keep) {
            Ok(_) => Outcome::Kept,
            Err(_) => undo(sets, Outcome::Either),
        },
    }
}

/// Whether the tree is as the outcome says. A folder that goes with what was in it may be there still, empty, when the
/// program was interrupted at the very end.
#[track_caller]
fn check(disk: &Model, outcome: Outcome) {
    let mut found = found(disk);
    let mode = disk.folder_mode(&TreePath::configuration(path(FOLDER))).unwrap();
    let is_old = found == changed_sample() && mode == OLD_MODE;
    if outcome != Outcome::NotMade && !found.contains_key("directory/other/file") {
        found.remove("directory/other");
    }
    let is_new = found == whole_sample() && mode == NEW_MODE;
    let fits = match outcome {
        Outcome::Kept => is_new,
        Outcome::NotMade => is_old,
        Outcome::Either => is_old || is_new,
    };
    assert!(fits, "{outcome:?} {mode:o} {:?}", found.keys());
}

fn operations() -> usize {
    let disk = disk();
    assert_eq!(run(&disk), Outcome::Kept);
    assert_eq!(found(&disk), whole_sample());
    disk.operations()
}

#[test]
fn after_being_killed_at_any_operation_the_tree_is_old_or_new() {
    for at in 0..=operations() {
        let disk = disk();
        disk.stop_after(at);
        let outcome = run(&disk);
        let found = disk.after_kill();
        recover(&found);
        check(&found, outcome);
    }
}

#[test]
fn after_a_power_cut_at_any_operation_the_tree_is_old_or_new() {
    for at in 0..=operations() {
        for seed in 0..12 {
            let disk = disk();
            if seed % 2 == 0 {
                disk.without_volumes();
            }
            disk.stop_after(at);
            let outcome = run(&disk);
            // And another one while it starts again.
            let again = disk.after_power_cut(seed);
            again.stop_after(usize::try_from(seed).unwrap() * 7);
            let _ = ChangeSets::recover(again.clone());
            let found = again.after_power_cut(seed.wrapping_mul(31));
            recover(&found);
            check(&found, outcome);
        }
    }
}

#[test]
fn whatever_operation_fails_what_is_told_is_what_is_on_the_disk() {
    for at in 0..operations() {
        for second in [at, at + 1, at + 3, at + 20] {
            let disk = disk();
            disk.fail(at);
            disk.fail(second);
            let outcome = run(&disk);
            let found = disk.after_kill();
            recover(&found);
            check(&found, outcome);
            let cut = disk.after_power_cut(at as u64);
            recover(&cut);
            check(&cut, outcome);
        }
    }
}

#[test]
fn a_full_disk_changes_nothing_and_leaves_nothing_behind() {
    let mut fitted = 0;
    for room in 0..2000 {
        let disk = disk();
        let mut sets = recover(&disk);
        disk.limit_space(Some(room));
        match sets.perform(&FileWork::Restore(Part::Directory)) {
            Ok(_) => {
                fitted += 1;
                sets.perform(&FileWork::Keep).unwrap();
                assert_eq!(found(&disk), whole_sample());
            }
            Err(error) => {
                assert!(matches!(error, FileError::Failed { .. }), "{error}");
                assert_eq!(found(&disk), changed_sample());
            }
        }
    }
    assert!((100..1900).contains(&fitted), "{fitted}");
}
