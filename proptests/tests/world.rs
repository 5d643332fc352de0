//! The world holds, and would not if the connector lacked anything.

#![allow(clippy::panic)]

use fsconnector_proptests::run::{Play, run, traced};
use fsconnector_proptests::sabotage::Sabotage;

const STEPS: usize = 400;

#[test]
fn a_few_seeds_hold() {
    // Two more have found that a number stayed taken when its file was gone, and that a conference could have a name that
    // breaks its file.
    for seed in (0..60).chain([32_813, 301_668]) {
        if let Err(violation) = run(Play::Files, seed, STEPS, None) {
            panic!("seed {seed}: {violation}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 6, 9] {
        let (first, second) = (traced(Play::Files, seed, STEPS), traced(Play::Files, seed, STEPS));
        assert!(first.1.len() > STEPS, "everything is written down");
        assert!(first == second, "seed {seed}");
    }
}

/// A connector that lacks something is found out within some seeds.
fn is_found(sabotage: Sabotage) {
    let found = (0..400).find_map(|seed| run(Play::Files, seed, STEPS, Some(sabotage)).err());
    assert!(found.is_some(), "nothing is wrong without {sabotage:?}");
}

#[test]
fn a_connector_that_syncs_nothing_is_found_out() {
    is_found(Sabotage::Sync);
}

#[test]
fn a_connector_that_puts_nothing_back_is_found_out() {
    is_found(Sabotage::Undo);
}

#[test]
fn a_connector_that_does_not_reload_after_putting_back_is_found_out() {
    is_found(Sabotage::ReloadAfterUndo);
}

#[test]
fn a_connector_that_does_not_read_what_the_switch_says_of_a_reload_is_found_out() {
    is_found(Sabotage::ReloadCheck);
}

#[test]
fn a_connector_that_overwrites_what_was_changed_meanwhile_is_found_out() {
    is_found(Sabotage::UnchangedCheck);
}

#[test]
fn a_connector_whose_journal_names_no_file_of_the_static_tree_is_found_out() {
    is_found(Sabotage::Journal);
}

#[test]
fn a_connector_that_restores_and_removes_nothing_is_found_out() {
    is_found(Sabotage::Removal);
}

#[test]
fn a_connector_that_does_not_keep_the_entries_of_a_phones_owner_is_found_out() {
    is_found(Sabotage::Entries);
}
