//! Configuration trees of every odd shape: none of them takes the program down.

use std::path::PathBuf;

use crate::stage::Stage;

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
