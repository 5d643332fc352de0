//! What the configuration says about the conferences and people that events tell of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{Role, Roles};
use crate::state::{State, Users};

/// The configuration as the live state needs it.
#[derive(Debug, Default)]
pub(super) struct Configured {
    users: Arc<Users>,
    conferences: BTreeMap<Box<str>, Arc<Definition>>,
    ad_hoc: Arc<Definition>,
}

/// What a conference is by the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) context: Box<str>,
    pub(super) profile: Box<str>,
    pub(super) num: Box<str>,
    /// Who may see it.
    pub(super) hearers: Roles,
}

/// A conference that no file defines.
impl Default for Definition {
    fn default() -> Self {
        Self { context: "".into(), profile: "".into(), num: "".into(), hearers: Roles::only(Role::Admin) }
    }
}

impl Configured {
    pub(super) fn new(state: &State) -> Self {
        let mut conferences: BTreeMap<Box<str>, (Role, Arc<Definition>)> = BTreeMap::new();
        for conference in &*state.conferences {
            let Some(context) = state.config.context(conference.context.as_str()) else { continue };
            let definition = Definition {
                context: conference.context.as_str().into(),
                profile: conference.profile.as_str().into(),
                num: conference.num.to_string().into(),
                hearers: Roles::who_see(context.role),
            };
            let entry = (context.role, Arc::new(definition));
            // Callers of two numbers with one name meet in one conference: it is no more public than the less public one.
            let known = conferences.entry(conference.name.as_str().into()).or_insert_with(|| entry.clone());
            if entry.0 < known.0 {
                *known = entry;
            }
        }
        let conferences = conferences.into_iter().map(|(name, (_, definition))| (name, definition)).collect();
        Self { users: Arc::clone(&state.users), conferences, ad_hoc: Arc::default() }
    }

    /// What the conference of this name is.
    pub(super) fn conference(&self, name: &str) -> &Arc<Definition> {
        self.conferences.get(name).unwrap_or(&self.ad_hoc)
    }

    /// The name of somebody with this id, whose phone sends `claimed` and this number: the phone's own, unless it sends
    /// none, or only the number.
    pub(super) fn name(&self, id: &str, number: &str, claimed: &Arc<str>) -> Arc<str> {
        if !claimed.is_empty() && **claimed != *number && **claimed != *id {
            return Arc::clone(claimed);
        }
        let user = self.users.by_id(id).filter(|user| !user.name.is_empty());
        user.map_or_else(|| Arc::clone(claimed), |user| (*user.name).into())
    }
}
