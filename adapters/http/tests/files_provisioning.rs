//! What phones get: each the files of its own user, and all the same firmware.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod files_stage;
mod stage;

use std::os::unix::fs::symlink;
use std::process::Command;

use files_stage::{Archive, PHONE_OF_ANNA, PHONE_OF_MIKE, json, state};
use fsconnector_engine::state::{State, Users};

fn with_phones() -> Archive {
    let archive = Archive::new();
    for id in ["20000", "21000", "22000"] {
        archive.put(&format!("linphone/{id}/linphone.xml"), format!("<config>{id}</config>"));
    }
    for phone in [PHONE_OF_ANNA, PHONE_OF_MIKE] {
        for name in [format!("{phone}.cfg"), "allprov.cfg".into(), format!("{phone}-directory.xml")] {
            archive.put(&format!("polycom/{phone}/{name}"), format!("{phone} {name}"));
        }
    }
    for shared in [
        "sip.ld",
        "a.jpg",
        "ring.wav",
        "sip.ver",
        "SoundPointIPLocalization/German_Germany/dictionary.xml",
        "Config/site.cfg",
        "languages/de.xml",
        "Config/deeper/site.cfg",
        "SoundPointIPLocalization/German_Germany/deeper/site.cfg",
        "secret.cfg",
        ".hidden.ld",
    ] {
        archive.put(&format!("polycom/ucs/{shared}"), format!("ucs {shared}"));
    }
    archive.put("store/directory.tar.gz", "secret");
    archive
}

#[test]
fn everybody_gets_the_own_linphone_file_and_nobody_keeps_it() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for (name, id) in [("anna", "20000"), ("mike", "21000"), ("gast", "22000")] {
        for target in ["/linphone", "/linphone/", "/linphone?x"] {
            let answer = client.get(name, target);
            assert_eq!((answer.status, answer.text()), (200, &*format!("<config>{id}</config>")));
            assert_eq!(answer.header("content-type"), Some("application/xml"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        let to_head = client.request(name, "HEAD", "/linphone", "");
        assert_eq!((to_head.status, to_head.header("content-length")), (200, Some("22")));
    }
    archive.assert_problem(&client.get("gabi", "/linphone"), 404, "gabi has none");
    for target in ["/linphone/21000", "/linphone/21000/linphone.xml", "/linphone%2F21000", "/linphone/.."] {
        archive.assert_problem(&client.get("gast", target), 404, target);
    }
}

#[test]
fn an_id_that_is_no_name_leads_nowhere() {
    let archive = with_phones();
    let state = state();
    for id in ["../linphone/21000", "21000/", "./21000", "21000/.", "22000/../21000"] {
        let mut users: Vec<_> = state.users.iter().cloned().collect();
        users[2].id = fsconnector_engine::state::UserId::parse(id).unwrap();
        let users = Users::new(users, &state.config).into();
        archive.stage.current.publish(State { users, ..State::clone(&state) }.into());
        archive.assert_problem(&archive.stage.connect().get("gast", "/linphone"), 404, id);
    }
}

#[test]
fn a_phone_gets_its_own_files_and_nobody_keeps_them() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for (user, phone) in [("anna", PHONE_OF_ANNA), ("mike", PHONE_OF_MIKE)] {
        for name in [format!("{phone}.cfg"), "allprov.cfg".into(), format!("{phone}-directory.xml")] {
            let target = format!("/polycom/{name}");
            let answer = client.get(user, &target);
            assert_eq!((answer.status, answer.text()), (200, &*format!("{phone} {name}")));
            assert_eq!(answer.header("content-type"), Some("application/xml"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let to_head = client.request(user, "HEAD", &target, "");
            assert_eq!((to_head.status, to_head.header("content-length")), (200, answer.header("content-length")));
        }
    }
}

#[test]
fn nobody_gets_the_files_of_another_phone() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for (user, targets) in [
        ("anna", vec![format!("{PHONE_OF_MIKE}.cfg"), format!("{PHONE_OF_MIKE}-directory.xml")]),
        ("mike", vec![format!("{PHONE_OF_ANNA}.cfg"), format!("..%2F{PHONE_OF_ANNA}%2F{PHONE_OF_ANNA}.cfg")]),
        ("mike", vec![format!("{PHONE_OF_ANNA}/{PHONE_OF_ANNA}.cfg"), format!("../{PHONE_OF_ANNA}/allprov.cfg")]),
        // Without a phone, and with one that somebody before has as well.
        ("gast", vec!["allprov.cfg".into(), format!("{PHONE_OF_ANNA}.cfg")]),
        ("gabi", vec!["allprov.cfg".into(), format!("{PHONE_OF_ANNA}.cfg")]),
    ] {
        for target in targets {
            archive.assert_problem(&client.get(user, &format!("/polycom/{target}")), 404, &target);
        }
    }
}

#[test]
fn whoever_gets_another_phone_gets_its_files() {
    let archive = with_phones();
    let state = state();
    let mut users: Vec<_> = state.users.iter().cloned().collect();
    (users[1].polymac, users[2].polymac) = ("none".into(), PHONE_OF_MIKE.into());
    let users = Users::new(users, &state.config).into();
    archive.stage.current.publish(State { users, ..State::clone(&state) }.into());
    let mut client = archive.stage.connect();
    archive.assert_problem(&client.get("mike", "/polycom/allprov.cfg"), 404, "mike has none any more");
    assert_eq!(client.get("gast", "/polycom/allprov.cfg").text(), format!("{PHONE_OF_MIKE} allprov.cfg"));
}

#[test]
fn firmware_is_for_everybody_who_has_logged_in() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for (target, file, media_type) in [
        ("/polycom/sip.ld", "sip.ld", "application/octet-stream"),
        ("/polycom/a.jpg", "a.jpg", "image/jpeg"),
        ("/polycom/ring.wav", "ring.wav", "audio/wav"),
        ("/polycom/sip.ver", "sip.ver", "application/octet-stream"),
        (
            "/polycom/SoundPointIPLocalization/German_Germany/dictionary.xml",
            "SoundPointIPLocalization/German_Germany/dictionary.xml",
            "application/xml",
        ),
        ("/polycom/Config/site.cfg", "Config/site.cfg", "application/xml"),
        ("/polycom/languages/de.xml", "languages/de.xml", "application/xml"),
    ] {
        for user in ["anna", "mike", "gast", "gabi"] {
            let answer = client.get(user, target);
            assert_eq!((answer.status, answer.text()), (200, &*format!("ucs {file}")), "{user}: {target}");
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        }
        let to_head = client.request("gast", "HEAD", target, "");
        assert_eq!((to_head.status, to_head.body.len()), (200, 0));
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(client.answer(false).status, 401, "{target}");
    }
}

#[test]
fn firmware_comes_in_parts_and_only_if_it_is_new() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for target in ["/polycom/sip.ld", "/polycom/Config/site.cfg"] {
        let part = client.request("gast", "GET", target, "Range: bytes=0-2\r\n");
        assert_eq!((part.status, part.text()), (206, "ucs"));
        let tag = format!("If-None-Match: {}\r\n", part.header("etag").unwrap());
        assert_eq!(client.request("gast", "GET", target, &tag).status, 304);
        let date = format!("If-Modified-Since: {}\r\n", part.header("last-modified").unwrap());
        assert_eq!(client.request("gast", "GET", target, &date).status, 304);
    }
}

#[test]
fn nothing_but_the_files_for_phones_is_sent_whatever_is_asked_for() {
    let archive = with_phones();
    let folder = archive.tree.path().join("polycom");
    symlink(archive.tree.path().join("store/directory.tar.gz"), folder.join("ucs/link.ld")).unwrap();
    symlink("sip.ld", folder.join("ucs/inside.ld")).unwrap();
    symlink(archive.tree.path().join("store"), folder.join("ucs/Config/store")).unwrap();
    symlink(folder.join(PHONE_OF_ANNA), folder.join("ucs/SoundPointIPLocalization/phone")).unwrap();
    symlink("allprov.cfg", folder.join(PHONE_OF_MIKE).join("link.cfg")).unwrap();
    std::fs::create_dir(folder.join("ucs/folder.ld")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("ucs/pipe.ld")).status().unwrap().success());
    archive.put(&format!("polycom/{PHONE_OF_MIKE}/.connector-x.cfg"), "secret");
    let mut client = archive.stage.connect();
    for target in [
        "link.ld",
        "inside.ld",
        "folder.ld",
        "pipe.ld",
        "link.cfg",
        ".hidden.ld",
        ".connector-x.cfg",
        "%2Ehidden.ld",
        "sip.LD",
        "secret.cfg",
        "ucs/sip.ld",
        "ucs%2Fsip.ld",
        "Config",
        "Config/",
        "Config%2Fsite.cfg",
        "Config/deeper/site.cfg",
        "Config/deeper%2Fsite.cfg",
        "SoundPointIPLocalization/German_Germany/deeper%2Fsite.cfg",
        "Config/store/directory.tar.gz",
        "Config/store%2Fdirectory.tar.gz",
        "Config/..",
        "Config/..%2Fsecret.cfg",
        "Config/..%5Csecret.cfg",
        "Config/../secret.cfg",
        "Config//site.cfg",
        "Config/site.cfg%00",
        "config/site.cfg",
        "languages/a/de.xml",
        "SoundPointIPLocalization/dictionary.xml",
        "SoundPointIPLocalization/German_Germany",
        "SoundPointIPLocalization/../Config/site.cfg",
        "SoundPointIPLocalization/../secret.cfg",
        "SoundPointIPLocalization/%2e%2e/secret.cfg",
        "SoundPointIPLocalization/German_Germany%2Fdictionary.xml",
        "SoundPointIPLocalization/..%2FConfig/site.cfg",
        "SoundPointIPLocalization/phone/allprov.cfg",
        "..",
        "%2e%2e",
        "..%2fstore%2fdirectory.tar.gz",
        "../store/directory.tar.gz",
        "a%00.ld",
        "a%5Cb.ld",
        "%0d%0aX:y.ld",
        "",
        ".",
        &format!("{}.ld", "x".repeat(252)),
        &format!("{}.ld", "x".repeat(253)),
    ] {
        let target = format!("/polycom/{target}");
        for method in ["GET", "HEAD"] {
            let answer = client.request("mike", method, &target, "");
            assert_eq!((answer.status, answer.all("x")), (404, vec![]), "{method} {target}");
            if method == "GET" {
                archive.assert_problem(&answer, 404, &target);
                assert!(!answer.text().contains("secret"));
            }
        }
    }
    archive.assert_problem(&client.get("mike", "/polycom/%FF.ld"), 400, "no UTF-8");
}

#[test]
fn without_a_static_tree_there_is_nothing_for_phones() {
    let archive = Archive::with(|config| fsconnector_http::GateConfig { files: None, ..config });
    let mut client = archive.stage.connect();
    for target in ["/linphone", "/polycom/allprov.cfg", "/polycom/sip.ld", "/polycom/Config/site.cfg"] {
        archive.assert_problem(&client.get("mike", target), 404, target);
    }
}

#[test]
fn other_methods_are_told_which_ones_work() {
    let archive = with_phones();
    let mut client = archive.stage.connect();
    for (method, target, allowed) in [
        ("PUT", "/linphone", "GET, HEAD"),
        ("DELETE", "/polycom/allprov.cfg", "GET, HEAD, PUT"),
        ("PUT", "/polycom/Config/site.cfg", "GET, HEAD"),
        ("POST", "/polycom/SoundPointIPLocalization/a/b", "GET, HEAD"),
    ] {
        let answer = client.request("mike", method, target, "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {target}");
        assert_eq!(json(&answer)["status"], 405);
    }
}
