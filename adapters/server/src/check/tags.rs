//! Where the elements of the loaded tree begin in the merged text.
//!
//! The tree holds its elements in the order of their tags, but not where these were. This scanner goes through the merged text
//! by the same lenient rules and only notes where tags begin; it may rely on the parser having accepted the text.

/// The offset of every opening tag, in their order.
pub(super) fn openings(merged: &[u8]) -> Vec<usize> {
    // The parser sees the text up to its first NUL.
    let text = merged.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut scanner = Scanner { text, at: 0 };
    let mut openings = Vec::new();
    while scanner.skip_to(b'<') {
        if scanner.is_opening() {
            openings.push(scanner.at);
        }
        scanner.skip_markup();
    }
    openings
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Whether the `<` here begins an element.
    fn is_opening(&self) -> bool {
        let next = self.text.get(self.at + 1).copied().unwrap_or_default();
        next.is_ascii_alphabetic() || matches!(next, b'_' | b':' | 0x80..)
    }

    fn skip_markup(&mut self) {
        let rest = self.rest();
        if self.is_opening() {
            self.skip_tag();
        } else if rest.starts_with(b"<!--") {
            self.skip_behind(b"<!--".len(), b"-->");
        } else if rest.starts_with(b"<![CDATA[") {
            self.skip_behind(0, b"]]>");
        } else if rest.starts_with(b"<?") {
            self.skip_behind(0, b"?>");
        } else if rest.starts_with(b"<!DOCTYPE") {
            self.skip_doctype();
        } else {
            self.skip_closing_tag();
        }
    }

    fn skip_tag(&mut self) {
        self.skip_until(|byte| is_space(byte) || matches!(byte, b'/' | b'>'));
        self.skip_until(|byte| !is_space(byte));
        while !matches!(self.byte(), None | Some(b'/' | b'>')) {
            self.skip_until(|byte| is_space(byte) || matches!(byte, b'=' | b'/' | b'>'));
            if self.byte().is_some_and(|byte| byte == b'=' || is_space(byte)) {
                self.skip_until(|byte| !is_space(byte) && byte != b'=');
                if let Some(quote @ (b'"' | b'\'')) = self.byte() {
                    self.at += 1;
                    self.skip_to(quote);
                    self.at += 1;
                }
            }
            self.skip_until(|byte| !is_space(byte));
        }
        self.at += 1;
    }

    fn skip_closing_tag(&mut self) {
        self.skip_until(|byte| is_space(byte) || byte == b'>');
        self.skip_until(|byte| !is_space(byte));
        // Whatever stands here counts as the `>`.
        self.at += 1;
    }

    /// Its declarations may hold whole tags, in quotes; they end at a `]` in front of the `>`.
    fn skip_doctype(&mut self) {
        self.skip_until(|byte| matches!(byte, b'[' | b'>'));
        if self.byte() == Some(b'>') {
            return;
        }
        while self.skip_to(b']') {
            self.at += 1;
            let behind = self.rest().trim_ascii_start();
            if behind.starts_with(b">") {
                return;
            }
        }
    }

    /// Goes behind the first `end` that stands at least `from` bytes further.
    fn skip_behind(&mut self, from: usize, end: &[u8]) {
        let begin = self.at + from;
        let mut windows = self.text.get(begin..).unwrap_or_default().windows(end.len());
        let found = windows.position(|window| window == end);
        self.at = found.map_or(self.text.len(), |found| begin + found + end.len());
    }

    /// Goes to the next `byte`; to the end when there is none.
    fn skip_to(&mut self, byte: u8) -> bool {
        let found = self.rest().iter().position(|&here| here == byte);
        self.at = found.map_or(self.text.len(), |found| self.at + found);
        found.is_some()
    }

    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| stop(byte)).unwrap_or(rest.len());
        self.at += length;
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let openings = openings(text.as_bytes());
        let names: Vec<&str> =
            openings.iter().map(|at| text[at + 1..].split([' ', '/', '>']).next().unwrap()).collect();
        assert_eq!(names, expected, "{text}");
    }

    #[test]
    fn every_opening_tag_is_found_and_nothing_else() {
        check("<a x=\"<b>\" y='\"<c>'><d/>text<e></e ></a>", &["a", "d", "e"]);
        check("<?xml <b>?><a><!-- <c> --><![CDATA[<d>]]><e/></a>", &["a", "e"]);
        check("<!DOCTYPE a [<!ENTITY x \"<b> ]\">] ><a/>", &["a"]);
        check("<!DOCTYPE a><a x = \"1\" y z=2 b=\">\"/>", &["a"]);
    }

    #[test]
    fn a_text_that_breaks_off_comes_to_an_end() {
        for text in ["<", "<a", "<a x", "<a x=", "<a x=\"", "<!--", "<![CDATA[", "<!DOCTYPE [ ]", "</", "<?", "<a\0<b>"]
        {
            assert!(openings(text.as_bytes()).len() <= 1, "{text:?}");
        }
    }
}
