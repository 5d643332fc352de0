//! `xml_locate dialplan`: the conferences, and the numbers that extensions use.

use std::collections::BTreeMap;

use super::xml::{Element, Path, Visitor, walk, walk_file};
use super::{Misfit, Oddity, Trouble};
use crate::config::Config;
use crate::numbers::parse_number;
use crate::secret::Secret;
use crate::state::Conference;

/// What the dialplan holds.
#[derive(Debug)]
pub(super) struct Dialplan {
    /// The conferences, in the order of the dialplan.
    pub(super) conferences: Vec<Conference>,
    /// The numbers that any extension names.
    pub(super) numbers: Vec<u32>,
}

/// Reads the extensions.
pub(super) fn read(answer: &[u8], config: &Config, oddities: &mut Vec<Oddity>) -> Result<Dialplan, Trouble> {
    let mut extensions = Extensions::default();
    walk(answer, "section", &mut extensions)?;
    let mut dialplan = Dialplan { conferences: Vec::new(), numbers: extensions.numbers };
    let mut by_number: BTreeMap<u32, usize> = BTreeMap::new();
    for extension in extensions.with_conference {
        let fitted = extension.fit(config).and_then(|conference| match by_number.get(&conference.num) {
            None => Ok(Some(conference)),
            // One file may be included in several contexts.
            Some(first) if dialplan.conferences[*first] == conference => Ok(None),
            Some(_) => Err(Misfit::NumberTaken),
        });
        match fitted {
            Ok(Some(conference)) => {
                by_number.insert(conference.num, dialplan.conferences.len());
                dialplan.conferences.push(conference);
            }
            Ok(None) => {}
            Err(why) => oddities.push(Oddity::Misfit { extension: extension.name, why }),
        }
    }
    Ok(dialplan)
}

/// The one extension of a file.
pub(super) struct Written {
    /// The only number that it names.
    pub(super) num: u32,
    /// Name, profile and PIN of its conference; empty if it is none.
    pub(super) data: [String; 3],
}

/// Reads the one extension of a file; nothing if it cannot be read, or names more numbers than one.
pub(super) fn read_file(content: &[u8], root: &'static str) -> Option<Written> {
    let mut extensions = Extensions::default();
    walk_file(content, root, &mut extensions).ok()?;
    let [num] = extensions.numbers[..] else { return None };
    let conferences: Vec<_> = extensions.with_conference.iter().flat_map(|extension| &extension.conferences).collect();
    let data = match &conferences[..] {
        [(_, data)] => split_data(data).ok(),
        _ => None,
    };
    let (name, profile, pin) = data.unwrap_or_default();
    Some(Written { num, data: [name, profile, pin.unwrap_or_default()].map(str::to_owned) })
}

#[derive(Default)]
struct Extensions {
    with_conference: Vec<Extension>,
    numbers: Vec<u32>,
    /// The extension that is being read.
    open: Option<Extension>,
    /// The conditions that are open in it, by their place in its list.
    conditions: Vec<usize>,
    /// The text of the innermost action or expression.
    text: String,
}

/// An extension as the switch shows it.
#[derive(Default)]
struct Extension {
    name: String,
    in_context: bool,
    /// The expression of each condition; nothing for those that look at another field.
    conditions: Vec<Option<String>>,
    /// The conferences: the place of the condition around each, and its data.
    conferences: Vec<(Option<usize>, String)>,
}

impl Visitor for Extensions {
    fn open(&mut self, around: Path<'_>, element: Element<'_>) {
        self.text.clear();
        match (element.name(), &mut self.open) {
            ("extension", open @ None) => {
                let name = element.value("name").into_owned();
                *open =
                    Some(Extension { name, in_context: around.is(&["section", "context"]), ..Extension::default() });
                self.conditions.clear();
            }
            ("condition", Some(extension)) => {
                let dialled = element.value("field").eq_ignore_ascii_case("destination_number");
                self.conditions.push(extension.conditions.len());
                extension.conditions.push(dialled.then(|| element.value("expression").into_owned()));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.open.is_some() {
            self.text.push_str(text);
        }
    }

    fn close(&mut self, around: Path<'_>, element: Element<'_>) {
        let Some(extension) = &mut self.open else { return };
        match element.name() {
            "action" if element.value("application").eq_ignore_ascii_case("conference") => {
                // The switch prefers the text, where there is any.
                let text = self.text.trim();
                let data = if text.is_empty() { element.value("data").into_owned() } else { text.to_owned() };
                extension.conferences.push((self.conditions.last().copied(), data));
            }
            "expression" if around.parent() == "condition" => {
                let condition = self.conditions.last().and_then(|place| extension.conditions.get_mut(*place));
                if let Some(Some(expression)) = condition {
                    self.text.trim().clone_into(expression);
                }
            }
            "condition" => {
                self.conditions.pop();
            }
            "extension" => self.finish(),
            _ => {}
        }
        self.text.clear();
    }
}

impl Extensions {
    fn finish(&mut self) {
        let Some(extension) = self.open.take() else { return };
        self.numbers.extend(extension.conditions.iter().flatten().flat_map(|expression| numbers_named(expression)));
        if !extension.conferences.is_empty() {
            self.with_conference.push(extension);
        }
    }
}

impl Extension {
    fn fit(&self, config: &Config) -> Result<Conference, Misfit> {
        if !self.in_context {
            return Err(Misfit::OutsideOfContext);
        }
        let [(condition, data)] = &self.conferences[..] else { return Err(Misfit::SeveralConferences) };
        let (name, profile, pin) = split_data(data)?;
        let num = self.number(*condition).ok_or(Misfit::NoSingleNumber)?;
        let context = config.conference_context(num).ok_or(Misfit::OutsideOfRanges)?;
        Ok(Conference {
            num,
            name: name.to_owned(),
            profile: profile.to_owned(),
            context: context.name.clone(),
            pin: pin.map(Secret::new),
        })
    }

    /// The number of the condition around the conference, or else of the only condition that looks at the number.
    fn number(&self, around: Option<usize>) -> Option<u32> {
        let own = around.and_then(|place| self.conditions.get(place)?.as_ref());
        let mut dialled = self.conditions.iter().flatten();
        let only = dialled.next().filter(|_| dialled.next().is_none());
        single_number(own.or(only)?)
    }
}

/// Takes `NAME@PROFILE+PIN+flags{…}` apart as the switch does: flags first, then at the first `@`, then at the first `+`.
fn split_data(data: &str) -> Result<(&str, &str, Option<&str>), Misfit> {
    let data = data.split_once("+flags{").map_or(data, |(before, _)| before);
    let (name, rest) = data.split_once('@').ok_or(Misfit::NoNameAndProfile)?;
    let (profile, pin) = rest.split_once('+').map_or((rest, ""), |(profile, pin)| (profile, pin.trim_end_matches('+')));
    if name.is_empty() || profile.is_empty() {
        return Err(Misfit::NoNameAndProfile);
    }
    if name.starts_with("bridge:") || name.contains('$') || profile.contains('$') {
        return Err(Misfit::NotPlain);
    }
    Ok((name, profile, (!pin.is_empty()).then_some(pin)))
}

/// The number of an expression `NUM` or `^NUM$`.
fn single_number(expression: &str) -> Option<u32> {
    let anchored = expression.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    parse_number(anchored.unwrap_or(expression))
}

/// The numbers that an expression spells out: `NUM`, `^NUM$`, `^(NUM|NUM)$` and the like.
fn numbers_named(expression: &str) -> impl Iterator<Item = u32> {
    let inner = expression.strip_prefix('^').unwrap_or(expression);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let inner = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner);
    inner.split('|').filter_map(parse_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of extensions inside of the context `team`: a line a conference, the misfits, the numbers.
    fn check(inside: &str, conferences: &[&str], misfits: &[Misfit]) {
        let answer = format!(r#"<section name="dialplan"><context name="team">{inside}</context></section>"#);
        check_section(&answer, conferences, misfits);
    }

    fn check_section(answer: &str, conferences: &[&str], misfits: &[Misfit]) {
        let mut oddities = Vec::new();
        let dialplan = read(answer.as_bytes(), &Config::default(), &mut oddities).unwrap();
        let line = |conference: &Conference| {
            let pin = conference.pin.as_ref().map_or("", Secret::expose);
            format!("{} {} {} {} {pin}", conference.num, conference.name, conference.profile, conference.context)
        };
        let lines: Vec<String> = dialplan.conferences.iter().map(line).collect();
        assert_eq!(lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), conferences);
        let whys: Vec<Misfit> = oddities
            .into_iter()
            .map(|oddity| match oddity {
                Oddity::Misfit { why, .. } => why,
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(whys, misfits);
    }

    fn extension(expression: &str, data: &str) -> String {
        format!(
            r#"<extension name="x"><condition field="destination_number" expression="{expression}"><action application="answer"></action>
            <action application="conference" data="{data}"></action></condition></extension>"#
        )
    }

    #[test]
    fn a_conference_is_read_with_the_context_of_its_number() {
        check(
            &extension("^30000$", "team_g722@16kHz-novideo++flags{${conf_flags}}"),
            &["30000 team_g722 16kHz-novideo team"],
            &[],
        );
        check(&extension("32000", "My Conf@48kHz-video"), &["32000 My Conf 48kHz-video public"], &[]);
    }

    #[test]
    fn a_pin_part_is_kept() {
        check(
            &extension("^30001$", "v@48kHz-video+${conpin}+flags{x|y}"),
            &["30001 v 48kHz-video team ${conpin}"],
            &[],
        );
        check(&extension("^30001$", "v@48kHz-video+1234"), &["30001 v 48kHz-video team 1234"], &[]);
    }

    #[test]
    fn data_that_names_no_conference_and_profile_does_not_fit() {
        for data in ["no_at", "", "@16kHz", "x@", "x++flags{a@b}"] {
            check(&extension("^30000$", data), &[], &[Misfit::NoNameAndProfile]);
        }
        for data in ["${destination_number}@p", "$1@p", "x@${p}", "bridge:x@p:user/1"] {
            check(&extension("^30000$", data), &[], &[Misfit::NotPlain]);
        }
    }

    #[test]
    fn an_expression_that_is_more_than_a_number_does_not_fit() {
        for expression in ["^30[0-9]{3}$", "^(30000)$", "^30000", "30000$", ".*", "", " ^30000$ ", "^030000$"] {
            check(&extension(expression, "x@p"), &[], &[Misfit::NoSingleNumber]);
        }
        check(&extension("^20000$", "x@p"), &[], &[Misfit::OutsideOfRanges]);
    }

    #[test]
    fn an_extension_with_several_conferences_does_not_fit() {
        let two = r#"<extension name="x"><condition field="destination_number" expression="^30002$">
            <action application="conference" data="a@p"></action><action application="conference" data="b@p"></action></condition></extension>"#;
        check(two, &[], &[Misfit::SeveralConferences]);
    }

    #[test]
    fn an_extension_without_a_conference_is_nothing_to_speak_of() {
        check(
            r#"<extension name="x"><condition field="destination_number" expression=".*"><action application="set" data="a=b"></action></condition></extension>"#,
            &[],
            &[],
        );
    }

    #[test]
    fn the_number_may_stand_in_another_condition_in_text_or_around() {
        let before = r#"<extension name="x"><condition field="destination_number" expression="^30003$"></condition>
            <condition field="context" expression="team"><action application="CONFERENCE" data="a@p"></action></condition></extension>"#;
        check(before, &["30003 a p team"], &[]);
        let text = r#"<extension name="x"><condition field="destination_number"><expression>^30054$</expression>
            <action application="conference">from_text@p</action></condition></extension>"#;
        check(text, &["30054 from_text p team"], &[]);
        let nested = r#"<extension name="x"><condition field="destination_number" expression="^30051$">
            <condition field="${x}" expression="^1$"><action application="conference" data="n@p"></action></condition></condition></extension>"#;
        check(nested, &["30051 n p team"], &[]);
    }

    #[test]
    fn one_file_in_two_contexts_is_one_conference_and_another_of_its_number_does_not_fit() {
        let (one, other) = (extension("^30000$", "a@p"), extension("^30000$", "b@p"));
        let answer =
            format!(r#"<section><context name="a">{one}</context><context name="b">{one}{other}</context></section>"#);
        check_section(&answer, &["30000 a p team"], &[Misfit::NumberTaken]);
    }

    #[test]
    fn an_extension_outside_of_contexts_does_not_fit() {
        let answer = format!("<section>{}</section>", extension("^30000$", "a@p"));
        check_section(&answer, &[], &[Misfit::OutsideOfContext]);
    }

    #[test]
    fn every_number_that_an_expression_spells_out_is_used() {
        let spelled = |expression| numbers_named(expression).collect::<Vec<u32>>();
        assert_eq!(spelled("^30000$"), [30_000]);
        assert_eq!(spelled("^(30000|30001)$"), [30_000, 30_001]);
        assert_eq!(spelled("30007"), [30_007]);
        assert_eq!(spelled("^(20[0-9][0-9][0-9])$"), [0; 0]);
    }
}
