//! The program as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Answer, Login, get, post, request};
use crate::secrets;

/// How long a condition may take to come true. It is a bound for a failing test, and no measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How much the program logs: in tests all that it can. Benchmarks, which start it like this, too, measure it as it is.
pub(crate) const LOG: &str = if cfg!(test) { "trace" } else { "info" };

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

/// The running program. It logs all that it can, and when it has ended, all that it wrote is searched for secrets.
#[derive(Debug)]
pub(crate) struct Connector {
    process: Child,
    lines: Receiver<Line>,
    written: Vec<Line>,
    /// How many lines were waited for.
    read: usize,
    pub(crate) address: SocketAddr,
    /// The switch's files, which hold passwords.
    configuration: Option<PathBuf>,
    /// The demonstration says on its standard output how to log in.
    is_demo: bool,
}

/// A line of output.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    is_logged: bool,
}

impl Connector {
    /// Starts `fsconnector` with these arguments and variables, and waits until it listens.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_fsconnector")).args(arguments), variables)
    }

    /// Starts it with a hard limit of open files, as a shell does.
    pub(crate) fn start_with_descriptors(count: u32, variables: &[(&str, &str)]) -> Self {
        let script = format!("ulimit -n {count}; exec \"$0\"");
        Self::start_by(Command::new("/bin/sh").args(["-c", &script, env!("CARGO_BIN_EXE_fsconnector")]), variables)
    }

    fn start_by(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut process = command
            .env_clear()
            .env("RUST_LOG", LOG)
            // Its configuration has the metrics on any free port.
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/end_to_end"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        read_lines(process.stderr.take().unwrap(), sender.clone(), true);
        read_lines(process.stdout.take().unwrap(), sender, false);
        let variable = |name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
        let mut connector = Self {
            process,
            lines,
            written: Vec::new(),
            read: 0,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            configuration: variable("SWITCHCONF").map(PathBuf::from),
            is_demo: command.get_args().next().is_some_and(|first| first == "demo"),
        };
        let listening = connector.wait_for_line("listening on http");
        connector.address = listening.rsplit_once("://").unwrap().1.parse().unwrap();
        connector.read = 0;
        secrets::learn(connector.address, |secrets| {
            secrets.add("the event socket's password", variable("FSPW").unwrap_or("ClueCon"));
        });
        connector.learn_from_files();
        connector
    }

    fn learn_from_files(&self) {
        if let Some(configuration) = &self.configuration {
            secrets::learn(self.address, |secrets| secrets.read_tree(configuration));
        }
    }

    /// The first line of output that holds `text`, behind the one that was waited for last.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            while let Some(line) = self.written.get(self.read) {
                self.read += 1;
                if line.text.contains(text) {
                    return line.text.clone();
                }
            }
            let line = self.lines.recv_timeout(PATIENCE);
            self.written.push(line.unwrap_or_else(|_| panic!("never said {text:?}: {}", self.text())));
        }
    }

    /// All that it has said, as far as that was waited for.
    fn text(&self) -> String {
        self.written.iter().flat_map(|line| [&*line.text, "\n"]).collect()
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

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Ends the program with `SIGTERM`; gives its exit code and all that it said.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.signal("-TERM");
        self.wait()
    }

    /// Waits for the end of the program; gives its exit code and all that it said.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().unwrap().code();
        self.written.extend(self.lines.iter());
        (code, self.text())
    }

    /// Kills the program as the kernel does when it is out of memory.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Searches what it has written. Nothing more comes, for it has ended.
    fn search(&mut self) {
        self.written.extend(self.lines.iter());
        self.learn_from_files();
        let is_searched = |line: &&Line| line.is_logged || !self.is_demo;
        let lines = self.written.iter().filter(is_searched).map(|line| &*line.text);
        if let Some(leak) = secrets::take(self.address).search(lines) {
            panic!("{leak}");
        }
    }
}

/// Passes on what comes out of it, whatever bytes it writes.
fn read_lines(output: impl Read + Send + 'static, sender: Sender<Line>, is_logged: bool) {
    thread::spawn(move || {
        let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
        let mut lines = lines.map(|line| Line { text: String::from_utf8_lossy(&line).into_owned(), is_logged });
        lines.try_for_each(|line| sender.send(line))
    });
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !thread::panicking() {
            self.search();
        }
    }
}
