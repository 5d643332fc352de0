//! The XML of `xml_locate`: a walk over its elements.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{Trouble, excerpt};

/// Somebody who is shown every element, in the order of the document.
pub(super) trait Visitor {
    /// An element begins inside of `around`.
    fn open(&mut self, around: Path<'_>, element: Element<'_>);

    /// Text inside of the innermost open element.
    fn text(&mut self, _text: &str) {}

    /// The innermost open element, which began inside of `around`, ends.
    fn close(&mut self, _around: Path<'_>, _element: Element<'_>) {}
}

/// The elements around another one, from the root in.
#[derive(Clone, Copy)]
pub(super) struct Path<'p>(&'p [BytesStart<'p>]);

impl Path<'_> {
    /// Whether the elements have exactly these names.
    pub(super) fn is(self, names: &[&str]) -> bool {
        self.0.len() == names.len() && self.0.iter().zip(names).all(|(start, name)| start.name().as_ref() == *name)
    }

    /// How many elements there are.
    pub(super) fn depth(self) -> usize {
        self.0.len()
    }

    /// The name of the innermost one.
    pub(super) fn parent(&self) -> &str {
        self.0.last().map_or("", |start| name(start))
    }
}

/// One element with its attributes.
#[derive(Clone, Copy)]
pub(super) struct Element<'e>(&'e BytesStart<'e>);

impl<'e> Element<'e> {
    /// Its name.
    pub(super) fn name(self) -> &'e str {
        name(self.0)
    }

    /// The value of the first attribute of that name, as the switch has it.
    pub(super) fn attribute(self, name: &str) -> Option<Cow<'e, str>> {
        let attribute = self.0.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == name)?;
        Some(match attribute.value {
            Cow::Borrowed(value) => decode(value),
            Cow::Owned(value) => Cow::Owned(decode(&value).into_owned()),
        })
    }

    /// The value of an attribute; empty if it is not there.
    pub(super) fn value(self, name: &str) -> Cow<'e, str> {
        self.attribute(name).unwrap_or_default()
    }
}

fn name<'e>(start: &'e BytesStart<'e>) -> &'e str {
    start.name().into_inner()
}

/// Shows `visitor` all of `answer`, whose root must be an element `root`.
pub(super) fn walk(answer: &[u8], root: &'static str, visitor: &mut impl Visitor) -> Result<(), Trouble> {
    if !answer.trim_ascii_start().starts_with(b"<") {
        return Err(Trouble::Said(excerpt(answer)));
    }
    walk_file(answer, root, visitor)
}

/// Shows `visitor` all of a document whose root must be an element `root`.
pub(super) fn walk_file(document: &[u8], root: &'static str, visitor: &mut impl Visitor) -> Result<(), Trouble> {
    // Beyond ASCII the switch writes references; only names of elements and attributes can hold odd bytes.
    let text = String::from_utf8_lossy(document);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    // Behind `<!` in a value the switch stops escaping.
    config.allow_dangling_amp = true;
    let mut open: Vec<BytesStart<'_>> = Vec::new();
    let mut rooted = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if open.is_empty() && (rooted || name(&start) != root) {
                    return Err(Trouble::NotA(root));
                }
                rooted = true;
                if start.attributes().with_checks(false).any(|attribute| attribute.is_err()) {
                    return Err(fault(&reader, &open));
                }
                visitor.open(Path(&open), Element(&start));
                open.push(start);
            }
            Ok(Event::End(_)) => {
                // The reader reports no end without its beginning.
                if let Some(start) = open.pop() {
                    visitor.close(Path(&open), Element(&start));
                }
            }
            Ok(Event::Text(text)) => visitor.text(&text),
            Ok(Event::CData(text)) => visitor.text(&text),
            Ok(Event::GeneralRef(reference)) => visitor.text(&decode(&format!("&{};", &*reference))),
            Ok(Event::Eof) if rooted && open.is_empty() => return Ok(()),
            Ok(Event::Eof) | Err(_) => return Err(fault(&reader, &open)),
            Ok(_) => {}
        }
    }
}

/// So many of the open elements are named, from the outside in. A user has five around it.
const NAMED: usize = 12;

fn fault(reader: &Reader<&[u8]>, open: &[BytesStart<'_>]) -> Trouble {
    let mut inside: Vec<String> = open.iter().take(NAMED).map(label).collect();
    if open.len() > NAMED {
        inside.push(format!("{} more", open.len() - NAMED));
    }
    let inside = if inside.is_empty() { "nothing".into() } else { inside.join(" > ") };
    Trouble::NotWellFormed { at: reader.buffer_position(), inside }
}

/// The element's name, with what tells it from its siblings. That is never a secret.
fn label(start: &BytesStart<'_>) -> String {
    let element = Element(start);
    match element.attribute("id").or_else(|| element.attribute("name")) {
        Some(which) if matches!(element.name(), "user" | "group" | "domain" | "context" | "extension") => {
            format!("{} {:.64?}", element.name(), which)
        }
        _ => element.name().chars().take(64).collect(),
    }
}

/// Resolves the references of a value: the five named ones and those to characters. What is no reference stays as it
/// is, and a reference to what is no character becomes U+FFFD.
fn decode(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('&') else { return Cow::Borrowed(raw) };
    let mut decoded = raw[..first].to_owned();
    let mut rest = &raw[first..];
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        let reference = &rest[at + 1..];
        // The longest is `&#x10FFFF;`.
        let end = reference.bytes().take(10).position(|byte| byte == b';');
        if let Some((character, end)) = end.and_then(|end| Some((resolve(&reference[..end])?, end))) {
            decoded.push(character);
            rest = &reference[end + 1..];
        } else {
            decoded.push('&');
            rest = reference;
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn resolve(reference: &str) -> Option<char> {
    match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let number = reference.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen(String);

    impl Visitor for Seen {
        fn open(&mut self, around: Path<'_>, element: Element<'_>) {
            let slashes = "/".repeat(around.depth());
            self.0.extend([&*slashes, element.name(), "(", &*element.value("v"), ")"]);
        }

        fn text(&mut self, text: &str) {
            self.0 += text;
        }
    }

    fn seen(answer: &str) -> Result<String, Trouble> {
        let mut seen = Seen::default();
        walk(answer.as_bytes(), "section", &mut seen).map(|()| seen.0)
    }

    fn check(answer: &str, expected: &str) {
        assert_eq!(seen(answer).as_deref(), Ok(expected), "{answer}");
    }

    fn check_refused(answer: &str, trouble: &Trouble) {
        assert_eq!(seen(answer).as_ref(), Err(trouble), "{answer}");
    }

    fn check_broken(answer: &str, at: u64, inside: &str) {
        check_refused(answer, &Trouble::NotWellFormed { at, inside: inside.into() });
    }

    #[test]
    fn values_and_text_are_decoded() {
        check(
            r#"<section v="Anna M&#xFC;ller &amp; &lt;B> &quot;'"><a v="&#65;&#x1F3A7;"></a></section>"#,
            "section(Anna Müller & <B> \"')/a(A🎧)",
        );
        check(r"<section>a &lt; b &#xE4; c</section>", "section()a < b ä c");
    }

    #[test]
    fn what_is_no_reference_stays_and_what_is_no_character_is_replaced() {
        check(
            r#"<section v="a & b &c; &amp;#0; &#xD800;&#x110000; &"></section>"#,
            "section(a & b &c; &#0; \u{fffd}\u{fffd} &)",
        );
    }

    #[test]
    fn an_answer_that_is_no_xml_is_quoted() {
        check_refused("can't find anything\n", &Trouble::Said("can't find anything".into()));
        check_refused("", &Trouble::Said(String::new()));
    }

    #[test]
    fn another_root_and_a_second_root_are_refused() {
        check_refused("<configuration></configuration>", &Trouble::NotA("section"));
        check_refused("<section></section><section></section>", &Trouble::NotA("section"));
    }

    #[test]
    fn a_fault_is_reported_with_its_place_and_without_the_values() {
        check_broken(
            r#"<section name="directory"><user id="20006"><param value="x <! " secret"></param></user></section>"#,
            97,
            r#"section > user "20006""#,
        );
    }

    #[test]
    fn of_many_open_elements_the_outer_ones_are_named() {
        let inside = format!("section{} > 988 more", " > a".repeat(11));
        check_broken(&format!("<section>{}", "<a>".repeat(999)), 3006, &inside);
    }

    #[test]
    fn an_answer_that_breaks_off_is_no_answer() {
        check_broken("<section><a></a>", 16, "section");
        check_broken("<section><a></section>", 22, "section > a");
        check_broken("<section", 8, "nothing");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let answer = [b"<section>".as_slice(), &bytes, b"</section>"].concat();
            let _ = walk(&answer, "section", &mut Seen::default());
        }

        #[test]
        fn no_mixture_of_markup_makes_the_walk_panic(parts in proptest::collection::vec(
            prop::sample::select(vec!["<", ">", "&", ";", "\"", "<!", "<![CDATA[", "-->", "<!--", "a", "=", "/", "#x", " ", "ü", "<?", "]]>"]), 0..40)
        ) {
            let answer = format!("<section>{}</section>", parts.concat());
            let _ = walk(answer.as_bytes(), "section", &mut Seen::default());
        }
    }
}
