//! Why the files of a certificate cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be used, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFault {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a file of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It may not be read.
    Forbidden,
    /// It cannot be read for another reason.
    Unreadable(io::ErrorKind),
    /// It is a folder, or something else that is no file.
    NoFile,
    /// Nothing that long is a certificate or a key.
    TooLarge,
    /// There is nothing in it.
    Empty,
    /// There is no PEM in it.
    NoPem,
    /// It holds a certificate, but not as PEM.
    DerCertificate,
    /// It holds a key, but not as PEM.
    DerKey,
    /// It is a PKCS#12 archive: certificate and key in one binary file.
    Archive,
    /// A piece of PEM in it is damaged.
    Damaged,
    /// There is no certificate in it, only these.
    NoCertificate(Vec<String>),
    /// There is a key in it, where a certificate should be.
    KeyInItsPlace,
    /// There is no key in it, only these.
    NoKey(Vec<String>),
    /// There is a certificate in it, where a key should be.
    CertificateInItsPlace,
    /// The key in it is encrypted.
    Encrypted,
    /// The key in it is of a kind that is not known, too short, or damaged.
    UnsuitableKey,
    /// The key in it does not belong to the certificate in this file.
    ForeignKey(PathBuf),
    /// The certificate at this place (from 1) is damaged, or none of today.
    Malformed(usize),
    /// The certificate for the key comes at this place (from 1), not first.
    NotFirst(usize),
    /// The certificate at this place (from 1) is not that of the issuer of the one before it.
    OutOfOrder(usize),
}

impl CertificateFault {
    pub(super) fn new(file: &Path, fault: Fault) -> Self {
        Self { file: file.to_owned(), fault }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file.display(), self.fault, self.remedy())
    }
}

impl std::error::Error for CertificateFault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "the file is not there",
            Self::Forbidden => "the file may not be read",
            Self::Unreadable(kind) => return write!(f, "the file cannot be read ({kind})"),
            Self::NoFile => "this is no file",
            Self::TooLarge => "the file is too long for a certificate or a key",
            Self::Empty => "the file is empty",
            Self::NoPem => "there is no PEM in the file: no line begins with -----BEGIN",
            Self::DerCertificate => "the certificate is in binary form (DER), not PEM",
            Self::DerKey => "the key is in binary form (DER), not PEM",
            Self::Archive => "this is a PKCS#12 archive (.p12, .pfx), not PEM",
            Self::Damaged => "the PEM is damaged: a piece is cut off, or is not base64",
            Self::NoCertificate(found) => {
                return write!(f, "there is no certificate in the file, only {}", list(found));
            }
            Self::KeyInItsPlace => "there is a key in the file where the certificate should be",
            Self::NoKey(found) => return write!(f, "there is no private key in the file, only {}", list(found)),
            Self::CertificateInItsPlace => "there is a certificate in the file where the key should be",
            Self::Encrypted => "the key is encrypted, and nobody is there to type its passphrase",
            Self::UnsuitableKey => "the key is damaged, or of a kind that is not supported",
            Self::ForeignKey(certificate) => {
                return write!(f, "the key does not belong to the certificate in {}", certificate.display());
            }
            Self::Malformed(place) => {
                return write!(f, "certificate {place} in the file is damaged, or no X.509 version 3");
            }
            Self::NotFirst(place) => {
                return write!(
                    f,
                    "the certificate that the key belongs to is number {place} in the file, not the first"
                );
            }
            Self::OutOfOrder(place) => {
                return write!(f, "certificate {place} in the file is not that of the issuer of number {}", place - 1);
            }
        };
        f.write_str(text)
    }
}

impl CertificateFault {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        let file = self.file.display();
        match &self.fault {
            Fault::Missing => "correct the path under [http], or put the file there".into(),
            Fault::Forbidden => "let the user that this program runs as read it, and enter all folders above it".into(),
            Fault::Unreadable(_) => "see to the file system".into(),
            Fault::NoFile | Fault::TooLarge => "name a PEM file under [http]".into(),
            Fault::Empty | Fault::Damaged | Fault::Malformed(_) => "write the file anew, as its issuer gave it".into(),
            Fault::NoPem => "name the file in PEM format that its issuer gave".into(),
            Fault::DerCertificate => format!("convert it: openssl x509 -inform DER -in {file} -out NEW.pem"),
            Fault::DerKey => format!("convert it: openssl pkey -inform DER -in {file} -out NEW.pem"),
            Fault::Archive => format!("convert it: openssl pkcs12 -in {file} -nodes -out NEW.pem, and name that as both"),
            Fault::NoCertificate(_) => "name the file with the certificate that the issuer gave, as `certificate`".into(),
            Fault::KeyInItsPlace => "name the certificate's file as `certificate` (FASTICERT), and this one as `key`".into(),
            Fault::NoKey(_) => "name the file with the private key, as `key`".into(),
            Fault::CertificateInItsPlace => "name the key's file as `key` (FASTIKEY), and this one as `certificate`".into(),
            Fault::Encrypted => format!("decrypt it: openssl pkey -in {file} -out NEW.pem, readable by this program only"),
            Fault::UnsuitableKey => {
                "use RSA with 2048 to 4096 bits, ECDSA on P-256 or P-384, or Ed25519, and have the certificate made for it"
                    .into()
            }
            Fault::ForeignKey(_) => "name the key that the certificate was requested with".into(),
            Fault::NotFirst(_) | Fault::OutOfOrder(_) => {
                "put the server's own certificate first, then that of its issuer, then that of the issuer's issuer".into()
            }
        }
    }
}

fn list(found: &[String]) -> String {
    found.join(", ")
}
