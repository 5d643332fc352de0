//! Which other web sites may read answers (CORS, in the Fetch standard).

use std::fmt;

use http::{Method, StatusCode};

use super::head::Head;
use crate::answer::HeaderLines;

/// An origin as browsers send it: `https://example.org`, with a port if it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads an origin: `http` or `https`, a host in lower case, perhaps a port, and nothing more.
    pub fn parse(text: &str) -> Option<Self> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_part)).then(|| Self(text.into()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The configured origins.
#[derive(Debug)]
pub(super) struct Cors(pub(super) Vec<Origin>);

impl Cors {
    /// What the answer to a request has to say about who may read it.
    pub(super) fn headers(&self, head: &Head<'_>) -> HeaderLines {
        let mut headers = HeaderLines::default();
        if self.0.is_empty() {
            return headers;
        }
        headers.push("Vary", "Origin");
        if let Some(origin) = self.allowed(head) {
            headers.push("Access-Control-Allow-Origin", origin);
            headers.push("Access-Control-Allow-Credentials", "true");
        }
        headers
    }

    /// What a preflight is answered with; nothing if the request is none, or of an origin that is not configured.
    pub(super) fn preflight(&self, head: &Head<'_>) -> Option<(StatusCode, HeaderLines)> {
        let asks = |name: &str| head.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        if head.method != Method::OPTIONS || !asks("access-control-request-method") {
            return None;
        }
        self.allowed(head)?;
        let mut headers = HeaderLines::default();
        headers.push("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT");
        headers.push("Access-Control-Allow-Headers", "Authorization, Content-Type, Range");
        headers.push("Access-Control-Max-Age", "600");
        Some((StatusCode::NO_CONTENT, headers))
    }

    fn allowed(&self, head: &Head<'_>) -> Option<&Origin> {
        let origin = head.origin?;
        self.0.iter().find(|allowed| allowed.0.as_bytes() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_only() {
        for good in ["https://a.example", "http://localhost:8080", "https://[::1]:3000"] {
            assert_eq!(Origin::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "*", "null", "https://", "https://a/", "https://A.example", "ftp://a", "https://a\r\nb"] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }
}
