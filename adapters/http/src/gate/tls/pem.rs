//! What stands in a PEM file (RFC 7468).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::fault::{CertificateFault, Fault};

/// No longer file is read. A chain takes a few KiB.
const LONGEST: u64 = 1024 * 1024;

/// How a line begins that begins a section.
const BEGIN: &str = "-----BEGIN ";

/// A file as it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    /// Whether everybody on this computer may read it.
    pub(super) is_open_to_all: bool,
}

impl Raw {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, CertificateFault> {
        let fault = |fault| CertificateFault::new(path, fault);
        let failed = |error: io::Error| fault(Fault::from(error.kind()));
        // Opening a pipe would wait for somebody to write.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(fault(Fault::NoFile));
        }
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode();
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > LONGEST {
            return Err(fault(Fault::TooLarge));
        }
        Ok(Self { bytes, is_open_to_all: mode & 0o004 != 0 })
    }
}

impl From<io::ErrorKind> for Fault {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::IsADirectory => Self::NoFile,
            kind => Self::Unreadable(kind),
        }
    }
}

/// What a file holds.
pub(super) struct Sections {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
    /// The labels of all sections, also of those that nobody asked for.
    pub(super) labels: Vec<String>,
    /// Whether there is a key besides that nobody can use without its passphrase.
    pub(super) has_encrypted_key: bool,
}

impl Sections {
    /// Takes a file apart. Text between the sections is ignored, and so are sections of other kinds.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.trim_ascii().is_empty() {
            return Err(Fault::Empty);
        }
        // Some editors begin a file with the mark of UTF-8.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let labels = labels(bytes);
        if labels.is_empty() {
            return Err(without_pem(bytes));
        }
        let has_encrypted_key = has_encrypted_key(bytes, &labels);
        let mut sections = Self { certificates: Vec::new(), keys: Vec::new(), labels, has_encrypted_key };
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
            let (kind, der) = match section {
                Ok(section) => section,
                // In the older form it has lines that are not base64.
                Err(pem::Error::Base64Decode(_)) if has_encrypted_key => continue,
                Err(_) => return Err(Fault::Damaged),
            };
            match kind {
                SectionKind::Certificate => sections.certificates.push(der.into()),
                SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                    sections.keys.extend(PrivateKeyDer::from_pem(kind, der));
                }
                _ => {}
            }
        }
        Ok(sections)
    }
}

/// The labels of all sections, such as `CERTIFICATE`.
fn labels(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let labels = text.lines().filter_map(|line| line.strip_prefix(BEGIN)?.trim_end().strip_suffix("-----"));
    labels.map(|label| label.escape_debug().to_string()).collect()
}

/// Whether there is a key with a passphrase, in the form of PKCS#8 or in the older one of OpenSSL.
fn has_encrypted_key(bytes: &[u8], labels: &[String]) -> bool {
    let older = String::from_utf8_lossy(bytes).lines().any(|line| line.starts_with("Proc-Type: 4,ENCRYPTED"));
    older || labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
}

/// What a file without any PEM is instead.
fn without_pem(bytes: &[u8]) -> Fault {
    if X509Certificate::from_der(bytes).is_ok() {
        return Fault::DerCertificate;
    }
    // A key and an archive are both a sequence that begins with its version: 0 or 1, and 3.
    match x509_parser::der_parser::parse_der(bytes) {
        Ok((_, der)) => match der.as_sequence().ok().and_then(|items| items.first()?.as_u32().ok()) {
            Some(0 | 1) => Fault::DerKey,
            Some(3) => Fault::Archive,
            _ => Fault::NoPem,
        },
        Err(_) => Fault::NoPem,
    }
}
