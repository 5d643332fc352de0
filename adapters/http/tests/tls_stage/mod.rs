//! A gate that speaks TLS on a loopback socket, and clients that speak it, too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "../../src/sample.rs"]
pub(crate) mod sample;
#[path = "../serving/mod.rs"]
mod serving;

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use digest_auth::AuthContext;
use fsconnector_http::{Asked, CertificateFiles, Current, Gate, GateConfig, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use smol::channel::{Receiver, bounded};
use tempfile::TempDir;

use serving::Serving;

/// The host that all certificates of the stage are for.
pub(crate) const HOST: &str = "conf.example.org";

/// Somebody who makes certificates: a root that clients trust, and below it the one that issues them.
pub(crate) struct Issuer {
    root: CertifiedIssuer<'static, KeyPair>,
    below: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) own: String,
    /// The one that issued it.
    pub(crate) issuers: String,
    pub(crate) key: String,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (params, key) = authority("Root");
        let root = CertifiedIssuer::self_signed(params, key).unwrap();
        let (params, key) = authority("Issuer");
        let below = CertifiedIssuer::signed_by(params, key, &root).unwrap();
        Self { root, below }
    }

    /// A certificate for [`HOST`].
    pub(crate) fn issue(&self) -> Pair {
        self.issue_with(|_| {})
    }

    /// The same, with something else about it.
    pub(crate) fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        change(&mut params);
        let own = params.signed_by(&key, &self.below).unwrap();
        Pair { own: own.pem(), issuers: self.below.pem(), key: key.serialize_pem() }
    }

    /// What a client trusts.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        roots
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }
}

impl Pair {
    /// The certificate with that of its issuer.
    pub(crate) fn chain(&self) -> String {
        format!("{}{}", self.own, self.issuers)
    }
}

/// A folder with the files of a certificate.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn files(&self) -> CertificateFiles {
        CertificateFiles { certificate: self.path("certificate.pem"), key: self.path("key.pem") }
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn put(&self, pair: &Pair) {
        self.write("certificate.pem", pair.chain());
        self.write("key.pem", &pair.key);
    }
}

/// A gate that serves until it is dropped.
pub(crate) struct Stage {
    /// First, so that it ends before what it serves goes.
    serving: Serving,
    pub(crate) address: SocketAddr,
    pub(crate) issuer: Issuer,
    pub(crate) folder: Folder,
    pub(crate) tls: Tls,
    pub(crate) asked: Receiver<Asked>,
    pub(crate) gate: Arc<Gate>,
}

/// A client that speaks TLS.
pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(GateConfig::default())
    }

    pub(crate) fn with(config: GateConfig) -> Self {
        let (issuer, folder) = (Issuer::new(), Folder::new());
        folder.put(&issuer.issue());
        let tls = Tls::open(folder.files(), Some(HOST.into())).unwrap();
        let current = Arc::new(Current::default());
        current.publish(sample::state());
        let (queue, asked) = bounded(16);
        let (listeners, _) = smol::channel::bounded(1);
        let gate = Arc::new(Gate::open(config, current, queue, listeners).unwrap());
        let serving = Serving::start(&gate, tls.clone());
        Self { address: serving.address, issuer, folder, tls, asked, gate, serving }
    }

    /// From now on the files of the certificate are looked at all the time.
    pub(crate) fn keep_current(&self) {
        let tls = self.tls.clone();
        self.serving.executor.spawn(async move { tls.keep_current(Duration::from_millis(2)).await }).detach();
    }

    /// Asks the gate to stop, without waiting for it.
    pub(crate) fn stop(&mut self) {
        self.serving.stop();
    }

    /// How clients are set up that trust the stage's certificate.
    pub(crate) fn client_config(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.issuer.roots())
            .with_no_client_auth()
    }

    /// A connection on which nobody has said anything yet.
    pub(crate) fn tcp(&self) -> TcpStream {
        patient(TcpStream::connect(self.address).unwrap())
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_with(self.client_config(&[&TLS12, &TLS13]))
    }

    /// Connects; the handshake is made with the first byte that is sent.
    pub(crate) fn connect_with(&self, config: impl Into<Arc<ClientConfig>>) -> Client {
        StreamOwned::new(connection(config), self.tcp())
    }
}

/// A failing test does not wait for ever.
pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The client's side of TLS.
pub(crate) fn connection(config: impl Into<Arc<ClientConfig>>) -> ClientConnection {
    ClientConnection::new(config.into(), ServerName::try_from(HOST).unwrap()).unwrap()
}

/// A request that anybody may send.
pub(crate) const PROBE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends that request, and reads its answer.
pub(crate) fn probe(client: &mut (impl std::io::Read + std::io::Write)) -> String {
    client.write_all(PROBE).unwrap();
    client.flush().unwrap();
    let (head, body) = answer(client);
    format!("{head}{}", String::from_utf8(body).unwrap())
}

/// Reads an answer: its head, and its body.
pub(crate) fn answer(client: &mut impl std::io::Read) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    (head, body)
}

/// A request of somebody who is logged in.
pub(crate) fn request(client: &mut Client, name: &str, method: &str, target: &str, rest: &str) {
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (head, _) = answer(client);
    let challenge = head.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: ")).unwrap();
    let method_name = digest_auth::HttpMethod(method.to_owned().into());
    let context = AuthContext::new_with_method(name, sample::PASSWORD, target, None::<&[u8]>, method_name);
    let authorization = digest_auth::parse(challenge).unwrap().respond(&context).unwrap();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{rest}");
    client.write_all(request.as_bytes()).unwrap();
}

/// Waits for a condition that comes about by itself.
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// One of the files in `tests/certificates`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)).unwrap()
}
