//! Changes on their way to their handlers: each has a connection of its own, which it holds until its answer comes.

use std::path::Path;
use std::time::Duration;

use async_net::unix::UnixStream;
use http::StatusCode;

use super::shares::{Occupied, Patience, Refusal, Share, Shares};
use super::way::{Way, send};
use super::{Ask, Failure};
use crate::answer::Answer;
use crate::budget::{Budget, Portion};
use crate::deadline::within;
use crate::problem::Problem;

/// How many commands a gate has under way at once; more are refused. A queue that takes as many never refuses one.
// Each holds a connection to the handlers, and a thread of tiny_http's.
pub const COMMANDS: usize = 256;

/// How many removals, and how many uploads there are at once, and how many of them can be one user's.
const FILE_CHANGES: usize = 64;
const FILE_CHANGES_PER_CALLER: usize = 2;

/// How long a change may take. A command can wait for one change, and then for its own; the switch may take two minutes
/// for each, and once more to put things back. The engine answers every request: this is for the case that it does not.
const CHANGE_TIME: Duration = Duration::from_secs(15 * 60);

/// The connections to the handlers of changes of one kind.
pub(crate) struct ChangeRelay {
    way: Way,
    shares: Shares,
    patience: Patience,
    bodies: Budget,
    /// What is said when nobody knows whether something was changed.
    doubt: &'static str,
}

impl ChangeRelay {
    /// For commands, to the handlers that listen on `socket`. Nobody waits for a turn: whoever comes when there is none
    /// has to come again. Their bodies together can have so many bytes.
    pub(crate) fn commands(socket: &Path, bodies_bytes: u64) -> Self {
        Self {
            way: Way::to(socket),
            shares: Shares::first_come(COMMANDS),
            patience: Patience::None,
            bodies: Budget::of(bodies_bytes),
            doubt: "the answer did not come; the lists show what was changed",
        }
    }

    /// The same for removals of recordings. Who asks for many at once gets them in turn.
    pub(crate) fn removals(socket: &Path, bodies_bytes: u64) -> Self {
        let shares = Shares::fair(FILE_CHANGES, FILE_CHANGES_PER_CALLER);
        Self { shares, patience: Patience::ForAll, ..Self::commands(socket, bodies_bytes) }
    }

    /// The same for what phones upload.
    pub(crate) fn uploads(socket: &Path, bodies_bytes: u64) -> Self {
        let doubt = "the answer did not come; the upload may have been kept";
        Self { doubt, ..Self::removals(socket, bodies_bytes) }
    }

    /// The right to one change.
    pub(crate) async fn share(&self, ask: &Ask) -> Result<Share<'_>, Problem> {
        self.shares.take(ask.caller.id.as_str(), self.patience).await.map_err(|refusal| match refusal {
            Refusal::Full => Problem::busy(),
            Refusal::Own(_) => refusal.into(),
        })
    }

    /// How many are under way.
    pub(crate) fn occupied(&self) -> Occupied {
        self.shares.occupied()
    }

    /// The memory for one body, which is none yet.
    pub(crate) fn memory(&self) -> Portion<'_> {
        self.bodies.portion()
    }

    /// Sends a change and waits for the whole answer. It is never sent twice. The problem is that nothing was changed; when
    /// nobody knows, that is an answer.
    pub(crate) async fn carry_out(&self, ask: &Ask, body: &[u8]) -> Result<Answer, Problem> {
        let stream = self.way.connect().await.map_err(|failure| {
            log::error!("the handlers of changes cannot be reached: {failure:?}");
            let detail = "the change could not be handed on; nothing was changed";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Problem::PAUSE)
        })?;
        Ok(exchange(stream, ask, body).await.unwrap_or_else(|failure| {
            log::error!("a change got no answer: {failure:?}");
            let status = match failure {
                Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                Failure::Io(_) | Failure::Malformed => StatusCode::BAD_GATEWAY,
            };
            Problem::new(status, self.doubt).into()
        }))
    }
}

/// The connection ends with the answer.
async fn exchange(stream: UnixStream, ask: &Ask, body: &[u8]) -> Result<Answer, Failure> {
    let head = ask.head_for(body.len());
    let answer = send(stream, &head, body, false);
    let (mut stream, start) = within(CHANGE_TIME, answer).await.ok_or(Failure::TimedOut)??;
    start.into_answer(&mut stream).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::tests::{ask, relayed};
    use http::Method;

    #[test]
    fn there_are_so_many_turns_and_whoever_is_done_gives_its_own_back() {
        let relay = ChangeRelay::commands(Path::new("/nonexistent/socket"), 0);
        let ask = ask(&Method::POST, "/a", &[]);
        let turn = || smol::block_on(relay.share(&ask));
        let turns: Vec<_> = (0..COMMANDS).map(|_| turn().unwrap_or_else(|_| panic!("no turn"))).collect();
        assert_eq!(turn().err().map(|problem| problem.status()), Some(StatusCode::SERVICE_UNAVAILABLE));
        drop(turns);
        assert!(turn().is_ok());
    }

    #[test]
    fn what_cannot_be_sent_is_a_problem_and_what_may_have_been_done_an_answer_without_lists() {
        let ask = ask(&Method::PUT, "/a", &[]);
        let nobody = ChangeRelay::uploads(Path::new("/nonexistent/socket"), 0);
        assert!(smol::block_on(nobody.carry_out(&ask, b"")).is_err());
        let (_folder, socket, requests) = relayed(&["HTTP/1.1 204 No Content\r\n\r\n", ""]);
        let answer = smol::block_on(ChangeRelay::removals(&socket, 0).carry_out(&ask, b"")).unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&problem["status"], problem.get("done")), (&502.into(), None));
        let sent: Vec<_> = requests.try_iter().filter(|request| request.starts_with("PUT")).collect();
        assert_eq!(sent.len(), 1, "it is never sent twice");
        assert!(sent[0].ends_with("\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "{sent:?}");
    }
}
