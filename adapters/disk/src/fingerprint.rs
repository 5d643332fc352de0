//! Recognising a content without keeping it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::operations::Found;

/// The SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of `content`.
    pub(crate) fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The fingerprint of a file with its permission bits.
    pub(crate) fn with_mode(file: &Found) -> Self {
        let mut sum = Sha256::new();
        sum.update(file.access.mode.to_be_bytes());
        sum.update(&file.content);
        Self(sum.finalize().into())
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_was_written() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint));
    }

    #[test]
    fn anything_else_is_none() {
        let long = "0".repeat(65);
        let signs = "+0".repeat(32);
        let wide = "ü".repeat(32);
        for text in ["", "00", &long, &signs, &wide] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
