//! `$${name}` within one line.
//!
//! The switch works in two buffers: the line as read, and one twice as large for the line with its values. It marks the end of a
//! variable's name by a NUL in the first, and what fits badly into the second comes out damaged. Both can be seen from outside,
//! so both are modelled.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::globals::Globals;

const OPENING: &[u8] = b"$${";

/// A line with its variables replaced.
pub(super) struct Expanded<'l> {
    /// The line as the preprocessor goes on with it.
    pub(super) text: Cow<'l, [u8]>,
    /// How much of the line as read can still be seen: all, or up to the end of its first variable's name.
    pub(super) visible: &'l [u8],
    /// The names that have no value.
    pub(super) undefined: Vec<&'l [u8]>,
    /// Some `$${` has no `}`.
    pub(super) unterminated: bool,
    /// The line lost its end.
    pub(super) too_long: bool,
}

/// Replaces the variables of `line`. The result has room for `room` bytes, of which the last should stay free.
pub(super) fn expand<'l>(line: &'l [u8], room: usize, globals: &Globals) -> Expanded<'l> {
    let mut expanded = Expanded {
        text: Cow::Borrowed(line),
        visible: line,
        undefined: Vec::new(),
        unterminated: false,
        too_long: false,
    };
    let mut dollars = memchr::memchr_iter(b'$', line);
    if !dollars.any(|at| line.get(at..).is_some_and(|here| here.starts_with(OPENING))) {
        return expanded;
    }
    let braces = pairs_of_braces(line);
    let mut written = Vec::with_capacity(line.len());
    let mut at = 0;
    while let (Some(&byte), true) = (line.get(at), written.len() + 1 < room) {
        let begins = line.get(at..).is_some_and(|rest| rest.starts_with(OPENING));
        let end = braces.get(&(at + 2)).filter(|_| begins);
        if let Some((&end, name)) = end.and_then(|end| Some((end, line.get(at + OPENING.len()..*end)?))) {
            if expanded.visible.len() == line.len() {
                expanded.visible = line.get(..end).unwrap_or(line);
            }
            match globals.value(name) {
                // A value may use the byte that should stay free.
                Some(value) => written.extend(value.iter().take(room - written.len())),
                None => expanded.undefined.push(name),
            }
            at = end + 1;
        } else {
            expanded.unterminated |= begins;
            written.push(byte);
            at += 1;
        }
    }
    expanded.too_long = written.len() + 1 >= room;
    expanded.text = if written.len() + 1 == room { Cow::Borrowed(expanded.visible) } else { Cow::Owned(written) };
    expanded
}

/// Where each `{` that is closed has its `}`.
fn pairs_of_braces(line: &[u8]) -> BTreeMap<usize, usize> {
    let mut open = Vec::new();
    let mut pairs = BTreeMap::new();
    for at in memchr::memchr2_iter(b'{', b'}', line) {
        if line.get(at) == Some(&b'{') {
            open.push(at);
        } else if let Some(opening) = open.pop() {
            pairs.insert(opening, at);
        }
    }
    pairs
}

/// The line as the switch's string functions see it: up to its first NUL.
pub(super) fn up_to_nul(line: &[u8]) -> &[u8] {
    memchr::memchr(0, line).and_then(|end| line.get(..end)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &str, room: usize) -> String {
        let globals = Globals::from_listing(b"a=one\nten=1234567890\n");
        let expanded = expand(line.as_bytes(), room, &globals);
        String::from_utf8_lossy(&expanded.text).into_owned()
    }

    #[test]
    fn a_value_that_crosses_the_limit_is_cut_there() {
        assert_eq!(expanded("x$${ten} tail", 8), "x1234567");
    }

    #[test]
    fn a_text_that_crosses_the_limit_loses_all_behind_the_first_name() {
        assert_eq!(expanded("x$${a} tail", 8), "x$${a");
        assert_eq!(expanded("x$${a} tail", 11), "xone tail");
        assert_eq!(expanded("x$${a} tail", 10), "x$${a");
    }

    #[test]
    fn a_value_that_ends_at_the_limit_counts_as_text() {
        assert_eq!(expanded("$${ten}", 11), "$${ten");
        assert_eq!(expanded("$${ten}", 10), "1234567890");
    }

    #[test]
    fn what_is_undefined_or_unterminated_is_told() {
        let expanded = expand(b"[$${b}] $${{} $${a", 100, &Globals::default());
        assert_eq!(expanded.text.as_ref(), b"[] $${{} $${a");
        assert_eq!(expanded.undefined, [b"b"]);
        assert!(expanded.unterminated);
        assert_eq!(expanded.visible, b"[$${b");
    }
}
