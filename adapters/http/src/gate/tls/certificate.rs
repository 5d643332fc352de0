//! A certificate with its chain and its key, as two files hold them.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use super::doubt::{CertificateDoubt, Doubt};
use super::fault::{CertificateFault, Fault};
use super::pem::{Raw, Sections};

/// A certificate that has less left than this, and less than a tenth of its whole life, is about to expire.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Where a certificate and its key are. Both may be in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, followed by those of its issuers (PEM).
    pub certificate: PathBuf,
    /// The key (PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase).
    pub key: PathBuf,
}

/// What tells one content of the files from another.
pub(super) type Fingerprint = [u8; 32];

/// The files as they are.
pub(super) struct RawFiles {
    certificate: Raw,
    key: Raw,
}

/// A certificate that servers can show, with its chain and its key.
#[derive(Clone)]
pub struct Certificate {
    files: CertificateFiles,
    pub(super) fingerprint: Fingerprint,
    chain_and_key: Arc<CertifiedKey>,
    facts: Facts,
    has_open_key: bool,
}

/// What a certificate says.
#[derive(Clone, Debug)]
struct Facts {
    names: Vec<String>,
    from: Timestamp,
    until: Timestamp,
    /// Whether an issuer's certificate is to be had, and is not in the file.
    lacks_chain: bool,
}

impl RawFiles {
    pub(super) fn read(files: &CertificateFiles) -> Result<Self, CertificateFault> {
        Ok(Self { certificate: Raw::read(&files.certificate)?, key: Raw::read(&files.key)? })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for file in [&self.certificate, &self.key] {
            hash.update((file.bytes.len() as u64).to_be_bytes());
            hash.update(&file.bytes);
        }
        hash.update([u8::from(self.key.is_open_to_all)]);
        hash.finalize().into()
    }
}

impl Certificate {
    /// Reads the files. Whatever of them cannot be used is a fault; the first one is given.
    pub fn load(files: &CertificateFiles) -> Result<Self, CertificateFault> {
        Self::from_raw(files, &RawFiles::read(files)?)
    }

    pub(super) fn from_raw(files: &CertificateFiles, raw: &RawFiles) -> Result<Self, CertificateFault> {
        let of_certificate = |fault| CertificateFault::new(&files.certificate, fault);
        let of_key = |fault| CertificateFault::new(&files.key, fault);
        let chain = chain(&raw.certificate.bytes).map_err(of_certificate)?;
        let keys = keys(&raw.key.bytes).map_err(of_key)?;
        let facts = facts(&chain).map_err(of_certificate)?;
        let key = fitting_key(keys, &chain, &files.certificate).map_err(|misfit| match misfit {
            Fault::NotFirst(_) => of_certificate(misfit),
            _ => of_key(misfit),
        })?;
        check_order(&chain).map_err(of_certificate)?;
        Ok(Self {
            files: files.clone(),
            fingerprint: raw.fingerprint(),
            chain_and_key: Arc::new(CertifiedKey::new(chain, key)),
            facts,
            has_open_key: raw.key.is_open_to_all,
        })
    }

    /// What clients or administrators may find fault with at that time. `host`, a name or an address without a port, is what
    /// clients ask for, if that is known.
    pub fn doubts(&self, host: Option<&str>, now: SystemTime) -> Vec<CertificateDoubt> {
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::MAX);
        let other_host = host.filter(|host| !self.is_for(host)).map(|host| {
            let (host, names) = (host.to_owned(), self.facts.names.clone());
            Doubt::OtherHost { host, names }
        });
        let chain = self.facts.lacks_chain.then_some(Doubt::NoChain);
        let of_certificate = self.facts.doubt_at(now).into_iter().chain(other_host).chain(chain);
        let of_certificate =
            of_certificate.map(|doubt| CertificateDoubt { file: self.files.certificate.clone(), doubt });
        let of_key =
            self.has_open_key.then(|| CertificateDoubt { file: self.files.key.clone(), doubt: Doubt::OpenKey });
        of_certificate.chain(of_key).collect()
    }

    /// Whether a client that asks for this host takes it.
    fn is_for(&self, host: &str) -> bool {
        let parsed = self.chain_and_key.end_entity_cert().and_then(ParsedCertificate::try_from);
        let (Ok(certificate), Ok(name)) = (parsed, ServerName::try_from(host)) else { return false };
        rustls::client::verify_server_name(&certificate, &name).is_ok()
    }

    pub(super) fn chain_and_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.chain_and_key)
    }
}

/// What it is for, and until when it is valid.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { names, from, until, .. } = &self.facts;
        let names = if names.is_empty() { "no host".into() } else { names.join(", ") };
        write!(f, "for {names}, valid from {from} until {until}")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Facts {
    fn doubt_at(&self, now: Timestamp) -> Option<Doubt> {
        let (life, left) = (self.until.as_second() - self.from.as_second(), self.until.as_second() - now.as_second());
        if now < self.from {
            Some(Doubt::NotYetValid(self.from))
        } else if left < 0 {
            Some(Doubt::Expired(self.until))
        } else if left < SOON && left < life / 10 {
            Some(Doubt::ExpiresSoon(self.until))
        } else {
            None
        }
    }
}

/// The certificates in the certificate's file; there is at least one.
fn chain(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    match Sections::of(bytes) {
        Ok(Sections { certificates, .. }) if !certificates.is_empty() => Ok(certificates),
        Ok(Sections { keys, has_encrypted_key, .. }) if has_encrypted_key || !keys.is_empty() => {
            Err(Fault::KeyInItsPlace)
        }
        Ok(Sections { labels, .. }) => Err(Fault::NoCertificate(labels)),
        Err(Fault::DerKey) => Err(Fault::KeyInItsPlace),
        Err(fault) => Err(fault),
    }
}

/// The keys in the key's file; there is at least one.
fn keys(bytes: &[u8]) -> Result<Vec<PrivateKeyDer<'static>>, Fault> {
    match Sections::of(bytes) {
        Ok(Sections { keys, .. }) if !keys.is_empty() => Ok(keys),
        Ok(Sections { has_encrypted_key: true, .. }) => Err(Fault::Encrypted),
        Ok(Sections { certificates, .. }) if !certificates.is_empty() => Err(Fault::CertificateInItsPlace),
        Ok(Sections { labels, .. }) => Err(Fault::NoKey(labels)),
        Err(Fault::DerCertificate) => Err(Fault::CertificateInItsPlace),
        Err(fault) => Err(fault),
    }
}

/// The key of the first certificate.
fn fitting_key(
    keys: Vec<PrivateKeyDer<'static>>,
    chain: &[CertificateDer<'static>],
    certificate: &Path,
) -> Result<Arc<dyn SigningKey>, Fault> {
    let provider = ring::default_provider().key_provider;
    let usable: Vec<_> = keys.into_iter().filter_map(|key| provider.load_private_key(key).ok()).collect();
    if usable.is_empty() {
        return Err(Fault::UnsuitableKey);
    }
    for (index, certificate) in chain.iter().enumerate() {
        let fits = |key: &&Arc<dyn SigningKey>| {
            CertifiedKey::new(vec![certificate.clone()], Arc::clone(key)).keys_match().is_ok()
        };
        match usable.iter().find(fits) {
            Some(key) if index == 0 => return Ok(Arc::clone(key)),
            Some(_) => return Err(Fault::NotFirst(index + 1)),
            None => {}
        }
    }
    Err(Fault::ForeignKey(certificate.to_owned()))
}

/// Each certificate is that of the issuer of the one before it.
fn check_order(chain: &[CertificateDer<'static>]) -> Result<(), Fault> {
    let mut issuer: Option<Vec<u8>> = None;
    for (index, der) in chain.iter().enumerate() {
        let certificate = parse(der, index)?;
        if issuer.is_some_and(|issuer| issuer != certificate.subject().as_raw()) {
            return Err(Fault::OutOfOrder(index + 1));
        }
        issuer = Some(certificate.issuer().as_raw().to_vec());
    }
    Ok(())
}

/// What the first certificate says; all have to be whole.
fn facts(chain: &[CertificateDer<'static>]) -> Result<Facts, Fault> {
    for (index, der) in chain.iter().enumerate() {
        parse(der, index)?;
    }
    let certificate = parse(chain.first().ok_or(Fault::Empty)?, 0)?;
    let validity = certificate.validity();
    let time = |seconds| Timestamp::from_second(seconds).map_err(|_| Fault::Malformed(1));
    Ok(Facts {
        names: names(&certificate),
        from: time(validity.not_before.timestamp())?,
        until: time(validity.not_after.timestamp())?,
        lacks_chain: chain.len() == 1 && has_issuer_elsewhere(&certificate),
    })
}

/// Reads the certificate at a place in the file, as strictly as clients do.
fn parse<'a>(der: &'a CertificateDer<'_>, index: usize) -> Result<X509Certificate<'a>, Fault> {
    let malformed = Fault::Malformed(index + 1);
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Err(malformed) };
    let is_strict = certificate.version() == X509Version::V3 && ParsedCertificate::try_from(der).is_ok();
    // Roots at the end of a chain may be old; nobody reads them.
    let is_root = certificate.issuer().as_raw() == certificate.subject().as_raw();
    if is_strict || (index > 0 && is_root) { Ok(certificate) } else { Err(malformed) }
}

/// The hosts that a certificate is for.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.escape_debug().to_string()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    });
    names.collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Whether a certificate says where that of its issuer is to be had.
fn has_issuer_elsewhere(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|access| access.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}
