//! A listener to the live state: a WebSocket client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use async_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};
use serde_json::Value;

use crate::client::Login;
use crate::connector::{Connector, PATIENCE};
use crate::secrets;

/// Somebody who listens: over TCP, or over TLS on that.
pub(crate) struct Listener<S = TcpStream>(pub(crate) WebSocket<S>);

/// How a connection ended: the code and the reason that the server gave.
pub(crate) type End = (u16, String);

impl Listener {
    /// Shakes hands; else the status of the refusal.
    pub(crate) fn open(address: SocketAddr, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::open_on(stream, address, query, headers)
    }

    /// Logs in as the web client does; for names and passwords that stand for themselves in a URL.
    pub(crate) fn login(connector: &Connector, login: Login<'_>) -> Self {
        let Login { name, password } = login;
        Self::open(connector.address, &format!("?login={name}:{password}"), &[]).unwrap()
    }
}

impl<S: Read + Write> Listener<S> {
    /// The same on a connection that is there already.
    pub(crate) fn open_on(
        stream: S,
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        secrets::learn(address, |secrets| {
            secrets.read_head(query);
            for (_, value) in headers {
                secrets.read_head(value);
            }
        });
        let mut request = format!("ws://{address}/api/live{query}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        match client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(refusal))) => Err(refusal.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Sends a text.
    pub(crate) fn ask(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// Sends a text, unless the connection is closed already.
    pub(crate) fn try_ask(&mut self, text: &str) {
        let _ = self.0.send(Message::text(text));
    }

    /// The next frame.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The frames up to the first one that holds `end`, that one included.
    pub(crate) fn hear_until(&mut self, end: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|frame: &String| !frame.contains(end)) {
            heard.push(self.hear());
        }
        heard
    }

    /// Asks for all conferences.
    pub(crate) fn init(&mut self) -> Value {
        self.ask(r#"{"req":"init"}"#);
        let reply = self.hear_until(r#""reply":"init""#).pop().unwrap();
        serde_json::from_str::<Value>(&reply).unwrap()["data"].take()
    }

    /// Hears on until the server closes.
    pub(crate) fn end(mut self) -> End {
        loop {
            match self.0.read() {
                Ok(Message::Close(Some(close))) => return (close.code.into(), close.reason.to_string()),
                Ok(Message::Text(_) | Message::Ping(_)) => (),
                other => panic!("{other:?}"),
            }
        }
    }
}
