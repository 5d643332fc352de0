//! An engine in a session with a switch, and some who listen. Whatever happens, each of them has to find out the same by
//! its events as somebody who asks now.

mod configuration;
mod ears;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::{Password, SwitchCommand};
use fsconnector_engine::esl::session::{Action, Line, Patience, Session};
use fsconnector_engine::io::{Effect, EffectId, Epoch, FilesDone, Input};
use fsconnector_engine::live::listener::ListenerId;
use fsconnector_engine::note::Note;
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};

pub(crate) use configuration::{Configuration, USERS};

use ears::Ear;

use crate::story;
use crate::switch::{Switch, headers};

pub(crate) struct Stage {
    pub(crate) engine: Engine,
    session: Option<Session>,
    now: Now,
    epoch: Epoch,
    pub(crate) configuration: Configuration,
    pub(crate) switch: Switch,
    /// What the switch was asked and has not answered yet, in order.
    asked: VecDeque<SwitchCommand>,
    /// Whether the switch is slow to answer questions about what is live, and orders.
    pub(crate) is_slow: bool,
    /// What the switch says in place of its usual answers.
    pub(crate) says: BTreeMap<SwitchCommand, &'static str>,
    /// What the switch says to orders, in place of `+OK`.
    pub(crate) objection: Option<&'static str>,
    /// What the conferences were told.
    told: Vec<String>,
    /// How often the conferences were listed.
    pub(crate) listings: usize,
    pub(crate) notes: Vec<Note>,
    state: Option<Arc<State>>,
    ears: BTreeMap<ListenerId, Ear>,
    /// Whether listeners are to be told about everything anew before they are told of anything.
    is_silent: bool,
    /// Whether the listeners are looked at after everything that happens.
    pub(crate) checks_all: bool,
}

/// The listeners that are there from the beginning.
pub(crate) const ADMIN: ListenerId = ListenerId(1);
pub(crate) const MEMBER: ListenerId = ListenerId(2);
pub(crate) const GUEST: ListenerId = ListenerId(3);

impl Stage {
    /// A session with an idle switch, and an admin, a member and a guest who listen.
    pub(crate) fn new() -> Self {
        let mut stage = Self::configured(Configuration::default());
        stage.connect();
        for (id, name) in [(ADMIN, "admin"), (MEMBER, "member"), (GUEST, "guest")] {
            stage.join(id, name);
        }
        stage.hush();
        stage
    }

    /// An engine that is not connected yet.
    pub(crate) fn configured(configuration: Configuration) -> Self {
        let now = at(Mono(1_000_000));
        let templates = Templates::new(fsconnector_templates::ALL).unwrap();
        let start = Start { templates, unsettled: false, phones: None };
        Self {
            engine: Engine::new(Config::default(), start, now).unwrap(),
            session: None,
            now,
            epoch: Epoch(0),
            configuration,
            switch: Switch::default(),
            asked: VecDeque::new(),
            is_slow: false,
            says: BTreeMap::new(),
            objection: None,
            told: Vec::new(),
            listings: 0,
            notes: Vec::new(),
            state: None,
            ears: BTreeMap::new(),
            is_silent: false,
            checks_all: true,
        }
    }

    // The session.

    /// A session is opened. The switch answers what it is asked then, unless it is slow.
    pub(crate) fn connect(&mut self) {
        self.epoch.0 += 1;
        let password = Password::parse("ClueCon").unwrap();
        self.session = Some(Session::new(self.epoch, password, Patience::default(), self.now.mono));
        let greeting = b"Content-Type: auth/request\n\n";
        let accepted = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n";
        for (line, bytes) in [
            (Line::Control, &greeting[..]),
            (Line::Control, accepted),
            (Line::Events, greeting),
            (Line::Events, accepted),
            (Line::Events, b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n"),
        ] {
            self.receive(line, bytes);
        }
    }

    /// The connection breaks.
    pub(crate) fn lose(&mut self) {
        let mut actions = Vec::new();
        self.session.take().unwrap().lost("cut", &mut actions);
        self.asked.clear();
        self.act(actions);
    }

    /// Something comes over the wire.
    pub(crate) fn receive(&mut self, line: Line, bytes: &[u8]) {
        let mut actions = Vec::new();
        self.session.as_mut().unwrap().receive(self.now.mono, line, bytes, &mut actions);
        self.act(actions);
        self.answer();
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Deliver(input) => {
                    self.is_silent |= matches!(input, Input::SwitchUp { .. });
                    self.input(input);
                }
                Action::Send(..) => {}
                Action::Close(end) => assert!(self.session.is_none(), "{end}"),
            }
        }
    }

    // What happens.

    /// Something happens in the switch, and the engine hears of it.
    pub(crate) fn happens(&mut self, line: &str) {
        let mut event = story::event(line);
        self.switch.happens(&headers(story::body(&event).as_bytes()));
        let uuid = event.iter().find(|(name, _)| *name == "Conference-Unique-ID").map(|(_, uuid)| uuid.clone());
        let size = uuid.and_then(|uuid| self.switch.size(&crate::switch::decoded(&uuid)));
        event.extend(size.map(|size| ("Conference-Size", size.to_string())));
        self.event(story::body(&event).as_bytes());
    }

    /// Several things happen, one after the other.
    pub(crate) fn all_happen(&mut self, lines: &[impl AsRef<str>]) {
        for line in lines {
            self.happens(line.as_ref());
        }
    }

    /// Something happens in the switch, and the engine does not hear of it.
    pub(crate) fn is_missed(&mut self, line: &str) {
        self.switch.happens(&headers(story::body(&story::event(line)).as_bytes()));
    }

    /// The engine hears of something that has not happened.
    pub(crate) fn is_claimed(&mut self, line: &str) {
        self.event(story::body(&story::event(line)).as_bytes());
    }

    /// The engine hears an event with this body.
    pub(crate) fn event(&mut self, body: &[u8]) {
        let head = format!("Content-Length: {}\nContent-Type: text/event-plain\n\n", body.len());
        self.receive(Line::Events, &[head.as_bytes(), body].concat());
        self.check();
    }

    /// The switch reloads its XML, which says this now.
    pub(crate) fn reload(&mut self, configuration: Configuration) {
        self.configuration = configuration;
        self.event(b"Event-Name: RELOADXML\n\n");
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.mono.after(time);
        while let Some(deadline) = self.engine.deadline().filter(|deadline| *deadline <= end) {
            self.now = at(self.now.mono.max(deadline));
            self.input(Input::Tick);
            self.answer();
            assert!(self.engine.deadline() > Some(deadline) || self.engine.deadline().is_none(), "a deadline stays");
        }
        self.now = at(end);
        self.check();
    }

    /// Waits until the engine has no question any more, apart from audits.
    pub(crate) fn settle(&mut self) {
        self.pass(Duration::from_secs(1));
    }

    // The switch's answers.

    /// The switch answers all that it was asked.
    pub(crate) fn answer(&mut self) {
        while let Some(command) = self.asked.front() {
            let is_live = matches!(
                command,
                SwitchCommand::LiveConferences | SwitchCommand::Registrations | SwitchCommand::Conference(..)
            );
            if self.is_slow && is_live {
                return;
            }
            self.answer_one();
        }
    }

    /// The switch is not slow any more.
    pub(crate) fn hurries(&mut self) {
        self.is_slow = false;
        self.answer();
    }

    /// What the switch has not answered yet.
    pub(crate) fn questions(&self) -> &VecDeque<SwitchCommand> {
        &self.asked
    }

    /// Whether the engine is about to ask for a listing, apart from audits.
    pub(crate) fn is_curious(&self) -> bool {
        self.engine.deadline().is_some_and(|deadline| deadline < self.now.mono.after(Duration::from_secs(1)))
    }

    /// The switch answers the oldest question, as it is now.
    pub(crate) fn answer_one(&mut self) {
        let question = self.asked.front().unwrap();
        if let Some(words) = self.says.get(question) {
            return self.answer_with(words.as_bytes());
        }
        let answer = match question {
            SwitchCommand::LiveConferences => self.switch.json_list().into(),
            SwitchCommand::Registrations => self.switch.registrations().into(),
            SwitchCommand::Conference(..) => self.objection.unwrap_or("+OK\n").into(),
            SwitchCommand::Version => b"FreeSWITCH\n".to_vec(),
            SwitchCommand::Globals => self.configuration.globals.clone(),
            SwitchCommand::Directory => self.configuration.directory.clone(),
            SwitchCommand::ConferenceProfiles => self.configuration.profiles.clone(),
            SwitchCommand::Dialplan => self.configuration.dialplan.clone(),
            SwitchCommand::ReloadXml => b"+OK [Success]\n".to_vec(),
        };
        self.answer_with(&answer);
    }

    /// The switch answers the oldest question, with this.
    pub(crate) fn answer_with(&mut self, body: &[u8]) {
        let command = self.asked.pop_front().unwrap();
        let lists = command == SwitchCommand::LiveConferences;
        let head = format!("Content-Type: api/response\nContent-Length: {}\n\n", body.len());
        let mut actions = Vec::new();
        let bytes = [head.as_bytes(), body].concat();
        self.session.as_mut().unwrap().receive(self.now.mono, Line::Control, &bytes, &mut actions);
        self.act(actions);
        self.is_silent &= !lists;
        self.check();
    }

    /// What the conferences were told since somebody asked last.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// What the log has heard since somebody asked last, and is not of every day.
    pub(crate) fn warnings(&mut self) -> Vec<String> {
        let notes = std::mem::take(&mut self.notes);
        let is_odd = |note: &Note| {
            matches!(note, Note::NotListedLive { .. } | Note::NotObeyed { .. } | Note::NotRecorded { .. })
        };
        notes.iter().filter(|note| is_odd(note)).map(Note::to_string).collect()
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    // The engine's border.

    fn input(&mut self, input: Input) {
        self.now = at(Mono(self.now.mono.0 + 1));
        let mut effects = Vec::new();
        self.engine.handle(self.now, input, &mut effects);
        let mut listings = Vec::new();
        for effect in effects {
            match effect {
                Effect::Publish(state) => self.state = Some(state),
                Effect::Log(note) => self.notes.push(note),
                Effect::Mark(_) => {}
                Effect::Live(notice) => self.notice(notice),
                Effect::Files { id, .. } => listings.push(id),
                Effect::Switch { id, epoch, command } => self.command(id, epoch, command),
                Effect::Respond { .. } => panic!("nobody has asked"),
            }
        }
        for id in listings {
            self.input(Input::FilesDone { id, result: Ok(FilesDone::Listed(Vec::new())) });
        }
    }

    fn command(&mut self, id: EffectId, epoch: Epoch, command: SwitchCommand) {
        match &command {
            SwitchCommand::Conference(..) => self.told.push(command.to_string()),
            SwitchCommand::LiveConferences => {
                assert!(!self.asked.contains(&command), "two listings run at once");
                self.listings += 1;
            }
            _ => {}
        }
        let mut actions = Vec::new();
        let session = self.session.as_mut().unwrap();
        session.send(self.now.mono, id, epoch, command.clone(), &mut actions);
        assert_eq!(actions, [Action::Send(Line::Control, format!("api {command}\n\n").into_bytes())]);
        self.asked.push_back(command);
    }
}

/// This point on both clocks.
fn at(mono: Mono) -> Now {
    Now { mono, wall: Wall(1_795_404_600_000_000 + i64::try_from(mono.0).unwrap()) }
}
