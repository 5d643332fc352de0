//! What one user can have under way at once, so that none keeps all others waiting.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use event_listener::Event;
use http::StatusCode;

use super::TURN_TIME;
use crate::deadline::within;
use crate::problem::Problem;

/// The places in a lane, and who has them.
pub(super) struct Shares {
    places: usize,
    rule: Rule,
    taken: Mutex<Taken>,
    given_back: Event,
}

/// How many places one user can have.
enum Rule {
    /// As many as there are.
    FirstCome,
    /// At most so many, and beyond the first never more than an eighth of what is free.
    Fair(usize),
}

/// How many places are taken, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupied {
    pub(crate) taken: usize,
    pub(crate) places: usize,
}

#[derive(Default)]
struct Taken {
    total: usize,
    /// By the ids of the users that have any.
    of: BTreeMap<String, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The user has so many already.
    Own(usize),
    /// Others have all.
    Full,
}

/// Whether one waits for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Never.
    None,
    /// Only when others have all: what one has oneself can take hours.
    ForOthers,
    /// In any case.
    ForAll,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let unavailable = |detail: Cow<'static, str>| Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        match refusal {
            Refusal::Own(count) => {
                let detail = format!("{count} requests of yours are under way already; finish one first");
                unavailable(detail.into()).retry_after(Self::PAUSE)
            }
            Refusal::Full => unavailable("too many files are being sent at the moment".into()).retry_after(TURN_TIME),
        }
    }
}

impl Shares {
    /// So many places for whoever comes first.
    pub(super) fn first_come(places: usize) -> Self {
        Self::of(places, Rule::FirstCome)
    }

    /// So many places, of which one user has at most `most`, and the fewer the less are free: a few greedy users never have
    /// all. Whoever has none gets one as long as there is one.
    pub(super) fn fair(places: usize, most: usize) -> Self {
        Self::of(places, Rule::Fair(most))
    }

    fn of(places: usize, rule: Rule) -> Self {
        Self { places, rule, taken: Mutex::default(), given_back: Event::new() }
    }

    /// A place for the user of this id.
    pub(super) async fn take(&self, caller: &str, patience: Patience) -> Result<Share<'_>, Refusal> {
        let due = Instant::now() + TURN_TIME;
        loop {
            let given_back = self.given_back.listen();
            let refusal = match self.attempt(caller) {
                Ok(share) => return Ok(share),
                Err(refusal) => refusal,
            };
            let waits = match refusal {
                Refusal::Own(_) => patience == Patience::ForAll,
                Refusal::Full => patience != Patience::None,
            };
            let left = due.saturating_duration_since(Instant::now());
            if !waits || within(left, given_back).await.is_none() {
                return Err(refusal);
            }
        }
    }

    /// How many are taken.
    pub(super) fn occupied(&self) -> Occupied {
        Occupied { taken: self.taken().total, places: self.places }
    }

    fn attempt(&self, caller: &str) -> Result<Share<'_>, Refusal> {
        let mut taken = self.taken();
        let own = taken.of.get(caller).copied().unwrap_or(0);
        let free = self.places.saturating_sub(taken.total);
        match self.rule {
            Rule::Fair(most) if own > 0 && own >= most.min(free / 8) => return Err(Refusal::Own(own)),
            _ if free == 0 => return Err(Refusal::Full),
            _ => (),
        }
        taken.total += 1;
        taken.of.insert(caller.to_owned(), own + 1);
        Ok(Share { shares: self, caller: caller.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here can panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when dropped.
pub(crate) struct Share<'s> {
    shares: &'s Shares,
    caller: String,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.total -= 1;
        if let Some(own) = taken.of.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                taken.of.remove(&self.caller);
            }
        }
        drop(taken);
        // All, for who may have it depends on who they are.
        self.shares.given_back.notify(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::future::{self, FutureExt as _};

    fn take<'s>(shares: &'s Shares, caller: &str) -> Result<Share<'s>, Refusal> {
        smol::block_on(shares.take(caller, Patience::None))
    }

    fn refused(shares: &Shares, caller: &str) -> Option<Refusal> {
        take(shares, caller).err()
    }

    /// As many as the caller gets.
    fn all<'s>(shares: &'s Shares, caller: &str) -> Vec<Share<'s>> {
        std::iter::from_fn(|| take(shares, caller).ok()).collect()
    }

    #[test]
    fn everybody_has_a_share_of_its_own_and_gives_it_back() {
        let shares = Shares::fair(100, 2);
        let first = all(&shares, "1");
        assert_eq!((first.len(), refused(&shares, "1")), (2, Some(Refusal::Own(2))));
        assert_eq!(all(&shares, "2").len(), 2);
        drop(first);
        assert_eq!(all(&shares, "1").len(), 2);
        assert!(shares.taken().of.is_empty(), "nobody is remembered who has nothing under way");
    }

    #[test]
    fn the_fewer_places_are_free_the_fewer_one_user_gets_but_always_one() {
        let shares = Shares::fair(128, 8);
        let greedy: Vec<_> =
            (0..128).map(|user: u32| all(&shares, &user.to_string())).take_while(|all| !all.is_empty()).collect();
        let counts: Vec<usize> = greedy.iter().map(Vec::len).collect();
        assert!(counts.is_sorted_by(|before, after| before >= after), "{counts:?}");
        assert_eq!((counts[0], counts.last(), counts.iter().sum()), (8, Some(&1), 128));
        assert!(counts.len() > 30, "so many have to be greedy until all is taken: {}", counts.len());
        assert_eq!((refused(&shares, "0"), refused(&shares, "somebody")), (Some(Refusal::Own(8)), Some(Refusal::Full)));
    }

    #[test]
    fn who_comes_first_can_have_all() {
        let shares = Shares::first_come(3);
        let first = all(&shares, "1");
        assert_eq!(
            (first.len(), refused(&shares, "1"), refused(&shares, "2")),
            (3, Some(Refusal::Full), Some(Refusal::Full))
        );
    }

    #[test]
    fn who_is_patient_gets_what_is_given_back() {
        let shares = Shares::fair(1, 1);
        let first = take(&shares, "1");
        let second = smol::block_on(async {
            let give_back = async {
                future::yield_now().await;
                drop(first);
                future::pending().await
            };
            shares.take("1", Patience::ForAll).or(give_back).await
        });
        assert!(second.is_ok());
        let is_waiting = |caller, patience| smol::block_on(future::poll_once(shares.take(caller, patience))).is_none();
        assert!(is_waiting("1", Patience::ForAll) && is_waiting("2", Patience::ForOthers));
        assert!(!is_waiting("1", Patience::ForOthers) && !is_waiting("2", Patience::None));
    }
}
