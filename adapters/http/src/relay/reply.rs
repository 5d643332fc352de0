//! The answer of a handler.

use std::io;

use async_net::unix::UnixStream;
use http::StatusCode;
use memchr::memmem;
use smol::io::AsyncReadExt as _;

use super::{Failure, HANDLER_TIME, Permit, Relay};
use crate::answer::{Answer, HeaderLines};
use crate::deadline::within;

/// The head of a handler's answer may have this many bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// A body is read in pieces of this size.
const PIECE: usize = 64 * 1024;

/// Headers that are about the connection between the gate and the handler, or that the gate makes itself.
const NOT_FOR_CLIENTS: [&str; 8] =
    ["connection", "keep-alive", "transfer-encoding", "trailer", "upgrade", "content-length", "date", "server"];

/// The head of an answer, and what came with it of the body.
pub(super) struct Start {
    status: StatusCode,
    headers: HeaderLines,
    /// Of the body, as it is announced.
    length: u64,
    /// Whether there is a body.
    has_body: bool,
    body: Vec<u8>,
}

impl Start {
    /// Reads the head of the answer; to a HEAD request there is nothing more.
    pub(super) async fn read(stream: &mut UnixStream, is_head: bool) -> Result<Self, Failure> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        let end = loop {
            if let Some(at) = memmem::find(&bytes, b"\r\n\r\n") {
                break at + 4;
            }
            if bytes.len() >= HEAD_BYTES {
                return Err(Failure::Malformed);
            }
            if read_some(stream, &mut bytes, HEAD_BYTES).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        };
        let body = bytes.split_off(end);
        let start = Self::parse(&bytes, is_head, body).ok_or(Failure::Malformed)?;
        let excess = start.body.len() as u64 > start.length_of_body();
        if excess { Err(Failure::Malformed) } else { Ok(start) }
    }

    fn parse(head: &[u8], is_head: bool, body: Vec<u8>) -> Option<Self> {
        let mut space = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut space);
        response.parse(head).ok()?.is_complete().then_some(())?;
        let status = StatusCode::from_u16(response.code?).ok()?;
        let mut headers = HeaderLines::default();
        let mut length = None;
        for header in response.headers.iter() {
            let value = std::str::from_utf8(header.value).ok()?;
            if header.name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse().ok()?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return None;
            }
            if !NOT_FOR_CLIENTS.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
                headers.push(header.name, value);
            }
        }
        let has_body = !is_head && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let length = if has_body { length? } else { length.unwrap_or(0) };
        Some(Self { status, headers, length, has_body, body })
    }

    /// The whole answer, once the rest of its body has come.
    pub(super) async fn into_answer(self, stream: &mut UnixStream) -> Result<Answer, Failure> {
        let mut left = self.length_of_body().saturating_sub(self.body.len() as u64);
        let mut body = self.body;
        while left > 0 {
            left = left.saturating_sub(read_piece(stream, &mut body, left).await? as u64);
        }
        Ok(Answer { status: self.status, headers: self.headers, body: body.into() })
    }

    fn length_of_body(&self) -> u64 {
        if self.has_body { self.length } else { 0 }
    }
}

/// A handler's answer whose body is read piece by piece. Dropped before its end, it takes its connection along.
pub(crate) struct Reply<'r> {
    relay: &'r Relay,
    _permit: Permit<'r>,
    stream: Option<UnixStream>,
    start: Start,
    /// Of the body, what was not handed out yet.
    left: u64,
}

impl<'r> Reply<'r> {
    pub(super) fn new(relay: &'r Relay, permit: Permit<'r>, stream: UnixStream, start: Start) -> Self {
        let left = start.length_of_body();
        Self { relay, _permit: permit, stream: Some(stream), start, left }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.start.status
    }

    /// Its headers, without those that are not for clients.
    pub(crate) fn headers(&self) -> &HeaderLines {
        &self.start.headers
    }

    /// The announced length of its body, which an answer to HEAD has as well.
    pub(crate) fn length(&self) -> u64 {
        self.start.length
    }

    /// Appends the next piece of the body to `out`; whether there is more after it.
    pub(crate) async fn read_piece(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if !self.start.body.is_empty() {
            self.left = self.left.saturating_sub(self.start.body.len() as u64);
            out.append(&mut self.start.body);
        } else if self.left > 0
            && let Some(stream) = &mut self.stream
        {
            self.left = self.left.saturating_sub(read_piece(stream, out, self.left).await? as u64);
        }
        if self.left == 0
            && let Some(stream) = self.stream.take()
        {
            self.relay.keep(stream);
        }
        Ok(self.left > 0)
    }
}

/// Appends the next piece of a body of which `left` bytes are missing.
async fn read_piece(stream: &mut UnixStream, bytes: &mut Vec<u8>, left: u64) -> io::Result<usize> {
    let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
    match within(HANDLER_TIME, read_some(stream, bytes, wanted)).await.ok_or(io::ErrorKind::TimedOut)?? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(count),
    }
}

/// Appends what is there, at most `most` bytes; 0 at the end of the stream.
async fn read_some(stream: &mut UnixStream, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let before = bytes.len();
    bytes.resize(before + most, 0);
    let count = stream.read(bytes.get_mut(before..).unwrap_or_default()).await;
    bytes.truncate(before + *count.as_ref().unwrap_or(&0));
    count
}
