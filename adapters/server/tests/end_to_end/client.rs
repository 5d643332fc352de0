//! A client: HTTP/1.1 on a plain socket, with Digest.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use serde_json::Value;

use crate::secrets;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The values of a header, one a line of the head.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Somebody with a name and a password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
}

/// Sends one request on a connection of its own.
pub(crate) fn request(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    try_request(address, method, target, headers, "").unwrap()
}

/// Sends one request with a body on a connection of its own. The other side may be gone.
fn try_request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    try_request_on(TcpStream::connect(address)?, method, target, headers, body)
}

/// The same on a connection that is there already.
pub(crate) fn try_request_on(
    mut stream: TcpStream,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let address = stream.peer_addr()?;
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    head.extend(headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]));
    if matches!(method, "POST" | "PUT") {
        head.extend(["Content-Type: application/json\r\nContent-Length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    head.push_str(body);
    secrets::learn(address, |secrets| {
        secrets.read_head(&head);
        secrets.read_body(body.as_bytes());
    });
    stream.write_all(head.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    secrets::learn(address, |secrets| {
        secrets.read_head(head);
        secrets.read_body(body.as_bytes());
    });
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// The header that answers the challenge of a 401.
pub(crate) fn authorization(challenge: &Answer, login: Login<'_>, method: &str, target: &str) -> String {
    let mut prompt = WwwAuthenticateHeader::parse(challenge.headers("WWW-Authenticate")[0]).unwrap();
    let method = HttpMethod::from(method.to_owned());
    let context = AuthContext::new_with_method(login.name, login.password, target, None::<&[u8]>, method);
    prompt.respond(&context).unwrap().to_header_string()
}

/// Asks for something, logging in as a browser does.
pub(crate) fn get(address: SocketAddr, login: Login<'_>, target: &str) -> Answer {
    try_get(address, login, target).unwrap()
}

/// The same of somebody who may be gone.
pub(crate) fn try_get(address: SocketAddr, login: Login<'_>, target: &str) -> io::Result<Answer> {
    send(address, login, "GET", target, "")
}

/// Has something changed, logging in as curl does.
pub(crate) fn post(address: SocketAddr, login: Login<'_>, target: &str, body: &Value) -> io::Result<Answer> {
    send(address, login, "POST", target, &body.to_string())
}

/// Uploads something.
pub(crate) fn put(address: SocketAddr, login: Login<'_>, target: &str, content: &str) -> io::Result<Answer> {
    send(address, login, "PUT", target, content)
}

fn send(address: SocketAddr, login: Login<'_>, method: &str, target: &str, body: &str) -> io::Result<Answer> {
    let challenge = try_request(address, method, target, &[], "")?;
    if challenge.status != 401 {
        return Ok(challenge);
    }
    let authorization = authorization(&challenge, login, method, target);
    secrets::learn(address, |secrets| secrets.add_login(login));
    try_request(address, method, target, &[("Authorization", &authorization)], body)
}

/// Somebody who sends one request after the other on one connection.
pub(crate) struct Regular<'a> {
    connection: BufReader<TcpStream>,
    login: Login<'a>,
}

impl<'a> Regular<'a> {
    pub(crate) fn new(connection: TcpStream, login: Login<'a>) -> Self {
        Self { connection: BufReader::new(connection), login }
    }

    /// Logs in anew for each request.
    pub(crate) fn request(&mut self, method: &str, target: &str, body: &str) -> io::Result<Answer> {
        let challenge = self.exchange(method, target, "", body)?;
        let authorization = authorization(&challenge, self.login, method, target);
        self.exchange(method, target, &format!("Authorization: {authorization}\r\n"), body)
    }

    fn exchange(&mut self, method: &str, target: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let length = body.len();
        write!(
            self.connection.get_mut(),
            "{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\n\
            Content-Length: {length}\r\n\r\n{body}"
        )?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.connection.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.headers("Content-Length").first().map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body)?;
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Ok(answer)
    }
}
