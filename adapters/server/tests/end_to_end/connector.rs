//! The program as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Answer, Login, get, post, request};

/// How long a condition may take to come true. It is a bound for a failing test, and no measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is as wanted.
pub(crate) fn wait_for<T: std::fmt::Debug>(what: &str, mut ask: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: still {answer:?}");
        thread::yield_now();
    }
}

/// The running program.
#[derive(Debug)]
pub(crate) struct Connector {
    process: Child,
    lines: Receiver<String>,
    log: Vec<String>,
    /// How many lines of the log were waited for.
    read: usize,
    pub(crate) address: SocketAddr,
}

impl Connector {
    /// Starts `fsconnector` with these arguments and variables, and waits until it listens.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fsconnector"))
            .args(arguments)
            .env_clear()
            // Its configuration has the metrics on any free port.
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/end_to_end"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        for output in
            [Box::new(process.stderr.take().unwrap()) as Box<dyn Read + Send>, Box::new(process.stdout.take().unwrap())]
        {
            let sender = sender.clone();
            thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
            });
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut connector = Self { process, lines, log: Vec::new(), read: 0, address };
        let listening = connector.wait_for_line("listening on http");
        connector.address = listening.rsplit_once("://").unwrap().1.parse().unwrap();
        connector.read = 0;
        connector
    }

    /// The first line of output that holds `text`, behind the one that was waited for last.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            while let Some(line) = self.log.get(self.read) {
                self.read += 1;
                if line.contains(text) {
                    return line.clone();
                }
            }
            let line = self.lines.recv_timeout(PATIENCE);
            self.log.push(line.unwrap_or_else(|_| panic!("never said {text:?}: {:#?}", self.log)));
        }
    }

    pub(crate) fn get(&self, login: Login<'_>, target: &str) -> Answer {
        get(self.address, login, target)
    }

    /// Has something changed.
    pub(crate) fn post(&self, login: Login<'_>, target: &str, body: &Value) -> Answer {
        post(self.address, login, target, body).unwrap()
    }

    pub(crate) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        request(self.address, method, target, headers)
    }

    /// Waits until a state is there.
    pub(crate) fn wait_until_ready(&self) {
        wait_for("a state", || self.request("GET", "/readyz", &[]).status, |status| *status == 200);
    }

    /// The ids of all users, in order, as an administrator sees them.
    pub(crate) fn user_ids(&self, login: Login<'_>) -> Vec<String> {
        let answer = self.get(login, "/api/users");
        if answer.status != 200 {
            return vec![answer.status.to_string()];
        }
        let users = answer.json();
        users["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until exactly these users are shown.
    pub(crate) fn wait_for_users(&self, login: Login<'_>, ids: &[&str]) {
        wait_for("the users", || self.user_ids(login), |shown| shown == ids);
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, as `kill` does.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Ends the program with `SIGTERM`; gives its exit code and all that it said.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        let code = self.process.wait().unwrap().code();
        self.log.extend(self.lines.iter());
        (code, self.log.join("\n"))
    }
}

impl Connector {
    /// Kills the program as the kernel does when it is out of memory.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
