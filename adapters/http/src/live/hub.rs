//! Where what the engine tells meets those who listen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use event_listener::{Event, listener};
use fsconnector_engine::access::{Role, Roles};
use fsconnector_engine::live::listener::{Frame, Listener, ListenerId, Listening, Notice};
use smol::Timer;
use smol::future::{self, FutureExt as _};

use super::input::FromListener;
use super::ring::{Passed, Position, Ring};
use super::slot::{Reply, Slot, Tidings};

/// The ring, and the slots of all listeners.
///
/// Locks are held for a few copied bytes only, and never while anything waits. Whoever holds the ring's may take the
/// slots', not the other way round.
pub(crate) struct Hub {
    ring: RwLock<Ring>,
    slots: RwLock<BTreeMap<ListenerId, Arc<Slot>>>,
    /// How many slots there are.
    audience: AtomicUsize,
    /// The latest listener's name.
    last: AtomicU64,
    /// There is something in the ring that listeners were not woken for.
    is_news: AtomicBool,
    /// Wakes whoever wakes them.
    news: Event,
}

/// How often the ring gives memory back that nobody needs any more.
const TIDY_TIME: Duration = Duration::from_secs(1);

impl Hub {
    /// A hub without listeners, whose ring takes so many bytes.
    pub(super) fn new(ring_bytes: usize) -> Self {
        Self {
            ring: RwLock::new(Ring::new(ring_bytes)),
            slots: RwLock::default(),
            audience: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            is_news: AtomicBool::new(false),
            news: Event::new(),
        }
    }

    /// Hands over what the engine tells. Waits for nobody, and wakes one task at most, however many listen.
    pub(super) fn tell(&self, notice: Notice) {
        match notice {
            Notice::Event { hearers, frame } => self.tell_all(hearers, &frame),
            Notice::Reply { listener, frames } => {
                let at = self.ring().end();
                self.tell_one(listener, |slot| slot.reply(Reply { at, frames }));
            }
            Notice::Close { listener, why } => self.tell_one(listener, |slot| slot.close(why)),
        }
    }

    fn tell_all(&self, hearers: Roles, frame: &Frame) {
        {
            let mut ring = self.ring_mut();
            if self.audience.load(Ordering::Acquire) == 0 {
                return ring.pass_over();
            }
            ring.push(hearers, frame.as_bytes());
        }
        if !self.is_news.swap(true, Ordering::AcqRel) {
            self.news.notify(1);
        }
    }

    /// Nobody hears what is for a listener that is gone.
    fn tell_one(&self, id: ListenerId, tell: impl FnOnce(&Slot)) {
        let slot = self.slots().get(&id).cloned();
        if let Some(slot) = slot {
            tell(&slot);
        }
    }

    /// Has listeners look at what is new in the ring, for ever.
    pub(super) async fn spread_the_word(&self) {
        let mut tidied = Instant::now();
        loop {
            listener!(self.news => news);
            if self.is_news.swap(false, Ordering::AcqRel) {
                self.wake_all();
                // Now it is their turn.
                future::yield_now().await;
            } else if self.ring().bytes() == 0 {
                news.await;
            } else {
                let idle = async {
                    Timer::after(TIDY_TIME).await;
                };
                news.or(idle).await;
            }
            if tidied.elapsed() >= TIDY_TIME {
                self.tidy();
                tidied = Instant::now();
            }
        }
    }

    /// How many listen.
    pub(super) fn audience(&self) -> usize {
        self.audience.load(Ordering::Relaxed)
    }

    /// How many frames were told to all.
    pub(super) fn told(&self) -> u64 {
        self.ring().end().0
    }

    /// The memory that the ring takes.
    pub(super) fn kept_bytes(&self) -> usize {
        self.ring().bytes()
    }

    fn wake_all(&self) {
        for slot in self.slots().values() {
            slot.spread_the_word();
        }
    }

    /// Gives back the memory of what everybody has heard.
    fn tidy(&self) {
        let mut ring = self.ring_mut();
        let end = ring.end();
        let slowest = self.slots().values().filter_map(|slot| slot.heard()).min();
        ring.forget_before(slowest.unwrap_or(end));
    }

    /// Begins to keep what is told for one more listener.
    pub(super) fn enter(self: &Arc<Self>) -> Ear {
        let id = ListenerId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let slot = Arc::new(Slot::new());
        self.slots_mut().insert(id, Arc::clone(&slot));
        self.audience.fetch_add(1, Ordering::AcqRel);
        Ear { id, slot, hub: Arc::clone(self) }
    }

    /// Has a listener hear what comes from now on.
    pub(super) fn open(&self, slot: &Slot) {
        // While the ring is locked, nobody forgets what comes next.
        let ring = self.ring_mut();
        slot.has_heard(ring.end());
    }

    // Nothing that is done under these locks can panic half-way.

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring_mut(&self) -> RwLockWriteGuard<'_, Ring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> RwLockReadGuard<'_, BTreeMap<ListenerId, Arc<Slot>>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<ListenerId, Arc<Slot>>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener's own part of the hub. What is told to it is kept until this is dropped.
pub(super) struct Ear {
    id: ListenerId,
    pub(super) slot: Arc<Slot>,
    hub: Arc<Hub>,
}

impl Ear {
    /// What tells the engine that it listens. It hears what the engine tells after that has reached it.
    pub(super) fn joins(&self, listener: Listener) -> FromListener {
        FromListener::joining(self.id, listener, (Arc::clone(&self.hub), Arc::clone(&self.slot)))
    }

    /// What tells the engine something else of it.
    pub(super) fn does(&self, does: Listening) -> FromListener {
        FromListener::new(self.id, does)
    }

    /// What it has to know before it hears more: up to where there are frames, and what it was told itself. A reply that
    /// is not there yet belongs to that place or a later one.
    pub(super) fn look(&self) -> (Position, Tidings) {
        // In this order.
        let end = self.hub.ring().end();
        (end, self.slot.tidings())
    }

    /// Hears more of what `role` hears, up to `to` and until there are `room` bytes in `out`. False if there was nothing
    /// left.
    pub(super) fn hear(&self, role: Role, to: Position, room: usize, out: &mut Vec<u8>) -> Result<bool, Passed> {
        let Some(from) = self.slot.heard() else { return Ok(false) };
        let at = self.hub.ring().copy(role, from, to, room, out)?;
        self.slot.has_heard(at);
        Ok(at > from)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.hub.audience.fetch_sub(1, Ordering::AcqRel);
        self.hub.slots_mut().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use bytes::Bytes;
    use std::task::{Wake, Waker};

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hub() -> Arc<Hub> {
        Arc::new(Hub::new(1 << 20))
    }

    /// Somebody of whom the engine knows.
    fn listening(hub: &Arc<Hub>) -> Ear {
        let ear = hub.enter();
        let user = sample::state().users.login("anna").unwrap().0.clone();
        ear.joins(Listener { user, address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST) }).into_input();
        ear
    }

    fn tell(hub: &Hub) {
        hub.tell(Notice::Event { hearers: Roles::ALL, frame: Frame::from(Bytes::from_static(b"{}")) });
    }

    /// Everything that is there for it.
    fn hear(ear: &Ear) -> usize {
        let mut out = Vec::new();
        let (end, _) = ear.look();
        while ear.hear(Role::Admin, end, 1000, &mut out).unwrap() {}
        out.len() / 4
    }

    #[test]
    fn nothing_is_kept_for_nobody_and_nothing_longer_than_it_is_needed() {
        let hub = hub();
        tell(&hub);
        assert_eq!((hub.ring().bytes(), hub.ring().end()), (0, Position(1)));
        let (quick, slow) = (listening(&hub), listening(&hub));
        for _ in 0..100 {
            tell(&hub);
        }
        assert_eq!(hear(&quick), 100);
        hub.tidy();
        assert_eq!((hear(&quick), hear(&slow)), (0, 100));
        hub.tidy();
        assert_eq!(hub.ring().bytes(), 0);
        tell(&hub);
        drop(slow);
        assert_eq!(hear(&quick), 1);
        tell(&hub);
        drop(quick);
        hub.tidy();
        assert_eq!((hub.ring().bytes(), hub.slots().len()), (0, 0));
    }

    #[test]
    fn who_waits_for_news_is_woken_once_for_many_and_others_are_not() {
        let hub = hub();
        let woken = [(); 2].map(|()| Arc::new(Woken(AtomicUsize::new(0))));
        let ears = [listening(&hub), listening(&hub)];
        for (ear, woken) in ears.iter().zip(&woken) {
            assert_eq!(ear.slot.wake_with(&Waker::from(Arc::clone(woken))), None);
        }
        ears[0].slot.wait_for_news();
        for _ in 0..10 {
            tell(&hub);
        }
        let spreading = hub.spread_the_word();
        assert_eq!(smol::block_on(future::poll_once(spreading)), None);
        assert_eq!(woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed)), [1, 0]);
    }

    #[test]
    fn what_is_for_one_wakes_that_one() {
        let hub = hub();
        let (ear, other) = (listening(&hub), listening(&hub));
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        ear.slot.wake_with(&Waker::from(Arc::clone(&woken)));
        tell(&hub);
        hub.tell(Notice::Reply { listener: ear.id, frames: Vec::new() });
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!((ear.look().1, other.look().1), (Tidings::Reply(Position(1)), Tidings::None));
        hub.tell(Notice::Close { listener: ear.id, why: "x" });
        assert_eq!(ear.look().1, Tidings::Close("x"));
        let id = ear.id;
        drop(ear);
        hub.tell(Notice::Close { listener: id, why: "x" });
        assert_ne!(hub.enter().id, id, "a name is never given twice");
    }
}
