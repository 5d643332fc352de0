//! A certificate that signs itself, for a look around: clients take it only when they are told to.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fsconnector_http::CertificateFiles;
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Makes a certificate for these hosts, names or addresses, and writes it and its key into the folder, where they must not
/// be yet. Nobody else can read the key.
pub(crate) fn write(folder: &Path, hosts: Vec<String>) -> Result<CertificateFiles, Box<dyn Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(hosts)?;
    let files = CertificateFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    fs::write(&files.certificate, cert.pem())?;
    write_secret(&files.key, &signing_key.serialize_pem())?;
    Ok(files)
}

fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use fsconnector_http::Certificate;

    use super::*;

    #[test]
    fn a_self_signed_certificate_is_beyond_doubt_for_its_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path(), vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        let certificate = Certificate::load(&files).unwrap();
        for host in ["localhost", "127.0.0.1"] {
            assert_eq!(certificate.doubts(Some(host), SystemTime::now()), []);
        }
        assert_eq!(certificate.doubts(Some("other.example"), SystemTime::now()).len(), 1);
    }
}
