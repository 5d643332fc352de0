//! The border to those who listen: who they are, what they do, and what they hear.

use core::net::IpAddr;

use bytes::Bytes;

use super::request::LiveRequest;
use crate::access::Roles;
use crate::state::User;

/// The name of a listener, given by whoever holds its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerId(pub u64);

/// Somebody who has logged in to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The user, as it was when it logged in.
    pub user: User,
    /// Where it is.
    pub address: IpAddr,
}

/// What a listener does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listening {
    /// It comes, and hears every event from now on.
    Joins(Box<Listener>),
    /// It asks for something. It gets one [`Notice::Reply`], or is closed.
    Asks(LiveRequest),
    /// It was too slow and has missed events. It gets one [`Notice::Reply`] that makes up for them.
    HasMissed,
    /// It is gone.
    Leaves,
}

/// What listeners hear. Each connection gets what is meant for it in the order of the effects: a reply is one point in
/// the order of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An event, for all listeners of these roles.
    Event {
        /// Who hears it.
        hearers: Roles,
        /// What they hear.
        frame: Frame,
    },
    /// The answer to one listener: none, one or more frames.
    Reply {
        /// Who hears it.
        listener: ListenerId,
        /// What it hears, in order.
        frames: Vec<Frame>,
    },
    /// The listener may not listen any longer: its connection is to be closed as a violation of policy (1008, RFC 6455
    /// section 7.4.1). It hears nothing after that.
    Close {
        /// Whose connection it is.
        listener: ListenerId,
        /// Why, in words.
        why: &'static str,
    },
}

/// A frame as it goes over the wire: JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub(super) Bytes);

/// For those who play the engine.
impl From<Bytes> for Frame {
    fn from(text: Bytes) -> Self {
        Self(text)
    }
}

impl Frame {
    /// The text.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}
