//! The answer of a handler.

use std::{io, mem};

use async_net::unix::UnixStream;
use bytes::Bytes;
use http::StatusCode;
use memchr::memmem;
use smol::io::AsyncReadExt as _;

use super::files::Connection;
use super::shares::Share;
use super::{Failure, HANDLER_TIME};
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
    status: StatusCode,
    headers: HeaderLines,
    /// Of the body, as it is announced.
    length: u64,
    /// Of the body, what is here and was not handed out yet.
    here: Bytes,
    /// Of the body, what is not here yet.
    left: u64,
    /// Where that comes from.
    connection: Option<Connection<'r>>,
    _share: Share<'r>,
}

impl<'r> Reply<'r> {
    pub(super) fn new(share: Share<'r>, connection: Connection<'r>, start: Start) -> Self {
        let left = start.length_of_body().saturating_sub(start.body.len() as u64);
        let Start { status, headers, length, body, has_body: _ } = start;
        let connection = Some(connection);
        let mut reply = Self { status, headers, length, here: body.into(), left, connection, _share: share };
        reply.arrived(0);
        reply
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers, without those that are not for clients.
    pub(crate) fn headers(&self) -> &HeaderLines {
        &self.headers
    }

    /// The announced length of its body, which an answer to HEAD has as well.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// How much of the body is not here yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Waits for all of the body, and has the handler do something else.
    pub(super) async fn complete(&mut self) -> io::Result<()> {
        let mut body = Vec::from(mem::take(&mut self.here));
        while let Some(connection) = &mut self.connection {
            let count = read_piece(&mut connection.stream, &mut body, self.left).await?;
            self.arrived(count);
        }
        self.here = body.into();
        Ok(())
    }

    /// Appends the next piece of the body to `out`; whether there is more after it.
    pub(crate) async fn read_piece(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if !self.here.is_empty() {
            out.extend_from_slice(&self.here.split_to(PIECE.min(self.here.len())));
        } else if let Some(connection) = &mut self.connection {
            let count = read_piece(&mut connection.stream, out, self.left).await?;
            self.arrived(count);
        }
        Ok(!self.here.is_empty() || self.left > 0)
    }

    /// Counts what has come of the body. After its end the connection is somebody else's.
    fn arrived(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        if self.left == 0
            && let Some(connection) = self.connection.take()
        {
            connection.give_back();
        }
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
