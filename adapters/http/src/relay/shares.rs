//! What one user can have under way at once, so that none keeps all others waiting.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much everybody has under way.
pub(super) struct Shares {
    most: usize,
    taken: Mutex<BTreeMap<String, usize>>,
}

/// A part of a user's share, given back when dropped.
pub(crate) struct Share<'s> {
    shares: &'s Shares,
    caller: String,
}

impl Shares {
    /// Everybody can have so much.
    pub(super) fn of(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// One more for the user of this id; nothing if that would be too much.
    pub(super) fn take(&self, caller: &str) -> Option<Share<'_>> {
        let mut taken = self.taken();
        match taken.get_mut(caller) {
            Some(count) if *count >= self.most => return None,
            Some(count) => *count += 1,
            None => {
                taken.insert(caller.to_owned(), 1);
            }
        }
        Some(Share { shares: self, caller: caller.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // Nothing in here can panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        match taken.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_share_of_its_own_and_gives_it_back() {
        let shares = Shares::of(2);
        let (first, second) = (shares.take("1"), shares.take("1"));
        assert!(first.is_some() && second.is_some() && shares.take("1").is_none());
        assert!(shares.take("2").is_some());
        drop(first);
        let third = shares.take("1");
        assert!(third.is_some() && shares.take("1").is_none());
        drop((second, third));
        assert!(shares.taken().is_empty(), "nobody is remembered who has nothing under way");
    }
}
