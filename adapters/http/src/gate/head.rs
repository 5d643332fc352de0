//! The head of a request, read strictly: what two programs could understand differently is refused, so that nobody can
//! smuggle a request past the gate (RFC 9112 §11.2).

use http::{Method, StatusCode};
use httparse::Header;

use crate::problem::Problem;
use crate::target;

/// How many headers a request may have.
pub(super) const MOST_HEADERS: usize = 64;

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: Method,
    /// As it was sent.
    pub(super) target: &'a str,
    /// The target's path, still percent-encoded; `*` for the server as a whole.
    pub(super) path: &'a str,
    /// What stands between this request and the next one.
    pub(super) body: Body,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
    pub(super) connection: Connection,
    /// Nothing also if there is more than one.
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) origin: Option<&'a [u8]>,
    /// The host and port that are asked; HTTP/1.0 may not say.
    pub(super) host: Option<&'a [u8]>,
    /// Whether the client speaks the older version, which knows no other protocols to change to.
    pub(super) is_http_1_0: bool,
    /// All of them.
    pub(super) headers: &'a [Header<'a>],
}

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Not at all: there is none.
    None,
    /// Of that many bytes.
    Sized(u64),
    /// In chunks.
    Chunked,
}

/// What the client wants to happen to the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// HTTP/1.1: it goes on.
    Persistent,
    /// HTTP/1.0 that asked for it: it goes on, and the answer has to say so.
    KeepAlive,
    /// It ends.
    Close,
}

impl<'a> Head<'a> {
    /// Reads a head, up to and with its empty line.
    pub(super) fn parse(bytes: &'a [u8], space: &'a mut [Header<'a>; MOST_HEADERS]) -> Result<Self, Problem> {
        let mut request = httparse::Request::new(space);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => (),
            Ok(httparse::Status::Partial) => return Err(malformed("the head of the request is not complete")),
            Err(error) => return Err(syntax_problem(error)),
        }
        let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
            return Err(malformed("the head of the request is not complete"));
        };
        let is_http_1_0 = version == 0;
        let headers: &'a [Header<'a>] = request.headers;
        let fields = Fields::collect(headers)?;
        fields.check_host(target, is_http_1_0)?;
        let path = if target == "*" { Some(target) } else { target::path(target) };
        Ok(Self {
            method: Method::from_bytes(method.as_bytes()).map_err(|_| malformed("the method is not allowed"))?,
            target,
            path: path.ok_or_else(|| malformed("the target of the request has none of the usual forms"))?,
            body: fields.body(is_http_1_0)?,
            expects_continue: fields.expects_continue && !is_http_1_0,
            connection: fields.connection(is_http_1_0),
            authorization: match fields.authorization {
                Given::Once(value) => Some(value),
                Given::Never | Given::Repeatedly => None,
            },
            origin: fields.origin,
            host: target::authority(target).map(str::as_bytes).or(fields.host),
            is_http_1_0,
            headers,
        })
    }

    /// The values of all headers of this name, which is in lower case.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }
}

/// The headers that decide something here, picked out in one pass.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    wish: Wish,
    expects_continue: bool,
    authorization: Given<'a>,
    origin: Option<&'a [u8]>,
}

/// What the Connection headers ask for; the greatest counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    #[default]
    Nothing,
    KeepAlive,
    Close,
}

/// How often a header was given.
#[derive(Clone, Copy, Default)]
enum Given<'a> {
    #[default]
    Never,
    Once(&'a [u8]),
    Repeatedly,
}

impl<'a> Fields<'a> {
    fn collect(headers: &[Header<'a>]) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for header in headers {
            fields.note(header.name, header.value)?;
        }
        Ok(fields)
    }

    fn note(&mut self, name: &str, value: &'a [u8]) -> Result<(), Problem> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            once(self.host.replace(value).is_none(), "there is more than one Host header")?;
        } else if is("content-length") {
            let length = parse_length(value)?;
            once(self.length.replace(length).is_none(), "there is more than one Content-Length header")?;
        } else if is("transfer-encoding") {
            once(!self.chunked, "there is more than one Transfer-Encoding header")?;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "the only Transfer-Encoding is `chunked`"));
            }
            self.chunked = true;
        } else if is("connection") {
            for (token, wish) in [("keep-alive", Wish::KeepAlive), ("close", Wish::Close)] {
                if has_token(value, token) {
                    self.wish = self.wish.max(wish);
                }
            }
        } else if is("expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Problem::new(StatusCode::EXPECTATION_FAILED, "the only expectation is `100-continue`"));
            }
            self.expects_continue = true;
        } else if is("authorization") {
            self.authorization = match self.authorization {
                Given::Never => Given::Once(value),
                Given::Once(_) | Given::Repeatedly => Given::Repeatedly,
            };
        } else if is("origin") {
            once(self.origin.replace(value).is_none(), "there is more than one Origin header")?;
        }
        Ok(())
    }

    fn check_host(&self, target: &str, is_http_1_0: bool) -> Result<(), Problem> {
        let host = match self.host {
            Some(host) => host,
            None if is_http_1_0 => return Ok(()),
            None => return Err(malformed("there is no Host header")),
        };
        let is_host =
            |text: &[u8]| text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(byte));
        if is_host(host) && target::authority(target).is_none_or(|authority| is_host(authority.as_bytes())) {
            Ok(())
        } else {
            Err(malformed("the Host header is no host"))
        }
    }

    fn body(&self, is_http_1_0: bool) -> Result<Body, Problem> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(malformed("there are both a Content-Length and a Transfer-Encoding header")),
            (true, None) if is_http_1_0 => Err(malformed("HTTP/1.0 has no Transfer-Encoding")),
            (true, None) => Ok(Body::Chunked),
            (false, length) => Ok(length.map_or(Body::None, Body::Sized)),
        }
    }

    fn connection(&self, is_http_1_0: bool) -> Connection {
        match (self.wish, is_http_1_0) {
            (Wish::Nothing | Wish::KeepAlive, false) => Connection::Persistent,
            (Wish::KeepAlive, true) => Connection::KeepAlive,
            (Wish::Nothing, true) | (Wish::Close, _) => Connection::Close,
        }
    }
}

/// Decimal digits and nothing else: no sign, no list. What is too long to be a number is too long to be sent, too.
fn parse_length(value: &[u8]) -> Result<u64, Problem> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(malformed("the Content-Length header is no number"));
    }
    let digits = std::str::from_utf8(value).unwrap_or_default();
    Ok(digits.parse().unwrap_or(u64::MAX))
}

/// Whether one of the values between the commas is this token.
pub(super) fn has_token(list: &[u8], token: &str) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn once(is_first: bool, detail: &'static str) -> Result<(), Problem> {
    if is_first { Ok(()) } else { Err(malformed(detail)) }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn syntax_problem(error: httparse::Error) -> Problem {
    match error {
        httparse::Error::TooManyHeaders => {
            Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many headers")
        }
        httparse::Error::Version => {
            Problem::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "the only versions are HTTP/1.1 and HTTP/1.0")
        }
        _ => malformed("the head of the request is no HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the head says, or the status it is refused with.
    fn check<T>(head: &str, of: impl FnOnce(Head<'_>) -> T) -> Result<T, u16> {
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let head = head.replace('\n', "\r\n");
        Head::parse(head.as_bytes(), &mut space).map(of).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn what_two_programs_could_understand_differently_is_refused() {
        for (status, headers) in [
            (400, "Content-Length: 1\nContent-Length: 1\n"),
            (400, "Content-Length: 1, 1\n"),
            (400, "Content-Length: +1\n"),
            (400, "Content-Length: -1\n"),
            (400, "Content-Length: 0x1\n"),
            (400, "Content-Length:\n"),
            (400, "Content-Length: 1\nTransfer-Encoding: chunked\n"),
            (400, "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n"),
            (501, "Transfer-Encoding: gzip, chunked\n"),
            (501, "Transfer-Encoding: chunked, identity\n"),
            (501, "Transfer-Encoding: xchunked\n"),
            (501, "Transfer-Encoding:\n"),
            (400, "Transfer-Encoding : chunked\n"),
            (400, " Folded: x\n"),
            (400, "A: b\n folded\n"),
            (400, "A: b\rC: d\n"),
            (400, "A: b\0\n"),
            (400, "A b\n"),
            (400, ": b\n"),
            (400, "Host: b\n"),
            (417, "Expect: the-unexpected\n"),
        ] {
            assert_eq!(check(&format!("POST / HTTP/1.1\nHost: a\n{headers}\n"), |_| ()), Err(status), "{headers:?}");
        }
    }

    #[test]
    fn the_request_line_is_read_strictly() {
        for (status, line) in [
            (400, "GET  / HTTP/1.1"),
            (400, "GET /\tHTTP/1.1"),
            (400, "GET / HTTP/1.1 "),
            (505, "GET /a b HTTP/1.1"),
            (400, "GET /"),
            (400, "G@T / HTTP/1.1"),
            (400, "GET nowhere HTTP/1.1"),
            (400, "CONNECT a:443 HTTP/1.1"),
            (505, "GET / HTTP/2.0"),
            (505, "GET / HTTP/0.9"),
        ] {
            assert_eq!(check(&format!("{line}\nHost: a\n\n"), |_| ()), Err(status), "{line:?}");
        }
        assert_eq!(check("GET / HTTP/1.1\n\n", |_| ()), Err(400), "no Host");
        assert_eq!(check("GET / HTTP/1.1\nHost: a/b\n\n", |_| ()), Err(400));
        assert_eq!(check("GET http://a@b/ HTTP/1.1\nHost: a\n\n", |_| ()), Err(400));
    }

    #[test]
    fn the_path_is_found_in_every_form_of_target() {
        for (target, path) in [("/a?b", "/a"), ("http://a/b?c", "/b"), ("*", "*"), ("/ü", "/ü")] {
            let found = check(&format!("GET {target} HTTP/1.1\nHost: a\n\n"), |head| head.path.to_owned());
            assert_eq!(found.as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn bodies_are_sized_or_chunked() {
        let body = |headers: &str| check(&format!("POST / HTTP/1.1\nHost: a\n{headers}\n"), |head| head.body);
        assert_eq!(body(""), Ok(Body::None));
        assert_eq!(body("Content-Length: 0\n"), Ok(Body::Sized(0)));
        assert_eq!(body("content-length: 0012\n"), Ok(Body::Sized(12)));
        assert_eq!(body("Content-Length: 99999999999999999999999\n"), Ok(Body::Sized(u64::MAX)));
        assert_eq!(body("Transfer-Encoding: Chunked\n"), Ok(Body::Chunked));
        assert_eq!(check("POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n", |_| ()), Err(400));
    }

    #[test]
    fn a_connection_goes_on_as_its_version_and_its_client_say() {
        let connection = |text: &str| check(text, |head| head.connection).unwrap();
        assert_eq!(connection("GET / HTTP/1.1\nHost: a\n\n"), Connection::Persistent);
        assert_eq!(connection("GET / HTTP/1.1\nHost: a\nConnection: te, CLOSE\n\n"), Connection::Close);
        assert_eq!(connection("GET / HTTP/1.0\n\n"), Connection::Close);
        assert_eq!(connection("GET / HTTP/1.0\nConnection: Keep-Alive\n\n"), Connection::KeepAlive);
    }

    #[test]
    fn two_authorization_headers_count_as_none() {
        let head = "GET / HTTP/1.1\nHost: a\nAuthorization: x\nAuthorization: y\n\n";
        assert_eq!(check(head, |head| head.authorization.is_some()), Ok(false));
    }

    #[test]
    fn too_many_headers_are_431() {
        let head = |count: usize| format!("GET / HTTP/1.1\nHost: a\n{}\n", "A: b\n".repeat(count - 1));
        assert_eq!(check(&head(MOST_HEADERS), |_| ()), Ok(()));
        assert_eq!(check(&head(MOST_HEADERS + 1), |_| ()), Err(431));
    }
}
