//! The handshake by which HTTP becomes a WebSocket (RFC 6455 §4.2).

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use bytes::Bytes;
use http::{Method, StatusCode};

use super::head::{Body, Head, has_token};
use crate::answer::{Answer, HeaderLines};
use crate::problem::Problem;

/// The only version there is.
const VERSION: &str = "13";

/// The answer to a handshake that is in order.
pub(super) fn accept(head: &Head<'_>) -> Result<Answer, Problem> {
    check_wish(head)?;
    if only(head.values("sec-websocket-version")) != Some(VERSION.as_bytes()) {
        let problem = upgrade_required("the only version of WebSockets is 13");
        return Err(problem.header("Sec-WebSocket-Version", VERSION));
    }
    let key = only(head.values("sec-websocket-key")).filter(|key| is_key(key));
    let key = key.ok_or_else(|| malformed("there has to be one Sec-WebSocket-Key, of 16 bytes in base64"))?;
    if !matches!(head.body, Body::None | Body::Sized(0)) {
        return Err(malformed("the handshake of a WebSocket has no body"));
    }
    let mut headers = HeaderLines::fixed("Upgrade: websocket\r\nConnection: Upgrade\r\n");
    headers.push("Sec-WebSocket-Accept", derive_accept_key(key));
    Ok(Answer { status: StatusCode::SWITCHING_PROTOCOLS, headers, body: Bytes::new() })
}

/// Whether this is meant to be a handshake. No page can have a browser send one without telling its origin.
pub(super) fn check_wish(head: &Head<'_>) -> Result<(), Problem> {
    let lists = |name, token| head.values(name).any(|value| has_token(value, token));
    let is_meant = head.method == Method::GET
        && !head.is_http_1_0
        && lists("upgrade", "websocket")
        && lists("connection", "upgrade");
    if is_meant { Ok(()) } else { Err(upgrade_required("this is for WebSockets")) }
}

fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    values.next().filter(|_| values.next().is_none())
}

/// Whether it is base64 of 16 bytes: 22 characters and two to fill up.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.strip_suffix(b"==").is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

fn upgrade_required(detail: &'static str) -> Problem {
    let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, detail);
    problem.header("Upgrade", "websocket").header("Connection", "Upgrade")
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::super::head::MOST_HEADERS;
    use super::*;

    const GOOD: [&str; 4] = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];

    /// The headers of the answer, or the status it is refused with.
    fn check(line: &str, headers: &[&str]) -> Result<String, u16> {
        let text = format!("{line}\r\nHost: x\r\n{}\r\n\r\n", headers.join("\r\n"));
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let head = Head::parse(text.as_bytes(), &mut space).unwrap();
        let answer = accept(&head).map_err(|problem| problem.status().as_u16())?;
        assert_eq!(answer.status, 101);
        Ok(answer.headers.as_str().to_owned())
    }

    fn with(place: usize, header: &'static str) -> Vec<&'static str> {
        let mut headers = GOOD.to_vec();
        headers[place] = header;
        headers
    }

    #[test]
    fn a_good_handshake_is_answered_as_the_standard_says() {
        let expected =
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert_eq!(check("GET /x HTTP/1.1", &GOOD).as_deref(), Ok(expected));
        for (place, header) in [
            (0, "upgrade: h2c, WebSocket"),
            (1, "connection: keep-alive, upgrade"),
            (1, "Connection: keep-alive\r\nConnection: Upgrade"),
        ] {
            assert!(check("GET /x HTTP/1.1", &with(place, header)).is_ok(), "{header}");
        }
    }

    #[test]
    fn what_is_no_handshake_is_told_what_is_wanted() {
        for (place, header) in [
            (0, "A: b"),
            (0, "Upgrade: websockets"),
            (1, "Connection: close"),
            (2, "A: b"),
            (2, "Sec-WebSocket-Version: 8"),
            (2, "Sec-WebSocket-Version: 13, 8"),
            (2, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8"),
        ] {
            assert_eq!(check("GET /x HTTP/1.1", &with(place, header)), Err(426), "{header}");
        }
        assert_eq!(check("HEAD /x HTTP/1.1", &GOOD), Err(426));
        assert_eq!(check("GET /x HTTP/1.0", &GOOD), Err(426));
    }

    #[test]
    fn a_handshake_has_one_key_and_no_body() {
        for (place, header) in [
            (3, "A: b"),
            (3, "Sec-WebSocket-Key:"),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q=="),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1"),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nTransfer-Encoding: chunked"),
        ] {
            assert_eq!(check("GET /x HTTP/1.1", &with(place, header)), Err(400), "{header}");
        }
    }
}
