//! Those who listen.

use std::collections::BTreeMap;

use super::listener::{Listener, ListenerId};
use crate::access::{Role, Roles};
use crate::change::command::Caller;
use crate::state::State;

/// All who listen, with what they may hear.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_id: BTreeMap<ListenerId, Ear>,
    counts: [usize; 3],
}

/// One who listens.
#[derive(Debug)]
pub(super) struct Ear {
    listener: Listener,
    pub(super) role: Role,
    /// Whether it has asked for the registrations.
    pub(super) has_registrations: bool,
}

impl Listeners {
    /// The roles of which there is somebody.
    pub(super) fn roles(&self) -> Roles {
        let present = |role| if self.counts[role as usize] > 0 { Roles::only(role) } else { Roles::default() };
        [Role::Admin, Role::Member, Role::Guest].into_iter().fold(Roles::default(), |all, role| all.or(present(role)))
    }

    /// Lets somebody listen. Whether it may.
    pub(super) fn join(&mut self, id: ListenerId, listener: Listener, state: Option<&State>) -> bool {
        let Some(role) = state.and_then(|state| role(&listener, state)) else { return false };
        self.leave(id);
        self.counts[role as usize] += 1;
        self.by_id.insert(id, Ear { listener, role, has_registrations: false });
        true
    }

    pub(super) fn leave(&mut self, id: ListenerId) {
        if let Some(ear) = self.by_id.remove(&id) {
            self.counts[ear.role as usize] -= 1;
        }
    }

    pub(super) fn find(&mut self, id: ListenerId) -> Option<&mut Ear> {
        self.by_id.get_mut(&id)
    }

    /// Turns out those who are not the same users any more, or none, and names them.
    pub(super) fn turn_out(&mut self, state: &State) -> Vec<ListenerId> {
        let has_changed = |ear: &Ear| role(&ear.listener, state) != Some(ear.role);
        let changed: Vec<ListenerId> =
            self.by_id.iter().filter(|(_, ear)| has_changed(ear)).map(|(id, _)| *id).collect();
        for id in &changed {
            self.leave(*id);
        }
        changed
    }
}

impl Ear {
    pub(super) fn caller(&self) -> Caller {
        let user = &self.listener.user;
        Caller { id: user.id.clone(), name: user.name.to_string(), address: self.listener.address }
    }
}

/// The role of a listener that is still the same user: with the same id, name, password and context.
fn role(listener: &Listener, state: &State) -> Option<Role> {
    let was = &listener.user;
    let (user, role) = state.users.login(&was.name)?;
    (user.id == was.id && user.password == was.password && user.context == was.context).then_some(role)
}
