//! How much memory something may take, all together.

use std::sync::{Mutex, PoisonError};

/// So many bytes, for all.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Mutex<u64>,
}

/// What one takes of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Portion<'a> {
    budget: &'a Budget,
    taken: u64,
}

impl Budget {
    pub(crate) fn of(bytes: u64) -> Self {
        Self { left: Mutex::new(bytes) }
    }

    /// A portion of nothing yet.
    pub(crate) fn portion(&self) -> Portion<'_> {
        Portion { budget: self, taken: 0 }
    }
}

impl Portion<'_> {
    /// Makes it so large, if so much is left.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.taken);
        let mut left = self.budget.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(after) = left.checked_sub(more) else { return false };
        *left = after;
        self.taken += more;
        true
    }
}

impl Drop for Portion<'_> {
    fn drop(&mut self) {
        *self.budget.left.lock().unwrap_or_else(PoisonError::into_inner) += self.taken;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_given_back_when_they_are_dropped() {
        let budget = Budget::of(10);
        let mut first = budget.portion();
        assert!(first.grow_to(4) && first.grow_to(6) && first.grow_to(5));
        let mut second = budget.portion();
        assert!(!second.grow_to(5));
        assert!(second.grow_to(4));
        drop(first);
        assert!(second.grow_to(10));
    }
}
