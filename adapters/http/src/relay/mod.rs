//! From the gate to the handlers behind it: HTTP over bounded numbers of connections to Unix sockets, one socket for files
//! and one for commands, so that none waits for the other.

mod commands;
mod reply;
mod way;

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_net::unix::UnixStream;
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use smol::lock::{Semaphore, SemaphoreGuard};

use crate::auth::Caller;
use crate::caller;
use crate::gate::deadline::within;
use crate::problem::Problem;
pub use commands::COMMANDS;
pub(crate) use commands::CommandRelay;
pub(crate) use reply::Reply;
use reply::Start;
use way::{Way, send};

/// How many requests for files are behind the gate at once. There is a thread for each.
pub(crate) const CONNECTIONS: usize = 16;
/// How long a request waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(10);
/// How long a handler may take to begin its answer, and for each further piece of it.
const HANDLER_TIME: Duration = Duration::from_secs(30);

/// The headers of a client that handlers get to see. All others stay here, `Authorization` above all.
const FORWARDED: [&str; 2] = ["if-none-match", "if-modified-since"];

/// What has to be encoded in a path; a `%` of the client's was decoded before.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'?').add(b'<').add(b'>').add(b'\\');

/// A request to a handler, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ask {
    head: String,
    is_head: bool,
}

impl Ask {
    /// For `path`, which is decoded and begins with a slash, by `caller`, who is at `address`.
    pub(crate) fn new(
        method: &Method,
        path: &str,
        headers: &[httparse::Header<'_>],
        caller: Caller<'_>,
        address: IpAddr,
    ) -> Self {
        let path = utf8_percent_encode(path, PATH);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gate\r\n");
        // Writing into a string does not fail, here and below.
        let _ = write!(head, "{}: {}\r\n", caller::HEADER, caller::to_header(caller, address));
        for name in FORWARDED {
            let sent = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            // Values that are not ASCII mean nothing to a handler.
            for value in
                sent.filter_map(|header| std::str::from_utf8(header.value).ok()).filter(|value| value.is_ascii())
            {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        head.push_str("\r\n");
        Self { head, is_head: *method == Method::HEAD }
    }

    /// The head of the request, if a body of so many bytes follows.
    fn head_for(&self, length: usize) -> String {
        let lines = self.head.strip_suffix("\r\n").unwrap_or(&self.head);
        format!("{lines}Content-Length: {length}\r\n\r\n")
    }
}

/// The connections to the handlers of files.
pub(crate) struct Relay {
    way: Way,
    turns: Semaphore,
    idle: Mutex<Vec<UnixStream>>,
}

/// Why a handler's answer did not come.
#[derive(Debug)]
enum Failure {
    Io(io::Error),
    TimedOut,
    /// It was no HTTP, or framed in a way handlers do not frame.
    Malformed,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Relay {
    /// To the handlers that listen on `socket`.
    pub(crate) fn to(socket: &Path) -> Self {
        Self { way: Way::to(socket), turns: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    /// Sends a request and waits for the beginning of the answer.
    pub(crate) async fn fetch(&self, ask: &Ask) -> Result<Reply<'_>, Problem> {
        let Some(turn) = within(TURN_TIME, self.turns.acquire()).await else {
            let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many files are being sent at the moment");
            return Err(busy.retry_after(TURN_TIME));
        };
        self.exchange(ask, turn).await.map_err(|failure| {
            log::error!("a handler behind the gate failed: {failure:?}");
            match failure {
                Failure::TimedOut => {
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long").retry_after(HANDLER_TIME)
                }
                Failure::Io(_) | Failure::Malformed => Problem::new(StatusCode::BAD_GATEWAY, "the answer did not come"),
            }
        })
    }

    async fn exchange<'r>(&'r self, ask: &Ask, turn: SemaphoreGuard<'r>) -> Result<Reply<'r>, Failure> {
        // A connection that was idle may have been closed meanwhile. That shows as an error before any answer, and the
        // request is sent again on a new one; it only reads, so twice is as good as once.
        if let Some(stream) = self.take_idle() {
            match begin(stream, ask).await {
                Ok((stream, start)) => return Ok(Reply::new(self, turn, stream, start)),
                Err(Failure::Io(error)) => log::debug!("an idle connection to the handlers was closed: {error}"),
                Err(failure) => return Err(failure),
            }
        }
        let (stream, start) = begin(self.way.connect().await?, ask).await?;
        Ok(Reply::new(self, turn, stream, start))
    }

    fn take_idle(&self) -> Option<UnixStream> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection on which the last answer was read to its end.
    fn keep(&self, stream: UnixStream) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    }
}

async fn begin(stream: UnixStream, ask: &Ask) -> Result<(UnixStream, Start), Failure> {
    within(HANDLER_TIME, send(stream, &ask.head, &[], ask.is_head)).await.ok_or(Failure::TimedOut)?
}

#[cfg(test)]
mod tests;
