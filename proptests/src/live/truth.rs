//! How things really are: what the switch has, as somebody has to see it.

use std::collections::BTreeSet;

use fsconnector_engine::access::Role;
use fsconnector_engine::state::State;
use fsconnector_simulator::{Conference, Member, Recording, Registration};
use serde_json::{Value, json};

use super::client::{self, Client, Conferences, Registrations};
use super::secrets::may_know;

/// How things are.
pub(crate) struct Truth<'a> {
    /// The switch's conferences, the oldest first.
    pub(crate) conferences: &'a [Conference],
    /// The switch's registrations.
    pub(crate) registrations: &'a [Registration],
    /// The configuration that readers have.
    pub(crate) state: &'a State,
    /// Whether the connector has heard every event since the switch has had its first caller.
    pub(crate) is_complete: bool,
}

impl Truth<'_> {
    /// What somebody of this role has wrong.
    pub(crate) fn misfit(&self, role: Role, client: &Client) -> Option<String> {
        let conferences = client.conferences().map(|seen| self.conferences_misfit(role, seen));
        let registrations = client.registrations().map(|seen| self.registrations_misfit(seen));
        conferences.flatten().or(registrations.flatten())
    }

    fn conferences_misfit(&self, role: Role, seen: &Conferences) -> Option<String> {
        let names: BTreeSet<&str> = self
            .conferences
            .iter()
            .map(|conference| &*conference.name)
            .chain(seen.keys().map(String::as_str))
            .collect();
        names.into_iter().find_map(|name| {
            let generations: Vec<&Conference> =
                self.conferences.iter().filter(|conference| conference.name == *name).collect();
            let is_visible = may_know(role, name, Some(self.state));
            match (generations.last().filter(|last| is_visible && !last.members.is_empty()), seen.get(name)) {
                (None, None) => None,
                // Of an older generation that is being sent away everybody may know or not.
                (None, Some(_)) if is_visible && generations.iter().any(|older| older.is_ending) => None,
                (Some(last), None) if last.is_ending => None,
                (Some(last), Some(seen)) => self.conference_misfit(last, seen),
                (actual, seen) => Some(format!("{role}s see {seen:?} of {name:?}, which is {actual:?}")),
            }
        })
    }

    fn conference_misfit(&self, actual: &Conference, seen: &client::Conference) -> Option<String> {
        let ids: Vec<String> = actual.members.iter().map(|member| member.id.to_string()).collect();
        let are_the_same = ids.len() == seen.members.len() && ids.iter().all(|id| seen.members.contains_key(id));
        let fits = are_the_same
            && self.is_defined_so(&actual.name, seen)
            && actual.is_locked == seen.locked
            && has_floor(actual, seen)
            && seen.recording == recording(&actual.recordings)
            && actual.members.iter().all(|member| self.is_seen_so(member, &seen.members[&member.id.to_string()]));
        (!fits).then(|| format!("{seen:?} is seen of {actual:?}"))
    }

    /// Whether a conference of this name is configured so. Of two with one name it can be either.
    fn is_defined_so(&self, name: &str, seen: &client::Conference) -> bool {
        let shown = [&seen.num, &seen.profile, &seen.context];
        let mut named = self.state.conferences.iter().filter(|conference| *conference.name == *name).peekable();
        if named.peek().is_none() {
            return shown == ["", "", ""];
        }
        named.any(|conference| {
            let num = conference.num.to_string();
            shown.map(String::as_str) == [&*num, &*conference.profile, conference.context.as_str()]
        })
    }

    fn is_seen_so(&self, actual: &Member, seen: &client::Member) -> bool {
        let id = actual.username.as_ref().unwrap_or(&actual.number);
        let is_known = seen.id == *id || (!self.is_complete && seen.id == actual.number);
        let claims = !actual.name.is_empty() && actual.name != actual.number && actual.name != seen.id;
        let user = self.state.users.iter().find(|user| user.id.as_str() == seen.id);
        let of_directory = user.map(|user| &*user.name).filter(|name| !claims && !name.is_empty());
        let is_named = *seen.name == *of_directory.unwrap_or(&actual.name);
        // Who is on hold cannot be heard either way, so a listing does not tell.
        is_known && is_named && (seen.mute == actual.is_muted || (actual.is_held && !self.is_complete))
    }

    fn registrations_misfit(&self, seen: &Registrations) -> Option<String> {
        let actual: Registrations = self
            .registrations
            .iter()
            .map(|Registration { phone, .. }| {
                ((phone.user.clone(), phone.call_id.clone()), format!("{}:{}", phone.ip, phone.port))
            })
            .collect();
        (actual != *seen).then(|| format!("{seen:?} is seen of {actual:?}"))
    }
}

/// Whether the floor is seen to be with whom it is. When the only member loses it, that seems to be leaving, so it is told
/// with the next listing at the latest.
fn has_floor(actual: &Conference, seen: &client::Conference) -> bool {
    let floor = actual.floor.map(|id| id.to_string());
    floor.as_deref() == seen.floor["confid"].as_str() || (floor.is_none() && actual.members.len() == 1)
}

/// What people are told: somebody is recorded if anything is.
fn recording(all: &[Recording]) -> Value {
    match all.iter().find(|recording| !recording.is_paused).or(all.first()) {
        None => json!({ "status": "norec" }),
        Some(recording) => {
            let status = if recording.is_paused { "paused" } else { "running" };
            json!({ "status": status, "file": recording.path })
        }
    }
}
