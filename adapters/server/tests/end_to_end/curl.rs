//! The client that administrators' scripts are made of: curl itself, with Digest.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::client::Login;
use crate::connector::Connector;
use crate::secrets;

/// curl, and whom it speaks with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curl(SocketAddr);

/// What it has fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Fetched {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        found.next().unwrap_or_default()
    }
}

impl Curl {
    /// For this connector; nothing if there is no curl on this computer.
    pub(crate) fn of(connector: &Connector) -> Option<Self> {
        let runs = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
        runs.then_some(Self(connector.address))
    }

    pub(crate) fn get(self, login: Login<'_>, target: &str) -> Fetched {
        self.run(login, target, &[])
    }

    pub(crate) fn post(self, login: Login<'_>, target: &str, body: &Value) -> Fetched {
        self.run(login, target, &["--json", &body.to_string()])
    }

    /// Uploads `content`.
    pub(crate) fn put(self, login: Login<'_>, target: &str, content: &[u8]) -> Fetched {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        self.run(login, target, &["--upload-file", file.path().to_str().unwrap()])
    }

    /// Runs it with more arguments.
    pub(crate) fn run(self, login: Login<'_>, target: &str, arguments: &[&str]) -> Fetched {
        let user = format!("{}:{}", login.name, login.password);
        secrets::learn(self.0, |secrets| secrets.add_login(login));
        let url = format!("http://{}{target}", self.0);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--globoff", "--path-as-is", "--digest", "--user", &user])
            .args(arguments)
            .arg(&url)
            .output()
            .unwrap();
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        let fetched = last_answer(&output.stdout);
        secrets::learn(self.0, |secrets| {
            secrets.read_head(&String::from_utf8_lossy(&output.stdout));
            secrets.read_body(&fetched.body);
        });
        fetched
    }
}

/// The answer behind the challenge.
fn last_answer(output: &[u8]) -> Fetched {
    let mut rest = output;
    loop {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of a head") + 4;
        let (head, body) = rest.split_at(end);
        if !body.starts_with(b"HTTP/1.1 ") {
            let head = String::from_utf8_lossy(head).into_owned();
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
            return Fetched { status, head, body: body.to_vec() };
        }
        rest = body;
    }
}
