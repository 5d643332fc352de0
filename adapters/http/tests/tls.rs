//! HTTP over TLS, over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod tls_stage;

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use fsconnector_disk::Root;
use fsconnector_engine::change::command::{Outcome, Response};
use fsconnector_http::GateConfig;
use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion, StreamOwned};

use tls_stage::{Client, PROBE, Stage, answer, connection, probe, request};

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let stage = Stage::new();
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = stage.connect_with(stage.client_config(&[version]));
        assert!(probe(&mut client).starts_with("HTTP/1.1 200 "));
        assert_eq!(client.conn.protocol_version(), Some(name));
    }
}

#[test]
fn the_certificate_comes_with_that_of_its_issuer() {
    let stage = Stage::new();
    let mut client = stage.connect();
    probe(&mut client);
    assert_eq!(client.conn.peer_certificates().unwrap().len(), 2);
}

#[test]
fn http_1_1_is_the_only_protocol_to_agree_on() {
    let stage = Stage::new();
    let mut config = stage.client_config(&[&TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = stage.connect_with(config.clone());
    probe(&mut client);
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let error = stage.connect_with(config).write_all(PROBE).unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn over_tls_a_page_at_plain_http_is_of_another_web_site() {
    let stage = Stage::new();
    for (origin, status) in [("https://x", "HTTP/1.1 200 "), ("http://x", "HTTP/1.1 403 ")] {
        let mut client = stage.connect();
        request(&mut client, "anna", "POST", "/api/live/ticket", &format!("Origin: {origin}\r\n\r\n"));
        let (head, _) = answer(&mut client);
        assert!(head.starts_with(status), "{origin}: {head}");
    }
}

#[test]
fn who_comes_back_need_not_shake_hands_in_full() {
    let stage = Stage::new();
    for (version, resumption) in [
        (&TLS13, Resumption::in_memory_sessions(8)),
        (&TLS12, Resumption::in_memory_sessions(8)),
        (&TLS12, Resumption::in_memory_sessions(8).tls12_resumption(rustls::client::Tls12Resumption::SessionIdOnly)),
    ] {
        let mut config = stage.client_config(&[version]);
        config.resumption = resumption;
        let config = Arc::new(config);
        let kinds = [0; 3].map(|_| {
            let mut client = stage.connect_with(Arc::clone(&config));
            probe(&mut client);
            client.conn.handshake_kind()
        });
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed].map(Some));
    }
}

#[test]
fn records_may_be_cut_anywhere() {
    let stage = Stage::new();
    for version in [&TLS12, &TLS13] {
        let bytewise = ByteByByte(stage.tcp());
        let mut client = StreamOwned::new(connection(stage.client_config(&[version])), bytewise);
        assert!(probe(&mut client).starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn records_may_be_as_small_as_can_be() {
    let stage = Stage::new();
    let mut config = stage.client_config(&[&TLS13]);
    config.max_fragment_size = Some(32);
    assert!(probe(&mut stage.connect_with(config)).starts_with("HTTP/1.1 200 "));
}

/// A stream that takes and gives one byte at a time.
struct ByteByByte(TcpStream);

impl Read for ByteByByte {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(&mut buffer[..1])
    }
}

impl Write for ByteByByte {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The length of the file that [`stage_with_a_large_file`] has.
const LARGE: usize = 24 * 1024 * 1024;

fn stage_with_a_large_file() -> (Stage, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("phone")).unwrap();
    fs::write(folder.path().join("phone/large.bin"), large()).unwrap();
    let files = Some(Arc::new(Root::open_folder(folder.path()).unwrap()));
    (Stage::with(GateConfig { files, ..GateConfig::default() }), folder)
}

fn large() -> Vec<u8> {
    (0..LARGE).map(|index| u8::try_from((index ^ index >> 8) & 0xff).unwrap()).collect()
}

#[test]
fn a_large_download_arrives_whole() {
    let (stage, _folder) = stage_with_a_large_file();
    let mut client = stage.connect();
    request(&mut client, "anna", "GET", "/large.bin", "\r\n");
    let (head, body) = answer(&mut client);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(body == large());
    assert!(probe(&mut client).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_large_download_goes_in_full_records() {
    let (stage, _folder) = stage_with_a_large_file();
    let counting = Counting { stream: stage.tcp(), seen: Vec::new(), records: 0 };
    let mut client = StreamOwned::new(connection(stage.client_config(&[&TLS13])), counting);
    let authorization = {
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let (head, _) = answer(&mut client);
        let challenge = head.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: ")).unwrap();
        let context = digest_auth::AuthContext::new("anna", tls_stage::sample::PASSWORD, "/large.bin");
        digest_auth::parse(challenge).unwrap().respond(&context).unwrap()
    };
    let before = client.sock.records;
    let head = format!("GET /large.bin HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    assert_eq!(answer(&mut client).1.len(), LARGE);
    let records = client.sock.records - before;
    assert!(records <= LARGE / (16 * 1024) * 5 / 4 + 8, "{records}");
}

/// A stream that counts the TLS records that come over it.
struct Counting {
    stream: TcpStream,
    seen: Vec<u8>,
    records: usize,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.seen.extend_from_slice(&buffer[..count]);
        while let Some(header) = self.seen.get(..5) {
            let whole = 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
            if self.seen.len() < whole {
                break;
            }
            self.seen.drain(..whole);
            self.records += 1;
        }
        Ok(count)
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Reads to the end of the connection. Without a `close_notify` that is an error.
fn rest(client: &mut Client) -> io::Result<Vec<u8>> {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).map(|_| rest)
}

#[test]
fn the_gate_says_so_before_it_closes() {
    let stage = Stage::new();
    let mut client = stage.connect();
    client.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(&mut client).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    for version in [&TLS12, &TLS13] {
        let stage = Stage::new();
        let mut client = stage.connect_with(stage.client_config(&[version]));
        client.write_all(PROBE).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        let answer = rest(&mut client).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
    }
}

#[test]
fn a_client_that_is_gone_without_a_word_harms_nobody() {
    let stage = Stage::new();
    let mut client = stage.connect();
    probe(&mut client);
    client.sock.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client).unwrap(), b"");
    assert!(probe(&mut stage.connect()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn stopping_finishes_what_runs_and_says_goodbye() {
    let mut stage = Stage::new();
    let (mut idle, mut busy) = (stage.connect(), stage.connect());
    probe(&mut idle);
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]";
    request(&mut busy, "anna", "POST", "/api/users/add", body);
    let asked = stage.asked.recv_blocking().unwrap();
    stage.stop();
    assert_eq!(rest(&mut idle).unwrap(), b"");
    let outcome = Outcome::Items { done: Vec::new(), failed: Vec::new() };
    let response = Response { op: asked.command.op(), outcome, left_alone: Vec::new(), unavailable: None };
    stage.gate.respond(asked.id, response);
    let answer = rest(&mut busy).unwrap();
    let text = String::from_utf8(answer).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("Connection: close"), "{text}");
}
