//! Clients that do not shake hands as they should.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod tls_stage;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use fsconnector_http::{GateConfig, Limits};
use rustix::net::{AddressFamily, SocketType};
use rustls::StreamOwned;
use rustls::version::{TLS12, TLS13};

use tls_stage::{Stage, connection, patient, probe, wait_until};

/// A gate with another time for handshakes.
fn stage(head_time: Duration) -> Stage {
    Stage::with(GateConfig { limits: Limits { head_time, ..Limits::default() }, ..GateConfig::default() })
}

/// Everything that comes until the connection ends. Cut off, that may show as an error.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "the connection did not end");
    }
    rest
}

#[test]
fn who_speaks_plain_http_is_told_so() {
    let stage = Stage::new();
    for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = stage.tcp();
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let answer = String::from_utf8(rest(&mut client)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain"), "{answer}");
        assert!(answer.contains("https://"), "{answer}");
    }
}

#[test]
fn a_browser_that_speaks_plain_http_shows_the_answer() {
    let stage = Stage::new();
    let url = format!("http://{}/", stage.address);
    let Ok(output) =
        Command::new("curl").args(["--silent", "--max-time", "20", "--data", &"x".repeat(20_000), &url]).output()
    else {
        return;
    };
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(answer.starts_with("This port speaks HTTPS"), "{answer}");
}

#[test]
fn garbage_ends_the_connection_at_once_and_nothing_else() {
    let stage = Stage::new();
    let garbage: [&[u8]; 7] = [
        b"\0\0\0\0",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\0\0",
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\x17\x03\x03\0\x05hello",
        &[0xff; 4096],
        b"\x16\x03\x01\0\x2a\x01\0\0\x26\x03\x03garbage that is no hello of a client, not at all",
    ];
    for bytes in garbage {
        let mut client = stage.tcp();
        // It may be closed before all is sent.
        let _ = client.write_all(bytes);
        assert!(!rest(&mut client).starts_with(b"HTTP"), "{bytes:?}");
    }
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn garbage_behind_a_handshake_ends_the_connection_and_nothing_else() {
    let stage = Stage::new();
    for version in [&TLS12, &TLS13] {
        let mut client = stage.connect_with(stage.client_config(&[version]));
        probe(&mut client);
        client.sock.write_all(b"\x17\x03\x03\0\x20not what was encrypted with a key").unwrap();
        rest(&mut client.sock);
    }
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn who_says_nothing_or_stops_in_the_middle_is_sent_away() {
    let stage = stage(Duration::from_millis(50));
    let hello = hello(&stage);
    for length in [0, 1, 5, 6, hello.len() / 2, hello.len()] {
        let mut client = stage.tcp();
        client.write_all(&hello[..length]).unwrap();
        rest(&mut client);
    }
    assert!(probe(&mut self::stage(Duration::from_secs(30)).connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_hello_without_end_is_cut_off() {
    let stage = Stage::new();
    let mut client = stage.tcp();
    // It says that it has 16 MiB, and goes on in one full record after the other.
    let record = [&b"\x16\x03\x01\x40\0"[..], &[0; 0x4000]].concat();
    let mut first = record.clone();
    first[5..9].copy_from_slice(b"\x01\xff\xff\xff");
    let mut sent = 0;
    while client.write_all(if sent == 0 { &first } else { &record }).is_ok() && sent < 1 << 24 {
        sent += 0x4000;
    }
    assert!(sent < 1 << 24);
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn many_who_shake_hands_slowly_keep_no_other_address_out() {
    let stage = stage(Duration::from_secs(20));
    let hello = hello(&stage);
    // More than there are places, and all of them have said hello; some have said nothing.
    let _slow: Vec<TcpStream> = (0..80)
        .map(|number| {
            let mut client = stage.tcp();
            client.write_all(if number % 4 == 0 { b"" } else { &hello }).unwrap();
            client
        })
        .collect();
    let other = connect_from("127.0.0.2", stage.address);
    let mut client = StreamOwned::new(connection(stage.client_config(&[&TLS13])), other);
    assert!(probe(&mut client).starts_with("HTTP/1.1 200 "));
}

#[test]
fn one_of_those_who_say_hello_and_no_more_makes_room_for_a_client_that_shakes_hands() {
    let stage = stage(Duration::from_secs(20));
    let hello = hello(&stage);
    // All places, each with an address that has its share.
    let mut silent: Vec<TcpStream> = (0..32)
        .map(|number| {
            let mut client = connect_from(&format!("127.0.1.{}", 1 + number % 4), stage.address);
            client.write_all(&hello).unwrap();
            client
        })
        .collect();
    for client in &silent {
        assert_eq!(client.peek(&mut [0]).unwrap(), 1, "it has a place");
    }
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
    let is_open = |client: &mut TcpStream| {
        client.set_nonblocking(true).unwrap();
        loop {
            match client.read(&mut [0; 4096]) {
                Ok(0) => return false,
                Ok(_) => (),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    };
    let mut open = || silent.iter_mut().map(is_open).filter(|is_open| *is_open).count();
    // It is told to go before it does.
    wait_until(|| open() < 32);
    assert_eq!(open(), 31);
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let stage = stage(Duration::from_secs(20));
    let _silent: Vec<TcpStream> = (0..80).map(|_| stage.tcp()).collect();
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn more_clients_than_places_all_get_in() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 ")));
        }
    });
}

/// What a client says first.
fn hello(stage: &Stage) -> Vec<u8> {
    let mut hello = Vec::new();
    connection(stage.client_config(&[&TLS13])).write_tls(&mut hello).unwrap();
    hello
}

/// A connection from another address of this computer.
fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    rustix::net::connect(&socket, &to).unwrap();
    patient(TcpStream::from(socket))
}
