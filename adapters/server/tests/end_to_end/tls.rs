//! The program with a certificate.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fsconnector_simulator::Caller;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use tempfile::TempDir;

use crate::connector::{Connector, PATIENCE};
use crate::listener::Listener;
use crate::secrets;
use crate::stage::{ADMIN, Stage};

/// The host that certificates are for.
const HOST: &str = "conf.example.org";

/// A folder with a certificate, its key, and a configuration that names them.
struct Certified(TempDir);

impl Certified {
    fn new() -> Self {
        let certified = Self(tempfile::tempdir().unwrap());
        certified.renew();
        let folder = certified.path("").display().to_string();
        let text = format!(
            "[http]\nhostname = '{HOST}:4443'\ncertificate = '{folder}certificate.pem'\nkey = '{folder}key.pem'\n[metrics]\nport = 0\n"
        );
        fs::write(certified.path("fsconnector.toml"), text).unwrap();
        certified
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts another certificate there.
    fn renew(&self) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
        fs::write(self.path("certificate.pem"), cert.pem()).unwrap();
        fs::write(self.path("key.pem"), signing_key.serialize_pem()).unwrap();
        fs::set_permissions(self.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn config(&self) -> String {
        self.path("fsconnector.toml").to_string_lossy().into_owned()
    }
}

/// What curl fetches over TLS, trusting only this certificate, as soon as there is a state; nothing if there is no curl.
fn fetch(connector: &Connector, trusted: &Path, target: &str, arguments: &[&str]) -> Option<String> {
    let port = connector.address.port();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--retry", "60", "--digest", "--user"])
        .arg(format!("{}:{}", ADMIN.name, ADMIN.password))
        .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1"), "--cacert"])
        .arg(trusted)
        .args(arguments)
        .arg(format!("https://{HOST}:{port}{target}"))
        .output()
        .ok()?;
    secrets::learn(connector.address, |secrets| secrets.add_login(ADMIN));
    assert!(output.status.success(), "{target} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn curl_speaks_both_versions_of_tls_with_the_program() {
    let (stage, certified) = (Stage::new(), Certified::new());
    let mut connector = stage.connector_with(&["--config", &certified.config()]);
    connector.wait_for_line("certificate: for conf.example.org, valid from");
    connector.wait_for_line("listening on https://127.0.0.1:");
    for version in [&["--tlsv1.2", "--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let Some(answer) = fetch(&connector, &certified.path("certificate.pem"), "/api/users", version) else { return };
        assert!(answer.starts_with(r#"{"op":"users""#), "{answer}");
    }
    let (code, log) = connector.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn phones_are_sent_to_the_configured_host_by_https() {
    let (stage, certified) = (Stage::new(), Certified::new());
    let connector = stage.connector_with(&["--config", &certified.config()]);
    let trusted = certified.path("certificate.pem");
    let Some(_) = fetch(&connector, &trusted, "/api/users/reprov", &[]) else { return };
    let file = fetch(&connector, &trusted, "/linphone", &[]).unwrap();
    assert!(file.contains(">https://admin:change-me-at-once@conf.example.org:4443/linphone<"), "{file}");
}

#[test]
fn a_certificate_is_renewed_while_the_program_runs() {
    let (stage, certified) = (Stage::new(), Certified::new());
    let mut connector = stage.connector_with(&["--config", &certified.config()]);
    let probe = |trusted: &Path| fetch(&connector, trusted, "/livez", &[]);
    if probe(&certified.path("certificate.pem")).is_none() {
        return;
    }
    certified.renew();
    connector.wait_for_line("a new certificate is used from now on: for conf.example.org");
    fetch(&connector, &certified.path("certificate.pem"), "/livez", &[]).unwrap();
}

/// Listens over TLS as an administrator, trusting only this certificate.
fn listen(connector: &Connector, trusted: &Path) -> Listener<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let tls = ClientConnection::new(Arc::new(config.with_no_client_auth()), HOST.try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(connector.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let query = format!("?login={}:{}", ADMIN.name, ADMIN.password);
    Listener::open_on(StreamOwned::new(tls, stream), connector.address, &query, &[]).unwrap()
}

#[test]
fn a_listener_over_tls_hears_and_steers_and_stays_when_the_certificate_is_renewed() {
    let (stage, certified) = (Stage::with_example(), Certified::new());
    let mut connector = stage.connector_with(&["--config", &certified.config()]);
    connector.wait_for_line("users and 3 conferences");
    let mut listener = listen(&connector, &certified.path("certificate.pem"));
    assert_eq!(listener.init(), json!([]));
    stage.dial(Caller::user("20000"), "30000");
    listener.hear_until("floorchange");
    certified.renew();
    connector.wait_for_line("a new certificate is used from now on: for conf.example.org");
    let mut later = listen(&connector, &certified.path("certificate.pem"));
    listener.ask(r#"{"req":"exec","conference":"team","call":"lock"}"#);
    for listener in [&mut listener, &mut later] {
        listener.hear_until(r#"{"event":"lock","conference":"team"}"#);
        assert_eq!(listener.init()[0]["locked"], true);
    }
    connector.signal("-TERM");
    for listener in [listener, later] {
        assert_eq!(listener.end().0, 1001);
    }
    assert_eq!(connector.wait().0, Some(0));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start_and_by_the_check() {
    let (stage, certified) = (Stage::new(), Certified::new());
    fs::remove_file(certified.path("key.pem")).unwrap();
    let key = certified.path("key.pem").display().to_string();
    let started = stage.run(&["--config", &certified.config()], "");
    let log = String::from_utf8(started.stderr).unwrap();
    assert_eq!(started.status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("{key}: the file is not there: correct the path under [http]")), "{log}");
    let checked = stage.run(&["--config", &certified.config(), "check"], "");
    let findings = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{findings}");
    assert!(findings.contains(&format!("{key}\n  the file is not there — ")), "{findings}");
}
