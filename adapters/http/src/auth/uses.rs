//! Which requests a nonce was used for already, so that a recorded request cannot be sent again.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use fsconnector_engine::time::Mono;

use super::nonce::Nonce;

/// The counters (`nc`) seen per nonce. Only nonces that came with the right password once are here, and at most
/// [`Uses::CAPACITY`] of them.
#[derive(Default)]
pub(crate) struct Uses {
    windows: BTreeMap<Nonce, Window>,
    /// The youngest nonce that had to be forgotten before its time. What is not younger and not in `windows` may have been
    /// used: it is as good as expired.
    forgotten: Option<Nonce>,
}

/// A use of a nonce that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// The nonce was not used before.
    First,
    /// It was, with other counters.
    Further,
}

/// The request was seen before, or so much may have happened since that nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed;

impl Uses {
    /// How many nonces are kept. One takes less than 100 bytes.
    pub(crate) const CAPACITY: usize = 65_536;

    /// Notes that `nonce`, which must not be expired, is used with the counter `nc`.
    pub(crate) fn note(&mut self, now: Mono, nonce: Nonce, nc: NonZeroU32) -> Result<Use, Replayed> {
        if let Some(window) = self.windows.get_mut(&nonce) {
            return if window.take(nc) { Ok(Use::Further) } else { Err(Replayed) };
        }
        if self.forgotten >= Some(nonce) {
            return Err(Replayed);
        }
        self.make_room(now);
        self.windows.insert(nonce, Window::starting_with(nc));
        Ok(Use::First)
    }

    fn make_room(&mut self, now: Mono) {
        while let Some(oldest) = self.windows.first_entry() {
            if oldest.key().is_expired(now) {
                oldest.remove();
            } else {
                break;
            }
        }
        if self.windows.len() >= Self::CAPACITY
            && let Some((oldest, _)) = self.windows.pop_first()
        {
            self.forgotten = self.forgotten.max(Some(oldest));
        }
    }
}

/// The highest counter seen, and which of the 127 below it were seen. Browsers send several requests at once, and they
/// arrive in any order.
struct Window {
    highest: NonZeroU32,
    /// Bit i stands for `highest` − i.
    seen: u128,
}

impl Window {
    /// Lower counters than the first one seen may still come.
    fn starting_with(nc: NonZeroU32) -> Self {
        Self { highest: nc, seen: 1 }
    }

    /// Notes `nc`; false if it was seen, or is too far behind to know.
    fn take(&mut self, nc: NonZeroU32) -> bool {
        if let Some(ahead @ 1..) = nc.get().checked_sub(self.highest.get()) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let Some(bit) = 1u128.checked_shl(self.highest.get() - nc.get()) else { return false };
        let fresh = self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::super::nonce::LIFETIME;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NOW: Mono = Mono(1);

    fn nonce(serial: u64) -> Nonce {
        Nonce::made(NOW, serial)
    }

    fn nc(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    #[test]
    fn a_counter_counts_once_in_whatever_order_they_come() {
        let mut uses = Uses::default();
        assert_eq!(uses.note(NOW, nonce(1), nc(3)), Ok(Use::First));
        for count in [1, 2, 5, 4] {
            assert_eq!(uses.note(NOW, nonce(1), nc(count)), Ok(Use::Further), "{count}");
        }
        for count in [1, 2, 3, 4, 5] {
            assert_eq!(uses.note(NOW, nonce(1), nc(count)), Err(Replayed), "{count}");
        }
        assert_eq!(uses.note(NOW, nonce(2), nc(3)), Ok(Use::First));
    }

    #[test]
    fn a_counter_too_far_behind_is_refused() {
        let mut uses = Uses::default();
        for (count, fine) in
            [(1, true), (200, true), (72, false), (73, true), (73, false), (u32::MAX, true), (200, false)]
        {
            assert_eq!(uses.note(NOW, nonce(1), nc(count)).is_ok(), fine, "{count}");
        }
    }

    #[test]
    fn a_nonce_forgotten_for_lack_of_room_cannot_be_replayed() {
        let mut uses = Uses::default();
        let capacity = u64::try_from(Uses::CAPACITY).unwrap();
        for serial in 1..=capacity + 1 {
            assert_eq!(uses.note(NOW, nonce(serial), nc(1)), Ok(Use::First));
        }
        assert_eq!(uses.windows.len(), Uses::CAPACITY);
        assert_eq!(uses.note(NOW, nonce(1), nc(1)), Err(Replayed));
        assert_eq!(uses.note(NOW, nonce(0), nc(1)), Err(Replayed), "unused, but nobody can tell");
        assert_eq!(uses.note(NOW, nonce(2), nc(2)), Ok(Use::Further));
    }

    #[test]
    fn expired_nonces_make_room() {
        let mut uses = Uses::default();
        uses.note(NOW, nonce(1), nc(1)).unwrap();
        let later = NOW.after(LIFETIME);
        uses.note(later, Nonce::made(later, 2), nc(1)).unwrap();
        assert_eq!((uses.windows.len(), uses.forgotten), (1, None));
    }

    proptest! {
        #[test]
        fn no_counter_is_ever_taken_twice(counters in proptest::collection::vec(1u32..400, 0..400)) {
            let mut uses = Uses::default();
            let mut taken = BTreeSet::new();
            for count in counters {
                if uses.note(NOW, nonce(1), nc(count)).is_ok() {
                    prop_assert!(taken.insert(count), "{} twice", count);
                }
            }
        }
    }
}
