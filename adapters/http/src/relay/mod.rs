//! From the gate to the handlers behind it: HTTP over bounded numbers of connections to Unix sockets, one socket for what is
//! quick, one for downloads and one for each kind of changes, so that none waits for another.

mod changes;
mod files;
mod reply;
mod shares;
mod way;

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use fsconnector_engine::change::command;
use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::auth::Caller;
use crate::caller;
pub use changes::COMMANDS;
pub(crate) use changes::ChangeRelay;
pub(crate) use files::{DOWNLOADS, FileRelay, QUICK};
pub(crate) use reply::Reply;
pub(crate) use shares::Occupied;

/// How long a request waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(10);
/// How long a handler may take to begin its answer to who only reads, and for each further piece of any answer.
const HANDLER_TIME: Duration = Duration::from_secs(30);

/// The headers of a client that handlers get to see. All others stay here, `Authorization` above all.
const FORWARDED: [&str; 6] =
    ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"];

/// What has to be encoded in a path beyond what the client has encoded.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'?').add(b'<').add(b'>').add(b'\\');

/// A request to a handler, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ask {
    head: String,
    is_head: bool,
    /// Who asks.
    caller: command::Caller,
}

impl Ask {
    /// For `path`, which is as it was sent, without the query, by `caller`, who is at `address`.
    pub(crate) fn new(
        method: &Method,
        path: &str,
        headers: &[httparse::Header<'_>],
        caller: Caller<'_>,
        address: IpAddr,
    ) -> Self {
        let path = utf8_percent_encode(path, PATH);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gate\r\n");
        // Writing into a string does not fail, here and below.
        let _ = write!(head, "{}: {}\r\n", caller::HEADER, caller::to_header(caller, address));
        for name in FORWARDED {
            let sent = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            // Values that are not ASCII mean nothing to a handler.
            for value in
                sent.filter_map(|header| std::str::from_utf8(header.value).ok()).filter(|value| value.is_ascii())
            {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        head.push_str("\r\n");
        Self { head, is_head: *method == Method::HEAD, caller: caller.at(address) }
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &command::Caller {
        &self.caller
    }

    /// The head of the request, if a body of so many bytes follows and nothing else on the connection.
    fn head_for(&self, length: usize) -> String {
        let lines = self.head.strip_suffix("\r\n").unwrap_or(&self.head);
        format!("{lines}Connection: close\r\nContent-Length: {length}\r\n\r\n")
    }
}

/// Why a handler's answer did not come.
#[derive(Debug)]
enum Failure {
    Io(io::Error),
    TimedOut,
    /// It was no HTTP, or framed in a way handlers do not frame.
    Malformed,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests;
