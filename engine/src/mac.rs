//! The hardware address of a phone.

use std::fmt;

/// A MAC address: 12 hexadecimal digits in small letters, as the files of a Polycom phone are named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(Box<str>);

impl Mac {
    /// Reads an address, with `:` or `-` between its digits or without.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
        let is_mac = digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit());
        let separated = text.split([':', '-']).all(|group| !group.is_empty());
        (is_mac && separated).then(|| Self(digits.to_ascii_lowercase().into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
