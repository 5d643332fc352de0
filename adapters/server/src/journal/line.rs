//! What a line of the log looks like.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::SystemTime;

use jiff::Timestamp;
use log::Level;

/// Time, level and text, with a line feed behind them.
pub(super) fn line(level: Level, text: impl Display) -> String {
    // A clock that is off by thousands of years is wrong in any case.
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    format!("{now:.3} {level:5} {}\n", one_line(&text.to_string()))
}

/// The text as one line that looks like what it is: a client's text cannot begin a line, steer a terminal, or turn
/// around the order in which characters are shown.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.push(' '),
            _ if is_deceptive(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown.into()
}

/// Control characters, line and paragraph separators, and what governs the direction of writing (Unicode's `Cc`, `Zl`, `Zp`
/// and `Bidi_Control`).
fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    ) || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_the_time_in_milliseconds_and_the_level() {
        let line = line(Level::Warn, "a\nb");
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, "WARN  a b\n");
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    }

    #[test]
    fn no_text_makes_two_lines_or_steers_the_terminal_or_runs_backwards() {
        for (text, shown) in [
            ("plain \"日本\" \\", "plain \"日本\" \\"),
            ("a\r\n2026-11-23 INFO forged", "a  2026-11-23 INFO forged"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{202e}nimda\u{2066}\u{200f}", "\\u{202e}nimda\\u{2066}\\u{200f}"),
        ] {
            assert_eq!(one_line(text), shown);
        }
    }
}
