//! Events, and the two ways in which they are written.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What an event may be called, apart from `ALL`.
const NAMES: &str = "CUSTOM CLONE CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_HANGUP \
    CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_BRIDGE CHANNEL_UNBRIDGE \
    CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK CHANNEL_APPLICATION CHANNEL_ORIGINATE \
    CHANNEL_UUID API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH MODULE_LOAD \
    MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT PRESENCE_PROBE MESSAGE_WAITING MESSAGE_QUERY ROSTER CODEC \
    BACKGROUND_JOB DETECTED_SPEECH DETECTED_TONE PRIVATE_COMMAND HEARTBEAT TRAP ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE \
    RELOADXML NOTIFY PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS CHANNEL_DATA GENERAL COMMAND \
    SESSION_HEARTBEAT CLIENT_DISCONNECTED SERVER_DISCONNECTED SEND_INFO RECV_INFO RECV_RTCP_MESSAGE SEND_RTCP_MESSAGE CALL_SECURE NAT \
    RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP CALL_UPDATE FAILURE SOCKET_DATA MEDIA_BUG_START MEDIA_BUG_STOP \
    CONFERENCE_DATA_QUERY CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED";

/// The event of this name in any case, spelt as the switch spells it.
pub(super) fn known_name(name: &str) -> Option<&'static str> {
    NAMES.split_whitespace().find(|known| known.eq_ignore_ascii_case(name))
}

/// Where in the switch's own source an event is made; it says so in every event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) file: &'static str,
    pub(super) function: &'static str,
    pub(super) line: u32,
}

/// An event: its headers in order, and perhaps a body.
#[derive(Debug, Clone)]
pub(super) struct Event {
    headers: Vec<(Cow<'static, str>, String)>,
    body: Option<Vec<u8>>,
}

/// How a client wants its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Plain,
    Json,
}

/// The frame of an event, but for its number.
pub(super) struct Stencil {
    kind: &'static str,
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl Stencil {
    /// Appends the frame with a number.
    pub(super) fn write(&self, sequence: u64, bytes: &mut Vec<u8>) {
        let number = sequence.to_string();
        let length = self.before.len() + number.len() + self.behind.len();
        bytes.extend(format!("Content-Length: {length}\nContent-Type: text/event-{}\n\n", self.kind).bytes());
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(number.as_bytes());
        bytes.extend_from_slice(&self.behind);
    }
}

impl Event {
    pub(super) fn new() -> Self {
        Event { headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.headers.push((Cow::Borrowed(name), value.to_string()));
        self
    }

    /// Adds a header whose name comes from a configuration.
    pub(super) fn with_named(mut self, name: String, value: &str) -> Self {
        self.headers.push((Cow::Owned(name), value.to_owned()));
        self
    }

    /// Adds the place where it was made and its time, in microseconds since 1970.
    pub(super) fn stamped(self, site: Site, now: u64) -> Self {
        let time = i64::try_from(now).ok().and_then(|now| Timestamp::from_microsecond(now).ok()).unwrap_or_default();
        let time = time.to_zoned(TimeZone::UTC);
        self.with("Event-Date-Local", &time.strftime("%Y-%m-%d %H:%M:%S"))
            .with("Event-Date-GMT", &time.strftime("%a, %d %b %Y %H:%M:%S GMT"))
            .with("Event-Date-Timestamp", &now)
            .with("Event-Calling-File", site.file)
            .with("Event-Calling-Function", site.function)
            .with("Event-Calling-Line-Number", &site.line)
    }

    /// Adds a body; an empty one is none.
    pub(super) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body).filter(|body| !body.is_empty());
        self
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&header.1)
    }

    /// The whole frame, as it goes over the wire.
    pub(super) fn frame(&self, format: Format) -> Vec<u8> {
        let (kind, text) = match format {
            Format::Plain => ("plain", self.plain()),
            Format::Json => ("json", self.json()),
        };
        let head = format!("Content-Length: {}\nContent-Type: text/event-{kind}\n\n", text.len());
        [head.as_bytes(), &text].concat()
    }

    /// The frame of an event that will be sent many times under many numbers.
    pub(super) fn stencil(&self, format: Format) -> Stencil {
        let (kind, mut text, name) = match format {
            Format::Plain => ("plain", self.plain(), &b"\nEvent-Sequence: "[..]),
            Format::Json => ("json", self.json(), &b",\"Event-Sequence\":\""[..]),
        };
        let number = memchr::memmem::find(&text, name).map_or(text.len(), |at| at + name.len());
        let mut behind = text.split_off(number);
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        behind.drain(..digits);
        Stencil { kind, before: text, behind }
    }

    fn plain(&self) -> Vec<u8> {
        let mut text = String::new();
        for (name, value) in &self.headers {
            text.push_str(name);
            text.push_str(": ");
            push_url_encoded(&mut text, value);
            text.push('\n');
        }
        let body = self.body.as_deref().unwrap_or_default();
        if !body.is_empty() {
            let _ = writeln!(text, "Content-Length: {}", body.len());
        }
        text.push('\n');
        [text.as_bytes(), body].concat()
    }

    fn json(&self) -> Vec<u8> {
        let mut text = b"{".to_vec();
        for (name, value) in &self.headers {
            push_json_member(&mut text, name, value.as_bytes());
        }
        if let Some(body) = &self.body {
            push_json_member(&mut text, "Content-Length", body.len().to_string().as_bytes());
            push_json_member(&mut text, "_body", body);
        }
        text.push(b'}');
        text
    }
}

/// What looks encoded already stays as it is.
fn push_url_encoded(text: &mut String, value: &str) {
    let bytes = value.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_plain = matches!(byte, b'!'..=b'~') && !b"\"#%&+:;<=>?@[\\]^`{|}".contains(&byte);
        let digits = bytes.get(at + 1..at + 3).unwrap_or_default();
        let is_encoded = byte == b'%' && digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
        if is_plain || is_encoded {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// Appends `"name":"value"`. Bytes beyond ASCII stay as they are.
fn push_json_member(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    if text.len() > 1 {
        text.push(b',');
    }
    text.extend([b"\"", name.as_bytes(), b"\":\""].concat());
    for &byte in value {
        match byte {
            b'"' => text.extend(b"\\\""),
            b'\\' => text.extend(b"\\\\"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\t' => text.extend(b"\\t"),
            0x08 => text.extend(b"\\b"),
            0x0C => text.extend(b"\\f"),
            0..0x20 => text.extend(format!("\\u{byte:04x}").bytes()),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_its_date_twice_and_encoded() {
        let site = Site { file: "a.c", function: "b", line: 3 };
        let event =
            Event::new().with("Event-Name", "CUSTOM").stamped(site, 1_795_405_352_545_035).with("X", "ä/~(+)%20%");
        assert_eq!(
            String::from_utf8(event.plain()).unwrap(),
            "Event-Name: CUSTOM\nEvent-Date-Local: 2026-11-23%2003%3A42%3A32\n\
             Event-Date-GMT: Mon,%2023%20Nov%202026%2003%3A42%3A32%20GMT\nEvent-Date-Timestamp: 1795405352545035\n\
             Event-Calling-File: a.c\nEvent-Calling-Function: b\nEvent-Calling-Line-Number: 3\nX: %C3%A4/~(%2B)%20%25\n\n"
        );
    }

    #[test]
    fn json_keeps_what_is_not_ascii_and_escapes_the_rest() {
        let event = Event::new().with("A", "ä\"\\").with_body(b"x\n\x01".to_vec());
        assert_eq!(
            String::from_utf8(event.json()).unwrap(),
            "{\"A\":\"ä\\\"\\\\\",\"Content-Length\":\"3\",\"_body\":\"x\\n\\u0001\"}"
        );
    }
}
