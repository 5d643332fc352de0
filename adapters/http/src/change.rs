//! The kinds of changes that clients can ask for.

use fsconnector_engine::change::command::Noun;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    AddUsers,
    ModUsers,
    DelUsers,
    RebuildUsers,
    AddConferences,
    ModConferences,
    DelConferences,
}

impl Change {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::AddUsers,
        Self::ModUsers,
        Self::DelUsers,
        Self::RebuildUsers,
        Self::AddConferences,
        Self::ModConferences,
        Self::DelConferences,
    ];

    /// The name of the operation, as answers carry it.
    pub(crate) fn op(self) -> &'static str {
        match self {
            Self::AddUsers => "users/add",
            Self::ModUsers => "users/mod",
            Self::DelUsers => "users/del",
            Self::RebuildUsers => "users/rebuild",
            Self::AddConferences => "conferences/add",
            Self::ModConferences => "conferences/mod",
            Self::DelConferences => "conferences/del",
        }
    }

    /// What its items are called in answers.
    pub(crate) fn noun(self) -> Noun {
        match self {
            Self::AddUsers | Self::ModUsers | Self::DelUsers | Self::RebuildUsers => Noun::User,
            Self::AddConferences | Self::ModConferences | Self::DelConferences => Noun::Conference,
        }
    }

    /// Whether the request says in its body what is to be changed. Otherwise nobody reads its body.
    pub(crate) fn has_body(self) -> bool {
        !matches!(self, Self::RebuildUsers)
    }
}
