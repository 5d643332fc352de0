//! What all files are written with.

use std::sync::Arc;

use crate::render::{PublicAddress, Renderer, Templates};
use crate::state::State;

/// Makes renderers.
#[derive(Debug)]
pub(crate) struct Press {
    templates: Arc<Templates>,
    /// Where phones reach the program; nothing if they are not provisioned.
    phones: Option<PublicAddress>,
}

impl Press {
    /// With these templates; phones are provisioned if there is an address for them.
    pub(crate) fn new(templates: Templates, phones: Option<PublicAddress>) -> Self {
        Self { templates: Arc::new(templates), phones }
    }

    /// Whether phones are provisioned.
    pub(super) fn provisions(&self) -> bool {
        self.phones.is_some()
    }

    /// Writes for this state.
    pub(super) fn renderer(&self, state: &State) -> Arc<Renderer> {
        let address = self.phones.clone().unwrap_or_default();
        Arc::new(Renderer::new(
            Arc::clone(&self.templates),
            Arc::clone(&state.config),
            Arc::clone(&state.globals),
            Arc::clone(&state.conferences),
            address,
        ))
    }
}
