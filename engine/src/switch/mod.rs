//! What the switch tells of its configuration, and the state that follows from it.
//!
//! The switch is lenient with what people write, so these readers are too: whatever a user or an extension lacks or has
//! too much, it is listed with what is there, or passed over, and an [`Oddity`] says so. Only an answer that cannot be
//! taken apart at all is [`Unreadable`]; then the state before stays.

mod dialplan;
mod directory;
pub mod file;
mod globals;
mod profiles;
mod xml;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Config;
use crate::esl::command::SwitchCommand;
use crate::esl::reply::Reply;
use crate::numbers::{FreeNumbers, parse_number};
use crate::path::RelPath;
use crate::state::{Barred, Conference, Free, Globals, UserId, Users};

/// The questions of one reading, in the order in which they are asked.
pub const QUESTIONS: [SwitchCommand; 5] = [
    SwitchCommand::Version,
    SwitchCommand::Globals,
    SwitchCommand::Directory,
    SwitchCommand::ConferenceProfiles,
    SwitchCommand::Dialplan,
];

/// What the answers to one round of [`QUESTIONS`] say.
pub struct Reading {
    /// What the switch says of its version.
    pub version: String,
    /// The global variables.
    pub globals: Arc<Globals>,
    /// The users.
    pub users: Arc<Users>,
    /// The names of the conference profiles.
    pub conference_types: Arc<[String]>,
    /// The conferences.
    pub conferences: Arc<[Conference]>,
    /// The free numbers, by context in the order of the configuration.
    pub free: Arc<[Free]>,
    /// What did not fit.
    pub oddities: Vec<Oddity>,
}

/// The global variables hold passwords.
impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({} users, {} conferences)", self.users.len(), self.conferences.len())
    }
}

impl Reading {
    /// Reads the answers to [`QUESTIONS`]. `files` are those that exist where the connector writes: their numbers are
    /// taken, whether the switch shows them or not.
    pub fn new(config: &Config, replies: [Reply; 5], files: &[RelPath]) -> Result<Self, Unreadable> {
        let [version, globals, directory, profiles, dialplan] = bodies(replies)?;
        let mut oddities = Vec::new();
        let globals = globals::read(&globals).map_err(of(SwitchCommand::Globals))?;
        let users = directory::read(&directory, &mut oddities).map_err(of(SwitchCommand::Directory))?;
        let conference_types = profiles::read(&profiles).map_err(of(SwitchCommand::ConferenceProfiles))?;
        let dialplan = dialplan::read(&dialplan, config, &mut oddities).map_err(of(SwitchCommand::Dialplan))?;
        let users = Users::new(users, config);
        oddities.extend(users.repeated().map(|id| Oddity::UserTwice(id.clone())));
        oddities.extend(users.barred().map(|(user, why)| Oddity::Barred(user.id.clone(), why)));
        let used: Vec<u32> = users
            .iter()
            .filter_map(|user| user.id.number())
            .chain(dialplan.numbers)
            .chain(files.iter().filter_map(number_of_file))
            .collect();
        Ok(Self {
            version: String::from_utf8_lossy(&version).trim().to_owned(),
            globals: Arc::new(globals),
            users: Arc::new(users),
            conference_types: conference_types.into(),
            conferences: dialplan.conferences.into(),
            free: free_numbers(config, &used).into(),
            oddities,
        })
    }
}

fn bodies(replies: [Reply; 5]) -> Result<[Bytes; 5], Unreadable> {
    let mut bodies: [Bytes; 5] = Default::default();
    for ((body, reply), command) in bodies.iter_mut().zip(replies).zip(QUESTIONS) {
        *body = match reply {
            Reply::Answer(answer) => answer,
            Reply::Refused(text) => return Err(Unreadable { command, why: Trouble::Said(excerpt(text.as_bytes())) }),
        };
    }
    Ok(bodies)
}

fn of(command: SwitchCommand) -> impl FnOnce(Trouble) -> Unreadable {
    move |why| Unreadable { command, why }
}

fn number_of_file(path: &RelPath) -> Option<u32> {
    path.file_name().strip_suffix(".xml").and_then(parse_number)
}

fn free_numbers(config: &Config, used: &[u32]) -> Vec<Free> {
    let free = |range| FreeNumbers::new(range, used.iter().copied());
    config
        .contexts
        .iter()
        .map(|context| Free { users: free(context.users), conferences: free(context.conferences) })
        .collect()
}

/// Something in the switch's configuration that the connector cannot use, or not fully.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// A user lacks these of its properties.
    UserLacks(UserId, Vec<&'static str>),
    /// This many users of the directory have no id.
    UsersWithoutId(usize),
    /// A user is defined more than once.
    UserTwice(UserId),
    /// A user stands where the switch does not look for users.
    UserAstray(UserId),
    /// A user cannot log in.
    Barred(UserId, Barred),
    /// An extension with a conference that is none of ours.
    Misfit {
        /// The extension's name.
        extension: String,
        /// Why it does not fit.
        why: Misfit,
    },
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserLacks(id, what) => write!(f, "user {id:?} has no {}", what.join(", no "), id = id.as_str()),
            Self::UsersWithoutId(count) => {
                write!(f, "{count} user(s) of the directory have no id; they are passed over")
            }
            Self::UserTwice(id) => {
                write!(f, "user {:?} is defined more than once; the switch takes the first", id.as_str())
            }
            Self::UserAstray(id) => write!(
                f,
                "user {:?} stands outside of domain/groups/group/users; the switch does not find it there",
                id.as_str()
            ),
            Self::Barred(id, why) => write!(f, "user {:?} cannot log in: {why}", id.as_str()),
            Self::Misfit { extension, why } => write!(f, "extension {extension:?} is no conference of ours: {why}"),
        }
    }
}

/// Why an extension with a conference is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// It stands outside of `<context>`.
    OutsideOfContext,
    /// It has more than one conference.
    SeveralConferences,
    /// The data has no `@`, or nothing before or behind it.
    NoNameAndProfile,
    /// The name or profile is computed by the dialplan, or asks for a call (`bridge:`).
    NotPlain,
    /// No single `destination_number` condition, or its expression is more than a number.
    NoSingleNumber,
    /// The number is in no conference range.
    OutsideOfRanges,
    /// An extension before it has the same number.
    NumberTaken,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideOfContext => "it stands outside of <context>",
            Self::SeveralConferences => "it has more than one conference",
            Self::NoNameAndProfile => "its data is not NAME@PROFILE",
            Self::NotPlain => "its name or profile is not plain text",
            Self::NoSingleNumber => "its destination_number is not one number, as in ^30000$",
            Self::OutsideOfRanges => "its number is in no conference range",
            Self::NumberTaken => "an extension before it has the same number",
        })
    }
}

/// An answer of the switch that nothing can be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What was asked.
    pub command: SwitchCommand,
    /// What is wrong with the answer.
    pub why: Trouble,
}

/// What is wrong with an answer. The text never quotes from the directory or the variables, which hold passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The switch said this in place of an answer.
    Said(String),
    /// The XML breaks off or cannot be taken apart: at this byte, inside of these elements.
    NotWellFormed {
        /// The position in the answer.
        at: u64,
        /// The open elements, from the outside in.
        inside: String,
    },
    /// The answer is XML, but another element than this was asked for.
    NotA(&'static str),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the switch's answer to `{}` cannot be used: ", self.command)?;
        match &self.why {
            Trouble::Said(text) => write!(f, "it says {text:?}"),
            Trouble::NotWellFormed { at, inside } => {
                write!(f, "its XML is not well-formed at byte {at}, inside of {inside}; look for `<!` in a value there")
            }
            Trouble::NotA(element) => write!(f, "it is no {element}"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// The beginning of an answer that is no XML and no list of variables.
fn excerpt(answer: &[u8]) -> String {
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).chars().take(200).collect()
}
