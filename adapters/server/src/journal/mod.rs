//! The log: one line each on standard error. `RUST_LOG` says how much; without it, whatever matters.
//!
//! Nobody here waits for whoever reads it: lines go into an [`outbox`].

mod outbox;

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::panic;
use std::thread;
use std::time::Duration;

use env_logger::{Env, Target};
use log::Level;

use outbox::Outbox;

/// How long the end of the program waits for its last lines to be read.
const LAST_LINES: Duration = Duration::from_millis(500);

/// The open log. Dropped, it sees to it that the last lines get out, if anybody takes them.
pub(crate) struct Journal(Outbox);

/// Begins to log.
pub(crate) fn open() -> io::Result<Journal> {
    let outbox = Outbox::to(io::stderr())?;
    env_logger::Builder::from_env(Env::default().default_filter_or("info"))
        .target(Target::Pipe(Box::new(outbox.clone())))
        .format(|line, record| {
            if !is_fit(record.target(), record.level()) {
                return Ok(());
            }
            let text = record.args().to_string();
            writeln!(line, "{} {:5} {}", line.timestamp_millis(), record.level(), one_line(&text))
        })
        .init();
    panic::set_hook(Box::new(tell_of_a_panic));
    Ok(Journal(outbox))
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.0.drain(LAST_LINES);
    }
}

/// Whether what a crate says at this level may be in the log. What others trace are the bytes of clients, and those hold
/// passwords.
fn is_fit(target: &str, level: Level) -> bool {
    level <= Level::Info || target.starts_with("fsconnector")
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

/// One line, and without the text of the panic, which can hold a value that the program was at, a password for instance.
fn tell_of_a_panic(panic: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    log::error!("an error in the program: its thread {name} panicked at {place}; please report this line");
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn other_crates_say_what_matters_and_trace_nothing() {
        assert!(is_fit("fsconnector_http::gate", Level::Trace));
        assert!(is_fit("tiny_http", Level::Info));
        assert!(!is_fit("tungstenite::protocol", Level::Debug));
    }
}
