//! The commands of the event socket itself.

use super::api::Answer;
use super::connection::Request;
use super::event::Event;
use super::{ConnectionId, SimSwitch};
use crate::config::Files;

/// What a command comes to: what is written first, then what happens.
pub(super) struct Outcome {
    pub(super) reply: Vec<u8>,
    pub(super) consequence: Consequence,
}

pub(super) enum Consequence {
    Nothing,
    /// The connection is closed behind the reply.
    Close,
    /// A command of the switch was carried out.
    Executed {
        job: Job,
        answer: Answer,
    },
}

/// A command of the switch that somebody has asked for.
pub(super) struct Job {
    pub(super) command: String,
    pub(super) argument: String,
    /// The job's UUID, where the answer comes as an event.
    pub(super) uuid: Option<String>,
    /// What is told of every command. It is made before the command is carried out, and sent behind what that has told.
    pub(super) announcement: Event,
}

const GOODBYE: &str = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";

impl<F: Files> SimSwitch<F> {
    /// Carries out a request of a client that is connected.
    pub(super) fn command(&mut self, now: u64, from: ConnectionId, request: &Request) -> Outcome {
        let (verb, rest) = split_word(&request.command);
        let verb = verb.to_ascii_lowercase();
        let is_authenticated = self.connections.get(&from).is_some_and(|connection| connection.is_authenticated);
        match verb.as_str() {
            "exit" => {
                Outcome { reply: [command_reply("+OK bye"), notice(GOODBYE)].concat(), consequence: Consequence::Close }
            }
            "auth" if !is_authenticated => self.authenticate(from, rest),
            "api" | "bgapi" if is_authenticated && !rest.is_empty() => self.api(now, request, verb == "bgapi", rest),
            _ if is_authenticated => self.listen(from, &verb, rest).map_or_else(unknown, |reply| plain_reply(&reply)),
            _ => unknown(),
        }
    }

    fn authenticate(&mut self, from: ConnectionId, password: &str) -> Outcome {
        let is_right = password == self.origin.identity.password;
        if let (true, Some(connection)) = (is_right, self.connections.get_mut(&from)) {
            connection.is_authenticated = true;
            return plain_reply("+OK accepted");
        }
        Outcome { reply: [command_reply("-ERR invalid"), notice(GOODBYE)].concat(), consequence: Consequence::Close }
    }

    fn api(&mut self, now: u64, request: &Request, in_background: bool, text: &str) -> Outcome {
        let (command, argument) = split_word(text);
        let uuid = in_background.then(|| {
            let own = request.header("Job-UUID").filter(|own| !own.is_empty());
            own.map_or_else(|| self.origin.uuid(), str::to_owned)
        });
        let announcement = self.announcement(now, command, argument);
        let answer = self.execute(now, command, argument);
        let reply = match &uuid {
            Some(uuid) => {
                format!("Content-Type: command/reply\nReply-Text: +OK Job-UUID: {uuid}\nJob-UUID: {uuid}\n\n")
                    .into_bytes()
            }
            None => api_response(&answer.body),
        };
        let job = Job { command: command.to_owned(), argument: argument.to_owned(), uuid, announcement };
        Outcome { reply, consequence: Consequence::Executed { job, answer } }
    }

    /// What has to do with events and the log; `None` for a command that does not exist.
    fn listen(&mut self, from: ConnectionId, verb: &str, rest: &str) -> Option<String> {
        let connection = self.connections.get_mut(&from)?;
        let subscription = &mut connection.subscription;
        let text = match verb {
            "event" if subscription.add(rest) => match subscription.format {
                super::event::Format::Plain => "+OK event listener enabled plain",
                super::event::Format::Json => "+OK event listener enabled json",
            },
            "nixevent" if subscription.remove(rest) => "+OK events nixed",
            "event" | "nixevent" => "-ERR no keywords supplied",
            "noevents" if subscription.clear() => "+OK no longer listening for events",
            "noevents" => "-ERR not listening for events",
            "filter" => return Some(filter(subscription, rest)),
            "log" => return Some(log(rest)),
            "nolog" => "+OK no longer logging",
            "divert_events" => "-ERR not controlling a session.",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

fn filter(subscription: &mut super::subscription::Subscription, rest: &str) -> String {
    let (first, arguments) = split_word(rest);
    if first.eq_ignore_ascii_case("delete") {
        let (header, value) = split_word(arguments);
        subscription.remove_filters(header, Some(value).filter(|value| !value.is_empty()));
        return format!("+OK filter deleted. [{header}][{value}]");
    }
    let (header, value) = if first.eq_ignore_ascii_case("add") { split_word(arguments) } else { (first, arguments) };
    if value.is_empty() {
        return "-ERR invalid syntax".to_owned();
    }
    subscription.add_filter(header, value);
    format!("+OK filter added. [{header}]=[{value}]")
}

/// The log has nothing to tell; its levels are there all the same.
fn log(level: &str) -> String {
    let names = ["console", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let number = match level {
        "" => Some(7),
        _ => level.parse().ok().or_else(|| names.iter().position(|name| level.eq_ignore_ascii_case(name))),
    };
    match number {
        Some(number) => format!("+OK log level {level} [{number}]"),
        None => "-ERR invalid log level".to_owned(),
    }
}

/// The first word, and what follows its blank.
fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn unknown() -> Outcome {
    plain_reply("-ERR command not found")
}

fn plain_reply(text: &str) -> Outcome {
    Outcome { reply: command_reply(text), consequence: Consequence::Nothing }
}

fn command_reply(text: &str) -> Vec<u8> {
    format!("Content-Type: command/reply\nReply-Text: {text}\n\n").into_bytes()
}

/// An answer to `api`; one without text says so.
fn api_response(body: &[u8]) -> Vec<u8> {
    let body = if body.is_empty() { b"-ERR no reply\n" } else { body };
    with_length("api/response", body)
}

/// The last words on a connection.
pub(super) fn notice(text: &str) -> Vec<u8> {
    with_length("text/disconnect-notice", text.as_bytes())
}

/// What a client gets whom the access list does not name.
pub(super) fn rejection() -> Vec<u8> {
    with_length("text/rude-rejection", b"Access Denied, go away.\n")
}

fn with_length(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("Content-Type: {kind}\nContent-Length: {}\n\n", body.len());
    [head.as_bytes(), body].concat()
}
