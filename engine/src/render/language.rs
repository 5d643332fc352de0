//! The language of the templates: that of `tinytemplate`, less what has no meaning here or is dangerous.
//!
//! All values are texts, numbers or truths, so there is nothing to loop over or to go into: a tag is `{value}`, `{value | formatter}`,
//! a comment, or one of `{{ if value }}`, `{{ if not value }}`, `{{ else }}`, `{{ endif }}`. What [`check`] has accepted
//! can be rendered with any values of the same names: `tinytemplate` panics on some texts, none of which is accepted.

use serde::{Serialize, Serializer};
use serde_json::Value;
use tinytemplate::TinyTemplate;
use tinytemplate::error::{Error, Result as TemplateResult};

use super::escaping::{sip, sip_vcard, strict_xml, url, xml};

/// Who reads what is written: how values come where no formatter is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The switch.
    Switch,
    /// A phone, whose XML parser is a strict one.
    Phone,
}

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// In which line of it.
    pub(super) line: usize,
    /// Why.
    pub(super) reason: String,
}

const FORMATTERS: [&str; 3] = ["url", "sip", "sip_vcard"];

/// A value that is XML already, and written as it is.
pub(super) struct Markup<'m>(pub(super) &'m str);

impl Serialize for Markup<'_> {
    /// As a list, which no other value is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts: &[&str] = if self.0.is_empty() { &[] } else { &[self.0] };
        parts.serialize(serializer)
    }
}

/// Whether `template` can be rendered with values of these names.
pub(super) fn check(template: &str, values: &[String]) -> Result<(), Fault> {
    check_tags(template, values)?;
    TinyTemplate::new().add_template("", template).map_err(|error| match error {
        Error::ParseError { line, msg, .. } => Fault { line, reason: msg },
        other => Fault { line: 1, reason: other.to_string() },
    })
}

/// Renders a template that was checked.
pub(super) fn render(template: &str, values: &impl Serialize, reader: Reader) -> String {
    let mut engine = TinyTemplate::new();
    match reader {
        Reader::Switch => engine.set_default_formatter(&for_switch),
        Reader::Phone => engine.set_default_formatter(&for_phone),
    }
    engine.add_formatter("url", |value, out| format(value, out, url));
    engine.add_formatter("sip", |value, out| format(value, out, sip));
    engine.add_formatter("sip_vcard", |value, out| format(value, out, sip_vcard));
    // It was checked, so neither of them fails.
    let rendered = engine.add_template("", template).and_then(|()| engine.render("", values));
    rendered.unwrap_or_default()
}

fn for_switch(value: &Value, out: &mut String) -> TemplateResult<()> {
    format(value, out, xml)
}

fn for_phone(value: &Value, out: &mut String) -> TemplateResult<()> {
    format(value, out, strict_xml)
}

fn format(value: &Value, out: &mut String, escape: fn(&str, &mut String)) -> TemplateResult<()> {
    match value {
        Value::String(text) => escape(text, out),
        Value::Array(markup) => markup.iter().filter_map(Value::as_str).for_each(|part| out.push_str(part)),
        other => tinytemplate::format_unescaped(other, out)?,
    }
    Ok(())
}

/// Looks at every tag as `tinytemplate` finds them, up to the first that it would refuse anyway.
fn check_tags(template: &str, values: &[String]) -> Result<(), Fault> {
    let mut rest = template;
    let mut line = 1;
    while let Some((before, after)) = rest.split_once('{') {
        line += before.matches('\n').count();
        if before.ends_with('\\') {
            rest = after;
            continue;
        }
        let fault = |reason| Fault { line, reason };
        let Some((tag, behind)) = split_tag(after).map_err(|reason| fault(reason.into()))? else { return Ok(()) };
        check_tag(tag, values).map_err(fault)?;
        rest = behind;
    }
    if rest.ends_with('\\') {
        line += rest.matches('\n').count();
        return Err(Fault { line, reason: "the template ends in a backslash".into() });
    }
    Ok(())
}

/// A tag without its braces.
#[derive(Clone, Copy)]
enum Tag<'t> {
    Comment,
    Block(&'t str),
    Value(&'t str),
}

/// The tag whose first brace stands before `after`, and what follows it; nothing if the tag does not end in its line.
fn split_tag(after: &str) -> Result<Option<(Tag<'_>, &str)>, &'static str> {
    let (inside, end) = match after.strip_prefix(['#', '{']) {
        Some(inside) if after.starts_with('#') => (inside, "#}"),
        Some(inside) => (inside, "}}"),
        None => (after, "}"),
    };
    if end == "#}" && inside.starts_with('}') {
        return Err("`{#}` is neither a comment nor a value");
    }
    let ends = inside.lines().next().and_then(|line| line.split_once(end));
    Ok(ends.map(|(content, _)| {
        let behind = inside.get(content.len() + end.len()..).unwrap_or_default();
        let tag = match end {
            "#}" => Tag::Comment,
            "}}" => Tag::Block(without_dashes(content)),
            _ => Tag::Value(without_dashes(content)),
        };
        (tag, behind)
    }))
}

/// Dashes at the ends of a tag stand for: no blanks before or after it.
fn without_dashes(content: &str) -> &str {
    let content = content.trim();
    let content = content.strip_prefix('-').map_or(content, str::trim);
    content.strip_suffix('-').map_or(content, str::trim)
}

fn check_tag(tag: Tag<'_>, values: &[String]) -> Result<(), String> {
    match tag {
        Tag::Comment => Ok(()),
        Tag::Value(content) => match content.split_once('|') {
            Some((name, formatter)) => {
                check_formatter(formatter.trim())?;
                check_name(name.trim(), values)
            }
            None => check_name(content, values),
        },
        Tag::Block(content) => {
            let word = content.split_whitespace().next().unwrap_or_default();
            match word {
                "if" => {
                    let condition = content.strip_prefix(word).unwrap_or_default().trim();
                    check_name(condition.strip_prefix("not ").unwrap_or(condition), values)
                }
                "else" | "endif" => Ok(()),
                other => Err(format!("there is no `{other}` here: a block is one of if, else and endif")),
            }
        }
    }
}

fn check_name(name: &str, values: &[String]) -> Result<(), String> {
    if values.iter().any(|value| value == name) {
        return Ok(());
    }
    Err(format!("there is no value `{name}` here: the values are {}", values.join(", ")))
}

fn check_formatter(name: &str) -> Result<(), String> {
    if FORMATTERS.contains(&name) {
        return Ok(());
    }
    Err(format!("there is no formatter `{name}`: the formatters are {}", FORMATTERS.join(", ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize)]
    struct Values {
        a: &'static str,
        b: &'static str,
        m: Markup<'static>,
    }

    const VALUES: Values = Values { a: "<x y=\"1\\2\">", b: "", m: Markup("<m/>") };

    fn names() -> Vec<String> {
        vec!["a".into(), "b".into(), "m".into()]
    }

    fn rendered(template: &str) -> String {
        assert_eq!(check(template, &names()), Ok(()), "{template:?}");
        render(template, &VALUES, Reader::Switch)
    }

    fn check_refused(template: &str, line: usize, beginning: &str) {
        let fault = check(template, &names()).unwrap_err();
        assert_eq!(fault.line, line, "{template:?}: {}", fault.reason);
        assert!(fault.reason.starts_with(beginning), "{template:?}: {}", fault.reason);
    }

    #[test]
    fn values_formatters_and_conditions_are_rendered() {
        assert_eq!(rendered("{a}|{ a | url }|{m}"), "&lt;x y=&quot;1\\2&quot;&gt;|%3Cx%20y%3D%221%5C2%22%3E|<m/>");
        assert_eq!(rendered("{a | sip}"), "&lt;x y=\\&quot;1\\\\2\\&quot;&gt;");
        assert_eq!(rendered("{{ if a }}yes{{ else }}no{{ endif }} {{if not b}}no{{endif}}"), "yes no");
        assert_eq!(rendered("x {# -comment- #}\\{a} \\\\{\n {- b -} \n}"), "x{a} \\{}");
    }

    #[test]
    fn what_cannot_be_rendered_is_refused_with_its_line() {
        check_refused("\n{c}", 2, "there is no value `c` here: the values are a, b, m");
        check_refused("{a.b}", 1, "there is no value `a.b`");
        check_refused("{}", 1, "there is no value ``");
        check_refused("{a | html}", 1, "there is no formatter `html`: the formatters are url, sip");
        check_refused("\n\n{{ for x in a }}{{ endfor }}", 3, "there is no `for` here");
        check_refused("{{ call x with a }}", 1, "there is no `call` here");
        check_refused("{{ with a as x }}{{ endwith }}", 1, "there is no `with` here");
        check_refused("{{}}", 1, "there is no `` here");
        check_refused("{@root}", 1, "there is no value `@root`");
        check_refused("{{ if @index }}{{ endif }}", 1, "there is no value `@index`");
        check_refused("\n{a\n}", 2, "Expected a closing '}'");
        check_refused("\n{{ if a }}", 2, "Expected block-closing tag");
        check_refused("{{ endif }}", 1, "Found a closing endif");
        check_refused("{{ else a }}", 1, "Unexpected text");
    }

    #[test]
    fn what_tinytemplate_panics_on_is_refused() {
        check_refused("{a}\n{#}", 2, "`{#}` is neither");
        check_refused("{{ if not }}", 1, "there is no value `not`");
        check_refused("{{ if note }}", 1, "there is no value `note`");
        check_refused("{{ if not\u{A0}a }}", 1, "there is no value `not\u{A0}a`");
        check_refused("{a}\nx\\", 2, "the template ends in a backslash");
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_rendered(parts in proptest::collection::vec(
            prop::sample::select(vec![
                "{", "}", "{{", "}}", "{#", "#}", "\\", "-", " ", "\n", "\r\n", "|", ".", "@", "if", "if not ", "not", "else", "endif",
                "for x in a", "endfor", "with a as x", "endwith", "call x with a", "a", "b", "m", "x", "url", "@index", "@root",
                "{a}", "{m}", "{{ if a }}", "{{ if not b }}", "{{ else }}", "{{ endif }}", "{# x #}", "ü", "\u{A0}", "\u{2003}",
            ]),
            0..24,
        )) {
            let template = parts.concat();
            if check(&template, &names()).is_ok() {
                let mut engine = TinyTemplate::new();
                engine.set_default_formatter(&for_switch);
                engine.add_formatter("url", |value, out| format(value, out, url));
                engine.add_template("", &template).unwrap();
                prop_assert_eq!(engine.render("", &VALUES).unwrap(), render(&template, &VALUES, Reader::Switch));
            }
        }
    }
}
