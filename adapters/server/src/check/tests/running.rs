//! What a running switch tells about the tree beside it.

use fsconnector_simulator::config::Globals;

use super::{Example, PROFILES, check_source, user};
use crate::check::loaded::differences;
use crate::check::source::Source;
use crate::check::subject;
use crate::check::switch::Running;

impl Example {
    fn source(&self) -> Source {
        Source::open(self.tree.path()).unwrap()
    }

    /// A switch that has loaded it as it is now.
    fn running(&self) -> Running {
        let (loaded, globals) = self.source().load();
        let reading = subject::read(&loaded, &globals, &self.config, &[]).unwrap().unwrap();
        Running { place: "switch".to_owned(), reading, globals }
    }
}

#[test]
fn a_difference_that_does_not_last_is_none() {
    let example = Example::new();
    let before = example.running();
    let example = example.include("directory/friends/21001.xml", &user("21001", "friends", "x"));
    let differences = |again: &dyn Fn() -> Option<Running>| {
        let findings = differences(&before, &example.source(), &example.config, again);
        findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>()
    };
    assert_eq!(differences(&|| Some(example.running())), [""; 0]);
    let other = Example::new().include("directory/friends/21002.xml", &user("21002", "friends", "y"));
    assert_eq!(differences(&|| Some(other.running())), ["it does not show 1 user of the tree (`21001`)"]);
}

#[test]
fn recordings_are_judged_by_the_folder_that_the_running_switch_has() {
    let param =
        "<profile name=\"16kHz-novideo\">\n<param name=\"auto-record\" value=\"$${to}/${conference_name}.wav\"/>";
    let example = Example::new()
        .edit("vars.xml", "data=\"recordings_dir=/recordings\"", "data=\"to=$${recordings_dir}\"")
        .edit(PROFILES, "<profile name=\"16kHz-novideo\">", param);
    // Where no switch runs, nobody knows that folder.
    example.check(&[]);
    let found = |listing: &[u8]| {
        let source = example.source().beside(Globals::from_listing(listing));
        check_source(&source, &example.config).to_string()
    };
    let others = b"local_ip_v4=192.0.2.7\nsounds_dir=/sounds\ncerts_dir=/certs\nhostname=a.example\nrecordings_dir=";
    let found = |folder: &str| found(&[others, folder.as_bytes(), b"\n"].concat());
    assert!(found("/recordings").ends_with(": nothing to find fault with"), "{}", found("/recordings"));
    let elsewhere = found("/elsewhere");
    assert!(elsewhere.contains("46: note: the profile `16kHz-novideo` records to `/elsewhere/${"), "{elsewhere}");
}
