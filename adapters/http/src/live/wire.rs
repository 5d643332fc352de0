//! A listener's stream, as the WebSocket protocol sees it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use smol::io::{AsyncRead, AsyncWrite};

/// Reads from the stream, and keeps what the protocol writes, its pongs and its answer to a close frame, for a place
/// between two other frames.
pub(super) struct Wire<S> {
    pub(super) stream: S,
    /// Whole frames.
    pub(super) answers: Vec<u8>,
    /// Whether anything has come since that was asked the last time.
    pub(super) is_heard_of: bool,
    /// How many bytes may still be read in this turn.
    left: usize,
}

/// So much is read before others have their turn.
const TURN: usize = 16 * 1024;

impl<S> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, answers: Vec::new(), is_heard_of: false, left: TURN }
    }

    /// Begins a new turn.
    pub(super) fn next_turn(&mut self) {
        self.left = TURN;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = buffer.len().min(self.left);
        let count = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.get_mut(..most).unwrap_or_default()))?;
        self.left -= count;
        self.is_heard_of |= count > 0;
        Poll::Ready(Ok(count))
    }
}

impl<S: Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answers.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
