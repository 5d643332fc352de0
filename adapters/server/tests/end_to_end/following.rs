//! The switch is stopped, started and reloaded by others, at any moment, and the answers follow.

use std::fs;

use crate::connector::{Connector, wait_for};
use crate::stage::{ADMIN, Stage};

#[test]
fn a_reload_by_somebody_else_shows_without_being_asked_for() {
    let stage = Stage::new();
    let connector = stage.connector();
    connector.wait_until_ready();
    stage.write_user("team", "20001", "anna", "x");
    assert_eq!(connector.user_ids(ADMIN), ["20000"], "the switch does not know of it yet");
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000", "20001"]);
    fs::remove_file(stage.path("directory/team/20001.xml")).unwrap();
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000"]);
    let info = connector.get(ADMIN, "/api/info").json();
    assert_eq!(info["info"]["reloadxml"]["lastmsg"], "+OK [Success]");
}

#[test]
fn what_the_switch_has_and_the_tree_has_not_is_gone_after_the_start() {
    let stage = Stage::new();
    stage.write_user("team", "20001", "put back by an earlier run", "x");
    stage.switch.reload();
    fs::remove_file(stage.path("directory/team/20001.xml")).unwrap();
    let connector = stage.connector();
    connector.wait_until_ready();
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    let info = connector.get(ADMIN, "/api/info").json();
    assert_eq!(info["info"]["reloadxml"]["lastrun"], "not till now");
}

#[test]
fn a_stopped_switch_leaves_the_last_state_and_a_started_one_is_followed_again() {
    let stage = Stage::new();
    let connector = stage.connector();
    connector.wait_until_ready();
    for end in [|stage: &Stage| stage.switch.shut_down(), |stage: &Stage| stage.switch.kill()] {
        end(&stage);
        let connected = || connector.get(ADMIN, "/api/info").json()["info"]["switch"]["connected"].clone();
        wait_for("the end of the session", connected, |connected| *connected == false);
        assert_eq!(connector.user_ids(ADMIN)[0], "20000");
        stage.write_user("team", "20007", "later", "x");
        stage.start_switch();
        connector.wait_for_users(ADMIN, &["20000", "20007"]);
        wait_for("the next session", connected, |connected| *connected == true);
    }
}

#[test]
fn a_broken_file_leaves_the_last_state_until_it_is_repaired() {
    let stage = Stage::new();
    let connector = stage.connector();
    connector.wait_until_ready();
    stage.write("directory/team/broken.xml", "<user id=\"20009\">\n");
    assert!(stage.switch.reload().starts_with(b"+OK [[error"));
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    fs::remove_file(stage.path("directory/team/broken.xml")).unwrap();
    stage.write_user("team", "20001", "anna", "x");
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000", "20001"]);
}

#[test]
fn an_answer_that_cannot_be_read_is_logged_and_leaves_the_last_state() {
    let stage = Stage::new();
    let mut connector = stage.connector();
    connector.wait_until_ready();
    stage.write_user("team", "20001", "x &lt;! &quot; y", "very-secret");
    stage.switch.reload();
    let line = connector.wait_for_line("cannot be used");
    assert!(line.contains("xml_locate directory") && !line.contains("very-secret"), "{line}");
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    stage.write_user("team", "20001", "x", "very-secret");
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000", "20001"]);
}

#[test]
fn connections_that_break_within_a_frame_are_made_anew() {
    let stage = Stage::new();
    let connector = stage.connector();
    connector.wait_until_ready();
    for round in 1..10 {
        stage.switch.cut_within_next_frame(round * 37);
        stage.write_user("team", "20001", &format!("name {round}"), "x");
        stage.switch.reload();
        let name = || connector.get(ADMIN, "/api/users/byid/20001").json()["users"][0]["name"].clone();
        wait_for("the new name", name, |name| *name == format!("name {round}"));
    }
}

#[test]
fn the_program_starts_and_waits_when_the_switch_is_not_there() {
    let stage = Stage::new();
    stage.switch.shut_down();
    let mut connector = stage.connector();
    connector.wait_for_line("trying again");
    for (target, status) in [("/livez", 200), ("/readyz", 503), ("/api/users", 503), ("/", 503)] {
        let answer = connector.request("GET", target, &[]);
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.headers("Retry-After").is_empty(), status == 200, "{target}");
    }
    stage.start_switch();
    connector.wait_until_ready();
    connector.wait_for_users(ADMIN, &["20000"]);
}

#[test]
fn a_wrong_password_of_the_event_socket_is_said_clearly_and_without_it() {
    let stage = Stage::new();
    let mut variables = stage.variables();
    variables.push(("FSPW".into(), "not-the-password".into()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut connector = Connector::start(&["serve"], &variables);
    let line = connector.wait_for_line("password");
    assert!(line.contains("event_socket.conf.xml"), "{line}");
    let (code, log) = connector.stop();
    assert_eq!(code, Some(0));
    assert!(!log.contains("not-the-password"), "{log}");
}

#[test]
fn a_switch_that_refuses_this_address_is_said_clearly() {
    let stage = Stage::new();
    stage.switch.edit(|switch| switch.faults.refuse = true);
    let mut connector = stage.connector();
    connector.wait_for_line("apply-inbound-acl");
    stage.switch.edit(|switch| switch.faults.refuse = false);
    connector.wait_until_ready();
}

#[test]
fn sigterm_and_ctrl_c_end_the_program_in_good_order() {
    for signal in ["-TERM", "-INT"] {
        let stage = Stage::new();
        let connector = stage.connector();
        connector.wait_until_ready();
        connector.signal(signal);
        let (code, log) = connector.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}
