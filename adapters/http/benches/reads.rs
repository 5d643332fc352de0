//! Requests per second through the gate, over loopback sockets, with Digest and everything else; and the same over TLS, with
//! what handshakes and large answers take there.
//!
//! One thread plays a number of clients with a connection each: it sends a request on each, then reads all answers. The
//! gate has one thread as well, so on two cores each side has one.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use digest_auth::{AuthContext, WwwAuthenticateHeader};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use fsconnector_engine::config::Config;
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Free, Info, State, User, UserId, Users};
use fsconnector_engine::time::Wall;
use fsconnector_http::{Acceptor, CertificateFiles, Current, Gate, GateConfig, Plain, Tls, serve};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use smol::Executor;
use smol::channel::{Sender, bounded};

fn main() {
    divan::main();
}

/// Clients that are busy at the same time.
const CLIENTS: usize = 32;

#[divan::bench(args = [30, 3_000])]
fn users(bencher: Bencher<'_, '_>, users: u32) {
    measure(bencher, users, "/api/users");
}

#[divan::bench(args = [30, 3_000])]
fn info(bencher: Bencher<'_, '_>, users: u32) {
    measure(bencher, users, "/api/info");
}

#[divan::bench(args = [30, 3_000])]
fn byid(bencher: Bencher<'_, '_>, users: u32) {
    measure(bencher, users, "/api/users/byid/20007");
}

#[divan::bench(args = [30, 3_000])]
fn users_over_tls(bencher: Bencher<'_, '_>, users: u32) {
    let identity = Identity::new();
    let gate = Running::start(users, identity.tls());
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| Client::over(identity.connect(gate.address), "/api/users")).collect();
    bencher.counter(ItemsCount::new(CLIENTS)).bench_local(|| {
        clients.iter_mut().for_each(Client::send_request);
        read_answers(&mut clients);
    });
}

/// What one answer of this size after the other takes, in bytes.
#[divan::bench(args = [false, true])]
fn large_answers(bencher: Bencher<'_, '_>, is_secure: bool) {
    let identity = Identity::new();
    if is_secure {
        let gate = Running::start(3_000, identity.tls());
        measure_bytes(bencher, &mut Client::over(identity.connect(gate.address), "/api/users"));
    } else {
        let gate = Running::start(3_000, Plain);
        measure_bytes(bencher, &mut Client::connect(gate.address, "/api/users"));
    }
}

fn measure_bytes<S: Read + Write>(bencher: Bencher<'_, '_>, client: &mut Client<S>) {
    client.send_request();
    let length = client.read_answer();
    bencher.counter(BytesCount::new(length)).bench_local(|| {
        client.send_request();
        client.read_answer()
    });
}

/// A connection, a handshake in full, and one request.
#[divan::bench]
fn handshakes(bencher: Bencher<'_, '_>) {
    let identity = Identity::new();
    let gate = Running::start(30, identity.tls());
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let mut client = identity.connect(gate.address);
        client.write_all(PROBE).unwrap();
        client.read_exact(&mut [0]).unwrap();
    });
}

#[divan::bench]
fn livez(bencher: Bencher<'_, '_>) {
    let gate = Running::start(30, Plain);
    let mut clients = connect(gate.address, "/livez");
    bencher.counter(ItemsCount::new(CLIENTS)).bench_local(|| {
        for client in &mut clients {
            client.stream.write_all(PROBE).unwrap();
        }
        read_answers(&mut clients);
    });
}

const PROBE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

fn measure(bencher: Bencher<'_, '_>, users: u32, target: &'static str) {
    let gate = Running::start(users, Plain);
    let mut clients = connect(gate.address, target);
    bencher.counter(ItemsCount::new(CLIENTS)).bench_local(|| {
        clients.iter_mut().for_each(Client::send_request);
        read_answers(&mut clients);
    });
}

fn read_answers<S: Read + Write>(clients: &mut [Client<S>]) {
    for client in clients {
        client.read_answer();
    }
}

/// A gate that serves until it is dropped.
struct Running {
    address: SocketAddr,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(users: u32, acceptor: impl Acceptor) -> Self {
        let current = Arc::new(Current::default());
        current.publish(state(users));
        let (queue, _asked) = bounded(1);
        let (listeners, _listening) = bounded(1);
        let gate = Arc::new(Gate::open(GateConfig::default(), current, queue, listeners).unwrap());
        let listener = smol::block_on(async_net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = bounded::<()>(1);
        let thread = thread::spawn(move || {
            let executor = Arc::new(Executor::new());
            let stop = async move {
                let _ = stopping.recv().await;
            };
            smol::block_on(executor.run(serve(gate, listener, acceptor, Arc::clone(&executor), stop)));
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        self.thread.take().map(JoinHandle::join).unwrap().unwrap();
    }
}

fn state(users: u32) -> Arc<State> {
    let config = Config::default();
    let user = |index: u32| User {
        id: UserId::parse(&(20_000 + index).to_string()).unwrap(),
        password: Secret::new(format!("password-{index:06}")),
        conpin: Secret::new("123456"),
        context: "team".into(),
        name: format!("User Number {index}").into(),
        email: format!("user.{index}@example.org").into(),
        polymac: "none".into(),
    };
    let free = config.contexts.iter().map(|context| Free {
        users: FreeNumbers::new(context.users, []),
        conferences: FreeNumbers::new(context.conferences, []),
    });
    Arc::new(State {
        info: Info { reload: None, maintenance: None, connected: true, since: Wall(0), version: "1.11".into() },
        globals: Arc::new(
            (0..60).map(|number| (format!("global_{number}"), "x".repeat(20))).collect::<BTreeMap<_, _>>(),
        ),
        users: Arc::new(Users::new((0..users).map(user).collect(), &config)),
        conference_types: Arc::new(["16kHz-novideo".into()]),
        conferences: Arc::new([]),
        free: free.collect(),
        config: Arc::new(config),
    })
}

/// Who the gate is, and whom clients trust.
struct Identity {
    folder: tempfile::TempDir,
    client: Arc<ClientConfig>,
}

impl Identity {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("certificate.pem"), cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut client = builder.with_no_client_auth();
        client.resumption = rustls::client::Resumption::disabled();
        Self { folder, client: Arc::new(client) }
    }

    fn tls(&self) -> Tls {
        let path = |name| self.folder.path().join(name);
        Tls::open(CertificateFiles { certificate: path("certificate.pem"), key: path("key.pem") }, None).unwrap()
    }

    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.client), ServerName::try_from(HOST).unwrap()).unwrap();
        StreamOwned::new(connection, stream)
    }
}

const HOST: &str = "conf.example.org";

struct Client<S = TcpStream> {
    stream: S,
    challenge: WwwAuthenticateHeader,
    context: AuthContext<'static>,
    target: &'static str,
    buffer: Vec<u8>,
}

fn connect(address: SocketAddr, target: &'static str) -> Vec<Client> {
    (0..CLIENTS).map(|_| Client::connect(address, target)).collect()
}

impl Client {
    fn connect(address: SocketAddr, target: &'static str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, target)
    }
}

impl<S: Read + Write> Client<S> {
    fn over(mut stream: S, target: &'static str) -> Self {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut buffer = vec![0; 1 << 20];
        let count = stream.read(&mut buffer).unwrap();
        let answer = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let challenge = answer.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: ")).unwrap();
        Self {
            stream,
            challenge: digest_auth::parse(challenge).unwrap(),
            context: AuthContext::new("User Number 1", "password-000001", target),
            target,
            buffer,
        }
    }

    fn send_request(&mut self) {
        let authorization = self.challenge.respond(&self.context).unwrap();
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n", self.target);
        self.stream.write_all(request.as_bytes()).unwrap();
    }

    /// Gives the length of the answer.
    fn read_answer(&mut self) -> usize {
        let mut filled = 0;
        let mut whole = usize::MAX;
        while filled < whole {
            let count = self.stream.read(&mut self.buffer[filled..]).unwrap();
            assert!(count > 0, "the gate closed the connection");
            filled += count;
            if whole == usize::MAX {
                whole = length(&self.buffer[..filled]).unwrap_or(usize::MAX);
            }
        }
        whole
    }
}

/// Of the whole answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let mut space = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut space);
    let httparse::Status::Complete(head) = response.parse(answer).unwrap() else { return None };
    assert_eq!(response.code, Some(200));
    let header = response.headers.iter().find(|header| header.name == "Content-Length").unwrap();
    Some(head + std::str::from_utf8(header.value).unwrap().parse::<usize>().unwrap())
}
