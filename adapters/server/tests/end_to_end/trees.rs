//! Configuration trees of every odd shape: none of them takes the program down.

use std::path::PathBuf;

use crate::stage::{ADMIN, Stage};

#[test]
fn what_people_write_by_hand_is_read_as_far_as_it_goes() {
    let stage = Stage::new();
    for (file, content) in [
        ("directory/team/bare.xml", "<user id=\"20001\"/>\n"),
        (
            "directory/team/several.xml",
            "<user id=\"20002\"/>\n<user id=\"20003\"><user id=\"20004\"/></user>\n<user/>\n",
        ),
        ("directory/team/again.xml", "<user id=\"20000\"/>\n"),
        ("directory/friends/empty.xml", ""),
        ("directory/friends/words.xml", "just a few words & signs\n"),
        ("directory/friends/stray.xml", "<stray><user id=\"21000\" type=\"pointer\"/></stray>\n"),
        ("directory/public/odd id.xml", "<user id=\"o'neil &amp; söhne\"/>\n"),
        (
            "dialplan/conferences/odd.xml",
            "<extension name=\"x\"><condition><action application=\"conference\" data=\"@\"/></condition></extension>\n",
        ),
        ("dialplan/conferences/none.xml", "<extension/>\n<condition/>\n"),
    ] {
        stage.write(file, content);
    }
    stage.switch.reload();
    let connector = stage.connector();
    connector.wait_until_ready();
    let ids = ["20000", "20001", "20002", "20003", "o'neil & söhne", "20004"];
    // Of two users with one id the first counts: `20000.xml` comes before `again.xml`.
    assert_eq!(connector.user_ids(ADMIN), ids);
    assert_eq!(connector.get(ADMIN, "/api/conferences").json()["info"]["total"], 3);
    let (code, log) = connector.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("extension \"x\" is no conference of ours"), "{log}");
}

#[test]
fn no_captured_tree_takes_the_program_down() {
    let Some(captures) = std::env::var_os("FSCONNECTOR_CAPTURES").map(PathBuf::from) else { return };
    for entry in std::fs::read_dir(captures.join("tree")).unwrap() {
        let tree = entry.unwrap().path().join("etc");
        if !tree.join("freeswitch.xml").is_file() {
            continue;
        }
        let stage = Stage::with_tree(&tree);
        let mut connector = stage.connector();
        // Either the state is read, or the log says why it is not.
        connector.wait_for_line("the switch");
        stage.switch.reload();
        assert_eq!(connector.request("GET", "/livez", &[]).status, 200, "{}", tree.display());
        let (code, log) = connector.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}
