//! A walk over an XML document that knows where each piece stands.

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// One piece of a document: a tag, a text, a comment and so on. The pieces, one after another, are the document.
pub(super) struct Piece<'d> {
    /// What it is.
    pub(super) event: Event<'d>,
    /// Where it stands, in bytes.
    pub(super) span: Range<usize>,
    /// How many elements are around it. The tags of an element are outside of it.
    pub(super) depth: usize,
}

/// Where a document is not as it has to be, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The place in bytes.
    pub(super) at: usize,
    /// Why. The words can hold names from the document.
    pub(super) reason: String,
}

impl Flaw {
    pub(super) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }

    /// The line of the flaw in this document.
    pub(super) fn line(&self, document: &str) -> usize {
        let before = document.as_bytes().get(..self.at).unwrap_or(document.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }
}

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Shows `each` all pieces of a document, as long as it is well-formed. Entities are not resolved, whatever their names
/// are. The time is linear in the size of the document, and the stack does not grow with it.
pub(super) fn walk(document: &str, mut each: impl FnMut(&Piece<'_>) -> Result<(), Flaw>) -> Result<(), Flaw> {
    let text = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
    let skipped = document.len() - text.len();
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(Flaw::new(skipped, "two byte order marks"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut open: Vec<usize> = Vec::new();
    let mut rooted = false;
    loop {
        let begin = skipped + place(reader.buffer_position());
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return Err(Flaw::new(skipped + place(reader.error_position()), error.to_string())),
        };
        if matches!(event, Event::End(_)) {
            open.pop();
        }
        let span = begin..skipped + place(reader.buffer_position());
        let piece = Piece { event, span, depth: open.len() };
        check(&piece, rooted, skipped)?;
        match piece.event {
            Event::Eof => return end(&piece, &open, rooted),
            Event::Start(_) => open.push(piece.span.start),
            _ => {}
        }
        rooted |= matches!(piece.event, Event::Start(_) | Event::Empty(_));
        each(&piece)?;
    }
}

fn place(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// What the reader does not look at.
fn check(piece: &Piece<'_>, rooted: bool, first: usize) -> Result<(), Flaw> {
    let flaw = |reason: &str| Err(Flaw::new(piece.span.start, reason));
    let outside = piece.depth == 0;
    match &piece.event {
        Event::Start(_) | Event::Empty(_) if outside && rooted => flaw("a second root element"),
        Event::Start(start) | Event::Empty(start) => check_tag(start).or_else(flaw),
        Event::Text(text) if outside && !text.chars().all(is_blank) => flaw("text outside of the root element"),
        Event::CData(_) | Event::GeneralRef(_) if outside => flaw("text outside of the root element"),
        Event::Decl(_) if piece.span.start != first => flaw("an XML declaration that is not at the beginning"),
        _ => Ok(()),
    }
}

fn check_tag(start: &BytesStart<'_>) -> Result<(), &'static str> {
    let is_name = |name: &str| name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii());
    if !is_name(start.name().as_ref()) {
        return Err("an element without a name");
    }
    // That no attribute comes twice is left unchecked: the time for it would be quadratic.
    let mut attributes = start.attributes();
    let fine = attributes.with_checks(false).all(|found| found.is_ok_and(|attribute| is_name(attribute.key.as_ref())));
    if fine { Ok(()) } else { Err("an attribute that is none") }
}

fn end(piece: &Piece<'_>, open: &[usize], rooted: bool) -> Result<(), Flaw> {
    match open.last() {
        Some(begin) => Err(Flaw::new(*begin, "an element that does not end")),
        None if !rooted => Err(Flaw::new(piece.span.start, "no root element")),
        None => Ok(()),
    }
}

/// Whether the character is white space in the sense of XML.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(document: &str) -> Result<Vec<String>, Flaw> {
        let mut pieces = Vec::new();
        walk(document, |piece| {
            pieces.push(format!("{}{}", piece.depth, &document[piece.span.clone()]));
            Ok(())
        })?;
        Ok(pieces)
    }

    fn check_refused(document: &str, line: usize, reason: &str) {
        let flaw = pieces(document).unwrap_err();
        assert_eq!((flaw.line(document), &*flaw.reason), (line, reason), "{document}");
    }

    #[test]
    fn the_pieces_know_their_places() {
        let document = "\u{FEFF}<?xml version='1.0'?>\n<!--x--><a><b c='>'/>ü&lt;<![CDATA[<]]></a>\n";
        let expected = [
            "0<?xml version='1.0'?>",
            "0\n",
            "0<!--x-->",
            "0<a>",
            "1<b c='>'/>",
            "1ü",
            "1&lt;",
            "1<![CDATA[<]]>",
            "0</a>",
            "0\n",
        ];
        assert_eq!(pieces(document).unwrap(), expected);
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_place() {
        check_refused("", 1, "no root element");
        check_refused("<!-- x -->\n", 2, "no root element");
        check_refused("<a>\n<b>\n</a>", 3, "ill-formed document: expected `</b>`, but `</a>` was found");
        check_refused("<a>\n<b>", 2, "an element that does not end");
        check_refused("<a/>\n<b/>", 2, "a second root element");
        check_refused("<a/>\nx", 1, "text outside of the root element");
        check_refused("&lt;<a/>", 1, "text outside of the root element");
        check_refused("\n<?xml version='1.0'?><a/>", 2, "an XML declaration that is not at the beginning");
        check_refused("<a>\n< b/></a>", 2, "an element without a name");
        check_refused("<a\nb/>", 1, "an attribute that is none");
        check_refused("<a b='1'c=2/>", 1, "an attribute that is none");
        check_refused("<a \"b\"='1'/>", 1, "an attribute that is none");
        check_refused("\u{FEFF}\u{FEFF}<a/>", 1, "two byte order marks");
        for document in ["<a>&</a>", "<a>&x</a>", "<a><!-- -- --></a>", "<a><![CDATA[</a>", "<a b='</a>", "</a>"] {
            assert!(pieces(document).is_err(), "{document}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_document_and_no_mixture_of_markup_makes_the_walk_panic(parts in proptest::collection::vec(
            prop::sample::select(vec![
                "<a>", "</a>", "<a/>", "<b c='&lt;'>", "</b>", "<", ">", "&", ";", "\"", "'", "<!", "<![CDATA[", "-->", "<!--", "a", "=",
                "/", "#x", " ", "ü", "<?", "?>", "]]>", "<!DOCTYPE", "[", "\u{FEFF}", "<?xml ",
            ]),
            0..30,
        )) {
            let document = format!("<r>{}</r>", parts.concat());
            if let Ok(pieces) = pieces(&document) {
                let together: String = pieces.iter().map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit())).collect();
                prop_assert_eq!(together, document);
            }
        }
    }
}
