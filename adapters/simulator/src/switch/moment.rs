//! What a call or a command meets: the time, the configuration, and a place for the events it makes.

use super::event::{Event, Site};
use super::origin::Origin;
use super::{Faults, Timing};
use crate::config::{Document, Globals};

/// One moment in the life of the switch.
pub(super) struct Moment<'a> {
    pub(super) now: u64,
    pub(super) origin: &'a mut Origin,
    pub(super) document: Option<&'a Document>,
    pub(super) globals: &'a Globals,
    pub(super) faults: &'a Faults,
    pub(super) timing: Timing,
    /// What has happened, in order.
    pub(super) events: Vec<Event>,
}

impl Moment<'_> {
    /// A variable's value, empty when it is not set.
    pub(super) fn global(&self, name: &str) -> String {
        let value = self.globals.value(name.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&value).into_owned()
    }

    /// The domain of the directory, or else the computer's address.
    pub(super) fn domain(&self) -> String {
        let named = self.document.and_then(super::directory::domain).and_then(|domain| domain.attribute(b"name"));
        match named {
            Some(name) if !name.is_empty() => String::from_utf8_lossy(name).into_owned(),
            _ => self.origin.identity.ipv4.clone(),
        }
    }

    /// The beginning of a CUSTOM event of this moment.
    pub(super) fn custom(&mut self, subclass: &str, site: Site) -> Event {
        self.origin.custom(subclass, site, self.now)
    }

    /// The time in whole seconds since 1970.
    pub(super) fn seconds(&self) -> u64 {
        self.now / 1_000_000
    }
}
