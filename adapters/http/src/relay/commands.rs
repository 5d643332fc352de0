//! Commands on their way to the engine: each has a connection of its own, which it holds until its answer comes.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use smol::lock::{Semaphore, SemaphoreGuard};

use super::way::{Way, send};
use super::{Ask, Failure};
use crate::answer::Answer;
use crate::deadline::within;
use crate::problem::Problem;

/// How many commands a gate has under way at once; more are refused. A queue that takes as many never refuses one.
// Each holds a connection to the handlers, and a thread of tiny_http's.
pub const COMMANDS: usize = 256;

/// How long a command may take. It can wait for one change, and then for its own; the switch may take two minutes for
/// each, and once more to put things back. The engine answers every request: this is for the case that it does not.
const COMMAND_TIME: Duration = Duration::from_secs(15 * 60);

/// The connections to the handlers of commands.
pub(crate) struct CommandRelay {
    way: Way,
    turns: Semaphore,
}

impl CommandRelay {
    /// To the handlers that listen on `socket`.
    pub(crate) fn to(socket: &Path) -> Self {
        Self { way: Way::to(socket), turns: Semaphore::new(COMMANDS) }
    }

    /// The right to one command. Nobody waits for it: whoever comes when there is none has to come again.
    pub(crate) fn turn(&self) -> Result<SemaphoreGuard<'_>, Problem> {
        self.turns.try_acquire().ok_or_else(Problem::busy)
    }

    /// Sends a command and waits for the whole answer. It is never sent twice.
    pub(crate) async fn carry_out(&self, ask: &Ask, body: &[u8]) -> Result<Answer, Problem> {
        self.exchange(ask, body).await.map_err(|failure| {
            log::error!("a command got no answer: {failure:?}");
            let status = match failure {
                Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                Failure::Io(_) | Failure::Malformed => StatusCode::BAD_GATEWAY,
            };
            Problem::new(status, "the answer did not come; the lists show what was changed")
        })
    }

    async fn exchange(&self, ask: &Ask, body: &[u8]) -> Result<Answer, Failure> {
        let stream = self.way.connect().await?;
        let head = ask.head_for(body.len());
        let answer = send(stream, &head, body, false);
        let (mut stream, start) = within(COMMAND_TIME, answer).await.ok_or(Failure::TimedOut)??;
        start.into_answer(&mut stream).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_turns_and_whoever_is_done_gives_its_own_back() {
        let relay = CommandRelay::to(Path::new("/nonexistent/socket"));
        let turns: Vec<_> = (0..COMMANDS).map(|_| relay.turn().unwrap()).collect();
        assert_eq!(relay.turn().err().map(|problem| problem.status()), Some(StatusCode::SERVICE_UNAVAILABLE));
        drop(turns);
        assert!(relay.turn().is_ok());
    }
}
