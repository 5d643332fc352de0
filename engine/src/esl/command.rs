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

/// A word in a command of the switch: text that the switch takes as exactly this one word.
///
/// It holds no control character, quote or backslash, for the switch has its own ideas of these; one with blanks is sent
/// in single quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argument(Box<str>);

impl Argument {
    /// Takes a text; nothing if it cannot be one word.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |character: char| !character.is_control() && !matches!(character, '\'' | '"' | '\\');
        (!text.is_empty() && text.chars().all(fits)).then(|| Self(text.into()))
    }

    /// The text, without any quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The word as it stands in a command.
impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(' ') { write!(f, "'{}'", self.0) } else { f.write_str(&self.0) }
    }
}

/// The name of a conference, as the object of commands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConferenceArgument(Argument);

/// Words in the place of a conference's name that the switch takes for commands.
const COMMANDS: [&str; 6] = ["list", "count", "json_list", "xml_list", "help", "commands"];

impl ConferenceArgument {
    /// Takes the name of a conference; nothing if the switch would take it for something else.
    pub fn parse(name: &str) -> Option<Self> {
        let is_command = COMMANDS.iter().any(|command| name.eq_ignore_ascii_case(command));
        // With `^^` the switch is told another separator of words.
        let is_separator = name.starts_with("^^") || name.starts_with(' ') || name.ends_with(' ');
        if is_command || is_separator { None } else { Argument::parse(name).map(Self) }
    }

    /// The name, without any quotes.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The id of a member of a conference. The switch counts them over all conferences and gives none twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberId(pub u32);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a conference is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConferenceOrder {
    /// `lock`: nobody else gets in.
    Lock,
    /// `unlock`
    Unlock,
    /// `mute all`
    MuteAll,
    /// `kick all`
    KickAll,
    /// `mute ID`
    Mute(MemberId),
    /// `unmute ID`
    Unmute(MemberId),
    /// `kick ID`
    Kick(MemberId),
    /// `recording start FILE`
    StartRecording(Argument),
    /// `recording pause FILE`
    PauseRecording(Argument),
    /// `recording resume FILE`
    ResumeRecording(Argument),
    /// `recording stop FILE`
    StopRecording(Argument),
    /// `play FILE`: everybody in the conference hears this sound file of the switch.
    Play(&'static str),
}

impl fmt::Display for ConferenceOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock => f.write_str("lock"),
            Self::Unlock => f.write_str("unlock"),
            Self::MuteAll => f.write_str("mute all"),
            Self::KickAll => f.write_str("kick all"),
            Self::Mute(member) => write!(f, "mute {member}"),
            Self::Unmute(member) => write!(f, "unmute {member}"),
            Self::Kick(member) => write!(f, "kick {member}"),
            Self::StartRecording(file) => write!(f, "recording start {file}"),
            Self::PauseRecording(file) => write!(f, "recording pause {file}"),
            Self::ResumeRecording(file) => write!(f, "recording resume {file}"),
            Self::StopRecording(file) => write!(f, "recording stop {file}"),
            Self::Play(file) => write!(f, "play {file}"),
        }
    }
}

/// A command of the switch's console, sent as `api`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// `conference json_list`: the live conferences.
    LiveConferences,
    /// `show registrations as json`: the phones that are registered.
    Registrations,
    /// `conference NAME …`: one conference is told something.
    Conference(ConferenceArgument, ConferenceOrder),
}

impl SwitchCommand {
    /// How long the switch may take to answer. Its slowest answer known is the directory of 2 700 users, 17 ms; but a
    /// switch whose disk is busy, or that holds its XML lock during a reload, takes its time.
    pub fn patience(&self) -> Duration {
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
            Self::LiveConferences => "conference json_list",
            Self::Registrations => "show registrations as json",
            Self::Conference(name, order) => return write!(f, "conference {} {order}", name.0),
        })
    }
}

/// The events the engine listens to: exactly those it uses.
pub const SUBSCRIPTION: &str = "event plain HEARTBEAT RELOADXML CUSTOM conference::maintenance sofia::register \
                                sofia::unregister sofia::expire";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_cannot_smuggle_in_a_second_command() {
        assert_eq!(Password::parse("x\n\napi shutdown"), None);
        assert_eq!(Password::parse("x\r"), None);
        assert!(Password::parse("Clue Con").is_some());
    }

    #[test]
    fn a_name_with_a_blank_is_sent_in_single_quotes() {
        let told =
            |name: &str, order| SwitchCommand::Conference(ConferenceArgument::parse(name).unwrap(), order).to_string();
        assert_eq!(told("team", ConferenceOrder::Lock), "conference team lock");
        assert_eq!(told("My Conf", ConferenceOrder::Mute(MemberId(7))), "conference 'My Conf' mute 7");
        let file = Argument::parse("/rec/My Conf-2026.wav").unwrap();
        assert_eq!(
            told("My Conf", ConferenceOrder::StartRecording(file)),
            "conference 'My Conf' recording start '/rec/My Conf-2026.wav'"
        );
        assert_eq!(told("a;b", ConferenceOrder::Play("x.wav")), "conference a;b play x.wav");
    }

    #[test]
    fn a_name_that_the_switch_would_take_for_something_else_is_no_argument() {
        for bad in
            ["", "a'b", "a\"b", "a\\b", "a\nb", "a\u{7f}", "a\u{85}b", "list", "JSON_list", "help", "^^:x", " a", "a "]
        {
            assert_eq!(ConferenceArgument::parse(bad), None, "{bad:?}");
        }
        for good in ["lists", "Büro", "日本", "a^^b", "$x", "all"] {
            assert!(ConferenceArgument::parse(good).is_some(), "{good:?}");
        }
    }
}
