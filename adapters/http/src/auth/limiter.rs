//! Slows the guessing of passwords down, without letting anybody lock somebody else out.
//!
//! - Wrong passwords from one address for one name: after a few, that address is refused for that name for a while,
//!   longer each time. Nothing else leads to a refusal: others behind the same address fail for themselves.
//! - Wrong passwords from one address for more names than it can have accounts for: the lightest account is closed, and
//!   counted. After a few of those, the address is answered slowly, whatever the name, and one answer after the other, so
//!   that more connections do not mean more guesses. They do only beyond [`LONGEST_QUEUE`]: whoever floods an address that it
//!   shares cannot make the others there wait longer than that.
//! - Wrong passwords for one name from anywhere: answers about that name come a little later.
//!
//! An address that logged in with a name not long ago is not slowed for that name. Whether anybody has a name makes no
//! difference to anything here.
//!
//! Everything is kept in tables of bounded size. When one is full, a part of it goes at once: what matters least, which is
//! what is forgotten anyway, then few failures, long ago. Who wants to shed its failures by filling a table needs as many
//! other addresses, each with as many failures.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use fsconnector_engine::time::Mono;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::source::Source;

/// Failures without any consequence.
const FREE: u32 = 5;
/// The first refusal lasts this long, each further one twice as long as the one before.
const FIRST_REFUSAL: Duration = Duration::from_secs(10);
const LONGEST_REFUSAL: Duration = Duration::from_secs(15 * 60);
/// The first delay, each further one twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(25);
const LONGEST_DELAY: Duration = Duration::from_millis(500);
/// No answer waits longer than this for the others to its address.
const LONGEST_QUEUE: Duration = Duration::from_secs(10);
/// Failures are forgotten when there was none for this long.
const MEMORY: Duration = Duration::from_secs(30 * 60);
/// An address is trusted with a name this long after it logged in with it.
const TRUST: Duration = Duration::from_secs(24 * 3600);

/// Entries in each of the three tables,
const CAPACITY: usize = 4096;
/// and how many of them go when one is full. One at a time, two addresses could take each other's place for ever, and
/// never be counted further than to one.
const CLEARED: usize = CAPACITY / 8;
/// Names an address can fail with at a time, each on its own account. To close one that has some failures takes as many with
/// each of the others.
const NAMES_PER_SOURCE: usize = 64;

/// Whether an attempt to log in is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is, and the answer is held back for `delay`.
    Admitted {
        /// Zero, nearly always.
        delay: Duration,
    },
    /// It is not, and will not be for this long.
    Refused {
        /// How long.
        wait: Duration,
    },
}

/// What is known of failed and of successful attempts.
#[derive(Default)]
pub(crate) struct Limiter {
    hasher: RandomState,
    sources: HashMap<Source, SourceFailures>,
    names: HashMap<NameHash, Failures>,
    trusted: HashMap<(Source, NameHash), Mono>,
    failed: Counter,
    refused: Counter,
}

/// A name, whatever its length. Hashed with a key, so that nobody can make two names meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct NameHash(u64);

/// How often it went wrong lately.
#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: Mono,
}

impl Failures {
    fn count_at(self, now: Mono) -> u32 {
        if self.last.after(MEMORY) <= now { 0 } else { self.count }
    }

    fn add(&mut self, now: Mono) {
        *self = Self { count: self.count_at(now).saturating_add(1), last: now };
    }

    fn refused_for(self, now: Mono) -> Option<Duration> {
        let wait = grown(FIRST_REFUSAL, self.count_at(now), LONGEST_REFUSAL);
        let left = self.last.after(wait).0.checked_sub(now.0)?;
        (left > 0).then(|| Duration::from_micros(left))
    }

    fn delay(self, now: Mono) -> Duration {
        grown(FIRST_DELAY, self.count_at(now), LONGEST_DELAY)
    }

    /// The more, the longer it is worth keeping.
    fn weight(self, now: Mono) -> (u32, Mono) {
        (self.count_at(now), self.last)
    }
}

/// Nothing for the first few, then `first`, doubling up to `longest`.
fn grown(first: Duration, count: u32, longest: Duration) -> Duration {
    let Some(beyond) = count.checked_sub(FREE) else { return Duration::ZERO };
    2u32.checked_pow(beyond).and_then(|factor| first.checked_mul(factor)).map_or(longest, |grown| grown.min(longest))
}

/// The failures of one address.
#[derive(Default)]
struct SourceFailures {
    names: Vec<(NameHash, Failures)>,
    /// Of names whose accounts were closed to make room.
    closed: Failures,
    /// When the last of the answers that wait for each other is due.
    answered: Mono,
}

impl SourceFailures {
    fn of(&self, name: NameHash) -> Failures {
        let own = self.names.iter().find(|(known, _)| *known == name);
        own.map_or_else(Failures::default, |(_, failures)| *failures)
    }

    fn add(&mut self, now: Mono, name: NameHash) {
        if let Some((_, failures)) = self.names.iter_mut().find(|(known, _)| *known == name) {
            return failures.add(now);
        }
        self.names.retain(|(_, failures)| failures.count_at(now) > 0);
        if self.names.len() >= NAMES_PER_SOURCE {
            let accounts = self.names.iter().enumerate();
            if let Some((lightest, _)) = accounts.min_by_key(|(_, (_, failures))| failures.weight(now)) {
                self.names.swap_remove(lightest);
                self.closed.add(now);
            }
        }
        self.names.push((name, Failures { count: 1, last: now }));
    }

    /// How long another answer waits, behind those that wait already.
    fn line_up(&mut self, now: Mono) -> Duration {
        let delay = self.closed.delay(now);
        if delay.is_zero() {
            return delay;
        }
        self.answered = self.answered.max(now).after(delay).min(now.after(LONGEST_QUEUE));
        Duration::from_micros(self.answered.0.saturating_sub(now.0))
    }

    fn weight(&self, now: Mono) -> (u32, Mono) {
        let all = self.names.iter().map(|(_, failures)| failures).chain([&self.closed]);
        all.map(|failures| failures.weight(now)).max().unwrap_or_default()
    }
}

impl Limiter {
    /// Whether an attempt from `address` is looked at now that can mean any of these names: only if it is with each of them.
    pub(crate) fn admit<'n>(&mut self, now: Mono, address: IpAddr, names: impl Iterator<Item = &'n str>) -> Admission {
        let source = Source::from(address);
        let (mut delay, mut is_trusted) = (Duration::ZERO, true);
        for name in names.map(|name| self.hash(name)) {
            let failures = self.sources.get(&source).map(|source| source.of(name));
            if let Some(wait) = failures.and_then(|failures| failures.refused_for(now)) {
                self.refused.inc();
                return Admission::Refused { wait };
            }
            if !self.trusts(now, source, name) {
                is_trusted = false;
                delay = delay.max(self.names.get(&name).map_or(Duration::ZERO, |failures| failures.delay(now)));
            }
        }
        match self.sources.get_mut(&source) {
            Some(source) if !is_trusted => Admission::Admitted { delay: delay.max(source.line_up(now)) },
            _ => Admission::Admitted { delay },
        }
    }

    /// Whether somebody has logged in with `name` from `address` not long ago.
    pub(crate) fn has_seen(&self, now: Mono, address: IpAddr, name: &str) -> bool {
        self.trusts(now, Source::from(address), self.hash(name))
    }

    /// The password was wrong. For how long the address is refused now, if it is.
    pub(crate) fn failed(&mut self, now: Mono, address: IpAddr, name: &str) -> Option<Duration> {
        self.failed.inc();
        let (source, name) = (Source::from(address), self.hash(name));
        make_room(&mut self.names, &name, |failures| failures.weight(now));
        self.names.entry(name).or_default().add(now);
        make_room(&mut self.sources, &source, |source| source.weight(now));
        let failures = self.sources.entry(source).or_default();
        failures.add(now, name);
        failures.of(name).refused_for(now)
    }

    /// The password was right.
    pub(crate) fn succeeded(&mut self, now: Mono, address: IpAddr, name: &str) {
        self.forgive(address, name);
        let (source, name) = (Source::from(address), self.hash(name));
        make_room(&mut self.trusted, &(source, name), |last| *last);
        self.trusted.insert((source, name), now);
    }

    /// What went wrong with this name was meant otherwise.
    pub(crate) fn forgive(&mut self, address: IpAddr, name: &str) {
        let name = self.hash(name);
        if let Some(failures) = self.sources.get_mut(&Source::from(address)) {
            failures.names.retain(|(known, _)| *known != name);
        }
    }

    /// Has told how often that was.
    pub(crate) fn report(&self, registry: &mut Registry) {
        let help = "Attempts to log in with a wrong name or password";
        registry.register("http_logins_failed", help, self.failed.clone());
        let help = "Attempts to log in that were not looked at, after too many of those";
        registry.register("http_logins_refused", help, self.refused.clone());
    }

    fn trusts(&self, now: Mono, source: Source, name: NameHash) -> bool {
        self.trusted.get(&(source, name)).is_some_and(|last| now < last.after(TRUST))
    }

    fn hash(&self, name: &str) -> NameHash {
        NameHash(self.hasher.hash_one(name))
    }
}

/// Removes the lightest [`CLEARED`] entries if `key` is new and the table is full.
fn make_room<K: Copy + Eq + Hash, V, W: Ord>(table: &mut HashMap<K, V>, key: &K, weight: impl Fn(&V) -> W) {
    if table.len() < CAPACITY || table.contains_key(key) {
        return;
    }
    let mut entries: Vec<(W, K)> = table.iter().map(|(key, value)| (weight(value), *key)).collect();
    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (_, lightest) in entries.iter().take(CLEARED) {
        table.remove(lightest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono(1_000_000);
    const FREELY: Admission = Admission::Admitted { delay: Duration::ZERO };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    impl Limiter {
        fn admits(&mut self, now: Mono, address: IpAddr, name: &str) -> Admission {
            self.admit(now, address, std::iter::once(name))
        }
    }

    fn after_failures(count: u32) -> Limiter {
        let mut limiter = Limiter::default();
        for _ in 0..count {
            limiter.failed(NOW, address("192.0.2.1"), "anna");
        }
        limiter
    }

    #[test]
    fn an_address_that_fails_too_often_with_a_name_is_refused_for_a_while() {
        assert!(matches!(after_failures(FREE - 1).admits(NOW, address("192.0.2.1"), "anna"), FREELY));
        let mut limiter = after_failures(FREE);
        let refused = Admission::Refused { wait: FIRST_REFUSAL };
        assert_eq!(limiter.admits(NOW, address("192.0.2.1"), "anna"), refused);
        assert_eq!(limiter.admits(NOW, address("::ffff:192.0.2.1"), "anna"), refused);
        assert_eq!(limiter.admits(NOW, address("192.0.2.1"), "bert"), FREELY);
        let later = limiter.admits(NOW.after(FIRST_REFUSAL), address("192.0.2.1"), "anna");
        assert!(matches!(later, Admission::Admitted { .. }));
    }

    #[test]
    fn the_refusal_grows_up_to_a_limit_and_is_forgotten() {
        let wait = |count| match after_failures(count).admits(NOW, address("192.0.2.1"), "anna") {
            Admission::Refused { wait } => wait,
            Admission::Admitted { .. } => Duration::ZERO,
        };
        assert_eq!(wait(FREE + 1), 2 * FIRST_REFUSAL);
        assert_eq!(wait(FREE + 60), LONGEST_REFUSAL);
        assert_eq!(after_failures(FREE + 60).admits(NOW.after(MEMORY), address("192.0.2.1"), "anna"), FREELY);
    }

    #[test]
    fn a_name_that_is_guessed_at_from_elsewhere_is_slowed_but_never_refused() {
        let mut limiter = after_failures(FREE + 60);
        let elsewhere = limiter.admits(NOW, address("198.51.100.1"), "anna");
        assert_eq!(elsewhere, Admission::Admitted { delay: LONGEST_DELAY });
    }

    #[test]
    fn who_logged_in_with_the_name_is_not_slowed() {
        let mut limiter = after_failures(FREE + 60);
        limiter.succeeded(NOW, address("198.51.100.1"), "anna");
        assert_eq!(limiter.admits(NOW, address("198.51.100.1"), "anna"), FREELY);
        let after_trust = NOW.after(TRUST);
        limiter.failed(after_trust, address("192.0.2.9"), "anna");
        assert_eq!(
            limiter.admits(after_trust, address("198.51.100.1"), "anna"),
            FREELY,
            "the old failures are forgotten"
        );
    }

    #[test]
    fn a_right_password_clears_the_count_of_its_address() {
        let mut limiter = after_failures(FREE - 1);
        limiter.succeeded(NOW, address("192.0.2.1"), "anna");
        limiter.failed(NOW, address("192.0.2.1"), "anna");
        assert_eq!(limiter.admits(NOW, address("192.0.2.1"), "anna"), FREELY);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let mut limiter = Limiter::default();
        for host in 0..FREE {
            limiter.failed(NOW, address(&format!("2001:db8::{host:x}")), "anna");
        }
        assert!(matches!(limiter.admits(NOW, address("2001:db8::ffff"), "anna"), Admission::Refused { .. }));
        assert!(matches!(limiter.admits(NOW, address("2001:db8:0:1::1"), "anna"), Admission::Admitted { .. }));
    }

    /// After failures from there with so many names that nobody else uses.
    fn after_names(mut limiter: Limiter, count: usize) -> Limiter {
        for index in 0..count {
            limiter.failed(NOW, address("192.0.2.1"), &format!("name {index}"));
        }
        limiter
    }

    #[test]
    fn trying_many_names_neither_sheds_failures_nor_takes_memory() {
        let mut limiter = after_names(after_failures(FREE), 10_000);
        assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
        assert_eq!(limiter.sources.values().map(|source| source.names.len()).sum::<usize>(), NAMES_PER_SOURCE);
        assert!(limiter.names.len() <= CAPACITY);
    }

    #[test]
    fn failures_with_other_names_refuse_nobody() {
        for count in [20, 100, 10_000] {
            let mut limiter = after_names(Limiter::default(), count);
            let admission = limiter.admits(NOW, address("192.0.2.1"), "anna");
            assert!(matches!(admission, Admission::Admitted { delay } if delay <= LONGEST_DELAY), "{admission:?}");
            for _ in 0..FREE {
                assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Admitted { .. }));
                limiter.failed(NOW, address("192.0.2.1"), "anna");
            }
            assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
        }
    }

    #[test]
    fn an_address_that_fails_with_very_many_names_is_answered_slowly_and_one_after_the_other() {
        let mut limiter = after_names(Limiter::default(), 1000);
        let mut delay = |name: &str, after| match limiter.admits(NOW.after(after), address("192.0.2.1"), name) {
            Admission::Admitted { delay } => delay,
            Admission::Refused { .. } => panic!("{name}"),
        };
        for (name, times) in [("anna", 1), ("name 1", 2), ("nobody", 3)] {
            assert_eq!(delay(name, Duration::ZERO), times * LONGEST_DELAY);
        }
        assert_eq!(delay("bert", 2 * LONGEST_DELAY), 2 * LONGEST_DELAY);
        for _ in 0..1000 {
            assert!(delay("bert", Duration::ZERO) <= LONGEST_QUEUE);
        }
        assert_eq!(delay("bert", 3 * LONGEST_QUEUE), LONGEST_DELAY);
        assert_eq!(limiter.admits(NOW, address("198.51.100.1"), "bert"), FREELY, "others are not slowed");
    }

    #[test]
    fn who_logged_in_from_an_address_is_not_slowed_for_the_other_names_that_failed_there() {
        let mut limiter = Limiter::default();
        limiter.succeeded(NOW, address("192.0.2.1"), "anna");
        let mut limiter = after_names(limiter, 1000);
        assert_eq!(limiter.admits(NOW, address("192.0.2.1"), "anna"), FREELY);
        for _ in 1..FREE {
            limiter.failed(NOW, address("192.0.2.1"), "anna");
            assert_eq!(limiter.admits(NOW, address("192.0.2.1"), "anna"), FREELY);
        }
        limiter.failed(NOW, address("192.0.2.1"), "anna");
        assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
    }

    #[test]
    fn full_tables_keep_what_matters_most() {
        let mut limiter = after_failures(FREE);
        for index in 0..CAPACITY * 2 {
            limiter.failed(NOW, other(index), &format!("name {index}"));
            limiter.succeeded(NOW, other(index), "somebody");
            for length in [limiter.sources.len(), limiter.names.len(), limiter.trusted.len()] {
                assert!(length <= CAPACITY);
            }
        }
        assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
    }

    #[test]
    fn failures_that_are_forgotten_keep_no_place_in_a_full_table() {
        let mut limiter = Limiter::default();
        for index in 0..CAPACITY {
            for _ in 0..FREE {
                limiter.failed(NOW, other(index), "anna");
            }
        }
        let later = NOW.after(MEMORY);
        for _ in 1..FREE {
            limiter.failed(later, address("192.0.2.1"), "anna");
        }
        for index in 0..2 * CLEARED {
            limiter.failed(later, other(CAPACITY + index), "anna");
        }
        limiter.failed(later, address("192.0.2.1"), "anna");
        assert!(matches!(limiter.admits(later, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
    }

    #[test]
    fn two_addresses_do_not_take_each_others_place_in_a_full_table() {
        let mut limiter = Limiter::default();
        for index in 0..CAPACITY {
            for _ in 0..FREE {
                limiter.failed(NOW, other(index), "anna");
            }
        }
        for _ in 0..FREE {
            limiter.failed(NOW, address("192.0.2.1"), "anna");
            limiter.failed(NOW, address("192.0.2.2"), "anna");
        }
        assert!(matches!(limiter.admits(NOW, address("192.0.2.1"), "anna"), Admission::Refused { .. }));
    }

    #[test]
    fn the_failure_that_leads_to_a_refusal_says_so() {
        let mut limiter = after_failures(FREE - 1);
        assert_eq!(limiter.failed(NOW, address("192.0.2.2"), "anna"), None);
        assert_eq!(limiter.failed(NOW, address("192.0.2.1"), "anna"), Some(FIRST_REFUSAL));
    }

    /// One of many addresses.
    fn other(index: usize) -> IpAddr {
        IpAddr::from((0x0a00_0000 + u32::try_from(index).unwrap()).to_be_bytes())
    }
}
