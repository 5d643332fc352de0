//! Listening to the live state, `GET /api/live`: WebSockets (RFC 6455), and what they share.
//!
//! What the engine tells all goes once into one **ring**, in the very bytes that go over the wire. A listener is a place in
//! it and a role; it writes many frames at once, and what its role does not hear it passes over. Whom the ring has passed
//! tells the engine, and goes on from where the engine's answer belongs. What the engine tells only one lies in that one's
//! **slot**. So whoever tells never waits, nobody waits for a slow listener, and memory is bounded.

mod ending;
mod frames;
mod hub;
mod input;
mod limits;
mod login;
mod output;
mod pace;
mod ring;
mod seats;
mod session;
mod slot;
mod tickets;
mod wire;

use std::sync::Arc;

use fsconnector_engine::access::Role;
use fsconnector_engine::live::listener::{Listener, Notice};
use smol::channel::Sender;

use hub::Hub;
pub use input::FromListener;
pub use limits::LiveLimits;
pub(crate) use login::Login;
pub(crate) use login::NameAndPassword;
pub(crate) use seats::NoSeat;
use seats::{Seat, Seats};
pub(crate) use session::attend;
pub(crate) use tickets::{NoTicket, Tickets};

/// All that listeners share.
pub(crate) struct Live {
    pub(crate) tickets: Tickets,
    hub: Arc<Hub>,
    seats: Arc<Seats>,
    queue: Sender<FromListener>,
    limits: LiveLimits,
}

/// Somebody who may listen.
#[derive(Debug)]
pub(crate) struct Guest {
    listener: Listener,
    role: Role,
    _seat: Seat,
}

impl Live {
    /// What listeners do goes into `queue`.
    pub(crate) fn new(queue: Sender<FromListener>, limits: LiveLimits) -> Self {
        Self {
            tickets: Tickets::new(limits.ticket_time),
            hub: Arc::new(Hub::new(limits.ring_bytes)),
            seats: Arc::new(Seats::new(limits.listeners, limits.listeners_per_user)),
            queue,
            limits,
        }
    }

    /// Hands over what the engine tells. Never waits.
    pub(crate) fn tell(&self, notice: Notice) {
        self.hub.tell(notice);
    }

    /// Has listeners look at what is new, for ever.
    pub(crate) async fn spread_the_word(&self) {
        self.hub.spread_the_word().await;
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.hub.audience()
    }

    /// How many can.
    pub(crate) fn most_listeners(&self) -> usize {
        self.limits.listeners
    }

    /// How many events were told.
    pub(crate) fn told(&self) -> u64 {
        self.hub.told()
    }

    /// The memory of those that are kept.
    pub(crate) fn ring_bytes(&self) -> usize {
        self.hub.kept_bytes()
    }

    /// How much that can be.
    pub(crate) fn most_ring_bytes(&self) -> usize {
        self.limits.ring_bytes
    }

    /// Takes somebody in, if there is room.
    pub(crate) fn welcome(&self, listener: Listener, role: Role) -> Result<Guest, NoSeat> {
        let seat = self.seats.take(&listener.user.id)?;
        Ok(Guest { listener, role, _seat: seat })
    }
}
