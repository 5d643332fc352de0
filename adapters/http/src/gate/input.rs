//! What a client has sent and nobody has taken yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use memchr::memchr_iter;
use smol::io::AsyncRead;

/// A buffer that grows up to a limit. A request's head has to fit into it as a whole.
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
    /// Of the unread bytes, how many were searched for the head's end.
    searched: usize,
    /// Of those, where the last line begins.
    line: usize,
}

/// Whether a whole head is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadSearch {
    /// It is, in the first this many bytes.
    Whole(usize),
    /// It is not.
    Partial,
    /// A line ends in a line feed without the carriage return. Some programs take that for the end of a line, some do
    /// not, and between two that differ a request could be smuggled.
    BareLineFeed,
}

impl Input {
    const FIRST_SIZE: usize = 2048;

    /// An empty one that grows up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: vec![0; Self::FIRST_SIZE.min(limit)], start: 0, end: 0, limit, searched: 0, line: 0 }
    }

    /// What nobody has taken yet.
    pub(super) fn unread(&self) -> &[u8] {
        // `start` and `end` only move towards each other and `bytes.len()`.
        &self.bytes[self.start..self.end]
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether what is there has not even a whole first line.
    pub(super) fn is_in_first_line(&self) -> bool {
        self.line == 0
    }

    /// Takes `count` bytes off the front, or all if there are fewer.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        (self.searched, self.line) = (0, 0);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives a large buffer back, if there is nothing in it.
    pub(super) fn rest(&mut self) {
        if self.is_empty() && self.bytes.len() > Self::FIRST_SIZE {
            self.bytes.truncate(Self::FIRST_SIZE);
            self.bytes.shrink_to_fit();
        }
    }

    /// Looks for the empty line that ends a head. Empty lines before the head are dropped (RFC 9112 §2.2).
    pub(super) fn find_head(&mut self) -> HeadSearch {
        let mut leading = 0;
        let unread = &self.bytes[self.start..self.end];
        for feed in memchr_iter(b'\n', unread.get(self.searched..).unwrap_or_default()) {
            let feed = self.searched + feed;
            let Some(before) = feed.checked_sub(1).filter(|before| unread.get(*before) == Some(&b'\r')) else {
                return HeadSearch::BareLineFeed;
            };
            if before == self.line {
                if self.line > leading {
                    self.start += leading;
                    return HeadSearch::Whole(feed + 1 - leading);
                }
                leading = feed + 1;
            }
            self.line = feed + 1;
        }
        self.searched = unread.len();
        if leading > 0 {
            self.consume(leading);
            return self.find_head();
        }
        HeadSearch::Partial
    }

    /// Reads more. `Ok(0)` is the end of the stream; the buffer must not be full.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.end == self.bytes.len() {
            self.make_room();
        }
        let count = std::task::ready!(Pin::new(stream).poll_read(cx, &mut self.bytes[self.end..]))?;
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.end - self.start >= self.limit
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        } else {
            self.bytes.resize((self.bytes.len() * 2).min(self.limit), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn input(text: &[u8]) -> Input {
        let mut input = Input::new(1 << 16);
        feed(&mut input, text);
        input
    }

    fn feed(input: &mut Input, mut text: &[u8]) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while !text.is_empty() {
            assert!(input.poll_fill(&mut text, &mut cx).is_ready());
        }
    }

    #[test]
    fn a_head_ends_with_its_empty_line() {
        assert_eq!(input(b"GET / HTTP/1.1\r\nA: b\r\n\r\nrest").find_head(), HeadSearch::Whole(24));
        assert_eq!(input(b"GET / HTTP/1.1\r\nA: b\r\n\r").find_head(), HeadSearch::Partial);
        assert_eq!(input(b"").find_head(), HeadSearch::Partial);
    }

    #[test]
    fn empty_lines_before_a_head_are_dropped() {
        let mut input = input(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert_eq!(input.find_head(), HeadSearch::Whole(18));
        assert!(input.unread().starts_with(b"GET"));
    }

    #[test]
    fn a_bare_line_feed_is_noticed_at_once() {
        for text in [&b"\n"[..], b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nA: b\n\n"] {
            assert_eq!(input(text).find_head(), HeadSearch::BareLineFeed, "{text:?}");
        }
    }

    #[test]
    fn taken_bytes_make_room_again() {
        let mut input = Input::new(8);
        feed(&mut input, b"abcdefgh");
        assert!(input.is_full());
        input.consume(6);
        feed(&mut input, b"ijklmn");
        assert_eq!(input.unread(), b"ghijklmn");
        input.consume(1);
        input.consume(usize::MAX);
        assert!(input.is_empty());
    }

    #[test]
    fn a_large_buffer_is_given_back_when_it_is_empty() {
        let mut input = input(&[b'a'; 10_000]);
        input.rest();
        assert_eq!(input.unread().len(), 10_000);
        input.consume(10_000);
        input.rest();
        assert_eq!(input.bytes.capacity(), Input::FIRST_SIZE);
        feed(&mut input, &[b'b'; 5000]);
        assert_eq!(input.unread(), [b'b'; 5000]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_head_is_cut(cut in 0usize..44) {
            let text = b"\r\nGET / HTTP/1.1\r\nHost: x\r\nA: bcd\r\n\r\nGET /";
            let mut input = input(&text[..cut.min(text.len())]);
            prop_assert!(input.find_head() != HeadSearch::BareLineFeed);
            feed(&mut input, &text[cut.min(text.len())..]);
            prop_assert_eq!(input.find_head(), HeadSearch::Whole(35));
        }
    }
}
