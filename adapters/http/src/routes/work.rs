//! How answers come about.

use std::borrow::Cow;

use fsconnector_engine::query::{ConferenceField, Query, UserField};
use fsconnector_engine::state::User;

use crate::change::Change;
use crate::current::Whole;
use crate::handlers::UPLOAD;
use crate::operation::{Form, Operation};
use crate::schemas::RequestSchema;

/// How an answer comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// From the published state, by the gate.
    Read(Read),
    /// From files, behind the gate.
    File(FileRoute),
    /// From the engine, when the change is made.
    Command(Change),
    /// It is always the same: what there is to ask for.
    Description,
    /// The connection becomes a WebSocket, on which the caller hears the live state.
    Listen,
    /// A ticket for that, by the gate.
    Ticket,
}

impl Work {
    /// What answers say was done or failed, if something is changed. Another web site must not be able to ask for it.
    /// `parameter` is what follows in the path, still percent-encoded.
    pub(crate) fn changes(self, parameter: &str) -> Changes {
        match self {
            Self::Read(_) | Self::Description | Self::Listen => Changes::Nothing,
            Self::File(file) => file.changes(),
            Self::Command(change) => Changes::Reported(change.operation(parameter)),
            Self::Ticket => Changes::Unreported,
        }
    }

    /// What the log calls the request, if it is to hear of every one. `parameter` is as above.
    pub(crate) fn audited_as(self, parameter: &str) -> Option<Cow<'static, str>> {
        match self {
            Self::File(FileRoute::Upload) => Some(UPLOAD.into()),
            _ => self.changes(parameter).operation().map(|operation| operation.op),
        }
    }

    /// What the request has to bring along.
    pub(crate) fn payload(self) -> Payload {
        match self {
            Self::Read(_) | Self::Description | Self::Listen | Self::Ticket => Payload::Nothing,
            Self::File(file) => file.payload(),
            Self::Command(change) => change.schema().map_or(Payload::Nothing, Payload::Json),
        }
    }
}

/// Whether a request changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// It does not.
    Nothing,
    /// It does, and all its answers, problems as well, report on it.
    Reported(Operation),
    /// It does, and a problem is a problem.
    Unreported,
}

impl Changes {
    /// What is reported on.
    pub(crate) fn operation(self) -> Option<Operation> {
        match self {
            Self::Reported(operation) => Some(operation),
            Self::Nothing | Self::Unreported => None,
        }
    }
}

/// What a request has to bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Nothing; if there is a body, nobody reads it.
    Nothing,
    /// JSON that fits a schema.
    Json(RequestSchema),
    /// Anything.
    Bytes,
}

/// A question about the published state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// One without parameters.
    Whole(Whole),
    /// Users by a property.
    UsersBy(UserField),
    /// Users by name and address.
    UsersMatch,
    /// Conferences by a property.
    ConferencesBy(ConferenceField),
    /// The caller's own data.
    UserInfo,
}

impl Read {
    /// The query, unless it is one without parameters.
    pub(crate) fn query<'a>(self, parameter: &'a str, caller: &'a User) -> Result<Query<'a>, Whole> {
        match self {
            Self::Whole(whole) => Err(whole),
            Self::UsersBy(field) => Ok(Query::UsersBy(field, parameter)),
            Self::UsersMatch => Ok(Query::UsersMatch(parameter)),
            Self::ConferencesBy(field) => Ok(Query::ConferencesBy(field, parameter)),
            Self::UserInfo => Ok(Query::UserInfo(caller)),
        }
    }
}

/// What is done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileRoute {
    /// The operator's web client, or the built-in start page.
    Page,
    /// The names of all recordings.
    Recordings,
    /// The names of recordings that contain a text.
    FindRecordings,
    /// A recording.
    Recording,
    /// Recordings are removed.
    DelRecordings,
    /// The names of the recordings of conferences outside the admin context.
    FriendsRecordings,
    /// One of those.
    FriendsRecording,
    /// Some of those are removed.
    DelFriendsRecordings,
    /// The caller's Linphone provisioning.
    Linphone,
    /// A file of the caller's Polycom phone: its own, or firmware by the ending of its name.
    Phone,
    /// A file for all Polycom phones, in this folder of the firmware.
    PhoneShared(&'static str),
    /// What a Polycom phone uploads.
    Upload,
}

/// The handlers that do something with files: each kind has its own, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Those that only read.
    Reading(Reading),
    /// Those that change something.
    Changing(Changing),
}

/// What is only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What is short, most of the time.
    Quick,
    /// What is long, most of the time.
    Download,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changing {
    /// The configuration, by the engine.
    Configuration,
    /// Recordings are removed.
    Recordings,
    /// Phones upload something.
    Uploads,
}

impl FileRoute {
    /// Which handlers do it, for this `parameter`.
    pub(crate) fn lane(self, parameter: &str) -> Lane {
        match self {
            Self::Recording | Self::FriendsRecording => Lane::Reading(Reading::Download),
            // The firmware itself; everything else of a phone is short.
            Self::Phone if parameter.rsplit_once('.').is_some_and(|(_, ending)| ending == "ld") => {
                Lane::Reading(Reading::Download)
            }
            Self::DelRecordings | Self::DelFriendsRecordings => Lane::Changing(Changing::Recordings),
            Self::Upload => Lane::Changing(Changing::Uploads),
            _ => Lane::Reading(Reading::Quick),
        }
    }

    fn changes(self) -> Changes {
        let names = |op: &'static str| Changes::Reported(Operation { op: op.into(), form: Form::Names });
        match self {
            Self::DelRecordings => names("api/recordings/del"),
            Self::DelFriendsRecordings => names("delfriendsrec"),
            Self::Upload => Changes::Unreported,
            _ => Changes::Nothing,
        }
    }

    fn payload(self) -> Payload {
        match self {
            Self::DelRecordings | Self::DelFriendsRecordings => Payload::Json(RequestSchema::RecordingsDel),
            Self::Upload => Payload::Bytes,
            _ => Payload::Nothing,
        }
    }
}
