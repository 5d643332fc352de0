//! The kinds of changes that clients can ask the engine for.

use fsconnector_engine::change::command::Noun;

use crate::operation::{Form, Operation};
use crate::schemas::RequestSchema;
use crate::target;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    AddUsers,
    ModUsers,
    DelUsers,
    RebuildUsers,
    ReprovisionUsers,
    AddConferences,
    ModConferences,
    DelConferences,
    RebuildContacts,
    /// Of the part of the configuration tree that the path names.
    Store,
    /// Of the part of the configuration tree that the path names.
    Restore,
}

impl Change {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 11] = [
        Self::AddUsers,
        Self::ModUsers,
        Self::DelUsers,
        Self::RebuildUsers,
        Self::ReprovisionUsers,
        Self::AddConferences,
        Self::ModConferences,
        Self::DelConferences,
        Self::RebuildContacts,
        Self::Store,
        Self::Restore,
    ];

    /// What answers call it. `parameter` is what follows in the path, still percent-encoded.
    pub(crate) fn operation(self, parameter: &str) -> Operation {
        let of_part = |verb| {
            // What is not encoded as it should be is shown as it came.
            let name = target::decode(parameter).unwrap_or(parameter.into());
            Operation { op: format!("{verb}/{name}").into(), form: Form::Part }
        };
        let items = |op: &'static str, noun| Operation { op: op.into(), form: Form::Items(noun) };
        match self {
            Self::AddUsers => items("users/add", Noun::User),
            Self::ModUsers => items("users/mod", Noun::User),
            Self::DelUsers => items("users/del", Noun::User),
            Self::RebuildUsers => items("users/rebuild", Noun::User),
            Self::ReprovisionUsers => items("users/reprov", Noun::User),
            Self::AddConferences => items("conferences/add", Noun::Conference),
            Self::ModConferences => items("conferences/mod", Noun::Conference),
            Self::DelConferences => items("conferences/del", Noun::Conference),
            Self::RebuildContacts => Operation { op: "conferences/rebuildcontacts".into(), form: Form::Time },
            Self::Store => of_part("store"),
            Self::Restore => of_part("restore"),
        }
    }

    /// What the body has to look like that says what is to be changed. Without one, nobody reads a body.
    pub(crate) fn schema(self) -> Option<RequestSchema> {
        match self {
            Self::AddUsers => Some(RequestSchema::UsersAdd),
            Self::ModUsers => Some(RequestSchema::UsersMod),
            Self::DelUsers => Some(RequestSchema::UsersDel),
            Self::AddConferences => Some(RequestSchema::ConferencesAdd),
            Self::ModConferences => Some(RequestSchema::ConferencesMod),
            Self::DelConferences => Some(RequestSchema::ConferencesDel),
            Self::RebuildUsers | Self::ReprovisionUsers | Self::RebuildContacts | Self::Store | Self::Restore => None,
        }
    }
}
