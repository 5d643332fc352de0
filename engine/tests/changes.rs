//! Changes by example: what is asked for, what comes of it, and what is answered.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

use std::time::Duration;

use fsconnector_engine::change::command::Unavailable;
use fsconnector_engine::change_set::Refusal;
use fsconnector_engine::note::Note;
use serde_json::{Value, json};

use stage::{Answered, Stage};

fn anna() -> Value {
    json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}])
}

#[test]
fn a_new_user_gets_the_lowest_number_a_password_and_the_pin_of_its_role() {
    let mut stage = Stage::new();
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.errors(), [""; 0]);
    let user = &answer.done[0];
    assert_eq!((&user["id"], &user["context"], &user["conpin"]), (&json!("21000"), &json!("friends"), &json!("1111")));
    assert_eq!(user["polymac"], "none");
    let password = user["password"].as_str().unwrap();
    assert_eq!(password.len(), 16);
    assert!(password.chars().all(|c| "23456789ABCDEFGHJKLMNPQRSTUVWXYZ".contains(c)), "{password}");
    let file = stage.file("directory/friends/21000.xml");
    assert!(file.contains(r#"<variable name="conpin" value="$${defconpin}"/>"#), "{file}");
    assert!(file.contains(r#"<variable name="conf_flags" value="moderator|mute-detect"/>"#), "{file}");
    let admin = stage.ask("users/add", &json!([{"name": "ben", "email": "b@example.org", "context": "team"}]));
    assert_eq!(admin.done[0]["conpin"], "2222");
    let guest = stage.ask("users/add", &json!([{"name": "gus", "email": "g@example.org", "context": "public"}]));
    assert!(stage.file("directory/public/22000.xml").contains(r#""mute-detect|mute""#));
    assert_ne!(admin.done[0]["password"], guest.done[0]["password"]);
}

#[test]
fn blanks_around_go_and_the_mac_is_kept_in_one_form() {
    let mut stage = Stage::new();
    let item = json!([{"name": " anna ", "email": " a@example.org\u{20}", "context": "team", "polymac": " 00:04:F2:AA:BB:CC ",
        "password": " x ", "conpin": "0815"}]);
    let user = &stage.ask("users/add", &item).done[0];
    assert_eq!(
        (&user["name"], &user["email"], &user["polymac"], &user["password"], &user["conpin"]),
        (&json!("anna"), &json!("a@example.org"), &json!("0004f2aabbcc"), &json!(" x "), &json!("0815"))
    );
}

#[test]
fn names_that_are_hard_for_xml_come_back_unchanged() {
    let mut stage = Stage::new();
    let names =
        ["A & B <\"'>", "Анна", "日本", "🎧", "a]]>b", "x\" value=\"y", "O'Neil", "&amp;", "C\\x", "100%", "{name}"];
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "email": "a@example.org", "context": "team", "password": name}))
        .collect();
    let answer = stage.ask("users/add", &Value::from(items));
    assert_eq!(answer.errors(), [""; 0]);
    for (name, user) in names.iter().zip(&answer.done) {
        assert_eq!(user["name"], *name);
        let shown = stage.state().users.by_id(user["id"].as_str().unwrap()).unwrap().clone();
        assert_eq!((&*shown.name, shown.password.expose()), (*name, *name));
    }
}

#[test]
fn each_item_fails_on_its_own_and_for_the_first_reason() {
    let mut stage = Stage::new();
    stage.ask(
        "users/add",
        &json!([{"name": "anna", "email": "a@example.org", "context": "team", "polymac": "0004f2000001"}]),
    );
    let item = |name: &str, email: &str, context: &str, mac: &str| json!({"name": name, "email": email, "context": context, "polymac": mac});
    let all = json!([
        item("anna", "nothing", "nowhere", "0004f2000001"),
        item("a:b", "nothing", "nowhere", "0004f2000001"),
        item("a:b", "b@example.org", "nowhere", "0004f2000001"),
        item("a:b", "b@example.org", "team", "0004f2000001"),
        item("a:b", "b@example.org", "team", "none"),
        item("ben", "b@example.org", "team", "x"),
        item("ben", "b@example.org", "team", "none"),
        item("ben", "b@example.org", "team", "none"),
    ]);
    let answer = stage.ask("users/add", &all);
    assert_eq!(
        answer.errors(),
        [
            "name already taken",
            "email does not contain an email",
            "context does not exist",
            "polymac already taken",
            "name not allowed: it holds a colon, which HTTP Digest cannot carry",
            "polymac not allowed: use 12 hexadecimal digits, or none",
            "name already taken",
        ]
    );
    assert_eq!(answer.failed[0]["user"], all[0], "the item as it was sent");
    assert_eq!(answer.done[0]["id"], "20001");
}

#[test]
fn values_that_the_switch_would_change_are_refused_by_name() {
    let mut stage = Stage::new();
    for bad in ["$${es_pw}", "<!--x", "X-Pre-Process", "a\tb", "a\nb", "a\0b"] {
        let with = |property: &str| {
            let mut item = json!({"name": "n", "email": "a@example.org", "context": "team"});
            item[property] = if property == "email" { json!(format!("a@example.org {bad}")) } else { json!(bad) };
            json!([item])
        };
        for property in ["name", "password", "conpin", "email"] {
            let errors = stage.ask("users/add", &with(property)).errors();
            assert!(errors[0].starts_with(&format!("{property} not allowed: ")), "{bad:?} {errors:?}");
        }
    }
    assert_eq!(stage.reloads, 0);
}

#[test]
fn an_exhausted_range_fails_that_item_and_nothing_else() {
    let mut stage = Stage::new();
    let user = |n: u32| json!({"name": format!("user {n}"), "email": "a@example.org", "context": "public"});
    let answer = stage.ask("users/add", &Value::from((0..1001).map(user).collect::<Vec<_>>()));
    assert_eq!((answer.done.len(), answer.errors()), (1000, vec!["no free number".to_owned()]));
    assert_eq!(answer.done[999]["id"], "22999");
    assert_eq!(stage.reloads, 1);
    assert_eq!(stage.ask("users/add", &anna()).errors(), [""; 0]);
}

#[test]
fn mod_keeps_what_is_absent_but_makes_a_new_password_and_removes_the_phone() {
    let mut stage = Stage::new();
    let before = stage
        .ask(
            "users/add",
            &json!([{"name": "anna", "email": "a@example.org", "context": "team", "polymac": "0004f2000001", "conpin": "99"}]),
        )
        .done[0]
        .clone();
    let after = stage.ask("users/mod", &json!([{"id": "20000"}])).done[0].clone();
    for same in ["id", "name", "email", "context", "conpin"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["password"], after["password"]);
    assert_eq!(after["polymac"], "none");
    let after = stage.ask("users/mod", &json!([{"id": "20000", "password": "own", "conpin": ""}])).done[0].clone();
    assert_eq!((&after["password"], &after["conpin"]), (&json!("own"), &json!("2222")));
}

#[test]
fn a_value_that_is_sent_back_unchanged_is_not_judged() {
    let mut stage = Stage::new();
    stage.write_user("directory/team/20007.xml", "20007", "4711", "no address", "pin");
    let everything = json!([{"id": "20007", "password": "pw", "conpin": "pin", "context": "team", "name": "4711",
        "email": "no address", "polymac": "none"}]);
    let answer = stage.ask("users/mod", &everything);
    assert_eq!(answer.errors(), [""; 0]);
    assert_eq!(answer.done[0], everything[0]);
    let answer = stage.ask("users/mod", &json!([{"id": "20007", "password": "pw", "name": "4712"}]));
    assert!(answer.errors()[0].starts_with("name not allowed: "), "{:?}", answer.errors());
}

#[test]
fn another_context_gives_another_number_and_moves_the_file() {
    let mut stage = Stage::new();
    stage.ask("users/add", &anna());
    let answer = stage.ask("users/mod", &json!([{"id": "21000", "context": "team", "password": "x"}]));
    assert_eq!(answer.done[0]["id"], "20000");
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
    assert_eq!(stage.ask("users/mod", &json!([{"id": "21000"}])).errors(), ["no userid 21000"]);
    assert_eq!(stage.ask("users/mod", &json!([{"id": "20000", "context": "x"}])).errors(), ["context does not exist"]);
}

#[test]
fn del_removes_the_file_and_answers_with_the_user() {
    let mut stage = Stage::new();
    let added = stage.ask("users/add", &anna()).done;
    let answer = stage.ask("users/del", &json!([{"id": "21000"}, {"id": "21000"}]));
    assert_eq!((&answer.done, answer.errors()), (&added, vec!["no userid 21000".to_owned()]));
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn rebuild_writes_every_user_anew_and_a_pin_follows_its_variable() {
    let mut stage = Stage::new();
    stage.write_user("directory/team/20000.xml", "20000", "hand", "h@example.org", "2222");
    stage.write_user("directory/team/other.xml", "20001", "elsewhere", "e@example.org", "1");
    let answer = stage.ask("users/rebuild", &json!([]));
    assert_eq!(answer.done.len(), 1);
    assert_eq!(answer.errors(), ["not in a file of its own"]);
    assert_eq!(answer.failed[0]["user"]["id"], "20001");
    assert!(stage.file("directory/team/20000.xml").contains(r#"value="$${modconpin}""#));
    assert!(stage.state().info.maintenance.is_some());
}

#[test]
fn what_somebody_has_added_by_hand_is_dropped_and_the_log_says_so() {
    let mut stage = Stage::new();
    stage.write_user("directory/team/20000.xml", "20000", "hand", "h@example.org", "2222");
    let with_extra = stage
        .file("directory/team/20000.xml")
        .replace("</variables>", "<variable name=\"mine\" value=\"x\"/></variables>");
    stage.files.insert("directory/team/20000.xml".into(), with_extra);
    stage.reload_by_others();
    stage.run();
    assert_eq!(stage.ask("users/mod", &json!([{"id": "20000"}])).done.len(), 1);
    assert!(!stage.file("directory/team/20000.xml").contains("mine"));
    let said = stage.notes.iter().any(|note| note.to_string().starts_with("directory/team/20000.xml was written anew"));
    assert!(said, "{:?}", stage.notes);
}

#[test]
fn conferences_are_made_changed_and_removed() {
    let mut stage = Stage::new();
    let made = stage.ask("conferences/add", &json!([{"name": "chat", "type": "16kHz-novideo", "context": "public"}]));
    assert_eq!(made.done, [json!({"num": "32000", "name": "chat", "type": "16kHz-novideo", "context": "public"})]);
    let file = stage.file("dialplan/conferences/32000.xml");
    assert!(file.contains(r#"expression="^32000$""#), "{file}");
    assert!(file.contains(r#"data="chat@16kHz-novideo++flags{${conf_flags}}""#), "{file}");
    assert!(file.contains("codec_string=G722"), "{file}");
    let moved = stage.ask("conferences/mod", &json!([{"num": "32000", "context": "team", "type": "48kHz-video"}]));
    assert_eq!(moved.done, [json!({"num": "30000", "name": "chat", "type": "48kHz-video", "context": "team"})]);
    assert_eq!(stage.paths(), ["dialplan/conferences/30000.xml"]);
    let answer = stage.ask("conferences/del", &json!([{"num": "30000"}, {"num": "32000"}]));
    assert_eq!((answer.done, answer.failed[0]["error"].clone()), (moved.done, json!("no conference 32000")));
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn a_conference_fails_for_the_first_reason() {
    let mut stage = Stage::new();
    stage.ask("conferences/add", &json!([{"name": "chat", "type": "16kHz-novideo", "context": "team"}]));
    let item = |name: &str, kind: &str, context: &str| json!({"name": name, "type": kind, "context": context});
    let answer = stage.ask(
        "conferences/add",
        &json!([
            item("chat", "none", "nowhere"),
            item("a b", "none", "nowhere"),
            item("a b", "none", "team"),
            item("a b", "16kHz-novideo", "team"),
            item("list", "16kHz-novideo", "team"),
        ]),
    );
    let errors = answer.errors();
    assert_eq!(errors[..3], ["name already taken", "context does not exist", "type not implemented"]);
    assert!(errors[3].starts_with("name not allowed: ") && errors[4].starts_with("name not allowed: "), "{errors:?}");
    assert_eq!(answer.failed[0]["conference"], item("chat", "none", "nowhere"));
}

#[test]
fn a_pin_of_a_conference_is_kept_by_mod() {
    let mut stage = Stage::new();
    stage.write_conference("30000", "vip@48kHz-video+${conpin}+flags{x}");
    let answer = stage.ask("conferences/mod", &json!([{"num": "30000"}]));
    assert_eq!(answer.done[0]["pin"], "${conpin}");
    assert!(stage.file("dialplan/conferences/30000.xml").contains("vip@48kHz-video+${conpin}+flags{${conf_flags}}"));
}

#[test]
fn an_empty_list_is_fine_and_asks_nothing_of_the_switch() {
    let mut stage = Stage::new();
    assert_eq!(stage.ask("users/add", &json!([])), Answered::default());
    assert_eq!(stage.reloads, 0);
}

#[test]
fn requests_that_come_meanwhile_share_the_next_reload() {
    let mut stage = Stage::new();
    stage.send("users/add", &anna());
    let ids: Vec<_> = (0..100)
        .map(|n| stage.send("users/add", &json!([{"name": format!("n{n}"), "email": "a@b.org", "context": "team"}])))
        .collect();
    stage.run();
    assert_eq!(stage.reloads, 2);
    let numbers: Vec<Value> = ids.iter().map(|id| stage.answer(*id).done[0]["id"].clone()).collect();
    let expected: Vec<Value> = (20_000..20_100).map(|n| json!(n.to_string())).collect();
    assert_eq!(numbers, expected, "in the order of arrival");
}

#[test]
fn a_rebuild_keeps_what_was_changed_before_it_in_the_same_transaction() {
    let mut stage = Stage::new();
    stage.ask("users/add", &anna());
    stage.send("users/add", &json!([{"name": "ben", "email": "a@b.org", "context": "team"}]));
    let changed = stage.send("users/mod", &json!([{"id": "21000", "name": "anne"}]));
    let rebuilt = stage.send("users/rebuild", &Value::Null);
    stage.run();
    assert_eq!(stage.reloads, 3);
    assert_eq!(stage.answer(changed).done[0]["name"], "anne");
    let names: Vec<Value> = stage.answer(rebuilt).done.iter().map(|user| user["name"].clone()).collect();
    assert_eq!(names, ["anne", "ben"]);
    assert!(stage.file("directory/friends/21000.xml").contains("\"anne\""));
}

#[test]
fn a_rebuild_passes_over_who_was_removed_before_it_in_the_same_transaction() {
    let mut stage = Stage::new();
    stage.ask("users/add", &anna());
    stage.send("users/add", &json!([{"name": "ben", "email": "a@b.org", "context": "team"}]));
    stage.send("users/del", &json!([{"id": "21000"}]));
    let rebuilt = stage.send("users/rebuild", &Value::Null);
    stage.run();
    assert_eq!(stage.answer(rebuilt).done.len(), 1);
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
}

#[test]
fn the_257th_request_that_waits_is_refused() {
    let mut stage = Stage::new();
    stage.send("users/add", &anna());
    let ids: Vec<_> = (0..257).map(|_| stage.send("users/add", &json!([]))).collect();
    stage.run();
    let refused = stage.answer(ids[256]);
    assert_eq!(refused.unavailable, Some(Unavailable::Busy));
    assert_eq!(stage.answer(ids[255]).unavailable, None);
}

#[test]
fn a_client_reads_its_own_writes() {
    let mut stage = Stage::new();
    stage.ask("users/add", &anna());
    assert!(stage.state_at_answer(1).users.by_id("21000").is_some());
}

#[test]
fn a_rejected_reload_puts_everything_back_and_fails_with_the_switchs_words() {
    let mut stage = Stage::new();
    stage.rejects = Some("+OK [[error near line 7]: unexpected closing tag </user>]".into());
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.errors(), ["+OK [[error near line 7]: unexpected closing tag </user>]"]);
    assert_eq!(stage.paths(), [""; 0]);
    let again = stage.ask("users/add", &anna());
    assert_eq!(again.errors(), answer.errors(), "a reload comes first, and it is rejected");
    stage.rejects = None;
    assert_eq!(stage.ask("users/add", &anna()).done.len(), 1);
    assert_eq!(stage.reloads, 2, "one to settle, one for the change");
}

#[test]
fn what_the_switch_does_not_show_is_undone_and_the_rest_is_done() {
    let mut stage = Stage::new();
    stage.hidden = vec!["directory/friends".into()];
    let answer =
        stage.ask("users/add", &json!([anna()[0], {"name": "ben", "email": "b@example.org", "context": "team"}]));
    assert_eq!(
        answer.errors(),
        [
            "the switch accepted the reload but does not show user 21000 as it was written; does it include directory/friends?"
        ]
    );
    assert_eq!(answer.done[0]["id"], "20000");
    assert_eq!(stage.paths(), ["directory/team/20000.xml"]);
}

#[test]
fn a_number_whose_file_exists_is_passed_over() {
    let mut stage = Stage::new();
    stage.files.insert("directory/friends/21000.xml".into(), "hidden from all listings".into());
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.done[0]["id"], "21001");
    assert_eq!(stage.file("directory/friends/21000.xml"), "hidden from all listings");
}

#[test]
fn a_file_that_others_share_or_that_was_changed_meanwhile_is_not_touched() {
    for (refusal, error) in [
        (Refusal::NotItsOwn, "not in a file of its own"),
        (Refusal::Missing, "not in a file of its own"),
        (Refusal::Changed, "the file was changed by hand meanwhile"),
    ] {
        let mut stage = Stage::new();
        stage.ask("users/add", &json!([anna()[0], {"name": "ben", "email": "b@example.org", "context": "friends"}]));
        let before = stage.files.clone();
        stage.refuse = Some(("directory/friends/21000.xml".into(), refusal));
        let answer = stage.ask("users/del", &json!([{"id": "21000"}, {"id": "21001"}]));
        assert_eq!(answer.errors(), [error]);
        assert_eq!(answer.done[0]["id"], "21001");
        assert_eq!(stage.files.get("directory/friends/21000.xml"), before.get("directory/friends/21000.xml"));
    }
}

#[test]
fn a_full_disk_fails_everything_and_changes_nothing() {
    let mut stage = Stage::new();
    stage.disk_error = Some("No space left on device".into());
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.errors(), ["the files could not be written: No space left on device"]);
    // Somebody may have had the switch load what was visible for a moment.
    assert!(stage.has_undone());
    assert_eq!(stage.reloads, 1);
    stage.disk_error = None;
    assert_eq!(stage.ask("users/add", &anna()).done.len(), 1);
}

#[test]
fn without_a_session_nothing_is_changed() {
    let mut stage = Stage::new();
    stage.lose();
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.unavailable, Some(Unavailable::SwitchAway));
    assert_eq!(answer.failed[0]["user"], anna()[0]);
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn a_session_that_is_lost_on_the_way_changes_nothing_and_the_next_one_begins_with_a_reload() {
    // However far it has come: before the files are there, before the reload is answered, while it is read back.
    for steps in 0..20 {
        let mut stage = Stage::new();
        let id = stage.send("users/add", &anna());
        let waiting = stage.send("users/add", &json!([]));
        for _ in 0..steps {
            stage.step();
        }
        stage.lose();
        stage.run();
        let answer = stage.answer(id);
        if answer.done.is_empty() {
            assert_eq!(answer.unavailable, Some(Unavailable::SwitchLost), "after {steps} steps");
            assert_eq!(stage.paths(), [""; 0], "after {steps} steps");
        } else {
            assert_eq!(stage.paths(), ["directory/friends/21000.xml"], "after {steps} steps");
        }
        stage.answer(waiting);
        let reloads = stage.reloads;
        stage.connect();
        stage.run();
        let shown = stage.state().users.by_id("21000").is_some();
        assert_eq!(shown, !answer.done.is_empty(), "after {steps} steps");
        if stage.has_undone() {
            assert_eq!(stage.reloads, reloads + 1, "after {steps} steps");
        }
    }
}

#[test]
fn a_start_after_a_crash_begins_with_a_reload() {
    let mut stage = Stage::unsettled();
    stage.connect();
    stage.run();
    assert_eq!(stage.reloads, 1);
    assert_eq!(stage.ask("users/add", &anna()).done.len(), 1);
}

#[test]
fn our_own_reload_is_not_read_twice_and_a_strangers_is() {
    let mut stage = Stage::new();
    stage.sends_events = true;
    let rounds = stage.rounds;
    stage.ask("users/add", &anna());
    assert_eq!(stage.rounds, rounds + 1);
    stage.reload_by_others();
    stage.run();
    assert_eq!(stage.rounds, rounds + 2);
}

#[test]
fn a_strangers_reload_is_read_even_if_the_event_of_ours_never_came() {
    let mut stage = Stage::new();
    stage.ask("users/add", &anna());
    let rounds = stage.rounds;
    stage.pass(Duration::from_secs(61));
    stage.reload_by_others();
    stage.run();
    assert_eq!(stage.rounds, rounds + 1);
}

#[test]
fn what_cannot_be_read_after_the_reload_is_undone() {
    let mut stage = Stage::new();
    stage.garbles = true;
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.errors(), ["what the switch reports after the change cannot be read"]);
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn who_waits_when_the_switch_becomes_unreadable_is_told_so_at_once() {
    let mut stage = Stage::new();
    stage.rejects = Some("-ERR".into());
    stage.ask("users/add", &anna());
    stage.rejects = None;
    stage.garbles = true;
    let answer = stage.ask("users/add", &anna());
    assert_eq!(answer.unavailable, Some(Unavailable::Unreadable));
    assert_eq!(stage.paths(), [""; 0]);
}

#[test]
fn every_change_is_one_line_for_the_audit_and_holds_no_secret() {
    let mut stage = Stage::new();
    let mut item = anna();
    item[0]["password"] = json!("hunter2");
    item[0]["conpin"] = json!("4711");
    stage.ask("users/add", &json!([item[0], item[0], item[0]]));
    let audits: Vec<String> =
        stage.notes.iter().filter(|note| matches!(note, Note::Audit { .. })).map(ToString::to_string).collect();
    assert_eq!(audits, [r#""admin" (20099) from 192.0.2.1: users/add: done [21000], failed [2 × name already taken]"#]);
    let all: Vec<String> = stage.notes.iter().map(|note| format!("{note} {note:?}")).collect();
    assert!(!all.join("\n").contains("hunter2") && !all.join("\n").contains("4711"));
    assert!(!format!("{:?}", stage::command("users/add", &item)).contains("hunter2"));
}

#[test]
fn a_rebuild_that_is_tried_again_fails_the_user_whose_file_it_was_whoever_came_meanwhile() {
    let mut stage = Stage::new();
    stage.ask("users/add", &json!([anna()[0], {"name": "ben", "email": "b@example.org", "context": "friends"}]));
    // Somebody writes a user who sorts before the others, and the switch loads it with the reload after the undo.
    let text = stage.file("directory/friends/21000.xml").replace("21000", "20500").replace("anna", "early");
    stage.files.insert("directory/friends/20500.xml".into(), text);
    stage.refuse = Some(("directory/friends/21001.xml".into(), Refusal::Changed));
    let answer = stage.ask("users/rebuild", &Value::Null);
    assert_eq!(answer.errors(), ["the file was changed by hand meanwhile"]);
    assert_eq!(answer.failed[0]["user"]["id"], "21001");
    let done: Vec<&str> = answer.done.iter().map(|user| user["id"].as_str().unwrap()).collect();
    assert_eq!(done, ["20500", "21000"]);
}

#[test]
fn an_unreadable_switch_is_asked_again_though_a_sweep_is_under_way() {
    let mut stage = Stage::with_phones();
    let users = (0..300).map(|n| json!({"name": format!("user {n}"), "email": "a@example.org", "context": "team"}));
    stage.sends_events = true;
    stage.ask("users/add", &Value::from(users.collect::<Vec<_>>()));
    stage.garbles = true;
    stage.send("users/reprov", &Value::Null);
    stage.reload_by_others();
    // Until the switch was found to be unreadable, in the middle of the sweep.
    while stage.deadline().is_none() && stage.step() {}
    stage.garbles = false;
    stage.pass_to_deadline();
    stage.run();
    assert_eq!(stage.ask("users/add", &anna()).unavailable, None);
}
