//! What is told to one listener, and where it is in the ring.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use fsconnector_engine::live::listener::Frame;

use super::ring::Position;

/// A listener as those see it that tell it something.
pub(super) struct Slot {
    told: Mutex<Told>,
    /// The place in the ring up to which it has heard everything; [`DEAF`] before it hears anything.
    heard: AtomicU64,
}

/// The place of a listener of which the engine does not know yet.
const DEAF: u64 = u64::MAX;

#[derive(Default)]
struct Told {
    reply: Option<Reply>,
    close: Option<&'static str>,
    waits_for_news: bool,
    waker: Option<Waker>,
}

/// The engine's answer.
pub(super) struct Reply {
    /// Where it belongs: after the frames before this place.
    pub(super) at: Position,
    pub(super) frames: Vec<Frame>,
}

/// What has been told and not been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tidings {
    /// Nothing.
    None,
    /// There is a reply, which belongs there.
    Reply(Position),
    /// It is to be closed, and this is why.
    Close(&'static str),
}

impl Slot {
    /// One for a listener of which the engine does not know yet.
    pub(super) fn new() -> Self {
        Self { told: Mutex::default(), heard: AtomicU64::new(DEAF) }
    }

    /// Up to where it has heard everything; nothing before it hears.
    pub(super) fn heard(&self) -> Option<Position> {
        let heard = self.heard.load(Ordering::Acquire);
        (heard != DEAF).then_some(Position(heard))
    }

    /// Notes up to where it has heard everything.
    pub(super) fn has_heard(&self, position: Position) {
        self.heard.store(position.0, Ordering::Release);
    }

    /// Hands a reply over.
    pub(super) fn reply(&self, reply: Reply) {
        let mut told = self.told();
        told.reply = Some(reply);
        wake(told);
    }

    /// Has it closed. That comes before all that was not taken yet.
    pub(super) fn close(&self, why: &'static str) {
        let mut told = self.told();
        told.close = Some(why);
        wake(told);
    }

    /// Wakes it if it waits for something new in the ring.
    pub(super) fn spread_the_word(&self) {
        let mut told = self.told();
        if mem::take(&mut told.waits_for_news) {
            wake(told);
        }
    }

    /// From now on, whatever it is told wakes `waker`. If it is to be closed, this is why.
    pub(super) fn wake_with(&self, waker: &Waker) -> Option<&'static str> {
        let mut told = self.told();
        match &mut told.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        told.close
    }

    /// From now on, the next frame in the ring wakes it, too.
    pub(super) fn wait_for_news(&self) {
        self.told().waits_for_news = true;
    }

    /// What it was told.
    pub(super) fn tidings(&self) -> Tidings {
        let told = self.told();
        match (told.close, &told.reply) {
            (Some(why), _) => Tidings::Close(why),
            (None, Some(reply)) => Tidings::Reply(reply.at),
            (None, None) => Tidings::None,
        }
    }

    /// Takes the reply.
    pub(super) fn take_reply(&self) -> Option<Reply> {
        self.told().reply.take()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing in here can panic half-way.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the listener, without keeping others from telling it more.
fn wake(mut told: MutexGuard<'_, Told>) {
    let waker = told.waker.take();
    drop(told);
    if let Some(waker) = waker {
        waker.wake();
    }
}
