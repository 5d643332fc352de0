//! The switch itself: bytes of clients in, bytes for clients out.
//!
//! ```text
//! identity.rs      who it says it is, and the UUIDs it invents
//! origin.rs        where events come from: counted and stamped
//! moment.rs        what a call or a command meets
//! timing.rs        how long things take that happen behind an answer
//! connection.rs    one client: its bytes cut into requests
//! command.rs       what the event socket understands: auth, event, filter, api …
//! api.rs           what the switch understands behind `api`: reloadxml, xml_locate …
//! directory.rs     what the loaded directory says of a user
//! conference/      conferences and the calls in them
//! registration.rs  registrations of phones
//! driving.rs       what phones and callers do
//! event.rs         events, plain and as JSON
//! subscription.rs  who hears which events
//! faults.rs        what a test can make go wrong
//! ```

mod api;
mod command;
mod conference;
mod connection;
mod directory;
mod driving;
mod event;
mod faults;
mod identity;
mod moment;
mod origin;
mod registration;
mod subscription;
mod timing;

use std::collections::BTreeMap;
use std::fmt;

pub use conference::{CallId, Caller, Conference, Member, Recording};
pub use faults::{Answer, Faults};
pub use identity::Identity;
pub use registration::{Phone, Registration};
pub use timing::{Pace, Timing};

use command::{Consequence, Job, Outcome, notice, rejection};
use conference::Conferences;
use connection::{Connection, Hold};
use event::{Event, Site};
use moment::Moment;
use origin::Origin;
use registration::Registrations;

use crate::config::{Document, Files, Globals, Report, load};

/// One client of a [`SimSwitch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// What the switch does to the outside, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Sends bytes to a client.
    Send(ConnectionId, Vec<u8>),
    /// Closes a client's connection, behind all that was sent to it.
    Close(ConnectionId),
}

/// A FreeSWITCH that performs no IO and knows no clock.
///
/// Every `now` is a time in microseconds since 1970 that never goes back. The same calls give the same outputs, byte for byte.
pub struct SimSwitch<F> {
    /// What goes wrong at present.
    pub faults: Faults,
    /// How long things take.
    pub timing: Timing,
    files: F,
    origin: Origin,
    started: u64,
    globals: Globals,
    /// The configuration that is active: the last that could be loaded.
    document: Option<Document>,
    report: Report,
    connections: BTreeMap<ConnectionId, Connection>,
    conferences: Conferences,
    registrations: Registrations,
    next_connection: u64,
    next_heartbeat: u64,
}

/// What can be told without a password in it.
impl<F> fmt::Debug for SimSwitch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSwitch")
            .field("identity", &self.origin.identity)
            .field("faults", &self.faults)
            .field("clients", &self.connections.len())
            .field("calls", &self.conferences.calls())
            .field("configuration", &self.document)
            .finish_non_exhaustive()
    }
}

impl<F: Files> SimSwitch<F> {
    /// Starts a switch on a configuration. One that cannot be loaded leaves it without any, not even a section.
    pub fn new(files: F, identity: Identity, now: u64) -> Self {
        let mut switch = SimSwitch {
            faults: Faults::default(),
            timing: Timing::default(),
            files,
            origin: Origin::new(identity),
            started: now,
            globals: Globals::default(),
            document: None,
            report: Report::default(),
            connections: BTreeMap::new(),
            conferences: Conferences::default(),
            registrations: Registrations::default(),
            next_connection: 0,
            next_heartbeat: 0,
        };
        switch.restart(now);
        switch
    }

    /// Starts again, as a new process on the same configuration: everything is forgotten but the files and the faults. Connections that
    /// are still open are forgotten as well; [`SimSwitch::shutdown`] closes them properly.
    pub fn restart(&mut self, now: u64) {
        self.origin.restart();
        self.started = now;
        self.globals = self.origin.identity.globals(&self.origin.core_uuid);
        self.document = None;
        self.connections.clear();
        self.conferences.restart();
        self.registrations = Registrations::default();
        self.next_heartbeat = now.saturating_add(self.origin.identity.heartbeat);
        // A switch that finds no configuration is up all the same here; `xml_locate` tells.
        let _ = self.load();
    }

    /// The files of its configuration.
    pub fn files(&self) -> &F {
        &self.files
    }

    /// The files of its configuration, to edit; the switch sees a change when it loads them again.
    pub fn files_mut(&mut self) -> &mut F {
        &mut self.files
    }

    /// The configuration that is active.
    pub fn configuration(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// The variables as they are.
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// What the last load met, be it successful or not.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// A client connects. It is greeted, or turned away and closed.
    pub fn connect(&mut self, out: &mut Vec<Output>) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        if self.faults.frozen {
            // The computer accepts it; the switch never says a word.
            self.connections.insert(id, Connection::silent());
        } else if self.faults.refuse {
            out.push(Output::Send(id, rejection()));
            out.push(Output::Close(id));
        } else {
            self.connections.insert(id, Connection::default());
            out.push(Output::Send(id, b"Content-Type: auth/request\n\n".to_vec()));
        }
        id
    }

    /// A client is gone. What it has asked for is done all the same.
    pub fn disconnected(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Bytes arrive from a client, cut anywhere.
    pub fn receive(&mut self, now: u64, from: ConnectionId, bytes: &[u8], out: &mut Vec<Output>) {
        if self.faults.frozen {
            return;
        }
        self.settle(now, out);
        let Some(connection) = self.connections.get_mut(&from) else { return };
        if !connection.receive(bytes) {
            self.close(from, out);
            return;
        }
        self.answer_requests(now, from, out);
    }

    /// When [`SimSwitch::tick`] is to be called next.
    pub fn deadline(&self) -> u64 {
        let held = self.connections.values().filter_map(|connection| match connection.hold {
            Hold::Until(due, ..) => Some(due),
            Hold::Open | Hold::Forever => None,
        });
        let own = [Some(self.next_heartbeat), self.conferences.deadline(), self.registrations.deadline()];
        held.chain(own.into_iter().flatten()).min().unwrap_or(u64::MAX)
    }

    /// Does what is due: late answers, what follows from calls and commands, and the HEARTBEAT.
    pub fn tick(&mut self, now: u64, out: &mut Vec<Output>) {
        self.settle(now, out);
        if now >= self.next_heartbeat {
            self.next_heartbeat = now.saturating_add(self.origin.identity.heartbeat);
            self.heartbeat(now, out);
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.release(now, id, out);
        }
    }

    /// Somebody else reloads the configuration. Gives the answer that one gets.
    pub fn reload(&mut self, now: u64, out: &mut Vec<Output>) -> Vec<u8> {
        let (command, argument) = ("reloadxml".to_owned(), String::new());
        let announcement = self.announcement(now, &command, &argument);
        let job = Job { command, argument, uuid: None, announcement };
        let answer = self.execute(now, &job.command, &job.argument);
        let body = answer.body.clone();
        self.executed(now, &job, answer, out);
        body
    }

    /// Shuts down: every client is told and closed, all calls and registrations are gone.
    pub fn shutdown(&mut self, now: u64, out: &mut Vec<Output>) {
        let site = Site { file: "switch_core.c", function: "switch_core_destroy", line: 3033 };
        let event = self.event("SHUTDOWN", site, now).with("Event-Info", "System Shutting Down");
        self.publish(&event, out);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.send(id, notice("The system is being shut down.\n"), out);
            self.close(id, out);
        }
        self.conferences.restart();
        self.registrations = Registrations::default();
    }

    fn answer_requests(&mut self, now: u64, from: ConnectionId, out: &mut Vec<Output>) {
        while let Some(request) = self.connections.get_mut(&from).and_then(Connection::next_request) {
            let Outcome { reply, consequence } = self.command(now, from, &request);
            let closes = matches!(consequence, Consequence::Close);
            match self.faults.answer_to(&request.command) {
                None => {
                    self.send(from, reply, out);
                    if closes {
                        self.close(from, out);
                    }
                }
                Some(answer) => self.hold_back(now, from, answer, reply, closes),
            }
            if let Consequence::Executed { job, answer } = consequence {
                self.executed(now, &job, answer, out);
            }
        }
    }

    fn hold_back(&mut self, now: u64, id: ConnectionId, answer: Answer, reply: Vec<u8>, closes: bool) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.hold = match answer {
                Answer::After(delay) => Hold::Until(now.saturating_add(delay), reply, closes),
                Answer::Never => Hold::Forever,
            };
        }
    }

    /// Sends what was held back until now, and goes on with what has arrived since.
    fn release(&mut self, now: u64, id: ConnectionId, out: &mut Vec<Output>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if self.faults.frozen || !matches!(connection.hold, Hold::Until(due, ..) if due <= now) {
            return;
        }
        if let Hold::Until(_, reply, closes) = std::mem::take(&mut connection.hold) {
            self.send(id, reply, out);
            if closes {
                self.close(id, out);
            }
        }
        self.answer_requests(now, id, out);
    }

    /// The event that tells of a command.
    fn announcement(&mut self, now: u64, command: &str, argument: &str) -> Event {
        let site = Site { file: "switch_loadable_module.c", function: "switch_api_execute", line: 3140 };
        let event = self.event("API", site, now).with("API-Command", command);
        if argument.is_empty() { event } else { event.with("API-Command-Argument", argument) }
    }

    /// Tells what a command of the switch has come to.
    fn executed(&mut self, now: u64, job: &Job, answer: api::Answer, out: &mut Vec<Output>) {
        self.publish_all(&answer.events, out);
        self.publish(&job.announcement, out);
        if answer.has_reloaded {
            let site = Site { file: "switch_xml.c", function: "switch_xml_open_root", line: 2409 };
            let event = self.event("RELOADXML", site, now);
            self.publish(&event, out);
        }
        if let Some(uuid) = &job.uuid {
            let site = Site { file: "mod_event_socket.c", function: "api_exec", line: 1580 };
            let mut event = self.event("BACKGROUND_JOB", site, now);
            event = event.with("Job-UUID", uuid).with("Job-Command", &job.command);
            if !job.argument.is_empty() {
                event = event.with("Job-Command-Arg", &job.argument);
            }
            self.publish(&event.with_body(answer.body), out);
        }
        self.settle(now, out);
    }

    fn heartbeat(&mut self, now: u64, out: &mut Vec<Output>) {
        let site = Site { file: "switch_core.c", function: "send_heartbeat", line: 95 };
        let up = now.saturating_sub(self.started);
        let event = self
            .event("HEARTBEAT", site, now)
            .with("Event-Info", "System Ready")
            .with("Up-Time", &Uptime(up))
            .with("FreeSWITCH-Version", api::FULL_VERSION)
            .with("Uptime-msec", &(up / 1000))
            .with("Session-Count", &0)
            .with("Max-Sessions", &1000)
            .with("Session-Per-Sec", &30)
            .with("Session-Per-Sec-Last", &0)
            .with("Session-Per-Sec-Max", &0)
            .with("Session-Per-Sec-FiveMin", &0)
            .with("Session-Since-Startup", &0)
            .with("Session-Peak-Max", &0)
            .with("Session-Peak-FiveMin", &0)
            .with("Idle-CPU", "100.000000");
        self.publish(&event, out);
        let site = Site { file: "switch_scheduler.c", function: "switch_scheduler_execute", line: 73 };
        let event = self
            .event("RE_SCHEDULE", site, now)
            .with("Task-ID", &1)
            .with("Task-Desc", "heartbeat")
            .with("Task-Group", "core")
            .with("Task-Runtime", &(self.next_heartbeat / 1_000_000));
        self.publish(&event, out);
    }

    fn event(&mut self, name: &str, site: Site, now: u64) -> Event {
        self.origin.event(name, site, now)
    }

    /// Lets calls or commands do something at a moment. What has happened is to be told by the caller.
    fn in_moment<R>(&mut self, now: u64, act: impl FnOnce(&mut Conferences, &mut Moment<'_>) -> R) -> (R, Vec<Event>) {
        self.in_moment_of_all(now, |conferences, _, moment| act(conferences, moment))
    }

    fn in_moment_of_all<R>(
        &mut self,
        now: u64,
        act: impl FnOnce(&mut Conferences, &mut Registrations, &mut Moment<'_>) -> R,
    ) -> (R, Vec<Event>) {
        let mut moment = Moment {
            now,
            origin: &mut self.origin,
            document: self.document.as_ref(),
            globals: &self.globals,
            faults: &self.faults,
            timing: self.timing,
            events: Vec::new(),
        };
        let result = act(&mut self.conferences, &mut self.registrations, &mut moment);
        (result, moment.events)
    }

    /// Lets happen what is due by itself.
    fn settle(&mut self, now: u64, out: &mut Vec<Output>) {
        let ((), events) = self.in_moment_of_all(now, |conferences, registrations, moment| {
            conferences.settle(moment);
            registrations.settle(moment);
        });
        self.publish_all(&events, out);
    }

    fn publish_all(&self, events: &[Event], out: &mut Vec<Output>) {
        for event in events {
            self.publish(event, out);
        }
    }

    /// Sends an event to everyone who hears it.
    fn publish(&self, event: &Event, out: &mut Vec<Output>) {
        for (&id, connection) in &self.connections {
            if connection.subscription.hears(event) {
                self.send(id, event.frame(connection.subscription.format), out);
            }
        }
    }

    fn send(&self, to: ConnectionId, bytes: Vec<u8>, out: &mut Vec<Output>) {
        let is_silent = self.connections.get(&to).is_none_or(|connection| connection.hold == Hold::Forever);
        if !self.faults.frozen && !is_silent {
            out.push(Output::Send(to, bytes));
        }
    }

    fn close(&mut self, id: ConnectionId, out: &mut Vec<Output>) {
        if self.connections.remove(&id).is_some() {
            out.push(Output::Close(id));
        }
    }

    /// Loads the configuration; the message of a failure is the switch's own.
    fn load(&mut self) -> Result<(), Vec<u8>> {
        let loaded = load(&self.files, &self.origin.identity.conf_dir, &mut self.globals);
        self.report = loaded.report;
        match loaded.outcome {
            Ok(document) => {
                self.document = Some(document);
                Ok(())
            }
            Err(error) => Err(error.message()),
        }
    }
}

/// A time in microseconds, as the switch spells it out.
struct Uptime(u64);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (365 * 86_400_000_000, "year"),
            (86_400_000_000, "day"),
            (3_600_000_000, "hour"),
            (60_000_000, "minute"),
            (1_000_000, "second"),
            (1000, "millisecond"),
            (1, "microsecond"),
        ];
        let mut rest = self.0;
        for (at, (length, name)) in units.into_iter().enumerate() {
            let count = rest / length;
            rest %= length;
            let comma = if at == 0 { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{comma}{count} {name}{plural}")?;
        }
        Ok(())
    }
}
