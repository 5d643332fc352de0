//! What the connector says to the switch.

use std::fmt;
use std::time::Duration;

use crate::secret::Secret;

/// The password of the event socket: without line breaks, which would begin another command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret);

impl Password {
    /// Takes a password; nothing if it holds a line break or a NUL.
    pub fn parse(password: &str) -> Option<Self> {
        (!password.contains(['\n', '\r', '\0'])).then(|| Self(Secret::new(password)))
    }

    /// The command that shows it to the switch.
    pub(super) fn auth(&self) -> String {
        format!("auth {}", self.0.expose())
    }
}

/// A command of the switch's console, sent as `api`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SwitchCommand {
    /// `version`: which FreeSWITCH it is.
    Version,
    /// `global_getvar`: all global variables.
    Globals,
    /// `xml_locate directory`: the users.
    Directory,
    /// `xml_locate configuration configuration name conference.conf`: the conference profiles.
    ConferenceProfiles,
    /// `xml_locate dialplan`: the conferences.
    Dialplan,
    /// `reloadxml`: read the configuration files anew. It may always be repeated.
    ReloadXml,
}

impl SwitchCommand {
    /// How long the switch may take to answer. Its slowest answer known is the directory of 2 700 users, 17 ms; but a
    /// switch whose disk is busy, or that holds its XML lock during a reload, takes its time.
    pub fn patience(self) -> Duration {
        Duration::from_secs(30)
    }
}

/// The command as it is typed on the switch's console.
impl fmt::Display for SwitchCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "version",
            Self::Globals => "global_getvar",
            Self::Directory => "xml_locate directory",
            Self::ConferenceProfiles => "xml_locate configuration configuration name conference.conf",
            Self::Dialplan => "xml_locate dialplan",
            Self::ReloadXml => "reloadxml",
        })
    }
}

/// The events the engine listens to: exactly those it uses.
pub const SUBSCRIPTION: &str = "event plain HEARTBEAT RELOADXML";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_cannot_smuggle_in_a_second_command() {
        assert_eq!(Password::parse("x\n\napi shutdown"), None);
        assert_eq!(Password::parse("x\r"), None);
        assert!(Password::parse("Clue Con").is_some());
    }
}
