//! Text from clients, made fit for one line of a log.

use std::fmt;

use percent_encoding::percent_decode;

/// Shows bytes from outside in quotes, with everything escaped that is not a printable character.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        beginning(self.0, self.0.len(), f)
    }
}

/// Shows this, which is the beginning of something so long.
fn beginning(bytes: &[u8], whole: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const LONGEST: usize = 256;
    let shown = bytes.get(..LONGEST).unwrap_or(bytes);
    write!(f, "{:?}", String::from_utf8_lossy(shown))?;
    if shown.len() < whole { f.write_str("…") } else { Ok(()) }
}

/// Shows a path from outside as far as it is plain. A client that gets a query wrong, such as `?login=NAME:PASSWORD`, has it in the
/// path, as `%3Flogin%3D…`, `&login=…` or without more ado `/NAME:PASSWORD`: so what is behind a delimiter is left out.
pub(crate) struct ShownPath<'a>(pub(crate) &'a str);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        beginning(plain(self.0).as_bytes(), self.0.len(), f)
    }
}

/// The path up to the first delimiter, percent-encoded or not, once or twice.
pub(crate) fn plain(path: &str) -> &str {
    let encoded = |at: usize| path.get(at..at + 3).and_then(|text| percent_decode(text.as_bytes()).next());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-._~/@+ ".contains(&byte);
    let end = path.bytes().enumerate().find(|(at, byte)| match byte {
        b'%' => !encoded(*at).is_some_and(is_plain),
        other => !is_plain(*other),
    });
    end.and_then(|(end, _)| path.get(..end)).unwrap_or(path)
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
    #[test]
    fn of_a_path_only_what_is_plain_is_shown() {
        for plain in ["/", "/api/users/byname/J%C3%BCrgen%20M", "/polycom/00005e005301-app.log", "/日本/a~b_c.d@e+f"]
        {
            assert_eq!(ShownPath(plain).to_string(), format!("{plain:?}"));
        }
        for (path, shown) in [
            ("/api/live%3Flogin=admin:pw", "\"/api/live\"…"),
            ("/api/live%253flogin%253dadmin%253apw", "\"/api/live\"…"),
            ("/api/live&login=admin:pw", "\"/api/live\"…"),
            ("/api/live;login=admin:pw", "\"/api/live\"…"),
            ("/api/live/login=admin:pw", "\"/api/live/login\"…"),
            ("/api/live/admin%3apw", "\"/api/live/admin\"…"),
            ("//admin:pw@host/api/live", "\"//admin\"…"),
            ("/api/live%", "\"/api/live\"…"),
            ("/api/live%3", "\"/api/live\"…"),
            ("/api/live%ü=", "\"/api/live\"…"),
        ] {
            assert_eq!(ShownPath(path).to_string(), shown);
        }
        let long = format!("/{}?", "a".repeat(1000));
        assert_eq!(ShownPath(&long).to_string().chars().count(), 256 + 3);
    }
}
