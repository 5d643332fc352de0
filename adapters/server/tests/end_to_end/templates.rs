//! An operator's own templates.

use std::fs;

use serde_json::json;

use crate::stage::{ADMIN, Stage};

/// Writes templates, and gives their folder.
fn templates(stage: &Stage, files: &[(&str, &str)]) -> String {
    let folder = stage.recording("templates");
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder.to_string_lossy().into_owned()
}

fn shipped(name: &str) -> &'static str {
    fsconnector_templates::ALL.iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn a_template_of_an_operator_takes_the_place_of_the_one_that_comes_with_the_program() {
    let stage = Stage::new();
    let user = shipped("user.xml").replace("</variables>", "<variable name=\"house\" value=\"{id}\"/></variables>");
    let folder = templates(&stage, &[("user.xml", &user), ("user.xml~", "{"), (".x", "{")]);
    let configuration = stage.recording("fsconnector.toml");
    fs::write(&configuration, format!("[folders]\ntemplates = \"{folder}\"\n[metrics]\nport = 0\n")).unwrap();
    let anna = |context: &str| json!([{"name": context, "email": "anna@example.org", "context": context}]);
    for (arguments, context, id) in [
        (["--templates", &*folder], "friends", "21000"),
        (["--config", configuration.to_str().unwrap()], "public", "22000"),
    ] {
        let connector = stage.connector_with(&arguments);
        connector.wait_until_ready();
        let added = connector.post(ADMIN, "/api/users/add", &anna(context)).json();
        assert_eq!(added["done"][0]["id"], id, "{added}");
        let text = fs::read_to_string(stage.path(&format!("directory/{context}/{id}.xml"))).unwrap();
        assert!(text.contains(&format!("name=\"house\" value=\"{id}\"")), "{text}");
        connector.post(ADMIN, "/api/conferences/mod", &json!([{"num": "30000"}]));
        assert_eq!(connector.stop().0, Some(0));
    }
}

#[test]
fn a_template_that_cannot_be_used_is_refused_at_start_with_its_file_and_line() {
    for (name, text, words) in [
        ("user.xml", "<include>\n{id\n</include>\n", ["user.xml", "line 2"]),
        ("conference/default.xml", "<include>\n<extension>\n</include>\n", ["conference/default.xml", "line 3"]),
        ("conference/mine.xml", "<include>\n\n{num2}</include>\n", ["conference/mine.xml", "line 3"]),
        ("usr.xml", "<include/>", ["usr.xml", "there is none of this name"]),
    ] {
        let stage = Stage::new();
        let folder = templates(&stage, &[(name, text)]);
        for arguments in [
            &["serve", "--templates", &folder][..],
            &["check", "--templates", &folder],
            &["demo", "--templates", &folder],
        ] {
            let output = stage.run(arguments, "");
            // What the check finds goes to standard output.
            let log = String::from_utf8([output.stderr, output.stdout].concat()).unwrap();
            assert_eq!(output.status.code(), Some(1), "{log}");
            assert!(words.iter().all(|word| log.contains(word)), "{log}");
        }
    }
}
