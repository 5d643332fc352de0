//! The first lines of an answer, as they go over the wire.

use std::cell::RefCell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;

use super::head::Connection;
use crate::answer::HeaderLines;

/// What the head of an answer says.
pub(super) struct AnswerHead<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: [&'a HeaderLines; 2],
    /// The body's length, also where the body is left out. Some statuses have no body at all.
    pub(super) length: Option<u64>,
    pub(super) connection: Connection,
}

impl AnswerHead<'_> {
    /// Appends the head to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let reason = self.status.canonical_reason().unwrap_or("");
        // Writing into a vector does not fail, here and below.
        let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", self.status.as_str());
        append_date(out);
        if let Some(length) = self.length {
            let _ = write!(out, "Content-Length: {length}\r\n");
        }
        for headers in self.headers {
            out.extend_from_slice(headers.as_str().as_bytes());
        }
        out.extend_from_slice(match self.connection {
            Connection::Persistent => b"\r\n",
            Connection::KeepAlive => b"Connection: keep-alive\r\n\r\n",
            Connection::Close => b"Connection: close\r\n\r\n",
        });
    }
}

/// The `Date` header. Each thread makes it once a second.
fn append_date(out: &mut Vec<u8>) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, line)| {
        if *last != second {
            (*last, *line) = (second, format!("Date: {}\r\n", httpdate::fmt_http_date(now)));
        }
        out.extend_from_slice(line.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_with_status_date_and_length() {
        let mut headers = HeaderLines::default();
        headers.push("A", "b");
        let head = AnswerHead {
            status: StatusCode::NOT_FOUND,
            headers: [&headers, &HeaderLines::default()],
            length: Some(3),
            connection: Connection::Close,
        };
        let mut out = Vec::new();
        head.write(&mut out);
        let lines: Vec<&str> = std::str::from_utf8(&out).unwrap().split("\r\n").collect();
        let date = lines[1].strip_prefix("Date: ").unwrap();
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
        assert_eq!(
            (lines[0], &lines[2..]),
            ("HTTP/1.1 404 Not Found", &["Content-Length: 3", "A: b", "Connection: close", "", ""][..])
        );
    }
}
