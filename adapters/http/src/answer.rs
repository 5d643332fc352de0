//! An answer before it is written: status, headers, body.

use std::fmt::{self, Display, Write as _};

use bytes::Bytes;
use http::StatusCode;

/// An HTTP answer. What depends on the connection (`Date`, `Connection`, `Content-Length`) is added when it is written.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderLines,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer of the API: nobody stores it, and no browser takes it for anything else than `content_type`.
    pub(crate) fn api(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderLines::default();
        headers.push("Content-Type", content_type);
        headers.push("Cache-Control", "no-store");
        headers.push("X-Content-Type-Options", "nosniff");
        headers.push("Cross-Origin-Resource-Policy", "same-origin");
        Self { status, headers, body }
    }

    /// 200 with JSON.
    pub(crate) fn json(body: Bytes) -> Self {
        Self::api(StatusCode::OK, "application/json; charset=utf-8", body)
    }

    /// 200 with a line of text.
    pub(crate) fn text(text: &'static str) -> Self {
        Self::api(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
    }
}

/// Header lines as they go over the wire. A value cannot end its line early: control characters are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderLines(String);

impl HeaderLines {
    /// Adds a header.
    pub(crate) fn push(&mut self, name: &'static str, value: impl Display) {
        self.0.push_str(name);
        self.0.push_str(": ");
        // Writing into a string does not fail.
        let _ = write!(WithoutControls(&mut self.0), "{value}");
        self.0.push_str("\r\n");
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.push_str(&others.0);
    }

    /// The lines, each with its line break.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

struct WithoutControls<'a>(&'a mut String);

impl fmt::Write for WithoutControls<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for clean in text.split(|character: char| character.is_control()) {
            self.0.push_str(clean);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_value_cannot_begin_another_line() {
        let mut headers = HeaderLines::default();
        headers.push("Location", "/x\r\nSet-Cookie: a=b\0");
        assert_eq!(headers.as_str(), "Location: /xSet-Cookie: a=b\r\n");
    }
}
