//! When to ask the switch for a listing. One runs, at most one waits.

use std::time::Duration;

use crate::io::EffectId;
use crate::time::Mono;

/// How often the switch is asked although nothing seems to be wrong.
pub(super) const AUDIT: Duration = Duration::from_secs(60);

/// How long after the beginning of a listing the next one begins at the earliest: a flood of events about something
/// unknown must not become a flood of listings.
const PAUSE: Duration = Duration::from_millis(250);

/// How long after an answer that could not be used the next one begins.
const RETRY: Duration = Duration::from_secs(5);

/// The listings of one kind.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    running: Option<EffectId>,
    wanted: bool,
    /// When one may begin again.
    rested: Mono,
    /// When one is to begin in any case.
    audit: Mono,
    /// Whether the last answer could not be used.
    has_failed: bool,
}

impl Inquiry {
    /// One is wanted, as soon as may be.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// One is wanted, but not before `at`. One that is wanted already is not put off.
    pub(super) fn want_not_before(&mut self, at: Mono) {
        if !self.wanted {
            self.rested = self.rested.max(at);
        }
        self.wanted = true;
    }

    /// Whether one is to begin now.
    pub(super) fn is_due(&self, now: Mono) -> bool {
        self.running.is_none() && self.due() <= now
    }

    /// When one is to begin, unless one runs.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.running.is_none().then(|| self.due())
    }

    /// One begins: the command of this name was sent.
    pub(super) fn begun(&mut self, now: Mono, id: EffectId) {
        (self.running, self.wanted) = (Some(id), false);
        (self.rested, self.audit) = (now.after(PAUSE), now.after(AUDIT));
    }

    /// Whether this is the answer that is waited for. Then it is waited for no longer.
    pub(super) fn is_answered_by(&mut self, id: EffectId) -> bool {
        let is_mine = self.running == Some(id);
        if is_mine {
            self.running = None;
        }
        is_mine
    }

    /// Whether none runs, and none begins before the next audit.
    pub(super) fn is_at_rest(&self) -> bool {
        self.running.is_none() && !self.wanted && !self.has_failed
    }

    /// The answer could be used.
    pub(super) fn succeeded(&mut self) {
        self.has_failed = false;
    }

    /// The answer could not be used: one begins soon again. Whether that is news.
    pub(super) fn failed(&mut self, now: Mono) -> bool {
        let again = now.after(RETRY);
        (self.rested, self.audit) = (again, again);
        !std::mem::replace(&mut self.has_failed, true)
    }

    /// A new session: what runs is lost, and one is wanted at once.
    pub(super) fn start_anew(&mut self) {
        *self = Self { wanted: true, has_failed: self.has_failed, ..Self::default() };
    }

    fn due(&self) -> Mono {
        if self.wanted { self.rested.min(self.audit) } else { self.audit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_one_waits_and_then_there_is_a_pause() {
        let at = |milliseconds: u64| Mono(milliseconds * 1000);
        let mut inquiry = Inquiry::default();
        inquiry.start_anew();
        assert!(inquiry.is_due(at(0)));
        inquiry.begun(at(1000), EffectId(1));
        inquiry.want();
        inquiry.want();
        assert!(!inquiry.is_due(at(9000)) && inquiry.deadline().is_none());
        assert!(!inquiry.is_answered_by(EffectId(2)) && inquiry.is_answered_by(EffectId(1)));
        assert!(!inquiry.is_due(at(1249)) && inquiry.is_due(at(1250)));
        inquiry.begun(at(1250), EffectId(3));
        inquiry.is_answered_by(EffectId(3));
        assert_eq!(inquiry.deadline(), Some(at(1250).after(AUDIT)));
        inquiry.want();
        assert!(inquiry.failed(at(2000)) && !inquiry.failed(at(2000)));
        assert_eq!(inquiry.deadline(), Some(at(7000)));
    }

    #[test]
    fn who_wants_one_again_and_again_does_not_put_it_off() {
        let mut inquiry = Inquiry::default();
        inquiry.begun(Mono(0), EffectId(1));
        inquiry.is_answered_by(EffectId(1));
        inquiry.want_not_before(Mono(1_000_000));
        inquiry.want_not_before(Mono(2_000_000));
        assert!(inquiry.is_due(Mono(1_000_000)));
    }
}
