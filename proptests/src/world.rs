//! The world and its clockwork.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use fsconnector_disk::{ChangeSets, Edit, TreePath};
use fsconnector_engine::change::command::{Caller, Entropy, RequestId};
use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::{Action, Line, Patience, Session};
use fsconnector_engine::io::{Effect, Epoch, Input};
use fsconnector_engine::live::listener::ListenerId;
use fsconnector_engine::render::{PublicAddress, TemplateError, Templates};
use fsconnector_engine::state::{State, UserId};
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};
use fsconnector_simulator::{ConnectionId, Identity, Timing};

use crate::chance::Chance;
use crate::connector::Connector;
use crate::disk::Watched;
use crate::invariants::{Violation, visible};
use crate::live::{Calling, Doing, Live, Phoning};
use crate::phones::Upload;
use crate::requests::{Ask, Sent};
use crate::sabotage::Sabotage;
use crate::scene::{Crash, Plan, Scene};
use crate::trace::shown;
use crate::tree;
use crate::view::View;
use crate::wires::{Pair, Wire};

/// The password of the event socket, which the simulated switch has by default.
const PASSWORD: &str = "ClueCon";

/// Where everybody is.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The templates that ship. Trying them out takes as long as some steps.
static TEMPLATES: LazyLock<Result<Templates, TemplateError>> =
    LazyLock::new(|| Templates::new(fsconnector_templates::ALL));

/// How long the connector waits before it connects again.
const BACKOFF: Duration = Duration::from_secs(1);

/// Something that happens in the world.
#[derive(Clone, Debug)]
pub enum Step {
    /// Up to so many bytes arrive at the connector.
    ToConnector(Line, usize),
    /// Up to so many bytes arrive at the switch.
    ToSwitch(Line, usize),
    /// What is left on the wires of a connector that is gone arrives at the switch.
    Late,
    /// The disk does what the engine asked for first.
    Disk(Plan),
    /// The engine hears what came of it.
    Result,
    /// So many milliseconds pass.
    Pass(u64),
    /// An administrator asks for something.
    Ask(Ask),
    /// A phone uploads a file.
    Upload(Upload, Plan),
    /// Somebody edits a file.
    Edit(Edit),
    /// Somebody who has had a file open since before it was changed writes on.
    WriteOn(TreePath, Vec<u8>),
    /// Somebody has the switch reload.
    Reload,
    /// Both connections break.
    Cut,
    /// The switch is restarted.
    Restart,
    /// The switch hangs, or goes on.
    Freeze(bool),
    /// The disk has room for so many bytes; without a number, for any.
    Space(Option<usize>),
    /// The connector ends.
    Crash(Crash),
    /// The connector starts again, if it does not run.
    Start(Plan),
    /// Callers do something.
    Call(Calling),
    /// Phones do something.
    Phone(Phoning),
    /// Somebody types a command into the switch's console.
    Console(String),
    /// A listener does something.
    Listener(ListenerId, Doing),
    /// The switch cannot open the files of recordings, or can again.
    Unwritable(bool),
    /// From now on things take so long in the switch, and whether a user can have several phones.
    Timing(Timing),
    /// Everything comes to rest that can, and those who listen have it right.
    Rest,
}

/// The world.
pub struct World {
    pub(crate) now: Now,
    pub(crate) config: Config,
    pub(crate) scene: Rc<RefCell<Scene>>,
    pub(crate) connector: Option<Connector>,
    /// What connectors that are gone have said to the switch, and it has not heard yet.
    pub(crate) late: Vec<(ConnectionId, Vec<u8>)>,
    /// Whether the switch has rejected the change set that is on its way.
    pub(crate) rejected: bool,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) chance: Chance,
    pub(crate) live: Live,
    epoch: Epoch,
    requests: u64,
}

impl World {
    /// A world whose switch has no users, and whose connector has just started.
    pub fn new() -> Result<Self, Violation> {
        Self::with(Identity::default(), None)
    }

    /// A world with such a switch, and whose connector may lack something.
    pub fn with(identity: Identity, sabotage: Option<Sabotage>) -> Result<Self, Violation> {
        let config = tree::config().map_err(|error| impossible(&error))?;
        let mut world = Self {
            now: Now { mono: Mono(0), wall: Wall(1_795_405_352_000_000) },
            scene: Scene::new(config.clone(), tree::empty(), identity, sabotage),
            config,
            connector: None,
            late: Vec::new(),
            rejected: false,
            sabotage,
            chance: Chance::new(1),
            live: Live::default(),
            epoch: Epoch(0),
            requests: 0,
        };
        world.start(Plan::new())?;
        Ok(world)
    }

    /// Lets one thing happen, and looks whether all is well.
    pub fn step(&mut self, step: Step) -> Result<(), Violation> {
        self.tell(|| step.to_string());
        match step {
            Step::ToConnector(line, count) => self.deliver_to_connector(line, count),
            Step::ToSwitch(line, count) => self.deliver_to_switch(line, count),
            Step::Late => self.deliver_late(),
            Step::Disk(plan) => self.disk(plan),
            Step::Result => self.result(),
            Step::Pass(milliseconds) => self.pass(Duration::from_millis(milliseconds)),
            Step::Ask(ask) => self.ask(ask),
            Step::Upload(upload, plan) => self.upload(&upload, plan),
            Step::Edit(edit) => self.scene.borrow_mut().edit(&edit),
            Step::WriteOn(path, content) => self.scene.borrow_mut().write_on(&path, &content),
            Step::Reload => self.scene.borrow_mut().reload(self.now.mono.0),
            Step::Cut => self.lose(),
            Step::Restart => self.restart(),
            Step::Freeze(frozen) => self.scene.borrow_mut().switch.faults.frozen = frozen,
            Step::Space(bytes) => self.scene.borrow_mut().limit_space(bytes),
            Step::Crash(crash) => self.crash(crash),
            Step::Start(plan) => self.start(plan)?,
            Step::Call(calling) => self.call(calling),
            Step::Phone(phoning) => self.phone(phoning),
            Step::Console(command) => self.scene.borrow_mut().console(self.now.mono.0, &command),
            Step::Listener(id, doing) => self.listener(id, doing),
            Step::Unwritable(is_so) => self.make_unwritable(is_so),
            Step::Timing(timing) => self.scene.borrow_mut().switch.timing = timing,
            Step::Rest => self.rest()?,
        }
        self.put_on_wires();
        self.note_conferences();
        self.scene.borrow().violation.clone().map_or(Ok(()), Err)
    }

    /// What the connector's readers see now; nothing before the first state.
    pub fn seen(&self) -> Option<View> {
        self.state().map(View::of_state)
    }

    /// The last state that readers were given.
    pub fn state(&self) -> Option<&State> {
        self.connector.as_ref()?.published.as_deref()
    }

    /// What the switch has now; nothing if it found no configuration when it started.
    pub fn active(&self) -> Option<View> {
        self.scene.borrow().history.last().cloned().flatten()
    }

    /// From now on everything that happens is written down.
    pub fn trace(&mut self) {
        self.scene.borrow_mut().trace = Some(Vec::new());
    }

    /// What was written down.
    pub fn traced(&self) -> Vec<String> {
        self.scene.borrow().trace.clone().unwrap_or_default()
    }

    pub(crate) fn tell(&self, text: impl FnOnce() -> String) {
        self.scene.borrow_mut().tell(text);
    }

    pub(crate) fn demand(&self, invariant: &'static str, misfit: Option<String>) {
        self.scene.borrow_mut().demand(invariant, misfit);
    }

    /// The connector starts: it recovers the tree, and knows nothing else.
    fn start(&mut self, plan: Plan) -> Result<(), Violation> {
        if self.connector.is_some() {
            return Ok(());
        }
        self.scene.borrow_mut().begin_work(self.now.mono.0, plan);
        let recovered = ChangeSets::recover(Watched::new(&self.scene));
        let crash = self.scene.borrow_mut().crash.take();
        if let Some(crash) = crash {
            self.crash(crash);
            return Ok(());
        }
        let change_sets = match recovered {
            Ok((change_sets, _)) => change_sets,
            Err(error) => {
                let failed = self.scene.borrow().failed;
                self.demand("a start succeeds on a disk that works", (!failed).then(|| error.to_string()));
                return Ok(());
            }
        };
        {
            let scene = &mut *self.scene.borrow_mut();
            let misfit = scene.ledger.recovered(&visible(&scene.model));
            scene.demand("after a crash all files are old or all are new", misfit);
        }
        let templates = TEMPLATES.clone().map_err(|error| impossible(&error))?;
        // The one before may have ended between putting files back and having the switch reload.
        let start = Start { templates, unsettled: true, phones: Some(address()) };
        let engine = Engine::new(self.config.clone(), start, self.now).map_err(|error| impossible(&error))?;
        self.connector = Some(Connector::new(engine, change_sets, self.now.mono));
        Ok(())
    }

    pub(crate) fn crash(&mut self, crash: Crash) {
        self.leave_wires();
        self.connector = None;
        self.live.connector_is_gone();
        self.rejected = false;
        let scene = &mut *self.scene.borrow_mut();
        scene.ledger.undoing();
        match crash {
            Crash::Kill => {
                let disk = scene.model.after_kill();
                scene.replace_disk(disk);
                scene.uploaded(false);
            }
            Crash::PowerCut(seed) => {
                let disk = scene.model.after_power_cut(seed);
                scene.replace_disk(disk);
                scene.ledger.lost_power();
                scene.uploaded(true);
                self.late.clear();
                scene.switch.faults.frozen = false;
                scene.switch.restart(self.now.mono.0);
                scene.note_loads();
            }
        }
    }

    fn restart(&mut self) {
        let scene = &mut *self.scene.borrow_mut();
        scene.switch.shutdown(self.now.mono.0, &mut scene.sent);
        scene.switch.faults.frozen = false;
        scene.switch.restart(self.now.mono.0);
        scene.note_loads();
        self.late.clear();
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Mono {
        let mut deadline = Mono(self.scene.borrow().switch.deadline());
        if let Some(connector) = &self.connector {
            deadline = deadline.min(connector.engine.deadline().unwrap_or(deadline));
            deadline =
                deadline.min(connector.pair.as_ref().map_or(connector.connect_at, |pair| pair.session.deadline()));
        }
        deadline
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.mono.after(time);
        self.now.wall.0 += i64::try_from(time.as_micros()).unwrap_or(0);
        self.now.mono = end;
        {
            let scene = &mut *self.scene.borrow_mut();
            if scene.switch.deadline() <= end.0 && !scene.switch.faults.frozen {
                scene.switch.tick(end.0, &mut scene.sent);
            }
        }
        let Some(connector) = &mut self.connector else { return };
        match &connector.pair {
            None if connector.connect_at <= end => self.connect(),
            Some(pair) if pair.session.deadline() <= end => self.with_session(Session::tick),
            _ => {}
        }
        let due = |connector: &Connector| connector.engine.deadline().is_some_and(|deadline| deadline <= end);
        if self.connector.as_ref().is_some_and(due) {
            self.input(Input::Tick);
        }
    }

    fn connect(&mut self) {
        let (Some(password), Some(connector)) = (Password::parse(PASSWORD), &mut self.connector) else { return };
        self.epoch.0 += 1;
        let scene = &mut *self.scene.borrow_mut();
        let [events, control] = [(); 2].map(|()| Wire::new(scene.switch.connect(&mut scene.sent)));
        let session = Session::new(self.epoch, password, Patience::default(), self.now.mono);
        connector.pair = Some(Pair { session, events, control });
    }

    fn deliver_to_connector(&mut self, line: Line, count: usize) {
        self.put_on_wires();
        let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.as_mut()) else { return };
        let wire = pair.wire(line);
        let count = count.min(wire.to_connector.len());
        let bytes: Vec<u8> = wire.to_connector.drain(..count).collect();
        let ended = bytes.is_empty() && wire.closed_by_switch;
        if ended {
            self.with_session(|session, _, actions| session.lost("the switch closed it", actions));
        } else if !bytes.is_empty() {
            self.with_session(|session, now, actions| session.receive(now, line, &bytes, actions));
        }
    }

    fn deliver_to_switch(&mut self, line: Line, count: usize) {
        let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.as_mut()) else { return };
        if self.scene.borrow().switch.faults.frozen {
            return;
        }
        let wire = pair.wire(line);
        let count = count.min(wire.to_switch.len());
        let bytes: Vec<u8> = wire.to_switch.drain(..count).collect();
        let id = wire.id;
        self.scene.borrow_mut().receive(self.now.mono.0, id, &bytes);
    }

    /// The switch carries out what somebody has asked for who is gone.
    fn deliver_late(&mut self) {
        for (id, bytes) in std::mem::take(&mut self.late) {
            let scene = &mut *self.scene.borrow_mut();
            scene.receive(self.now.mono.0, id, &bytes);
            scene.switch.disconnected(id);
        }
    }

    fn put_on_wires(&mut self) {
        let sent = std::mem::take(&mut self.scene.borrow_mut().sent);
        let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.as_mut()) else { return };
        for output in sent {
            pair.take(output);
        }
    }

    pub(crate) fn with_session(&mut self, act: impl FnOnce(&mut Session, Mono, &mut Vec<Action>)) {
        let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.as_mut()) else { return };
        let mut actions = Vec::new();
        act(&mut pair.session, self.now.mono, &mut actions);
        for action in actions {
            match action {
                Action::Send(line, bytes) => {
                    let bytes = self.tampered_bytes(bytes);
                    self.on_the_wire(&bytes);
                    if let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.as_mut()) {
                        pair.wire(line).to_switch.extend(bytes);
                    }
                }
                Action::Deliver(input) => self.input(input),
                Action::Close(_) => self.close(),
            }
        }
    }

    /// The connections break.
    fn lose(&mut self) {
        self.with_session(|session, _, actions| session.lost("cut", actions));
    }

    fn close(&mut self) {
        self.leave_wires();
        if let Some(connector) = &mut self.connector {
            connector.connect_at = self.now.mono.after(BACKOFF);
        }
    }

    fn leave_wires(&mut self) {
        self.put_on_wires();
        let Some(pair) = self.connector.as_mut().and_then(|connector| connector.pair.take()) else { return };
        for wire in [pair.events, pair.control] {
            self.late.push((wire.id, wire.to_switch.into()));
        }
    }

    fn ask(&mut self, ask: Ask) {
        let known = self.seen().unwrap_or_default();
        let (Some(command), Some(connector)) = (ask.command(), &mut self.connector) else { return };
        self.requests += 1;
        let history = self.scene.borrow().history.len() - 1;
        connector.waiting.insert(self.requests, Sent::new(ask, history, &known));
        let Some(id) = UserId::parse("20000") else { return };
        let caller = Caller { id, name: "anna".into(), address: LOCALHOST };
        let entropy = [0; 4].map(|_: u8| self.chance.number().to_be_bytes()).concat();
        let entropy = entropy.try_into().unwrap_or([0; 32]);
        self.input(Input::Request { id: RequestId(self.requests), caller, command, entropy: Entropy(entropy) });
    }

    /// Lets the engine know of something, and carries out what it wants, in order.
    pub(crate) fn input(&mut self, input: Input) {
        let input = self.heard(input);
        self.begins(&input);
        for input in self.tampered_input(input) {
            self.handle(input);
        }
        self.concludes();
    }

    fn handle(&mut self, input: Input) {
        let Some(connector) = &mut self.connector else { return };
        let mut effects = Vec::new();
        connector.engine.handle(self.now, input, &mut effects);
        self.tell(|| effects.iter().map(shown).collect());
        let mut responses = Vec::new();
        for effect in effects {
            match effect {
                Effect::Publish(state) => self.publish(state),
                Effect::Log(note) => self.log(&note),
                Effect::Mark(_) => {}
                Effect::Live(notice) => self.notice(notice),
                Effect::Files { id, work } => self.want(id, work),
                Effect::Switch { id, epoch, command } => self.command(id, epoch, command),
                Effect::Respond { id, response } => responses.push((id, response, self.seen().unwrap_or_default())),
            }
        }
        self.answered(responses);
    }

    pub(crate) fn with_connector(&mut self, act: impl FnOnce(&mut Connector)) {
        if let Some(connector) = &mut self.connector {
            act(connector);
        }
    }
}

/// Where phones reach the connector.
fn address() -> PublicAddress {
    PublicAddress { is_secure: true, host: Some("conf.example".to_owned()) }
}

fn impossible(error: &dyn std::fmt::Display) -> Violation {
    Violation { invariant: "the world can be built", what: error.to_string() }
}
