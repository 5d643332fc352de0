//! What may be wrong with a certificate that can be used.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

/// A file that can be used, and what is doubtful about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDoubt {
    /// The file.
    pub file: PathBuf,
    /// What is doubtful.
    pub doubt: Doubt,
}

/// What can be doubtful about a certificate: clients may refuse it, or others know its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is valid only from this time on.
    NotYetValid(Timestamp),
    /// It was valid until this time.
    Expired(Timestamp),
    /// It is valid until this time, which is soon, and nobody has renewed it.
    ExpiresSoon(Timestamp),
    /// It is not for the host that clients ask for.
    OtherHost {
        /// What clients ask for.
        host: String,
        /// What it is for.
        names: Vec<String>,
    },
    /// It says where its issuer's certificate is to be had, and that is not in the file.
    NoChain,
    /// Everybody on this computer can read the key.
    OpenKey,
}

impl fmt::Display for CertificateDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file.display(), self.doubt, self.remedy())
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYetValid(from) => write!(f, "the certificate is valid only from {from} on"),
            Self::Expired(at) => write!(f, "the certificate has expired at {at}"),
            Self::ExpiresSoon(at) => write!(f, "the certificate expires at {at}, and was not renewed yet"),
            Self::OtherHost { host, names } if names.is_empty() => {
                write!(f, "the certificate names no host, so it is not for {host}")
            }
            Self::OtherHost { host, names } => write!(f, "the certificate is for {}, not for {host}", names.join(", ")),
            Self::NoChain => f.write_str("the certificate comes without that of its issuer, which many phones need"),
            Self::OpenKey => f.write_str("everybody on this computer can read the key"),
        }
    }
}

impl CertificateDoubt {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match &self.doubt {
            Doubt::NotYetValid(_) => "clients refuse it until then; see whether this computer's clock is right".into(),
            Doubt::Expired(_) => "clients refuse it; have it renewed, it is taken over without a restart".into(),
            Doubt::ExpiresSoon(_) => "see why; once it is, it is taken over without a restart".into(),
            Doubt::OtherHost { .. } => {
                "clients refuse it; correct `hostname`, or have a certificate made for it".into()
            }
            Doubt::NoChain => "name the file with the full chain (fullchain.pem of certbot)".into(),
            Doubt::OpenKey => format!("chmod o= {}", self.file.display()),
        }
    }
}
