//! The lenient parser: it takes much for granted, and what it does refuse it refuses with a line number.
//!
//! It never looks back, works on bytes, and knows no difference between what XML allows and what happens to work.

use std::collections::BTreeMap;

use super::decode::{Circular, Entities, Kind, decode, is_space, line_ends};
use super::document::{Builder, Document};
use super::expand::up_to_nul;

/// How long the switch's message can be.
const LONGEST_MESSAGE: usize = 127;
/// How deep elements may be nested. The switch has no bound, but each level costs it an indent in front of every line.
const DEEPEST: usize = 1000;
/// Up to here, equal names among a tag's attributes are looked for one by one.
const FEW: usize = 16;

/// What the parser could not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line in the merged text, as the switch counts: roughly, for it forgets line ends within tags.
    pub line: usize,
    /// Where in the merged text it really is, in bytes.
    pub offset: usize,
    /// What is wrong, in the switch's words.
    pub what: Vec<u8>,
}

impl ParseError {
    /// The switch's whole message, cut where its buffer ends.
    pub fn message(&self) -> Vec<u8> {
        let mut message = format!("[error near line {}]: ", self.line).into_bytes();
        message.extend_from_slice(&self.what);
        message.truncate(LONGEST_MESSAGE);
        message
    }
}

/// Parses a merged text.
pub(super) fn parse(merged: &[u8]) -> Result<Document, ParseError> {
    let (&last, text) = merged.split_last().unwrap_or((&0, merged));
    let parser = Parser {
        text: up_to_nul(text),
        last,
        at: 0,
        builder: Builder::new(),
        scratch: Vec::new(),
        entities: Entities::predefined(),
        lines_lost: 0,
    };
    parser.run()
}

struct Parser<'t> {
    /// The text without its last byte: the switch keeps that one apart and puts a NUL in its place.
    text: &'t [u8],
    last: u8,
    at: usize,
    builder: Builder,
    /// The value of an attribute while it is decoded.
    scratch: Vec<u8>,
    entities: Entities,
    /// The line ends before `at` that the switch has overwritten by now, less those it has made.
    lines_lost: isize,
}

impl<'t> Parser<'t> {
    fn run(mut self) -> Result<Document, ParseError> {
        self.skip_to(b'<');
        if self.is_at_end() {
            return Err(self.error(self.at, b"root tag missing"));
        }
        loop {
            self.at += 1;
            let begin = self.at;
            self.markup()?;
            if self.is_at_end() {
                return self.finish(begin);
            }
            self.at += 1;
            let text_begin = self.at;
            self.skip_to(b'<');
            if self.is_at_end() {
                return self.finish(text_begin);
            }
            self.add_text(text_begin, self.at, Kind::Text);
        }
    }

    fn finish(self, at: usize) -> Result<Document, ParseError> {
        if let Some(name) = self.builder.innermost() {
            return Err(self.error(at, &[b"unclosed tag <", name, b">"].concat()));
        }
        if !self.builder.has_root() {
            return Err(self.error(at, b"root tag missing"));
        }
        Ok(self.builder.finish())
    }

    /// Whatever begins with `<`; ends at its `>`.
    fn markup(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        match self.byte() {
            b'/' => self.closing_tag(),
            b'?' => self.instruction(),
            byte if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..) => self.tag(),
            _ if self.rest().starts_with(b"!--") => self.comment(),
            _ if self.rest().starts_with(b"![CDATA[") => self.cdata(),
            _ if self.rest().starts_with(b"!DOCTYPE") => self.doctype(),
            _ => Err(self.error(begin, b"unexpected <")),
        }
    }

    fn tag(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        if self.builder.has_root() && self.builder.depth() == 0 {
            return Err(self.error(begin, b"markup outside of root element"));
        }
        self.skip_until(|byte| is_blank(byte) || matches!(byte, b'/' | b'>'));
        let name = self.text.get(begin..self.at).unwrap_or_default();
        let mut lost = self.skip_space();
        self.attributes(begin, &mut lost)?;
        let closes_itself = self.byte() == b'/';
        self.at += usize::from(closes_itself);
        if !self.is_at_greater_than() {
            return Err(self.error(begin, b"missing >"));
        }
        self.lines_lost += lost;
        if self.builder.depth() >= DEEPEST {
            return Err(self.error(begin, b"nested too deep"));
        }
        self.builder.open(name);
        if closes_itself {
            self.builder.close();
        }
        Ok(())
    }

    /// The attributes up to the end of a tag. Adds to `lost` the line ends that the switch forgets.
    fn attributes(&mut self, tag: usize, lost: &mut isize) -> Result<(), ParseError> {
        let mut names = Names::default();
        while !self.is_at_end() && !matches!(self.byte(), b'/' | b'>') {
            let begin = self.at;
            self.skip_until(|byte| is_blank(byte) || matches!(byte, b'=' | b'/' | b'>'));
            let name = self.text.get(begin..self.at).unwrap_or_default();
            let mut has_value = false;
            if self.byte() == b'=' || is_space(self.byte()) {
                *lost += isize::from(self.byte() == b'\n');
                self.at += 1;
                self.skip_until(|byte| !is_blank(byte) && byte != b'=');
                has_value = matches!(self.byte(), b'"' | b'\'');
            }
            if has_value {
                *lost += self.quoted(tag)?;
            }
            let is_hidden = names.hides(name, has_value);
            self.builder.add_attribute(name, has_value.then_some(&self.scratch[..]), is_hidden);
            self.skip_until(|byte| !is_space(byte));
        }
        Ok(())
    }

    /// Decodes the value that begins with the quote here. Gives the line ends lost in it.
    fn quoted(&mut self, tag: usize) -> Result<isize, ParseError> {
        let quote = self.byte();
        self.at += 1;
        let begin = self.at;
        self.skip_to(quote);
        if self.is_at_end() {
            return Err(self.error(tag, &[b"missing ", &[quote][..]].concat()));
        }
        let raw = self.text.get(begin..self.at).unwrap_or_default();
        self.scratch.clear();
        let lines_left = decode(raw, Kind::Attribute, &mut self.entities, &mut self.scratch);
        self.at += 1;
        Ok(difference(line_ends(raw), lines_left))
    }

    fn closing_tag(&mut self) -> Result<(), ParseError> {
        let slash = self.at;
        self.at += 1;
        let begin = self.at;
        self.skip_until(|byte| is_blank(byte) || byte == b'>');
        if self.is_at_end() && self.last != b'>' {
            return Err(self.error(slash, b"missing >"));
        }
        let name = self.text.get(begin..self.at).unwrap_or_default();
        if self.builder.innermost() != Some(name) {
            return Err(self.error(self.at, &[b"unexpected closing tag </", name, b">"].concat()));
        }
        self.builder.close();
        if is_space(self.byte()) {
            self.skip_until(|byte| !is_blank(byte));
        }
        // Whatever stands here now counts as the `>`.
        Ok(())
    }

    fn comment(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        let dashes = self.find(begin + 3, b"--");
        self.at = dashes.map_or(self.text.len(), |dashes| dashes + 2);
        if dashes.is_none() || !self.is_at_greater_than() {
            return Err(self.error(begin, b"unclosed <!--"));
        }
        Ok(())
    }

    fn cdata(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        let Some(end) = self.find(begin, b"]]>") else {
            return Err(self.error(begin, b"unclosed <![CDATA["));
        };
        self.add_text(begin + 8, end, Kind::CData);
        self.at = end + 2;
        Ok(())
    }

    fn instruction(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        match self.find(begin, b"?>") {
            Some(end) => self.at = end + 1,
            None if self.rest().ends_with(b"?") && self.last == b'>' => self.at = self.text.len(),
            None => return Err(self.error(begin, b"unclosed <?")),
        }
        Ok(())
    }

    fn doctype(&mut self) -> Result<(), ParseError> {
        let begin = self.at;
        let mut subset = None;
        loop {
            let ends = match (self.byte(), subset) {
                (b'>', None) => true,
                (b']', Some(_)) => self.is_end_of_subset(),
                _ => false,
            };
            if ends || self.is_at_end() {
                break;
            }
            if self.byte() == b'[' && subset.is_none() {
                subset = Some(self.at + 1);
            }
            self.at += 1;
            self.skip_until(|byte| matches!(byte, b'[' | b']' | b'>'));
        }
        if self.is_at_end() && self.last != b'>' {
            return Err(self.error(begin, b"unclosed <!DOCTYPE"));
        }
        if let Some(subset) = subset {
            let declarations = self.text.get(subset..self.at).unwrap_or_default();
            self.declarations(declarations, subset)?;
            self.at += 1;
        }
        Ok(())
    }

    /// Whether only blanks stand between the `]` here and a `>`.
    fn is_end_of_subset(&self) -> bool {
        let behind = self.rest().iter().skip(1);
        behind.copied().find(|&byte| !is_blank(byte)) == Some(b'>')
    }

    /// The declarations within a `<!DOCTYPE [ ]>`, of which only those of entities count.
    fn declarations(&mut self, declarations: &[u8], offset: usize) -> Result<(), ParseError> {
        let mut rest = declarations;
        while let Some(at) = memchr::memchr2(b'<', b'%', rest) {
            rest = rest.get(at..).unwrap_or_default();
            rest = if let Some(declaration) = rest.strip_prefix(b"<!ENTITY") {
                let begin = offset + declarations.len() - declaration.len();
                self.entity(declaration, begin)?
            } else if rest.starts_with(b"%") {
                // What a parameter entity would bring in is not read, nor is what follows it.
                return Ok(());
            } else {
                let end: &[u8] = if rest.starts_with(b"<!--") {
                    b"-->"
                } else if rest.starts_with(b"<?") {
                    b"?>"
                } else {
                    b">"
                };
                behind(rest, end)
            };
        }
        Ok(())
    }

    /// One declaration behind its `<!ENTITY`; gives what follows it.
    fn entity<'d>(&mut self, declaration: &'d [u8], offset: usize) -> Result<&'d [u8], ParseError> {
        let text = trimmed(declaration, is_blank);
        let is_parameter = text.starts_with(b"%");
        let text = trimmed(text, |byte| is_blank(byte) || byte == b'%');
        let (name, text) = text.split_at(text.iter().position(|&byte| is_blank(byte)).unwrap_or(text.len()));
        let text = trimmed(text, is_blank);
        let Some((&quote, text)) = text.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\'')) else {
            return Ok(behind(text, b">"));
        };
        let Some(end) = memchr::memchr(quote, text) else { return Ok(b"") };
        let (raw, rest) = text.split_at(end);
        let mut value = Vec::new();
        decode(raw, Kind::EntityValue, &mut self.entities, &mut value);
        let declared = self.entities.declare(is_parameter, name, value);
        declared.map_err(|Circular| {
            let at = offset + declaration.len() - text.len();
            self.error(at, &[b"circular entity declaration &", name, b";"].concat())
        })?;
        Ok(rest.get(1..).unwrap_or_default())
    }

    /// Adds to the text of the innermost element; outside of all there is none.
    fn add_text(&mut self, begin: usize, end: usize, kind: Kind) {
        let raw = self.text.get(begin..end).unwrap_or_default();
        if let Some(text) = self.builder.text() {
            let lines_left = decode(raw, kind, &mut self.entities, text);
            self.lines_lost += difference(line_ends(raw), lines_left);
        }
    }

    fn error(&self, offset: usize, what: &[u8]) -> ParseError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = 1 + line_ends(before).saturating_add_signed(-self.lines_lost);
        ParseError { line, offset, what: what.to_vec() }
    }

    /// The byte here; NUL at the end.
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether here is a `>`, be it the very last byte.
    fn is_at_greater_than(&self) -> bool {
        self.byte() == b'>' || (self.is_at_end() && self.last == b'>')
    }

    fn find(&self, from: usize, what: &[u8]) -> Option<usize> {
        let rest = self.text.get(from..)?;
        memchr::memmem::find(rest, what).map(|at| from + at)
    }

    fn skip_to(&mut self, byte: u8) {
        self.at += memchr::memchr(byte, self.rest()).unwrap_or(self.rest().len());
    }

    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|&byte| stop(byte)).unwrap_or(rest.len());
    }

    /// Skips the white space behind a tag's name, and tells how many line ends are lost with it.
    fn skip_space(&mut self) -> isize {
        let begin = self.at;
        self.skip_until(|byte| !is_space(byte));
        line_ends(self.text.get(begin..self.at).unwrap_or_default()).cast_signed()
    }
}

/// The names of one tag's attributes, and whether each has a value.
#[derive(Default)]
struct Names<'t> {
    few: Vec<(&'t [u8], bool)>,
    more: BTreeMap<&'t [u8], bool>,
}

impl<'t> Names<'t> {
    /// Adds a name. Gives whether an earlier attribute of that name hides this one.
    fn hides(&mut self, name: &'t [u8], has_value: bool) -> bool {
        let among_few = self.few.iter().find(|(known, _)| *known == name).map(|(_, has_value)| *has_value);
        if let Some(first_has_value) = among_few.or_else(|| self.more.get(name).copied()) {
            // Two without a value are one and the same to the switch, so that it shows both.
            return first_has_value || has_value;
        }
        if self.few.len() < FEW {
            self.few.push((name, has_value));
        } else {
            self.more.insert(name, has_value);
        }
        false
    }
}

/// How many line ends are lost.
fn difference(before: usize, after: usize) -> isize {
    before.cast_signed() - after.cast_signed()
}

/// White space as XML knows it.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trimmed(text: &[u8], is_trimmed: impl Fn(u8) -> bool) -> &[u8] {
    let begin = text.iter().position(|&byte| !is_trimmed(byte)).unwrap_or(text.len());
    text.get(begin..).unwrap_or_default()
}

/// What follows the first `end`; nothing without one.
fn behind<'t>(text: &'t [u8], end: &[u8]) -> &'t [u8] {
    memchr::memmem::find(text, end).and_then(|at| text.get(at + end.len()..)).unwrap_or_default()
}
