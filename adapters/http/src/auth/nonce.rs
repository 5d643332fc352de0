//! Nonces that prove themselves, so that a client that never authenticates costs no memory.
//!
//! A nonce is 64 hexadecimal digits: when it was made, its serial number, and a message authentication code of both under
//! a key that lives as long as the program.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fsconnector_engine::time::Mono;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::digest::Hex;

/// How long a nonce can be used.
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);

/// A nonce of ours. They order by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nonce {
    issued: Mono,
    serial: u64,
}

impl Nonce {
    /// Whether its time is over.
    pub(crate) fn is_expired(self, now: Mono) -> bool {
        self.issued.after(LIFETIME) <= now
    }

    #[cfg(test)]
    pub(crate) fn made(issued: Mono, serial: u64) -> Self {
        Self { issued, serial }
    }
}

/// What a nonce that a client sent turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// We made it.
    Ours(Nonce),
    /// It has the form of ours, but not our code: made before a restart, or invented.
    Foreign,
    /// It does not even look like ours.
    Invented,
}

/// Makes nonces and knows them again.
pub(crate) struct Mint {
    keyed: Hmac<Sha256>,
    serial: AtomicU64,
}

impl Mint {
    /// `key` has to come from the operating system's randomness.
    pub(crate) fn new(key: &[u8; 64]) -> Self {
        Self { keyed: Hmac::new(key.into()), serial: AtomicU64::new(0) }
    }

    /// A new nonce.
    pub(crate) fn issue(&self, now: Mono) -> Hex {
        self.sealed(Nonce { issued: now, serial: self.serial.fetch_add(1, Ordering::Relaxed) })
    }

    /// What `text` is.
    pub(crate) fn recognise(&self, text: &[u8]) -> Provenance {
        let Some(nonce) = parse(text) else { return Provenance::Invented };
        let genuine: bool = self.sealed(nonce).as_bytes().ct_eq(text).into();
        if genuine { Provenance::Ours(nonce) } else { Provenance::Foreign }
    }

    fn sealed(&self, nonce: Nonce) -> Hex {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&nonce.issued.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&nonce.serial.to_be_bytes());
        let mut code = self.keyed.clone();
        code.update(&bytes[..16]);
        bytes[16..].copy_from_slice(&code.finalize().into_bytes()[..16]);
        Hex::of(&bytes)
    }
}

fn parse(text: &[u8]) -> Option<Nonce> {
    let text = std::str::from_utf8(text).ok()?;
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let number = |range| u64::from_str_radix(text.get(range)?, 16).ok();
    Some(Nonce { issued: Mono(number(0..16)?), serial: number(16..32)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono(7_000_000);

    #[test]
    fn a_nonce_is_known_again_for_five_minutes() {
        let mint = Mint::new(&[1; 64]);
        let Provenance::Ours(nonce) = mint.recognise(mint.issue(NOW).as_bytes()) else { panic!("not known again") };
        assert!(!nonce.is_expired(Mono(NOW.after(LIFETIME).0 - 1)));
        assert!(nonce.is_expired(NOW.after(LIFETIME)));
    }

    #[test]
    fn two_nonces_of_one_instant_differ() {
        let mint = Mint::new(&[1; 64]);
        assert_ne!(mint.issue(NOW).as_bytes(), mint.issue(NOW).as_bytes());
    }

    #[test]
    fn a_nonce_of_another_key_or_with_any_digit_changed_is_not_ours() {
        let mint = Mint::new(&[1; 64]);
        assert_eq!(mint.recognise(Mint::new(&[2; 64]).issue(NOW).as_bytes()), Provenance::Foreign);
        let genuine = mint.issue(NOW);
        for at in 0..64 {
            let mut changed = genuine.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(mint.recognise(&changed), Provenance::Foreign, "digit {at}");
        }
    }

    #[test]
    fn a_text_of_another_form_is_invented() {
        let mint = Mint::new(&[1; 64]);
        let upper = mint.issue(NOW).as_bytes().to_ascii_uppercase();
        for text in [&b""[..], b"00ff", &[b'g'; 64], &[0xff; 64], &[b'0'; 65], &upper] {
            assert_eq!(mint.recognise(text), Provenance::Invented, "{text:?}");
        }
    }
}
