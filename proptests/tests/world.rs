//! The world holds, and would not if the connector lacked anything.

#![allow(clippy::panic)]

use fsconnector_proptests::run::{Play, run, traced};
use fsconnector_proptests::sabotage::Sabotage;

const STEPS: usize = 400;

#[test]
fn a_few_seeds_hold_with_people_who_call_and_listen() {
    for seed in 0..25 {
        if let Err(violation) = run(Play::Calls, seed, STEPS, None) {
            panic!("seed {seed}: {violation}");
        }
    }
}

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
    for (play, seed) in [(Play::Files, 3), (Play::Files, 6), (Play::Calls, 9)] {
        let (first, second) = (traced(play, seed, STEPS), traced(play, seed, STEPS));
        assert!(first.1.len() > STEPS, "everything is written down");
        assert!(first == second, "seed {seed}");
    }
}

/// A connector that lacks something is found out within some seeds.
fn is_found(sabotage: Sabotage) {
    let found = (0..400).find_map(|seed| run(Play::Files, seed, STEPS, Some(sabotage)).err());
    assert!(found.is_some(), "nothing is wrong without {sabotage:?}");
}

/// A connector whose live state lacks something is found out within some seeds, and by the very thing it lacks.
fn is_heard(sabotage: Sabotage, invariants: &[&str]) {
    let found = (0..40).find_map(|seed| run(Play::Calls, seed, STEPS, Some(sabotage)).err());
    let Some(violation) = found else { panic!("nothing is wrong with {sabotage:?}") };
    assert!(invariants.contains(&violation.invariant), "{sabotage:?}: {violation}");
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

#[test]
fn a_connector_that_does_not_tell_of_members_who_leave_is_found_out() {
    is_heard(Sabotage::Leaving, &["who applies events to its init is never wrong"]);
}

#[test]
fn a_connector_that_tells_everybody_everything_is_found_out() {
    is_heard(Sabotage::Hearers, &["nobody hears what is secret", "guests are told nothing of orders"]);
}

#[test]
fn a_connector_that_answers_listeners_twice_is_found_out() {
    is_heard(Sabotage::Replies, &["every request is answered once, or its listener closed"]);
}

#[test]
fn a_connector_that_lets_listeners_stay_is_found_out() {
    is_heard(
        Sabotage::Closing,
        &[
            "who has changed does not listen any longer",
            "who can log in may listen, and nobody else",
            "every request is answered once, or its listener closed",
        ],
    );
}

#[test]
fn a_connector_that_takes_guests_for_admins_is_found_out() {
    is_heard(Sabotage::Guests, &["nobody orders what it may not", "nobody hears what is secret"]);
}

#[test]
fn a_connector_that_keeps_quiet_after_a_reconnect_is_found_out() {
    let invariants = [
        "after a reconnect everybody is told everything anew",
        // A directory that changes names is told so, too.
        "who applies events to its init is never wrong",
    ];
    is_heard(Sabotage::Renewal, &invariants);
}

#[test]
fn a_connector_that_loses_events_is_found_out() {
    is_heard(Sabotage::Events, &["what is shown is what the switch has"]);
}

#[test]
fn a_connector_that_takes_old_listings_for_new_is_found_out() {
    is_heard(Sabotage::Listing, &["what is shown is what the switch has"]);
}

#[test]
fn a_connector_that_records_unannounced_is_found_out() {
    is_heard(Sabotage::Announcement, &["nobody is recorded unannounced"]);
}

#[test]
fn a_connector_that_records_everything_twice_is_found_out() {
    is_heard(Sabotage::Recorder, &["one recording runs by our orders at most"]);
}

#[test]
fn a_connector_that_mistakes_members_is_found_out() {
    is_heard(Sabotage::Members, &["conferences and members are told something that the switch has had"]);
}

#[test]
fn a_connector_that_does_not_quote_names_is_found_out() {
    is_heard(Sabotage::Quotes, &["the switch understands a command as it is meant, and nothing besides"]);
}

#[test]
fn a_connector_that_does_not_hear_of_phones_that_go_is_found_out() {
    is_heard(Sabotage::Phones, &["what is shown is what the switch has"]);
}
