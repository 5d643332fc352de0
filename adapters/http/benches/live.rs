//! Events per second to listeners, over loopback sockets, and how long one takes.
//!
//! One thread plays all clients; it counts bytes, and does not look at them. The gate has one thread as well, and the engine
//! is played by the benchmark's own.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use fsconnector_engine::access::Roles;
use fsconnector_engine::live::listener::{Frame, Notice};
use fsconnector_http::{Current, FromListener, Gate, GateConfig, Plain, serve};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use smol::Executor;
use smol::channel::bounded;

#[path = "../src/sample.rs"]
mod sample;

fn main() {
    divan::main();
}

/// An event of the usual length.
const EVENT: &[u8] =
    br#"{"event":"newMember","conference":"team","data":{"name":"Jane Doe","id":"20001","confid":"117","mute":false}}"#;

/// Of a frame on the wire: the event and two bytes before it.
const FRAME: usize = EVENT.len() + 2;

/// How many events are told before anybody waits for them.
const BURST: usize = 20_000;

/// Messages of a burst to so many listeners.
#[divan::bench(args = [1, 10, 50, 200], sample_count = 10)]
fn burst(bencher: Bencher<'_, '_>, listeners: usize) {
    let running = Running::start(listeners);
    bencher.counter(ItemsCount::new(BURST * listeners)).bench_local(|| running.tell(BURST));
}

/// What the engine's thread spends on telling them, with nobody waiting for it.
#[divan::bench(args = [0, 1, 50], sample_count = 10)]
fn telling(bencher: Bencher<'_, '_>, listeners: usize) {
    let running = Running::start(listeners);
    let frame = Frame::from(Bytes::from_static(EVENT));
    bencher.counter(ItemsCount::new(BURST)).bench_local(|| {
        for _ in 0..BURST {
            running.gate.tell(Notice::Event { hearers: Roles::ALL, frame: frame.clone() });
        }
    });
}

/// From telling an event until the client has it, and knows.
#[divan::bench(args = [1, 50])]
fn one_event(bencher: Bencher<'_, '_>, listeners: usize) {
    let running = Running::start(listeners);
    bencher.bench_local(|| running.tell(1));
}

/// A gate, and listeners that read.
struct Running {
    gate: Arc<Gate>,
    /// How many bytes the clients are to read, all together.
    wanted: Sender<usize>,
    /// Comes when they have.
    done: Receiver<()>,
    _stop: smol::channel::Sender<()>,
    _threads: Vec<JoinHandle<()>>,
    listeners: usize,
}

impl Running {
    fn start(listeners: usize) -> Self {
        let current = Arc::new(Current::default());
        current.publish(sample::state());
        let (queue, _asked) = bounded(1);
        let (doings, listening) = bounded::<FromListener>(256);
        let gate = Arc::new(Gate::open(GateConfig::default(), current, queue, doings).unwrap());
        let listener = smol::block_on(async_net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = bounded::<()>(1);
        let serving = Arc::clone(&gate);
        let server = thread::spawn(move || {
            let executor = Arc::new(Executor::new());
            let stop = async move {
                let _ = stopping.recv().await;
            };
            smol::block_on(executor.run(serve(serving, listener, Plain, Arc::clone(&executor), stop)));
        });
        let clients: Vec<_> = (0..listeners).map(|_| connect(address)).collect();
        for _ in 0..listeners {
            listening.recv_blocking().unwrap().into_input();
        }
        // Nobody asks anything more.
        let engine = thread::spawn(move || while listening.recv_blocking().is_ok() {});
        let (wanted, wants) = channel();
        let (tell_done, done) = channel();
        let reader = thread::spawn(move || read(&clients, &wants, &tell_done));
        Self { gate, wanted, done, _stop: stop, _threads: vec![server, engine, reader], listeners }
    }

    /// Tells so many events, and waits until all have read them.
    fn tell(&self, events: usize) {
        self.wanted.send(events * FRAME * self.listeners).unwrap();
        let frame = Frame::from(Bytes::from_static(EVENT));
        for _ in 0..events {
            self.gate.tell(Notice::Event { hearers: Roles::ALL, frame: frame.clone() });
        }
        self.done.recv().unwrap();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let password = utf8_percent_encode(sample::PASSWORD, NON_ALPHANUMERIC);
    write!(
        stream,
        "GET /api/live?login=anna:{password} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Reads from all clients, until nobody wants anything more.
fn read(clients: &[TcpStream], wants: &Receiver<usize>, done: &Sender<()>) {
    let mut buffer = vec![0; 256 * 1024];
    let is_alone = clients.len() == 1;
    for client in clients {
        client.set_nonblocking(!is_alone).unwrap();
    }
    while let Ok(mut wanted) = wants.recv() {
        while wanted > 0 {
            let before = wanted;
            for mut client in clients {
                match client.read(&mut buffer) {
                    Ok(count) => wanted -= count,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            if wanted == before {
                thread::yield_now();
            }
        }
        if done.send(()).is_err() {
            return;
        }
    }
}
