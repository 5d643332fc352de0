//! A gate with a played engine, and WebSocket clients that listen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};

use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{Role as Side, WebSocket};
use async_tungstenite::tungstenite::{Error, Message};
use bytes::Bytes;
use fsconnector_engine::access::Roles;
use fsconnector_engine::io::Input;
use fsconnector_engine::live::listener::{Frame, Listener, ListenerId, Listening, Notice};
use fsconnector_http::{GateConfig, Limits, LiveLimits};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::stage::{Answer, Stage, sample};

/// The headers of a handshake that is in order.
pub(crate) const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A stage with other limits for listeners.
pub(crate) fn stage_with(change: impl FnOnce(&mut LiveLimits)) -> Stage {
    let mut limits = Limits::default();
    change(&mut limits.live);
    Stage::with(GateConfig { limits, ..GateConfig::default() })
}

/// The target that logs somebody in.
pub(crate) fn target_of(name: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("/api/live?login={}:{}", encoded(name), encoded(sample::PASSWORD))
}

impl Stage {
    /// The next thing a listener does, as an engine takes it.
    pub(crate) fn next_doing(&self) -> (ListenerId, Listening) {
        match self.listening.recv_blocking().unwrap().into_input() {
            Input::Listener { id, does } => (id, does),
            other => panic!("{other:?}"),
        }
    }

    /// The next listener that joins.
    pub(crate) fn next_joining(&self) -> (ListenerId, Listener) {
        match self.next_doing() {
            (id, Listening::Joins(listener)) => (id, *listener),
            other => panic!("{other:?}"),
        }
    }

    /// Tells all of these roles something.
    pub(crate) fn tell(&self, hearers: Roles, text: impl Into<Bytes>) {
        self.gate.tell(Notice::Event { hearers, frame: Frame::from(text.into()) });
    }

    /// Answers a listener.
    pub(crate) fn reply(&self, listener: ListenerId, texts: &[&str]) {
        let frames = texts.iter().map(|text| Frame::from(Bytes::copy_from_slice(text.as_bytes()))).collect();
        self.gate.tell(Notice::Reply { listener, frames });
    }

    /// Asks to listen: the socket, or the answer if that is another one.
    pub(crate) fn shake_hands(&self, target: &str, headers: &str) -> Result<Socket, Answer> {
        let mut client = self.connect();
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n{HANDSHAKE}{headers}\r\n"));
        let answer = client.answer(false);
        if answer.status != 101 {
            return Err(answer);
        }
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!((answer.header("upgrade"), answer.header("connection")), (Some("websocket"), Some("Upgrade")));
        assert_eq!(answer.header("content-length"), None);
        let (stream, unread) = client.into_parts();
        Ok(Socket(WebSocket::from_partially_read(stream, unread, Side::Client, None)))
    }

    /// Somebody who listens, and whom the engine knows.
    pub(crate) fn listen(&self, name: &str) -> (Socket, ListenerId) {
        let socket = self.shake_hands(&target_of(name), "").unwrap();
        let (id, listener) = self.next_joining();
        assert_eq!(*listener.user.name, *name);
        (socket, id)
    }
}

/// A client's end.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    /// The next text. Pings are passed over, and answered.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// All texts up to this one, without it.
    pub(crate) fn hear_until(&mut self, last: &str) -> Vec<String> {
        std::iter::repeat_with(|| self.hear()).take_while(|text| text != last).collect()
    }

    pub(crate) fn ask(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// Writes raw bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Ends its side of the connection.
    pub(crate) fn hang_up(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// Passes everything over until the server closes: its code and reason, or nothing if the connection just ends.
    pub(crate) fn closed(mut self) -> Option<(u16, String)> {
        let mut close = None;
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => {
                    close = Some(
                        frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string())),
                    );
                }
                Ok(_) => (),
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Protocol(_)) => {
                    return close;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    /// The code it is closed with.
    pub(crate) fn close_code(self) -> Option<u16> {
        self.closed().map(|(code, _)| code)
    }
}

/// A frame of a client, whose mask changes nothing.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The code of an ordinary end.
pub(crate) const NORMAL: CloseCode = CloseCode::Normal;
