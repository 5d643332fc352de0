//! Frames: a head of `Name: value` lines, an empty line, and as many bytes of body as `Content-Length` says.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

/// The longest head that is read. A real one has less than 200 bytes; the bound keeps a peer that speaks another
/// language from filling the memory.
pub const MAX_HEAD: usize = 64 * 1024;

/// The longest body that is read: the directory of some 400 000 users.
pub const MAX_BODY: usize = 512 * 1024 * 1024;

/// One frame, sharing the bytes that came from the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    head: Bytes,
    /// The body; empty if there is none.
    pub body: Bytes,
}

impl Frame {
    /// The value of the first header of that name, as it stands in the frame.
    pub fn header(&self, name: &str) -> Option<&str> {
        header_lines(&self.head).find(|(key, _)| *key == name.as_bytes()).and_then(|(_, value)| as_text(value))
    }

    /// What kind of frame it is.
    pub fn content_type(&self) -> ContentType {
        match self.header("Content-Type") {
            Some("auth/request") => ContentType::AuthRequest,
            Some("command/reply") => ContentType::CommandReply,
            Some("api/response") => ContentType::ApiResponse,
            Some("text/event-plain") => ContentType::EventPlain,
            Some("text/event-json") => ContentType::EventJson,
            Some("text/disconnect-notice") => ContentType::DisconnectNotice,
            Some("text/rude-rejection") => ContentType::RudeRejection,
            _ => ContentType::Other,
        }
    }
}

/// The kinds of frames the switch sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// The greeting: it wants the password.
    AuthRequest,
    /// The answer to a command of the event socket itself; what it says is in `Reply-Text`.
    CommandReply,
    /// The answer to `api`; what it says is the body.
    ApiResponse,
    /// An event, as lines.
    EventPlain,
    /// An event, as JSON.
    EventJson,
    /// The switch is about to close the connection.
    DisconnectNotice,
    /// The switch's access list does not allow this address.
    RudeRejection,
    /// Something else, such as a log line.
    Other,
}

/// Why a stream of bytes is not the event-socket language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// No end of the head within [`MAX_HEAD`] bytes.
    HeadTooLong,
    /// A `Content-Length` that is no number.
    BadLength,
    /// A `Content-Length` above what is taken: [`MAX_BODY`], and less before the peer is known.
    BodyTooLong,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadTooLong => write!(f, "no end of the headers within {MAX_HEAD} bytes"),
            Self::BadLength => f.write_str("a Content-Length that is no number"),
            Self::BodyTooLong => f.write_str("a Content-Length that is too large"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts a stream of bytes into frames, wherever the network cut it.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    /// The longest body that is taken.
    most: usize,
    /// How much of the buffer was already searched for the end of the head.
    searched: usize,
    /// The head of the frame whose body is still coming, and the length of that body.
    open: Option<(Bytes, usize)>,
}

impl Default for Framer {
    /// A framer that takes bodies up to [`MAX_BODY`].
    fn default() -> Self {
        Self { buffer: BytesMut::new(), most: MAX_BODY, searched: 0, open: None }
    }
}

impl Framer {
    /// A framer for a peer that has not shown yet who it is: greetings and refusals have bodies of some bytes at most.
    pub fn wary() -> Self {
        Self { most: MAX_HEAD, ..Self::default() }
    }

    /// From here on bodies up to [`MAX_BODY`] are taken.
    pub fn trust(&mut self) {
        self.most = MAX_BODY;
    }

    /// Takes what came from the socket.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame. After an error the stream cannot be read further.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let (head, length) = match self.open.take() {
            Some(open) => open,
            None => match self.next_head()? {
                Some(open) => open,
                None => return Ok(None),
            },
        };
        if self.buffer.len() < length {
            self.buffer.reserve(length - self.buffer.len());
            self.open = Some((head, length));
            return Ok(None);
        }
        let body = self.buffer.split_to(length).freeze();
        Ok(Some(Frame { head, body }))
    }

    fn next_head(&mut self) -> Result<Option<(Bytes, usize)>, FrameError> {
        if self.searched == 0 {
            let blank = self.buffer.iter().take_while(|byte| **byte == b'\n').count();
            self.buffer.advance(blank);
        }
        let Some(end) = memmem::find(self.buffer.get(self.searched..).unwrap_or_default(), b"\n\n") else {
            // The end may be cut between its two line feeds.
            self.searched = self.buffer.len().saturating_sub(1);
            return if self.buffer.len() > MAX_HEAD { Err(FrameError::HeadTooLong) } else { Ok(None) };
        };
        let end = self.searched + end + 2;
        self.searched = 0;
        if end > MAX_HEAD {
            return Err(FrameError::HeadTooLong);
        }
        let head = self.buffer.split_to(end).freeze();
        let length = content_length(&head, self.most)?;
        Ok(Some((head, length)))
    }
}

fn content_length(head: &[u8], most: usize) -> Result<usize, FrameError> {
    let Some((_, value)) = header_lines(head).find(|(key, _)| *key == b"Content-Length") else { return Ok(0) };
    let digits = as_text(value).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|text| text.parse().ok()).ok_or(FrameError::BadLength)?;
    if length > most { Err(FrameError::BodyTooLong) } else { Ok(length) }
}

/// The headers of a block of lines up to its first empty line, as they stand there.
pub(super) fn header_lines(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let (line, after) = split_line(rest);
            if line.is_empty() {
                return None;
            }
            rest = after;
            if let Some(colon) = memchr::memchr(b':', line) {
                let value = &line[colon + 1..];
                return Some((&line[..colon], value.strip_prefix(b" ").unwrap_or(value)));
            }
        }
    })
}

/// The first line without its line feed, and what follows it.
fn split_line(block: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', block) {
        Some(end) => (&block[..end], &block[end + 1..]),
        None => (block, &[]),
    }
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(chunks: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame()? {
                found.push(frame);
            }
        }
        Ok(found)
    }

    const STREAM: &[u8] = b"Content-Type: auth/request\n\n\
        Content-Type: api/response\nContent-Length: 14\n\n+OK [Success]\n\
        Content-Length: 5\nContent-Type: text/event-plain\n\na: b\n\
        \nContent-Type: command/reply\nReply-Text: +OK\n\n";

    #[test]
    fn a_stream_is_cut_into_its_frames() {
        let frames = frames(&[STREAM]).unwrap();
        let kinds: Vec<ContentType> = frames.iter().map(Frame::content_type).collect();
        assert_eq!(
            kinds,
            [ContentType::AuthRequest, ContentType::ApiResponse, ContentType::EventPlain, ContentType::CommandReply]
        );
        assert_eq!(&frames[1].body[..], b"+OK [Success]\n");
        assert_eq!(&frames[2].body[..], b"a: b\n");
        assert_eq!(frames[3].header("Reply-Text"), Some("+OK"));
    }

    #[test]
    fn an_empty_body_and_a_missing_header_are_no_trouble() {
        let frames = frames(&[b"Content-Type: api/response\nContent-Length: 0\n\nContent-Type: x\n\n"]).unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1].header("Reply-Text"), None);
        assert_eq!(frames[1].content_type(), ContentType::Other);
    }

    #[test]
    fn a_length_that_is_none_or_too_large_is_an_error() {
        for bad in ["x", "", "-1", "1 2", "99999999999999999999"] {
            let head = format!("Content-Length: {bad}\n\n");
            assert_eq!(frames(&[head.as_bytes()]), Err(FrameError::BadLength), "{bad:?}");
        }
        assert_eq!(frames(&[b"Content-Length: 536870913\n\n"]), Err(FrameError::BodyTooLong));
    }

    #[test]
    fn a_wary_framer_takes_short_bodies_only_until_it_trusts() {
        let mut framer = Framer::wary();
        framer.push(b"Content-Length: 65537\n\n");
        assert_eq!(framer.next_frame(), Err(FrameError::BodyTooLong));
        let mut framer = Framer::wary();
        framer.trust();
        framer.push(b"Content-Length: 65537\n\n");
        assert_eq!(framer.next_frame(), Ok(None));
    }

    #[test]
    fn a_head_without_an_end_is_an_error_and_not_a_growing_buffer() {
        let endless = vec![b'x'; MAX_HEAD + 1];
        assert_eq!(frames(&[&endless]), Err(FrameError::HeadTooLong));
    }

    proptest! {
        #[test]
        fn frames_do_not_depend_on_where_the_network_cuts(cuts in proptest::collection::vec(0..STREAM.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                chunks.push(&STREAM[from..cut]);
                from = cut;
            }
            prop_assert_eq!(frames(&chunks), frames(&[STREAM]));
        }

        #[test]
        fn no_bytes_make_the_framer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = frames(&[&bytes]);
        }
    }
}
