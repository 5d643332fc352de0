//! What a client may take of us.

use std::time::Duration;

use crate::live::LiveLimits;

/// The bounds of every connection and of all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head. More is 431.
    pub head_bytes: usize,
    /// From a request's first byte to the end of its head, and for a handshake before it.
    pub head_time: Duration,
    /// How long a connection without a request is kept.
    pub idle_time: Duration,
    /// Bytes of a request's body. More is 413.
    pub body_bytes: u64,
    /// Bytes of what a phone uploads at once. More is 413.
    pub upload_bytes: u64,
    /// Bytes of the bodies of all requests of one kind that are being received or carried out: changes of the
    /// configuration, removals of recordings, uploads. More is 503.
    pub bodies_bytes: u64,
    /// For the body of a request.
    pub body_time: Duration,
    /// For each 64 KiB of an answer: who reads slower is dropped.
    pub write_time: Duration,
    /// How many connections there are at once. With one more, somebody goes who has not logged in; if all have, the newcomer.
    pub connections: usize,
    /// When stopping, how long requests that run may take to end.
    pub stop_time: Duration,
    /// What those may take who listen to the live state.
    pub live: LiveLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            body_bytes: 4 * 1024 * 1024,
            upload_bytes: 1024 * 1024,
            bodies_bytes: 32 * 1024 * 1024,
            body_time: Duration::from_secs(60),
            write_time: Duration::from_secs(30),
            connections: 4096,
            stop_time: Duration::from_secs(8),
            live: LiveLimits::default(),
        }
    }
}

impl Limits {
    /// The same for a program that may have so many files and connections open: a few are its own, and of the others half
    /// are for clients, and half for what is done for them. Of the clients at most half listen, since nobody else ever gets
    /// their places; and of those at most a third are one user's.
    #[must_use]
    pub fn with_descriptors(self, descriptors: u64) -> Self {
        /// Of the program itself: sockets, locks, folders.
        const OWN: u64 = 64;
        let for_clients = descriptors.saturating_sub(OWN) / 2;
        let for_clients = usize::try_from(for_clients).unwrap_or(usize::MAX);
        let connections = self.connections.min(for_clients).max(1);
        let listeners = self.live.listeners.min(connections / 2);
        let listeners_per_user = self.live.listeners_per_user.min(listeners.div_ceil(3));
        Self { connections, live: LiveLimits { listeners, listeners_per_user, ..self.live }, ..self }
    }
}

/// A refused request's body that is no longer than this is read and dropped, so that the connection can go on.
pub(super) const DRAINED: u64 = 64 * 1024;

/// An answer is written in pieces of this size, each within [`Limits::write_time`].
pub(super) const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_mean_few_connections() {
        let connections = |descriptors| Limits::default().with_descriptors(descriptors).connections;
        assert_eq!([0, 64, 80, 1024, 1 << 20, u64::MAX].map(connections), [1, 1, 8, 480, 4096, 4096]);
    }

    #[test]
    fn few_descriptors_mean_few_listeners_who_leave_places_to_others() {
        let listeners = |descriptors| {
            let live = Limits::default().with_descriptors(descriptors).live;
            (live.listeners, live.listeners_per_user)
        };
        let expected = [(0, 0), (4, 2), (240, 80), (768, 256), (768, 256)];
        assert_eq!([64, 80, 1024, 4096, u64::MAX].map(listeners), expected);
    }
}
