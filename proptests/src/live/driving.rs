//! What people do, and what the connector hears and says of it.

use fsconnector_engine::access::Role;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::io::{EffectId, Input};
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening, Notice};
use fsconnector_engine::live::request::LiveRequest;
use fsconnector_engine::state::User;
use fsconnector_simulator::{CallId, Caller, Pace, Phone};

use super::audience::{Occasion, ROLES};
use super::orders::taken_apart;
use super::secrets::{Login, role_of};
use super::truth::Truth;
use crate::invariants::Violation;
use crate::world::{LOCALHOST, Step, World};

/// How many calls and phones are remembered.
const REMEMBERED: usize = 24;

/// Something that callers do.
#[derive(Clone, Debug)]
pub enum Calling {
    /// Somebody dials a number.
    Dial(Caller, String),
    /// Somebody comes into a conference; the text is what a dialplan says of it.
    Join(Caller, String),
    /// A caller hangs up.
    Leave(CallId),
    /// A caller presses a key.
    Press(CallId, char),
    /// A caller begins to talk, or stops.
    Talk(CallId, bool),
    /// A phone holds the call, or takes it back.
    Hold(CallId, bool),
    /// A phone is slower than others.
    Pace(CallId, Pace),
    /// A conference of this name is over.
    End(String),
}

/// Something that phones do.
#[derive(Clone, Debug)]
pub enum Phoning {
    /// It registers, or does so again.
    Register(Phone),
    /// It starts anew, and registers.
    Reboot(Phone),
    /// It says that it goes.
    Unregister(Phone),
    /// It is gone without a word.
    Expire(Phone),
}

/// Something that a listener does.
#[derive(Clone, Debug)]
pub enum Doing {
    /// It comes, logged in as this user.
    Join(Box<User>),
    /// It sends a text.
    Ask(Vec<u8>),
    /// It reads what it was told.
    Read,
    /// It has read too slowly.
    Miss,
    /// It goes.
    Leave,
}

impl World {
    /// Callers do something.
    pub(crate) fn call(&mut self, calling: Calling) {
        let scene = &mut *self.scene.borrow_mut();
        if scene.switch.faults.frozen {
            return;
        }
        let (now, switch, out) = (self.now.mono.0, &mut scene.switch, &mut scene.sent);
        match calling {
            Calling::Dial(caller, number) => self.live.calls.extend(switch.dial(now, caller, &number, out)),
            Calling::Join(caller, data) => self.live.calls.extend(switch.join(now, caller, &data, out)),
            Calling::Leave(call) => {
                self.live.calls.retain(|known| *known != call);
                switch.leave(now, call, out);
            }
            Calling::Press(call, key) => switch.press(now, call, key, out),
            Calling::Talk(call, is_loud) => switch.talk(now, call, is_loud, out),
            Calling::Hold(call, is_held) => switch.hold(now, call, is_held, out),
            Calling::Pace(call, pace) => switch.set_pace(call, pace),
            Calling::End(name) => switch.end_conference(now, &name, out),
        }
        forget(&mut self.live.calls);
    }

    /// Phones do something.
    pub(crate) fn phone(&mut self, phoning: Phoning) {
        let scene = &mut *self.scene.borrow_mut();
        if scene.switch.faults.frozen {
            return;
        }
        let (now, switch, out) = (self.now.mono.0, &mut scene.switch, &mut scene.sent);
        match phoning {
            Phoning::Register(phone) => {
                switch.register(now, &phone, out);
                if !self.live.phones.contains(&phone) {
                    self.live.phones.push(phone);
                }
            }
            Phoning::Reboot(phone) => {
                let phone = switch.reboot(now, &phone, out);
                self.live.phones.push(phone);
            }
            Phoning::Unregister(phone) => switch.unregister(now, &phone, out),
            Phoning::Expire(phone) => switch.expire(now, &phone, out),
        }
        forget(&mut self.live.phones);
    }

    /// The switch cannot open the files of recordings, or can again.
    pub(crate) fn make_unwritable(&mut self, is_so: bool) {
        let unwritable = if is_so { vec![self.config.recordings.clone()] } else { Vec::new() };
        self.scene.borrow_mut().switch.faults.unwritable = unwritable;
    }

    /// A listener does something.
    pub(crate) fn listener(&mut self, id: ListenerId, doing: Doing) {
        if self.connector.is_none() {
            return;
        }
        let does = match doing {
            Doing::Join(user) => Listening::Joins(Box::new(Listener { user: *user, address: LOCALHOST })),
            Doing::Ask(text) => match LiveRequest::parse(&text) {
                Ok(request) => Listening::Asks(request),
                // That needs no engine.
                Err(_) => return,
            },
            Doing::Leave => Listening::Leaves,
            Doing::Miss => {
                self.live.audience.miss(id);
                Listening::HasMissed
            }
            Doing::Read => {
                let stumble = self.live.audience.read(id);
                return self.demand("who applies events to its init is never wrong", stumble);
            }
        };
        self.input(Input::Listener { id, does });
    }

    /// The engine begins to deal with something.
    pub(crate) fn begins(&mut self, input: &Input) {
        let state = self.connector.as_ref().and_then(|connector| connector.published.clone());
        let role = |id: &ListenerId| self.live.audience.role(*id);
        let occasion = match input {
            Input::Listener { id, does } => match does {
                Listening::Joins(listener) => {
                    let login = login(&listener.user);
                    let role = state.and_then(|state| role_of(&login, &state));
                    Occasion::Joins(*id, login, role)
                }
                Listening::Asks(request) => Occasion::Asks(*id, Some(request.clone()), role(id)),
                Listening::HasMissed => Occasion::Asks(*id, None, role(id)),
                Listening::Leaves => Occasion::Leaves(*id),
            },
            Input::SwitchUp { .. } => {
                self.live.is_incomplete |= self.live.orders.past.names().next().is_some();
                Occasion::SwitchUp
            }
            Input::SwitchDown { .. } => {
                self.live.orders.session_is_over();
                Occasion::Other
            }
            Input::SwitchReply { id, .. } if self.live.audience.is_awaited(*id) => Occasion::CatchesUp,
            Input::SwitchEvent { event, .. } => {
                self.live.orders.heard(event);
                Occasion::Other
            }
            _ => Occasion::Other,
        };
        self.live.audience.begins(&occasion);
        self.live.occasion = occasion;
    }

    /// The engine tells listeners something.
    pub(crate) fn notice(&mut self, notice: Notice) {
        let state = self.connector.as_ref().and_then(|connector| connector.published.clone());
        for notice in self.tampered_notice(notice) {
            let live = &mut self.live;
            let result = live.audience.take(&notice, &live.occasion, &live.orders.past, state.as_deref());
            self.insist(result);
        }
    }

    /// The engine tells the switch something.
    pub(crate) fn order(&mut self, id: EffectId, command: &SwitchCommand) {
        match command {
            SwitchCommand::LiveConferences => self.live.audience.listing(id),
            SwitchCommand::Conference(name, _) => self.live.audience.ordered(name.as_str()),
            _ => {}
        }
        let misfit = self.live.orders.told(command);
        self.demand("conferences and members are told something that the switch has had", misfit);
    }

    /// A command goes to the switch.
    pub(crate) fn on_the_wire(&mut self, bytes: &[u8]) {
        let Some(words) = self.live.orders.words.take() else { return };
        let misfit = (taken_apart(bytes).as_ref() != Some(&words)).then(|| String::from_utf8_lossy(bytes).into_owned());
        self.demand("the switch understands a command as it is meant, and nothing besides", misfit);
    }

    /// The engine has dealt with it.
    pub(crate) fn concludes(&mut self) {
        let Some(connector) = &self.connector else { return };
        let state = connector.published.clone();
        let occasion = std::mem::take(&mut self.live.occasion);
        let result = self.live.audience.concludes(&occasion, state.as_deref());
        self.insist(result);
        let stranger = state.and_then(|state| self.live.audience.stranger(&state));
        self.demand("who has changed does not listen any longer", stranger);
    }

    /// Looks at the conferences that the switch has now.
    pub(crate) fn note_conferences(&mut self) {
        let conferences = self.scene.borrow().switch.conferences();
        let crowded = self.live.orders.note(&conferences);
        self.demand("one recording runs by our orders at most", crowded);
    }

    /// Everything that was to happen has happened. Looks whether those who listen have it right.
    pub(crate) fn compare(&mut self) -> Result<(), Violation> {
        let present: Vec<ListenerId> = self.live.audience.present().map(|(id, _)| id).collect();
        for id in present {
            self.step(Step::Listener(id, Doing::Read))?;
            self.step(Step::Listener(id, Doing::Ask(br#"{"req":"init"}"#.to_vec())))?;
            self.step(Step::Listener(id, Doing::Read))?;
        }
        for user in self.one_of_each_role() {
            let id = self.next_listener();
            self.step(Step::Listener(id, Doing::Join(Box::new(user))))?;
            for request in [r#"{"req":"init"}"#, r#"{"req":"initreg"}"#] {
                self.step(Step::Listener(id, Doing::Ask(request.into())))?;
            }
            self.step(Step::Listener(id, Doing::Read))?;
            let misfit = self.wrong_impression(id);
            self.demand("what is shown is what the switch has", misfit);
            self.step(Step::Listener(id, Doing::Leave))?;
        }
        let secret = self.live.orders.unannounced(&self.scene.borrow().switch.conferences());
        self.demand("nobody is recorded unannounced", secret);
        self.step(Step::Pass(0))
    }

    /// A name for one who comes to listen.
    pub(crate) fn next_listener(&mut self) -> ListenerId {
        self.live.last_listener += 1;
        ListenerId(self.live.last_listener)
    }

    fn wrong_impression(&self, id: ListenerId) -> Option<String> {
        let (role, client) = (self.live.audience.role(id)?, self.live.audience.client(id)?);
        let scene = self.scene.borrow();
        let conferences = scene.switch.conferences();
        let truth = Truth {
            conferences: &conferences,
            registrations: scene.switch.registrations(),
            state: self.state()?,
            is_complete: !self.live.is_incomplete,
        };
        truth.misfit(role, client)
    }

    fn one_of_each_role(&self) -> Vec<User> {
        let Some(state) = self.state() else { return Vec::new() };
        let one = |role: Role| state.users.iter().find(|user| role_of(&login(user), state) == Some(role)).cloned();
        ROLES.into_iter().filter_map(one).collect()
    }

    fn insist(&self, result: Result<(), (&'static str, String)>) {
        if let Err((invariant, what)) = result {
            self.demand(invariant, Some(what));
        }
    }
}

fn login(user: &User) -> Login {
    Login {
        id: user.id.to_string(),
        name: user.name.to_string(),
        password: user.password.expose().to_owned(),
        context: user.context.to_string(),
    }
}

/// The oldest are forgotten.
fn forget<T>(all: &mut Vec<T>) {
    all.drain(..all.len().saturating_sub(REMEMBERED));
}
