//! Who has a place at the gate.
//!
//! Whoever comes gets a place. When all are taken, it gets that of a stranger, who has not proven who it is: of those whose
//! address has the most strangers here, it is the one that came first. So strangers, however many, take places only from
//! each other, and first from those who have the most.
//!
//! Whoever proves who it is keeps its place, whatever it does there. But an address keeps no more places than half of those
//! that nobody keeps, and the fewer the more are kept: what it has beyond that counts as a stranger's. Only those who
//! listen keep theirs in any case; how many there can be is bounded elsewhere.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use smol::channel::{Receiver, Sender, bounded};

use crate::auth::Source;

/// The places there are.
#[derive(Debug)]
pub(super) struct Occupancy {
    most: usize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    /// Of those.
    kept: usize,
    /// How many have come so far.
    arrivals: u64,
    by_source: HashMap<Source, Group>,
}

/// Those who come from one address.
#[derive(Debug, Default)]
struct Group {
    /// Those who can be sent away, by their arrival: dropping it tells them to go.
    strangers: BTreeMap<u64, Sender<()>>,
    /// How many places the others keep.
    kept: usize,
}

/// A place for one connection. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    occupancy: Arc<Occupancy>,
    source: Source,
    arrival: u64,
    /// Closed when somebody else needs the place.
    needed: Receiver<()>,
    /// The other side of that, as soon as the place is kept.
    kept: OnceLock<Sender<()>>,
}

impl Occupancy {
    /// So many places.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, places: Mutex::default() })
    }

    /// Whether whoever comes next takes somebody's place, if there is one that can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.places().taken >= self.most
    }

    /// A place for a connection from `address`; nothing if all places are kept.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let source = Source::from(address);
        let (stay, needed) = bounded(1);
        let mut places = self.places();
        if places.taken >= self.most && !places.send_one_away() {
            return None;
        }
        let arrival = places.arrivals;
        places.arrivals += 1;
        places.taken += 1;
        places.by_source.entry(source).or_default().strangers.insert(arrival, stay);
        Some(Place { occupancy: Arc::clone(self), source, arrival, needed, kept: OnceLock::new() })
    }

    /// Sends a stranger away, if there is one: something other than places has run out.
    pub(super) fn make_room(&self) {
        self.places().send_one_away();
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing in here can panic half-way.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whoever has it has proven who it is: it is kept, unless its address has its share.
    pub(super) fn keep(&self) {
        self.keep_if(|places, of_source| of_source <= self.occupancy.most.saturating_sub(places.kept) / 2);
    }

    /// It is kept in any case.
    pub(super) fn hold(&self) {
        self.keep_if(|_, _| true);
    }

    fn keep_if(&self, may: impl FnOnce(&Places, usize) -> bool) {
        if self.kept.get().is_some() {
            return;
        }
        if let Some(stay) = self.occupancy.places().keep_if(self.source, self.arrival, may) {
            // It was not kept before: only then there is something to set.
            let _ = self.kept.set(stay);
        }
    }

    /// Ready when somebody else needs the place.
    pub(super) async fn is_needed(&self) {
        // Never a message: an error is how the end of the other side shows.
        let _ = self.needed.recv().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.occupancy.places().leave(self.source, self.arrival, self.kept.get().is_some());
    }
}

impl Places {
    fn send_one_away(&mut self) -> bool {
        let rank = |group: &Group| {
            let (first, _) = group.strangers.first_key_value()?;
            Some((group.strangers.len(), Reverse(*first)))
        };
        let largest = self.by_source.iter().filter_map(|(source, group)| Some((rank(group)?, *source)));
        let Some(((_, Reverse(first)), source)) = largest.max_by_key(|(rank, _)| *rank) else { return false };
        self.leave(source, first, false);
        true
    }

    /// Keeps a place if it may be, which depends on how many its address keeps; nothing if it is not a stranger's any more.
    fn keep_if(&mut self, source: Source, arrival: u64, may: impl FnOnce(&Self, usize) -> bool) -> Option<Sender<()>> {
        if !may(self, self.by_source.get(&source)?.kept) {
            return None;
        }
        let group = self.by_source.get_mut(&source)?;
        let stay = group.strangers.remove(&arrival)?;
        group.kept += 1;
        self.kept += 1;
        Some(stay)
    }

    fn leave(&mut self, source: Source, arrival: u64, has_kept: bool) {
        let Some(group) = self.by_source.get_mut(&source) else { return };
        if has_kept {
            group.kept -= 1;
            self.kept -= 1;
            self.taken -= 1;
        } else if group.strangers.remove(&arrival).is_some() {
            self.taken -= 1;
        }
        if group.kept == 0 && group.strangers.is_empty() {
            self.by_source.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::future;

    fn enter(occupancy: &Arc<Occupancy>, address: &str) -> Place {
        occupancy.enter(address.parse().unwrap()).unwrap()
    }

    fn enter_and_keep(occupancy: &Arc<Occupancy>, address: &str) -> Place {
        let place = enter(occupancy, address);
        place.keep();
        place
    }

    fn is_needed(place: &Place) -> bool {
        smol::block_on(future::poll_once(place.is_needed())).is_some()
    }

    /// Which of them are to go.
    fn needed(places: &[Place]) -> Vec<usize> {
        (0..places.len()).filter(|number| is_needed(&places[*number])).collect()
    }

    #[test]
    fn there_is_room_until_all_places_are_taken_and_again_when_one_is_free() {
        let occupancy = Occupancy::new(2);
        let (first, second) = (enter(&occupancy, "192.0.2.1"), enter(&occupancy, "192.0.2.1"));
        assert!(occupancy.is_full());
        drop(first);
        let third = enter(&occupancy, "192.0.2.2");
        assert!(!is_needed(&second) && !is_needed(&third));
        drop((second, third));
        let places = occupancy.places();
        assert_eq!((places.taken, places.kept, places.by_source.len()), (0, 0, 0));
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_stranger_that_came_first_of_the_address_that_has_the_most() {
        let occupancy = Occupancy::new(6);
        let from = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2", "192.0.2.2", "192.0.2.3"];
        let places = from.map(|address| enter(&occupancy, address));
        let _newcomers = ["192.0.2.4", "192.0.2.5"].map(|address| enter(&occupancy, address));
        assert_eq!(needed(&places), [1, 2], "of those with three places, and then of two with two");
        drop(places);
        assert_eq!(occupancy.places().taken, 2, "who was sent away is not counted twice");
    }

    #[test]
    fn many_strangers_from_many_addresses_keep_nobody_out_who_has_proven_who_it_is() {
        let occupancy = Occupancy::new(100);
        let known: Vec<Place> = (0..10).map(|_| enter_and_keep(&occupancy, "198.51.100.1")).collect();
        let strangers: Vec<Place> =
            (0..1000).map(|number| enter(&occupancy, &format!("192.0.2.{}", number % 20))).collect();
        let late = enter_and_keep(&occupancy, "198.51.100.2");
        let more: Vec<Place> = (0..1000).map(|number| enter(&occupancy, &format!("192.0.2.{}", number % 20))).collect();
        assert!(needed(&known).is_empty() && !is_needed(&late));
        assert_eq!((needed(&strangers).len(), needed(&more).len()), (1000, 1000 - 89));
    }

    #[test]
    fn who_comes_from_an_address_of_its_own_stays_longer_than_those_who_are_many() {
        let occupancy = Occupancy::new(10);
        let alone = enter(&occupancy, "198.51.100.1");
        let many: Vec<Place> = (0..100).map(|number| enter(&occupancy, &format!("192.0.2.{}", number % 4))).collect();
        assert!(!is_needed(&alone));
        assert_eq!(needed(&many).len(), 91);
    }

    #[test]
    fn there_is_no_room_when_all_places_are_kept() {
        let occupancy = Occupancy::new(3);
        let kept: Vec<Place> = (1..=3).map(|number| enter_and_keep(&occupancy, &format!("192.0.2.{number}"))).collect();
        assert!(occupancy.enter("192.0.2.4".parse().unwrap()).is_none());
        occupancy.make_room();
        assert!(needed(&kept).is_empty());
    }

    #[test]
    fn an_address_keeps_fewer_places_the_more_are_kept() {
        let occupancy = Occupancy::new(1000);
        let mut held = Vec::new();
        let mut keep_all = |address: &str| {
            let before = occupancy.places().kept;
            held.extend((0..1000).map(|_| enter_and_keep(&occupancy, address)));
            occupancy.places().kept - before
        };
        let kept = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"].map(&mut keep_all);
        assert!(kept.is_sorted_by(|before, after| before > after), "{kept:?}");
        assert!(kept[0] < 340 && kept.iter().sum::<usize>() < 880, "{kept:?}");
        assert!(occupancy.enter("192.0.2.6".parse().unwrap()).is_some_and(|place| {
            place.keep();
            place.kept.get().is_some()
        }));
    }

    #[test]
    fn what_is_held_is_kept_beyond_the_share() {
        let occupancy = Occupancy::new(3);
        let places = [(); 3].map(|()| enter_and_keep(&occupancy, "192.0.2.1"));
        assert_eq!(occupancy.places().kept, 2);
        places[2].hold();
        assert!(occupancy.enter("192.0.2.2".parse().unwrap()).is_none());
        assert!(needed(&places).is_empty());
    }

    #[test]
    fn who_was_sent_away_keeps_nothing_any_more() {
        let occupancy = Occupancy::new(1);
        let first = enter(&occupancy, "192.0.2.1");
        let second = enter(&occupancy, "192.0.2.2");
        first.keep();
        assert!(is_needed(&first) && !is_needed(&second));
        drop(first);
        let places = occupancy.places();
        assert_eq!((places.taken, places.kept), (1, 0));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let occupancy = Occupancy::new(3);
        let places = ["2001:db8::1", "2001:db8:1::1", "2001:db8:1::2"].map(|address| enter(&occupancy, address));
        let _newcomer = enter(&occupancy, "192.0.2.1");
        assert_eq!(needed(&places), [1]);
    }
}
