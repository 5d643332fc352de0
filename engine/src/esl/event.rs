//! Events: what happens in the switch, read from their bytes on demand.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use percent_encoding::percent_decode;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::frame::header_lines;

/// An event. It keeps its bytes; a header costs nothing until somebody asks for it.
///
/// Channel variables and the output of commands can hold passwords: a debug print shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    format: Format,
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Plain,
    Json,
}

impl Event {
    /// The event in the body of a `text/event-plain` frame.
    pub fn plain(body: Bytes) -> Self {
        Self { format: Format::Plain, bytes: body }
    }

    /// The event in the body of a `text/event-json` frame.
    pub fn json(body: Bytes) -> Self {
        Self { format: Format::Json, bytes: body }
    }

    /// The name of the event, such as `RELOADXML`.
    pub fn name(&self) -> Cow<'_, str> {
        self.header("Event-Name").unwrap_or_default()
    }

    /// The value of the first header of that name, URL-decoded where the format encodes it.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.format {
            Format::Plain => {
                self.plain_headers().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value.text())
            }
            Format::Json => json_member(&self.bytes, name).map(Cow::Owned),
        }
    }

    /// The headers of a plain event in their order, in one pass and not yet decoded. A JSON event has none here.
    pub fn plain_headers(&self) -> impl Iterator<Item = (&[u8], RawValue<'_>)> {
        let block: &[u8] = if self.format == Format::Plain { &self.bytes } else { &[] };
        header_lines(block).map(|(key, value)| (key, RawValue(value)))
    }

    /// The event's own body, such as the output of a background job; empty if there is none.
    pub fn body(&self) -> Cow<'_, [u8]> {
        match self.format {
            Format::Plain => Cow::Borrowed(self.plain_body()),
            Format::Json => Cow::Owned(json_member(&self.bytes, "_body").unwrap_or_default().into_bytes()),
        }
    }

    fn plain_body(&self) -> &[u8] {
        let Some(end) = memchr::memmem::find(&self.bytes, b"\n\n") else { return &[] };
        let body = &self.bytes[end + 2..];
        let length = self.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        body.get(..length).unwrap_or(body)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", self.name())
    }
}

/// A header's value as it stands in a plain event: URL-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawValue<'a>(&'a [u8]);

impl<'a> RawValue<'a> {
    /// The value, decoded; bytes that are no UTF-8 become U+FFFD.
    pub fn text(self) -> Cow<'a, str> {
        percent_decode(self.0).decode_utf8_lossy()
    }
}

/// The text of one member of a JSON object, the rest of it skipped over.
fn json_member(object: &[u8], name: &str) -> Option<String> {
    struct Find<'n>(&'n str);

    impl<'de> Visitor<'de> for Find<'_> {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an event as a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                if found.is_none() && key == self.0 {
                    found = map.next_value::<serde_json::Value>()?.as_str().map(str::to_owned);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    serde_json::Deserializer::from_slice(object).deserialize_map(Find(name)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain() -> Event {
        Event::plain(Bytes::from_static(
            b"Event-Subclass: conference%3A%3Amaintenance\nEvent-Name: CUSTOM\nName: M%C3%BCller%20%26%20x\n\
              Bad: %FF\nEmpty: \nEvent-Name: second\nContent-Length: 4\n\nEvent-Name: x",
        ))
    }

    fn json() -> Event {
        Event::json(Bytes::from_static(
            br#"{"Event-Name":"CUSTOM","Name":"M\u00fcller","Odd":7,"Deep":{"Name":"no"},"_body":"a\nb"}"#,
        ))
    }

    #[test]
    fn a_plain_event_is_read_by_header() {
        let event = plain();
        assert_eq!(event.name(), "CUSTOM");
        assert_eq!(event.header("Event-Subclass").unwrap(), "conference::maintenance");
        assert_eq!(event.header("Name").unwrap(), "Müller & x");
        assert_eq!(event.header("Bad").unwrap(), "\u{fffd}");
        assert_eq!(event.header("Empty").unwrap(), "");
        assert_eq!(event.header("Missing"), None);
        assert_eq!(&*event.body(), b"Even");
    }

    #[test]
    fn a_json_event_is_read_by_header() {
        let event = json();
        assert_eq!(event.name(), "CUSTOM");
        assert_eq!(event.header("Name").unwrap(), "Müller");
        assert_eq!(event.header("Odd"), None);
        assert_eq!(&*event.body(), b"a\nb");
    }

    #[test]
    fn a_body_that_is_cut_is_given_as_far_as_it_goes() {
        let event = Event::plain(Bytes::from_static(b"Content-Length: 99\n\nabc"));
        assert_eq!(&*event.body(), b"abc");
    }

    proptest! {
        #[test]
        fn no_bytes_make_an_event_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for event in [Event::plain(bytes.clone().into()), Event::json(bytes.into())] {
                let _ = (event.name().into_owned(), event.body().into_owned());
                let _ = event.plain_headers().count();
            }
        }
    }
}
