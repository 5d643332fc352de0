//! The files of phones by example: what is written with a user, and what a sweep writes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

use fsconnector_engine::change::command::Unavailable;
use fsconnector_engine::change_set::Refusal;
use serde_json::{Value, json};

use stage::Stage;

const MAC: &str = "0004f2000001";

fn user(name: &str, context: &str, mac: &str) -> Value {
    json!({"name": name, "email": "a@example.org", "context": context, "polymac": mac})
}

fn phone_files(mac: &str) -> [String; 3] {
    [
        format!("polycom/{mac}/{mac}-directory.xml"),
        format!("polycom/{mac}/{mac}.cfg"),
        format!("polycom/{mac}/allprov.cfg"),
    ]
}

/// The files of phones.
fn provisioned(stage: &Stage) -> Vec<&str> {
    stage.paths().into_iter().filter(|path| !path.starts_with("directory/") && !path.starts_with("dialplan/")).collect()
}

fn with_owners_entry(directory: &str) -> String {
    directory.replace("</item_list>", "<item><ln>Mum</ln><ct>17</ct></item></item_list>")
}

#[test]
fn a_new_user_has_its_provisioning_in_the_same_transaction() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "friends", "none")]));
    let [directory, master, account] = phone_files(MAC);
    let expected = ["linphone/20000/linphone.xml", "linphone/21000/linphone.xml", &directory, &master, &account];
    assert_eq!(provisioned(&stage), expected);
    assert_eq!(stage.works, ["commit", "keep"]);
    assert_eq!(stage.reloads, 1);
}

#[test]
fn what_is_undone_takes_the_provisioning_with_it() {
    let mut stage = Stage::with_phones();
    stage.rejects = Some("-ERR".into());
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn a_user_who_goes_takes_everything_along_that_its_phones_have_put_there() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    stage.files.insert(format!("polycom/{MAC}/{MAC}-app.log"), "log".into());
    stage.ask("users/del", &json!([{"id": "20000"}]));
    assert_eq!(stage.paths(), ["directory/team/20001.xml", "linphone/20001/linphone.xml"]);
}

#[test]
fn without_a_mac_the_phones_folder_goes_and_linphones_stays() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    stage.ask("users/mod", &json!([{"id": "20000"}]));
    assert_eq!(provisioned(&stage), ["linphone/20000/linphone.xml"]);
}

#[test]
fn who_moves_to_another_context_keeps_the_entries_of_the_phone() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    let [directory, ..] = phone_files(MAC);
    let owned = with_owners_entry(stage.file(&directory));
    stage.files.insert(directory.clone(), owned);
    let answer = stage.ask("users/mod", &json!([{"id": "20000", "context": "friends", "polymac": MAC}]));
    assert_eq!(answer.errors(), [""; 0]);
    assert!(stage.file(&directory).contains("Mum"));
    let linphone: Vec<&str> = provisioned(&stage).into_iter().filter(|path| path.starts_with("linphone")).collect();
    assert_eq!(linphone, ["linphone/21000/linphone.xml"]);
}

#[test]
fn a_phone_that_somebody_else_gets_holds_nothing_of_the_first_owner() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    let [directory, ..] = phone_files(MAC);
    let owned = with_owners_entry(stage.file(&directory));
    stage.files.insert(directory.clone(), owned);
    stage.files.insert(format!("polycom/{MAC}/{MAC}-calls.xml"), "calls".into());
    stage.ask("users/mod", &json!([{"id": "20000"}, {"id": "20001", "polymac": MAC}]));
    assert!(!stage.file(&directory).contains("Mum"));
    let mut expected = vec!["linphone/20000/linphone.xml".to_owned(), "linphone/20001/linphone.xml".into()];
    expected.extend(phone_files(MAC));
    assert_eq!(provisioned(&stage), expected);
    assert!(stage.file(&phone_files(MAC)[2]).contains("20001"));
}

#[test]
fn a_mac_of_a_hand_written_user_is_taken_however_it_is_written() {
    let mut stage = Stage::with_phones();
    stage.write_user("directory/team/20000.xml", "20000", "anna", "a@example.org", "1");
    let text = stage.file("directory/team/20000.xml").replace(r#"value="none""#, r#"value="00:04:F2:00:00:01""#);
    stage.files.insert("directory/team/20000.xml".into(), text);
    stage.reload_by_others();
    stage.run();
    let answer = stage.ask("users/add", &json!([user("ben", "team", MAC)]));
    assert_eq!(answer.errors(), ["polymac already taken"]);
}

#[test]
fn a_rebuild_of_users_does_not_touch_their_phones() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    let [directory, ..] = phone_files(MAC);
    stage.files.insert(directory.clone(), "mine".into());
    assert_eq!(stage.ask("users/rebuild", &json!([])).done.len(), 1);
    assert_eq!(stage.file(&directory), "mine");
}

#[test]
fn a_damaged_directory_is_left_alone_and_named_and_the_change_is_made() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    let [directory, ..] = phone_files(MAC);
    stage.files.insert(directory.clone(), "<directory><item_list>".into());
    let answer = stage.ask("users/mod", &json!([{"id": "20000", "name": "anne", "polymac": MAC}, {"id": "1"}]));
    assert_eq!(answer.done[0]["name"], "anne");
    assert!(answer.left_alone[0].starts_with(&format!("{directory} was left alone: ")), "{answer:?}");
    assert_eq!(stage.file(&directory), "<directory><item_list>");
}

#[test]
fn a_phones_file_that_somebody_writes_in_the_middle_of_a_change_has_it_tried_again() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    let [directory, ..] = phone_files(MAC);
    stage.refuse = Some((directory, Refusal::Changed));
    stage.refusals = 1;
    let answer = stage.ask("users/mod", &json!([{"id": "20000", "name": "anne", "polymac": MAC}]));
    assert_eq!((answer.done[0]["name"].clone(), answer.errors()), (json!("anne"), vec![]));
}

#[test]
fn something_odd_in_the_place_of_a_phones_file_fails_that_user_alone() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    stage.refuse = Some((phone_files(MAC)[0].clone(), Refusal::NotItsOwn));
    let items = json!([{"id": "20000", "polymac": MAC}, {"id": "20001", "name": "bert"}]);
    let answer = stage.ask("users/mod", &items);
    assert!(answer.errors()[0].contains("-directory.xml"), "{answer:?}");
    assert_eq!(answer.done[0]["name"], "bert");
}

#[test]
fn a_reprovision_writes_all_files_of_all_phones_and_lists_the_users() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "friends", "none")]));
    let before = stage.files.clone();
    stage.files.retain(|path, _| path.starts_with("directory/"));
    let answer = stage.ask("users/reprov", &Value::Null);
    assert_eq!(stage.files, before);
    let names: Vec<&Value> = answer.done.iter().map(|user| &user["name"]).collect();
    assert_eq!((names, answer.errors()), (vec![&json!("anna"), &json!("ben")], vec![]));
    assert_eq!(stage.reloads, 1, "the one of the add");
}

#[test]
fn a_reprovision_names_whom_it_cannot_provision() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    stage.write_user("directory/team/20001.xml", "20001", "stray", "a@example.org", "1");
    let text = stage.file("directory/team/20001.xml").replace(r#"value="team""#, r#"value="nowhere""#);
    stage.files.insert("directory/team/20001.xml".into(), text);
    stage.reload_by_others();
    stage.run();
    stage.files.insert(phone_files(MAC)[0].clone(), "not a directory".into());
    let answer = stage.ask("users/reprov", &Value::Null);
    let errors = answer.errors();
    assert_eq!(answer.failed.iter().map(|failed| &failed["user"]["id"]).collect::<Vec<_>>(), ["20001", "20000"]);
    assert_eq!(errors[0], "context does not exist");
    assert!(errors[1].contains("-directory.xml was left alone"), "{errors:?}");
    assert_eq!(answer.left_alone, [errors[1].clone()]);
}

#[test]
fn rebuilt_contacts_are_written_where_contacts_are_and_answered_with_the_time() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    stage.ask("conferences/add", &json!([{"name": "chat", "type": "16kHz-novideo", "context": "public"}]));
    let [directory, _, account] = phone_files(MAC);
    stage.files.insert(account.clone(), "untouched".into());
    assert!(!stage.file(&directory).contains("32000"), "not rebuilt by the new conference");
    let answer = stage.ask("conferences/rebuildcontacts", &Value::Null);
    assert_eq!(answer.single, Some(Ok("2027-01-15T08:00:00.000Z".into())));
    assert!(stage.file(&directory).contains("32000"));
    assert!(stage.file("linphone/20000/linphone.xml").contains("32000"));
    assert_eq!(stage.file(&account), "untouched");
    assert!(stage.state().info.maintenance.is_some());
}

#[test]
fn a_sweep_goes_on_in_batches_and_changes_come_in_between() {
    let mut stage = Stage::with_phones();
    let users: Vec<Value> = (0..300).map(|n| user(&format!("user {n}"), "team", "none")).collect();
    stage.ask("users/add", &Value::from(users));
    stage.works.clear();
    let sweep = stage.send("users/reprov", &Value::Null);
    let added = stage.send("users/add", &json!([user("late", "team", "none")]));
    stage.run();
    assert_eq!(stage.answer(added).errors(), [""; 0]);
    assert_eq!(stage.works[..3], ["provision", "commit", "keep"], "{:?}", stage.works);
    assert_eq!(stage.works.iter().filter(|work| **work == "provision").count(), 5);
    assert_eq!(stage.answer(sweep).done.len(), 301, "the late one as well");
}

#[test]
fn changes_do_not_starve_a_sweep() {
    let mut stage = Stage::with_phones();
    stage.ask(
        "users/add",
        &Value::from((0..130).map(|n| user(&format!("user {n}"), "team", "none")).collect::<Vec<_>>()),
    );
    stage.works.clear();
    let sweep = stage.send("conferences/rebuildcontacts", &Value::Null);
    for n in 0..4 {
        stage.send("users/add", &json!([user(&format!("late {n}"), "team", "none")]));
        // Until the change is on the disk: the next one comes in before it is answered.
        let commits = stage.works.iter().filter(|work| **work == "commit").count();
        while stage.works.iter().filter(|work| **work == "commit").count() == commits && stage.step() {}
    }
    stage.run();
    assert!(stage.answer(sweep).single.is_some_and(|single| single.is_ok()));
    let keep_at = stage.works.iter().position(|work| *work == "keep").unwrap();
    assert_eq!(stage.works[keep_at + 1], "provision", "{:?}", stage.works);
}

#[test]
fn sweeps_of_one_kind_that_wait_go_together() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", "none")]));
    stage.works.clear();
    let running = stage.send("users/reprov", &Value::Null);
    let ids: Vec<_> = (0..5).map(|_| stage.send("users/reprov", &Value::Null)).collect();
    stage.run();
    assert_eq!(stage.works, ["provision", "sync", "provision", "sync"]);
    for id in ids.into_iter().chain([running]) {
        assert_eq!(stage.answer(id).done.len(), 1);
    }
}

#[test]
fn a_disk_that_fails_ends_the_sweep_and_says_why() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", "none")]));
    stage.disk_error = Some("No space left on device".into());
    let answer = stage.ask("users/reprov", &Value::Null);
    assert_eq!(answer.errors(), ["the files could not be written: No space left on device"]);
    let answer = stage.ask("conferences/rebuildcontacts", &Value::Null);
    assert_eq!(answer.single, Some(Err("the files could not be written: No space left on device".into())));
    assert!(stage.state().info.maintenance.is_none());
}

#[test]
fn without_a_static_tree_users_change_and_sweeps_fail() {
    let mut stage = Stage::new();
    assert_eq!(stage.ask("users/add", &json!([user("anna", "team", MAC)])).done.len(), 1);
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
    let errors = stage.ask("users/reprov", &Value::Null).errors();
    assert!(errors[0].contains("static tree"), "{errors:?}");
    assert!(stage.ask("conferences/rebuildcontacts", &Value::Null).single.unwrap().is_err());
}

#[test]
fn while_the_switch_is_away_no_sweep_begins() {
    let mut stage = Stage::with_phones();
    stage.lose();
    for op in ["users/reprov", "conferences/rebuildcontacts", "store/directory", "restore/directory"] {
        assert_eq!(stage.ask(op, &Value::Null).unavailable, Some(Unavailable::SwitchAway), "{op}");
    }
    assert!(stage.works.is_empty());
}

/// Two users who have one phone, since somebody wrote it so by hand.
fn with_a_shared_phone() -> Stage {
    let mut stage = Stage::with_phones();
    stage.sends_events = true;
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    let text = stage.file("directory/team/20001.xml").replace(r#"value="none""#, &format!(r#"value="{MAC}""#));
    stage.files.insert("directory/team/20001.xml".into(), text);
    stage.reload_by_others();
    stage.run();
    stage
}

#[test]
fn a_phone_of_two_users_goes_when_both_go() {
    let mut stage = with_a_shared_phone();
    let answer = stage.ask("users/del", &json!([{"id": "20000"}, {"id": "20001"}]));
    assert_eq!((answer.done.len(), answer.errors()), (2, vec![]));
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn a_phone_of_two_users_is_the_seconds_when_the_first_goes() {
    let mut stage = with_a_shared_phone();
    let [directory, _, account] = phone_files(MAC);
    let owned = with_owners_entry(stage.file(&directory));
    stage.files.insert(directory.clone(), owned);
    assert_eq!(stage.ask("users/del", &json!([{"id": "20000"}])).done.len(), 1);
    assert!(stage.file(&account).contains("20001"));
    assert!(!stage.file(&directory).contains("Mum"), "that was the first one's");
    let mut stage = with_a_shared_phone();
    stage.ask("users/del", &json!([{"id": "20001"}]));
    assert!(stage.file(&account).contains("20000"), "the first keeps it");
}

#[test]
fn a_phone_that_is_sent_back_as_it_is_does_not_collide() {
    let mut stage = with_a_shared_phone();
    let answer = stage.ask("users/mod", &json!([{"id": "20001", "name": "bert", "polymac": MAC}]));
    assert_eq!((answer.done.len(), answer.errors()), (1, vec![]));
    let [_, _, account] = phone_files(MAC);
    assert!(stage.file(&account).contains("20000"), "the first has it still");
}

#[test]
fn a_file_that_somebody_never_stops_writing_fails_its_user_and_not_the_others() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    stage.refuse = Some((phone_files(MAC)[0].clone(), Refusal::Changed));
    let items = json!([{"id": "20000", "polymac": MAC}, {"id": "20001", "name": "bert"}]);
    let answer = stage.ask("users/mod", &items);
    assert_eq!(answer.errors(), ["the file was changed by hand meanwhile"]);
    assert_eq!(answer.done[0]["name"], "bert");
}

#[test]
fn a_sweep_that_is_to_stop_answers_after_the_batch_under_way() {
    let mut stage = Stage::with_phones();
    let users: Vec<Value> = (0..300).map(|n| user(&format!("user {n}"), "team", "none")).collect();
    stage.ask("users/add", &Value::from(users));
    stage.works.clear();
    let sweep = stage.send("users/reprov", &Value::Null);
    let later = stage.send("conferences/rebuildcontacts", &Value::Null);
    stage.stop();
    stage.run();
    assert_eq!(stage.works, ["provision", "sync"]);
    let answer = stage.answer(sweep);
    assert_eq!((answer.done.len(), answer.failed.len()), (64, 236));
    assert_eq!(answer.errors()[0], "the connector stops; ask again when it is back");
    assert!(stage.answer(later).single.unwrap().is_err());
}

#[test]
fn whose_linphone_file_is_left_alone_is_the_one_who_fails() {
    let mut stage = Stage::with_phones();
    stage.ask("users/add", &json!([user("anna", "team", MAC), user("ben", "team", "none")]));
    stage.in_the_way = Some("linphone/20001/linphone.xml".into());
    let answer = stage.ask("users/reprov", &Value::Null);
    let ids = |list: &[Value], of: &str| list.iter().map(|item| item.pointer(of).unwrap().clone()).collect::<Vec<_>>();
    assert_eq!(ids(&answer.done, "/id"), ["20000"]);
    assert_eq!(ids(&answer.failed, "/user/id"), ["20001"]);
}

#[test]
fn what_is_left_of_a_phone_that_nobody_had_is_not_the_new_owners() {
    let mut stage = Stage::with_phones();
    let [directory, ..] = phone_files(MAC);
    let left = "<directory><item_list><item><ln>Mum</ln></item></item_list></directory>";
    stage.files.insert(directory.clone(), left.into());
    stage.files.insert(format!("polycom/{MAC}/{MAC}-calls.xml"), "calls".into());
    stage.ask("users/add", &json!([user("anna", "team", MAC)]));
    assert!(!stage.file(&directory).contains("Mum"));
    assert!(!stage.files.contains_key(&format!("polycom/{MAC}/{MAC}-calls.xml")));
}
