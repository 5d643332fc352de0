//! How many listeners there are, in all and of one user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fsconnector_engine::state::UserId;

/// Counts listeners.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_per_user: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_user: BTreeMap<UserId, usize>,
}

/// The right to listen once, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    user: UserId,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken.
    ForAnybody,
    /// This user has its share.
    ForThisUser,
}

impl Seats {
    pub(super) fn new(most: usize, most_per_user: usize) -> Self {
        Self { most, most_per_user, taken: Mutex::default() }
    }

    /// A seat for a user.
    pub(super) fn take(self: &Arc<Self>, user: &UserId) -> Result<Seat, NoSeat> {
        let mut taken = self.taken();
        if taken.total >= self.most {
            return Err(NoSeat::ForAnybody);
        }
        let of_user = taken.by_user.get(user).copied().unwrap_or(0);
        // The fewer are left, the fewer are for somebody who has some: a few users must not keep all others out.
        let left = self.most - taken.total;
        if of_user >= self.most_per_user || of_user > left {
            return Err(NoSeat::ForThisUser);
        }
        taken.total += 1;
        taken.by_user.insert(user.clone(), of_user + 1);
        Ok(Seat { seats: Arc::clone(self), user: user.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here can panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.total -= 1;
        if let Some(count) = taken.by_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_greedy_users_leave_seats_to_others() {
        let seats = Arc::new(Seats::new(768, 256));
        let mut held = Vec::new();
        for user in ["1", "2", "3", "4", "5"] {
            while let Ok(seat) = seats.take(&UserId::parse(user).unwrap()) {
                held.push(seat);
            }
        }
        assert!(held.len() > 512 && seats.take(&UserId::parse("6").unwrap()).is_ok());
    }

    #[test]
    fn there_is_a_seat_until_all_or_one_user_has_its_share() {
        let seats = Arc::new(Seats::new(4, 2));
        let take = |id: &str| seats.take(&UserId::parse(id).unwrap());
        let first = take("1").unwrap();
        let _second = take("1").unwrap();
        assert_eq!(take("1").unwrap_err(), NoSeat::ForThisUser);
        let third = take("2").unwrap();
        let fourth = take("3").unwrap();
        assert_eq!(take("4").unwrap_err(), NoSeat::ForAnybody);
        drop((first, third, fourth));
        assert!(take("1").is_ok());
        let taken = seats.taken();
        assert_eq!((taken.total, taken.by_user.len()), (1, 1));
    }
}
