//! What goes over the wire to those who listen: JSON, with the names that clients know.

use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::conference::Conference;
use super::listener::Frame;
use super::recordings::Status;
use super::registrations::Registration;
use crate::esl::command::MemberId;

/// A frame, before it is text.
#[derive(Serialize)]
#[serde(tag = "event")]
pub(super) enum Message<'a> {
    #[serde(rename = "newXML")]
    NewXml,
    #[serde(rename = "newLiveState")]
    NewLiveState { data: List<'a, Conference> },
    #[serde(rename = "newConference")]
    NewConference { data: &'a Conference },
    #[serde(rename = "newMember")]
    NewMember { conference: &'a str, data: &'a Person },
    #[serde(rename = "floorchange")]
    FloorChange { conference: &'a str, data: OrNobody<'a> },
    #[serde(rename = "mute")]
    Mute { conference: &'a str, data: MemberId },
    #[serde(rename = "unmute")]
    Unmute { conference: &'a str, data: MemberId },
    #[serde(rename = "muteAll")]
    MuteAll { conference: &'a str },
    #[serde(rename = "recStart")]
    RecStart { conference: &'a str, file: &'a str },
    #[serde(rename = "recPause")]
    RecPause { conference: &'a str, file: &'a str },
    #[serde(rename = "recResume")]
    RecResume { conference: &'a str, file: &'a str },
    #[serde(rename = "recStop")]
    RecStop { conference: &'a str },
    #[serde(rename = "lock")]
    Lock { conference: &'a str },
    #[serde(rename = "unlock")]
    Unlock { conference: &'a str },
    #[serde(rename = "delMember")]
    DelMember { conference: &'a str, data: MemberId },
    #[serde(rename = "delConference")]
    DelConference { conference: &'a str },
    #[serde(rename = "addReg")]
    AddReg { user: &'a Registration },
    #[serde(rename = "delReg")]
    DelReg { user: &'a Registration },
    #[serde(rename = "reply")]
    Reply(Reply<'a>),
    #[serde(rename = "error")]
    Error { error: &'a str },
}

/// The answer to a request.
#[derive(Serialize)]
#[serde(tag = "reply", rename_all = "lowercase")]
pub(super) enum Reply<'a> {
    Init { data: List<'a, Conference> },
    InitReg { data: List<'a, Registration> },
}

impl Message<'_> {
    /// As text.
    pub(super) fn frame(&self) -> Frame {
        // Strings, numbers and lists of such: there is nothing that JSON has no notation for.
        Frame(serde_json::to_vec(self).unwrap_or_default().into())
    }
}

/// The frame for a text that is no request.
pub(super) fn error(why: &str) -> Frame {
    Message::Error { error: why }.frame()
}

/// Somebody in a conference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Person {
    pub(super) name: Arc<str>,
    pub(super) id: Arc<str>,
    pub(super) confid: MemberId,
    pub(super) mute: bool,
}

/// Somebody, or `{}`.
pub(super) struct OrNobody<'a>(pub(super) Option<&'a Person>);

impl Serialize for OrNobody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(person) => person.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// All ids are strings for clients.
impl Serialize for MemberId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (status, file) = match self {
            Self::NotRecording => ("norec", None),
            Self::Running(file) => ("running", Some(file)),
            Self::Paused(file) => ("paused", Some(file)),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", status)?;
        if let Some(file) = file {
            map.serialize_entry("file", &**file)?;
        }
        map.end()
    }
}

/// Things as a JSON array.
pub(super) struct List<'a, T>(pub(super) Vec<&'a T>);

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|item| list.serialize_element(item))?;
        list.end()
    }
}
