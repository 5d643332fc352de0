//! What becomes of a request, decided on its head alone.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fsconnector_engine::change::command;
use fsconnector_engine::state::UserId;
use fsconnector_engine::time::Mono;
use http::{Method, StatusCode};

use super::Gate;
use super::client::{Client, Peer};
use super::framing;
use super::head::{Body, Connection, Head, MOST_HEADERS};
use super::limits::DRAINED;
use super::shelter::Shelter;
use super::stream::Broken;
use super::upload::{Failure, Upload};
use crate::answer::{Answer, HeaderLines};
use crate::audit;
use crate::auth::{Attempt, Caller, Verdict};
use crate::current::Published;
use crate::description;
use crate::live::Guest;
use crate::metrics::{Subject, Topic};
use crate::operation::Operation;
use crate::problem::Problem;
use crate::relay::Ask;
use crate::routes::{self, Changes, Changing, Found, Lane, Path, Payload, Read, Reading, Work};
use crate::shown::Shown;
use crate::target;

/// What becomes of a request.
#[derive(Debug)]
pub(super) struct Decision {
    /// What is counted of it.
    pub(super) subject: Subject,
    pub(super) outcome: Outcome,
    pub(super) standing: Standing,
    /// What the answer says beyond its own headers.
    pub(super) headers: HeaderLines,
    /// Whether the body of the answer is left out.
    pub(super) head_only: bool,
    /// What follows the answer.
    pub(super) sequel: Sequel,
    /// Address, method and path for the log, if it wants to know.
    pub(super) shown: Option<String>,
}

/// What is known of who sent a request.
#[derive(Debug)]
pub(super) struct Standing {
    /// Who it has proven to be.
    pub(super) user: Option<UserId>,
    /// How long the answer is held back.
    pub(super) delay: Duration,
}

impl Standing {
    /// Of whoever nobody has asked.
    const STRANGER: Self = Self { user: None, delay: Duration::ZERO };
}

/// What follows an answer.
#[derive(Debug)]
pub(super) struct Sequel {
    /// Whether the connection goes on.
    pub(super) connection: Connection,
    /// Bytes of the request's body to pass over before the next request.
    pub(super) leftover: u64,
}

impl Sequel {
    /// The connection ends.
    pub(super) const END: Self = Self { connection: Connection::Close, leftover: 0 };

    /// What follows when nobody wants the body of the request: it is passed over, unless the connection had better end.
    fn without_body(head: &Head<'_>) -> Self {
        match head.body {
            Body::None | Body::Sized(0) => Self { connection: head.connection, leftover: 0 },
            // Who waits for `100 Continue` may send the body all the same, or not: nobody knows where the next request
            // begins.
            Body::Sized(length) if length <= DRAINED && !head.expects_continue => {
                Self { connection: head.connection, leftover: length }
            }
            Body::Sized(_) | Body::Chunked => Self::END,
        }
    }
}

/// Where the answer comes from.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is here.
    Answer(Answer),
    /// From files, behind the gate.
    Errand(Errand),
    /// From whoever makes the change, by way of a handler behind the gate.
    Order(Order),
    /// It is here, and after it another protocol is spoken.
    Switch(Box<Switch>),
}

/// A listener is let in.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) answer: Answer,
    pub(super) guest: Guest,
}

/// Something to be read.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) reading: Reading,
    pub(super) ask: Ask,
}

/// A change that may be asked for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) changing: Changing,
    pub(super) ask: Ask,
    /// What the log calls it.
    pub(super) op: Cow<'static, str>,
    /// What says what is to be changed, if the request has to say it.
    pub(super) upload: Option<Upload>,
    /// What problems report on.
    pub(super) operation: Option<Operation>,
}

impl Order {
    /// The answer when nobody could be asked to carry it out; none if the client is gone.
    pub(super) fn answer_to(&self, failure: Failure) -> Result<Answer, Broken> {
        match (failure, &self.operation) {
            (Failure::Refused(problem), Some(operation)) => Ok(problem.none_done(operation, Vec::new()).into()),
            (Failure::Refused(problem), None) => Ok(problem.into()),
            (Failure::Broken(broken), _) => Err(broken),
        }
    }
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Self::Answer(problem.into())
    }
}

impl Decision {
    /// The answer to what is no request; after it the connection ends, since nobody knows where the next one begins.
    pub(super) fn refuse(problem: Problem, address: IpAddr) -> Self {
        Self {
            subject: Subject::NONE,
            outcome: problem.into(),
            standing: Standing::STRANGER,
            headers: Shelter::of_nothing(),
            head_only: false,
            sequel: Sequel::END,
            shown: log::log_enabled!(log::Level::Debug).then(|| format!("{address} no request")),
        }
    }
}

impl Gate {
    /// Decides about the request with this head.
    pub(super) fn decide(&self, head: &[u8], peer: Peer, now: Instant) -> Decision {
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let head = match Head::parse(head, &mut space) {
            Ok(head) => head,
            Err(problem) => return Decision::refuse(problem, peer.address),
        };
        let client = self.proxies.client(peer, &head);
        let found = routes::find(&head.method, head.path);
        let mut headers = self.shelter.of(found.work());
        headers.extend(&self.cors.headers(&head));
        let (topic, outcome, standing) = self.outcome(&head, &found, client, now);
        let sequel = match outcome {
            Outcome::Switch(_) => Sequel { connection: Connection::Persistent, leftover: 0 },
            _ => Sequel::without_body(&head),
        };
        Decision {
            subject: Subject::new(&head.method, topic),
            outcome,
            standing,
            sequel,
            headers,
            head_only: head.method == Method::HEAD,
            shown: log::log_enabled!(log::Level::Debug)
                .then(|| format!("{} {} {}", client.address, head.method, Shown(head.path.as_bytes()))),
        }
    }

    fn outcome(
        &self,
        head: &Head<'_>,
        found: &Found<'_>,
        client: Client<'_>,
        now: Instant,
    ) -> (Topic, Outcome, Standing) {
        let at_once = |topic, answer| (topic, Outcome::Answer(answer), Standing::STRANGER);
        if let Some((path, answer)) = self.probe(head) {
            return at_once(Topic::At(Path::Is(path)), answer);
        }
        if let Some((status, headers)) = self.cors.preflight(head) {
            return at_once(Topic::Preflight, Answer { status, headers, body: Bytes::new() });
        }
        let topic = Topic::from(found);
        let operation = found.changes().operation();
        let (outcome, standing) = self.judged(head, found, client, self.mono(now));
        let outcome = outcome.unwrap_or_else(|problem| match operation {
            Some(operation) => problem.none_done(&operation, Vec::new()).into(),
            None => problem.into(),
        });
        (topic, outcome, standing)
    }

    /// The outcome for whoever sent this, and what is known of it.
    fn judged(
        &self,
        head: &Head<'_>,
        found: &Found<'_>,
        client: Client<'_>,
        now: Mono,
    ) -> (Result<Outcome, Problem>, Standing) {
        let Some(published) = self.current.latest() else { return (Err(not_ready()), Standing::STRANGER) };
        let users = &published.state().users;
        let judgement = match found.work() {
            Some(Work::Listen) => self.judge_listener(head, users, client, now),
            _ => Ok(self.authenticator.judge(users, attempt(head, client.address), now)),
        };
        let judgement = match judgement {
            Ok(judgement) => judgement,
            Err(problem) => return (Err(problem), Standing::STRANGER),
        };
        let user = match &judgement.verdict {
            Verdict::Known(caller) => Some(caller.user.id.clone()),
            Verdict::Unproven { .. } | Verdict::TooMany { .. } => None,
        };
        let standing = Standing { user, delay: judgement.delay };
        let outcome = match judgement.verdict {
            Verdict::Known(caller) => {
                let outcome = self.authorised(head, found, &published, caller, (client, now));
                note_refusal(&outcome, found, caller.at(client.address));
                outcome
            }
            Verdict::Unproven { stale } => Err(self.challenge(stale, now)),
            Verdict::TooMany { wait } => Err(too_many(wait)),
        };
        (outcome, standing)
    }

    /// The outcome for a caller that is who it says.
    fn authorised(
        &self,
        head: &Head<'_>,
        found: &Found<'_>,
        published: &Published,
        caller: Caller<'_>,
        (client, now): (Client<'_>, Mono),
    ) -> Result<Outcome, Problem> {
        if self.is_too_large(head.body) {
            return Err(framing::too_large());
        }
        let (route, parameter) = match found {
            Found::Route(route, parameter) => (*route, *parameter),
            Found::OtherMethods(_, allowed) => return Err(Problem::method_not_allowed(allowed)),
            Found::Nothing => return Err(Problem::not_found()),
        };
        if !caller.role.may(route.right) {
            return Err(Problem::new(StatusCode::FORBIDDEN, format!("the role {} may not do this", caller.role)));
        }
        let changes = route.work.changes(parameter);
        if changes != Changes::Nothing && self.cors.is_foreign(head, client) {
            return Err(foreign());
        }
        let Some(decoded) = target::decode(parameter) else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the path is not percent-encoded UTF-8"));
        };
        let upload = match route.work.payload() {
            Payload::Nothing => None,
            Payload::Json(_) => Some(Upload::of_json(head, &self.limits)?),
            Payload::Bytes => Some(Upload::of_bytes(head, &self.limits)?),
        };
        let ask = || Ask::new(&head.method, head.path, head.headers, caller, client.address);
        let operation = changes.operation();
        let op = route.work.audited_as(parameter).unwrap_or_default();
        let order = |changing| Outcome::Order(Order { changing, ask: ask(), op, upload, operation });
        Ok(match route.work {
            Work::Read(read) => Outcome::Answer(Answer::json(answer(read, &decoded, published, caller))),
            Work::Description => Outcome::Answer(Answer::json(description::document())),
            Work::File(file) => match file.lane(&decoded) {
                Lane::Reading(reading) => Outcome::Errand(Errand { reading, ask: ask() }),
                Lane::Changing(changing) => order(changing),
            },
            Work::Command(_) => order(Changing::Configuration),
            Work::Listen => self.let_in(head, caller, client.address)?,
            Work::Ticket => Outcome::Answer(self.ticket(caller, now)?),
        })
    }

    fn is_too_large(&self, body: Body) -> bool {
        matches!(body, Body::Sized(length) if length > self.limits.body_bytes)
    }

    /// `/livez` and `/readyz`, which anybody may ask.
    fn probe(&self, head: &Head<'_>) -> Option<(&'static str, Answer)> {
        if head.method != Method::GET && head.method != Method::HEAD {
            return None;
        }
        match head.path {
            "/livez" => Some(("/livez", Answer::text("ok\n"))),
            "/readyz" if self.current.is_ready() => Some(("/readyz", Answer::text("ok\n"))),
            "/readyz" => Some(("/readyz", not_ready().into())),
            _ => None,
        }
    }

    fn challenge(&self, stale: bool, now: Mono) -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "log in with the name and password of a user");
        let challenges = self.authenticator.challenges(now, stale);
        challenges.iter().fold(problem, |problem, challenge| problem.header("WWW-Authenticate", challenge))
    }
}

/// Tells the log of a change that the caller may not make, or not like this.
fn note_refusal(outcome: &Result<Outcome, Problem>, found: &Found<'_>, caller: command::Caller) {
    if let Err(problem) = outcome
        && let Found::Route(route, parameter) = found
        && let Some(op) = route.work.audited_as(parameter)
    {
        audit::refused(caller, op, problem.detail());
    }
}

/// What a request says about who sends it, in its head.
pub(super) fn attempt<'a>(head: &'a Head<'_>, address: IpAddr) -> Attempt<'a> {
    Attempt { method: head.method.as_str(), target: head.target, authorization: head.authorization, address }
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

fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "another web site may not change anything here")
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong passwords for this name").retry_after(wait)
}
