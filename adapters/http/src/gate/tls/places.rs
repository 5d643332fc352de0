//! How many clients shake hands at once, and who is next.
//!
//! Whoever has the fewest places comes first, and among those with as few whoever came first. So a client waits for those
//! of its own address more than for others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol::channel::{Sender, bounded};

use crate::auth::Source;

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
    /// How many places they have.
    held: usize,
    /// Those who wait, by their arrival. A message tells them to wait no longer.
    waiting: BTreeMap<u64, Sender<()>>,
}

/// A place, or the wait for one. Dropped, it is somebody else's.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    source: Source,
    arrival: u64,
}

impl Places {
    /// So many places, and so many of them for one address.
    pub(super) fn new(most: usize, most_per_source: usize) -> Arc<Self> {
        let queue = Queue { free: most, arrivals: 0, lines: HashMap::new() };
        Arc::new(Self { most_per_source, queue: Mutex::new(queue) })
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>, source: Source) -> Place {
        let (call, called) = bounded(1);
        let place = self.line_up(source, call);
        // The other side is not dropped before it has sent something.
        let _ = called.recv().await;
        place
    }

    fn line_up(self: &Arc<Self>, source: Source, call: Sender<()>) -> Place {
        let mut queue = self.queue();
        let arrival = queue.arrivals;
        queue.arrivals += 1;
        queue.lines.entry(source).or_default().waiting.insert(arrival, call);
        queue.hand_out(self.most_per_source);
        Place { places: Arc::clone(self), source, arrival }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Gives the places that are free to those who come first.
    fn hand_out(&mut self, most_per_source: usize) {
        while self.free > 0 {
            let lines = self.lines.values_mut().filter(|line| line.held < most_per_source);
            let rank = |line: &&mut Line| line.waiting.keys().next().map(|first| (line.held, *first));
            let next = lines.filter(|line| !line.waiting.is_empty()).min_by_key(rank);
            let Some((line, (_, call))) = next.and_then(|line| line.waiting.pop_first().map(|first| (line, first)))
            else {
                return;
            };
            line.held += 1;
            self.free -= 1;
            // Who does not wait any more gives the place back at once, being dropped.
            let _ = call.try_send(());
        }
    }

    fn leave(&mut self, source: Source, arrival: u64) {
        let Some(line) = self.lines.get_mut(&source) else { return };
        if line.waiting.remove(&arrival).is_none() {
            line.held -= 1;
            self.free += 1;
        }
        if line.held == 0 && line.waiting.is_empty() {
            self.lines.remove(&source);
        }
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
    use std::future::Future;
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
}
