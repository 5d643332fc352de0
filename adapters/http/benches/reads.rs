//! Requests per second through the gate, over loopback sockets, with Digest and everything else.
//!
//! One thread plays a number of clients with a connection each: it sends a request on each, then reads all answers. The
//! gate has one thread as well, so on two cores each side has one.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use digest_auth::{AuthContext, WwwAuthenticateHeader};
use divan::Bencher;
use divan::counter::ItemsCount;
use fsconnector_engine::config::Config;
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Free, Info, State, User, UserId, Users};
use fsconnector_engine::time::Wall;
use fsconnector_http::{Current, Gate, GateConfig, Plain, serve};
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

#[divan::bench]
fn livez(bencher: Bencher<'_, '_>) {
    let gate = Running::start(30);
    let mut clients = connect(gate.address, "/livez");
    bencher.counter(ItemsCount::new(CLIENTS)).bench_local(|| {
        for client in &mut clients {
            client.stream.write_all(PROBE).unwrap();
        }
        clients.iter_mut().for_each(Client::read_answer);
    });
}

const PROBE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

fn measure(bencher: Bencher<'_, '_>, users: u32, target: &'static str) {
    let gate = Running::start(users);
    let mut clients = connect(gate.address, target);
    bencher.counter(ItemsCount::new(CLIENTS)).bench_local(|| {
        clients.iter_mut().for_each(Client::send_request);
        clients.iter_mut().for_each(Client::read_answer);
    });
}

/// A gate that serves until it is dropped.
struct Running {
    address: SocketAddr,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(users: u32) -> Self {
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
            smol::block_on(executor.run(serve(gate, listener, Plain, Arc::clone(&executor), stop)));
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

struct Client {
    stream: TcpStream,
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
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
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

    fn read_answer(&mut self) {
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
