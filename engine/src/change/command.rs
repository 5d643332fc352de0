//! What administrators ask for, and what they are told.

use core::net::IpAddr;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::files::Part;
use crate::secret::Secret;
use crate::state::UserId;

/// The name of a request, by which its answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// 32 bytes from the operating system's randomness, which passwords are made of: a debug print does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Entropy(pub [u8; 32]);

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(…)")
    }
}

/// Who asks, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's id.
    pub id: UserId,
    /// The name it has logged in with.
    pub name: String,
    /// Where it is.
    pub address: IpAddr,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `users/add`
    AddUsers(Vec<Item<NewUser>>),
    /// `users/mod`
    ModUsers(Vec<Item<UserChange>>),
    /// `users/del`
    DelUsers(Vec<Item<UserTarget>>),
    /// `users/rebuild`: all user files are written anew.
    RebuildUsers,
    /// `users/reprov`: the provisioning of all users is written anew.
    ReprovisionUsers,
    /// `conferences/add`
    AddConferences(Vec<Item<NewConference>>),
    /// `conferences/mod`
    ModConferences(Vec<Item<ConferenceChange>>),
    /// `conferences/del`
    DelConferences(Vec<Item<ConferenceTarget>>),
    /// `conferences/rebuildcontacts`: the contact lists in all provisioning are written anew.
    RebuildContacts,
    /// `store/…`
    Store(Part),
    /// `restore/…`
    Restore(Part),
}

impl Command {
    /// The name of the operation, as answers carry it.
    pub fn op(&self) -> &'static str {
        match self {
            Self::AddUsers(_) => "users/add",
            Self::ModUsers(_) => "users/mod",
            Self::DelUsers(_) => "users/del",
            Self::RebuildUsers => "users/rebuild",
            Self::ReprovisionUsers => "users/reprov",
            Self::AddConferences(_) => "conferences/add",
            Self::ModConferences(_) => "conferences/mod",
            Self::DelConferences(_) => "conferences/del",
            Self::RebuildContacts => "conferences/rebuildcontacts",
            Self::Store(Part::Directory) => "store/directory",
            Self::Store(Part::Dialplan) => "store/dialplan",
            Self::Store(Part::Conferences) => "store/conferences",
            Self::Store(Part::FreeSwitch) => "store/freeswitch",
            Self::Restore(Part::Directory) => "restore/directory",
            Self::Restore(Part::Dialplan) => "restore/dialplan",
            Self::Restore(Part::Conferences) => "restore/conferences",
            Self::Restore(Part::FreeSwitch) => "restore/freeswitch",
        }
    }

    /// How the command is answered.
    pub fn form(&self) -> Form {
        match self {
            Self::AddUsers(_) | Self::ModUsers(_) | Self::DelUsers(_) | Self::RebuildUsers | Self::ReprovisionUsers => {
                Form::Items(Noun::User)
            }
            Self::AddConferences(_) | Self::ModConferences(_) | Self::DelConferences(_) => {
                Form::Items(Noun::Conference)
            }
            Self::RebuildContacts | Self::Store(_) | Self::Restore(_) => Form::Single,
        }
    }

    /// The items as they were sent, if there are any.
    pub(crate) fn sent(&self) -> Vec<&Value> {
        fn all<T>(items: &[Item<T>]) -> Vec<&Value> {
            items.iter().map(|item| &item.sent).collect()
        }
        match self {
            Self::AddUsers(items) => all(items),
            Self::ModUsers(items) => all(items),
            Self::DelUsers(items) => all(items),
            Self::RebuildUsers | Self::ReprovisionUsers | Self::RebuildContacts | Self::Store(_) | Self::Restore(_) => {
                Vec::new()
            }
            Self::AddConferences(items) => all(items),
            Self::ModConferences(items) => all(items),
            Self::DelConferences(items) => all(items),
        }
    }
}

/// One item of a request: what it means, and what was sent, for whoever has to be told that it failed.
///
/// It can hold a password: a debug print shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Item<T> {
    pub(crate) asked: T,
    pub(crate) sent: Value,
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Item(…)")
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = Value::deserialize(deserializer)?;
        let asked = T::deserialize(&sent).map_err(serde::de::Error::custom)?;
        Ok(Self { asked, sent })
    }
}

/// A user to be made.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub(crate) password: Option<Secret>,
    pub(crate) conpin: Option<Secret>,
    pub(crate) context: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) polymac: Option<String>,
}

/// What is to be changed of a user.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    pub(crate) id: String,
    pub(crate) password: Option<Secret>,
    pub(crate) conpin: Option<Secret>,
    pub(crate) context: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) polymac: Option<String>,
}

/// A user to be removed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTarget {
    pub(crate) id: String,
}

/// A conference to be made.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewConference {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) profile: String,
    pub(crate) context: String,
}

/// What is to be changed of a conference.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConferenceChange {
    pub(crate) num: String,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) profile: Option<String>,
    pub(crate) context: Option<String>,
}

/// A conference to be removed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConferenceTarget {
    pub(crate) num: String,
}

/// The forms of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lists of what was done and what failed.
    Items(Noun),
    /// One text for what was done, or why not.
    Single,
}

/// What the items of an answer are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Noun {
    /// `user`
    User,
    /// `conference`
    Conference,
}

/// The answer to a request. It holds what the caller may know, passwords included: a debug print shows numbers only.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The name of the operation.
    pub op: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// The damaged files that should have been written, each with what is wrong with it.
    pub left_alone: Vec<String>,
    /// Why the request as a whole could not be carried out.
    pub unavailable: Option<Unavailable>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of each item.
    Items {
        /// The items that were done, as the switch has them now.
        done: Vec<Value>,
        /// The items that failed: nothing has changed for them.
        failed: Vec<Failed>,
    },
    /// Of the one thing that was asked for: what was done, or why nothing was.
    Single(Result<String, String>),
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, outcome, left_alone, unavailable } = self;
        match outcome {
            Outcome::Items { done, failed } => {
                let errors: Vec<&str> = failed.iter().map(|failed| failed.error.as_str()).collect();
                write!(f, "Response({op}: {} done, failed {errors:?}", done.len())
            }
            Outcome::Single(result) => write!(f, "Response({op}: {result:?}"),
        }?;
        write!(f, ", left alone {left_alone:?}, {unavailable:?})")
    }
}

/// An item that failed.
#[derive(Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub error: String,
    /// What the item is called.
    pub noun: Noun,
    /// The item as it was sent.
    pub item: Value,
}

impl Serialize for Failed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("error", &self.error)?;
        map.serialize_entry(&self.noun, &self.item)?;
        map.end()
    }
}

/// Why a request cannot be carried out now. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no session with the switch.
    SwitchAway,
    /// The session was lost on the way.
    SwitchLost,
    /// What the switch reports cannot be read.
    Unreadable,
    /// Too many requests are waiting.
    Busy,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SwitchAway => "the switch is not connected; nothing was changed",
            Self::SwitchLost => "the connection to the switch was lost; nothing was changed",
            Self::Unreadable => "what the switch reports cannot be read; nothing was changed, and the log says more",
            Self::Busy => "too many changes are waiting; nothing was changed",
        })
    }
}
