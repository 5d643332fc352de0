//! Who calls, from where, and what the switch knows of the call.

use std::collections::BTreeMap;
use std::fmt;

/// A call that has reached a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// Somebody who calls, as the phone presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user who is logged in on the phone; `None` for a leg that the switch has made itself, without a phone.
    pub user: Option<String>,
    /// The name that the phone shows.
    pub name: String,
    /// The number that the phone shows.
    pub number: String,
    /// The dialplan context; `None` is the user's own.
    pub context: Option<String>,
    /// Variables that the call begins with, such as `conf_flags`; they go before those that the directory gives the user.
    pub variables: BTreeMap<String, String>,
    /// Whether there is sound from the beginning.
    pub is_talking: bool,
}

impl Caller {
    /// A user's phone that shows only the number, and is silent.
    pub fn user(id: &str) -> Self {
        Caller::new(Some(id.to_owned()), id, id)
    }

    /// A leg without a phone, as `originate loopback/…` makes one: events about it have no `Caller-Username`.
    pub fn loopback(name: &str, number: &str) -> Self {
        Caller { context: Some("team".to_owned()), ..Caller::new(None, name, number) }
    }

    fn new(user: Option<String>, name: &str, number: &str) -> Self {
        let (name, number) = (name.to_owned(), number.to_owned());
        Caller { user, name, number, context: None, variables: BTreeMap::new(), is_talking: false }
    }

    /// The same with another name shown.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Caller { name: name.to_owned(), ..self }
    }

    /// The same with a variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// The same with sound from the beginning.
    #[must_use]
    pub fn talking(self) -> Self {
        Caller { is_talking: true, ..self }
    }
}

/// One leg of a call, as events describe it.
#[derive(Clone)]
pub(super) struct Leg {
    pub(super) call: CallId,
    pub(super) uuid: String,
    pub(super) caller: Caller,
    pub(super) destination: String,
    pub(super) context: String,
    /// The domain of the phone's address.
    pub(super) domain: String,
    /// It was transferred: since when in seconds, and by which UUID.
    pub(super) transfer: Option<(u64, String)>,
    /// Microseconds since 1970.
    pub(super) created: u64,
    /// Why it was hung up, where the phone or an operator did so.
    pub(super) hangup_cause: Option<&'static str>,
}

impl Leg {
    /// The name of its channel.
    pub(super) fn channel(&self) -> String {
        match &self.caller.user {
            Some(user) => format!("sofia/internal/{user}@{}", self.domain),
            None => format!("loopback/{}-b", self.destination),
        }
    }
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg").field("uuid", &self.uuid).field("caller", &self.caller).finish_non_exhaustive()
    }
}
