//! Which values are allowed: what the real switch, and the formats around it, make of them.

use std::fmt;

use email_address::{EmailAddress, Options};

use crate::mac::Mac;
use crate::render::is_pin_reference;

/// The longest name of a user, in characters.
const NAME: usize = 128;
/// The longest address, in characters (RFC 5321).
const EMAIL: usize = 254;
/// The longest password, in characters.
const PASSWORD: usize = 128;
/// The longest name of a conference, in characters and in bytes.
const CONFERENCE_NAME: (usize, usize) = (64, 128);

/// What cannot be the name of a conference, since it is a command of `conference`.
const CONFERENCE_COMMANDS: [&str; 6] = ["list", "count", "json_list", "xml_list", "help", "commands"];

/// Why a value is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    Control,
    Variable,
    Markup,
    Preprocessor,
    TooLong(usize),
    Empty,
    Colon,
    OnlyDigits,
    NotDigits,
    NotAMac,
    ConferenceCharacters,
    ConferenceCommand,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("it holds a control character, such as a tab or a line break"),
            Self::Variable => f.write_str("it holds `${`, which the switch would expand"),
            Self::Markup => f.write_str("it holds `<!`, behind which the switch does not escape"),
            Self::Preprocessor => f.write_str("it holds `x-pre-process`, which the switch takes for a command"),
            Self::TooLong(most) => write!(f, "it is longer than {most} characters"),
            Self::Empty => f.write_str("it is empty"),
            Self::Colon => f.write_str("it holds a colon, which HTTP Digest cannot carry"),
            Self::OnlyDigits => f.write_str("it has only digits, like a number"),
            Self::NotDigits => f.write_str("use digits, $${modconpin} or $${defconpin}"),
            Self::NotAMac => f.write_str("use 12 hexadecimal digits, or none"),
            Self::ConferenceCharacters => {
                f.write_str("use up to 64 letters, digits, `_`, `.` and `-`, beginning with a letter, a digit or `_`")
            }
            Self::ConferenceCommand => f.write_str("it is a command of the switch"),
        }
    }
}

/// What holds for every value that is asked for.
fn plain(value: &str, most: usize) -> Result<(), Forbidden> {
    safe(value)?;
    if value.chars().count() > most { Err(Forbidden::TooLong(most)) } else { Ok(()) }
}

/// What holds for every value that is written, whoever has chosen it.
pub(crate) fn safe(value: &str) -> Result<(), Forbidden> {
    unexpanded(value, "${")
}

/// A PIN of a user that is written, whoever has chosen it.
pub(crate) fn safe_pin(value: &str) -> Result<(), Forbidden> {
    if is_pin_reference(value) { Ok(()) } else { safe(value) }
}

/// A PIN of a conference that is written. It may refer to a variable of the call, such as `${conpin}`, but not to one of
/// the switch.
pub(crate) fn safe_conference_pin(value: &str) -> Result<(), Forbidden> {
    unexpanded(value, "$${")
}

/// A value that the switch reads as it was written, where `reference` begins what it would expand.
fn unexpanded(value: &str, reference: &str) -> Result<(), Forbidden> {
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')) {
        Err(Forbidden::Control)
    } else if value.contains(reference) {
        Err(Forbidden::Variable)
    } else if value.contains("<!") {
        Err(Forbidden::Markup)
    } else if value.to_ascii_lowercase().contains("x-pre-process") {
        Err(Forbidden::Preprocessor)
    } else {
        Ok(())
    }
}

/// The name of a user.
pub(super) fn name(value: &str) -> Result<(), Forbidden> {
    plain(value, NAME)?;
    if value.is_empty() {
        Err(Forbidden::Empty)
    } else if value.contains(':') {
        Err(Forbidden::Colon)
    } else if value.chars().all(|c| c.is_ascii_digit()) {
        Err(Forbidden::OnlyDigits)
    } else {
        Ok(())
    }
}

/// A password.
pub(super) fn password(value: &str) -> Result<(), Forbidden> {
    plain(value, PASSWORD)
}

/// An address.
pub(super) fn email(value: &str) -> Result<(), Forbidden> {
    plain(value, EMAIL)
}

/// A PIN: digits, or one of the references.
pub(super) fn conpin(value: &str) -> Result<(), Forbidden> {
    if is_pin_reference(value) {
        return Ok(());
    }
    plain(value, PASSWORD)?;
    if value.chars().all(|c| c.is_ascii_digit()) { Ok(()) } else { Err(Forbidden::NotDigits) }
}

/// Whether the value contains an address such as `anna@example.org`, alone or among other words.
pub(super) fn contains_email(value: &str) -> bool {
    let around = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '(' | ')' | '"');
    value.split(around).any(is_address)
}

fn is_address(text: &str) -> bool {
    let strict = Options::default().with_required_tld().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(text, strict).is_ok()
}

/// The MAC of a phone in the form in which it is kept: 12 hexadecimal digits in small letters, or `none`.
pub(super) fn polymac(value: &str) -> Result<String, Forbidden> {
    if matches!(value, "" | "none") {
        return Ok("none".into());
    }
    Mac::parse(value).map(|mac| mac.as_str().to_owned()).ok_or(Forbidden::NotAMac)
}

/// The name of a conference, which becomes part of commands, of dialplan data and of file names.
pub(super) fn conference_name(value: &str) -> Result<(), Forbidden> {
    let (characters, bytes) = CONFERENCE_NAME;
    let fits = value.chars().count() <= characters
        && value.len() <= bytes
        && value.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !fits {
        Err(Forbidden::ConferenceCharacters)
    } else if CONFERENCE_COMMANDS.contains(&value) {
        Err(Forbidden::ConferenceCommand)
    } else {
        safe(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_switch_returns_unchanged_is_allowed() {
        for good in [
            "A & B <\"'>",
            "Анна",
            "日本",
            "🎧",
            "a]]>b",
            "x\" value=\"y",
            "O'Neil",
            "&amp;",
            "C\\x",
            "100%",
            "{x}",
            "a$b",
        ] {
            assert_eq!(name(good), Ok(()), "{good}");
            assert_eq!(password(good), Ok(()), "{good}");
        }
        assert_eq!(password("a:b"), Ok(()));
        assert_eq!(password("4711"), Ok(()));
    }

    #[test]
    fn what_the_switch_would_change_or_break_on_is_not_allowed() {
        for (bad, why) in [
            ("$${es_pw}", Forbidden::Variable),
            ("<!--x", Forbidden::Markup),
            ("X-Pre-Process", Forbidden::Preprocessor),
            ("a\tb", Forbidden::Control),
            ("a\nb", Forbidden::Control),
            ("a\0b", Forbidden::Control),
            ("a\u{85}b", Forbidden::Control),
            ("a\u{FFFE}b", Forbidden::Control),
        ] {
            assert_eq!(name(bad), Err(why), "{bad:?}");
            assert_eq!(password(bad), Err(why), "{bad:?}");
            assert_eq!(email(bad), Err(why), "{bad:?}");
        }
        assert_eq!(name("a:b"), Err(Forbidden::Colon));
        assert_eq!(name(""), Err(Forbidden::Empty));
        assert_eq!(name("4711"), Err(Forbidden::OnlyDigits));
        assert_eq!(name(&"ü".repeat(128)), Ok(()));
        assert_eq!(name(&"ü".repeat(129)), Err(Forbidden::TooLong(128)));
    }

    #[test]
    fn a_pin_is_digits_or_one_of_the_two_references() {
        for good in ["", "0815", "$${modconpin}", "$${defconpin}"] {
            assert_eq!(conpin(good), Ok(()), "{good}");
        }
        assert_eq!(conpin("12a"), Err(Forbidden::NotDigits));
        assert_eq!(conpin("$${es_pw}"), Err(Forbidden::Variable));
        assert_eq!(conpin("$${modconpin}$${es_pw}"), Err(Forbidden::Variable));
    }

    #[test]
    fn an_address_is_found_among_other_words() {
        for good in
            ["anna@example.org", "Anna <anna.b+c@mail.example.org>", "anna@example.org, home", "jörg@büro.example"]
        {
            assert!(contains_email(good), "{good}");
        }
        for bad in ["", "anna", "a@b", "@example.org", "a@", "a@.org", "a@-b.org", "a..b@c.org", "a b@c"] {
            assert!(!contains_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_mac_is_kept_in_one_form() {
        for good in ["0004F2AABBCC", "00:04:f2:aa:bb:cc", "00-04-f2-aa-bb-cc"] {
            assert_eq!(polymac(good).as_deref(), Ok("0004f2aabbcc"));
        }
        assert_eq!(polymac("").as_deref(), Ok("none"));
        for bad in ["0004f2aabbc", "0004f2aabbcg", "00::04f2aabbcc", "../../etc/pas"] {
            assert_eq!(polymac(bad), Err(Forbidden::NotAMac), "{bad}");
        }
    }

    #[test]
    fn a_conference_name_does_not_make_the_switch_lose_its_line() {
        for bad in ["X-PRE-PROCESS", "my_x-Pre-Process-2"] {
            assert_eq!(conference_name(bad), Err(Forbidden::Preprocessor), "{bad}");
        }
    }

    #[test]
    fn a_conference_name_is_safe_wherever_it_stands() {
        for good in ["team", "Büro-2", "_x.y", "会議", "3d"] {
            assert_eq!(conference_name(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "-x", ".x", "a@b", "a+b", "a'b", "a/b", "a\nb", "🎧", &"a".repeat(65), &"会".repeat(43)]
        {
            assert_eq!(conference_name(bad), Err(Forbidden::ConferenceCharacters), "{bad}");
        }
        assert_eq!(conference_name("list"), Err(Forbidden::ConferenceCommand));
    }
}
