//! An engine with an honest disk and a switch that shows what is on it – unless a test says otherwise.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fsconnector_engine::change::command::{Caller, Command, Entropy, Outcome, RequestId, Response, Unavailable};
use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Loss, Refusal};
use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::files::{Damage, LeftAlone, Part};
use fsconnector_engine::io::{Effect, Epoch, FileError, FileWork, FilesDone, Input, Reply};
use fsconnector_engine::mark::{Figures, Mark};
use fsconnector_engine::note::Note;
use fsconnector_engine::path::{RelPath, TreePath};
use fsconnector_engine::render::{PublicAddress, Templates};
use fsconnector_engine::state::{State, UserId};
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};
use serde_json::Value;

type Files = BTreeMap<String, String>;

/// What a client was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answered {
    pub(crate) done: Vec<Value>,
    pub(crate) failed: Vec<Value>,
    /// The answer of one text.
    pub(crate) single: Option<Result<String, String>>,
    pub(crate) left_alone: Vec<String>,
    pub(crate) unavailable: Option<Unavailable>,
}

impl Answered {
    pub(crate) fn errors(&self) -> Vec<String> {
        self.failed.iter().map(|failed| failed["error"].as_str().unwrap().to_owned()).collect()
    }
}

impl From<Response> for Answered {
    fn from(response: Response) -> Self {
        let Response { outcome, left_alone, unavailable, .. } = response;
        let rest = Self { left_alone, unavailable, ..Self::default() };
        match outcome {
            Outcome::Items { done, failed } => {
                let failed = failed.iter().map(|failed| serde_json::to_value(failed).unwrap()).collect();
                Self { done, failed, ..rest }
            }
            Outcome::Single(result) => Self { single: Some(result), ..rest },
        }
    }
}

pub(crate) struct Stage {
    engine: Engine,
    now: Now,
    epoch: Epoch,
    /// What is to be carried out, in order.
    effects: VecDeque<Effect>,
    last_request: u64,
    answers: BTreeMap<RequestId, Answered>,
    states_at_answers: BTreeMap<RequestId, Arc<State>>,
    published: Option<Arc<State>>,
    /// The files on the disk, and those that an undo brings back.
    pub(crate) files: Files,
    /// What was archived.
    pub(crate) archives: BTreeMap<Part, Files>,
    /// The works with files so far, but for listings.
    pub(crate) works: Vec<&'static str>,
    /// Whether all that was provisioned is durable.
    pub(crate) is_synced: bool,
    before: Option<Files>,
    /// What the switch has loaded.
    loaded: Files,
    pub(crate) notes: Vec<Note>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) reloads: usize,
    /// How often the directory was asked for.
    pub(crate) rounds: usize,
    /// What the switch says in place of a success.
    pub(crate) rejects: Option<String>,
    /// The file without which it succeeds all the same.
    pub(crate) rejects_with: Option<String>,
    /// Folders that the switch does not include.
    pub(crate) hidden: Vec<String>,
    pub(crate) refuse: Option<(String, Refusal)>,
    /// How often that comes at most.
    pub(crate) refusals: u32,
    /// A file that cannot be written.
    pub(crate) in_the_way: Option<String>,
    pub(crate) disk_error: Option<String>,
    pub(crate) sends_events: bool,
    pub(crate) garbles: bool,
}

pub(crate) fn command(op: &str, items: &Value) -> Command {
    fn read<T: serde::de::DeserializeOwned>(items: &Value) -> T {
        serde_json::from_value(items.clone()).unwrap()
    }
    match op {
        "users/add" => Command::AddUsers(read(items)),
        "users/mod" => Command::ModUsers(read(items)),
        "users/del" => Command::DelUsers(read(items)),
        "users/rebuild" => Command::RebuildUsers,
        "conferences/add" => Command::AddConferences(read(items)),
        "conferences/mod" => Command::ModConferences(read(items)),
        "conferences/del" => Command::DelConferences(read(items)),
        "users/reprov" => Command::ReprovisionUsers,
        "conferences/rebuildcontacts" => Command::RebuildContacts,
        "store/directory" => Command::Store(Part::Directory),
        "store/dialplan" => Command::Store(Part::Dialplan),
        "restore/directory" => Command::Restore(Part::Directory),
        "restore/freeswitch" => Command::Restore(Part::FreeSwitch),
        other => panic!("{other}"),
    }
}

impl Stage {
    /// A stage whose engine has read a switch without users.
    pub(crate) fn new() -> Self {
        Self::connected(None)
    }

    /// The same, with phones that are provisioned.
    pub(crate) fn with_phones() -> Self {
        Self::connected(Some(PublicAddress { is_secure: true, host: Some("conf.example.org".into()) }))
    }

    fn connected(phones: Option<PublicAddress>) -> Self {
        let mut stage = Self::start(false, phones);
        stage.connect();
        stage.run();
        stage
    }

    /// A stage whose engine starts after a crash, and is not connected yet.
    pub(crate) fn unsettled() -> Self {
        Self::start(true, None)
    }

    fn start(unsettled: bool, phones: Option<PublicAddress>) -> Self {
        let now = Now { mono: Mono(0), wall: Wall(1_800_000_000_000_000) };
        let templates = Templates::new(fsconnector_templates::ALL).unwrap();
        Self {
            engine: Engine::new(Config::default(), Start { templates, unsettled, phones }, now).unwrap(),
            now,
            epoch: Epoch(0),
            effects: VecDeque::new(),
            last_request: 0,
            answers: BTreeMap::new(),
            states_at_answers: BTreeMap::new(),
            published: None,
            files: Files::new(),
            archives: BTreeMap::new(),
            works: Vec::new(),
            is_synced: true,
            before: None,
            loaded: Files::new(),
            notes: Vec::new(),
            marks: Vec::new(),
            reloads: 0,
            rounds: 0,
            rejects: None,
            rejects_with: None,
            hidden: Vec::new(),
            refuse: None,
            refusals: u32::MAX,
            in_the_way: None,
            disk_error: None,
            sends_events: false,
            garbles: false,
        }
    }

    pub(crate) fn connect(&mut self) {
        self.epoch.0 += 1;
        self.input(Input::SwitchUp { epoch: self.epoch });
    }

    /// The program is to end.
    pub(crate) fn stop(&mut self) {
        self.input(Input::Stop);
    }

    pub(crate) fn lose(&mut self) {
        self.input(Input::SwitchDown { epoch: self.epoch });
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, op: &str, items: &Value) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        let caller =
            Caller { id: UserId::parse("20099").unwrap(), name: "admin".into(), address: [192, 0, 2, 1].into() };
        let entropy = Entropy([u8::try_from(self.last_request % 256).unwrap(); 32]);
        self.input(Input::Request { id, caller, command: command(op, items), entropy });
        id
    }

    /// Sends a request, and waits for its answer.
    pub(crate) fn ask(&mut self, op: &str, items: &Value) -> Answered {
        let id = self.send(op, items);
        self.run();
        self.answer(id)
    }

    pub(crate) fn answer(&self, id: RequestId) -> Answered {
        self.answers.get(&id).unwrap_or_else(|| panic!("{id:?} was not answered")).clone()
    }

    /// The state that readers had when a request was answered.
    pub(crate) fn state_at_answer(&self, id: u64) -> &State {
        &self.states_at_answers[&RequestId(id)]
    }

    pub(crate) fn figures(&self) -> Figures {
        self.engine.figures()
    }

    pub(crate) fn state(&self) -> &State {
        self.published.as_ref().unwrap()
    }

    pub(crate) fn file(&self, path: &str) -> &str {
        &self.files[path]
    }

    /// Whether anything was undone.
    pub(crate) fn has_undone(&self) -> bool {
        self.works.contains(&"undo")
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// Somebody writes a user's file and has the switch load it.
    pub(crate) fn write_user(&mut self, path: &str, id: &str, name: &str, email: &str, conpin: &str) {
        let text = format!(
            r#"<include>
            <user id="{id}"><params><param name="password" value="pw"/></params><variables>
            <variable name="user_context" value="team"/><variable name="effective_caller_id_name" value="{name}"/>
            <variable name="verto_dvar_email" value="{email}"/><variable name="polymac" value="none"/>
            <variable name="conpin" value="{conpin}"/></variables></user>
            </include>"#
        );
        self.files.insert(path.into(), text);
        self.reload_by_others();
        self.run();
    }

    /// Somebody writes a conference's file and has the switch load it.
    pub(crate) fn write_conference(&mut self, num: &str, data: &str) {
        let text = format!(
            "<include>\n<extension name=\"x\"><condition field=\"destination_number\" expression=\"^{num}$\">\
             <action application=\"conference\" data=\"{data}\"/></condition></extension>\n</include>"
        );
        self.files.insert(format!("dialplan/conferences/{num}.xml"), text);
        self.reload_by_others();
        self.run();
    }

    /// Lets time pass in which nothing happens.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono.after(time);
    }

    pub(crate) fn reload_by_others(&mut self) {
        self.loaded = self.files.clone();
        self.event();
    }

    fn event(&mut self) {
        let event = Event::plain("Event-Name: RELOADXML\n".into());
        self.input(Input::SwitchEvent { epoch: self.epoch, event });
    }

    /// Carries out effects until there are no more.
    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// Carries out one effect; false if there is none.
    pub(crate) fn step(&mut self) -> bool {
        let Some(effect) = self.effects.pop_front() else { return false };
        match effect {
            Effect::Publish(state) => self.published = Some(state),
            Effect::Log(note) => self.notes.push(note),
            Effect::Mark(mark) => self.marks.push(mark),
            Effect::Live(_) => {}
            Effect::Respond { id, response } => {
                let is_swept = matches!(response.op, "users/reprov" | "conferences/rebuildcontacts");
                assert!(self.is_synced || !is_swept, "{id:?} was answered before all was durable");
                self.states_at_answers.extend(self.published.clone().map(|state| (id, state)));
                assert!(self.answers.insert(id, response.into()).is_none(), "{id:?} was answered twice");
            }
            Effect::Files { id, work } => {
                let result = self.work(&work);
                self.input(Input::FilesDone { id, result });
            }
            Effect::Switch { id, epoch, command } => {
                let answer = self.switch(&command);
                self.input(Input::SwitchReply { epoch, id, reply: Reply::Answer(answer.into()) });
            }
        }
        true
    }

    /// When the engine wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.engine.deadline()
    }

    /// Lets the time pass until then.
    pub(crate) fn pass_to_deadline(&mut self) {
        self.now.mono = self.engine.deadline().unwrap();
        self.input(Input::Tick);
    }

    fn input(&mut self, input: Input) {
        self.now.mono.0 += 1_000;
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.effects.extend(out);
    }

    fn work(&mut self, work: &FileWork) -> Result<FilesDone, FileError> {
        let name = match work {
            FileWork::List(_) => None,
            FileWork::Commit(_) => Some("commit"),
            FileWork::Restore(_) => Some("restore"),
            FileWork::Keep => Some("keep"),
            FileWork::Undo => Some("undo"),
            FileWork::Provision(_) => Some("provision"),
            FileWork::SyncProvisioning => Some("sync"),
            FileWork::Archive(_) => Some("archive"),
        };
        self.works.extend(name);
        match work {
            FileWork::List(_) => {
                let shown = self.loaded.keys().filter_map(|path| RelPath::parse(path));
                Ok(FilesDone::Listed(shown.collect()))
            }
            FileWork::Commit(set) => self.commit(set),
            FileWork::Keep => {
                self.before = None;
                Ok(FilesDone::Kept)
            }
            FileWork::Undo => {
                self.files = self.before.take().unwrap_or(std::mem::take(&mut self.files));
                Ok(FilesDone::Undone { left: Vec::new() })
            }
            FileWork::Provision(set) => {
                self.check_disk(&set.changes[0].path)?;
                self.is_synced = false;
                let left_alone = set.changes.iter().filter_map(|change| self.write(set, change)).collect();
                Ok(FilesDone::Provisioned { left_alone })
            }
            FileWork::SyncProvisioning => {
                self.is_synced = true;
                Ok(FilesDone::Synced)
            }
            FileWork::Archive(part) => {
                self.check_disk(&TreePath::in_static(part.archive()))?;
                let archive = self.files.clone().into_iter().filter(|(path, _)| is_in(path, *part)).collect();
                self.archives.insert(*part, archive);
                Ok(FilesDone::Archived)
            }
            FileWork::Restore(part) => {
                let archive = self.archives.get(part).ok_or_else(|| FileError::Unfit("there is no archive".into()))?;
                self.before = Some(self.files.clone());
                self.files.retain(|path, _| !is_in(path, *part));
                self.files.extend(archive.clone());
                Ok(FilesDone::Committed { dropped: Vec::new(), left_alone: Vec::new() })
            }
        }
    }

    fn check_disk(&self, path: &TreePath) -> Result<(), FileError> {
        match &self.disk_error {
            Some(reason) => Err(FileError::Failed { path: path.clone(), reason: reason.clone() }),
            None => Ok(()),
        }
    }

    fn commit(&mut self, set: &ChangeSet) -> Result<FilesDone, FileError> {
        self.check_disk(&set.changes[0].path)?;
        let mut refused = Vec::new();
        let mut dropped = Vec::new();
        for change in &set.changes {
            let path = change.path.path.as_str();
            let told = self.refuse.as_ref().filter(|(refused, _)| refused == path).map(|(_, refusal)| *refusal);
            let found = self.files.get(path).map(|content| set.accepts(change, content.as_bytes()));
            dropped.extend((found == Some(Ok(Loss::Extras))).then(|| change.path.clone()));
            let needs_file = matches!(change.kind, ChangeKind::Replace(..) | ChangeKind::Remove(_));
            let missing = (found.is_none() && needs_file).then_some(Refusal::Missing);
            refused.extend(told.or(missing).or(found.and_then(Result::err)).map(|why| (change.path.clone(), why)));
        }
        if !refused.is_empty() {
            self.refusals -= 1;
            self.refuse.take_if(|_| self.refusals == 0);
            return Err(FileError::Refused(refused));
        }
        self.before = Some(self.files.clone());
        let left_alone = set.changes.iter().filter_map(|change| self.write(set, change)).collect();
        Ok(FilesDone::Committed { dropped, left_alone })
    }

    /// Carries out one change; what is damaged is left alone.
    fn write(&mut self, set: &ChangeSet, change: &Change) -> Option<LeftAlone> {
        let path = change.path.path.as_str();
        if change.kind == ChangeKind::RemoveFolder {
            let spared = |path: &str| set.changes.iter().any(|change| change.path.path.as_str() == path);
            let below = format!("{path}/");
            self.files.retain(|path, _| !path.starts_with(&below) || spared(path));
            return None;
        }
        if self.in_the_way.as_deref() == Some(path) {
            let damage = Damage("something else has its name".into());
            return Some(LeftAlone { path: change.path.clone(), damage });
        }
        let old = self.files.get(path).map(String::as_bytes);
        match set.content(change, old) {
            Ok(Some(content)) => drop(self.files.insert(path.to_owned(), content)),
            Ok(None) => drop(self.files.remove(path)),
            Err(damage) => return Some(LeftAlone { path: change.path.clone(), damage }),
        }
        None
    }

    fn switch(&mut self, command: &SwitchCommand) -> String {
        match command {
            SwitchCommand::Version => "FreeSWITCH\n".into(),
            SwitchCommand::LiveConferences => "[]".into(),
            SwitchCommand::Registrations => "{\"row_count\": 0}\n".into(),
            SwitchCommand::Conference(..) => panic!("nobody controls a conference here"),
            SwitchCommand::Globals => "defconpin=1111\nmodconpin=2222\nes_pw=ClueCon\n".into(),
            SwitchCommand::ConferenceProfiles => r#"<configuration><profiles><profile name="16kHz-novideo"></profile>
                <profile name="48kHz-video"></profile></profiles></configuration>"#
                .into(),
            SwitchCommand::Directory => {
                self.rounds += 1;
                let users = self.shown("directory/");
                let garble = if self.garbles && self.reloads > 0 { "<" } else { "" };
                format!(
                    "<section><domain><groups><group><users>{users}{garble}</users></group></groups></domain></section>"
                )
            }
            SwitchCommand::Dialplan => {
                format!("<section><context>{}</context></section>", self.shown("dialplan/conferences/"))
            }
            SwitchCommand::ReloadXml => self.reload(),
        }
    }

    fn reload(&mut self) -> String {
        let is_broken = self.rejects_with.as_ref().is_none_or(|path| self.files.contains_key(path));
        if let Some(words) = self.rejects.as_ref().filter(|_| is_broken) {
            return format!("{words}\n");
        }
        self.reloads += 1;
        self.loaded = self.files.clone();
        if self.sends_events {
            self.event();
        }
        "+OK [Success]\n".into()
    }

    /// The loaded files below a folder, merged as the switch does it.
    fn shown(&self, folder: &str) -> String {
        let hidden = |path: &str| self.hidden.iter().any(|hidden| path.starts_with(hidden.as_str()));
        let files = self.loaded.iter().filter(|(path, _)| path.starts_with(folder) && !hidden(path));
        let lines = files.flat_map(|(_, text)| text.lines()).filter(|line| !line.contains("include>"));
        let merged: String = lines.flat_map(|line| [line, "\n"]).collect();
        merged.replace("$${defconpin}", "1111").replace("$${modconpin}", "2222")
    }
}

/// Whether the file of this path belongs to the part.
fn is_in(path: &str, part: Part) -> bool {
    let folder = part.folder().map_or_else(String::new, |folder| format!("{folder}/"));
    path.starts_with(&folder) && !path.starts_with("linphone/") && !path.starts_with("polycom/")
}
