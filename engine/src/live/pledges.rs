//! Recordings that were ordered and that everybody concerned is still to be told of: nobody is recorded unannounced.
//!
//! Usually the recorder that has given the order hears that it is carried out, and announces it. But commands go by
//! names: an order to a conference that has just ended reaches the next one of its name. And one can be carried out when
//! nobody waits for it any more, since it took too long, or the session with the switch was lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::conferences::Uuid;

/// How many are remembered. An order that never reached the switch would stay for ever.
const MOST: usize = 256;

/// The recordings that were ordered, by their files.
#[derive(Debug, Default)]
pub(super) struct Pledges {
    /// The conference whose recorder waits for it; nothing if none does any more.
    by_file: BTreeMap<Arc<str>, Option<Uuid>>,
    order: VecDeque<Arc<str>>,
}

impl Pledges {
    /// A recording is ordered in a conference, whose recorder waits for it.
    pub(super) fn add(&mut self, file: &str, conference: &Uuid) {
        let file: Arc<str> = file.into();
        if self.by_file.insert(Arc::clone(&file), Some(Arc::clone(conference))).is_none() {
            self.order.push_back(file);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_file.remove(&oldest);
        }
    }

    /// The recorder of this conference waits no longer.
    pub(super) fn give_up(&mut self, conference: &str) {
        let waits = |waiting: &&mut Option<Uuid>| waiting.as_deref() == Some(conference);
        self.by_file.values_mut().filter(waits).for_each(|waiting| *waiting = None);
    }

    /// No recorder waits any longer.
    pub(super) fn give_all_up(&mut self) {
        self.by_file.values_mut().for_each(|waiting| *waiting = None);
    }

    /// Something has become of the recording in this conference. Whether it was ordered and its recorder does not wait for
    /// it: then somebody else has to say so.
    pub(super) fn settle(&mut self, file: &str, conference: &str) -> bool {
        let Some(waiting) = self.by_file.remove(file) else { return false };
        self.order.retain(|other| **other != *file);
        waiting.as_deref() != Some(conference)
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.by_file.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_it_says_so_and_nobody_else_once() {
        let conference: Uuid = "u".into();
        let mut pledges = Pledges::default();
        pledges.add("f", &conference);
        assert!(!pledges.settle("f", "u") && !pledges.settle("f", "v"));
        pledges.add("f", &conference);
        assert!(pledges.settle("f", "v"));
        pledges.add("f", &conference);
        pledges.give_up("v");
        pledges.give_up("u");
        assert!(pledges.settle("f", "u") && pledges.is_empty());
    }

    #[test]
    fn what_is_never_carried_out_is_forgotten_at_last() {
        let mut pledges = Pledges::default();
        for number in 0..1000 {
            pledges.add(&number.to_string(), &"u".into());
        }
        assert_eq!((pledges.by_file.len(), pledges.order.len()), (MOST, MOST));
        pledges.give_all_up();
        assert!(!pledges.settle("0", "u") && pledges.settle("999", "u"));
    }
}
