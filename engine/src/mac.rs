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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_form_however_it_is_written() {
        for written in ["0004F2AABBCC", "00:04:f2:aa:bb:cc", "00-04-F2-AA-BB-CC", "0004-f2aa-bbcc"] {
            assert_eq!(Mac::parse(written).map(|mac| mac.to_string()).as_deref(), Some("0004f2aabbcc"), "{written}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for other in [
            "",
            "none",
            "0004f2aabbc",
            "0004f2aabbccd",
            "0004f2aabbcg",
            ":0004f2aabbcc",
            "00::04f2aabbcc",
            "../04f2aabbcc",
        ] {
            assert_eq!(Mac::parse(other), None, "{other}");
        }
    }
}
