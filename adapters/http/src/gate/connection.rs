//! One client's connection: requests in, answers out, until one side has had enough.

use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;
use smol::Timer;
use smol::future::{self, FutureExt as _};
use smol::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::Gate;
use super::client::Peer;
use super::decision::{Decision, Order, Outcome, Sequel};
use super::head::Connection;
use super::input::{HeadSearch, Input};
use super::limits::PIECE;
use super::occupancy::Place;
use super::stopping::Stopping;
use super::stream::{Broken, write_within};
use super::upload::{Failure, Source, Upload};
use super::wire::AnswerHead;
use crate::answer::{Answer, HeaderLines};
use crate::audit;
use crate::budget::Portion;
use crate::deadline::Deadline;
use crate::live::Guest;
use crate::problem::Problem;
use crate::relay::Reply;

/// A connection that HTTP is spoken on.
pub(super) struct Conversation<'p, S> {
    stream: S,
    gate: Arc<Gate>,
    peer: Peer,
    place: &'p Place,
    input: Input,
    output: Vec<u8>,
    deadline: Deadline,
    stopping: Stopping,
}

/// A connection that another protocol is spoken on from now on.
pub(super) struct Switched<S> {
    pub(super) guest: Guest,
    pub(super) stream: S,
    /// What the client has sent already.
    pub(super) unread: Vec<u8>,
    pub(super) stopping: Stopping,
}

/// What comes next on a connection.
enum Next {
    /// A request with a head of that many bytes.
    Request(usize),
    /// Something that is none.
    Refused(Problem),
    /// Nothing more.
    End,
}

/// After the last answer the client has this long, and may send this much, before the connection is cut. Cut at once,
/// it could lose the answer (RFC 9112 §9.6).
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// After so many requests the thread looks after its other connections, too. Who sends without a pause would have it
/// to itself otherwise, for nothing here ever waits then.
const TURN: u64 = 16;

/// An idle connection keeps no larger output buffer than this.
const OUTPUT_KEPT: usize = 4 * 1024;

impl<'p, S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'p, S> {
    pub(super) fn new(stream: S, gate: Arc<Gate>, (peer, place): (Peer, &'p Place), stopping: Stopping) -> Self {
        Self {
            stream,
            peer,
            place,
            input: Input::new(gate.limits.head_bytes),
            output: Vec::new(),
            deadline: Deadline::at(Instant::now() + gate.limits.idle_time),
            stopping,
            gate,
        }
    }

    /// Answers requests until the connection ends, or changes its protocol.
    pub(super) async fn hold(mut self) -> Result<Option<Switched<S>>, Broken> {
        for answered in 1u64.. {
            let mut decision = match self.next().await? {
                Next::Request(length) => {
                    let head = self.input.unread().get(..length).unwrap_or_default();
                    let decision = self.gate.decide(head, self.peer, Instant::now());
                    self.input.consume(length);
                    decision
                }
                Next::Refused(problem) => Decision::refuse(problem, self.peer.address),
                Next::End => return Ok(None),
            };
            let user = decision.standing.user.take();
            if matches!(decision.outcome, Outcome::Switch(_)) {
                // How many may listen is bounded for itself.
                self.place.keep_for(None);
                self.place.hold()?;
            } else {
                self.place.keep_for(user);
            }
            if self.stopping.is_asked() && !matches!(decision.outcome, Outcome::Switch(_)) {
                decision.sequel.connection = Connection::Close;
            }
            self.answer(&mut decision).await?;
            if let Outcome::Switch(switch) = decision.outcome {
                return Ok(Some(self.switched(switch.guest)));
            }
            if decision.sequel.connection == Connection::Close {
                return self.say_goodbye().await.map(|()| None);
            }
            self.pass_over(decision.sequel.leftover).await?;
            if answered % TURN == 0 {
                future::yield_now().await;
            }
        }
        Ok(None)
    }

    fn switched(self, guest: Guest) -> Switched<S> {
        Switched { guest, unread: self.input.unread().to_vec(), stream: self.stream, stopping: self.stopping }
    }

    /// Waits for the next request: as long as allowed for its beginning, not so long for the rest of its head.
    async fn next(&mut self) -> Result<Next, Broken> {
        let (mut begun, mut has_read) = (false, false);
        self.deadline.move_to(Instant::now() + self.gate.limits.idle_time);
        self.input.rest();
        loop {
            match self.input.find_head() {
                HeadSearch::Whole(length) => return Ok(Next::Request(length)),
                HeadSearch::BareLineFeed => return Ok(Next::Refused(bare_line_feed())),
                HeadSearch::Partial if self.input.is_full() => return Ok(Next::Refused(too_large(&self.input))),
                // Who sends without a pause never lets the timer have its say, nor the other connections.
                HeadSearch::Partial if has_read && self.deadline.has_passed() => return Ok(out_of_time(begun)),
                HeadSearch::Partial if has_read => future::yield_now().await,
                HeadSearch::Partial => (),
            }
            if !begun && !self.input.is_empty() {
                begun = true;
                self.deadline.move_to(Instant::now() + self.gate.limits.head_time);
            }
            match self.read_or_stop(begun).await {
                Some(Ok(0)) => return Ok(Next::End),
                Some(Ok(_)) => has_read = true,
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(out_of_time(begun)),
            }
        }
    }

    /// Reads; nothing when the deadline passes, or when the gate stops and no request has begun.
    async fn read_or_stop(&mut self, begun: bool) -> Option<io::Result<usize>> {
        future::poll_fn(|cx| {
            if let Poll::Ready(outcome) = self.input.poll_fill(&mut self.stream, cx) {
                return Poll::Ready(Some(outcome));
            }
            if !begun && self.stopping.poll_asked(cx).is_ready() {
                return Poll::Ready(None);
            }
            self.deadline.poll_passed(cx).map(|()| None)
        })
        .await
    }

    async fn answer(&mut self, decision: &mut Decision) -> Result<(), Broken> {
        if !decision.standing.delay.is_zero() {
            Timer::after(decision.standing.delay).await;
        }
        let status = match &decision.outcome {
            Outcome::Answer(answer) => self.write_answer(decision, answer).await?,
            Outcome::Switch(switch) => self.write_answer(decision, &switch.answer).await?,
            Outcome::Errand(errand) => {
                let gate = Arc::clone(&self.gate);
                match gate.files.fetch(errand.reading, &errand.ask).await {
                    Ok(reply) => self.hand_on(decision, reply).await?,
                    Err(problem) => self.write_answer(decision, &problem.into()).await?,
                }
            }
            Outcome::Order(order) => {
                let answer = self.carry_out(order, &mut decision.sequel).await?;
                self.write_answer(decision, &answer).await?
            }
        };
        if let Some(shown) = &decision.shown {
            log::debug!("{shown} {}", status.as_u16());
        }
        self.output.clear();
        self.output.shrink_to(OUTPUT_KEPT);
        Ok(())
    }

    async fn write_answer(&mut self, decision: &Decision, answer: &Answer) -> Result<StatusCode, Broken> {
        self.begin(decision, answer.status, &answer.headers, answer.body.len() as u64);
        let body = if decision.head_only { &[][..] } else { &answer.body };
        if body.len() <= PIECE {
            self.output.extend_from_slice(body);
            self.write_output().await?;
        } else {
            self.write_output().await?;
            for piece in body.chunks(PIECE) {
                write_within(&mut self.deadline, self.gate.limits.write_time, &mut self.stream, piece).await?;
                future::yield_now().await;
            }
        }
        Ok(answer.status)
    }

    /// Writes the answer of a handler, and then has the connection go on.
    async fn hand_on(&mut self, decision: &Decision, mut reply: Reply<'_>) -> Result<StatusCode, Broken> {
        self.begin(decision, reply.status(), reply.headers(), reply.length());
        self.copy_body(&mut reply).await?;
        Ok(reply.status())
    }

    /// Begins an answer, which counts from then on.
    fn begin(&mut self, decision: &Decision, status: StatusCode, headers: &HeaderLines, length: u64) {
        self.gate.tally.answered(decision.subject, status);
        self.output.clear();
        AnswerHead {
            status,
            headers: [headers, &decision.headers],
            length: has_body(status).then_some(length),
            connection: decision.sequel.connection,
        }
        .write(&mut self.output);
    }

    /// Has a change carried out, however long that takes.
    async fn carry_out(&mut self, order: &Order, sequel: &mut Sequel) -> Result<Answer, Broken> {
        let gate = Arc::clone(&self.gate);
        let answer = match self.attempt_order(&gate, order, sequel).await {
            Ok(answer) => answer,
            Err(failure) => {
                audit::refused(order.ask.caller().clone(), order.op.clone(), failure.why());
                order.answer_to(failure)?
            }
        };
        self.place.let_go();
        if self.stopping.is_asked() {
            sequel.connection = Connection::Close;
        }
        Ok(answer)
    }

    async fn attempt_order(&mut self, gate: &Gate, order: &Order, sequel: &mut Sequel) -> Result<Answer, Failure> {
        let changes = gate.changes(order.changing);
        let turn = async { Ok(changes.share(&order.ask).await?) };
        let displaced = async {
            self.place.is_needed().await;
            Err(Failure::from(Broken::Displaced))
        };
        let _share = turn.or(displaced).await?;
        // Those who have a turn are few, and what becomes of a change is told to whoever asked for it.
        self.place.hold()?;
        let mut memory = changes.memory();
        let body = match order.upload {
            Some(upload) => self.receive(gate, upload, &mut memory, sequel).await?,
            None => Vec::new(),
        };
        Ok(changes.carry_out(&order.ask, &body).await?)
    }

    /// Reads the body of a request.
    async fn receive(
        &mut self,
        gate: &Gate,
        upload: Upload,
        memory: &mut Portion<'_>,
        sequel: &mut Sequel,
    ) -> Result<Vec<u8>, Failure> {
        // Whoever fails in the middle of a body does not know where the next request begins.
        *sequel = Sequel::END;
        let Self { stream, input, deadline, stopping, .. } = self;
        let mut source = Source { stream, input, deadline, limits: &gate.limits, stopping, is_hurried: false };
        let body = source.read(upload, memory).await?;
        sequel.connection = if self.stopping.is_asked() { Connection::Close } else { upload.connection };
        Ok(body)
    }

    /// Hands the body through, a piece at a time: the next one is read when the client has taken the last.
    async fn copy_body(&mut self, reply: &mut Reply<'_>) -> Result<(), Broken> {
        loop {
            let more = reply.read_piece(&mut self.output).await.map_err(|error| {
                log::error!("a handler failed in the middle of an answer: {error}");
                Broken::HandlerFailed
            })?;
            self.write_output().await?;
            self.output.clear();
            if !more {
                return Ok(());
            }
            future::yield_now().await;
        }
    }

    async fn write_output(&mut self) -> Result<(), Broken> {
        write_within(&mut self.deadline, self.gate.limits.write_time, &mut self.stream, &self.output).await
    }

    /// Reads the rest of a request that nobody wants.
    async fn pass_over(&mut self, mut leftover: u64) -> Result<(), Broken> {
        if leftover > 0 {
            self.deadline.move_to(Instant::now() + self.gate.limits.body_time);
        }
        while leftover > 0 {
            if self.input.is_empty() {
                let fill = future::poll_fn(|cx| self.input.poll_fill(&mut self.stream, cx));
                if self.deadline.bound(fill).await.ok_or(Broken::TimedOut)?? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
            let there = self.input.unread().len();
            let taken = usize::try_from(leftover).map_or(there, |leftover| there.min(leftover));
            self.input.consume(taken);
            leftover -= taken as u64;
        }
        Ok(())
    }

    /// Ends the connection in such a way that the client gets the last answer.
    async fn say_goodbye(&mut self) -> Result<(), Broken> {
        self.deadline.move_to(Instant::now() + LINGER_TIME);
        self.deadline.bound(self.stream.close()).await.ok_or(Broken::TimedOut)??;
        let mut passed_over = 0;
        while passed_over < LINGER_BYTES {
            self.input.consume(usize::MAX);
            let fill = future::poll_fn(|cx| self.input.poll_fill(&mut self.stream, cx));
            match self.deadline.bound(fill).await {
                Some(Ok(count @ 1..)) => passed_over += count,
                _ => break,
            }
        }
        Ok(())
    }
}

fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Nothing more of a head fits.
pub(super) fn too_large(input: &Input) -> Problem {
    if input.is_in_first_line() {
        Problem::new(StatusCode::URI_TOO_LONG, "the first line of the request is too long")
    } else {
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large")
    }
}

pub(super) fn bare_line_feed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "a line of the request ends without a carriage return")
}

/// A connection on which no request has begun just ends.
fn out_of_time(begun: bool) -> Next {
    let too_slow = || Problem::new(StatusCode::REQUEST_TIMEOUT, "the head of the request took too long");
    if begun { Next::Refused(too_slow()) } else { Next::End }
}
