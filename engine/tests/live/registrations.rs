//! Registrations: the phones of each user.

use std::time::Duration;

use fsconnector_engine::esl::command::SwitchCommand;
use serde_json::json;

use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

#[test]
fn everybody_hears_of_phones_that_come_and_go() {
    let mut stage = Stage::new();
    stage.all_happen(&["phone register 20001 a 10.0.0.1:5060", "phone register 20002 b 10.0.0.2:5060"]);
    stage.all_happen(&["phone unregister 20001 a", "phone expire 20002 b"]);
    for id in [ADMIN, MEMBER, GUEST] {
        assert_eq!(stage.heard(id), ["addReg a", "addReg b", "delReg a", "delReg b"]);
    }
}

#[test]
fn a_registration_says_whose_it_is_its_call_id_and_where_the_phone_is() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a@x 10.0.0.1:5060");
    let expected = json!({"id": "20001", "regid": "a@x", "sipcon": "10.0.0.1:5060"});
    assert_eq!(stage.initreg(GUEST), std::slice::from_ref(&expected));
    assert_eq!(stage.ear(GUEST).client.heard, [json!({"event": "addReg", "user": expected})]);
}

#[test]
fn a_refresh_is_no_news_and_a_new_address_is() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| stage.happens("phone register 20001 a 10.0.0.1:5060"));
    assert_eq!(stage.heard(ADMIN), ["addReg a"]);
    stage.happens("phone register 20001 a 10.0.0.9:5060");
    assert_eq!(stage.heard(ADMIN), ["delReg a", "addReg a"]);
    assert_eq!(stage.initreg(ADMIN), [json!({"id": "20001", "regid": "a", "sipcon": "10.0.0.9:5060"})]);
}

#[test]
fn a_phone_that_starts_anew_replaces_its_old_registration() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.happens("phone register 20001 b 10.0.0.1:5060");
    assert_eq!(stage.heard(ADMIN), ["addReg a", "delReg a", "addReg b"]);
    // The same contact behind another port of the network.
    stage.happens("phone register 20001 c 10.0.0.1:40000 sip:20001@10.0.0.1:5060");
    assert_eq!(stage.heard(ADMIN), ["delReg b", "addReg c"]);
    stage.pass(Duration::from_secs(120));
    assert_eq!(stage.heard(ADMIN), [""; 0]);
}

#[test]
fn of_two_phones_of_one_user_the_switch_decides_which_are_registered() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.is_slow = true;
    stage.happens("phone register 20001 b 10.0.0.2:5060");
    assert_eq!(stage.heard(ADMIN), ["addReg a", "addReg b"]);
    stage.settle();
    stage.hurries();
    assert_eq!(stage.heard(ADMIN), ["delReg a"], "this switch keeps the newest");
}

#[test]
fn a_second_phone_that_comes_while_the_first_is_being_listed_is_looked_after() {
    let mut stage = Stage::new();
    stage.is_missed("phone register 20001 a 10.0.0.1:5060");
    stage.is_slow = true;
    stage.pass(Duration::from_secs(61));
    let before = stage.switch.registrations();
    stage.answer_one();
    stage.happens("phone register 20001 b 10.0.0.2:5060");
    stage.answer_with(before.as_bytes());
    assert_eq!(stage.heard(ADMIN), ["addReg b", "addReg a"]);
    stage.hurries();
    stage.settle();
    assert_eq!(stage.heard(ADMIN), ["delReg a"]);
}

#[test]
fn the_end_of_an_unknown_registration_is_harmless() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.hush();
    stage.all_happen(&["phone unregister 20001 never", "phone unregister 20009 a9", "phone expire 20001 never"]);
    stage.settle();
    assert_eq!((stage.heard(ADMIN), stage.initreg(ADMIN).len()), (vec![], 1));
    stage.all_happen(&["phone unregister 20001 a", "phone unregister 20001 a"]);
    stage.settle();
    assert_eq!(stage.heard(ADMIN), ["delReg a"]);
}

#[test]
fn an_audit_corrects_the_registrations_one_by_one() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.hush();
    stage.is_missed("phone unregister 20001 a");
    stage.is_missed("phone register 20002 b [fd00::1]:5060");
    stage.pass(Duration::from_secs(61));
    assert_eq!(stage.heard(ADMIN), ["delReg a", "addReg b"]);
    assert_eq!(stage.initreg(ADMIN)[0]["sipcon"], "[fd00::1]:5060");
}

#[test]
fn registrations_that_cannot_be_listed_are_logged_once_and_stay() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.hush();
    stage.says.insert(SwitchCommand::Registrations, "-USAGE: show\n");
    stage.pass(Duration::from_secs(180));
    assert_eq!((stage.warnings().len(), stage.heard(ADMIN), stage.initreg(ADMIN).len()), (1, vec![], 1));
}

#[test]
fn a_registration_is_listed_only_when_the_switch_has_had_time_to_write_it_down() {
    let mut stage = Stage::new();
    stage.happens("phone register 20001 a 10.0.0.1:5060");
    stage.settle();
    stage.is_slow = true;
    stage.happens("phone register 20001 b 10.0.0.2:5060");
    stage.pass(Duration::from_millis(400));
    assert!(stage.questions().is_empty());
    stage.pass(Duration::from_millis(200));
    assert_eq!(stage.questions().front(), Some(&SwitchCommand::Registrations));
}

#[test]
fn phones_that_come_and_come_do_not_put_off_the_listing() {
    let mut stage = Stage::new();
    stage.happens("phone register 20002 gone 10.0.0.9:5060");
    stage.hush();
    stage.is_missed("phone unregister 20002 gone");
    for _ in 0..20 {
        stage.happens("phone register 20001 a 10.0.0.1:5060");
        stage.happens("phone register 20001 b 10.0.0.2:5060");
        stage.pass(Duration::from_millis(400));
    }
    assert!(stage.heard(ADMIN).contains(&"delReg gone".to_owned()));
}
