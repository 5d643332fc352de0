//! What one user can have under way at once, so that none keeps all others waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol::lock::{Semaphore, SemaphoreGuardArc};

use crate::deadline::within;

/// How much everybody has under way.
pub(super) struct Shares {
    most: usize,
    /// How long one waits for what one has under way oneself.
    patience: Duration,
    /// Of all users that have or want something under way, by their ids.
    lines: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl Shares {
    /// Everybody can have so much, and waits so long for more.
    pub(super) fn of(most: usize, patience: Duration) -> Self {
        Self { most, patience, lines: Mutex::default() }
    }

    /// One more for the user of this id; nothing if that user had too much under way all the time.
    pub(super) async fn take(&self, caller: &str) -> Option<Share<'_>> {
        let mut share = Share { shares: self, caller: caller.to_owned(), guard: None };
        // After the share, so that it is gone before the share looks whether it was the last.
        let line = {
            let fresh = || Arc::new(Semaphore::new(self.most));
            Arc::clone(self.lines().entry(caller.to_owned()).or_insert_with(fresh))
        };
        share.guard = Some(within(self.patience, line.acquire_arc()).await?);
        Some(share)
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Semaphore>>> {
        // Nothing in here can panic half-way.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of a user's share, or the wait for one; given back when dropped.
pub(crate) struct Share<'s> {
    shares: &'s Shares,
    caller: String,
    guard: Option<SemaphoreGuardArc>,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut lines = self.shares.lines();
        // Whoever has or wants something under way holds the line as well.
        if lines.get(&self.caller).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::future::{self, FutureExt as _};

    fn take<'s>(shares: &'s Shares, caller: &str) -> Option<Share<'s>> {
        smol::block_on(shares.take(caller))
    }

    #[test]
    fn everybody_has_a_share_of_its_own_and_gives_it_back() {
        let shares = Shares::of(2, Duration::ZERO);
        let (first, second) = (take(&shares, "1"), take(&shares, "1"));
        assert!(first.is_some() && second.is_some() && take(&shares, "1").is_none());
        assert!(take(&shares, "2").is_some());
        drop(first);
        let third = take(&shares, "1");
        assert!(third.is_some() && take(&shares, "1").is_none());
        drop((second, third));
        assert!(shares.lines().is_empty(), "nobody is remembered who has nothing under way");
    }

    #[test]
    fn who_is_patient_gets_what_is_given_back() {
        let shares = Shares::of(1, Duration::from_secs(3600));
        let first = take(&shares, "1");
        let second = smol::block_on(async {
            let give_back = async {
                future::yield_now().await;
                drop(first);
                future::pending().await
            };
            shares.take("1").or(give_back).await
        });
        assert!(second.is_some());
        let waiting = smol::block_on(future::poll_once(shares.take("1")));
        assert!(waiting.is_none(), "it waits, and then it has had enough");
        drop(second);
        assert!(shares.lines().is_empty());
    }
}
