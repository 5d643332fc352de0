//! JSON as the switch writes it: with tabs, or all in one line.

use std::fmt::Write as _;

/// A value that is written.
pub(in crate::switch) enum Json {
    Bool(bool),
    Number(i64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub(in crate::switch) fn text(value: &str) -> Self {
        Json::Text(value.to_owned())
    }

    /// A number that is not negative.
    pub(in crate::switch) fn count(value: u64) -> Self {
        Json::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Without a blank.
    pub(in crate::switch) fn compact(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None);
        text
    }

    /// With a line for each member of an object.
    pub(in crate::switch) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0));
        text
    }

    fn write(&self, text: &mut String, depth: Option<usize>) {
        match self {
            Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Json::Number(value) => text.push_str(&value.to_string()),
            Json::Text(value) => write_text(text, value),
            Json::Array(values) => {
                text.push('[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        text.push_str(if depth.is_some() { ", " } else { "," });
                    }
                    value.write(text, depth.map(|depth| depth + 1));
                }
                text.push(']');
            }
            Json::Object(members) => {
                text.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    new_line(text, depth.map(|depth| depth + 1));
                    write_text(text, name);
                    text.push_str(if depth.is_some() { ":\t" } else { ":" });
                    value.write(text, depth.map(|depth| depth + 1));
                }
                new_line(text, depth);
                text.push('}');
            }
        }
    }
}

fn new_line(text: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        text.push('\n');
        text.extend(std::iter::repeat_n('\t', depth));
    }
}

fn write_text(text: &mut String, value: &str) {
    text.push('"');
    for sign in value.chars() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(sign));
            }
            _ => text.push(sign),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_spread_over_lines_and_arrays_are_not() {
        let value = Json::Array(vec![
            Json::Object(vec![("a", Json::Bool(true)), ("b", Json::Object(Vec::new()))]),
            Json::Object(vec![("c", Json::Array(Vec::new()))]),
        ]);
        assert_eq!(value.compact(), r#"[{"a":true,"b":{}},{"c":[]}]"#);
        assert_eq!(value.pretty(), "[{\n\t\t\"a\":\ttrue,\n\t\t\"b\":\t{\n\t\t}\n\t}, {\n\t\t\"c\":\t[]\n\t}]");
    }

    #[test]
    fn what_json_does_not_allow_is_escaped() {
        assert_eq!(Json::text("a\"\\\n\u{1} ä").compact(), "\"a\\\"\\\\\\n\\u0001 ä\"");
    }
}
