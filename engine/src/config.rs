//! What the engine is told once, at its start: the contexts with their roles and number ranges.

use std::fmt;

use crate::access::Role;
use crate::esl::command::Argument;
use crate::path::RelPath;

/// The engine's configuration. [`Config::default`] has the three contexts of a fresh installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The contexts, in the order in which answers list them.
    pub contexts: Vec<Context>,
    /// The folder in which the switch is to record, as the switch knows it: an absolute path.
    pub recordings: String,
}

/// A group of users with a dialplan context of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The name in `user_context` and of the folder `directory/<name>`.
    pub name: ContextName,
    /// What its users may do.
    pub role: Role,
    /// Where the ids of its users come from.
    pub users: NumberRange,
    /// Where the numbers of its conferences come from.
    pub conferences: NumberRange,
}

impl Default for Config {
    fn default() -> Self {
        let context = |name: &str, role, thousand: u32| Context {
            name: ContextName(name.into()),
            role,
            users: NumberRange { first: 20_000 + thousand, last: 20_999 + thousand },
            conferences: NumberRange { first: 30_000 + thousand, last: 30_999 + thousand },
        };
        Self {
            contexts: vec![
                context("team", Role::Admin, 0),
                context("friends", Role::Member, 1_000),
                context("public", Role::Guest, 2_000),
            ],
            recordings: "/recordings".into(),
        }
    }
}

impl Config {
    /// The context of that name, if it is configured.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name.as_str() == name)
    }

    /// The context whose conference range holds `number`.
    pub fn conference_context(&self, number: u32) -> Option<&Context> {
        self.contexts.iter().find(|context| context.conferences.contains(number))
    }

    /// The folders of the configuration tree in which the connector has its files, each named by a number.
    pub fn folders(&self) -> Vec<RelPath> {
        let users = self.contexts.iter().map(|context| format!("directory/{}", context.name));
        let all = users.chain(["dialplan/conferences".to_owned()]);
        // A context's name is a plain file name, so none is left out.
        all.filter_map(|path| RelPath::parse(&path)).collect()
    }

    /// Checks what one value alone cannot show: every name once, an admin, and no number in two ranges; and that the
    /// switch can be told the folder of the recordings.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.recordings.starts_with('/') || Argument::parse(&self.recordings).is_none() {
            return Err(ConfigError::Recordings(self.recordings.clone()));
        }
        for (index, context) in self.contexts.iter().enumerate() {
            if self.contexts[..index].iter().any(|other| other.name == context.name) {
                return Err(ConfigError::ContextTwice(context.name.clone()));
            }
        }
        if !self.contexts.iter().any(|context| context.role == Role::Admin) {
            return Err(ConfigError::NoAdmin);
        }
        let mut ranges: Vec<(NumberRange, String)> = self.contexts.iter().flat_map(named_ranges).collect();
        ranges.sort();
        for pair in ranges.windows(2) {
            let [(lower, lower_name), (upper, upper_name)] = pair else { continue };
            if lower.last >= upper.first {
                let ranges = Box::new([(lower_name.clone(), *lower), (upper_name.clone(), *upper)]);
                return Err(ConfigError::Overlap(ranges));
            }
        }
        Ok(())
    }
}

fn named_ranges(context: &Context) -> [(NumberRange, String); 2] {
    [
        (context.users, format!("users of {}", context.name)),
        (context.conferences, format!("conferences of {}", context.name)),
    ]
}

/// The name of a context. It becomes a folder's name and stands in XML, so it is letters, digits, `_`, `-` and `.` only,
/// begins with none of the last two, and has at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextName(Box<str>);

impl ContextName {
    /// Reads a context's name.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        let fits = name.len() <= 64
            && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if fits { Ok(Self(name.into())) } else { Err(ConfigError::ContextName(name.into())) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberRange {
    first: u32,
    last: u32,
}

impl NumberRange {
    /// The range from `first` to `last`, both included.
    pub fn new(first: u32, last: u32) -> Result<Self, ConfigError> {
        if first <= last { Ok(Self { first, last }) } else { Err(ConfigError::EmptyRange { first, last }) }
    }

    /// The lowest number.
    pub fn first(self) -> u32 {
        self.first
    }

    /// The highest number.
    pub fn last(self) -> u32 {
        self.last
    }

    /// Whether `number` is in the range.
    pub fn contains(self, number: u32) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A name that cannot be a context's.
    ContextName(String),
    /// Two contexts have this name.
    ContextTwice(ContextName),
    /// No context has the role admin, so nobody could administer the system.
    NoAdmin,
    /// A folder of the recordings that the switch cannot be told.
    Recordings(String),
    /// A range that ends before it begins.
    EmptyRange {
        /// Where it should begin.
        first: u32,
        /// Where it should end.
        last: u32,
    },
    /// Two ranges, named by their use, share numbers.
    Overlap(Box<[(String, NumberRange); 2]>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContextName(name) => write!(
                f,
                "context name {name:?}: use letters, digits, `_`, `-` and `.`, beginning with a letter, a digit or `_`"
            ),
            Self::ContextTwice(name) => {
                write!(f, "context {name} is configured twice; give one of the two another name")
            }
            Self::NoAdmin => f.write_str("no context has the role admin; give it to one"),
            Self::Recordings(folder) => write!(
                f,
                "the folder of the recordings, {folder:?}, has to be an absolute path without quotes, backslashes and \
                 control characters: it stands in commands of the switch"
            ),
            Self::EmptyRange { first, last } => {
                write!(f, "the range {first}-{last} ends before it begins; write the lower number first")
            }
            Self::Overlap(ranges) => {
                let [(lower_name, lower), (upper_name, upper)] = ranges.as_ref();
                write!(f, "the ranges {lower_name} ({lower}) and {upper_name} ({upper}) overlap; make them disjoint")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_is_sound() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn overlapping_ranges_are_an_error_that_names_both() {
        let mut config = Config::default();
        config.contexts[2].conferences = NumberRange::new(21_999, 22_500).unwrap();
        let error = config.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "the ranges users of friends (21000-21999) and conferences of public (21999-22500) overlap; make them disjoint"
        );
    }

    #[test]
    fn a_configuration_without_an_admin_or_with_a_context_twice_is_refused() {
        let mut config = Config::default();
        config.contexts.remove(0);
        assert_eq!(config.check(), Err(ConfigError::NoAdmin));
        let mut config = Config::default();
        config.contexts.push(config.contexts[1].clone());
        assert!(matches!(config.check(), Err(ConfigError::ContextTwice(_))));
    }

    #[test]
    fn the_folder_of_the_recordings_can_stand_in_a_command() {
        let check = |folder: &str| Config { recordings: folder.into(), ..Config::default() }.check();
        assert_eq!(check("/srv/fs rec"), Ok(()));
        for bad in ["", "rec", "/a'b", "/a\"b", "/a\\b", "/a\nb"] {
            assert_eq!(check(bad), Err(ConfigError::Recordings(bad.into())));
        }
    }

    #[test]
    fn a_context_name_is_safe_as_a_file_name() {
        for good in ["team", "friends-2", "Büro", "_x", "a.b"] {
            assert!(ContextName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".x", "-x", "a/b", "a b", "a\n", "a\"b", "$x"] {
            assert!(ContextName::parse(bad).is_err(), "{bad}");
        }
    }
}
