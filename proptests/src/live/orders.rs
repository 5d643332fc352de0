//! What conferences are told by the connector, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_engine::esl::command::{ConferenceOrder, SwitchCommand};
use fsconnector_engine::esl::event::Event;
use fsconnector_simulator::Conference;

/// The sound that tells everybody that a recording has begun.
pub(super) const STARTED: &str = "conference/recording_started.wav";

/// What conferences were told.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) past: Past,
    /// The recordings that were ordered, by their files.
    recordings: BTreeMap<String, Ordered>,
    /// How many sessions with the switch there were.
    sessions: usize,
    /// How many recordings had been ordered when an event first told of a conference, by its unique id.
    met: BTreeMap<String, usize>,
    /// What is to go on the wire now, word by word.
    pub(crate) words: Option<Vec<String>>,
}

#[derive(Debug)]
struct Ordered {
    conference: String,
    session: usize,
    /// How many had been ordered before.
    turn: usize,
    /// The conference in which it has begun, as far as the connector can know, by its unique id.
    begun: Option<String>,
    announced: bool,
}

/// All that the switch has ever had: the conferences by name, with the ids of their members and the files of their
/// recordings.
#[derive(Debug, Default)]
pub(crate) struct Past(BTreeMap<String, (BTreeSet<u64>, BTreeSet<String>)>);

impl Past {
    /// The names of all conferences.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn note(&mut self, conference: &Conference) {
        if !self.0.contains_key(&conference.name) {
            self.0.insert(conference.name.clone(), (BTreeSet::new(), BTreeSet::new()));
        }
        let Some((members, files)) = self.0.get_mut(&conference.name) else { return };
        members.extend(conference.members.iter().map(|member| member.id));
        files.extend(conference.recordings.iter().map(|recording| recording.path.clone()));
    }

    /// What is not there of all that an order is about.
    fn misfit(&self, conference: &str, order: &ConferenceOrder) -> Option<String> {
        use ConferenceOrder::{Kick, Mute, PauseRecording, ResumeRecording, StopRecording, Unmute};
        let Some((members, files)) = self.0.get(conference) else { return Some("no such conference".into()) };
        let fits = match order {
            Mute(member) | Unmute(member) | Kick(member) => members.contains(&u64::from(member.0)),
            PauseRecording(file) | ResumeRecording(file) | StopRecording(file) => files.contains(file.as_str()),
            _ => true,
        };
        (!fits).then(|| "no such member or recording".into())
    }
}

impl Orders {
    /// The session with the switch is over.
    pub(crate) fn session_is_over(&mut self) {
        self.sessions += 1;
    }

    /// The connector is gone, and nobody knows what it has ordered.
    pub(crate) fn connector_is_gone(&mut self) {
        self.recordings.clear();
        self.met.clear();
    }

    /// The switch has these conferences now. What does not fit: more than one recording in a conference by our orders.
    pub(crate) fn note(&mut self, conferences: &[Conference]) -> Option<String> {
        for conference in conferences {
            self.past.note(conference);
        }
        let crowded = conferences.iter().find(|conference| {
            let met = self.met.get(&conference.uuid).copied().unwrap_or(0);
            // What was ordered before was meant for another conference of that name.
            let is_ours = |ours: &&Ordered| ours.session == self.sessions && ours.turn >= met;
            let orders = conference.recordings.iter().filter_map(|recording| self.recordings.get(&recording.path));
            orders.filter(is_ours).count() > 1
        });
        crowded.map(|conference| format!("{conference:?}"))
    }

    /// A command for a conference. What does not fit: it is about something that the switch never had.
    pub(crate) fn told(&mut self, command: &SwitchCommand) -> Option<String> {
        let SwitchCommand::Conference(name, order) = command else { return None };
        let name = name.as_str();
        match order {
            ConferenceOrder::StartRecording(file) => {
                let (session, turn) = (self.sessions, self.recordings.len());
                let ordered = Ordered { conference: name.to_owned(), session, turn, begun: None, announced: false };
                self.recordings.insert(file.as_str().to_owned(), ordered);
            }
            ConferenceOrder::Play(STARTED) => {
                let there = self.recordings.values_mut().filter(|ordered| ordered.conference == name);
                there.for_each(|ordered| ordered.announced = true);
            }
            _ => {}
        }
        self.words = Some(words(name, order));
        self.past.misfit(name, order).map(|why| format!("{why}: {command}"))
    }

    /// An event. It can be that a recording has begun.
    pub(crate) fn heard(&mut self, event: &Event) {
        let is = |header, value: &str| event.header(header).is_some_and(|actual| actual == value);
        let Some(uuid) = event.header("Conference-Unique-ID") else { return };
        self.met.entry(uuid.clone().into()).or_insert(self.recordings.len());
        if !is("Action", "start-recording") || event.header("Error").is_some() {
            return;
        }
        let Some(path) = event.header("Path") else { return };
        if let Some(ordered) = self.recordings.get_mut(&*path) {
            ordered.begun = Some(uuid.into());
        }
    }

    /// A recording that has begun by our order, in a conference that is still there, and of which nobody was told.
    pub(crate) fn unannounced(&self, conferences: &[Conference]) -> Option<String> {
        let runs = |path: &String, conference: &Conference| conference.recordings.iter().any(|it| it.path == *path);
        let is_secret = |(path, ordered): &(&String, &Ordered)| {
            let is_there = |it: &Conference| ordered.begun.as_ref() == Some(&it.uuid) || runs(path, it);
            !ordered.announced && conferences.iter().any(is_there)
        };
        self.recordings.iter().find(is_secret).map(|found| format!("{found:?}"))
    }
}

/// The words of a command, as the switch is to understand them.
fn words(conference: &str, order: &ConferenceOrder) -> Vec<String> {
    let order: Vec<String> = match order {
        ConferenceOrder::Mute(member) => vec!["mute".into(), member.to_string()],
        ConferenceOrder::Unmute(member) => vec!["unmute".into(), member.to_string()],
        ConferenceOrder::Kick(member) => vec!["kick".into(), member.to_string()],
        ConferenceOrder::StartRecording(file) => vec!["recording".into(), "start".into(), file.as_str().into()],
        ConferenceOrder::PauseRecording(file) => vec!["recording".into(), "pause".into(), file.as_str().into()],
        ConferenceOrder::ResumeRecording(file) => vec!["recording".into(), "resume".into(), file.as_str().into()],
        ConferenceOrder::StopRecording(file) => vec!["recording".into(), "stop".into(), file.as_str().into()],
        ConferenceOrder::Play(file) => vec!["play".into(), (*file).into()],
        plain => plain.to_string().split(' ').map(str::to_owned).collect(),
    };
    [vec!["api".to_owned(), "conference".to_owned(), conference.to_owned()], order].concat()
}

/// The words of a line on the wire, as the switch takes them apart: at blanks, unless in single quotes. Nothing if there is
/// anything else in it that the switch has ideas of its own about.
pub(super) fn taken_apart(bytes: &[u8]) -> Option<Vec<String>> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix("\n\n")?;
    if line.contains(|character: char| character.is_control() || matches!(character, '"' | '\\')) {
        return None;
    }
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'')?,
            None => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        if word.contains('\'') {
            return None;
        }
        words.push(word.to_owned());
        rest = if after.is_empty() { after } else { after.strip_prefix(' ')? };
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_at_blanks_and_not_in_quotes() {
        let words = |line: &str| taken_apart(line.as_bytes()).map(|words| words.join("|"));
        assert_eq!(words("api conference 'a b' lock\n\n").as_deref(), Some("api|conference|a b|lock"));
        for bad in ["api x", "api x\n\napi y\n\n", "api a'b\n\n", "api \"x\n\n", "api 'a\n\n", "api 'a'b\n\n"] {
            assert_eq!(words(bad), None, "{bad}");
        }
    }
}
