//! The sockets of fsconnector to the FreeSWITCH event socket.
//!
//! [`stay_connected`] holds two connections to the switch for as long as the program runs: it opens them, carries bytes
//! between them and the pure [`Session`](fsconnector_engine::esl::session::Session), which knows the language, and
//! begins anew whenever they end. It never gives up. [`ask`] opens one such session for a few questions, and gives up.
//!
//! - Whatever ends one connection ends both, and the engine hears of it once.
//! - What was read reaches the engine in batches, one a chunk, over a bounded channel: an engine that is busy stops the
//!   reading of the socket, and nothing piles up here.
//! - Neither connection can starve the other one, the commands or the deadlines.

mod asking;
mod backoff;
mod connection;

use std::sync::Arc;

pub use asking::{AskError, ask};
pub use connection::{Batch, Outgoing, stay_connected};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_engine::time::Mono;

/// Where the switch is, and how to speak to it.
#[derive(Clone, Debug)]
pub struct Address {
    /// The name or address of the switch's machine.
    pub host: String,
    /// The port of the event socket, TCP.
    pub port: u16,
    /// The password of the event socket.
    pub password: Password,
    /// How long to wait for the switch.
    pub patience: Patience,
}

/// A clock that never goes back.
pub type Clock = Arc<dyn Fn() -> Mono + Send + Sync>;
