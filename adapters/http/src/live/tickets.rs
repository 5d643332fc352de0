//! Tickets: who has one can listen once, without showing a password.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fsconnector_engine::state::{User, UserId, Users};
use fsconnector_engine::time::Mono;
use sha2::{Digest as _, Sha256};

use crate::auth::Caller;

/// The tickets that were given out and not used.
pub(crate) struct Tickets {
    time: Duration,
    open: Mutex<HashMap<Fingerprint, Ticket>>,
}

/// A hash of a ticket: how long it takes to look for one says nothing of those there are.
type Fingerprint = [u8; 32];

/// Whom a ticket is for.
struct Ticket {
    /// The user as it was.
    user: User,
    issued: Mono,
}

/// How many tickets can be open at once,
const MOST: usize = 4096;
/// and how many of them one user's. With one more, its oldest is void.
const MOST_PER_USER: usize = 16;

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTicket {
    /// Too many are open.
    TooMany,
    /// The operating system gives no random numbers.
    NoRandomness,
}

impl Tickets {
    /// None yet. Each will be good for `time`.
    pub(super) fn new(time: Duration) -> Self {
        Self { time, open: Mutex::default() }
    }

    /// How long a ticket is good for.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    /// A ticket for `user`: 64 hexadecimal digits.
    pub(crate) fn issue(&self, user: &User, now: Mono) -> Result<String, NoTicket> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| NoTicket::NoRandomness)?;
        let ticket = secret.iter().fold(String::new(), |mut ticket, byte| {
            // Writing into a string does not fail.
            let _ = write!(ticket, "{byte:02x}");
            ticket
        });
        let mut open = self.open();
        open.retain(|_, ticket| ticket.is_good(self.time, now));
        make_room(&mut open, &user.id);
        if open.len() >= MOST {
            return Err(NoTicket::TooMany);
        }
        open.insert(fingerprint(&ticket), Ticket { user: user.clone(), issued: now });
        Ok(ticket)
    }

    /// Who has come with `ticket`, which is void now. Nobody, if it is none, or its time is over, or the user is not what
    /// it was when it got it.
    pub(crate) fn redeem<'s>(&self, ticket: &str, users: &'s Users, now: Mono) -> Option<Caller<'s>> {
        let ticket = self.open().remove(&fingerprint(ticket)).filter(|ticket| ticket.is_good(self.time, now))?;
        let (user, role) = users.login(&ticket.user.name)?;
        let same =
            (&user.id, &user.password, &user.context) == (&ticket.user.id, &ticket.user.password, &ticket.user.context);
        same.then_some(Caller { user, role })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Fingerprint, Ticket>> {
        // Nothing in here can panic half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    fn is_good(&self, time: Duration, now: Mono) -> bool {
        now < self.issued.after(time)
    }
}

fn fingerprint(ticket: &str) -> Fingerprint {
    Sha256::digest(ticket).into()
}

/// Makes room for one more of this user.
fn make_room(open: &mut HashMap<Fingerprint, Ticket>, user: &UserId) {
    let of_user = || open.iter().filter(|(_, ticket)| ticket.user.id == *user);
    if of_user().count() >= MOST_PER_USER
        && let Some((oldest, _)) = of_user().min_by_key(|(_, ticket)| ticket.issued)
    {
        let oldest = *oldest;
        open.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use fsconnector_engine::secret::Secret;

    const NOW: Mono = Mono(1_000_000);
    const TIME: Duration = Duration::from_secs(30);

    fn user(name: &str) -> User {
        sample::state().users.login(name).unwrap().0.clone()
    }

    /// The name of who comes with it.
    fn redeem(tickets: &Tickets, ticket: &str, users: &Users, now: Mono) -> Option<String> {
        tickets.redeem(ticket, users, now).map(|caller| caller.user.name.to_string())
    }

    #[test]
    fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::new(TIME);
        let state = sample::state();
        let ticket = tickets.issue(&user("mike"), NOW).unwrap();
        assert_eq!(ticket.len(), 64);
        assert_eq!(redeem(&tickets, &ticket, &state.users, Mono(NOW.after(TIME).0 - 1)).as_deref(), Some("mike"));
        assert_eq!(redeem(&tickets, &ticket, &state.users, NOW), None, "used");
        let ticket = tickets.issue(&user("mike"), NOW).unwrap();
        assert_eq!(redeem(&tickets, &ticket, &state.users, NOW.after(TIME)), None, "too late");
        assert_eq!(redeem(&tickets, &ticket, &state.users, NOW), None, "tried in vain and void");
        for invented in ["", "0", &"0".repeat(64)] {
            assert_eq!(redeem(&tickets, invented, &state.users, NOW), None);
        }
    }

    #[test]
    fn a_ticket_is_for_the_user_as_it_was() {
        let tickets = Tickets::new(TIME);
        let config = &sample::state().config;
        let changes: [fn(&mut User); 4] = [
            |user| user.name = "other".into(),
            |user| user.password = Secret::new("other"),
            |user| user.context = "public".into(),
            |user| user.id = UserId::parse("20001").unwrap(),
        ];
        for change in changes {
            let ticket = tickets.issue(&user("anna"), NOW).unwrap();
            let mut changed = user("anna");
            change(&mut changed);
            assert_eq!(redeem(&tickets, &ticket, &Users::new(vec![changed], config), NOW), None);
        }
        let ticket = tickets.issue(&user("anna"), NOW).unwrap();
        let mut changed = user("anna");
        changed.email = "other@example.org".into();
        assert!(redeem(&tickets, &ticket, &Users::new(vec![changed], config), NOW).is_some());
    }

    #[test]
    fn a_user_has_a_few_tickets_at_most_and_the_oldest_goes_first() {
        let tickets = Tickets::new(TIME);
        let state = sample::state();
        let guest = tickets.issue(&user("gast"), NOW).unwrap();
        let at = |index| NOW.after(Duration::from_millis(index));
        let issued: Vec<String> = (0..17).map(|index| tickets.issue(&user("mike"), at(index)).unwrap()).collect();
        assert_eq!(tickets.open().len(), 1 + MOST_PER_USER);
        let later = at(20);
        assert_eq!(redeem(&tickets, &issued[0], &state.users, later), None);
        assert!(redeem(&tickets, &issued[1], &state.users, later).is_some());
        assert!(redeem(&tickets, &guest, &state.users, later).is_some());
        tickets.issue(&user("gast"), later.after(TIME)).unwrap();
        assert_eq!(tickets.open().len(), 1, "what is too old takes no room");
    }

    #[test]
    fn there_are_not_more_tickets_than_there_is_room_for() {
        let tickets = Tickets::new(TIME);
        let mut somebody = user("gast");
        for index in 0..MOST {
            somebody.id = UserId::parse(&index.to_string()).unwrap();
            tickets.issue(&somebody, NOW).unwrap();
        }
        somebody.id = UserId::parse("one more").unwrap();
        assert_eq!(tickets.issue(&somebody, NOW), Err(NoTicket::TooMany));
        assert!(tickets.issue(&somebody, NOW.after(TIME)).is_ok());
    }
}
