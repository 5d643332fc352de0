//! From the gate to the handlers behind it: HTTP over bounded numbers of connections to Unix sockets, one socket for what is
//! quick, one for downloads and one for commands, so that none waits for another.

mod commands;
mod reply;
mod shares;
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
use crate::deadline::within;
use crate::problem::Problem;
pub use commands::COMMANDS;
pub(crate) use commands::CommandRelay;
pub(crate) use reply::Reply;
use reply::Start;
pub(crate) use shares::Share;
use shares::Shares;
use way::{Way, send};

/// How many short requests for files are behind the gate at once. There is a thread for each.
pub(crate) const QUICK: usize = 32;
/// How many downloads there are at once. There is a thread for each.
pub(crate) const DOWNLOADS: usize = 64;
/// How many requests for files one user can have at once, in each lane. A browser has six connections.
const PER_CALLER: usize = 8;
/// How long a request waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(10);
/// How long a handler may take to begin its answer, and for each further piece of it.
const HANDLER_TIME: Duration = Duration::from_secs(30);

/// The headers of a client that handlers get to see. All others stay here, `Authorization` above all.
const FORWARDED: [&str; 6] =
    ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"];

/// What has to be encoded in a path beyond what the client has encoded.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'?').add(b'<').add(b'>').add(b'\\');

/// A request to a handler, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ask {
    head: String,
    is_head: bool,
    /// The id of the user who asks.
    caller: String,
}

impl Ask {
    /// For `path`, which is as it was sent, without the query, by `caller`, who is at `address`.
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
        Self { head, is_head: *method == Method::HEAD, caller: caller.user.id.as_str().to_owned() }
    }

    /// The head of the request, if a body of so many bytes follows.
    fn head_for(&self, length: usize) -> String {
        let lines = self.head.strip_suffix("\r\n").unwrap_or(&self.head);
        format!("{lines}Content-Length: {length}\r\n\r\n")
    }
}

/// The connections to the handlers of files in one lane.
pub(crate) struct Relay {
    way: Way,
    shares: Shares,
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
    /// To the handlers of short requests, which listen on `socket`. Who asks for many at once gets them in turn.
    pub(crate) fn quick(socket: &Path) -> Self {
        Self::to(socket, QUICK, TURN_TIME)
    }

    /// To the handlers of downloads, which listen on `socket`. Who has too many under way is refused at once: they can
    /// last for hours.
    pub(crate) fn downloads(socket: &Path) -> Self {
        Self::to(socket, DOWNLOADS, Duration::ZERO)
    }

    fn to(socket: &Path, handlers: usize, patience: Duration) -> Self {
        Self {
            way: Way::to(socket),
            shares: Shares::of(PER_CALLER, patience),
            turns: Semaphore::new(handlers),
            idle: Mutex::default(),
        }
    }

    /// The right to have this asked.
    pub(crate) async fn share(&self, ask: &Ask) -> Result<Share<'_>, Problem> {
        self.shares.take(&ask.caller).await.ok_or_else(|| {
            let detail = format!("{PER_CALLER} files at once are under way to you already; finish one first");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Problem::PAUSE)
        })
    }

    /// Sends a request with its body, if it has one, and waits for the beginning of the answer.
    pub(crate) async fn fetch<'r>(
        &'r self,
        ask: &Ask,
        body: Option<&[u8]>,
        share: Share<'r>,
    ) -> Result<Reply<'r>, Problem> {
        let Some(turn) = within(TURN_TIME, self.turns.acquire()).await else {
            let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many files are being sent at the moment");
            return Err(busy.retry_after(TURN_TIME));
        };
        let exchange = async {
            match body {
                Some(body) => self.exchange_once(ask, body).await,
                None => self.exchange(ask).await,
            }
        };
        let (stream, start) = exchange.await.map_err(|failure| {
            log::error!("a handler behind the gate failed: {failure:?}");
            match failure {
                Failure::TimedOut => {
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long").retry_after(HANDLER_TIME)
                }
                Failure::Io(_) | Failure::Malformed => Problem::new(StatusCode::BAD_GATEWAY, "the answer did not come"),
            }
        })?;
        Ok(Reply::new(self, Permit { _share: share, _turn: turn }, stream, start))
    }

    async fn exchange(&self, ask: &Ask) -> Result<(UnixStream, Start), Failure> {
        // A connection that was idle may have been closed meanwhile. That shows as an error before any answer, and the
        // request is sent again on a new one; it only reads, so twice is as good as once.
        if let Some(stream) = self.take_idle() {
            match begin(stream, &ask.head, &[], ask.is_head).await {
                Err(Failure::Io(error)) => log::debug!("an idle connection to the handlers was closed: {error}"),
                begun => return begun,
            }
        }
        begin(self.way.connect().await?, &ask.head, &[], ask.is_head).await
    }

    /// What changes something is sent on a new connection, and never twice.
    async fn exchange_once(&self, ask: &Ask, body: &[u8]) -> Result<(UnixStream, Start), Failure> {
        begin(self.way.connect().await?, &ask.head_for(body.len()), body, ask.is_head).await
    }

    fn take_idle(&self) -> Option<UnixStream> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection on which the last answer was read to its end.
    fn keep(&self, stream: UnixStream) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    }
}

/// What an answer that is under way takes of a relay.
struct Permit<'r> {
    _share: Share<'r>,
    _turn: SemaphoreGuard<'r>,
}

async fn begin(stream: UnixStream, head: &str, body: &[u8], is_head: bool) -> Result<(UnixStream, Start), Failure> {
    within(HANDLER_TIME, send(stream, head, body, is_head)).await.ok_or(Failure::TimedOut)?
}

#[cfg(test)]
mod tests;
