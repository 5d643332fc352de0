//! Those who listen, and what they are told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fsconnector_engine::access::{Role, Roles};
use fsconnector_engine::io::EffectId;
use fsconnector_engine::live::listener::{ListenerId, Notice};
use fsconnector_engine::live::request::LiveRequest;
use fsconnector_engine::state::State;
use serde_json::Value;

use super::client::Client;
use super::orders::Past;
use super::secrets::{Login, betrayed, may_know, role_of};

/// All roles.
pub(super) const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// Those who listen.
#[derive(Debug)]
pub(crate) struct Audience {
    listeners: BTreeMap<ListenerId, Listener>,
    /// Whether the connector waits for the first listing of this session, so that it says nothing of conferences.
    is_waiting: bool,
    /// The listings of conferences of this session.
    listings: BTreeSet<EffectId>,
    told: Told,
}

impl Default for Audience {
    /// Before the first session.
    fn default() -> Self {
        Self { listeners: BTreeMap::new(), is_waiting: true, listings: BTreeSet::new(), told: Told::default() }
    }
}

/// Somebody who listens.
#[derive(Debug)]
struct Listener {
    login: Login,
    role: Role,
    /// What it was told and has not read yet.
    inbox: VecDeque<Item>,
    client: Client,
}

#[derive(Debug)]
enum Item {
    /// A frame that is for all.
    Event(Value),
    /// A frame that is for this one, and whether the connector has caught up with the switch.
    Answer(Value, bool),
    /// The switch is there again. Clients cannot see that, and need not.
    Reconnect,
}

/// What listeners were told about one input.
#[derive(Debug, Default)]
struct Told {
    replies: BTreeMap<ListenerId, usize>,
    closed: BTreeSet<ListenerId>,
    /// Who was told everything anew.
    renewed: Roles,
    /// How many conferences were told something, and which others than the one that somebody has asked for.
    orders: Vec<String>,
}

/// What the engine is dealing with.
#[derive(Debug, Default)]
pub(crate) enum Occasion {
    /// Somebody comes to listen; with its role, if there is such a user.
    Joins(ListenerId, Login, Option<Role>),
    /// A listener asks for something, or has missed events; with its role if it may listen.
    Asks(ListenerId, Option<LiveRequest>, Option<Role>),
    Leaves(ListenerId),
    /// A session with the switch is up.
    SwitchUp,
    /// The first listing of a session is there.
    CatchesUp,
    #[default]
    Other,
}

impl Audience {
    /// The connector is gone, and with it all connections.
    pub(crate) fn connector_is_gone(&mut self) {
        *self = Self::default();
    }

    /// Who listens, with its role.
    pub(crate) fn present(&self) -> impl Iterator<Item = (ListenerId, Role)> {
        self.listeners.iter().map(|(id, listener)| (*id, listener.role))
    }

    pub(crate) fn role(&self, id: ListenerId) -> Option<Role> {
        self.listeners.get(&id).map(|listener| listener.role)
    }

    pub(crate) fn client(&self, id: ListenerId) -> Option<&Client> {
        self.listeners.get(&id).map(|listener| &listener.client)
    }

    /// The switch is asked for its conferences.
    pub(crate) fn listing(&mut self, id: EffectId) {
        self.listings.insert(id);
    }

    /// Whether this names a listing of conferences.
    pub(crate) fn is_listing(&self, id: EffectId) -> bool {
        self.listings.contains(&id)
    }

    /// Whether this is the answer that the connector waits for.
    pub(crate) fn is_awaited(&self, id: EffectId) -> bool {
        self.is_waiting && self.is_listing(id)
    }

    /// A conference is told something.
    pub(crate) fn ordered(&mut self, conference: &str) {
        self.told.orders.push(conference.to_owned());
    }

    /// The engine begins to deal with something.
    pub(crate) fn begins(&mut self, occasion: &Occasion) {
        self.told = Told::default();
        match occasion {
            Occasion::Joins(id, login, Some(role)) => {
                let listener =
                    Listener { login: login.clone(), role: *role, inbox: VecDeque::new(), client: Client::default() };
                self.listeners.insert(*id, listener);
            }
            Occasion::Leaves(id) => {
                self.listeners.remove(id);
            }
            Occasion::SwitchUp => {
                self.is_waiting = true;
                self.listings.clear();
                self.listeners.values_mut().for_each(|listener| listener.inbox.push_back(Item::Reconnect));
            }
            _ => {}
        }
    }

    /// Takes what the engine says. What does not fit, and what should.
    pub(crate) fn take(
        &mut self,
        notice: &Notice,
        occasion: &Occasion,
        past: &Past,
        state: Option<&State>,
    ) -> Result<(), (&'static str, String)> {
        let unfit = |what: &'static str| Err((what, format!("{notice:?}")));
        match notice {
            Notice::Event { hearers, frame } => {
                let Ok(frame) = serde_json::from_slice(frame.as_bytes()) else {
                    return unfit("frames are JSON");
                };
                self.take_event(*hearers, &frame, occasion, past, state)
            }
            Notice::Reply { listener: id, frames } => {
                *self.told.replies.entry(*id).or_default() += 1;
                let certain = !self.is_waiting;
                let Some(listener) = self.listeners.get_mut(id) else {
                    return unfit("nobody is answered who does not listen");
                };
                for frame in frames {
                    let Ok(frame) = serde_json::from_slice(frame.as_bytes()) else {
                        return unfit("frames are JSON");
                    };
                    if let Some(name) = betrayed(listener.role, &frame, past, state)
                        && !is_denial(&frame, occasion)
                    {
                        return Err(("nobody hears what is secret", format!("{name:?} in {frame} to {listener:?}")));
                    }
                    listener.inbox.push_back(Item::Answer(frame, certain));
                }
                Ok(())
            }
            Notice::Close { listener: id, .. } => {
                self.told.closed.insert(*id);
                let is_refused = matches!(occasion, Occasion::Joins(joining, _, None) if joining == id);
                let has_ordered =
                    matches!(occasion, Occasion::Asks(asking, Some(_), Some(Role::Guest)) if asking == id);
                match self.listeners.remove(id) {
                    None if is_refused => Ok(()),
                    Some(listener) if has_ordered || listener.is_stranger(state) => Ok(()),
                    _ => unfit("only who may not listen is closed"),
                }
            }
        }
    }

    fn take_event(
        &mut self,
        hearers: Roles,
        frame: &Value,
        occasion: &Occasion,
        past: &Past,
        state: Option<&State>,
    ) -> Result<(), (&'static str, String)> {
        let event = frame["event"].as_str().unwrap_or_default();
        if event == "newLiveState" {
            self.told.renewed = self.told.renewed.or(hearers);
        } else if self.is_waiting && self.told.renewed.is_empty() && !matches!(event, "newXML" | "addReg" | "delReg") {
            return Err(("nothing is said of conferences before they are listed", format!("{frame} on {occasion:?}")));
        }
        if event == "error" && hearers.contains(Role::Guest) {
            return Err(("guests are told nothing of orders", frame.to_string()));
        }
        for role in ROLES.into_iter().filter(|role| hearers.contains(*role)) {
            if let Some(name) = betrayed(role, frame, past, state) {
                return Err(("nobody hears what is secret", format!("{name:?} in {frame} to {role}s")));
            }
        }
        for listener in self.listeners.values_mut().filter(|listener| hearers.contains(listener.role)) {
            listener.inbox.push_back(Item::Event(frame.clone()));
        }
        Ok(())
    }

    /// The engine has dealt with it. What does not fit, and what should.
    pub(crate) fn concludes(
        &mut self,
        occasion: &Occasion,
        state: Option<&State>,
    ) -> Result<(), (&'static str, String)> {
        let told = std::mem::take(&mut self.told);
        let told_text = || format!("{told:?} on {occasion:?}");
        let replies = |id: &ListenerId| told.replies.get(id).copied().unwrap_or(0);
        let asked = if let Occasion::Asks(id, ..) = occasion { Some(id) } else { None };
        if told.replies.keys().any(|id| Some(id) != asked) {
            return Err(("only who asks is answered", told_text()));
        }
        match occasion {
            Occasion::Asks(id, request, role) => {
                let answers = replies(id) + usize::from(told.closed.contains(id));
                if answers != usize::from(role.is_some()) {
                    return Err(("every request is answered once, or its listener closed", told_text()));
                }
                if !may_order(request.as_ref(), *role, &told.orders, state) {
                    return Err(("nobody orders what it may not", told_text()));
                }
            }
            Occasion::Joins(id, _, role) if told.closed.contains(id) == role.is_some() => {
                return Err(("who can log in may listen, and nobody else", told_text()));
            }
            Occasion::CatchesUp => {
                self.is_waiting = false;
                if !self.listeners.values().all(|listener| told.renewed.contains(listener.role)) {
                    return Err(("after a reconnect everybody is told everything anew", told_text()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A listener that is not any more who it was when it logged in.
    pub(crate) fn stranger(&self, state: &State) -> Option<String> {
        let stranger = self.listeners.values().find(|listener| listener.is_stranger(Some(state)));
        stranger.map(|listener| format!("{listener:?}"))
    }

    /// A listener reads what it was told. Over what it stumbles.
    pub(crate) fn read(&mut self, id: ListenerId) -> Option<String> {
        let listener = self.listeners.get_mut(&id)?;
        while let Some(item) = listener.inbox.pop_front() {
            let result = match &item {
                Item::Event(frame) => listener.client.heard(frame),
                Item::Answer(frame, certain) => listener.client.answered(frame, *certain),
                Item::Reconnect => {
                    listener.client.is_out_of_date();
                    Ok(())
                }
            };
            if let Err(why) = result {
                let item = format!("{item:?}").chars().take(300).collect::<String>();
                return Some(format!("the {} {id:?} stumbles over {item}: {why}", listener.role));
            }
        }
        None
    }

    /// What a listener has not read is lost.
    pub(crate) fn miss(&mut self, id: ListenerId) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.inbox.clear();
            listener.client.has_missed();
        }
    }
}

impl Listener {
    fn is_stranger(&self, state: Option<&State>) -> bool {
        state.and_then(|state| role_of(&self.login, state)) != Some(self.role)
    }
}

/// Whether somebody of this role may have had these conferences told something by this request.
fn may_order(request: Option<&LiveRequest>, role: Option<Role>, orders: &[String], state: Option<&State>) -> bool {
    let wanted = match request {
        Some(LiveRequest::Exec { conference, .. } | LiveRequest::MemExec { conference, .. }) => Some(conference),
        _ => None,
    };
    let may = |conference: &String| {
        let role = role.filter(|role| *role != Role::Guest);
        wanted == Some(conference) && role.is_some_and(|role| may_know(role, conference, state))
    };
    orders.iter().all(may)
}

/// Whether the frame only says that there is no conference of the name that was asked for: what everybody is told of names
/// that mean nothing.
fn is_denial(frame: &Value, occasion: &Occasion) -> bool {
    let Occasion::Asks(_, Some(LiveRequest::Exec { conference, .. } | LiveRequest::MemExec { conference, .. }), _) =
        occasion
    else {
        return false;
    };
    frame["error"] == format!("no conference {conference}")
}
