//! The JSON Schemas (draft 7) of what clients send. The same files check the bodies and describe them.

/// A schema of the body of a request; each is that of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestSchema {
    UsersAdd,
    UsersMod,
    UsersDel,
    ConferencesAdd,
    ConferencesMod,
    ConferencesDel,
    RecordingsDel,
}

impl RequestSchema {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::UsersAdd,
        Self::UsersMod,
        Self::UsersDel,
        Self::ConferencesAdd,
        Self::ConferencesMod,
        Self::ConferencesDel,
        Self::RecordingsDel,
    ];

    /// The text of the schema.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::UsersAdd => include_str!("../schemas/users-add.json"),
            Self::UsersMod => include_str!("../schemas/users-mod.json"),
            Self::UsersDel => include_str!("../schemas/users-del.json"),
            Self::ConferencesAdd => include_str!("../schemas/conferences-add.json"),
            Self::ConferencesMod => include_str!("../schemas/conferences-mod.json"),
            Self::ConferencesDel => include_str!("../schemas/conferences-del.json"),
            Self::RecordingsDel => include_str!("../schemas/recordings-del.json"),
        }
    }
}
