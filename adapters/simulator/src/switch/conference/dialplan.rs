//! The way from a dialled number to a conference, through the loaded dialplan.

use std::collections::BTreeMap;

use fancy_regex::{Captures, Regex};

use crate::config::{Document, Element};

/// More transfers than this lead nowhere.
const MOST_TRANSFERS: usize = 10;

/// Where a dialled number has led.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// What the application `conference` is told.
    pub(super) data: String,
    pub(super) number: String,
    pub(super) context: String,
    pub(super) is_transferred: bool,
}

/// What the data of a conference says: `NAME@PROFILE+PIN+flags{A|B}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    pub(super) name: String,
    pub(super) profile: String,
    pub(super) pin: Option<String>,
    pub(super) flags: Vec<String>,
}

impl Invitation {
    pub(super) fn parse(data: &str) -> Self {
        let (rest, flags) = data.split_once("+flags{").unwrap_or((data, ""));
        let (name, rest) = rest.split_once('@').unwrap_or((rest, "default"));
        let (profile, pin) = rest.split_once('+').unwrap_or((rest, ""));
        let pin = pin.trim_matches('+');
        let flags = flags.trim_end().trim_end_matches('}').split(['|', ',']).map(str::trim);
        Invitation {
            name: name.to_owned(),
            profile: profile.to_owned(),
            pin: Some(pin.to_owned()).filter(|pin| !pin.is_empty()),
            flags: flags.filter(|flag| !flag.is_empty()).map(str::to_owned).collect(),
        }
    }
}

/// Dials a number. `None` when it leads to no conference.
pub(super) fn route(
    document: &Document,
    context: &str,
    number: &str,
    variables: &BTreeMap<String, String>,
) -> Option<Route> {
    let (mut context, mut number) = (context.to_owned(), number.to_owned());
    for transfers in 0..=MOST_TRANSFERS {
        match step(document, &context, &number, variables)? {
            Step::Conference(data) => return Some(Route { data, number, context, is_transferred: transfers > 0 }),
            Step::Transfer(to, in_context) => {
                number = to;
                context = in_context.unwrap_or(context);
            }
        }
    }
    None
}

enum Step {
    Conference(String),
    Transfer(String, Option<String>),
}

fn step(document: &Document, context: &str, number: &str, variables: &BTreeMap<String, String>) -> Option<Step> {
    let dialplan = document.section(b"dialplan")?.child_with(b"context", b"name", context.as_bytes())?;
    for extension in dialplan.children().filter(|child| child.name() == b"extension") {
        let Some(actions) = matching(extension, number, variables) else { continue };
        if let Some(step) = actions.into_iter().find_map(|(application, data)| step_of(&application, data)) {
            return Some(step);
        }
        if extension.attribute(b"continue") != Some(b"true") {
            return None;
        }
    }
    None
}

fn step_of(application: &str, data: String) -> Option<Step> {
    match application {
        "conference" => Some(Step::Conference(data)),
        "transfer" => {
            let mut words = data.split_ascii_whitespace();
            let number = words.next().unwrap_or_default().to_owned();
            Some(Step::Transfer(number, words.nth(1).map(str::to_owned)))
        }
        _ => None,
    }
}

/// The actions of an extension all of whose conditions hold.
fn matching(
    extension: Element<'_>,
    number: &str,
    variables: &BTreeMap<String, String>,
) -> Option<Vec<(String, String)>> {
    let mut actions = Vec::new();
    for condition in extension.children().filter(|child| child.name() == b"condition") {
        let groups = match condition.attribute(b"field") {
            Some(b"destination_number") => groups(&text(condition, b"expression"), number)?,
            Some(_) => return None,
            None => vec![number.to_owned()],
        };
        for action in condition.children().filter(|child| child.name() == b"action") {
            let data = expanded(&text(action, b"data"), &groups, variables);
            actions.push((text(action, b"application"), data));
        }
    }
    Some(actions)
}

/// What an expression has caught of a number; `None` when it does not fit.
fn groups(expression: &str, number: &str) -> Option<Vec<String>> {
    let caught = Regex::new(expression).ok()?.captures(number).ok()??;
    let group = |at| caught.get(at).map_or_else(String::new, |group| group.as_str().to_owned());
    Some((0..Captures::len(&caught)).map(group).collect())
}

/// Replaces `$1` by what was caught and `${name}` by a variable; one that is not set is empty.
fn expanded(text: &str, groups: &[String], variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        result.push_str(before);
        let braced = behind.strip_prefix('{').and_then(|name| name.split_once('}'));
        let digit = behind.chars().next().and_then(|sign| sign.to_digit(10));
        if let Some((name, after)) = braced {
            result.push_str(variables.get(name).map_or("", String::as_str));
            rest = after;
        } else if let (Some(digit), Some(after)) = (digit, behind.get(1..)) {
            result.push_str(groups.get(digit as usize).map_or("", String::as_str));
            rest = after;
        } else {
            result.push('$');
            rest = behind;
        }
    }
    result + rest
}

fn text(element: Element<'_>, attribute: &[u8]) -> String {
    String::from_utf8_lossy(element.attribute(attribute).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_a_conference_has_four_parts() {
        let invitation = |name: &str, profile: &str, pin: Option<&str>, flags: &[&str]| Invitation {
            name: name.to_owned(),
            profile: profile.to_owned(),
            pin: pin.map(str::to_owned),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        };
        for (data, expected) in [
            ("team@wide++flags{moderator|mute}", invitation("team", "wide", None, &["moderator", "mute"])),
            ("team@wide+2357+flags{mute}", invitation("team", "wide", Some("2357"), &["mute"])),
            ("team@wide+flags{}", invitation("team", "wide", None, &[])),
            ("team@wide+1", invitation("team", "wide", Some("1"), &[])),
            ("My Conf", invitation("My Conf", "default", None, &[])),
        ] {
            assert_eq!(Invitation::parse(data), expected, "{data}");
        }
    }

    #[test]
    fn variables_and_groups_are_put_in() {
        let variables = BTreeMap::from([("x".to_owned(), "ex".to_owned())]);
        let groups = ["30000".to_owned(), "00".to_owned()];
        assert_eq!(expanded("$1-${x}-${y}-$0-$9-$-${", &groups, &variables), "00-ex--30000--$-${");
    }

    #[test]
    fn an_expression_that_is_not_anchored_fits_more() {
        assert!(groups("30000", "9930000").is_some());
        assert!(groups("^30000$", "9930000").is_none());
        assert!(groups("(", "30000").is_none());
    }
}
