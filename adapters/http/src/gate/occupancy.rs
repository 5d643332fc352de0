//! How many connections there are, in all and from one place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::Limits;
use crate::auth::Source;

/// Counts connections.
#[derive(Debug)]
pub(super) struct Occupancy {
    most: usize,
    most_per_source: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_source: HashMap<Source, usize>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    occupancy: Arc<Occupancy>,
    /// Where from; nothing if that is not counted.
    source: Option<Source>,
}

impl Occupancy {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_per_source: limits.connections_per_address,
            counts: Mutex::default(),
        })
    }

    /// A permit for a connection from `address`, if there is room.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let source = Source::from(address);
        let mut counts = self.counts();
        let of_source = counts.by_source.get(&source).copied().unwrap_or(0);
        if counts.total >= self.most || of_source >= self.most_per_source {
            return None;
        }
        counts.total += 1;
        counts.by_source.insert(source, of_source + 1);
        Some(Permit { occupancy: Arc::clone(self), source: Some(source) })
    }

    /// The same for a connection that stands for many clients, and so is only counted in all.
    pub(super) fn enter_uncounted(self: &Arc<Self>) -> Option<Permit> {
        let mut counts = self.counts();
        (counts.total < self.most).then(|| {
            counts.total += 1;
            Permit { occupancy: Arc::clone(self), source: None }
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing in here can panic half-way.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.occupancy.counts();
        counts.total -= 1;
        if let Some(source) = self.source
            && let Some(count) = counts.by_source.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_until_all_or_one_address_has_its_share() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let occupancy = Occupancy::new(&limits);
        let enter = |text: &str| occupancy.enter(text.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let _third = enter("192.0.2.2").unwrap();
        assert!(enter("192.0.2.3").is_none());
        assert!(occupancy.enter_uncounted().is_none());
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        assert_eq!(occupancy.counts().total, 2);
    }

    #[test]
    fn what_stands_for_many_is_only_counted_in_all() {
        let limits = Limits { connections: 3, connections_per_address: 1, ..Limits::default() };
        let occupancy = Occupancy::new(&limits);
        let first = occupancy.enter_uncounted().unwrap();
        let _others = [occupancy.enter_uncounted().unwrap(), occupancy.enter("192.0.2.1".parse().unwrap()).unwrap()];
        assert!(occupancy.enter_uncounted().is_none());
        drop(first);
        assert!(occupancy.enter_uncounted().is_some());
    }
}
