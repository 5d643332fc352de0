//! Events: what happens in the switch, read from their bytes on demand.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use memchr::memmem;
use percent_encoding::percent_decode;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// An event. It keeps its bytes; a header costs nothing until somebody asks for it. Then it is searched for: of some 80
/// headers few are ever asked for, and to search 3 kB for a name is quicker than to cut them into lines.
///
/// Channel variables and the output of commands can hold passwords: a debug print shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    format: Format,
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Lines; the headers are so many bytes of them.
    Plain {
        headers: usize,
    },
    Json,
}

impl Event {
    /// The event in the body of a `text/event-plain` frame.
    pub fn plain(body: Bytes) -> Self {
        let end = if body.starts_with(b"\n") { Some(0) } else { memmem::find(&body, b"\n\n") };
        Self { format: Format::Plain { headers: end.unwrap_or(body.len()) }, bytes: body }
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
            Format::Plain { headers } => plain_header(self.bytes.get(..headers)?, name).map(decoded),
            Format::Json => json_member(&self.bytes, name).map(Cow::Owned),
        }
    }

    /// The event's own body, such as the output of a background job; empty if there is none.
    pub fn body(&self) -> Cow<'_, [u8]> {
        match self.format {
            Format::Plain { headers } => Cow::Borrowed(self.plain_body(headers)),
            Format::Json => Cow::Owned(json_member(&self.bytes, "_body").unwrap_or_default().into_bytes()),
        }
    }

    fn plain_body(&self, headers: usize) -> &[u8] {
        let body = self.bytes.get(headers..).and_then(|rest| rest.strip_prefix(b"\n\n")).unwrap_or_default();
        let length = self.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        body.get(..length).unwrap_or(body)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", self.name())
    }
}

/// The value of the first header of that name, as it stands in a block of lines.
fn plain_header<'b>(block: &'b [u8], name: &str) -> Option<&'b [u8]> {
    memmem::find_iter(block, name).find_map(|at| {
        let (before, found) = block.split_at_checked(at)?;
        let begins_line = before.last().is_none_or(|byte| *byte == b'\n');
        let value = found.get(name.len()..)?.strip_prefix(b":").filter(|_| begins_line)?;
        let line = memchr::memchr(b'\n', value).map_or(value, |end| &value[..end]);
        Some(line.strip_prefix(b" ").unwrap_or(line))
    })
}

/// A value as it was before it was URL-encoded; bytes that are no UTF-8 become U+FFFD.
fn decoded(value: &[u8]) -> Cow<'_, str> {
    match memchr::memchr(b'%', value) {
        Some(_) => percent_decode(value).decode_utf8_lossy(),
        None => String::from_utf8_lossy(value),
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
    use super::super::frame::header_lines;
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
            }
        }

        #[test]
        fn a_header_is_found_as_by_one_who_reads_line_by_line(bytes in "[ab: \n]{0,40}", name in "[ab]{1,2}") {
            let line = header_lines(bytes.as_bytes()).find(|(key, _)| *key == name.as_bytes());
            let value = line.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
            prop_assert_eq!(Event::plain(bytes.clone().into()).header(&name).map(Cow::into_owned), value);
        }
    }
}
