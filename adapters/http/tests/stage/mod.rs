//! A gate on a loopback socket, and clients that talk to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "../../src/sample.rs"]
pub(crate) mod sample;
#[path = "../serving/mod.rs"]
mod serving;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use fsconnector_engine::change::command::{Form, Outcome, Response};
use fsconnector_http::{Asked, Current, FromListener, Gate, GateConfig, Plain};
use smol::channel::{Receiver, bounded};
use smol::future;

use serving::Serving;

/// How many commands wait for the engine.
pub(crate) const WAITING: usize = 128;

/// A gate that serves until it is dropped.
pub(crate) struct Stage {
    /// First, so that it ends before what it serves goes.
    serving: Serving,
    pub(crate) address: SocketAddr,
    pub(crate) current: Arc<Current>,
    /// What the engine is asked. It has room for [`WAITING`].
    pub(crate) asked: Receiver<Asked>,
    /// What listeners do. It has room for [`WAITING`].
    pub(crate) listening: Receiver<FromListener>,
    pub(crate) gate: Arc<Gate>,
}

impl Stage {
    /// With the sample's state published.
    pub(crate) fn with(config: GateConfig) -> Self {
        let stage = Self::without_state(config);
        stage.current.publish(sample::state());
        stage
    }

    pub(crate) fn new() -> Self {
        Self::with(GateConfig::default())
    }

    pub(crate) fn without_state(config: GateConfig) -> Self {
        let current = Arc::new(Current::default());
        let (queue, asked) = bounded(WAITING);
        let (listeners, listening) = bounded(WAITING);
        let gate = Arc::new(Gate::open(config, Arc::clone(&current), queue, listeners).unwrap());
        let serving = Serving::start(&gate, Plain);
        Self { address: serving.address, current, asked, listening, gate, serving }
    }

    /// Asks the gate to stop, without waiting for it.
    pub(crate) fn stop(&mut self) {
        self.serving.stop();
    }

    /// Waits until the gate has stopped.
    pub(crate) fn ended(&mut self) {
        self.serving.ended();
    }

    /// The next thing the engine is asked.
    pub(crate) fn next_asked(&self) -> Asked {
        self.asked.recv_blocking().unwrap()
    }

    /// Answers as an engine that has nothing to do.
    pub(crate) fn answer(&self, asked: &Asked) {
        let outcome = match asked.command.form() {
            Form::Items(_) => Outcome::Items { done: Vec::new(), failed: Vec::new() },
            Form::Single => Outcome::Single(Ok("done".into())),
        };
        self.gate.respond(asked.id, response(asked.command.op(), outcome));
    }

    /// Runs `clients` with such an engine.
    pub(crate) fn with_engine<T>(&self, clients: impl FnOnce() -> T) -> T {
        let (stop, stopped) = bounded::<()>(1);
        let next = async || {
            let stopped = async {
                // Nothing is ever sent: it is closed.
                let _ = stopped.recv().await;
                None
            };
            future::or(async { self.asked.recv().await.ok() }, stopped).await
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Some(asked) = smol::block_on(next()) {
                    self.answer(&asked);
                }
            });
            // Dropped also when a client fails.
            let _stop = stop;
            clients()
        })
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).unwrap())
    }

    /// Sends `bytes`, nothing more, and returns everything that comes back until the connection ends.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        let mut client = self.connect();
        // The gate may have enough before it has everything.
        let _ = client.stream.write_all(bytes);
        let _ = client.stream.shutdown(Shutdown::Write);
        client.rest()
    }

    /// Runs curl; nothing if it is not installed.
    pub(crate) fn curl(&self, arguments: &[&str], target: &str) -> Option<String> {
        curl(self.address, arguments, target)
    }
}

/// Runs curl with some way to a gate; nothing if it is not installed.
pub(crate) fn curl(address: SocketAddr, arguments: &[&str], target: &str) -> Option<String> {
    let url = format!("http://{address}{target}");
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--path-as-is"])
        .args(arguments)
        .arg(&url)
        .output();
    let Output { status, stdout, stderr } = output.ok()?;
    assert!(status.success(), "{url}: {}", String::from_utf8_lossy(&stderr));
    Some(String::from_utf8_lossy(&stdout).into_owned())
}

/// An answer of the engine.
pub(crate) fn response(op: &'static str, outcome: Outcome) -> Response {
    Response { op, outcome, left_alone: Vec::new(), unavailable: None }
}

/// Waits for a condition that comes about by itself.
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of a header that is there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name}: {all:?}");
        all.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection to the gate, and the last challenge it got.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffered: Vec<u8>,
    challenge: Option<WwwAuthenticateHeader>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffered: Vec::new(), challenge: None }
    }

    /// The connection, and what was read of it already and nobody has taken.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.buffered)
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer. Those to HEAD have no body.
    pub(crate) fn answer(&mut self, to_head: bool) -> Answer {
        let end = loop {
            if let Some(at) = self.buffered.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more();
        };
        let head = String::from_utf8(self.buffered.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if to_head { 0 } else { length };
        while self.buffered.len() < length {
            self.read_more();
        }
        answer.body = self.buffered.drain(..length).collect();
        answer
    }

    fn read_more(&mut self) {
        let mut piece = [0; 16384];
        let count = self.stream.read(&mut piece).unwrap();
        assert!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.buffered));
        self.buffered.extend_from_slice(&piece[..count]);
    }

    /// Everything until the connection ends. Cut off, that may show as an error.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.buffered);
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "the connection did not end");
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// The header that logs `name` in for this request.
    pub(crate) fn authorization(&mut self, name: &str, method: &str, target: &str) -> String {
        if self.challenge.is_none() {
            self.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            let answer = self.answer(false);
            assert_eq!(answer.status, 401, "{answer:?}");
            self.challenge = Some(digest_auth::parse(answer.all("www-authenticate")[0]).unwrap());
        }
        let method = HttpMethod(method.to_owned().into());
        let context = AuthContext::new_with_method(name, sample::PASSWORD, target, None::<&[u8]>, method);
        format!("Authorization: {}\r\n", self.challenge.as_mut().unwrap().respond(&context).unwrap())
    }

    /// A request of somebody who is logged in.
    pub(crate) fn request(&mut self, name: &str, method: &str, target: &str, headers: &str) -> Answer {
        let authorization = self.authorization(name, method, target);
        self.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{authorization}{headers}\r\n"));
        self.answer(method == "HEAD")
    }

    /// A request with a JSON body.
    pub(crate) fn post(&mut self, name: &str, target: &str, body: &str) -> Answer {
        self.send_post(name, target, "", body);
        self.answer(false)
    }

    /// Sends a request with a JSON body, and leaves its answer for later.
    pub(crate) fn send_post(&mut self, name: &str, target: &str, headers: &str, body: &str) {
        let authorization = self.authorization(name, "POST", target);
        let length = body.len();
        self.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
            Content-Length: {length}\r\n{headers}\r\n{body}"
        ));
    }

    pub(crate) fn get(&mut self, name: &str, target: &str) -> Answer {
        self.request(name, "GET", target, "")
    }
}
