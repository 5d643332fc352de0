//! What listeners may take of us.

use std::time::Duration;

/// The bounds of listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveLimits {
    /// How many there are at once. More get 503. Each is a connection as well.
    pub listeners: usize,
    /// How many of them can be one user's, and fewer when few are left. More get 429.
    pub listeners_per_user: usize,
    /// Bytes of events that are kept for slow listeners. Who is farther behind misses some, and is told so by a new
    /// beginning.
    pub ring_bytes: usize,
    /// Bytes of a message from a listener. More ends its connection with 1009.
    pub message_bytes: usize,
    /// How many messages a second are read of one listener, in the long run,
    pub messages_per_second: u32,
    /// and how many at once.
    pub messages_at_once: u32,
    /// How often a listener has to show that it is there, at least by answering a ping.
    pub ping_time: Duration,
    /// How long a ticket is good for.
    pub ticket_time: Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            listeners: 768,
            listeners_per_user: 256,
            ring_bytes: 16 * 1024 * 1024,
            message_bytes: 4 * 1024,
            messages_per_second: 20,
            messages_at_once: 40,
            ping_time: Duration::from_secs(30),
            ticket_time: Duration::from_secs(30),
        }
    }
}
