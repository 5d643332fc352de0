//! What listeners do, on its way to the engine.

use std::fmt;
use std::sync::Arc;

use fsconnector_engine::io::Input;
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening};

use super::hub::Hub;
use super::slot::Slot;

/// Something that a listener does, for the engine.
pub struct FromListener {
    id: ListenerId,
    does: Listening,
    /// Where to begin to hear, for who joins.
    joins: Option<(Arc<Hub>, Arc<Slot>)>,
}

impl FromListener {
    pub(super) fn new(id: ListenerId, does: Listening) -> Self {
        Self { id, does, joins: None }
    }

    pub(super) fn joining(id: ListenerId, listener: Listener, place: (Arc<Hub>, Arc<Slot>)) -> Self {
        Self { id, does: Listening::Joins(Box::new(listener)), joins: Some(place) }
    }

    /// What the engine is to be told, at once: a listener that joins hears everything that the gate is
    /// [told](crate::Gate::tell) from now on. So this is for the thread that the gate is told things on.
    pub fn into_input(self) -> Input {
        if let Some((hub, slot)) = self.joins {
            hub.open(&slot);
        }
        Input::Listener { id: self.id, does: self.does }
    }
}

impl fmt::Debug for FromListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromListener").field("id", &self.id).field("does", &self.does).finish_non_exhaustive()
    }
}
