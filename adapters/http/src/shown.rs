//! Text from clients, made fit for one line of a log.

use std::fmt;

/// Shows bytes from outside in quotes, with everything escaped that is not a printable character.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 256;
        let shown = self.0.get(..LONGEST).unwrap_or(self.0);
        write!(f, "{:?}", String::from_utf8_lossy(shown))?;
        if shown.len() < self.0.len() { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_other_controls_are_escaped_and_long_texts_cut() {
        assert_eq!(Shown(b"a\r\nb\x1b[2J\"\xff").to_string(), "\"a\\r\\nb\\u{1b}[2J\\\"\u{fffd}\"");
        assert_eq!(Shown("日本 ü".as_bytes()).to_string(), "\"日本 ü\"");
        assert_eq!(Shown(&[b'a'; 1000]).to_string().chars().count(), 256 + 3);
    }
}
