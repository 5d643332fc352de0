//! The world and its clockwork.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fsconnector_engine::Engine;
use fsconnector_engine::config::{Config, ConfigError};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::{Action, Line, Patience, Session};
use fsconnector_engine::io::{Effect, EffectId, Epoch, FileWork, FilesDone, Input};
use fsconnector_engine::path::RelPath;
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{ConnectionId, Identity, Output, SimSwitch};

use crate::tree::{self, People, user_file, user_path};

/// The password of the event socket, which the simulated switch has by default.
const PASSWORD: &str = "ClueCon";

/// How long the connector waits before it connects again.
const BACKOFF: Duration = Duration::from_secs(1);

/// Something that happens in the world.
#[derive(Clone, Debug)]
pub enum Step {
    /// Up to so many bytes arrive at the connector.
    ToConnector(Line, usize),
    /// Up to so many bytes arrive at the switch.
    ToSwitch(Line, usize),
    /// The disk has done what the engine asked for first.
    Disk,
    /// So many milliseconds pass.
    Pass(u64),
    /// Both connections break; what is on its way is lost.
    Cut,
    /// The switch is restarted.
    Restart,
    /// The switch hangs, or goes on.
    Freeze(bool),
    /// Somebody writes a user's file by hand.
    Edit(u32, String),
    /// Somebody removes a user's file by hand.
    Remove(u32),
    /// Somebody breaks, or repairs, a file of the tree.
    Break(bool),
    /// Somebody has the switch reload.
    Reload,
}

/// The world.
#[derive(Debug)]
pub struct World {
    now: Now,
    engine: Engine,
    switch: SimSwitch<Memory>,
    /// The users in the tree now.
    written: People,
    /// Whether a file of the tree is broken now.
    broken: bool,
    /// The users of every configuration that the switch has ever had.
    history: Vec<People>,
    /// Whether the last of them is active: a switch that is started on a broken tree has none.
    active: bool,
    pair: Option<Pair>,
    connect_at: Mono,
    epoch: Epoch,
    disk: VecDeque<EffectId>,
    published: Option<Arc<State>>,
}

/// Two connections, and what is on its way on them.
#[derive(Debug)]
struct Pair {
    session: Session,
    events: Wire,
    control: Wire,
}

#[derive(Debug)]
struct Wire {
    id: ConnectionId,
    to_connector: VecDeque<u8>,
    to_switch: VecDeque<u8>,
    closed_by_switch: bool,
}

impl World {
    /// A world whose switch has no users, and whose connector has just started.
    pub fn new() -> Result<Self, ConfigError> {
        let now = Now { mono: Mono(0), wall: Wall(1_795_405_352_000_000) };
        Ok(Self {
            now,
            engine: Engine::new(Config::default(), now)?,
            switch: SimSwitch::new(tree::empty(), Identity::default(), 0),
            written: People::new(),
            broken: false,
            history: vec![People::new()],
            active: true,
            pair: None,
            connect_at: Mono(0),
            epoch: Epoch(0),
            disk: VecDeque::new(),
            published: None,
        })
    }

    /// Lets one thing happen.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::ToConnector(line, count) => self.deliver_to_connector(line, count),
            Step::ToSwitch(line, count) => self.deliver_to_switch(line, count),
            Step::Disk => self.disk_done(),
            Step::Pass(milliseconds) => self.pass(Duration::from_millis(milliseconds)),
            Step::Cut => self.lose(),
            Step::Restart => self.restart(),
            Step::Freeze(frozen) => self.switch.faults.frozen = frozen,
            Step::Edit(id, name) => {
                self.switch.files_mut().files.insert(user_path(id), user_file(id, &name).into_bytes());
                self.written.insert(id, name);
            }
            Step::Remove(id) => {
                self.switch.files_mut().files.remove(&user_path(id));
                self.written.remove(&id);
            }
            Step::Break(broken) => self.set_broken(broken),
            Step::Reload => self.reload(),
        }
    }

    /// Ends all faults, and lets everything happen that is on its way, until nothing more does.
    pub fn settle(&mut self) {
        self.set_broken(false);
        self.switch.faults.frozen = false;
        if !self.active {
            self.reload();
        }
        // Long enough for every deadline to pass: of a half-open connection, of an answer, of a retry.
        for _ in 0..600 {
            self.pass(Duration::from_millis(500));
            for line in [Line::Events, Line::Control] {
                self.deliver_to_switch(line, usize::MAX);
                self.deliver_to_connector(line, usize::MAX);
            }
            while !self.disk.is_empty() {
                self.disk_done();
            }
        }
    }

    /// The users that the connector's readers see now; nothing before the first state.
    pub fn seen(&self) -> Option<People> {
        let state = self.published.as_ref()?;
        let user = |user: &fsconnector_engine::state::User| Some((user.id.number()?, user.name.to_string()));
        state.users.iter().map(user).collect()
    }

    /// The users of every configuration that the switch has had so far.
    pub fn history(&self) -> &[People] {
        &self.history
    }

    /// The last state that readers were given.
    pub fn state(&self) -> Option<&State> {
        self.published.as_deref()
    }

    fn reload(&mut self) {
        if self.switch.faults.frozen {
            return;
        }
        let mut out = Vec::new();
        self.switch.reload(self.now.mono.0, &mut out);
        self.put_on_wires(out);
        if !self.broken {
            self.history.push(self.written.clone());
            self.active = true;
        }
    }

    fn set_broken(&mut self, broken: bool) {
        self.broken = broken;
        let files = &mut self.switch.files_mut().files;
        if broken {
            files.insert(user_path(1), b"<user id=\"1\">\n".to_vec());
        } else {
            files.remove(&user_path(1));
        }
    }

    fn restart(&mut self) {
        let mut out = Vec::new();
        self.switch.shutdown(self.now.mono.0, &mut out);
        self.put_on_wires(out);
        self.switch.faults.frozen = false;
        self.switch.restart(self.now.mono.0);
        self.active = !self.broken;
        if self.active {
            self.history.push(self.written.clone());
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.mono.after(time);
        self.now.wall.0 += i64::try_from(time.as_micros()).unwrap_or(0);
        self.now.mono = end;
        if self.pair.is_none() && self.connect_at <= end {
            self.connect();
        }
        let mut out = Vec::new();
        if self.switch.deadline() <= end.0 && !self.switch.faults.frozen {
            self.switch.tick(end.0, &mut out);
            self.put_on_wires(out);
        }
        if self.pair.as_ref().is_some_and(|pair| pair.session.deadline() <= end) {
            self.with_session(Session::tick);
        }
        if self.engine.deadline().is_some_and(|deadline| deadline <= end) {
            self.input(Input::Tick);
        }
    }

    fn connect(&mut self) {
        let Some(password) = Password::parse(PASSWORD) else { return };
        self.epoch.0 += 1;
        let mut out = Vec::new();
        let mut wire = || Wire {
            id: self.switch.connect(&mut out),
            to_connector: VecDeque::new(),
            to_switch: VecDeque::new(),
            closed_by_switch: false,
        };
        let (events, control) = (wire(), wire());
        let session = Session::new(self.epoch, password, Patience::default(), self.now.mono);
        self.pair = Some(Pair { session, events, control });
        self.put_on_wires(out);
    }

    fn deliver_to_connector(&mut self, line: Line, count: usize) {
        let Some(pair) = &mut self.pair else { return };
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
        let Some(pair) = &mut self.pair else { return };
        let wire = pair.wire(line);
        let count = count.min(wire.to_switch.len());
        let bytes: Vec<u8> = wire.to_switch.drain(..count).collect();
        let id = wire.id;
        let mut out = Vec::new();
        self.switch.receive(self.now.mono.0, id, &bytes, &mut out);
        self.put_on_wires(out);
    }

    fn put_on_wires(&mut self, out: Vec<Output>) {
        let Some(pair) = &mut self.pair else { return };
        for output in out {
            let (Output::Send(id, _) | Output::Close(id)) = output;
            let Some(wire) = [&mut pair.events, &mut pair.control].into_iter().find(|wire| wire.id == id) else {
                continue;
            };
            match output {
                Output::Send(_, bytes) => wire.to_connector.extend(bytes),
                Output::Close(_) => wire.closed_by_switch = true,
            }
        }
    }

    fn with_session(&mut self, act: impl FnOnce(&mut Session, Mono, &mut Vec<Action>)) {
        let Some(pair) = &mut self.pair else { return };
        let mut actions = Vec::new();
        act(&mut pair.session, self.now.mono, &mut actions);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(line, bytes) => {
                    if let Some(pair) = &mut self.pair {
                        pair.wire(line).to_switch.extend(bytes);
                    }
                }
                Action::Deliver(input) => self.input(input),
                Action::Close(_) => self.lose(),
            }
        }
    }

    /// The connections are gone, on both sides.
    fn lose(&mut self) {
        self.with_session_end();
        let Some(pair) = self.pair.take() else { return };
        for wire in [pair.events, pair.control] {
            self.switch.disconnected(wire.id);
        }
        self.connect_at = self.now.mono.after(BACKOFF);
    }

    fn with_session_end(&mut self) {
        let Some(pair) = &mut self.pair else { return };
        let mut actions = Vec::new();
        pair.session.lost("cut", &mut actions);
        for action in actions {
            if let Action::Deliver(input) = action {
                self.input(input);
            }
        }
    }

    fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.engine.handle(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Publish(state) => self.published = Some(state),
                Effect::Log(_) => {}
                Effect::Files { id, work: FileWork::List(_) } => self.disk.push_back(id),
                Effect::Switch { id, epoch, command } => {
                    self.with_session(|session, now, actions| session.send(now, id, epoch, command, actions));
                }
            }
        }
    }

    fn disk_done(&mut self) {
        let Some(id) = self.disk.pop_front() else { return };
        let files = self.switch.files().files.keys().filter(|path| path.starts_with("directory/team/"));
        let listed = files.filter_map(|path| RelPath::parse(path)).collect();
        self.input(Input::FilesDone { id, result: Ok(FilesDone::Listed(listed)) });
    }
}

impl Pair {
    fn wire(&mut self, line: Line) -> &mut Wire {
        match line {
            Line::Events => &mut self.events,
            Line::Control => &mut self.control,
        }
    }
}
