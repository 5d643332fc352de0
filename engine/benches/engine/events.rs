//! What the switch sends while people confer: events of 2.8 kB in 80 headers.

use std::fmt::{self, Write};

/// Conferences at work: people are muted and heard again, begin to talk, get the floor, leave and join again.
pub(crate) struct Bustle {
    conferences: Vec<Conference>,
    last_member: u32,
    /// What has happened since everybody has joined.
    happened: usize,
    last_event: u64,
}

struct Conference {
    name: &'static str,
    number: u32,
    members: Vec<u32>,
}

/// How many people there are in each conference.
const MEMBERS: u32 = 20;

impl Bustle {
    /// Conferences of these names and numbers that do not exist yet.
    pub(crate) fn new(conferences: &[(&'static str, u32)]) -> Self {
        let conference = |&(name, number)| Conference { name, number, members: Vec::new() };
        Self { conferences: conferences.iter().map(conference).collect(), last_member: 0, happened: 0, last_event: 0 }
    }

    /// The conferences begin, and everybody joins.
    pub(crate) fn beginning(&mut self) -> String {
        let mut stream = String::new();
        for at in 0..self.conferences.len() {
            stream += &self.event(at, None, "conference-create");
            for _ in 0..MEMBERS {
                stream += &self.join(at);
            }
        }
        stream
    }

    /// The next events, so many.
    pub(crate) fn stream(&mut self, events: usize) -> String {
        (0..events).fold(String::new(), |stream, _| stream + &self.next_event())
    }

    fn next_event(&mut self) -> String {
        let at = self.happened % self.conferences.len();
        let turn = self.happened / self.conferences.len();
        self.happened += 1;
        let members = &mut self.conferences[at].members;
        let member = members[turn / 10 % members.len()];
        match turn % 10 {
            0 | 4 => self.event(at, Some(member), "mute-member"),
            1 | 5 => self.event(at, Some(member), "unmute-member"),
            2 | 6 => self.event(at, Some(member), "mute-detect"),
            3 | 7 => self.event(at, Some(member), format_args!("floor-change\nOld-ID: none\nNew-ID: {member}")),
            8 => {
                members.retain(|present| *present != member);
                self.event(at, Some(member), "del-member")
            }
            _ => self.join(at),
        }
    }

    fn join(&mut self, at: usize) -> String {
        self.last_member += 1;
        self.conferences[at].members.push(self.last_member);
        self.event(at, Some(self.last_member), "add-member")
    }

    fn event(&mut self, at: usize, member: Option<u32>, action: impl fmt::Display) -> String {
        self.last_event += 1;
        let Conference { name, number, members } = &self.conferences[at];
        let mut event = String::from("Event-Subclass: conference%3A%3Amaintenance\nEvent-Name: CUSTOM\n");
        lines(&mut event, "Origin", 12);
        write!(event, "Event-Sequence: {}\nConference-Name: {name}\nConference-Domain: x\n", self.last_event).unwrap();
        write!(event, "Conference-Size: {}\nConference-Ghosts: 0\n", members.len()).unwrap();
        write!(event, "Conference-Profile-Name: 16kHz-novideo\nConference-Unique-ID: 0b8c7a2e-{number}\n").unwrap();
        if let Some(member) = member {
            lines(&mut event, "Channel", 18);
            let user = number - 10_000 + member % MEMBERS;
            write!(event, "Caller-Username: {user}\nCaller-Caller-ID-Name: Anna%20M%C3%BCller\n").unwrap();
            writeln!(event, "Caller-Caller-ID-Number: {user}").unwrap();
            lines(&mut event, "Caller", 29);
            write!(event, "Hear: true\nSpeak: true\nTalking: false\nHold: false\nMember-ID: {member}\n").unwrap();
            event += "Member-Type: member\nEnergy-Level: 0\n";
        }
        write!(event, "Action: {action}\n\n").unwrap();
        format!("Content-Length: {}\nContent-Type: text/event-plain\n\n{event}", event.len())
    }
}

/// So many headers that nobody is interested in.
fn lines(event: &mut String, subject: &str, count: u32) {
    for header in 0..count {
        writeln!(event, "{subject}-Header-Number-{header}: some%20value").unwrap();
    }
}
