//! What is live: people who call, phones that register, and those who listen to what the connector says of it.
//!
//! ```text
//! people.rs      what people do, made up
//! driving.rs     how they do it
//! audience.rs    those who listen, and what they are told
//! client.rs      a strict client, as each of them has one
//! secrets.rs     who may hear of what
//! orders.rs      what conferences are told, and what becomes of it
//! truth.rs       how things really are
//! tampering.rs   connectors that lack something
//! ```

mod audience;
mod client;
mod driving;
mod orders;
mod people;
mod secrets;
mod tampering;
mod truth;

use fsconnector_simulator::{CallId, Phone};

pub use driving::{Calling, Doing, Phoning};
pub(crate) use people::People;

use audience::{Audience, Occasion};
use orders::Orders;
use tampering::Tampering;

/// Those who call and those who listen.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) audience: Audience,
    pub(crate) orders: Orders,
    /// The calls that were made last.
    pub(crate) calls: Vec<CallId>,
    /// The phones that have registered last.
    pub(crate) phones: Vec<Phone>,
    /// Whether the connector may have missed events about those who are in conferences.
    is_incomplete: bool,
    last_listener: u64,
    tampering: Tampering,
    /// What the engine is dealing with.
    occasion: Occasion,
}

impl Live {
    /// The connector is gone, and with it all connections to it.
    pub(crate) fn connector_is_gone(&mut self) {
        self.audience.connector_is_gone();
        self.orders.connector_is_gone();
    }
}
