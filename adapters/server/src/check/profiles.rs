//! Conference profiles and the keys of moderators, in `conference.conf`.

use super::findings::{Finding, quoted};
use super::source::is_known_to_the_switch_only;
use super::subject::Subject;
use super::tree::{Node, ROOT_FILE};

/// The words of a moderator's keys that the connector knows.
const EVENTS: [&str; 8] = [
    "muteall",
    "startrecording",
    "pauserecording",
    "resumerecording",
    "stoprecording",
    "checkrecording",
    "conferencelock",
    "conferenceunlock",
];
/// The groups of keys that are there without being written.
const BUILT_IN: [&str; 2] = ["default", "none"];

/// There are profiles, and the groups of keys that they name exist.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(module) = subject.tree.configuration("conference.conf") else {
        return vec![Finding::in_file(
            ROOT_FILE,
            "there is no configuration `conference.conf`",
            "include autoload_configs/conference.conf.xml in the section configuration",
        )];
    };
    let groups: Vec<&Node<'_>> =
        module.children("caller-controls").flat_map(|controls| controls.children("group")).collect();
    let profiles: Vec<&Node<'_>> =
        module.children("profiles").flat_map(|profiles| profiles.children("profile")).collect();
    let mut findings = Vec::new();
    if subject.reading.conference_types.is_empty() {
        findings.push(Finding::at(
            subject.tree.place(module),
            "there is no conference profile, so that no conference can be added",
            "write one: its name is the type of its conferences",
        ));
    }
    findings.extend(profiles.iter().flat_map(|profile| unknown_groups(subject, profile, &groups)));
    findings.extend(profiles.iter().flat_map(|profile| recordings_elsewhere(subject, profile)));
    findings.extend(groups.iter().flat_map(|group| unknown_events(subject, group)));
    findings
}

fn unknown_groups(subject: &Subject<'_>, profile: &Node<'_>, groups: &[&Node<'_>]) -> Vec<Finding> {
    let is_controls = |param: &&Node<'_>| param.is_named("caller-controls") || param.is_named("moderator-controls");
    let exists = |name: &str| groups.iter().any(|group| group.is_named(name)) || BUILT_IN.contains(&name);
    let unknown = profile.children("param").filter(is_controls).filter(|param| !exists(&param.value("value")));
    let finding = |param: &Node<'_>| {
        Finding::at(
            subject.tree.place(param),
            format!(
                "the profile {} names the keys {}, and there is no such group",
                quoted(&profile.value("name")),
                quoted(&param.value("value"))
            ),
            "write the group in caller-controls, or correct the name",
        )
    };
    unknown.map(finding).collect()
}

/// Recordings that the switch begins by itself, in another folder than that of the connector.
fn recordings_elsewhere(subject: &Subject<'_>, profile: &Node<'_>) -> Vec<Finding> {
    let folder = format!("{}/", subject.config.recordings.trim_end_matches('/'));
    let automatic = profile.children("param").filter(|param| param.is_named("auto-record"));
    let elsewhere = automatic.filter(|param| {
        let path = param.value("value");
        !path.is_empty() && !path.starts_with(&folder) && !is_known_to_the_switch_only(&path)
    });
    let finding = |param: &Node<'_>| {
        Finding::at(
            subject.tree.place(param),
            format!(
                "the profile {} records to {}, and the connector shows only what is in {}",
                quoted(&profile.value("name")),
                quoted(&param.value("value")),
                quoted(&subject.config.recordings)
            ),
            "record to that folder, or name the other one as recordings under [folders] (RECPATH)",
        )
        .noted_if(true)
    };
    elsewhere.map(finding).collect()
}

fn unknown_events(subject: &Subject<'_>, group: &Node<'_>) -> Vec<Finding> {
    let events = group.children("control").filter(|control| control.value("action").eq_ignore_ascii_case("event"));
    let unknown = events.filter(|control| !EVENTS.contains(&&*control.value("data")));
    let finding = |control: &Node<'_>| {
        Finding::at(
            subject.tree.place(control),
            format!(
                "the key {} sends {}, which the connector does not know",
                quoted(&control.value("digits")),
                quoted(&control.value("data"))
            ),
            format!("write one of {}", EVENTS.join(", ")),
        )
        .noted_if(true)
    };
    unknown.map(finding).collect()
}
