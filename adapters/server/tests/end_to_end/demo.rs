//! The demonstration, as a new user meets it.

use std::process::Command;

use crate::connector::Connector;

#[test]
fn the_demo_prints_a_curl_line_that_works_and_leaves_nothing_behind() {
    let mut demo = Connector::start(&["demo"], &[("PATH", "/usr/bin:/bin")]);
    let line = demo.wait_for_line("curl --digest");
    let curl = line.split_once("try").unwrap().1.trim().to_owned();
    let files = demo.wait_for_line("  files ").trim().rsplit(' ').next().unwrap().to_owned();
    assert!(std::path::Path::new(&files).is_dir());
    if let Ok(output) = Command::new("sh").args(["-c", &format!("{curl} -s -S -f")]).output()
        && output.status.code() != Some(127)
    {
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.starts_with(r#"{"op":"users","info":{"total":1,"#), "{answer} {:?}", output.stderr);
    }
    demo.wait_for_line("Ctrl-C");
    demo.signal("-INT");
    let (code, log) = demo.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!std::path::Path::new(&files).exists());
}
