//! Store and restore by example.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

use fsconnector_engine::change::command::Unavailable;
use serde_json::{Value, json};

use stage::Stage;

fn add(stage: &mut Stage, name: &str) {
    let item = json!([{"name": name, "email": "a@example.org", "context": "team"}]);
    assert_eq!(stage.ask("users/add", &item).errors(), [""; 0]);
}

/// A stage with one user, who was stored, and another, who was not.
fn stage() -> Stage {
    let mut stage = Stage::new();
    add(&mut stage, "anna");
    let stored = stage.ask("store/directory", &Value::Null);
    assert_eq!(stored.single, Some(Ok("store/directory.tar.gz".into())));
    add(&mut stage, "ben");
    stage
}

#[test]
fn a_restore_is_active_in_the_switch_when_it_is_answered() {
    let mut stage = stage();
    assert_eq!(stage.ask("restore/directory", &Value::Null).single, Some(Ok("directory".into())));
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
    assert_eq!(stage.state().users.len(), 1);
    assert_eq!(stage.works[stage.works.len() - 2..], ["restore", "keep"]);
}

#[test]
fn a_restore_that_the_switch_rejects_or_garbles_is_undone_with_its_words() {
    let mut stage = stage();
    stage.rejects = Some("+OK [[error near line 7]: unexpected closing tag </user>]".into());
    let answer = stage.ask("restore/directory", &Value::Null);
    assert_eq!(answer.single, Some(Err("+OK [[error near line 7]: unexpected closing tag </user>]".into())));
    assert_eq!(stage.paths().len(), 2);

    let mut stage = crate::stage();
    stage.garbles = true;
    let answer = stage.ask("restore/directory", &Value::Null).single.unwrap().unwrap_err();
    assert_eq!(answer, "what the switch reports after the change cannot be read");
    assert_eq!(stage.paths().len(), 2);
}

#[test]
fn an_archive_that_is_not_fit_or_a_disk_that_fails_is_answered_in_words() {
    let mut stage = stage();
    assert_eq!(stage.ask("restore/freeswitch", &Value::Null).single, Some(Err("there is no archive".into())));
    stage.disk_error = Some("No space left on device".into());
    let answer = stage.ask("store/directory", &Value::Null).single;
    assert_eq!(answer, Some(Err("the files could not be written: No space left on device".into())));
    assert_eq!(stage.paths().len(), 2);
}

#[test]
fn a_session_that_is_lost_on_the_way_undoes_the_restore() {
    for steps in 0..20 {
        let mut stage = stage();
        let id = stage.send("restore/directory", &Value::Null);
        for _ in 0..steps {
            stage.step();
        }
        stage.lose();
        stage.run();
        let answer = stage.answer(id);
        let restored = answer.single.unwrap().is_ok();
        assert_eq!(answer.unavailable, (!restored).then_some(Unavailable::SwitchLost), "after {steps} steps");
        assert_eq!(stage.paths().len(), if restored { 1 } else { 2 }, "after {steps} steps");
    }
}

#[test]
fn changes_store_and_restore_happen_in_the_order_in_which_they_were_asked_for() {
    let mut stage = Stage::new();
    let item = |name: &str| json!([{"name": name, "email": "a@example.org", "context": "team"}]);
    let first = stage.send("users/add", &item("anna"));
    let stored = stage.send("store/directory", &Value::Null);
    let second = stage.send("users/add", &item("ben"));
    let third = stage.send("users/add", &item("cleo"));
    let restored = stage.send("restore/directory", &Value::Null);
    let last = stage.send("users/add", &item("dora"));
    stage.run();
    for id in [first, second, third, last] {
        assert_eq!(stage.answer(id).done.len(), 1);
    }
    for id in [stored, restored] {
        assert!(stage.answer(id).single.unwrap().is_ok());
    }
    let names: Vec<&str> = stage.state().users.iter().map(|user| &*user.name).collect();
    assert_eq!(names, ["anna", "dora"]);
    let expected = ["commit", "keep", "archive", "commit", "keep", "restore", "keep", "commit", "keep"];
    assert_eq!(stage.works, expected, "the two in between went together");
}

#[test]
fn a_tree_that_the_switch_does_not_take_is_stored_and_mended_by_a_restore() {
    let mut stage = stage();
    stage.rejects = Some("+OK [[error near line 7]]".into());
    add_fails(&mut stage);
    // The tree is broken by hand; what was archived is not.
    stage.files.insert("directory/team/20009.xml".into(), "broken".into());
    stage.rejects_with = Some("directory/team/20009.xml".into());
    assert_eq!(stage.ask("store/dialplan", &Value::Null).single, Some(Ok("store/dialplan.tar.gz".into())));
    assert_eq!(stage.ask("restore/directory", &Value::Null).single, Some(Ok("directory".into())));
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
    add(&mut stage, "cleo");
}

fn add_fails(stage: &mut Stage) {
    let item = json!([{"name": "fail", "email": "a@example.org", "context": "team"}]);
    assert_eq!(stage.ask("users/add", &item).errors(), ["+OK [[error near line 7]]"]);
}

#[test]
fn a_rebuild_of_a_tree_that_the_switch_does_not_take_fails_for_all_users_each_time() {
    let mut stage = stage();
    stage.rejects = Some("+OK [[error near line 7]]".into());
    for _ in 0..2 {
        let answer = stage.ask("users/rebuild", &Value::Null);
        assert_eq!(answer.errors(), ["+OK [[error near line 7]]", "+OK [[error near line 7]]"]);
    }
}

#[test]
fn a_restore_that_leaves_no_administrator_is_undone() {
    let mut stage = Stage::new();
    stage.ask("users/add", &json!([{"name": "gus", "email": "g@example.org", "context": "public"}]));
    stage.ask("store/directory", &Value::Null);
    add(&mut stage, "anna");
    let answer = stage.ask("restore/directory", &Value::Null).single;
    assert_eq!(answer, Some(Err("with it no administrator could log in any more".into())));
    assert_eq!(stage.paths().len(), 2);
    assert_eq!(stage.state().users.len(), 2);
}
