//! Who may hear of what: of a conference those of its context and those above.

use fsconnector_engine::access::Role;
use fsconnector_engine::state::State;
use serde_json::Value;

use super::orders::Past;

/// The role of somebody who has logged in so, if that is still a user: the only one of that name.
pub(crate) fn role_of(login: &Login, state: &State) -> Option<Role> {
    let mut named = state.users.iter().filter(|user| *user.name == *login.name);
    let (Some(user), None) = (named.next(), named.next()) else { return None };
    let is_same = (&*user.context, user.password.expose()) == (&*login.context, &*login.password);
    let can_log_in = user.id.as_str() == login.id && is_same && !login.name.is_empty() && !login.password.is_empty();
    Some(state.config.context(&login.context).filter(|_| can_log_in)?.role)
}

/// Somebody as it has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) context: String,
}

/// Whether somebody of this role may know of the conference: it is in a context of this role or one below. Of two
/// conferences with one name the more secret one counts, and what is in no file is the admins' business.
pub(crate) fn may_know(role: Role, name: &str, state: Option<&State>) -> bool {
    let named = state.into_iter().flat_map(|state| state.conferences.iter().map(move |conference| (state, conference)));
    let roles = named.filter(|(_, conference)| *conference.name == *name).filter_map(|(state, conference)| {
        let context = state.config.context(conference.context.as_str())?;
        Some(context.role)
    });
    role <= roles.min().unwrap_or(Role::Admin)
}

/// A conference that the frame tells somebody of who may not know of it.
pub(crate) fn betrayed<'p>(role: Role, frame: &Value, past: &'p Past, state: Option<&State>) -> Option<&'p str> {
    let told = texts(frame);
    let is_told = |name: &&str| told.iter().any(|text| names(text, name));
    past.names().filter(is_told).find(|name| !may_know(role, name, state))
}

/// All texts in a frame.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(object) => object.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Whether the text names it, and not something that only begins or ends so.
fn names(text: &str, name: &str) -> bool {
    let is_apart = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(name).any(|(at, _)| is_apart(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_where_it_stands_for_itself() {
        for (text, named) in [("conf1", true), ("/r/conf1-2026.wav", true), ("conf12", false), ("aconf1", false)] {
            assert_eq!(names(text, "conf1"), named, "{text}");
        }
    }
}
