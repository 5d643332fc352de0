//! Requests that only read files, in two lanes. What is short is taken whole into memory, so that a client that reads slowly
//! holds up no handler; what turns out to be long is asked for again in the lane of the downloads.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_net::unix::UnixStream;
use http::StatusCode;
use smol::lock::{Semaphore, SemaphoreGuard};

use super::reply::{Reply, Start};
use super::shares::{Occupied, Patience, Shares};
use super::way::{Way, send};
use super::{Ask, Failure, HANDLER_TIME, TURN_TIME};
use crate::deadline::within;
use crate::problem::Problem;
use crate::routes::Reading;

/// How many handlers of short requests there are. There is a thread for each.
pub(crate) const QUICK: usize = 16;
/// How many downloads there are at once. There is a thread for each.
pub(crate) const DOWNLOADS: usize = 128;
/// What is longer is a download, whatever it is.
const SHORT: u64 = 256 * 1024;
/// How many short answers are in memory at once: together no more than 32 MiB.
const SHORT_ANSWERS: usize = 128;
/// How many requests for files one user can have at once, in each lane. A browser has six connections.
const PER_CALLER: usize = 8;

/// The connections to the handlers of files.
pub(crate) struct FileRelay {
    quick: Lane,
    downloads: Lane,
}

impl FileRelay {
    /// To the handlers that listen on these sockets.
    pub(crate) fn to(quick: &Path, downloads: &Path) -> Self {
        Self { quick: Lane::to(quick, QUICK, SHORT_ANSWERS), downloads: Lane::to(downloads, DOWNLOADS, DOWNLOADS) }
    }

    /// Sends a request and waits for the beginning of the answer, or for all of it if it is short.
    pub(crate) async fn fetch(&self, reading: Reading, ask: &Ask) -> Result<Reply<'_>, Problem> {
        match reading {
            // Downloads can last for hours: who has too many is refused at once.
            Reading::Download => self.downloads.fetch(ask, Patience::ForOthers).await,
            Reading::Quick => match self.fetch_short(ask).await? {
                Some(reply) => Ok(reply),
                None => self.downloads.fetch(ask, Patience::ForAll).await,
            },
        }
    }

    /// How many are under way.
    pub(crate) fn occupied(&self, reading: Reading) -> Occupied {
        match reading {
            Reading::Quick => self.quick.shares.occupied(),
            Reading::Download => self.downloads.shares.occupied(),
        }
    }

    /// The whole answer. If it is not short, nothing: the connection is dropped, and so is what the handler was about to do.
    async fn fetch_short(&self, ask: &Ask) -> Result<Option<Reply<'_>>, Problem> {
        let mut reply = self.quick.fetch(ask, Patience::ForAll).await?;
        if reply.left() > SHORT {
            return Ok(None);
        }
        reply.complete().await.map_err(problem)?;
        Ok(Some(reply))
    }
}

/// The connections in one lane.
pub(super) struct Lane {
    way: Way,
    shares: Shares,
    handlers: usize,
    turns: Semaphore,
    idle: Mutex<Vec<UnixStream>>,
}

impl Lane {
    fn to(socket: &Path, handlers: usize, answers: usize) -> Self {
        Self {
            way: Way::to(socket),
            shares: Shares::fair(answers, PER_CALLER),
            handlers,
            turns: Semaphore::new(handlers),
            idle: Mutex::default(),
        }
    }

    async fn fetch(&self, ask: &Ask, patience: Patience) -> Result<Reply<'_>, Problem> {
        let share = self.shares.take(ask.caller.id.as_str(), patience).await?;
        let Some(turn) = within(TURN_TIME, self.turns.acquire()).await else {
            let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many files are being sent at the moment");
            return Err(busy.retry_after(TURN_TIME));
        };
        let (stream, start) = self.exchange(ask).await.map_err(problem)?;
        Ok(Reply::new(share, Connection { lane: self, stream, _turn: turn }, start))
    }

    async fn exchange(&self, ask: &Ask) -> Result<(UnixStream, Start), Failure> {
        // A connection that was idle may have been closed meanwhile. That shows as an error before any answer, and the
        // request is sent again on a new one; it only reads, so twice is as good as once.
        if let Some(stream) = self.take_idle() {
            match begin(stream, ask).await {
                Err(Failure::Io(error)) => log::debug!("an idle connection to the handlers was closed: {error}"),
                begun => return begun,
            }
        }
        begin(self.way.connect().await?, ask).await
    }

    fn take_idle(&self) -> Option<UnixStream> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection on which the last answer was read to its end.
    fn keep(&self, stream: UnixStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Each has a thread of tiny_http's.
        if idle.len() < self.handlers {
            idle.push(stream);
        }
    }
}

/// A connection on which an answer is under way, with the right to have a handler at work.
pub(super) struct Connection<'r> {
    lane: &'r Lane,
    pub(super) stream: UnixStream,
    _turn: SemaphoreGuard<'r>,
}

impl Connection<'_> {
    /// Gives it back, after the last answer was read to its end.
    pub(super) fn give_back(self) {
        self.lane.keep(self.stream);
    }
}

async fn begin(stream: UnixStream, ask: &Ask) -> Result<(UnixStream, Start), Failure> {
    within(HANDLER_TIME, send(stream, &ask.head, &[], ask.is_head)).await.ok_or(Failure::TimedOut)?
}

fn problem(failure: impl Into<Failure>) -> Problem {
    let failure = failure.into();
    log::error!("a handler behind the gate failed: {failure:?}");
    match failure {
        Failure::TimedOut => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long").retry_after(HANDLER_TIME)
        }
        Failure::Io(_) | Failure::Malformed => Problem::new(StatusCode::BAD_GATEWAY, "the answer did not come"),
    }
}
