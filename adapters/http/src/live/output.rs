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

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Takes a few bytes each second time, and shows them when it is flushed.
    #[derive(Default)]
    struct Reluctant {
        buffered: Vec<u8>,
        shown: Vec<u8>,
        is_willing: bool,
    }

    impl Reluctant {
        fn poll(&mut self) -> Poll<()> {
            self.is_willing = !self.is_willing;
            if self.is_willing { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    impl AsyncWrite for Reluctant {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            ready!(self.poll());
            let some = &bytes[..bytes.len().min(10_007)];
            self.buffered.extend_from_slice(some);
            Poll::Ready(Ok(some.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            ready!(self.poll());
            let buffered = std::mem::take(&mut self.buffered);
            self.shown.extend(buffered);
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn all_of_it_arrives_in_order_a_piece_at_a_time() {
        let mut cx = Context::from_waker(Waker::noop());
        for length in [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let (mut output, mut stream) = (Output::default(), Reluctant::default());
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            output.end().extend_from_slice(&bytes);
            let mut pieces = 0;
            while !output.is_done() {
                pieces += usize::from(output.poll_write(Pin::new(&mut stream), &mut cx).is_ready());
            }
            assert_eq!(pieces, length.div_ceil(PIECE), "{length}");
            assert!(stream.shown == bytes, "{length}");
            output.rest();
            assert!(output.end().capacity() <= 2 * PIECE);
        }
    }
}
