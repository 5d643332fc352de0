//! What becomes of a request, decided on its head alone.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};

use super::Gate;
use super::head::{Body, Connection, Head, MOST_HEADERS};
use super::limits::DRAINED;
use crate::answer::{Answer, HeaderLines};
use crate::auth::{Attempt, Caller, Verdict};
use crate::current::Published;
use crate::problem::Problem;
use crate::relay::Ask;
use crate::routes::{self, Found, Read, Work};
use crate::shown::Shown;
use crate::target;

/// What becomes of a request.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    /// How long the answer is held back.
    pub(super) delay: Duration,
    /// What the answer says beyond its own headers.
    pub(super) headers: HeaderLines,
    /// Whether the body of the answer is left out.
    pub(super) head_only: bool,
    /// Whether the connection goes on.
    pub(super) connection: Connection,
    /// Bytes of the request's body to pass over before the next request.
    pub(super) leftover: u64,
    /// Method and path for the log, if it wants to know.
    pub(super) shown: Option<String>,
}

/// Where the answer comes from.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is here.
    Answer(Answer),
    /// From behind the gate.
    Relay(Ask),
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Self::Answer(problem.into())
    }
}

impl Decision {
    /// The answer to what is no request; after it the connection ends, since nobody knows where the next one begins.
    pub(super) fn refuse(problem: Problem) -> Self {
        Self {
            outcome: problem.into(),
            delay: Duration::ZERO,
            headers: HeaderLines::default(),
            head_only: false,
            connection: Connection::Close,
            leftover: 0,
            shown: log::log_enabled!(log::Level::Debug).then(|| "no request".into()),
        }
    }
}

impl Gate {
    /// Decides about the request with this head.
    pub(super) fn decide(&self, head: &[u8], address: IpAddr, now: Instant) -> Decision {
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let head = match Head::parse(head, &mut space) {
            Ok(head) => head,
            Err(problem) => return Decision::refuse(problem),
        };
        let (outcome, delay) = self.outcome(&head, address, now);
        let leftover = leftover(&head);
        Decision {
            outcome,
            delay,
            headers: self.cors.headers(&head),
            head_only: head.method == Method::HEAD,
            connection: if leftover.is_some() { head.connection } else { Connection::Close },
            leftover: leftover.unwrap_or(0),
            shown: log::log_enabled!(log::Level::Debug)
                .then(|| format!("{} {}", head.method, Shown(head.path.as_bytes()))),
        }
    }

    fn outcome(&self, head: &Head<'_>, address: IpAddr, now: Instant) -> (Outcome, Duration) {
        let at_once = |outcome| (outcome, Duration::ZERO);
        if let Some(answer) = self.probe(head) {
            return at_once(Outcome::Answer(answer));
        }
        if let Some((status, headers)) = self.cors.preflight(head) {
            return at_once(Outcome::Answer(Answer { status, headers, body: Bytes::new() }));
        }
        let Some(published) = self.current.latest() else { return at_once(not_ready().into()) };
        let attempt =
            Attempt { method: head.method.as_str(), target: head.target, authorization: head.authorization, address };
        let now = self.mono(now);
        let judgement = self.authenticator.judge(&published.state().users, attempt, now);
        let outcome = match judgement.verdict {
            Verdict::Known(_) if self.is_too_large(head.body) => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body of the request is too large").into()
            }
            Verdict::Known(caller) => authorised(head, &published, caller).unwrap_or_else(Outcome::from),
            Verdict::Unproven { stale } => self.challenge(stale, now).into(),
            Verdict::TooMany { wait } => too_many(wait).into(),
        };
        (outcome, judgement.delay)
    }

    fn is_too_large(&self, body: Body) -> bool {
        matches!(body, Body::Sized(length) if length > self.limits.body_bytes)
    }

    /// `/livez` and `/readyz`, which anybody may ask.
    fn probe(&self, head: &Head<'_>) -> Option<Answer> {
        if head.method != Method::GET && head.method != Method::HEAD {
            return None;
        }
        match head.path {
            "/livez" => Some(Answer::text("ok\n")),
            "/readyz" if self.current.is_ready() => Some(Answer::text("ok\n")),
            "/readyz" => Some(not_ready().into()),
            _ => None,
        }
    }

    fn challenge(&self, stale: bool, now: fsconnector_engine::time::Mono) -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "log in with the name and password of a user");
        let challenges = self.authenticator.challenges(now, stale);
        challenges.iter().fold(problem, |problem, challenge| problem.header("WWW-Authenticate", challenge))
    }
}

/// The outcome for a caller that is who it says.
fn authorised(head: &Head<'_>, published: &Published, caller: Caller<'_>) -> Result<Outcome, Problem> {
    let (route, parameter) = match routes::find(&head.method, head.path) {
        Found::Route(route, parameter) => (route, parameter),
        Found::OtherMethods(allowed) => return Err(Problem::method_not_allowed(&allowed)),
        Found::Nothing => return Err(Problem::not_found()),
    };
    if !caller.role.may(route.right) {
        return Err(Problem::new(StatusCode::FORBIDDEN, format!("the role {} may not do this", caller.role)));
    }
    let bad_encoding = || Problem::new(StatusCode::BAD_REQUEST, "the path is not percent-encoded UTF-8");
    let decoded = |text| target::decode(text).ok_or_else(bad_encoding);
    Ok(match route.work {
        Work::Read(read) => Outcome::Answer(Answer::json(answer(read, &decoded(parameter)?, published, caller))),
        Work::File => Outcome::Relay(Ask::new(&head.method, &decoded(head.path)?, head.headers, caller)),
    })
}

fn answer(read: Read, parameter: &str, published: &Published, caller: Caller<'_>) -> Bytes {
    match read.query(parameter, caller.user) {
        Ok(query) => query.answer(published.state()).into(),
        Err(whole) => published.answer(whole),
    }
}

fn not_ready() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the switch has not told its configuration yet")
        .retry_after(Duration::from_secs(2))
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong passwords for this name").retry_after(wait)
}

/// How much of the request's body has to be passed over; nothing if the connection had better end.
fn leftover(head: &Head<'_>) -> Option<u64> {
    match head.body {
        Body::Sized(0) => Some(0),
        // Who waits for `100 Continue` may send the body all the same, or not: nobody knows where the next request begins.
        Body::Sized(length) if length <= DRAINED && !head.expects_continue => Some(length),
        Body::Sized(_) | Body::Chunked => None,
    }
}
