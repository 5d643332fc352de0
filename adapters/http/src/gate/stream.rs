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
    /// Somebody else needs its place.
    Displaced,
    /// The handler behind the gate failed after the answer had begun.
    HandlerFailed,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes `bytes`, at most a piece, in the time a piece may take. They are not only handed to a stream that encrypts, but
/// gone from there.
pub(super) async fn write_within(
    deadline: &mut Deadline,
    time: Duration,
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Result<(), Broken> {
    deadline.move_to(Instant::now() + time);
    let write = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    deadline.bound(write).await.ok_or(Broken::TimedOut)??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use smol::io::BufWriter;

    use super::*;

    #[test]
    fn what_is_written_does_not_stay_in_a_stream_that_gathers() {
        let mut stream = BufWriter::new(Vec::new());
        let mut deadline = Deadline::at(Instant::now());
        smol::block_on(write_within(&mut deadline, Duration::from_secs(60), &mut stream, b"bytes")).unwrap();
        assert_eq!(stream.get_ref(), b"bytes");
    }
}
