//! An engine in a session with a switch, and some who listen. Whatever happens, each of them has to find out the same by
//! its events as somebody who asks now.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fsconnector_engine::access::Role;
use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::{Password, SwitchCommand};
use fsconnector_engine::esl::session::{Action, Line, Patience, Session};
use fsconnector_engine::io::{Effect, Epoch, FilesDone, Input};
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening, Notice};
use fsconnector_engine::live::request::LiveRequest;
use fsconnector_engine::note::Note;
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};
use serde_json::Value;

use crate::client::{Client, sort_members};
use crate::seen::Names;
use crate::story;
use crate::switch::{Switch, headers};

/// What the switch answers about its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) globals: Vec<u8>,
    pub(crate) directory: Vec<u8>,
    pub(crate) profiles: Vec<u8>,
    pub(crate) dialplan: Vec<u8>,
}

/// The users of the examples: id, name, context.
pub(crate) const USERS: [(&str, &str, &str); 5] = [
    ("20000", "admin", "team"),
    ("20001", "Anna Müller", "team"),
    ("20002", "bert", "team"),
    ("21000", "member", "friends"),
    ("22000", "guest", "public"),
];

/// The conferences of the examples: number, name.
const CONFERENCES: [(&str, &str); 4] =
    [("30000", "room"), ("30001", "My Conf"), ("31000", "lounge"), ("32000", "plaza")];

impl Configuration {
    /// One with these users, and [`CONFERENCES`].
    pub(crate) fn with(users: &[(&str, &str, &str)], conferences: &[(&str, &str)]) -> Self {
        let user = |(id, name, context): &(&str, &str, &str)| {
            format!(
                r#"<user id="{id}"><params><param name="password" value="pw"></param></params><variables>
                <variable name="user_context" value="{context}"></variable>
                <variable name="effective_caller_id_name" value="{name}"></variable></variables></user>"#
            )
        };
        let conference = |(num, name): &(&str, &str)| {
            format!(
                r#"<extension name="{num}"><condition field="destination_number" expression="^{num}$">
                <action application="conference" data="{name}@16kHz-novideo"></action></condition></extension>"#
            )
        };
        let users: String = users.iter().map(user).collect();
        let conferences: String = conferences.iter().map(conference).collect();
        Self {
            globals: b"defconpin=1\n".to_vec(),
            directory: format!("<section><domain><groups><group><users>{users}</users></group></groups></domain></section>")
                .into(),
            profiles: br#"<configuration><profiles><profile name="16kHz-novideo"></profile></profiles></configuration>"#
                .to_vec(),
            dialplan: format!("<section><context>{conferences}</context></section>").into(),
        }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self::with(&USERS, &CONFERENCES)
    }
}

/// Somebody who listens.
#[derive(Debug)]
pub(crate) struct Ear {
    role: Role,
    pub(crate) client: Client,
    /// The answers to its last request.
    answers: Vec<Notice>,
    pub(crate) closed: Option<&'static str>,
}

pub(crate) struct Stage {
    engine: Engine,
    session: Option<Session>,
    now: Now,
    epoch: Epoch,
    pub(crate) configuration: Configuration,
    pub(crate) switch: Switch,
    /// What the switch was asked and has not answered yet, in order.
    asked: VecDeque<SwitchCommand>,
    /// Whether the switch is slow to answer questions about what is live, and orders.
    pub(crate) is_slow: bool,
    /// What the switch says to orders, in place of `+OK`.
    pub(crate) objection: Option<String>,
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
        let now = Now { mono: Mono(1_000_000), wall: Wall(1_795_404_600_000_000) };
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
    pub(crate) fn all_happen(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.happens(line));
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
            self.now.mono = self.now.mono.max(deadline);
            self.input(Input::Tick);
            self.answer();
            assert!(self.engine.deadline() > Some(deadline) || self.engine.deadline().is_none(), "a deadline stays");
        }
        self.now.mono = end;
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
        let answer = match self.asked.front().unwrap() {
            SwitchCommand::LiveConferences => self.switch.json_list().into(),
            SwitchCommand::Registrations => self.switch.registrations().into(),
            SwitchCommand::Conference(..) => self.objection.clone().unwrap_or("+OK\n".into()).into(),
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
        let lists = command == SwitchCommand::LiveConferences
            && serde_json::from_slice::<Vec<serde_json::Map<String, Value>>>(body).is_ok();
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

    // Those who listen.

    /// Somebody comes to listen, and asks for everything.
    pub(crate) fn join(&mut self, id: ListenerId, name: &str) {
        self.join_only(id, name);
        for request in [r#"{"req":"init"}"#, r#"{"req":"initreg"}"#] {
            self.ask(id, request).unwrap();
        }
    }

    /// Somebody comes to listen.
    pub(crate) fn join_only(&mut self, id: ListenerId, name: &str) {
        let (user, role) = self.state.as_ref().unwrap().users.login(name).unwrap();
        let listener = Listener { user: user.clone(), address: [192, 0, 2, 7].into() };
        self.ears.insert(id, Ear { role, client: Client::default(), answers: Vec::new(), closed: None });
        self.input(Input::Listener { id, does: Listening::Joins(Box::new(listener)) });
    }

    /// Somebody does something.
    pub(crate) fn does(&mut self, id: ListenerId, does: Listening) {
        self.input(Input::Listener { id, does });
        self.answer();
    }

    /// Somebody asks for something, and is answered with these frames, or is closed.
    pub(crate) fn ask(&mut self, id: ListenerId, text: &str) -> Result<Vec<Value>, &'static str> {
        let answer = self.ask_only(id, text);
        self.answer();
        answer
    }

    fn ask_only(&mut self, id: ListenerId, text: &str) -> Result<Vec<Value>, &'static str> {
        let request = LiveRequest::parse(text.as_bytes()).unwrap();
        self.ears.get_mut(&id).unwrap().answers.clear();
        self.input(Input::Listener { id, does: Listening::Asks(request) });
        let answers = std::mem::take(&mut self.ears.get_mut(&id).unwrap().answers);
        match &answers[..] {
            [Notice::Reply { frames, .. }] => Ok(frames.iter().map(|frame| json(frame.as_bytes())).collect()),
            [Notice::Close { why, .. }] => Err(why),
            other => panic!("{text} has {} answers", other.len()),
        }
    }

    /// The error that somebody gets.
    pub(crate) fn error(&mut self, id: ListenerId, text: &str) -> String {
        let frames = self.ask(id, text).unwrap();
        assert_eq!((frames.len(), &frames[0]["event"]), (1, &"error".into()), "{frames:?}");
        frames[0]["error"].as_str().unwrap().to_owned()
    }

    /// All conferences, as the engine tells somebody who asks.
    pub(crate) fn init(&mut self, id: ListenerId) -> Vec<Value> {
        self.list(id, r#"{"req":"init"}"#)
    }

    /// All registrations, as the engine tells somebody who asks.
    pub(crate) fn initreg(&mut self, id: ListenerId) -> Vec<Value> {
        self.list(id, r#"{"req":"initreg"}"#)
    }

    fn list(&mut self, id: ListenerId, text: &str) -> Vec<Value> {
        // Asked for somebody who is not there to hear it, so that its own picture stays as it is.
        let spy = ListenerId(id.0 + 1_000_000);
        let role = self.ears[&id].role;
        let state = Arc::clone(self.state.as_ref().unwrap());
        let user = state.users.iter().find(|user| state.users.login(&user.name).is_some_and(|(_, of)| of == role));
        let name = user.unwrap().name.clone();
        self.join_only(spy, &name);
        let answer = self.ask_only(spy, text).unwrap();
        self.input(Input::Listener { id: spy, does: Listening::Leaves });
        self.ears.remove(&spy);
        answer[0]["data"].as_array().unwrap().clone()
    }

    fn check(&mut self) {
        if self.checks_all {
            self.check_ears();
        }
    }

    /// Everybody who listens finds out by events what somebody learns who asks now.
    pub(crate) fn check_ears(&mut self) {
        let ids: Vec<ListenerId> = self.ears.keys().copied().collect();
        for id in ids.into_iter().filter(|id| id.0 < 1_000_000) {
            if self.ears[&id].closed.is_some() {
                continue;
            }
            if !self.is_silent && let Some(rooms) = self.ears[&id].client.rooms() {
                let mut truth = self.init(id);
                truth.iter_mut().for_each(sort_members);
                truth.sort_by_key(|room| room["name"].to_string());
                assert_eq!(rooms, truth, "what {:?} makes of its events", self.ears[&id].role);
            }
            if let Some(phones) = self.ears[&id].client.phones() {
                let mut truth = self.initreg(id);
                truth.sort_by_key(Value::to_string);
                assert_eq!(phones, truth, "what {:?} makes of its events", self.ears[&id].role);
            }
        }
    }

    /// What somebody has heard since it was asked last: each event with its conference and who or what it is about.
    pub(crate) fn heard(&mut self, id: ListenerId) -> Vec<String> {
        let frames = std::mem::take(&mut self.ears.get_mut(&id).unwrap().client.heard);
        frames.iter().map(short).collect()
    }

    /// Nobody has heard anything yet.
    pub(crate) fn hush(&mut self) {
        self.ears.values_mut().for_each(|ear| ear.client.heard.clear());
        self.told.clear();
        self.notes.clear();
        self.listings = 0;
    }

    pub(crate) fn ear(&self, id: ListenerId) -> &Ear {
        &self.ears[&id]
    }

    /// Who can log in now.
    pub(crate) fn names(&self) -> Names {
        let users = self.state.as_ref().unwrap().users.iter();
        users.map(|user| (user.id.as_str().to_owned(), user.name.to_string())).collect()
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    // The engine's border.

    fn input(&mut self, input: Input) {
        self.now.mono.0 += 1;
        let mut effects = Vec::new();
        self.engine.handle(self.now, input, &mut effects);
        let mut listings = Vec::new();
        for effect in effects {
            match effect {
                Effect::Publish(state) => self.state = Some(state),
                Effect::Log(note) => self.notes.push(note),
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

    fn command(&mut self, id: fsconnector_engine::io::EffectId, epoch: Epoch, command: SwitchCommand) {
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

    fn notice(&mut self, notice: Notice) {
        match &notice {
            Notice::Event { hearers, frame } => {
                let frame = json(frame.as_bytes());
                let hears = |ear: &&mut Ear| ear.closed.is_none() && hearers.contains(ear.role);
                self.ears.values_mut().filter(hears).for_each(|ear| ear.client.hear(&frame));
            }
            Notice::Reply { listener, frames } => {
                let ear = self.ears.get_mut(listener).unwrap();
                assert_eq!(ear.closed, None, "who is closed is told nothing");
                frames.iter().for_each(|frame| ear.client.hear(&json(frame.as_bytes())));
                ear.answers.push(notice);
            }
            Notice::Close { listener, why } => {
                let ear = self.ears.get_mut(listener).unwrap();
                assert_eq!(ear.closed.replace(why), None, "closed twice");
                ear.answers.push(notice);
            }
        }
    }
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// An event in one line: `newMember room 2`.
fn short(frame: &Value) -> String {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let data = &frame["data"];
    let about = word(&frame["conference"]).or(word(&data["name"]).filter(|_| frame["event"] == "newConference"));
    let confid = word(data).or(word(&data["confid"]));
    let user = word(&frame["user"]["regid"]);
    let what = confid.or(user).or(word(&frame["file"])).or(word(&frame["error"])).or(word(&frame["reply"]));
    let words = [word(&frame["event"]), about, what];
    words.into_iter().flatten().collect::<Vec<String>>().join(" ")
}
