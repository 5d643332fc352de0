//! The name of one file in one folder.

use std::fmt;

/// What file systems can hold, in bytes.
const LONGEST: usize = 255;

/// A name that stands for a file in the folder it is looked up in, and for nothing else: not empty, without separators and
/// control characters, and not hidden. Editors, version control and half-written files use names that begin with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlainName(Box<str>);

impl PlainName {
    /// The name, if it is one.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let is_plain = !name.is_empty()
            && name.len() <= LONGEST
            && !name.starts_with('.')
            && !name.contains(|character: char| matches!(character, '/' | '\\') || character.is_control());
        is_plain.then(|| Self(name.into()))
    }

    /// The name as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows its last dot.
    pub(super) fn extension(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(_, extension)| extension)
    }
}

impl fmt::Display for PlainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_holds_anything_but_separators_and_controls() {
        let longest = "ü".repeat(127) + "a";
        for name in ["a", "a.wav", "a..b", "~", "-", "a b", "\"'&<%2e", "日本.wav", "a:b|c*?", longest.as_str()] {
            assert_eq!(PlainName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            ".",
            "..",
            ".a",
            "/",
            "a/b",
            "/a",
            "a/",
            "../a",
            "a\\b",
            "..\\a",
            "a\0",
            "a\nb",
            "a\rb",
            "a\tb",
            "a\u{7f}",
            "a\u{85}b",
            &"ü".repeat(128),
            &"a".repeat(256),
        ] {
            assert_eq!(PlainName::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        let extension = |name| PlainName::parse(name).unwrap().extension().map(str::to_owned);
        assert_eq!(extension("a.b.LD").as_deref(), Some("LD"));
        assert_eq!(extension("a."), Some(String::new()));
        assert_eq!(extension("ld"), None);
    }
}
