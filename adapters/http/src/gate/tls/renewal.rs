//! Files that change: certificates are renewed every few weeks, and nobody restarts a program for that.

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::certificate::{Certificate, CertificateFiles, Fingerprint, RawFiles};
use super::doubt::CertificateDoubt;
use super::fault::CertificateFault;

/// Looks at the files of a certificate, again and again.
pub(super) struct Renewal {
    files: CertificateFiles,
    host: Option<String>,
    current: Certificate,
    memory: Memory,
    /// What the log was told of the current one.
    warned: Vec<CertificateDoubt>,
}

/// Which contents of the files were seen.
#[derive(Debug)]
struct Memory {
    in_use: Fingerprint,
    last_seen: Fingerprint,
    /// What was found to be of no use, and that was said.
    refused: Option<Fingerprint>,
}

impl Renewal {
    /// Begins with the certificate that is in use.
    pub(super) fn new(files: CertificateFiles, host: Option<String>, current: Certificate) -> Self {
        let memory = Memory { in_use: current.fingerprint, last_seen: current.fingerprint, refused: None };
        Self { files, host, current, memory, warned: Vec::new() }
    }

    /// Looks at the files. Gives a certificate if it is a new one.
    pub(super) async fn look(&mut self) -> Option<Certificate> {
        let files = self.files.clone();
        let raw = smol::unblock(move || RawFiles::read(&files)).await;
        let renewed = self.judge(raw);
        self.warn(SystemTime::now());
        renewed
    }

    fn judge(&mut self, raw: Result<RawFiles, CertificateFault>) -> Option<Certificate> {
        let seen = match &raw {
            Ok(raw) => raw.fingerprint(),
            Err(fault) => Sha256::digest(fault.to_string()).into(),
        };
        if !self.memory.is_worth_a_try(seen) {
            return None;
        }
        match raw.and_then(|raw| Certificate::from_raw(&self.files, &raw)) {
            Ok(certificate) => {
                log::info!("a new certificate is used from now on: {certificate}");
                self.memory.in_use = seen;
                self.warned.clear();
                self.current = certificate.clone();
                Some(certificate)
            }
            Err(fault) => {
                log::error!("the certificate has changed and cannot be used, the one before stays: {fault}");
                self.memory.refused = Some(seen);
                None
            }
        }
    }

    /// Warns of what is doubtful about the current certificate, and was not so before.
    pub(super) fn warn(&mut self, now: SystemTime) {
        let doubts = self.current.doubts(self.host.as_deref(), now);
        for doubt in doubts.iter().filter(|doubt| !self.warned.contains(doubt)) {
            log::warn!("{doubt}");
        }
        self.warned = doubts;
    }
}

impl Memory {
    /// Whether what is seen is new, has stayed as it is since the last look, and was not refused yet.
    fn is_worth_a_try(&mut self, seen: Fingerprint) -> bool {
        let has_settled = std::mem::replace(&mut self.last_seen, seen) == seen;
        if seen == self.in_use {
            self.refused = None;
        }
        has_settled && seen != self.in_use && self.refused != Some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_USE: Fingerprint = [0; 32];
    const GOOD: Fingerprint = [1; 32];
    const BAD: Fingerprint = [2; 32];
    const OTHER: Fingerprint = [3; 32];

    fn memory() -> Memory {
        Memory { in_use: IN_USE, last_seen: IN_USE, refused: None }
    }

    #[test]
    fn what_is_in_use_is_not_tried_again() {
        let mut memory = memory();
        assert!(![IN_USE; 3].into_iter().any(|seen| memory.is_worth_a_try(seen)));
    }

    #[test]
    fn what_is_new_is_tried_when_it_has_stayed_for_a_look() {
        let mut memory = memory();
        let tried = [OTHER, GOOD, GOOD].map(|seen| memory.is_worth_a_try(seen));
        assert_eq!(tried, [false, false, true]);
    }

    #[test]
    fn what_was_refused_is_tried_again_only_after_something_else_was_there() {
        let mut memory = memory();
        assert!([BAD, BAD].map(|seen| memory.is_worth_a_try(seen))[1]);
        memory.refused = Some(BAD);
        assert!(![BAD, BAD].into_iter().any(|seen| memory.is_worth_a_try(seen)));
        assert_eq!([IN_USE, BAD, BAD].map(|seen| memory.is_worth_a_try(seen)), [false, false, true]);
    }
}
