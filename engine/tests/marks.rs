//! What whoever measures is told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

use fsconnector_engine::mark::{Figures, Mark, Outcome};
use serde_json::{Value, json};

use stage::Stage;

fn anna() -> Value {
    json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}])
}

/// The marks that are made while `during` runs.
fn marks(stage: &mut Stage, during: impl FnOnce(&mut Stage)) -> Vec<Mark> {
    stage.run();
    stage.marks.clear();
    during(stage);
    std::mem::take(&mut stage.marks)
}

#[test]
fn a_change_is_marked_from_its_beginning_to_its_end() {
    let mut stage = Stage::new();
    let marks = marks(&mut stage, |stage| assert_eq!(stage.ask("users/add", &anna()).errors(), [""; 0]));
    assert_eq!(
        marks,
        [
            Mark::TransactionBegun { requests: 1 },
            Mark::ReloadBegun,
            Mark::ReloadEnded { accepted: true },
            Mark::ReadingBegun,
            Mark::ReadingEnded { usable: true },
            Mark::TransactionEnded(Outcome::Kept),
        ]
    );
}

#[test]
fn what_is_refused_before_any_file_is_written_is_no_transaction() {
    let mut stage = Stage::new();
    let marks = marks(&mut stage, |stage| {
        stage.ask("users/add", &json!([{"name": "anna", "email": "nothing", "context": "friends"}]));
    });
    assert_eq!(marks, []);
}

#[test]
fn each_way_to_fail_has_an_outcome_of_its_own() {
    type Spoil = fn(&mut Stage);
    let failing: [(Outcome, Spoil); 4] = [
        (Outcome::Rejected, |stage| stage.rejects = Some("-ERR".into())),
        (Outcome::NotWritten, |stage| stage.disk_error = Some("no space left on device".into())),
        (Outcome::Retried, |stage| stage.hidden = vec!["directory/friends".into()]),
        (Outcome::Unusable, |stage| stage.garbles = true),
    ];
    for (outcome, spoil) in failing {
        let mut stage = Stage::new();
        spoil(&mut stage);
        let marks = marks(&mut stage, |stage| {
            stage.ask("users/add", &anna());
        });
        let ended: Vec<Mark> = marks.iter().copied().filter(|mark| matches!(mark, Mark::TransactionEnded(_))).collect();
        assert_eq!(ended, [Mark::TransactionEnded(outcome)], "{marks:?}");
    }
}

#[test]
fn a_lost_session_ends_a_transaction_and_leaves_what_the_switch_was_doing_without_an_end() {
    let mut stage = Stage::new();
    let marks = marks(&mut stage, |stage| {
        stage.send("users/add", &anna());
        while !stage.marks.contains(&Mark::ReloadBegun) {
            assert!(stage.step());
        }
        stage.lose();
        stage.run();
    });
    let expected =
        [Mark::TransactionBegun { requests: 1 }, Mark::ReloadBegun, Mark::TransactionEnded(Outcome::SwitchLost)];
    assert_eq!(marks, expected);
}

#[test]
fn every_outcome_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = Outcome::ALL.map(Outcome::name).into();
    assert_eq!(names.len(), Outcome::ALL.len());
}

#[test]
fn figures_tell_what_waits() {
    let mut stage = Stage::new();
    assert_eq!(stage.figures(), Figures { is_connected: true, ..Figures::default() });
    stage.send("users/add", &anna());
    stage.send("users/add", &json!([{"name": "ben", "email": "ben@example.org", "context": "team"}]));
    stage.send("users/add", &json!([{"name": "cleo", "email": "cleo@example.org", "context": "team"}]));
    assert_eq!(stage.figures().waiting_changes, 2, "one is under way, the others share the next");
    stage.run();
    assert_eq!(stage.figures(), Figures { is_connected: true, users: 3, ..Figures::default() });
    stage.lose();
    assert!(!stage.figures().is_connected);
}
