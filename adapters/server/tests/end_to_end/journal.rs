//! The log when nobody reads it, or it cannot be written.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::client::{Answer, get, post, request};
use crate::connector::{Connector, wait_for};
use crate::secrets;
use crate::stage::{ADMIN, Stage};

/// The program at a port that is known beforehand, for nobody hears it say where it listens.
struct Unheard {
    process: Child,
    address: SocketAddr,
}

impl Unheard {
    /// Starts it by a line of the shell, in which `$0` is the program.
    fn start(stage: &Stage, line: &str, stderr: Stdio) -> Self {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        secrets::learn(address, |secrets| secrets.read_tree(&stage.path("")));
        let process = Command::new("sh")
            .args(["-c", line, env!("CARGO_BIN_EXE_fsconnector")])
            .envs(stage.variables())
            .env("FASTIPORT", address.port().to_string())
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self { process, address }
    }

    fn wait_until_ready(&self) {
        let is_ready = || TcpStream::connect(self.address).is_ok() && self.ready().status == 200;
        wait_for("a state", is_ready, |is_ready| *is_ready);
    }

    fn ready(&self) -> Answer {
        request(self.address, "GET", "/readyz", &[])
    }

    /// Changes something, and ends.
    fn works_and_ends(mut self) {
        let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "team"}]);
        let answer = post(self.address, ADMIN, "/api/users/add", &anna).unwrap();
        assert_eq!((answer.status, &answer.json()["done"][0]["id"]), (200, &json!("20001")), "{answer:?}");
        assert_eq!(get(self.address, ADMIN, "/api/users").status, 200);
        let told = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(told.success());
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_log_that_nobody_holds_open_does_not_end_the_program() {
    let stage = Stage::new();
    let program = Unheard::start(&stage, "exec \"$0\" <&- >&- 2>&-", Stdio::inherit());
    program.wait_until_ready();
    program.works_and_ends();
}

#[test]
fn a_log_on_a_full_disk_does_not_end_the_program() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    // The second has a complaint before its log is open.
    for line in ["exec \"$0\"", "RUST_LOG=a=b=c exec \"$0\""] {
        let stage = Stage::new();
        let program = Unheard::start(&stage, line, full.try_clone().unwrap().into());
        program.wait_until_ready();
        program.works_and_ends();
    }
}

/// More lines than the pipe and the program have room for, of some 300 bytes each.
const LINES: usize = 6_000;

#[test]
fn a_log_that_nobody_reads_blocks_nothing_and_says_later_what_is_missing() {
    let stage = Stage::new();
    let mut program = Unheard::start(&stage, "exec \"$0\"", Stdio::piped());
    program.wait_until_ready();
    fill_the_log(program.address);
    assert_eq!(get(program.address, ADMIN, "/api/users").status, 200);
    let mut log = BufReader::new(program.process.stderr.take().unwrap());
    let (mut text, mut read) = (String::new(), 0);
    while !text[read..].contains("lines of the log are missing before this one") {
        read = text.len();
        assert!(log.read_line(&mut text).unwrap() > 0, "it never said what is missing");
        let line = &text[read..];
        assert!(line.starts_with("20") && line.ends_with('\n'), "{line:?}");
    }
    fill_the_log(program.address);
    let address = program.address;
    program.works_and_ends();
    log.read_to_string(&mut text).unwrap();
    assert_eq!(secrets::take(address).search(text.lines()), None);
}

#[test]
fn a_level_that_is_none_or_cannot_be_understood_is_the_usual_one() {
    let stage = Stage::new();
    let variables = stage.variables();
    for (level, complaint) in [
        ("", None),
        (" ,", None),
        ("a=b=c", Some(" WARN  RUST_LOG does not count, for it cannot be understood: ")),
        ("a=\u{1b}[2J\nb", Some("invalid logging spec '\\u{1b}[2J b'\n")),
    ] {
        let mut variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        variables.push(("RUST_LOG", level));
        let connector = Connector::start(&[], &variables);
        connector.wait_until_ready();
        assert_eq!(connector.get(ADMIN, "/api/users/rebuild").status, 200);
        let (_, log) = connector.stop();
        assert!(log.contains("users/rebuild: done [20000]"), "{level:?}: {log}");
        assert_eq!(log.contains("RUST_LOG"), complaint.is_some(), "{level:?}: {log}");
        assert!(complaint.is_none_or(|complaint| log.contains(complaint)), "{level:?}: {log}");
    }
}

#[test]
fn a_log_that_cannot_be_opened_is_an_end_with_a_word_about_it() {
    let stage = Stage::new();
    let end = Command::new(env!("CARGO_BIN_EXE_fsconnector"))
        .envs(stage.variables())
        // More than there are addresses: no thread can have it.
        .env("RUST_MIN_STACK", (1u64 << 60).to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&end.stderr);
    assert_eq!(end.status.code(), Some(1), "{said}");
    assert!(said.starts_with("the log cannot be opened: ") && said.lines().count() == 1, "{said}");
}

/// Asks in vain, again and again, on one connection.
fn fill_the_log(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    let ask = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(250));
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    for _ in 0..LINES / 100 {
        stream.write_all(ask.repeat(100).as_bytes()).unwrap();
        for _ in 0..100 {
            line.clear();
            while !line.contains("HTTP/1.1 401 ") {
                line.clear();
                assert!(reader.read_line(&mut line).unwrap() > 0);
            }
        }
    }
}
