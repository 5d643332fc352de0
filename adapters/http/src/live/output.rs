//! What is on its way to a listener.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use smol::io::AsyncWrite;

/// Whole frames, of which the first part may be written already.
#[derive(Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Something was written and may still be in the stream's own buffers.
    is_unflushed: bool,
}

/// So much is put together and written at once.
pub(super) const PIECE: usize = 64 * 1024;
/// A listener that hears little keeps no larger buffer than this.
const KEPT: usize = 8 * 1024;

impl Output {
    /// Whether all of it is on its way.
    pub(super) fn is_done(&self) -> bool {
        self.bytes.is_empty() && !self.is_unflushed
    }

    /// Whether another piece had better be written first.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= PIECE
    }

    /// Where to append frames.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Gives a large buffer back.
    pub(super) fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }

    /// Writes a piece at most. Ready when there is nothing left, or a piece less.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.bytes.len().min(self.written - self.written % PIECE + PIECE);
        while self.written < end {
            let rest = self.bytes.get(self.written..end).unwrap_or_default();
            match ready!(stream.as_mut().poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
            self.is_unflushed = true;
        }
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(2 * PIECE);
            self.written = 0;
            ready!(stream.poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
