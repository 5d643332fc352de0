//! How a value is written where it stands.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As the text of an element or the value of an attribute in double quotes. Line breaks and tabs come as references:
/// in an attribute they would be read as blanks.
pub(super) fn xml(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
}

/// As [`xml`], and what cannot stand in XML at all becomes U+FFFD. The switch is more lenient, phones are not.
pub(super) fn strict_xml(value: &str, out: &mut String) {
    xml(&value.replace(|c| !is_legal(c), "\u{FFFD}"), out);
}

/// Whether XML 1.0 can hold the character.
pub(super) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// As a part of a URL between any of its delimiters.
pub(super) fn url(value: &str, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "{}", utf8_percent_encode(value, RESERVED));
}

/// As what stands between the quotes of a quoted-string of SIP (RFC 3261) in XML.
pub(super) fn sip(value: &str, out: &mut String) {
    let mut quoted = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // These cannot be quoted.
            '\r' | '\n' => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    strict_xml(&quoted, out);
}

/// As [`sip`], for a name that is taken for the text of a vCard (RFC 6350) afterwards. liblinphone does so with contacts,
/// and drops those whose names are no such text.
pub(super) fn sip_vcard(value: &str, out: &mut String) {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '\\' | ',') {
            text.push('\\');
        }
        text.push(character);
    }
    sip(&text, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(escape: fn(&str, &mut String), value: &str, expected: &str) {
        let mut out = String::new();
        escape(value, &mut out);
        assert_eq!(out, expected, "{value:?}");
    }

    #[test]
    fn xml_holds_markup_and_line_breaks_as_references() {
        check(xml, "<a b=\"c\">'&amp;\t\r\n", "&lt;a b=&quot;c&quot;&gt;'&amp;amp;&#9;&#13;&#10;");
        check(xml, "\u{1}", "\u{1}");
        check(strict_xml, "ü\u{1}\u{FFFE}🎧\t", "ü\u{FFFD}\u{FFFD}🎧&#9;");
    }

    #[test]
    fn a_url_holds_only_unreserved_characters() {
        check(url, "aZ09-._~", "aZ09-._~");
        check(url, "a b:c@d/e?f#g%h&i\"<ü", "a%20b%3Ac%40d%2Fe%3Ff%23g%25h%26i%22%3C%C3%BC");
    }

    #[test]
    fn a_quoted_string_escapes_quotes_and_backslashes_before_xml_does() {
        check(sip, r#"J"ü\r & <Co>"#, r"J\&quot;ü\\r &amp; &lt;Co&gt;");
        check(sip, "a\r\nb\u{0}", "a  b\u{FFFD}");
        check(sip_vcard, r#"a,b\c"d"#, r"a\\,b\\\\c\&quot;d");
    }
}
