//! The phones that are registered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::desk::Desk;
use super::frame::{List, Message};
use super::listing::ListedRegistration;
use super::report::Registering;
use crate::access::Roles;
use crate::time::Mono;

/// A registration, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Registration {
    id: Arc<str>,
    regid: Arc<str>,
    sipcon: Arc<str>,
}

/// All registrations.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    /// By user and call-id.
    known: BTreeMap<Key, Entry>,
    /// Those that went since the listing was asked for that is under way, or since the last one, or shortly before; with
    /// the time.
    gone: BTreeMap<Key, Mono>,
}

/// The switch tells of a registration by an event, and writes it where it is listed from a moment later: for so long after
/// the event the listing has no say.
pub(super) const SETTLING: Duration = Duration::from_millis(500);

type Key = (Arc<str>, Arc<str>);

#[derive(Debug)]
struct Entry {
    address: Arc<str>,
    contact: Arc<str>,
    /// When an event has told of it since the listing was asked for that is under way, or since the last one, or shortly
    /// before.
    told: Option<Mono>,
}

impl Registrations {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// All of them, as clients see them.
    pub(super) fn shown(&self) -> Vec<Registration> {
        self.known.iter().map(|(key, entry)| shown(key, entry)).collect()
    }

    /// Applies an event. Whether only a listing can tell what the switch has made of it.
    pub(super) fn apply(&mut self, event: &Registering<'_>, desk: &mut Desk<'_>) -> bool {
        let now = desk.now.mono;
        let told = Some(now);
        match event {
            Registering::Comes { user, call_id, address, contact } => {
                let key: Key = (user.as_ref().into(), call_id.as_ref().into());
                let entry = Entry { address: address.as_str().into(), contact: contact_uri(contact).into(), told };
                self.comes(key, entry, desk)
            }
            Registering::Goes { user, call_id } => {
                let key: Key = (user.as_ref().into(), call_id.as_ref().into());
                let was_known = self.remove(&key, desk);
                self.gone.insert(key, now);
                !was_known
            }
        }
    }

    /// A session with the switch begins. What events have told before it may not be true any more.
    pub(super) fn start_anew(&mut self) {
        self.gone.clear();
        self.known.values_mut().for_each(|entry| entry.told = None);
    }

    /// A listing is asked for.
    pub(super) fn looked(&mut self, now: Mono) {
        let is_settling = |at: Mono| at.after(SETTLING) > now;
        self.gone.retain(|_, at| is_settling(*at));
        self.known.values_mut().for_each(|entry| entry.told = entry.told.filter(|at| is_settling(*at)));
    }

    /// Becomes what the switch lists, apart from what events have told since it was asked. Whether only another listing can
    /// tell what has become of it: an event may have told of another phone of somebody who is listed.
    pub(super) fn correct(&mut self, listed: Vec<ListedRegistration>, desk: &mut Desk<'_>) -> bool {
        let mut present = BTreeSet::new();
        let mut new = Vec::new();
        for ListedRegistration { user, call_id, address, contact } in listed {
            let key = (user, call_id);
            if !self.gone.contains_key(&key) {
                new.push((key.clone(), Entry { address, contact: contact_uri(&contact).into(), told: None }));
            }
            present.insert(key);
        }
        let is_gone = |(key, entry): &(&Key, &Entry)| entry.told.is_none() && !present.contains(*key);
        let absent: Vec<Key> = self.known.iter().filter(is_gone).map(|(key, _)| key.clone()).collect();
        for key in absent {
            self.remove(&key, desk);
        }
        for (key, entry) in new {
            if self.known.get(&key).is_none_or(|known| known.told.is_none()) {
                self.put(key, entry, desk);
            }
        }
        let is_in_doubt = |(key, entry): (&Key, &Entry)| entry.told.is_some() && self.of_user(&key.0).nth(1).is_some();
        self.known.iter().any(is_in_doubt)
    }

    fn of_user(&self, user: &Arc<str>) -> impl Iterator<Item = (&Key, &Entry)> {
        self.known.range((Arc::clone(user), "".into())..).take_while(move |((other, _), _)| other == user)
    }

    /// A phone registers. What it has replaced goes: the same contact with another call-id is a phone that has started
    /// anew. Whether the user has other phones: most switches keep the newest only.
    fn comes(&mut self, key: Key, entry: Entry, desk: &mut Desk<'_>) -> bool {
        let others: Vec<(Key, bool)> = self
            .of_user(&key.0)
            .filter(|(other, _)| **other != key)
            .map(|(other, old)| (other.clone(), old.is_at_the_place_of(&entry)))
            .collect();
        let mut has_others = false;
        for (other, is_replaced) in others {
            if is_replaced {
                self.remove(&other, desk);
                self.gone.insert(other, desk.now.mono);
            } else {
                has_others = true;
            }
        }
        self.gone.remove(&key);
        self.put(key, entry, desk);
        has_others
    }

    /// The registration is there. It is news only if it was not, or was elsewhere.
    fn put(&mut self, key: Key, entry: Entry, desk: &mut Desk<'_>) {
        if let Some(known) = self.known.get_mut(&key)
            && known.address == entry.address
        {
            *known = entry;
            return;
        }
        self.remove(&key, desk);
        desk.say(Roles::ALL, &Message::AddReg { user: &shown(&key, &entry) });
        self.known.insert(key, entry);
    }

    fn remove(&mut self, key: &Key, desk: &mut Desk<'_>) -> bool {
        let removed = self.known.remove(key);
        if let Some(entry) = &removed {
            desk.say(Roles::ALL, &Message::DelReg { user: &shown(key, entry) });
        }
        removed.is_some()
    }
}

impl Entry {
    fn is_at_the_place_of(&self, other: &Self) -> bool {
        self.address == other.address || (self.contact == other.contact && !self.contact.is_empty())
    }
}

fn shown((user, call_id): &Key, entry: &Entry) -> Registration {
    Registration { id: user.clone(), regid: call_id.clone(), sipcon: entry.address.clone() }
}

/// The bare URI of a contact: events have it in angle brackets behind a display name, listings behind the name of the
/// profile.
fn contact_uri(contact: &str) -> &str {
    let from = contact.find("sip:").or_else(|| contact.find("sips:")).unwrap_or(0);
    let uri = contact.get(from..).unwrap_or(contact);
    uri.split_once('>').map_or(uri, |(uri, _)| uri)
}

/// All registrations as a JSON array.
pub(super) fn list(registrations: &[Registration]) -> List<'_, Registration> {
    List(registrations.iter().collect())
}
