//! One session with the switch: two connections, from their opening to their end.
//!
//! *Events* only listens; *control* carries every command, strictly in order. The session is pure: the adapter hands in
//! the bytes it read and carries out the [`Action`]s. What the engine hears begins with [`Input::SwitchUp`] – both
//! connections authenticated, the subscription confirmed, so nothing is missed from here on – and ends with
//! [`Input::SwitchDown`]. Whatever ends one connection ends both: half a session would be wrong without anybody knowing.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::command::{Password, SUBSCRIPTION, SwitchCommand};
use super::event::Event;
use super::frame::{ContentType, Frame, FrameError, Framer};
use crate::io::{EffectId, Epoch, Input, Reply};
use crate::time::Mono;

/// Which of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The one that listens.
    Events,
    /// The one that asks.
    Control,
}

/// What the adapter has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write to the connection, in one piece.
    Send(Line, Vec<u8>),
    /// Hand to the engine.
    Deliver(Input),
    /// Close both connections: the session is over.
    Close(SessionEnd),
}

/// How long a session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the greeting and each answer until the session is up.
    pub greeting: Duration,
    /// For any event. The switch sends a `HEARTBEAT` every 20 s unless it is configured otherwise.
    pub heartbeat: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { greeting: Duration::from_secs(10), heartbeat: Duration::from_secs(70) }
    }
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// No connection could be opened, with the adapter's words for it.
    Unreachable(String),
    /// A connection was closed or broke, with the adapter's words for it.
    Lost(String),
    /// The switch says that it shuts down.
    ShutDown,
    /// The switch does not accept the password.
    WrongPassword,
    /// The switch's access list does not allow this address.
    Refused,
    /// The switch does not let the connector listen to events, with its words.
    NoSubscription(String),
    /// No greeting, or no answer to the password or the subscription.
    NoGreeting,
    /// No event for longer than the patience: the connection is half open, or the switch hangs.
    Silent,
    /// A command's answer did not come in time.
    Late(SwitchCommand),
    /// The bytes are not the event-socket language.
    Garbled(FrameError),
    /// An answer that nobody asked for.
    OutOfOrder,
    /// The connector said `exit`.
    Exit,
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(how) => {
                write!(f, "it cannot be reached: {how}; is it running, with mod_event_socket listening there?")
            }
            Self::Lost(how) => write!(f, "the connection is lost: {how}"),
            Self::ShutDown => f.write_str("the switch is shutting down"),
            Self::WrongPassword => f.write_str(
                "the switch does not accept the password; it must be the one in event_socket.conf.xml (FSPW, or `password` under [switch])",
            ),
            Self::Refused => f.write_str(
                "the switch refuses this address; allow it in apply-inbound-acl of event_socket.conf.xml",
            ),
            Self::NoSubscription(why) => write!(f, "the switch does not send events: {why}"),
            Self::NoGreeting => f.write_str("what listens there does not greet like a FreeSWITCH event socket in time"),
            Self::Silent => f.write_str("no event and no heartbeat for too long"),
            Self::Late(command) => write!(f, "no answer to `{command}` in time"),
            Self::Garbled(error) => write!(f, "what listens there does not speak like an event socket: {error}"),
            Self::OutOfOrder => f.write_str("the switch sent an answer that was not asked for"),
            Self::Exit => f.write_str("the connector ends"),
        }
    }
}

/// A session with the switch.
#[derive(Debug)]
pub struct Session {
    epoch: Epoch,
    password: Password,
    patience: Patience,
    events: Connection,
    control: Connection,
    /// Commands on their way, in order.
    waiting: VecDeque<Waiting>,
    /// When the greeting, or the next event, has to be there.
    due: Mono,
    over: bool,
}

#[derive(Debug)]
struct Connection {
    framer: Framer,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Authenticating,
    Subscribing,
    Ready,
}

#[derive(Debug)]
struct Waiting {
    id: EffectId,
    command: SwitchCommand,
    deadline: Mono,
}

impl Session {
    /// A session on two connections that were just opened. Both are greeted by the switch.
    pub fn new(epoch: Epoch, password: Password, patience: Patience, now: Mono) -> Self {
        let connection = || Connection { framer: Framer::wary(), stage: Stage::Greeting };
        Self {
            epoch,
            password,
            patience,
            events: connection(),
            control: connection(),
            waiting: VecDeque::new(),
            due: now.after(patience.greeting),
            over: false,
        }
    }

    /// Takes what came on `line`.
    pub fn receive(&mut self, now: Mono, line: Line, bytes: &[u8], out: &mut Vec<Action>) {
        self.connection(line).framer.push(bytes);
        while !self.over {
            match self.connection(line).framer.next_frame() {
                Ok(Some(frame)) => self.take_frame(now, line, frame, out),
                Ok(None) => break,
                Err(error) => self.close(SessionEnd::Garbled(error), out),
            }
        }
        // What talks without a pause but does not greet would never let a tick come.
        if !self.is_up() && self.due <= now {
            self.close(SessionEnd::NoGreeting, out);
        }
    }

    /// Sends a command of the engine. Only sessions that are up have any; what comes for another epoch is dropped, for
    /// the engine was told of that epoch's end.
    pub fn send(&mut self, now: Mono, id: EffectId, epoch: Epoch, command: SwitchCommand, out: &mut Vec<Action>) {
        if self.over || epoch != self.epoch {
            return;
        }
        out.push(Action::Send(Line::Control, format!("api {command}\n\n").into_bytes()));
        self.waiting.push_back(Waiting { id, deadline: now.after(command.patience()), command });
    }

    /// When [`Session::tick`] is needed next.
    pub fn deadline(&self) -> Mono {
        self.waiting.front().map_or(self.due, |waiting| waiting.deadline.min(self.due))
    }

    /// Looks whether something is overdue.
    pub fn tick(&mut self, now: Mono, out: &mut Vec<Action>) {
        if let Some(waiting) = self.waiting.front()
            && waiting.deadline <= now
        {
            let command = waiting.command.clone();
            self.close(SessionEnd::Late(command), out);
        } else if self.due <= now {
            let end = if self.is_up() { SessionEnd::Silent } else { SessionEnd::NoGreeting };
            self.close(end, out);
        }
    }

    /// A connection was closed, or could not be written to or read from.
    pub fn lost(&mut self, how: impl Into<String>, out: &mut Vec<Action>) {
        self.close(SessionEnd::Lost(how.into()), out);
    }

    /// Takes leave of the switch.
    pub fn exit(&mut self, out: &mut Vec<Action>) {
        for line in [Line::Events, Line::Control] {
            if !self.over && self.connection(line).stage != Stage::Greeting {
                out.push(Action::Send(line, b"exit\n\n".to_vec()));
            }
        }
        self.close(SessionEnd::Exit, out);
    }

    fn take_frame(&mut self, now: Mono, line: Line, frame: Frame, out: &mut Vec<Action>) {
        match frame.content_type() {
            ContentType::AuthRequest => self.greeted(now, line, out),
            ContentType::CommandReply => self.replied(now, line, &frame, out),
            ContentType::ApiResponse => self.answered(line, Reply::Answer(frame.body), out),
            ContentType::EventPlain => self.heard(now, Event::plain(frame.body), out),
            ContentType::EventJson => self.heard(now, Event::json(frame.body), out),
            ContentType::DisconnectNotice => self.close(SessionEnd::ShutDown, out),
            ContentType::RudeRejection => self.close(SessionEnd::Refused, out),
            ContentType::Other => {}
        }
    }

    fn greeted(&mut self, now: Mono, line: Line, out: &mut Vec<Action>) {
        if self.connection(line).stage == Stage::Greeting {
            let auth = self.password.auth();
            self.ask(now, line, Stage::Authenticating, &auth, out);
        } else {
            self.close(SessionEnd::OutOfOrder, out);
        }
    }

    /// `command/reply`: to the password, to the subscription, and in place of an `api/response` to a command that the
    /// switch does not take.
    fn replied(&mut self, now: Mono, line: Line, frame: &Frame, out: &mut Vec<Action>) {
        let text = frame.header("Reply-Text").unwrap_or_default();
        let accepted = text.starts_with("+OK");
        match (self.connection(line).stage, line) {
            (Stage::Authenticating, _) if !accepted => self.close(SessionEnd::WrongPassword, out),
            (Stage::Authenticating, Line::Events) => {
                self.ask(now, line, Stage::Subscribing, SUBSCRIPTION, out);
            }
            (Stage::Subscribing, _) if !accepted => self.close(SessionEnd::NoSubscription(text.into()), out),
            (Stage::Authenticating, Line::Control) | (Stage::Subscribing, _) => self.ready(now, line, out),
            (Stage::Ready, Line::Control) => self.answered(line, Reply::Refused(text.into()), out),
            (Stage::Ready, Line::Events) | (Stage::Greeting, _) => self.close(SessionEnd::OutOfOrder, out),
        }
    }

    fn ask(&mut self, now: Mono, line: Line, stage: Stage, command: &str, out: &mut Vec<Action>) {
        self.connection(line).stage = stage;
        self.due = now.after(self.patience.greeting);
        out.push(Action::Send(line, format!("{command}\n\n").into_bytes()));
    }

    fn ready(&mut self, now: Mono, line: Line, out: &mut Vec<Action>) {
        let connection = self.connection(line);
        connection.stage = Stage::Ready;
        connection.framer.trust();
        if self.is_up() {
            self.due = now.after(self.patience.heartbeat);
            out.push(Action::Deliver(Input::SwitchUp { epoch: self.epoch }));
        }
    }

    fn answered(&mut self, line: Line, reply: Reply, out: &mut Vec<Action>) {
        let Some(waiting) = self.waiting.pop_front().filter(|_| line == Line::Control) else {
            return self.close(SessionEnd::OutOfOrder, out);
        };
        out.push(Action::Deliver(Input::SwitchReply { epoch: self.epoch, id: waiting.id, reply }));
    }

    /// Until the session is up an event is too early: the engine reads everything after that.
    fn heard(&mut self, now: Mono, event: Event, out: &mut Vec<Action>) {
        if self.is_up() {
            self.due = now.after(self.patience.heartbeat);
            out.push(Action::Deliver(Input::SwitchEvent { epoch: self.epoch, event }));
        }
    }

    fn close(&mut self, end: SessionEnd, out: &mut Vec<Action>) {
        if self.over {
            return;
        }
        self.over = true;
        if self.is_up() {
            out.push(Action::Deliver(Input::SwitchDown { epoch: self.epoch }));
        }
        out.push(Action::Close(end));
    }

    fn is_up(&self) -> bool {
        self.events.stage == Stage::Ready && self.control.stage == Stage::Ready
    }

    fn connection(&mut self, line: Line) -> &mut Connection {
        match line {
            Line::Events => &mut self.events,
            Line::Control => &mut self.control,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Mono = Mono(1_000_000);
    const EPOCH: Epoch = Epoch(7);
    const GREETING: &[u8] = b"Content-Type: auth/request\n\n";
    const ACCEPTED: &[u8] = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n";
    const SUBSCRIBED: &[u8] = b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n";
    const HEARTBEAT: &[u8] = b"Content-Length: 22\nContent-Type: text/event-plain\n\nEvent-Name: HEARTBEAT\n";

    fn seconds(n: u64) -> Mono {
        START.after(Duration::from_secs(n))
    }

    fn new() -> Session {
        Session::new(EPOCH, Password::parse("ClueCon").unwrap(), Patience::default(), START)
    }

    fn receive(session: &mut Session, line: Line, bytes: &[u8]) -> Vec<Action> {
        let mut out = Vec::new();
        session.receive(START, line, bytes, &mut out);
        out
    }

    fn up() -> Session {
        let mut session = new();
        for (line, bytes) in [
            (Line::Events, GREETING),
            (Line::Events, ACCEPTED),
            (Line::Events, SUBSCRIBED),
            (Line::Control, GREETING),
            (Line::Control, ACCEPTED),
        ] {
            receive(&mut session, line, bytes);
        }
        assert!(session.is_up());
        session
    }

    fn send(session: &mut Session, now: Mono, id: u64, command: SwitchCommand) -> Vec<Action> {
        let mut out = Vec::new();
        session.send(now, EffectId(id), EPOCH, command, &mut out);
        out
    }

    fn tick(session: &mut Session, now: Mono) -> Vec<Action> {
        let mut out = Vec::new();
        session.tick(now, &mut out);
        out
    }

    fn said(line: Line, text: &str) -> Action {
        Action::Send(line, text.as_bytes().to_vec())
    }

    #[test]
    fn the_engine_hears_of_the_switch_when_both_lines_are_ready_and_the_subscription_is_confirmed() {
        let mut session = new();
        assert_eq!(receive(&mut session, Line::Control, GREETING), [said(Line::Control, "auth ClueCon\n\n")]);
        assert_eq!(receive(&mut session, Line::Control, ACCEPTED), []);
        assert_eq!(receive(&mut session, Line::Events, GREETING), [said(Line::Events, "auth ClueCon\n\n")]);
        assert_eq!(receive(&mut session, Line::Events, ACCEPTED), [said(Line::Events, &format!("{SUBSCRIPTION}\n\n"))]);
        assert_eq!(
            receive(&mut session, Line::Events, SUBSCRIBED),
            [Action::Deliver(Input::SwitchUp { epoch: EPOCH })]
        );
    }

    #[test]
    fn a_session_does_not_depend_on_where_the_network_cuts() {
        let mut session = new();
        let mut out = Vec::new();
        for byte in [GREETING, ACCEPTED].concat() {
            session.receive(START, Line::Control, &[byte], &mut out);
        }
        for byte in [GREETING, ACCEPTED, SUBSCRIBED, HEARTBEAT].concat() {
            session.receive(START, Line::Events, &[byte], &mut out);
        }
        let delivered = out.iter().filter(|action| matches!(action, Action::Deliver(_))).count();
        assert_eq!(delivered, 2, "{out:?}");
    }

    #[test]
    fn a_wrong_password_ends_the_session_and_the_message_says_where_to_look() {
        let mut session = new();
        receive(&mut session, Line::Events, GREETING);
        let out = receive(&mut session, Line::Events, b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n");
        let [Action::Close(end)] = &out[..] else { panic!("{out:?}") };
        assert_eq!(*end, SessionEnd::WrongPassword);
        assert!(end.to_string().contains("event_socket.conf.xml"));
        assert!(!end.to_string().contains("ClueCon"));
    }

    #[test]
    fn an_access_list_that_refuses_ends_the_session() {
        let mut session = new();
        let out = receive(
            &mut session,
            Line::Control,
            b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
        );
        assert_eq!(out, [Action::Close(SessionEnd::Refused)]);
    }

    #[test]
    fn answers_belong_to_the_commands_in_their_order() {
        let mut session = up();
        assert_eq!(send(&mut session, START, 1, SwitchCommand::Version), [said(Line::Control, "api version\n\n")]);
        send(&mut session, START, 2, SwitchCommand::Globals);
        let out = receive(
            &mut session,
            Line::Control,
            b"Content-Type: api/response\nContent-Length: 1\n\naContent-Type: command/reply\nReply-Text: -ERR no\n\n",
        );
        let reply = |id, reply| Action::Deliver(Input::SwitchReply { epoch: EPOCH, id: EffectId(id), reply });
        assert_eq!(out, [reply(1, Reply::Answer("a".into())), reply(2, Reply::Refused("-ERR no".into()))]);
    }

    #[test]
    fn an_answer_nobody_asked_for_ends_the_session() {
        let mut session = up();
        let out = receive(&mut session, Line::Control, b"Content-Type: api/response\nContent-Length: 0\n\n");
        assert_eq!(out, [Action::Deliver(Input::SwitchDown { epoch: EPOCH }), Action::Close(SessionEnd::OutOfOrder)]);
    }

    #[test]
    fn a_command_of_another_epoch_is_not_sent() {
        let mut session = up();
        let mut out = Vec::new();
        session.send(START, EffectId(1), Epoch(6), SwitchCommand::Version, &mut out);
        assert_eq!(out, []);
    }

    #[test]
    fn a_late_answer_ends_the_session() {
        let mut session = up();
        send(&mut session, seconds(1), 1, SwitchCommand::Directory);
        assert_eq!(session.deadline(), seconds(31));
        assert_eq!(tick(&mut session, seconds(30)), []);
        let out = tick(&mut session, seconds(31));
        assert_eq!(out.last(), Some(&Action::Close(SessionEnd::Late(SwitchCommand::Directory))));
    }

    #[test]
    fn silence_ends_the_session_and_each_event_postpones_that() {
        let mut session = up();
        assert_eq!(session.deadline(), seconds(70));
        let mut out = Vec::new();
        session.receive(seconds(60), Line::Events, HEARTBEAT, &mut out);
        assert_eq!(tick(&mut session, seconds(129)), []);
        let out = tick(&mut session, seconds(130));
        assert_eq!(out, [Action::Deliver(Input::SwitchDown { epoch: EPOCH }), Action::Close(SessionEnd::Silent)]);
    }

    #[test]
    fn what_does_not_greet_is_given_up() {
        let mut session = new();
        assert_eq!(tick(&mut session, seconds(10)), [Action::Close(SessionEnd::NoGreeting)]);
    }

    #[test]
    fn what_talks_on_and_on_but_does_not_greet_is_given_up() {
        let mut session = new();
        let mut out = Vec::new();
        session.receive(seconds(9), Line::Control, b"Content-Type: log/data\n\n", &mut out);
        assert_eq!(out, []);
        session.receive(seconds(10), Line::Control, b"Content-Type: log/data\n\n", &mut out);
        assert_eq!(out, [Action::Close(SessionEnd::NoGreeting)]);
    }

    #[test]
    fn a_greeting_that_was_late_but_came_counts() {
        let mut session = new();
        let mut out = Vec::new();
        session.receive(seconds(11), Line::Control, GREETING, &mut out);
        assert_eq!(out, [said(Line::Control, "auth ClueCon\n\n")]);
    }

    #[test]
    fn a_web_server_in_the_place_of_the_switch_is_recognised() {
        let mut session = new();
        let out = receive(&mut session, Line::Control, b"HTTP/1.1 400 Bad Request\nContent-Length: many\n\n");
        assert_eq!(out, [Action::Close(SessionEnd::Garbled(FrameError::BadLength))]);
    }

    #[test]
    fn the_switchs_farewell_ends_the_session_once() {
        let mut session = up();
        let notice = b"Content-Type: text/disconnect-notice\nContent-Length: 31\n\nThe system is being shut down.\n";
        let out = receive(&mut session, Line::Events, notice);
        assert_eq!(out, [Action::Deliver(Input::SwitchDown { epoch: EPOCH }), Action::Close(SessionEnd::ShutDown)]);
        let mut more = Vec::new();
        session.lost("end of stream", &mut more);
        assert_eq!(more, []);
    }

    #[test]
    fn taking_leave_says_exit_on_both_lines() {
        let mut session = up();
        let mut out = Vec::new();
        session.exit(&mut out);
        assert_eq!(out[..2], [said(Line::Events, "exit\n\n"), said(Line::Control, "exit\n\n")]);
        assert_eq!(out.last(), Some(&Action::Close(SessionEnd::Exit)));
    }
}
