//! Where events come from: who the switch says it is, counted and stamped.

use super::event::{Event, Site};
use super::identity::{Identity, Numbers};

/// The maker of events and of invented UUIDs.
pub(super) struct Origin {
    pub(super) identity: Identity,
    pub(super) core_uuid: String,
    numbers: Numbers,
    next_sequence: u64,
}

impl Origin {
    pub(super) fn new(identity: Identity) -> Self {
        let numbers = Numbers::new(identity.seed);
        Origin { identity, core_uuid: String::new(), numbers, next_sequence: 1 }
    }

    /// A new process: another UUID, and events count from one again.
    pub(super) fn restart(&mut self) {
        self.core_uuid = self.uuid();
        self.next_sequence = 1;
    }

    pub(super) fn uuid(&mut self) -> String {
        self.numbers.uuid()
    }

    /// An event with what all events have.
    pub(super) fn event(&mut self, name: &str, site: Site, now: u64) -> Event {
        self.stamp(Event::new().with("Event-Name", name), site, now)
    }

    /// A CUSTOM event; its subclass stands first.
    pub(super) fn custom(&mut self, subclass: &str, site: Site, now: u64) -> Event {
        self.stamp(Event::new().with("Event-Subclass", subclass).with("Event-Name", "CUSTOM"), site, now)
    }

    /// Takes the next numbers of events, for so many that are made elsewhere. The first of them.
    pub(super) fn take_sequence(&mut self, count: u64) -> u64 {
        let first = self.next_sequence;
        self.next_sequence = first.saturating_add(count);
        first
    }

    fn stamp(&mut self, event: Event, site: Site, now: u64) -> Event {
        let sequence = self.take_sequence(1);
        event
            .with("Core-UUID", &self.core_uuid)
            .with("FreeSWITCH-Hostname", &self.identity.hostname)
            .with("FreeSWITCH-Switchname", &self.identity.hostname)
            .with("FreeSWITCH-IPv4", &self.identity.ipv4)
            .with("FreeSWITCH-IPv6", &self.identity.ipv6)
            .stamped(site, now)
            .with("Event-Sequence", &sequence)
    }
}
