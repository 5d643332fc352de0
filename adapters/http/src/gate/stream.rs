//! Writing to a client, and how that can end.

use std::io;
use std::time::{Duration, Instant};

use smol::io::{AsyncWrite, AsyncWriteExt as _};

use crate::deadline::Deadline;

/// Why a conversation ended early.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The stream failed.
    Io(io::Error),
    /// The client took too long.
    TimedOut,
    /// The handler behind the gate failed after the answer had begun.
    HandlerFailed,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes `bytes`, at most a piece, in the time a piece may take.
pub(super) async fn write_within(
    deadline: &mut Deadline,
    time: Duration,
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Result<(), Broken> {
    deadline.move_to(Instant::now() + time);
    deadline.bound(stream.write_all(bytes)).await.ok_or(Broken::TimedOut)??;
    Ok(())
}
