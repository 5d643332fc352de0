//! References, entities and white space in an attribute's value or in a text.
//!
//! The switch decodes in place, in the very buffer in which it later counts the lines before an error. So decoding also tells how many
//! line ends it leaves there: a line end within an attribute is gone, and behind a shortened reference one can be left over.

use std::collections::BTreeMap;

/// What is decoded, since each kind knows other signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Attribute,
    CData,
    /// The value in an entity's declaration: only parameter entities (`%name;`) and numeric references.
    EntityValue,
}

/// How much text the entities of one document may stand for. The switch knows no bound and would run out of memory.
const MOST_EXPANSION: usize = 4 << 20;
/// The largest number that a reference may have.
const LARGEST_NUMBER: u32 = 0x7FFF_FFFF;

/// The entities declared so far: name → replacement, which is decoded again where it is used.
pub(super) struct Entities {
    general: BTreeMap<Vec<u8>, Vec<u8>>,
    parameter: BTreeMap<Vec<u8>, Vec<u8>>,
    longest_name: usize,
    expanded: usize,
}

/// An entity that would stand for itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circular;

impl Entities {
    pub(super) fn predefined() -> Self {
        let predefined = [("lt", "&#60;"), ("gt", "&#62;"), ("quot", "&#34;"), ("apos", "&#39;"), ("amp", "&#38;")];
        let general = predefined.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Entities { general: general.into(), parameter: BTreeMap::new(), longest_name: 4, expanded: 0 }
    }

    /// Declares an entity. Of two with one name the first counts.
    pub(super) fn declare(&mut self, is_parameter: bool, name: &[u8], value: Vec<u8>) -> Result<(), Circular> {
        let known = if is_parameter { &mut self.parameter } else { &mut self.general };
        if reaches(known, &value, name) {
            return Err(Circular);
        }
        self.longest_name = self.longest_name.max(name.len());
        known.entry(name.to_vec()).or_insert(value);
        Ok(())
    }
}

/// Whether the references in `value`, followed to their ends, come to `name`.
fn reaches(known: &BTreeMap<Vec<u8>, Vec<u8>>, value: &[u8], name: &[u8]) -> bool {
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        for at in memchr::memchr_iter(b'&', value) {
            let behind = value.get(at + 1..).unwrap_or_default();
            let Some(end) = memchr::memchr(b';', behind) else { continue };
            let referred = behind.get(..end).unwrap_or_default();
            if referred == name {
                return true;
            }
            if let (Some(next), false) = (known.get(referred), seen.contains(&referred)) {
                seen.push(referred);
                open.push(next);
            }
        }
    }
    false
}

/// Appends `raw`, decoded, to `value`. Gives the line ends that the switch's buffer holds in this place afterwards.
pub(super) fn decode(raw: &[u8], kind: Kind, entities: &mut Entities, value: &mut Vec<u8>) -> usize {
    let needs_nothing = |byte: &u8| match byte {
        b'\r' => false,
        b'&' => kind == Kind::CData,
        b'%' => kind != Kind::EntityValue,
        _ => !(kind == Kind::Attribute && is_space(*byte) && *byte != b' '),
    };
    if raw.iter().all(needs_nothing) {
        value.extend_from_slice(raw);
        return line_ends(raw);
    }
    let (begin, rest) = (value.len(), reversed_with_lf(raw));
    let mut decoder = Decoder { kind, rest, value, begin, left_over: 0, moved: None };
    decoder.run(entities);
    decoder.moved.unwrap_or(decoder.left_over + decoder.lines_written())
}

/// What follows, last byte first, with LF as its only line end.
fn reversed_with_lf(raw: &[u8]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(raw.len());
    let mut behind = 0;
    for &byte in raw.iter().rev() {
        match byte {
            b'\r' if behind == b'\n' => {}
            b'\r' => rest.push(b'\n'),
            _ => rest.push(byte),
        }
        behind = byte;
    }
    rest
}

struct Decoder<'v> {
    kind: Kind,
    /// What is still to be decoded, last byte first: an entity's replacement is put back here and read again.
    rest: Vec<u8>,
    value: &'v mut Vec<u8>,
    /// Where this value begins in the vector.
    begin: usize,
    /// Line ends behind the value's end, where a shortened reference has left them.
    left_over: usize,
    /// The line ends in place from the moment at which the value outgrew its place and moved elsewhere.
    moved: Option<usize>,
}

impl Decoder<'_> {
    fn run(&mut self, entities: &mut Entities) {
        while let Some(&byte) = self.rest.last() {
            let begins_entity = match self.kind {
                Kind::CData => false,
                Kind::Text | Kind::Attribute => byte == b'&',
                Kind::EntityValue => byte == b'%',
            };
            if self.kind != Kind::CData && byte == b'&' && self.peek(1) == Some(b'#') {
                if !self.number() {
                    self.take();
                }
            } else if !(begins_entity && self.entity(entities)) {
                self.take();
            }
        }
    }

    fn lines_written(&self) -> usize {
        line_ends(self.value.get(self.begin..).unwrap_or_default())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.rest.iter().rev().nth(ahead).copied()
    }

    /// Takes one byte as it is, white space in attributes as a blank.
    fn take(&mut self) {
        if let Some(byte) = self.rest.pop() {
            let is_blank = self.kind == Kind::Attribute && is_space(byte);
            self.value.push(if is_blank { b' ' } else { byte });
        }
    }

    /// Replaces `&#…;`, if it is one.
    fn number(&mut self) -> bool {
        let (radix, digits_at) = if self.peek(2) == Some(b'x') { (16, 3) } else { (10, 2) };
        let mut number = 0_u32;
        let mut length = digits_at;
        loop {
            let Some(next) = self.peek(length) else { return false };
            length += 1;
            if next == b';' {
                break;
            }
            let digit = char::from(next).to_digit(radix);
            let longer = digit.and_then(|digit| number.checked_mul(radix)?.checked_add(digit));
            let Some(longer) = longer.filter(|&longer| longer <= LARGEST_NUMBER) else { return false };
            number = longer;
        }
        if number == 0 {
            return false;
        }
        let before = self.value.len();
        push_encoded(self.value, number);
        self.shorten(length, self.value.len() - before);
        true
    }

    /// Replaces `&name;`, if it is a known one.
    fn entity(&mut self, entities: &mut Entities) -> bool {
        let known = if self.kind == Kind::EntityValue { &entities.parameter } else { &entities.general };
        let name: Vec<u8> = self.rest.iter().rev().skip(1).take(entities.longest_name + 1).copied().collect();
        let Some(end) = memchr::memchr(b';', &name) else { return false };
        let Some(replacement) = name.get(..end).and_then(|name| known.get(name)) else { return false };
        if entities.expanded + replacement.len() > MOST_EXPANSION {
            return false;
        }
        entities.expanded += replacement.len();
        let length = end + 2;
        if replacement.len() > length && self.moved.is_none() {
            self.moved = Some(self.left_over + self.lines_written() + line_ends(&self.rest));
        }
        self.shorten(length, replacement.len());
        self.rest.extend(replacement.iter().rev());
        true
    }

    /// Drops a reference from the rest. What follows it moves up, and the last bytes of it stay behind.
    fn shorten(&mut self, length: usize, replaced_by: usize) {
        self.rest.truncate(self.rest.len() - length);
        let stays = length.saturating_sub(replaced_by + 1).min(self.rest.len());
        self.left_over += line_ends(self.rest.get(..stays).unwrap_or_default());
    }
}

/// Appends a number as UTF-8, in its old form with up to six bytes, surrogates included.
fn push_encoded(value: &mut Vec<u8>, number: u32) {
    if number < 0x80 {
        value.extend(number.to_le_bytes().first());
        return;
    }
    let bits = u32::BITS - number.leading_zeros();
    let followers = (bits - 2) / 5;
    let head = (0xFF << (7 - followers)) | (number >> (6 * followers));
    value.extend(head.to_le_bytes().first());
    for follower in (0..followers).rev() {
        let byte = 0x80 | (number >> (6 * follower)) & 0x3F;
        value.extend(byte.to_le_bytes().first());
    }
}

/// White space as C knows it: with vertical tab and form feed.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

pub(super) fn line_ends(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, raw: &str, value: &str, lines_left: usize) {
        let mut decoded = b"\n".to_vec();
        let lines = decode(raw.as_bytes(), kind, &mut Entities::predefined(), &mut decoded);
        assert_eq!(String::from_utf8_lossy(&decoded), format!("\n{value}"), "{raw:?}");
        assert_eq!(lines, lines_left, "{raw:?}");
    }

    #[test]
    fn a_line_end_is_a_blank_in_attributes_only() {
        check(Kind::Attribute, "a\r\nb\rc\nd", "a b c d", 0);
        check(Kind::Text, "a\r\nb\rc\nd", "a\nb\nc\nd", 3);
    }

    #[test]
    fn a_shortened_reference_leaves_line_ends_behind() {
        check(Kind::Text, "&#65;x\n", "Ax\n", 2);
        check(Kind::Text, "&#65; and more\nlines here", "A and more\nlines here", 1);
    }

    #[test]
    fn a_value_that_outgrows_its_place_leaves_its_lines_there() {
        check(Kind::Attribute, "a\n&lt;\nb", "a < b", 1);
    }

    #[test]
    fn a_reference_may_begin_in_a_replacement() {
        let mut entities = Entities::predefined();
        entities.declare(false, b"half", b"&#3".to_vec()).unwrap();
        let mut value = Vec::new();
        decode(b"&half;8;", Kind::Text, &mut entities, &mut value);
        assert_eq!(value, b"&");
    }

    #[test]
    fn an_entity_cannot_stand_for_itself() {
        let mut entities = Entities::predefined();
        assert_eq!(entities.declare(false, b"a", b"&a;".to_vec()), Err(Circular));
        entities.declare(false, b"a", b"&b;".to_vec()).unwrap();
        assert_eq!(entities.declare(false, b"b", b"x&a;".to_vec()), Err(Circular));
    }

    #[test]
    fn entities_that_grow_without_end_stop_growing() {
        let mut entities = Entities::predefined();
        entities.declare(false, b"e0", b"0123456789".to_vec()).unwrap();
        for level in 1..30 {
            let value = format!("&e{};", level - 1).repeat(10).into_bytes();
            entities.declare(false, format!("e{level}").as_bytes(), value).unwrap();
        }
        let mut value = Vec::new();
        decode(b"&e29;", Kind::Text, &mut entities, &mut value);
        assert!(value.len() <= 2 * MOST_EXPANSION);
    }
}
