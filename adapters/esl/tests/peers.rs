//! What may listen on the event socket's port in place of a switch in good order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fsconnector_engine::esl::command::{Password, SwitchCommand};
use fsconnector_engine::esl::session::{Patience, SessionEnd};
use fsconnector_engine::io::Reply;
use fsconnector_engine::time::Mono;
use fsconnector_esl::{Address, AskError, Clock, ask, stay_connected};
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

fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || Mono(u64::try_from(start.elapsed().as_micros()).unwrap()))
}

/// Stays connected to `address`, next to `other` on the same thread, until `other` ends; then the commands end, and the
/// connection has to.
fn next_to(address: Address, other: impl Future<Output = ()>) {
    let clock = clock();
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

/// Listens, but the kernel answers nobody who comes now, as if the packets were dropped: whoever has come waits to be accepted, and
/// there is no room for more.
fn crowded() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()).collect();
    (listener, waiting)
}

#[test]
fn an_end_does_not_wait_for_a_connection_that_does_not_come_about() {
    let (listener, _waiting) = crowded();
    let port = listener.local_addr().unwrap().port();
    let (commands, outgoing) = unbounded();
    let (inputs, _incoming) = bounded(16);
    let mut session = pin!(stay_connected(address(port, Duration::from_secs(3600)), clock(), outgoing, inputs));
    // Far more turns than it needs, and far less time than a connection has.
    let mut turns = async || {
        for _ in 0..100 {
            if future::poll_once(&mut session).await.is_some() {
                return true;
            }
        }
        false
    };
    assert!(!smol::block_on(turns()), "it waits for the switch");
    drop(commands);
    assert!(smol::block_on(turns()), "and not when it is to end");
}

/// Asks the peer two questions.
fn answers(port: u16, greeting: Duration) -> Result<[Reply; 2], AskError> {
    smol::block_on(ask(&address(port, greeting), clock(), [SwitchCommand::Version, SwitchCommand::Globals]))
}

/// Greets, accepts whatever it is told, and answers questions with their own words; closes upon `exit`.
fn echo(mut stream: TcpStream) {
    stream.write_all(b"Content-Type: auth/request\n\n").unwrap();
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(io::Result::ok).filter(|line| !line.is_empty()) {
        let answer = match line.strip_prefix("api ") {
            Some(command) => format!("Content-Type: api/response\nContent-Length: {}\n\n{command}", command.len()),
            None if line == "exit" => return,
            None => "Content-Type: command/reply\nReply-Text: +OK\n\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn questions_are_answered_in_their_order_over_one_session() {
    let (port, connections) = listen(echo);
    let answers = answers(port, Duration::from_secs(60)).unwrap();
    assert_eq!(answers, ["version", "global_getvar"].map(|answer| Reply::Answer(answer.into())));
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[test]
fn who_asks_where_nobody_listens_is_told_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = answers(port, Duration::from_secs(60)).unwrap_err();
    assert!(matches!(&error, AskError::Unreachable(why) if why.kind() == io::ErrorKind::ConnectionRefused), "{error}");
}

#[test]
fn who_asks_something_that_is_no_event_socket_is_told_why() {
    let ended = |peer: fn(TcpStream), greeting| match answers(listen(peer).0, greeting) {
        Err(AskError::Ended(end)) => end,
        other => panic!("{other:?}"),
    };
    let patient = Duration::from_secs(60);
    assert_eq!(ended(talk_for_ever, Duration::from_millis(50)), SessionEnd::NoGreeting);
    assert!(matches!(ended(drop, patient), SessionEnd::Lost(_)));
    let rude = |mut stream: TcpStream| {
        stream
            .write_all(b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")
            .unwrap();
    };
    assert_eq!(ended(rude, patient), SessionEnd::Refused);
    // The session is up, and the switch goes away while it is asked.
    let shy = |stream: TcpStream| {
        let mut answers = stream.try_clone().unwrap();
        answers.write_all(b"Content-Type: auth/request\n\n").unwrap();
        for line in BufReader::new(stream).lines().map_while(io::Result::ok).filter(|line| !line.is_empty()) {
            if line.starts_with("api") {
                return;
            }
            answers.write_all(b"Content-Type: command/reply\nReply-Text: +OK\n\n").unwrap();
        }
    };
    assert!(matches!(ended(shy, patient), SessionEnd::Lost(_)));
}
