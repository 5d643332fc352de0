//! Where the published state hangs for readers, and with it the answers that depend on nothing else.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use fsconnector_engine::query::Query;
use fsconnector_engine::state::State;

/// The state that readers answer from. Whoever publishes never waits for readers, and readers never for a publisher.
#[derive(Debug, Default)]
pub struct Current {
    published: ArcSwapOption<Published>,
}

impl Current {
    /// Makes `state` what all later requests are answered from.
    pub fn publish(&self, state: Arc<State>) {
        self.published.store(Some(Arc::new(Published { state, answers: Default::default() })));
    }

    /// Whether there is a state.
    pub(crate) fn is_ready(&self) -> bool {
        self.published.load().is_some()
    }

    /// The latest state, unless there was none yet.
    pub(crate) fn latest(&self) -> Option<Arc<Published>> {
        self.published.load_full()
    }
}

/// A published state with its serialised answers.
#[derive(Debug)]
pub(crate) struct Published {
    state: Arc<State>,
    answers: [OnceLock<Bytes>; Whole::ALL.len()],
}

impl Published {
    /// The state.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The answer to a question without parameters; serialised for the first who asks.
    pub(crate) fn answer(&self, whole: Whole) -> Bytes {
        let fresh = || Bytes::from(whole.query().answer(&self.state));
        self.answers.get(whole as usize).map_or_else(fresh, |answer| answer.get_or_init(fresh).clone())
    }
}

/// A question whose answer depends on the state alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Users,
    Conferences,
    Info,
    InfoState,
    PubXml,
    FriendXml,
}

impl Whole {
    const ALL: [Self; 6] = [Self::Users, Self::Conferences, Self::Info, Self::InfoState, Self::PubXml, Self::FriendXml];

    fn query(self) -> Query<'static> {
        match self {
            Self::Users => Query::Users,
            Self::Conferences => Query::Conferences,
            Self::Info => Query::Info,
            Self::InfoState => Query::InfoState,
            Self::PubXml => Query::PubXml,
            Self::FriendXml => Query::FriendXml,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn there_is_no_state_before_the_first_is_published() {
        assert!(Current::default().latest().is_none());
    }

    #[test]
    fn an_answer_is_serialised_once_per_state_and_equals_the_query() {
        let current = Current::default();
        current.publish(sample::state());
        let published = current.latest().unwrap();
        for (position, whole) in Whole::ALL.into_iter().enumerate() {
            assert_eq!(whole as usize, position);
            assert_eq!(published.answer(whole), whole.query().answer(published.state()));
            assert_eq!(published.answer(whole).as_ptr(), published.answer(whole).as_ptr(), "{whole:?}");
        }
    }

    #[test]
    fn readers_see_the_latest_state_and_keep_the_one_they_have() {
        let current = Current::default();
        current.publish(sample::state());
        let before = current.latest().unwrap();
        let mut changed = State::clone(&sample::state());
        changed.conference_types = Arc::new([]);
        current.publish(Arc::new(changed));
        assert!(!before.state().conference_types.is_empty());
        assert!(current.latest().unwrap().state().conference_types.is_empty());
    }
}
