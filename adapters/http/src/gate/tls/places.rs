//! How many clients shake hands at once, who is next, and who makes room.
//!
//! Whoever has the fewest places comes first, and among those with as few whoever came first. So a client waits for those
//! of its own address more than for others.
//!
//! What a place protects is our processor, and who has one needs that for a millisecond or so; then it is the client's turn.
//! A client that takes its time keeps its place as long as nobody wants it. After a while ([`PATIENCE`]) it goes if somebody
//! comes whose address has fewer places, and after a longer one ([`PATIENCE_WITHIN`]) if somebody of its own address comes:
//! those who share an address may all be far away, and must not drive each other out. Of them all goes first who is of the
//! address with the most places, and then who came first. What a client sends in between buys it no time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::future::{self, Future};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};
use smol::future::FutureExt as _;

use crate::auth::Source;

/// How long others wait for a client: most networks need less for there and back.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long those of its own address do: no network in use needs more.
const PATIENCE_WITHIN: Duration = Duration::from_secs(1);

/// A number of places.
#[derive(Debug)]
pub(super) struct Places {
    most_per_source: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    free: usize,
    /// How many have come so far.
    arrivals: u64,
    /// Of those who have a place or wait for one.
    lines: HashMap<Source, Line>,
}

/// Those who come from one address.
#[derive(Debug, Default)]
struct Line {
    /// Those who have a place, by their arrival.
    holders: BTreeMap<u64, Holder>,
    /// Those who wait, by their arrival. A message tells them to wait no longer.
    waiting: BTreeMap<u64, Sender<()>>,
}

/// Somebody who has a place.
#[derive(Debug)]
struct Holder {
    /// Closed, it tells the holder to go.
    _stay: Sender<()>,
    yields: Yields,
}

/// To whom a holder yields its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Yields {
    Nobody,
    /// To those whose address has fewer places.
    Others,
    /// To those of its own address as well.
    All,
}

/// Who gets a place.
struct Next {
    source: Source,
    /// Who goes for it, if none is free.
    instead_of: Option<(Source, u64)>,
}

/// A place. Dropped, it is somebody else's.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    source: Source,
    arrival: u64,
    /// A message is the place, and the end of the other side the end of that.
    called: Receiver<()>,
}

/// Somebody else has got the place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SentAway;

impl Places {
    /// So many places, and so many of them for one address.
    pub(super) fn new(most: usize, most_per_source: usize) -> Arc<Self> {
        let queue = Queue { free: most, arrivals: 0, lines: HashMap::new() };
        Arc::new(Self { most_per_source, queue: Mutex::new(queue) })
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>, source: Source) -> Place {
        let place = self.line_up(source);
        // The other side is not dropped before it has sent something.
        let _ = place.called.recv().await;
        place
    }

    fn line_up(self: &Arc<Self>, source: Source) -> Place {
        let (call, called) = bounded(1);
        let mut queue = self.queue();
        let arrival = queue.arrivals;
        queue.arrivals += 1;
        queue.lines.entry(source).or_default().waiting.insert(arrival, call);
        queue.hand_out(self.most_per_source);
        Place { places: Arc::clone(self), source, arrival, called }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Shakes hands in this place, unless somebody else gets it before that is done. As soon as that waits it is the client's
    /// turn, and our patience begins.
    pub(super) async fn spend<T>(&self, shaking: impl Future<Output = T>) -> Result<T, SentAway> {
        let sent_away = async {
            let _ = self.called.recv().await;
            Err(SentAway)
        };
        let impatient = async {
            Timer::after(PATIENCE).await;
            self.yields(Yields::Others);
            Timer::after(PATIENCE_WITHIN.saturating_sub(PATIENCE)).await;
            self.yields(Yields::All);
            future::pending().await
        };
        sent_away.or(async { Ok(shaking.await) }).or(impatient).await
    }

    fn yields(&self, yields: Yields) {
        let mut queue = self.places.queue();
        let line = queue.lines.get_mut(&self.source);
        if let Some(holder) = line.and_then(|line| line.holders.get_mut(&self.arrival)) {
            holder.yields = yields;
        }
        queue.hand_out(self.places.most_per_source);
    }
}

impl Queue {
    /// Gives the places that are free, or of those who make room, to those who come first.
    fn hand_out(&mut self, most_per_source: usize) {
        while let Some(Next { source, instead_of }) = self.next(most_per_source) {
            if let Some((source, arrival)) = instead_of {
                self.leave(source, arrival);
            }
            let Some(line) = self.lines.get_mut(&source) else { return };
            let Some((arrival, call)) = line.waiting.pop_first() else { return };
            // Who does not wait any more gives the place back at once, being dropped.
            let _ = call.try_send(());
            line.holders.insert(arrival, Holder { _stay: call, yields: Yields::Nobody });
            self.free -= 1;
        }
    }

    fn next(&self, most_per_source: usize) -> Option<Next> {
        let largest = self.lines.iter().filter_map(|(source, line)| {
            let first = line.first_that_yields(Yields::Others)?;
            Some((line.holders.len(), Reverse(first), *source))
        });
        let of_largest = largest.max_by_key(|(held, first, _)| (*held, *first));
        let served = self.lines.iter().filter_map(|(source, line)| {
            let (first, held) = (*line.waiting.keys().next()?, line.holders.len());
            if self.free > 0 && held < most_per_source {
                return Some((held, first, Next { source: *source, instead_of: None }));
            }
            let of_other = of_largest.filter(|(most, ..)| held < (*most).min(most_per_source));
            let of_other = of_other.map(|(_, first, other)| (other, first.0));
            let instead_of = of_other.or_else(|| Some((*source, line.first_that_yields(Yields::All)?)));
            Some((held, first, Next { source: *source, instead_of: Some(instead_of?) }))
        });
        served.min_by_key(|(held, first, _)| (*held, *first)).map(|(_, _, next)| next)
    }

    fn leave(&mut self, source: Source, arrival: u64) {
        let Some(line) = self.lines.get_mut(&source) else { return };
        if line.waiting.remove(&arrival).is_none() && line.holders.remove(&arrival).is_some() {
            self.free += 1;
        }
        if line.holders.is_empty() && line.waiting.is_empty() {
            self.lines.remove(&source);
        }
    }
}

impl Line {
    fn first_that_yields(&self, yields: Yields) -> Option<u64> {
        self.holders.iter().find(|(_, holder)| holder.yields >= yields).map(|(arrival, _)| *arrival)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.places.queue();
        queue.leave(self.source, self.arrival);
        queue.hand_out(self.places.most_per_source);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Taking = Pin<Box<dyn Future<Output = Place>>>;

    fn taking(places: &Arc<Places>, address: &str) -> Taking {
        let (places, source) = (Arc::clone(places), Source::from(address.parse::<IpAddr>().unwrap()));
        let mut taking: Taking = Box::pin(async move { places.take(source).await });
        // It lines up when it is asked for the first time.
        match poll(&mut taking) {
            None => taking,
            Some(place) => Box::pin(async move { place }),
        }
    }

    fn poll(taking: &mut Taking) -> Option<Place> {
        match taking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    fn taken(places: &Arc<Places>, address: &str) -> Option<Place> {
        poll(&mut taking(places, address))
    }

    #[test]
    fn there_are_so_many_places_and_no_more() {
        let places = Places::new(2, 2);
        let (first, second) = (taken(&places, "192.0.2.1").unwrap(), taken(&places, "192.0.2.2").unwrap());
        let mut third = taking(&places, "192.0.2.3");
        assert!(poll(&mut third).is_none());
        drop(first);
        let third = poll(&mut third).unwrap();
        drop((second, third));
        assert!(places.queue().lines.is_empty());
        assert_eq!(places.queue().free, 2);
    }

    #[test]
    fn one_address_cannot_have_them_all() {
        let places = Places::new(3, 2);
        let held: Vec<Place> = (0..2).map(|_| taken(&places, "192.0.2.1").unwrap()).collect();
        let mut more = taking(&places, "192.0.2.1");
        assert!(poll(&mut more).is_none());
        assert!(taken(&places, "192.0.2.2").is_some());
        drop(held);
        assert!(poll(&mut more).is_some());
    }

    #[test]
    fn who_has_the_fewest_places_is_next() {
        let places = Places::new(3, 3);
        let mut held: Vec<Place> = (0..3).map(|_| taken(&places, "192.0.2.1").unwrap()).collect();
        let mut greedy = taking(&places, "192.0.2.1");
        let (mut modest, mut late) = (taking(&places, "192.0.2.2"), taking(&places, "192.0.2.3"));
        held.pop();
        let modest = poll(&mut modest).unwrap();
        assert!(poll(&mut greedy).is_none() && poll(&mut late).is_none());
        held.pop();
        let late = poll(&mut late).unwrap();
        assert!(poll(&mut greedy).is_none());
        drop((modest, late));
        assert!(poll(&mut greedy).is_some());
    }

    #[test]
    fn who_waits_no_longer_takes_nothing_with_it() {
        let places = Places::new(1, 1);
        let held = taken(&places, "192.0.2.1").unwrap();
        let (gone, mut next) = (taking(&places, "192.0.2.2"), taking(&places, "192.0.2.3"));
        drop(gone);
        let called = taking(&places, "192.0.2.2");
        drop(held);
        let next = poll(&mut next).unwrap();
        drop(next);
        // It has been called and never knew.
        drop(called);
        assert_eq!(places.queue().free, 1);
        assert!(places.queue().lines.is_empty());
    }

    /// Which of them are to go.
    fn sent_away(held: &[Place]) -> Vec<usize> {
        (0..held.len()).filter(|number| held[*number].called.is_closed()).collect()
    }

    fn hold(places: &Arc<Places>, addresses: &[&str]) -> Vec<Place> {
        addresses.iter().map(|address| taken(places, address).unwrap()).collect()
    }

    #[test]
    fn who_lets_us_wait_keeps_its_place_until_somebody_needs_it() {
        let places = Places::new(3, 3);
        let held = hold(&places, &["192.0.2.1", "192.0.2.2"]);
        for place in &held {
            place.yields(Yields::All);
        }
        let free = taken(&places, "192.0.2.3").unwrap();
        assert!(sent_away(&held).is_empty());
        let newcomer = taken(&places, "192.0.2.4").unwrap();
        assert_eq!(sent_away(&held), [0]);
        assert_eq!(smol::block_on(held[0].spend(future::pending::<()>())), Err(SentAway));
        drop((held, free, newcomer));
        assert!(places.queue().lines.is_empty());
        assert_eq!(places.queue().free, 3);
    }

    #[test]
    fn who_let_us_wait_goes_as_soon_as_we_have_no_patience_left() {
        let places = Places::new(2, 2);
        let held = hold(&places, &["192.0.2.1", "192.0.2.1"]);
        let mut newcomer = taking(&places, "192.0.2.2");
        assert!(poll(&mut newcomer).is_none());
        // Nothing but time goes by.
        let ended = smol::block_on(held[1].spend(future::pending::<()>()));
        assert_eq!((ended, sent_away(&held)), (Err(SentAway), vec![1]));
        assert!(poll(&mut newcomer).is_some());
    }

    #[test]
    fn who_is_of_the_address_with_the_most_places_goes_first() {
        let places = Places::new(6, 6);
        let held = hold(&places, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2", "192.0.2.2", "192.0.2.3"]);
        for place in &held {
            place.yields(Yields::Others);
        }
        let _newcomers = hold(&places, &["192.0.2.4", "192.0.2.5"]);
        assert_eq!(sent_away(&held), [1, 2]);
    }

    #[test]
    fn nobody_goes_for_an_address_that_has_as_many_places() {
        let places = Places::new(2, 2);
        let held = hold(&places, &["192.0.2.1", "192.0.2.2"]);
        for place in &held {
            place.yields(Yields::Others);
        }
        let mut second = taking(&places, "192.0.2.1");
        assert!(poll(&mut second).is_none());
        assert!(sent_away(&held).is_empty());
    }

    #[test]
    fn those_of_one_address_have_more_patience_with_each_other() {
        let places = Places::new(3, 2);
        let held = hold(&places, &["192.0.2.1", "192.0.2.1"]);
        held[1].yields(Yields::Others);
        let mut third = taking(&places, "192.0.2.1");
        assert!(poll(&mut third).is_none());
        held[1].yields(Yields::All);
        assert_eq!(sent_away(&held), [1]);
        assert!(poll(&mut third).is_some());
    }

    #[test]
    fn there_are_never_more_places_taken_than_there_are() {
        let places = Places::new(4, 2);
        let mut silent = Vec::new();
        for number in 0..200 {
            let mut newcomer = taking(&places, &format!("192.0.2.{number}"));
            let place = poll(&mut newcomer).unwrap();
            place.yields(Yields::All);
            silent.push(place);
            let queue = places.queue();
            let held: usize = queue.lines.values().map(|line| line.holders.len()).sum();
            assert!(held <= 4 && held + queue.free == 4);
        }
        assert_eq!(sent_away(&silent).len(), 196);
    }
}
