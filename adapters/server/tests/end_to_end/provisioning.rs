//! The files of phones: written with their users, fetched by them alone, and what phones send back.

use std::fs;

use serde_json::{Value, json};

use crate::client::Login;
use crate::curl::Curl;
use crate::stage::{ADMIN, GUEST, MEMBER, Stage};

const MAC: &str = "00005e005301";
const ANNA: Login<'_> = Login { name: "anna", password: "pass word" };

/// What an owner has put into the directory of his phone, as no program would write it.
const OWN_ENTRY: &str =
    "  <item >\n   <!-- mine --><ln>B&#xFC;ro &amp; <![CDATA[<Söhne>]]></ln>\t<fn/><ct>0815</ct><x y='z'/></item>\n";

/// Has a user of `friends` with a phone made.
fn add_anna(curl: Curl) {
    let anna = json!([{"name": ANNA.name, "password": ANNA.password, "email": "anna@example.org", "context": "friends",
        "polymac": "00:00:5E:00:53:01"}]);
    let added = curl.post(ADMIN, "/api/users/add", &anna).json();
    assert_eq!((&added["done"][0]["id"], &added["done"][0]["polymac"]), (&json!("21000"), &json!(MAC)), "{added}");
}

fn phone_files() -> [String; 3] {
    [format!("{MAC}.cfg"), "allprov.cfg".to_owned(), format!("{MAC}-directory.xml")]
}

fn directory() -> String {
    format!("polycom/{MAC}/{MAC}-directory.xml")
}

/// The file with something before the end of its list.
fn with_own_entry(text: &str) -> String {
    let end = text.find("</item_list>").unwrap();
    format!("{}{OWN_ENTRY}{}", &text[..end], &text[end..])
}

#[test]
fn the_files_of_phones_come_move_and_go_with_their_user() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    add_anna(curl);
    assert_eq!(curl.get(ANNA, "/linphone").text(), stage.static_text("linphone/21000/linphone.xml").unwrap());
    for file in phone_files() {
        let fetched = curl.get(ANNA, &format!("/polycom/{file}"));
        assert_eq!(fetched.text(), stage.static_text(&format!("polycom/{MAC}/{file}")).unwrap(), "{file}");
        assert_eq!(fetched.header("Cache-Control"), "no-store", "{file}");
    }
    // The phone stays the same one's, and so do his own entries.
    let own = with_own_entry(&stage.static_text(&directory()).unwrap());
    stage.write_static(&directory(), &own);
    let change = json!([{"id": "21000", "context": "team", "password": ANNA.password, "polymac": MAC}]);
    let moved = curl.post(ADMIN, "/api/users/mod", &change).json();
    assert_eq!(moved["done"][0]["id"], "20001", "{moved}");
    assert!(!stage.static_path("linphone/21000").exists());
    assert!(curl.get(ANNA, "/linphone").text().contains("20001"));
    assert!(stage.static_text(&directory()).unwrap().contains(OWN_ENTRY));
    // Without a word about the phone it goes.
    curl.post(ADMIN, "/api/users/mod", &json!([{"id": "20001", "password": ANNA.password}]));
    assert!(!stage.static_path(&format!("polycom/{MAC}")).exists());
    assert_eq!(curl.get(ANNA, "/polycom/allprov.cfg").status, 404);
    let gone = curl.post(ADMIN, "/api/users/del", &json!([{"id": "20001"}])).json();
    assert_eq!(gone["done"][0]["name"], "anna");
    assert!(!stage.static_path("linphone/20001").exists());
    // What is missing is no error.
    add_anna(curl);
    fs::remove_dir_all(stage.static_path("")).unwrap();
    assert_eq!(curl.post(ADMIN, "/api/users/del", &json!([{"id": "21000"}])).json()["failed"], json!([]));
}

#[test]
fn a_user_that_fails_leaves_no_files_of_phones() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    stage.write("directory/team/broken.xml", "<user id=\"20009\">\n");
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends", "polymac": MAC}]);
    let answer = curl.post(ADMIN, "/api/users/add", &anna).json();
    assert!(answer["failed"][0]["error"].as_str().unwrap().contains("[error near line"), "{answer}");
    assert!(!stage.static_path("linphone").exists() && !stage.static_path("polycom").exists());
}

#[test]
fn reprov_writes_the_files_of_all_and_each_fetches_his_own_only() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    for method in ["GET", "POST"] {
        let answer = curl.run(ADMIN, "/api/users/reprov", &["--request", method]).json();
        let ids: Vec<&Value> = answer["done"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
        assert_eq!(
            (&answer["op"], ids),
            (&json!("users/reprov"), vec![&json!("20000"), &json!("21000"), &json!("22000")])
        );
        assert_eq!((&answer["failed"], answer.get("leftAlone")), (&json!([]), None));
    }
    add_anna_beside(curl);
    for (login, id) in [(ADMIN, "20000"), (MEMBER, "21000"), (GUEST, "22000")] {
        let fetched = curl.get(login, "/linphone");
        assert_eq!(fetched.status, 200, "{}", login.name);
        assert_eq!(fetched.text(), stage.static_text(&format!("linphone/{id}/linphone.xml")).unwrap());
        for file in phone_files() {
            assert_eq!(curl.get(login, &format!("/polycom/{file}")).status, 404, "{} {file}", login.name);
        }
        let others =
            ["linphone/../20000/linphone.xml", "polycom/..%2f..%2flinphone%2f20000%2flinphone.xml", "linphone/20000"];
        for target in others {
            assert!(matches!(curl.get(login, &format!("/{target}")).status, 400 | 404), "{target}");
        }
    }
    let maintenance = curl.get(ADMIN, "/api/info").json()["info"]["maintainance"]["lastrun"].clone();
    assert!(maintenance.as_str().unwrap().ends_with('Z'), "{maintenance}");
}

/// Has a second member with a phone made.
fn add_anna_beside(curl: Curl) {
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends", "polymac": MAC}]);
    assert_eq!(curl.post(ADMIN, "/api/users/add", &anna).json()["done"][0]["id"], "21001");
}

#[test]
fn contacts_are_what_each_role_may_see_once_they_are_rebuilt() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    curl.get(ADMIN, "/api/users/reprov");
    let contexts = ["team", "friends", "public"];
    for context in contexts {
        let item = json!([{"name": format!("new_{context}"), "type": "48kHz-video", "context": context}]);
        let added = curl.post(ADMIN, "/api/conferences/add", &item).json();
        assert_eq!(added["failed"], json!([]), "{added}");
    }
    let seen = |login| {
        let text = curl.get(login, "/linphone").text().to_owned();
        contexts.map(|context| text.contains(&format!("new_{context}")))
    };
    assert_eq!(seen(ADMIN), [false; 3], "contacts are not rebuilt by changes of conferences");
    let answer = curl.get(ADMIN, "/api/conferences/rebuildcontacts").json();
    assert_eq!(answer["op"], "conferences/rebuildcontacts");
    assert!(answer["done"].as_str().unwrap().ends_with('Z'), "{answer}");
    assert_eq!(seen(ADMIN), [true; 3]);
    assert_eq!(seen(MEMBER), [false, true, true]);
    assert_eq!(seen(GUEST), [false, false, true]);
}

#[test]
fn the_entries_of_the_owner_stay_and_a_damaged_directory_is_left_alone_and_named() {
    let stage = Stage::new();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    add_anna(curl);
    let own = with_own_entry(&stage.static_text(&directory()).unwrap());
    stage.write_static(&directory(), &own);
    for target in ["/api/conferences/rebuildcontacts", "/api/users/reprov", "/api/conferences/rebuildcontacts"] {
        let answer = curl.get(ADMIN, target).json();
        assert_eq!(answer.get("leftAlone"), None, "{answer}");
        assert!(stage.static_text(&directory()).unwrap().contains(OWN_ENTRY), "{target}");
    }
    let damaged = &own[..own.len() / 2];
    stage.write_static(&directory(), damaged);
    let names_it = |text: &Value| text.as_str().is_some_and(|text| text.contains(&directory()));
    let rebuilt = curl.get(ADMIN, "/api/conferences/rebuildcontacts").json();
    assert!(names_it(&rebuilt["leftAlone"][0]) && rebuilt["done"].as_str().unwrap().ends_with('Z'), "{rebuilt}");
    let reprovisioned = curl.get(ADMIN, "/api/users/reprov").json();
    assert!(names_it(&reprovisioned["failed"][0]["error"]), "{reprovisioned}");
    assert_eq!(reprovisioned["failed"][0]["user"]["id"], "21000");
    assert_eq!(reprovisioned["done"].as_array().unwrap().len(), 1);
    let change = json!([{"id": "21000", "name": "Anna", "polymac": MAC}]);
    let changed = curl.post(ADMIN, "/api/users/mod", &change).json();
    assert_eq!((&changed["done"][0]["name"], names_it(&changed["leftAlone"][0])), (&json!("Anna"), true), "{changed}");
    assert_eq!(stage.static_text(&directory()).as_deref(), Some(damaged));
}

#[test]
fn phones_find_the_firmware_of_all_and_nothing_else_beside_their_own() {
    let stage = Stage::new();
    for file in [
        "sip.ld",
        "logo.jpg",
        "ring.wav",
        "sip.ver",
        "a.cfg",
        "SoundPointIPLocalization/English/d.xml",
        "Config/c.cfg",
        "languages/en.xml",
    ] {
        stage.write_static(&format!("polycom/ucs/{file}"), file);
    }
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    add_anna(curl);
    for login in [ADMIN, ANNA] {
        for file in [
            "sip.ld",
            "logo.jpg",
            "ring.wav",
            "sip.ver",
            "SoundPointIPLocalization/English/d.xml",
            "Config/c.cfg",
            "languages/en.xml",
        ] {
            let fetched = curl.get(login, &format!("/polycom/{file}"));
            assert_eq!((fetched.status, fetched.text()), (200, file), "{}", login.name);
        }
        for file in [
            "a.cfg",
            "ucs/a.cfg",
            "ucs/sip.ld",
            "Config/..%2fa.cfg",
            "Config/../a.cfg",
            "languages/../../ucs/a.cfg",
            "",
            "SoundPointIPLocalization/English",
        ] {
            let status = curl.get(login, &format!("/polycom/{file}")).status;
            assert!(matches!(status, 400 | 404), "{file}: {status}");
        }
    }
}

#[test]
fn a_phone_uploads_into_its_own_folder_only() {
    let stage = Stage::with_all_roles();
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    let anna = json!([{"name": ANNA.name, "password": ANNA.password, "email": "a@example.org", "context": "friends", "polymac": MAC}]);
    curl.post(ADMIN, "/api/users/add", &anna);
    let log = format!("{MAC}-app.log");
    for part in ["one\n", "two\n"] {
        let answer = curl.put(ANNA, &format!("/polycom/{log}"), part.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({"appended": log})));
    }
    assert_eq!(stage.static_text(&format!("polycom/{MAC}/{log}")).as_deref(), Some("one\ntwo\n"));
    let calls = format!("{MAC}-calls.xml");
    for content in ["first", "second"] {
        let answer = curl.put(ANNA, &format!("/polycom/{calls}"), content.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({"written": calls})));
        assert_eq!(curl.get(ANNA, &format!("/polycom/{calls}")).text(), content);
    }
    for file in ["..%2fx", "..", "%2e%2e", "a%2fb", "a/b", ".hidden", "%ff"] {
        let status = curl.put(ANNA, &format!("/polycom/{file}"), b"x").status;
        assert!((400..500).contains(&status), "{file}: {status}");
    }
    for login in [ADMIN, MEMBER, GUEST] {
        let status = curl.put(login, &format!("/polycom/{MAC}-calls.xml"), b"x").status;
        assert!((400..500).contains(&status), "{} has no phone: {status}", login.name);
    }
    assert_eq!(stage.static_text(&format!("polycom/{MAC}/{calls}")).as_deref(), Some("second"));
    assert_eq!(curl.put(ANNA, "/polycom/big.cfg", &vec![b'x'; 5 << 20]).status, 413);
    assert!(!stage.static_path(&format!("polycom/{MAC}/big.cfg")).exists());
}

#[test]
fn without_a_static_tree_users_change_and_phones_are_refused_with_words() {
    let stage = Stage::new();
    fs::write(stage.static_path("").with_file_name("static"), "in the way").unwrap();
    let mut connector = stage.connector();
    connector.wait_until_ready();
    let Some(curl) = Curl::of(&connector) else { return };
    add_anna(curl);
    assert_eq!(curl.get(ANNA, "/userinfo").json()["polymac"], MAC);
    let reprovisioned = curl.get(ADMIN, "/api/users/reprov").json();
    assert_eq!(reprovisioned["done"], json!([]));
    assert!(reprovisioned["failed"][0]["error"].as_str().unwrap().contains("static tree"), "{reprovisioned}");
    for (target, words) in [
        ("/api/conferences/rebuildcontacts", "static tree"),
        ("/api/store/directory", "static tree"),
        ("/api/restore/directory", "store/directory.tar.gz"),
    ] {
        let answer = curl.get(ADMIN, target).json();
        assert_eq!(answer["done"], "", "{answer}");
        assert!(answer["failed"].as_str().unwrap().contains(words), "{answer}");
    }
    assert_eq!(curl.get(ANNA, "/linphone").status, 404);
    assert!(matches!(curl.put(ANNA, "/polycom/x.log", b"x").status, 404 | 503));
    connector.wait_for_line("phones are not provisioned");
}

#[test]
fn a_static_tree_that_is_not_there_is_made() {
    let stage = Stage::new();
    assert!(!stage.static_path("").exists());
    let connector = stage.ready();
    let Some(curl) = Curl::of(&connector) else { return };
    assert_eq!(curl.get(ADMIN, "/linphone").status, 404);
    assert_eq!(curl.get(ADMIN, "/api/users/reprov").json()["failed"], json!([]));
    assert_eq!(curl.get(ADMIN, "/linphone").status, 200);
}
