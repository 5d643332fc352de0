//! An answer before it is written: status, headers, body.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use bytes::Bytes;
use http::StatusCode;

/// An HTTP answer. What depends on the connection (`Date`, `Connection`, `Content-Length`) is added when it is written, and
/// what keeps browsers from harm as well.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderLines,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer of the API: nobody stores it.
    pub(crate) fn api(status: StatusCode, content_type: &str, body: Bytes) -> Self {
        let mut headers = HeaderLines::fixed(API_HEADERS);
        headers.push("Content-Type", content_type);
        Self { status, headers, body }
    }

    /// 200 with JSON.
    pub(crate) fn json(body: Bytes) -> Self {
        Self { status: StatusCode::OK, headers: HeaderLines::fixed(JSON_HEADERS), body }
    }

    /// 200 with a line of text.
    pub(crate) fn text(text: &'static str) -> Self {
        Self::api(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
    }
}

const API_HEADERS: &str = "Cache-Control: no-store\r\n";

/// In one piece, since most answers have it.
const JSON_HEADERS: &str = "Cache-Control: no-store\r\n\
    Content-Type: application/json; charset=utf-8\r\n";

/// Header lines as they go over the wire. A value cannot end its line early: control characters are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderLines(Cow<'static, str>);

impl HeaderLines {
    /// Whole lines, each with its line break.
    pub(crate) const fn fixed(lines: &'static str) -> Self {
        Self(Cow::Borrowed(lines))
    }

    /// Adds a header.
    pub(crate) fn push(&mut self, name: &str, value: impl Display) {
        let lines = self.0.to_mut();
        // Writing into a string does not fail.
        let _ = write!(WithoutControls(lines), "{name}: {value}");
        lines.push_str("\r\n");
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: &Self) {
        if !others.0.is_empty() {
            self.0.to_mut().push_str(&others.0);
        }
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
