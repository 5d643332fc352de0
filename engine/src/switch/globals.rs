//! `global_getvar`: the global variables, one `name=value` a line.

use super::{Trouble, excerpt};
use crate::state::Globals;

/// Reads the variables. A value may hold `=`; a line without any goes on with the value before it (a variable can be set
/// to several lines over the event socket).
pub(super) fn read(answer: &[u8]) -> Result<Globals, Trouble> {
    let text = String::from_utf8_lossy(answer);
    let mut globals = Globals::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=') {
            globals.insert(name.to_owned(), value.to_owned());
            last = Some(name.to_owned());
        } else if let Some(value) = last.as_ref().and_then(|name| globals.get_mut(name)) {
            value.push('\n');
            value.push_str(line);
        } else {
            return Err(Trouble::Said(excerpt(answer)));
        }
    }
    // The switch itself sets some thirty, so none at all is no answer.
    if globals.is_empty() { Err(Trouble::Said(excerpt(answer))) } else { Ok(globals) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: &[(&str, &str)]) {
        let globals = read(answer.as_bytes()).unwrap();
        let globals: Vec<(&str, &str)> = globals.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(globals, expected);
    }

    #[test]
    fn values_may_hold_equals_signs_line_ends_and_nothing() {
        check("b=1=2\na=\n=nameless\n", &[("", "nameless"), ("a", ""), ("b", "1=2")]);
        check("a=one\ntwo\n\nb=x\n", &[("a", "one\ntwo\n"), ("b", "x")]);
    }

    #[test]
    fn no_variables_at_all_are_no_answer() {
        assert_eq!(read(b"-ERR no reply\n"), Err(Trouble::Said("-ERR no reply".into())));
        assert_eq!(read(b""), Err(Trouble::Said(String::new())));
    }
}
