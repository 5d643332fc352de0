//! What `conference.conf` says: profiles, and what keys do.

use std::collections::BTreeMap;

use crate::config::{Document, Element};
use crate::switch::directory::first;
use crate::switch::moment::Moment;

/// A profile of conferences as it was when the conference began.
#[derive(Clone)]
pub(super) struct Profile {
    pub(super) name: String,
    params: BTreeMap<String, String>,
    members_keys: Controls,
    moderators_keys: Controls,
    sound_prefix: String,
    pub(super) domain: String,
}

/// The action and the data of each key.
type Controls = BTreeMap<char, (String, String)>;

impl Profile {
    /// The profile of a name, if it exists.
    pub(super) fn find(moment: &Moment<'_>, name: &str) -> Option<Self> {
        let configuration = configuration(moment.document?)?;
        let profile = first(configuration, b"profiles")?.child_with(b"profile", b"name", name.as_bytes())?;
        let params: BTreeMap<String, String> = profile
            .children()
            .filter(|param| param.name() == b"param")
            .filter_map(|param| Some((text(param, b"name")?, text(param, b"value")?)))
            .collect();
        let group = |param: &str| params.get(param).map(String::as_str);
        let members = group("caller-controls").unwrap_or("default");
        let moderators = group("moderator-controls").unwrap_or(members);
        Some(Profile {
            name: name.to_owned(),
            members_keys: controls(configuration, members),
            moderators_keys: controls(configuration, moderators),
            sound_prefix: params.get("sound-prefix").cloned().unwrap_or_else(|| moment.global("sound_prefix")),
            domain: params.get("domain").filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| moment.domain()),
            params,
        })
    }

    /// A parameter that is set.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.param(name)?.parse().ok()
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> u64 {
        self.number("rate").unwrap_or(8000)
    }

    /// Whether events with such an `Action` are not sent.
    pub(super) fn suppresses(&self, action: &str) -> bool {
        self.param("suppress-events").is_some_and(|list| list.split(',').any(|name| name.trim() == action))
    }

    /// What a key does: an action and its data.
    pub(super) fn control(&self, is_moderator: bool, key: char) -> Option<&(String, String)> {
        let keys = if is_moderator { &self.moderators_keys } else { &self.members_keys };
        keys.get(&key)
    }

    /// The whole path of a sound.
    pub(super) fn sound_path(&self, file: &str) -> String {
        let is_whole = file.starts_with('/') || file.contains("://");
        if is_whole { file.to_owned() } else { format!("{}/{file}", self.sound_prefix) }
    }
}

fn configuration(document: &Document) -> Option<Element<'_>> {
    document.section(b"configuration")?.child_with(b"configuration", b"name", b"conference.conf")
}

fn controls(configuration: Element<'_>, group: &str) -> Controls {
    let groups = first(configuration, b"caller-controls");
    let group = groups.and_then(|groups| groups.child_with(b"group", b"name", group.as_bytes()));
    let controls = group.into_iter().flat_map(Element::children).filter(|control| control.name() == b"control");
    let keys = controls.filter_map(|control| {
        let key = text(control, b"digits")?.chars().next()?;
        Some((key, (text(control, b"action")?, text(control, b"data").unwrap_or_default())))
    });
    keys.collect()
}

fn text(element: Element<'_>, attribute: &[u8]) -> Option<String> {
    element.attribute(attribute).map(|text| String::from_utf8_lossy(text).into_owned())
}
