//! Who has a place at the gate.
//!
//! Whoever comes gets a place. When all are taken, it gets that of a stranger, who has not proven who it is: of those whose
//! address has the most strangers here, it is the one that came first. So strangers, however many, take places only from
//! each other, and first from those who have the most.
//!
//! Whoever proves who it is keeps its place until somebody asks something there without proof, or somebody else does: what
//! counts is the last request, since a proxy may use one connection for many. But nobody keeps so many that others cannot:
//! a user at most 64, and another one only as long as it has less than an eighth, and its address less than half, of as many
//! as nobody keeps. The first of each is kept in any case. Who is beyond that counts as a stranger.
//!
//! Two hold their place beyond all that: who listens, and who has a change carried out. How many of them there can be is
//! bounded elsewhere: by [`LiveLimits`](crate::LiveLimits), and by the lanes to the handlers.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fsconnector_engine::state::UserId;
use smol::channel::{Receiver, Sender, bounded};

use super::stream::Broken;
use crate::auth::Source;

/// How many places one user keeps, wherever it comes from.
const KEPT_BY_USER: usize = 64;

/// The places there are.
#[derive(Debug)]
pub(super) struct Occupancy(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    most: usize,
    /// How many have come so far.
    arrivals: u64,
    /// Those that are taken, by the arrival of whoever has them.
    taken: HashMap<u64, Taken>,
    /// How many of them are no stranger's.
    kept: usize,
    by_source: HashMap<Source, Group>,
    /// How many each user keeps.
    by_user: BTreeMap<UserId, usize>,
}

/// A place that somebody has.
#[derive(Debug)]
struct Taken {
    source: Source,
    /// Who keeps it.
    user: Option<UserId>,
    /// What is done there is not to be cut off, whoever keeps it.
    is_held: bool,
    /// Dropped, it tells whoever has the place to go.
    _stay: Sender<()>,
}

/// Those who come from one address.
#[derive(Debug, Default)]
struct Group {
    /// The arrivals of those who can be sent away.
    strangers: BTreeSet<u64>,
    /// How many places the others keep.
    kept: usize,
}

/// A place for one connection. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    occupancy: Arc<Occupancy>,
    arrival: u64,
    /// Closed when somebody else needs the place.
    needed: Receiver<()>,
}

impl Occupancy {
    /// So many places.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Places { most, ..Places::default() })))
    }

    /// Whether whoever comes next takes somebody's place, if there is one that can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.places().is_full()
    }

    /// A place for a connection from `address`; nothing if all places are kept.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let (stay, needed) = bounded(1);
        let mut places = self.places();
        if places.is_full() && !places.send_one_away() {
            return None;
        }
        let arrival = places.arrivals;
        places.arrivals += 1;
        places.insert(arrival, Taken { source: Source::from(address), user: None, is_held: false, _stay: stay });
        Some(Place { occupancy: Arc::clone(self), arrival, needed })
    }

    /// Sends a stranger away, if there is one: something other than places has run out.
    pub(super) fn make_room(&self) {
        self.places().send_one_away();
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whoever asks something now has proven to be this user, or nothing. The user keeps the place, unless it or its address
    /// has its share.
    pub(super) fn keep_for(&self, user: Option<UserId>) {
        let mut places = self.occupancy.places();
        // Nearly always it is the same one as before.
        if places.taken.get(&self.arrival).is_some_and(|taken| taken.user != user) {
            places.change(self.arrival, |places, taken| {
                taken.user = user.filter(|user| places.may_keep_another(user, taken.source));
            });
        }
    }

    /// It is kept in any case, until it is let go; unless somebody else has got it in the meantime.
    pub(super) fn hold(&self) -> Result<(), Broken> {
        self.occupancy.places().change(self.arrival, |_, taken| taken.is_held = true).ok_or(Broken::Displaced)
    }

    /// It is kept as it was before it was held.
    pub(super) fn let_go(&self) {
        self.occupancy.places().change(self.arrival, |_, taken| taken.is_held = false);
    }

    /// Ready when somebody else needs the place.
    pub(super) async fn is_needed(&self) {
        // Never a message: an error is how the end of the other side shows.
        let _ = self.needed.recv().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.occupancy.places().remove(self.arrival);
    }
}

impl Places {
    fn is_full(&self) -> bool {
        self.taken.len() >= self.most
    }

    fn send_one_away(&mut self) -> bool {
        let rank = |group: &Group| group.strangers.first().map(|first| (group.strangers.len(), Reverse(*first)));
        let Some((_, Reverse(first))) = self.by_source.values().filter_map(rank).max() else { return false };
        self.remove(first).is_some()
    }

    /// Changes something about a place, if it was not given to somebody else. Meanwhile it counts as nobody's.
    fn change(&mut self, arrival: u64, change: impl FnOnce(&Self, &mut Taken)) -> Option<()> {
        let mut taken = self.remove(arrival)?;
        change(self, &mut taken);
        self.insert(arrival, taken);
        Some(())
    }

    fn may_keep_another(&self, user: &UserId, source: Source) -> bool {
        let nobodys = self.most.saturating_sub(self.kept);
        let of_user = self.by_user.get(user).copied().unwrap_or(0);
        let of_source = self.by_source.get(&source).map_or(0, |group| group.kept);
        let is_within = |kept, share| kept == 0 || kept < share;
        is_within(of_user, KEPT_BY_USER.min(nobodys / 8)) && is_within(of_source, nobodys / 2)
    }

    fn insert(&mut self, arrival: u64, taken: Taken) {
        let group = self.by_source.entry(taken.source).or_default();
        if taken.is_kept() {
            group.kept += 1;
            self.kept += 1;
        } else {
            group.strangers.insert(arrival);
        }
        if let Some(user) = &taken.user {
            *self.by_user.entry(user.clone()).or_default() += 1;
        }
        self.taken.insert(arrival, taken);
    }

    fn remove(&mut self, arrival: u64) -> Option<Taken> {
        let taken = self.taken.remove(&arrival)?;
        if let Entry::Occupied(mut entry) = self.by_source.entry(taken.source) {
            let group = entry.get_mut();
            if taken.is_kept() {
                group.kept -= 1;
                self.kept -= 1;
            } else {
                group.strangers.remove(&arrival);
            }
            if group.kept == 0 && group.strangers.is_empty() {
                entry.remove();
            }
        }
        if let Some(user) = &taken.user
            && let Some(kept) = self.by_user.get_mut(user)
        {
            *kept -= 1;
            if *kept == 0 {
                self.by_user.remove(user);
            }
        }
        Some(taken)
    }
}

impl Taken {
    fn is_kept(&self) -> bool {
        self.is_held || self.user.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::future;

    fn enter(occupancy: &Arc<Occupancy>, address: &str) -> Place {
        occupancy.enter(address.parse().unwrap()).unwrap()
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    /// Of a user of its own.
    fn enter_and_keep(occupancy: &Arc<Occupancy>, address: &str) -> Place {
        let place = enter(occupancy, address);
        place.keep_for(Some(user(&place.arrival.to_string())));
        place
    }

    fn is_kept(place: &Place) -> bool {
        place.occupancy.places().taken.get(&place.arrival).is_some_and(Taken::is_kept)
    }

    /// Nobody has left anything.
    fn assert_empty(occupancy: &Occupancy) {
        let places = occupancy.places();
        let left = (places.taken.len(), places.kept, places.by_source.len(), places.by_user.len());
        assert_eq!(left, (0, 0, 0, 0));
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
        assert_empty(&occupancy);
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_stranger_that_came_first_of_the_address_that_has_the_most() {
        let occupancy = Occupancy::new(6);
        let from = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2", "192.0.2.2", "192.0.2.3"];
        let places = from.map(|address| enter(&occupancy, address));
        let _newcomers = ["192.0.2.4", "192.0.2.5"].map(|address| enter(&occupancy, address));
        assert_eq!(needed(&places), [1, 2], "of those with three places, and then of two with two");
        drop(places);
        assert_eq!(occupancy.places().taken.len(), 2, "who was sent away is not counted twice");
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
        // The last one was kept when there were two others that nobody kept for each one before.
        assert_eq!(kept, [333, 222, 148, 99, 66]);
        assert!(is_kept(&enter_and_keep(&occupancy, "192.0.2.6")));
    }

    #[test]
    fn a_user_keeps_so_many_places_wherever_it_comes_from_and_fewer_the_more_are_kept() {
        let occupancy = Occupancy::new(1000);
        let mut held = Vec::new();
        let mut keep_all = |id: u32| {
            let before = occupancy.places().kept;
            held.extend((0..1000).map(|number| {
                let place = enter(&occupancy, &format!("192.0.2.{}", number % 100));
                place.keep_for(Some(user(&id.to_string())));
                place
            }));
            occupancy.places().kept - before
        };
        let kept: Vec<usize> = (1..=20).map(&mut keep_all).collect();
        assert_eq!(kept[..9], [64, 64, 64, 64, 64, 64, 64, 61, 54]);
        assert!(kept.is_sorted_by(|before, after| before >= after) && kept[19] > 0, "{kept:?}");
        assert!(is_kept(&enter_and_keep(&occupancy, "198.51.100.1")));
        drop(held);
        assert_empty(&occupancy);
    }

    #[test]
    fn a_place_is_kept_by_whoever_has_proven_who_it_is_last_and_by_nobody_after_that() {
        let occupancy = Occupancy::new(2);
        let place = enter(&occupancy, "192.0.2.1");
        let accounts = || occupancy.places().by_user.clone().into_iter().collect::<Vec<_>>();
        for id in ["1", "1", "2"] {
            place.keep_for(Some(user(id)));
            assert_eq!(accounts(), [(user(id), 1)]);
        }
        place.keep_for(None);
        assert_eq!((accounts(), occupancy.places().kept), (vec![], 0));
        let _newcomers = ["192.0.2.2", "192.0.2.3"].map(|address| enter(&occupancy, address));
        assert!(is_needed(&place));
        place.keep_for(Some(user("1")));
        assert_eq!(accounts(), [], "it is too late");
    }

    #[test]
    fn what_is_held_is_kept_beyond_the_share_and_goes_back_to_what_it_was() {
        let occupancy = Occupancy::new(3);
        let [first, second, third] = [(); 3].map(|()| {
            let place = enter(&occupancy, "192.0.2.1");
            place.keep_for(Some(user("1")));
            place
        });
        assert_eq!([&first, &second, &third].map(is_kept), [true, false, false]);
        for place in [&first, &second, &third] {
            place.hold().unwrap();
        }
        assert!(occupancy.enter("192.0.2.2".parse().unwrap()).is_none());
        for place in [&first, &second, &third] {
            place.let_go();
        }
        assert_eq!([&first, &second, &third].map(is_kept), [true, false, false]);
        let _newcomer = enter(&occupancy, "192.0.2.2");
        assert!(is_needed(&second) && !is_needed(&first) && !is_needed(&third));
    }

    #[test]
    fn who_was_sent_away_keeps_and_holds_nothing_any_more() {
        let occupancy = Occupancy::new(1);
        let first = enter(&occupancy, "192.0.2.1");
        let second = enter(&occupancy, "192.0.2.2");
        first.keep_for(Some(user("1")));
        assert!(matches!(first.hold(), Err(Broken::Displaced)));
        assert!(is_needed(&first) && !is_needed(&second));
        drop(first);
        assert_eq!(occupancy.places().taken.len(), 1);
        drop(second);
        assert_empty(&occupancy);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let occupancy = Occupancy::new(3);
        let places = ["2001:db8::1", "2001:db8:1::1", "2001:db8:1::2"].map(|address| enter(&occupancy, address));
        let _newcomer = enter(&occupancy, "192.0.2.1");
        assert_eq!(needed(&places), [1]);
    }
}
