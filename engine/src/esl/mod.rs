//! The event-socket language of FreeSWITCH (`mod_event_socket`, inbound mode), without a socket.
//!
//! Bytes become frames ([`frame`]), frames with events become [`event::Event`]s that are read on demand, and [`session`]
//! turns both, with authentication, subscription, the order of replies and deadlines, into the engine's inputs.

pub mod command;
pub mod event;
pub mod frame;
pub mod reply;
pub mod session;
