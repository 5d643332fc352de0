//! What may listen on the event socket's port in place of a switch in good order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_engine::time::Mono;
use fsconnector_esl::{Address, stay_connected};
use smol::channel::{bounded, unbounded};
use smol::{Timer, future};

/// Listens; each connection is `peer`'s, on a thread of its own. Gives the port, and how many there were so far.
fn listen(peer: impl Fn(TcpStream) + Clone + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let peer = peer.clone();
            thread::spawn(move || peer(stream.unwrap()));
        }
    });
    (port, count)
}

fn address(port: u16, greeting: Duration) -> Address {
    Address {
        host: "127.0.0.1".into(),
        port,
        password: Password::parse("ClueCon").unwrap(),
        patience: Patience { greeting, ..Patience::default() },
    }
}

/// Stays connected to `address`, next to `other` on the same thread, until `other` ends; then the commands end, and the
/// connection has to.
fn next_to(address: Address, other: impl Future<Output = ()>) {
    let start = Instant::now();
    let clock = Arc::new(move || Mono(u64::try_from(start.elapsed().as_micros()).unwrap()));
    let (commands, outgoing) = unbounded();
    let (inputs, incoming) = bounded(16);
    let drain = async { while incoming.recv().await.is_ok() {} };
    let other = async {
        other.await;
        drop(commands);
        future::pending::<()>().await;
    };
    smol::block_on(future::or(stay_connected(address, clock, outgoing, inputs), future::or(drain, other)));
}

/// Says something that is no greeting, without end.
fn talk_for_ever(mut stream: TcpStream) {
    let frames = b"Content-Type: log/data\n\n".repeat(4096);
    while stream.write_all(&frames).is_ok() {}
}

#[test]
fn who_talks_without_a_pause_neither_stops_the_others_nor_holds_the_program_up() {
    let (port, connections) = listen(talk_for_ever);
    next_to(address(port, Duration::from_secs(3600)), async {
        while connections.load(Ordering::Relaxed) < 2 {
            future::yield_now().await;
        }
        for _ in 0..10 {
            Timer::after(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn who_talks_without_a_pause_but_does_not_greet_is_given_up() {
    let (port, connections) = listen(talk_for_ever);
    next_to(address(port, Duration::from_millis(50)), async {
        while connections.load(Ordering::Relaxed) < 4 {
            Timer::after(Duration::from_millis(1)).await;
        }
    });
}
