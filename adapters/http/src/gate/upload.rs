//! The body of a request, on its way into memory: bounded in size, in time, and together with all others.

use std::io;
use std::task::Poll;
use std::time::Instant;

use http::StatusCode;
use smol::future;
use smol::io::{AsyncRead, AsyncWrite};

use super::framing::{self, BodyReader};
use super::head::{Body, Connection, Head};
use super::input::Input;
use super::limits::Limits;
use super::stopping::Stopping;
use super::stream::{Broken, write_within};
use crate::budget::Portion;
use crate::deadline::Deadline;
use crate::problem::Problem;

/// A body that has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    framing: Body,
    /// How long it may be.
    limit: u64,
    /// Whether the client waits for a `100 Continue`.
    is_waited_for: bool,
    /// Whether the connection goes on after a body that was read to its end.
    pub(super) connection: Connection,
}

impl Upload {
    /// The body of a request with this head, which has to be JSON.
    pub(super) fn of_json(head: &Head<'_>, limits: &Limits) -> Result<Self, Problem> {
        let upload = Self::within(limits.body_bytes, head)?;
        let mut types = head.values("content-type");
        if types.next().is_some_and(is_json) && types.all(is_json) {
            return Ok(upload);
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be JSON, with `Content-Type: application/json`",
        ))
    }

    /// The body of a request with this head, whatever it is.
    pub(super) fn of_bytes(head: &Head<'_>, limits: &Limits) -> Result<Self, Problem> {
        Self::within(limits.upload_bytes, head)
    }

    fn within(limit: u64, head: &Head<'_>) -> Result<Self, Problem> {
        match head.body {
            Body::None => {
                Err(Problem::new(StatusCode::LENGTH_REQUIRED, "the request needs a body with a Content-Length"))
            }
            Body::Sized(length) if length > limit => Err(framing::too_large()),
            framing => {
                let is_waited_for = head.expects_continue && framing != Body::Sized(0);
                Ok(Self { framing, limit, is_waited_for, connection: head.connection })
            }
        }
    }
}

/// Whatever parameters it has: JSON is UTF-8, and whether the body is will show.
fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Why a body did not arrive.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client has to be told.
    Refused(Problem),
    /// There is no client any more.
    Broken(Broken),
}

impl Failure {
    /// The reason, for the log.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Refused(problem) => problem.detail(),
            Self::Broken(_) => "the request broke off",
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Where a body comes from.
pub(super) struct Source<'a, S> {
    pub(super) stream: &'a mut S,
    pub(super) input: &'a mut Input,
    pub(super) deadline: &'a mut Deadline,
    pub(super) limits: &'a Limits,
    pub(super) stopping: &'a mut Stopping,
    /// Whether the deadline was brought forward since the gate stops. False at first.
    pub(super) is_hurried: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Source<'_, S> {
    /// Reads the whole body. Once the gate stops, that has half of the time there is for stopping, and what follows the rest.
    pub(super) async fn read(&mut self, upload: Upload, memory: &mut Portion<'_>) -> Result<Vec<u8>, Failure> {
        if upload.is_waited_for {
            let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
            write_within(self.deadline, self.limits.write_time, self.stream, go_on).await?;
        }
        self.deadline.move_to(Instant::now() + self.limits.body_time);
        let mut reader = BodyReader::new(upload.framing, upload.limit)?;
        loop {
            let taken = reader.take(self.input.unread())?;
            self.input.consume(taken);
            if !memory.grow_to(reader.length()) {
                return Err(too_much_at_once().into());
            }
            if reader.is_done() {
                return Ok(reader.into_body());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), Failure> {
        match self.fill_or_stop().await {
            Ok(Some(1..)) => Ok(()),
            Ok(Some(0)) => Err(Broken::Io(io::ErrorKind::UnexpectedEof.into()).into()),
            Err(error) => Err(Broken::Io(error).into()),
            Ok(None) if self.stopping.is_asked() => Err(stopped().into()),
            Ok(None) => Err(too_slow().into()),
        }
    }

    /// Nothing when the deadline passes, which comes nearer when the gate stops.
    async fn fill_or_stop(&mut self) -> io::Result<Option<usize>> {
        future::poll_fn(|cx| {
            if let Poll::Ready(count) = self.input.poll_fill(self.stream, cx)? {
                return Poll::Ready(Ok(Some(count)));
            }
            if !self.is_hurried && self.stopping.poll_asked(cx).is_ready() {
                self.is_hurried = true;
                self.deadline.bring_forward_to(Instant::now() + self.limits.stop_time / 2);
            }
            self.deadline.poll_passed(cx).map(|()| Ok(None))
        })
        .await
    }
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "the body of the request took too long")
}

fn stopped() -> Problem {
    let detail = "the connector stops, and the body did not come in time; nothing was changed";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Problem::PAUSE)
}

fn too_much_at_once() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being sent at the moment; nothing was changed")
        .retry_after(Problem::PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_whatever_its_parameters() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\""] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "text/json", "application/json, text/plain", "application/x-www-form-urlencoded", ";"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }
}
