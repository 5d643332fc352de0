//! An element as text again, the way `xml_locate` shows it.

use super::document::Element;

const INDENT: &[u8] = b"  ";

impl Element<'_> {
    /// The element and all in it. Not pretty-printed: the white space of the file stays, and an indent is added in front of it. Not always
    /// well-formed either: from `<!` on, the rest of a value or text is not escaped.
    pub fn to_xml(self) -> Vec<u8> {
        let mut xml = Vec::new();
        open(&mut xml, self, 0);
        // The elements that are open, each with its next child and how much of its text is written.
        let mut path = vec![(self, self.first_child(), 0)];
        loop {
            let depth = path.len();
            let Some((parent, next, written)) = path.last_mut() else { return xml };
            let rest = parent.text().get(*written..).unwrap_or_default();
            if let Some(child) = *next {
                // Without text of its own in front of it, a child gets all that follows.
                let before = rest.get(..child.offset() - *written).filter(|before| !before.is_empty());
                write_escaped(&mut xml, before.unwrap_or(rest), Place::Text);
                *next = child.next_sibling();
                *written = child.offset();
                open(&mut xml, child, depth);
                path.push((child, child.first_child(), 0));
            } else {
                write_escaped(&mut xml, rest, Place::Text);
                if xml.ends_with(b"\n") {
                    indent(&mut xml, depth - 1);
                }
                xml.extend_from_slice(b"</");
                xml.extend_from_slice(parent.name());
                xml.extend_from_slice(b">\n");
                path.pop();
            }
        }
    }
}

fn open(xml: &mut Vec<u8>, element: Element<'_>, depth: usize) {
    if xml.ends_with(b">") {
        xml.push(b'\n');
    }
    indent(xml, depth);
    xml.push(b'<');
    xml.extend_from_slice(element.name());
    for (name, value) in element.attributes() {
        xml.push(b' ');
        xml.extend_from_slice(name);
        xml.extend_from_slice(b"=\"");
        write_escaped(xml, value, Place::Attribute);
        xml.push(b'"');
    }
    xml.push(b'>');
}

fn indent(xml: &mut Vec<u8>, depth: usize) {
    for _ in 0..depth {
        xml.extend_from_slice(INDENT);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

fn write_escaped(xml: &mut Vec<u8>, text: &[u8], place: Place) {
    let mut sequence = Sequence::default();
    for (at, &byte) in text.iter().enumerate() {
        let in_attribute = place == Place::Attribute;
        match byte {
            b'<' if text.get(at + 1) == Some(&b'!') => {
                xml.extend_from_slice(text.get(at..).unwrap_or_default());
                return;
            }
            b'&' => xml.extend_from_slice(b"&amp;"),
            b'<' => xml.extend_from_slice(b"&lt;"),
            b'>' => xml.extend_from_slice(b"&gt;"),
            b'"' if in_attribute => xml.extend_from_slice(b"&quot;"),
            b'\n' if in_attribute => xml.extend_from_slice(b"&#xA;"),
            b'\t' if in_attribute => xml.extend_from_slice(b"&#x9;"),
            b'\r' => xml.extend_from_slice(b"&#xD;"),
            b'"' | b'\n' | b'\t' => xml.push(byte),
            _ => sequence.next(byte, xml),
        }
    }
}

/// A UTF-8 sequence that is being read. What does not fit into one vanishes.
#[derive(Default)]
struct Sequence {
    /// How many bytes are still to come.
    missing: u32,
    code: u32,
}

impl Sequence {
    fn next(&mut self, byte: u8, xml: &mut Vec<u8>) {
        if self.missing > 0 {
            self.missing -= 1;
            if byte & 0xC0 != 0x80 {
                self.missing = 0;
                return;
            }
            self.code = self.code << 6 | u32::from(byte & 0x3F);
            if self.missing == 0 {
                xml.extend_from_slice(format!("&#x{:X};", self.code).as_bytes());
            }
        } else if byte < 0x80 {
            xml.push(byte);
        } else {
            // Of a head longer than four bytes only the first four count.
            let length = byte.leading_ones().min(4);
            self.missing = length - 1;
            self.code = u32::from(byte & (0x7F >> length));
        }
    }
}
