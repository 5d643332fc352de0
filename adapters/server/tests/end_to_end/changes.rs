//! Changes: durable and active, or they did not happen.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::client::{Login, post};
use crate::connector::{Connector, wait_for};
use crate::stage::{ADMIN, Stage};

fn add(connector: &Connector, items: &Value) -> Value {
    let answer = connector.post(ADMIN, "/api/users/add", items);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn errors(answer: &Value) -> Vec<&str> {
    answer["failed"].as_array().unwrap().iter().map(|failed| failed["error"].as_str().unwrap()).collect()
}

#[test]
fn a_new_user_is_in_the_tree_in_the_list_and_can_log_in_and_moves_and_goes() {
    let stage = Stage::new();
    let connector = stage.ready();
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    let added = add(&connector, &anna);
    assert_eq!((&added["op"], &added["done"][0]["id"]), (&json!("users/add"), &json!("21000")));
    assert!(stage.path("directory/friends/21000.xml").is_file());
    assert_eq!(connector.user_ids(ADMIN), ["20000", "21000"]);
    let password = added["done"][0]["password"].as_str().unwrap().to_owned();
    let login = Login { name: "anna", password: &password };
    assert_eq!(connector.get(login, "/userinfo").json()["id"], "21000");
    assert_eq!(connector.get(login, "/api/users").status, 403);

    let change = json!([{"id": "21000", "context": "team", "password": "another"}]);
    let moved = connector.post(ADMIN, "/api/users/mod", &change).json();
    assert_eq!(moved["done"][0]["id"], "20001");
    assert_eq!(stage.names("directory/friends"), [".gitkeep"]);
    assert_eq!(connector.get(Login { name: "anna", password: "another" }, "/api/users").status, 200);

    let gone = connector.post(ADMIN, "/api/users/del", &json!([{"id": "20001"}])).json();
    assert_eq!(gone["done"][0]["name"], "anna");
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    assert_eq!(stage.names("directory/team"), ["20000.xml"]);
}

#[test]
fn a_new_conference_is_in_the_tree_and_in_the_list_and_moves_and_goes() {
    let stage = Stage::new();
    let connector = stage.ready();
    let chat = json!([{"name": "chat", "type": "48kHz-video", "context": "public"}]);
    let added = connector.post(ADMIN, "/api/conferences/add", &chat).json();
    assert_eq!(added["done"], json!([{"num": "32001", "name": "chat", "type": "48kHz-video", "context": "public"}]));
    assert!(stage.path("dialplan/conferences/32001.xml").is_file());
    let moved = connector.post(ADMIN, "/api/conferences/mod", &json!([{"num": "32001", "context": "friends"}])).json();
    assert_eq!(moved["done"][0]["num"], "31001");
    assert_eq!(connector.get(ADMIN, "/api/conferences/bynum/31001").json()["conferences"][0]["name"], "chat");
    connector.post(ADMIN, "/api/conferences/del", &json!([{"num": "31001"}]));
    assert_eq!(stage.names("dialplan/conferences"), ["30000.xml", "31000.xml", "32000.xml"]);
}

#[test]
fn awkward_names_come_back_unchanged_and_can_log_in_and_dangerous_ones_are_refused() {
    let stage = Stage::new();
    let connector = stage.ready();
    let good = ["A & B <\"'>", "Анна", "日本", "🎧", "a]]>b", "x\" value=\"y", "O'Neil", "&amp;", "C\\x", "100%"];
    let bad = ["$${es_pw}", "<!--x", "X-Pre-Process", "a\tb", "a\nb", "a\0b", "a:b"];
    let password = |name: &str| format!("secret {name}");
    let item =
        |name: &&str| json!({"name": name, "email": "a@example.org", "context": "public", "password": password(name)});
    let answer = add(&connector, &good.iter().chain(&bad).map(item).collect());
    assert_eq!(answer["done"].as_array().unwrap().len(), good.len());
    assert!(errors(&answer).iter().all(|error| error.starts_with("name not allowed")), "{answer}");
    assert_eq!(errors(&answer).len(), bad.len());
    for name in good {
        let own = connector.get(Login { name, password: &password(name) }, "/userinfo").json();
        assert_eq!((&own["name"], &own["password"]), (&json!(name), &json!(password(name))));
    }
}

#[test]
fn a_thousand_users_in_one_request_fill_a_context_and_the_next_fails_alone() {
    let stage = Stage::new();
    let connector = stage.ready();
    let item = |n: u32| json!({"name": format!("user {n}"), "email": "a@example.org", "context": "friends"});
    let answer = add(&connector, &(0..1000).map(item).collect());
    assert_eq!(answer["done"].as_array().unwrap().len(), 1000);
    let one = json!({"name": "other", "email": "a@example.org", "context": "public"});
    let answer = add(&connector, &json!([item(1000), one]));
    assert_eq!((errors(&answer), &answer["done"][0]["id"]), (vec!["no free number"], &json!("22000")));
}

#[test]
fn a_hundred_clients_at_once_get_a_hundred_numbers_with_far_fewer_reloads() {
    let stage = Stage::new();
    let connector = stage.ready();
    let before = stage.loads();
    let address = connector.address;
    let client = |n: u32| {
        thread::spawn(move || {
            let item = json!([{"name": format!("user {n}"), "email": "a@example.org", "context": "public"}]);
            let answer = post(address, ADMIN, "/api/users/add", &item).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["done"][0]["id"].as_str().unwrap().to_owned()
        })
    };
    let clients: Vec<_> = (0..100).map(client).collect();
    let mut ids: Vec<String> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    ids.sort();
    let expected: Vec<String> = (22_000..22_100).map(|n| n.to_string()).collect();
    assert_eq!(ids, expected);
    let reloads = stage.loads() - before;
    assert!(reloads < 60, "{reloads} reloads");
}

#[test]
fn with_a_broken_file_in_the_tree_an_add_fails_with_the_switchs_words_and_leaves_nothing() {
    let stage = Stage::new();
    let connector = stage.ready();
    stage.write("directory/team/broken.xml", "<user id=\"20009\">\n");
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    for _ in 0..2 {
        let answer = add(&connector, &anna);
        assert!(errors(&answer)[0].contains("[error near line"), "{answer}");
        assert_eq!(answer["failed"][0]["user"], anna[0]);
        assert_eq!(stage.names("directory/friends"), [".gitkeep"]);
    }
    fs::remove_file(stage.path("directory/team/broken.xml")).unwrap();
    assert_eq!(add(&connector, &anna)["done"][0]["id"], "21000");
}

#[test]
fn without_the_switch_a_change_is_503_and_changes_nothing() {
    let stage = Stage::new();
    let connector = stage.ready();
    stage.switch.shut_down();
    let connected = || connector.get(ADMIN, "/api/info").json()["info"]["switch"]["connected"].clone();
    wait_for("the end of the session", connected, |connected| *connected == false);
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    let answer = connector.post(ADMIN, "/api/users/add", &anna);
    assert_eq!(answer.status, 503);
    assert!(!answer.headers("Retry-After").is_empty());
    let problem = answer.json();
    assert_eq!((&problem["op"], &problem["done"]), (&json!("users/add"), &json!([])));
    assert_eq!(problem["failed"][0]["user"], anna[0]);
    assert_eq!(stage.names("directory/friends"), [".gitkeep"]);
}

#[test]
fn a_switch_that_is_lost_in_the_middle_has_changed_nothing_and_reloads_when_it_is_back() {
    let stage = Stage::new();
    let connector = stage.ready();
    stage
        .switch
        .edit(|switch| switch.faults.answers.push(("api reloadxml".into(), fsconnector_simulator::Answer::Never)));
    let address = connector.address;
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    let asked = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna).unwrap());
    wait_for("the file", || stage.names("directory/friends"), |names| names.contains(&"21000.xml".to_owned()));
    stage.switch.kill();
    assert_eq!(asked.join().unwrap().status, 503);
    assert_eq!(stage.names("directory/friends"), [".gitkeep"]);
    stage.switch.edit(|switch| switch.faults.answers.clear());
    let before = stage.loads();
    stage.start_switch();
    wait_for("the reload", || stage.loads(), |loads| *loads >= before + 2);
    connector.wait_for_users(ADMIN, &["20000"]);
}

#[test]
fn files_that_were_made_by_hand_are_listed_and_never_overwritten() {
    let stage = Stage::new();
    let user = |id: &str| {
        format!("<user id=\"{id}\"><variables><variable name=\"user_context\" value=\"team\"/></variables></user>\n")
    };
    let shared = format!("<include>\n{}{}</include>\n", user("20001"), user("20002"));
    let renamed = format!("<include>\n{}</include>\n", user("20003"));
    stage.write("directory/team/20001.xml", &shared);
    stage.write("directory/team/by-hand.xml", &renamed);
    stage.switch.reload();
    let connector = stage.ready();
    assert_eq!(connector.user_ids(ADMIN).len(), 4);
    for id in ["20001", "20002", "20003"] {
        for (target, item) in
            [("/api/users/mod", json!([{"id": id, "name": "new name"}])), ("/api/users/del", json!([{"id": id}]))]
        {
            let answer = connector.post(ADMIN, target, &item).json();
            assert_eq!(errors(&answer), ["not in a file of its own"], "{target} {id}");
        }
    }
    let rebuilt = connector.get(ADMIN, "/api/users/rebuild").json();
    assert_eq!(errors(&rebuilt), ["not in a file of its own"; 3]);
    assert_eq!(rebuilt["done"][0]["id"], "20000");
    assert_eq!(fs::read_to_string(stage.path("directory/team/20001.xml")).unwrap(), shared);
    assert_eq!(fs::read_to_string(stage.path("directory/team/by-hand.xml")).unwrap(), renamed);
}

#[test]
fn an_edit_that_is_not_loaded_yet_is_not_lost() {
    let stage = Stage::new();
    let connector = stage.ready();
    stage.write_user("team", "20000", "somebody", "else");
    let before = fs::read_to_string(stage.path("directory/team/20000.xml")).unwrap();
    let answer = connector.post(ADMIN, "/api/users/mod", &json!([{"id": "20000", "name": "new"}])).json();
    assert_eq!(errors(&answer), ["the file was changed by hand meanwhile"]);
    assert_eq!(fs::read_to_string(stage.path("directory/team/20000.xml")).unwrap(), before);
}

#[test]
fn a_second_connector_on_the_same_tree_refuses_to_start() {
    let stage = Stage::new();
    let _first = stage.ready();
    let output = stage.run(&[], "");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("another"), "{log}");
}
