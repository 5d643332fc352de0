//! Conferences: each in a file of its own, with a number of a range, a name of its own and a profile that exists.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_engine::state::Conference;
use fsconnector_engine::switch::Misfit;

use super::findings::{Finding, counted, quoted};
use super::leftovers::is_leftover;
use super::source::Owned;
use super::subject::{ConferenceEntry, Subject};

/// Names that the switch takes for something else in `conference NAME …`.
const COMMANDS: [&str; 6] = ["list", "count", "json_list", "xml_list", "help", "commands"];

/// Extensions with a conference that the connector cannot use.
pub(super) fn misfits(subject: &Subject<'_>) -> Vec<Finding> {
    let misfits = subject.conferences.iter().filter_map(|entry| {
        let why = entry.seen.err()??;
        let finding = Finding::at(
            entry.place.clone(),
            format!("the connector passes over the conference in the extension {}: {why}", quoted(&entry.name)),
            remedy(subject, why),
        );
        // Elsewhere it is somebody else's, and meant to be as it is.
        Some(finding.noted_if(!matches!(Owned::parse(&entry.place.file), Some(Owned::Conference { .. }))))
    });
    misfits.collect()
}

fn remedy(subject: &Subject<'_>, why: Misfit) -> String {
    match why {
        Misfit::OutsideOfContext => "put it into a context".to_owned(),
        Misfit::SeveralConferences => "make an extension of each".to_owned(),
        Misfit::NoNameAndProfile | Misfit::NotPlain => "write `NAME@PROFILE`".to_owned(),
        Misfit::NoSingleNumber => "give each conference a number of its own".to_owned(),
        Misfit::OutsideOfRanges => {
            let ranges = subject.config.contexts.iter().map(|context| context.conferences.to_string());
            format!("take a number of {}", ranges.collect::<Vec<_>>().join(", "))
        }
        Misfit::NumberTaken => "give it another number".to_owned(),
    }
}

/// Every conference has a file of its own, named after its number.
pub(super) fn files(subject: &Subject<'_>) -> Vec<Finding> {
    let mut by_file: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for entry in &subject.conferences {
        // A file that is included in several contexts shows its conference in each.
        by_file.entry(&entry.place.file).or_default().insert(entry.place.line);
    }
    let seen = subject.conferences.iter().filter_map(|entry| Some((entry, entry.seen.ok()?)));
    let misplaced = seen.filter_map(|(entry, conference)| {
        let file = &entry.place.file;
        let count = by_file.get(file.as_str()).map_or(1, BTreeSet::len);
        let own = format!("dialplan/conferences/{}.xml", conference.num);
        let what = match Owned::parse(file) {
            _ if is_leftover(file) || (*file == own && count == 1) => return None,
            Some(Owned::Conference { .. }) if count > 1 => {
                format!("shares its file with {} more", counted(count - 1, "conference"))
            }
            Some(Owned::Conference { .. }) => "is in a file of another name".to_owned(),
            _ => "is in no file of its own".to_owned(),
        };
        let finding = Finding::at(
            entry.place.clone(),
            format!("conference {} {what}: the connector lists but cannot change it", conference.num),
            format!("move it to {own}"),
        );
        Some(finding.noted_if(true))
    });
    misplaced.chain(empty_files(subject)).collect()
}

/// Files where the connector writes conferences, and that show none.
fn empty_files(subject: &Subject<'_>) -> impl Iterator<Item = Finding> {
    let holding: BTreeSet<&str> = subject.conferences.iter().map(|entry| entry.place.file.as_str()).collect();
    let is_conference = |file: &&String| matches!(Owned::parse(file), Some(Owned::Conference { .. }));
    let empty = subject.owned.iter().filter(is_conference).filter(move |file| !holding.contains(file.as_str()));
    empty.filter(|file| !is_leftover(file)).map(|file| {
        Finding::in_file(file, "the switch finds no conference in this file", "mend the file, or delete it")
    })
}

/// Names, profiles and numbers can be used.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let seen = subject.conferences.iter().filter_map(|entry| Some((entry, entry.seen.ok()?)));
    let mut first_of_name: BTreeMap<&str, &Conference> = BTreeMap::new();
    let mut findings = Vec::new();
    for (entry, conference) in seen {
        let first = first_of_name.entry(&conference.name).or_insert(conference);
        let finding = |what: String, remedy: &str| Finding::at(entry.place.clone(), what, remedy);
        let mut find = |what: String, remedy: &str| findings.push(finding(what, remedy));
        let who = format!("conference {}", conference.num);
        if first.num != conference.num {
            find(
                format!("{who} has the same name as {}: callers of both meet in one", first.num),
                "give it a name of its own",
            );
        }
        if !subject.reading.conference_types.contains(&conference.profile) {
            find(
                format!("{who} has the profile {}, which conference.conf does not have", quoted(&conference.profile)),
                "name one that exists, or write that profile",
            );
        }
        if subject.config.contexts.iter().any(|context| context.users.contains(conference.num)) {
            find(format!("{who} has a number of the users"), "give it another number");
        }
        if !is_anchored(entry, conference) {
            let num = conference.num;
            let what = format!("the expression of {who} also takes other numbers, such as 99{num}");
            findings.push(finding(what, &format!("write `^{num}$`, or have the connector rebuild it")).noted_if(true));
        }
        if !is_controllable(&conference.name) {
            let what =
                format!("{who} has a name that the connector cannot send to the switch: it is shown, not controlled");
            findings.push(finding(what, "use letters, digits, `_`, `.` and `-`").noted_if(true));
        }
    }
    findings
}

fn is_anchored(entry: &ConferenceEntry<'_>, conference: &Conference) -> bool {
    entry.expression == format!("^{}$", conference.num)
}

fn is_controllable(name: &str) -> bool {
    !name.contains(['\'', '"', '\\']) && !name.contains(char::is_control) && !COMMANDS.contains(&name)
}
