//! The connection of a listener: what it asks goes to the engine, what it hears comes from the ring and its slot.
//!
//! It asks one thing at a time: the next one when the answer to the last is written. So a listener that does not read
//! asks nothing either, and there is never more than one answer that waits for it.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::{Role as Side, WebSocketConfig};
use fsconnector_engine::access::Role;
use fsconnector_engine::live::listener::{Frame, Listening};
use fsconnector_engine::live::request::{LiveRequest, Misunderstood};
use smol::channel::Sender;
use smol::future;
use smol::io::{AsyncRead, AsyncWrite};
use smol::stream::Stream as _;

use super::ending::Ending;
use super::frames::{self, GOING_AWAY, Kind, TOO_MANY, policy};
use super::hub::Ear;
use super::input::FromListener;
use super::output::{Output, PIECE};
use super::pace::Pace;
use super::slot::Tidings;
use super::wire::Wire;
use super::{Guest, Live, LiveLimits};
use crate::deadline::Deadline;
use crate::gate::{Broken, Stopping};

/// Attends to a guest on a stream that has become a WebSocket, until one side has had enough. `unread` is what has come on
/// it already. For each piece that is written there is `write_time`.
pub(crate) async fn attend<S: AsyncRead + AsyncWrite + Unpin>(
    guest: Guest,
    (stream, unread): (S, Vec<u8>),
    live: &Live,
    write_time: Duration,
    stopping: Stopping,
) -> Result<(), Broken> {
    let Guest { listener, role, _seat } = guest;
    let ear = live.hub.enter();
    let joins = ear.joins(listener);
    let socket = WebSocketStream::from_partially_read(
        Wire::new(stream),
        unread,
        Side::Server,
        Some(configuration(&live.limits)),
    );
    let mut session = Session::new(socket.await, ear, role, live.limits, write_time, stopping);
    let ending = match live.queue.send(joins).await {
        Ok(()) => session.listen(&live.queue).await,
        Err(_engine_is_gone) => Ending::Close(GOING_AWAY),
    };
    // However it ended, the engine has to hear of it, if it is still there.
    let _ = live.queue.send(session.ear.does(Listening::Leaves)).await;
    // From now on it is told nothing.
    let Session { socket, output, ear, .. } = session;
    drop(ear);
    ending.carry_out(socket, output).await
}

fn configuration(limits: &LiveLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(limits.message_bytes.min(4096))
        // All that the protocol writes by itself goes out at once.
        .write_buffer_size(0)
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes))
}

struct Session<S> {
    socket: WebSocketStream<Wire<S>>,
    ear: Ear,
    role: Role,
    output: Output,
    talk: Talk,
    /// What is left of the engine's answer.
    frames: VecDeque<Frame>,
    /// The ring has passed it, and the engine was not told.
    is_passed: bool,
    /// What it has sent last. Until that is gone, nothing more is read.
    request: Option<Result<LiveRequest, Misunderstood>>,
    messages: Pace,
    controls: Pace,
    reading: Deadline,
    writing: Deadline,
    ping: Deadline,
    is_pinged: bool,
    ping_time: Duration,
    write_time: Duration,
    stopping: Stopping,
}

/// Where listener and engine are in their talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    /// It can ask something.
    Idle,
    /// It has asked something.
    Asked,
    /// It has missed something. What is in the ring is not for it until the engine has answered.
    CatchingUp,
    /// The answer is being written.
    Answered,
}

/// How many pings and pongs a second are too many, in the long run and at once.
const CONTROLS_A_SECOND: u32 = 10;
const CONTROLS_AT_ONCE: u32 = 100;
/// When so much of what is not from the engine waits to be written, nothing more is read.
const MOST_ANSWERS: usize = 8 * 1024;
/// After so many pieces others have their turn.
const TURN: usize = 4;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(
        socket: WebSocketStream<Wire<S>>,
        ear: Ear,
        role: Role,
        limits: LiveLimits,
        write_time: Duration,
        stopping: Stopping,
    ) -> Self {
        let now = Instant::now();
        Self {
            socket,
            ear,
            role,
            output: Output::default(),
            talk: Talk::Idle,
            frames: VecDeque::new(),
            is_passed: false,
            request: None,
            messages: Pace::new(limits.messages_per_second, limits.messages_at_once),
            controls: Pace::new(CONTROLS_A_SECOND, CONTROLS_AT_ONCE),
            reading: Deadline::at(now + limits.ping_time),
            writing: Deadline::at(now + write_time),
            ping: Deadline::at(now + limits.ping_time),
            is_pinged: false,
            ping_time: limits.ping_time,
            write_time,
            stopping,
        }
    }

    /// Carries questions to the engine, and to the listener what it hears.
    async fn listen(&mut self, queue: &Sender<FromListener>) -> Ending {
        loop {
            match future::poll_fn(|cx| self.poll_question(cx)).await {
                Ok(question) => {
                    if queue.send(self.ear.does(question)).await.is_err() {
                        return Ending::Close(GOING_AWAY);
                    }
                }
                Err(ending) => return ending,
            }
        }
    }

    /// Reads and writes. Ready when there is something to ask the engine.
    fn poll_question(&mut self, cx: &mut Context<'_>) -> Poll<Result<Listening, Ending>> {
        // Not only when it is its turn to hear something: who does not read may not stay longer for that.
        if let Some(why) = self.ear.slot.wake_with(cx.waker()) {
            return Poll::Ready(Err(Ending::Close(policy(why))));
        }
        self.socket.get_mut().next_turn();
        for _ in 0..TURN {
            if self.stopping.poll_asked(cx).is_ready() {
                return Poll::Ready(Err(Ending::Close(GOING_AWAY)));
            }
            self.read(cx)?;
            if let Some(question) = self.question() {
                return Poll::Ready(Ok(question));
            }
            self.keep_in_touch(cx)?;
            ready!(self.poll_write(cx))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads until there is a request.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        while self.is_reading() {
            let now = Instant::now();
            let wait = self.messages.wait(now);
            if !wait.is_zero() {
                self.reading.move_to(now + wait);
                if self.reading.poll_passed(cx).is_pending() {
                    return Ok(());
                }
                continue;
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => self.take(message, now, cx)?,
                Poll::Ready(Some(Err(error))) => return Err(Ending::from(error)),
                Poll::Ready(None) => return Err(Ending::Closed),
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }

    fn is_reading(&self) -> bool {
        self.request.is_none() && self.socket.get_ref().answers.len() < MOST_ANSWERS
    }

    fn take(&mut self, message: Message, now: Instant, cx: &mut Context<'_>) -> Result<(), Ending> {
        match message {
            Message::Text(_) | Message::Binary(_) => {
                self.messages.happens(now);
                self.request = Some(LiveRequest::parse(&message.into_data()));
            }
            Message::Ping(_) | Message::Pong(_) if !self.controls.wait(now).is_zero() => {
                return Err(Ending::Close(TOO_MANY));
            }
            Message::Ping(_) | Message::Pong(_) => self.controls.happens(now),
            Message::Close(_) => {
                // This has the answer to it written.
                let _ = Pin::new(&mut self.socket).poll_next(cx);
                return Err(Ending::Closed);
            }
            // Only those who write make them.
            Message::Frame(_) => (),
        }
        Ok(())
    }

    /// What the engine is to be told, if it is time to tell it something.
    fn question(&mut self) -> Option<Listening> {
        if self.talk != Talk::Idle {
            return None;
        }
        if mem::take(&mut self.is_passed) {
            self.talk = Talk::CatchingUp;
            return Some(Listening::HasMissed);
        }
        match self.request.take()? {
            Ok(request) => {
                self.talk = Talk::Asked;
                Some(Listening::Asks(request))
            }
            Err(misunderstood) => {
                frames::append(Kind::Text, complaint(misunderstood), &mut self.socket.get_mut().answers);
                None
            }
        }
    }

    /// Asks whether it is still there, from time to time.
    fn keep_in_touch(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        while self.ping.poll_passed(cx).is_ready() {
            let is_reading = self.is_reading();
            let wire = self.socket.get_mut();
            let is_heard_of = mem::take(&mut wire.is_heard_of);
            if self.is_pinged && is_reading && !is_heard_of {
                return Err(Ending::Broken(Broken::TimedOut));
            }
            // Who still has something to take shows by that whether it is there.
            self.is_pinged = self.output.is_done();
            if self.is_pinged {
                frames::append(Kind::Ping, b"", &mut wire.answers);
            }
            self.ping.move_to(Instant::now() + self.ping_time);
        }
        Ok(())
    }

    /// Writes a piece. Pending if there is nothing to write, or the stream takes nothing.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        if self.output.is_done() {
            let goes_on = self.refill()?;
            if self.output.is_done() {
                self.output.rest();
                return if goes_on { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            self.writing.move_to(Instant::now() + self.write_time);
        }
        match self.output.poll_write(Pin::new(&mut self.socket.get_mut().stream), cx) {
            Poll::Ready(Ok(())) if self.output.is_done() => {
                if self.talk == Talk::Answered && self.frames.is_empty() {
                    self.talk = Talk::Idle;
                }
            }
            Poll::Ready(Ok(())) => self.writing.move_to(Instant::now() + self.write_time),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Ending::Broken(error.into()))),
            Poll::Pending => {
                ready!(self.writing.poll_passed(cx));
                return Poll::Ready(Err(Ending::Broken(Broken::TimedOut)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Puts together what comes next. False if nothing does, until something wakes it.
    fn refill(&mut self) -> Result<bool, Ending> {
        self.output.end().append(&mut self.socket.get_mut().answers);
        if self.put_frames() || self.hear()? {
            return Ok(true);
        }
        if self.hears() {
            // What came before this is not lost: it is looked for once more.
            self.ear.slot.wait_for_news();
            return self.hear();
        }
        Ok(false)
    }

    /// Whether what is in the ring is for it.
    fn hears(&self) -> bool {
        self.talk != Talk::CatchingUp && !self.is_passed
    }

    /// Puts what comes next, of what the engine has told, into the output. False if there is nothing.
    fn hear(&mut self) -> Result<bool, Ending> {
        let (end, tidings) = self.ear.look();
        let to = match tidings {
            Tidings::Close(why) => return Err(Ending::Close(policy(why))),
            Tidings::Reply(at) if !self.hears() || self.ear.slot.heard() >= Some(at) => {
                self.take_reply();
                return Ok(true);
            }
            Tidings::Reply(at) => at,
            Tidings::None if !self.hears() => return Ok(false),
            Tidings::None => end,
        };
        let heard = self.ear.hear(self.role, to, PIECE, self.output.end());
        self.is_passed = heard.is_err();
        // That it was passed is something to go on with, too.
        Ok(heard.unwrap_or(true))
    }

    fn take_reply(&mut self) {
        let Some(reply) = self.ear.slot.take_reply() else { return };
        if self.talk == Talk::CatchingUp {
            self.ear.slot.has_heard(reply.at);
        }
        self.frames = reply.frames.into();
        self.talk = if self.frames.is_empty() { Talk::Idle } else { Talk::Answered };
        self.put_frames();
    }

    /// Puts a piece of the engine's answer into the output, if there is one.
    fn put_frames(&mut self) -> bool {
        let is_some = !self.frames.is_empty();
        while !self.output.is_full()
            && let Some(frame) = self.frames.pop_front()
        {
            frames::append(Kind::Text, frame.as_bytes(), self.output.end());
        }
        is_some
    }
}

/// What is answered to what is no request.
fn complaint(misunderstood: Misunderstood) -> &'static [u8] {
    match misunderstood {
        Misunderstood::WrongFormat => br#"{"event":"error","error":"wrong format"}"#,
        Misunderstood::WrongProtocol => br#"{"event":"error","error":"wrong protocol"}"#,
    }
}
