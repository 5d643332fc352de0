//! A file of the configuration tree as it was written: whom it holds, and whether that is what the switch reports.

use super::dialplan;
use super::directory;
use super::xml::{Element, Path, Visitor, walk_file};
use crate::secret::Secret;
use crate::state::{Conference, Globals, User};

/// The root of every file that is ours.
const ROOT: &str = "include";

/// What a file is found to be, compared with what the switch reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds exactly this user or conference, as the switch reports it.
    Same {
        /// Whether there is more in it than the connector would write.
        has_extras: bool,
    },
    /// It holds exactly this user or conference, with other values: somebody has edited it, and the switch has not loaded
    /// it since.
    Edited,
    /// It holds somebody else, or others besides, or cannot be read.
    Others,
}

/// Compares a file with a user.
pub fn compare_user(content: &[u8], user: &User, globals: &Globals) -> Verdict {
    let shape = Shape::of(content, "user", &["params", "variables", "param", "variable"]);
    match (shape, directory::read_file(content, ROOT)) {
        (Some(shape), Some(mut found)) if found.len() == 1 && found.first().is_some_and(|own| own.id == user.id) => {
            let same = found.pop().is_some_and(|own| expanded(own, globals) == *user);
            verdict(same, shape.has_extras || shape.has_other_names(&OUR_NAMES))
        }
        _ => Verdict::Others,
    }
}

/// Compares a file with a conference.
pub fn compare_conference(content: &[u8], conference: &Conference) -> Verdict {
    let shape = Shape::of(content, "extension", &["condition", "action"]);
    match (shape, dialplan::read_file(content, ROOT)) {
        (Some(shape), Some(written)) if written.num == conference.num => {
            let pin = conference.pin.as_ref().map_or("", Secret::expose);
            let same = written.data == [&*conference.name, &*conference.profile, pin];
            verdict(same, shape.has_extras || shape.has_other_names(&OUR_APPLICATIONS))
        }
        _ => Verdict::Others,
    }
}

fn verdict(same: bool, has_extras: bool) -> Verdict {
    if same { Verdict::Same { has_extras } } else { Verdict::Edited }
}

/// The params and variables that the connector writes.
const OUR_NAMES: [&str; 11] = [
    "password",
    "vm-password",
    "user_context",
    "effective_caller_id_name",
    "effective_caller_id_number",
    "outbound_caller_id_name",
    "outbound_caller_id_number",
    "verto_dvar_email",
    "polymac",
    "conf_flags",
    "conpin",
];

/// The applications that the connector writes.
const OUR_APPLICATIONS: [&str; 3] = ["set", "answer", "conference"];

/// The user as the switch would report it.
fn expanded(user: User, globals: &Globals) -> User {
    let boxed = |value: &str| expand(value, globals).into_boxed_str();
    User {
        password: Secret::new(expand(user.password.expose(), globals)),
        conpin: Secret::new(expand(user.conpin.expose(), globals)),
        context: boxed(&user.context),
        name: boxed(&user.name),
        email: boxed(&user.email),
        polymac: boxed(&user.polymac),
        id: user.id,
    }
}

/// Puts the values of variables in the place of `$${name}`, as the switch's preprocessor does; one that is not set is
/// empty.
fn expand(value: &str, globals: &Globals) -> String {
    let mut parts = value.split("$${");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some((name, rest)) = part.split_once('}') {
            expanded.push_str(globals.get(name).map_or("", String::as_str));
            expanded.push_str(rest);
        } else {
            expanded.push_str("$${");
            expanded.push_str(part);
        }
    }
    expanded
}

/// The elements of a file, roughly.
struct Shape {
    own: &'static str,
    inner: &'static [&'static str],
    has_one: bool,
    others_at_top: bool,
    has_extras: bool,
    /// The `name` or `application` of each inner element that has one.
    names: Vec<String>,
}

impl Shape {
    /// The shape of a file with one element `own` at its top; nothing if it has another shape. Elements inside of it
    /// that are none of `inner` are extras.
    fn of(content: &[u8], own: &'static str, inner: &'static [&'static str]) -> Option<Self> {
        let mut shape = Self { own, inner, has_one: false, others_at_top: false, has_extras: false, names: Vec::new() };
        walk_file(content, ROOT, &mut shape).ok()?;
        (shape.has_one && !shape.others_at_top).then_some(shape)
    }

    fn has_other_names(&self, ours: &[&str]) -> bool {
        self.names.iter().any(|name| !ours.contains(&name.as_str()))
    }
}

impl Visitor for Shape {
    fn open(&mut self, around: Path<'_>, element: Element<'_>) {
        if around.is(&[ROOT]) {
            self.others_at_top |= self.has_one || element.name() != self.own;
            self.has_one = true;
        } else if around.depth() > 1 {
            self.has_extras |= !self.inner.contains(&element.name());
            let name = element.attribute("application").or_else(|| element.attribute("name"));
            self.names.extend(name.map(std::borrow::Cow::into_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ContextName;
    use crate::state::UserId;

    fn user() -> User {
        User {
            id: UserId::parse("20000").unwrap(),
            password: Secret::new("pw"),
            conpin: Secret::new("2357"),
            context: "team".into(),
            name: "Jürgen & Co".into(),
            email: "j@example.org".into(),
            polymac: "none".into(),
        }
    }

    fn user_text(name: &str, extra: &str) -> String {
        format!(
            r#"<include>
            <user id="20000"><params><param name="password" value="pw"/></params><variables>
            <variable name="user_context" value="team"/><variable name="conpin" value="$${{modconpin}}"/>
            <variable name="effective_caller_id_name" value="{name}"/><variable name="polymac" value="none"/>
            <variable name="verto_dvar_email" value="j@example.org"/>{extra}</variables></user>
            </include>"#
        )
    }

    fn check_user(content: &str, expected: Verdict) {
        let globals = Globals::from([("modconpin".into(), "2357".into())]);
        assert_eq!(compare_user(content.as_bytes(), &user(), &globals), expected, "{content}");
    }

    #[test]
    fn a_file_of_its_own_holds_the_user_as_the_switch_reports_it() {
        check_user(&user_text("J&#xFC;rgen &amp; Co", ""), Verdict::Same { has_extras: false });
        check_user(
            &user_text("Jürgen &amp; Co", r#"<variable name="mine" value="x"/>"#),
            Verdict::Same { has_extras: true },
        );
    }

    #[test]
    fn an_edit_that_the_switch_has_not_loaded_is_seen() {
        check_user(&user_text("Somebody", ""), Verdict::Edited);
        check_user(&user_text("Jürgen &amp; Co", "").replace("modconpin", "other"), Verdict::Edited);
    }

    #[test]
    fn a_file_with_others_with_nobody_or_out_of_order_is_nobodys_own() {
        let text = user_text("Jürgen &amp; Co", "");
        check_user(&text.replace("20000", "20001"), Verdict::Others);
        check_user(&text.replace("</user>", "</user><user id=\"1\"/>"), Verdict::Others);
        check_user(&text.replace("</user>", "</user><gateway/>"), Verdict::Others);
        check_user(&text.replace("</variables>", "</variables><user id=\"1\"/>"), Verdict::Others);
        check_user(&text.replace("</user>", ""), Verdict::Others);
        check_user("<include></include>", Verdict::Others);
        check_user("", Verdict::Others);
    }

    #[test]
    fn a_conference_is_compared_with_its_extension() {
        let conference = Conference {
            num: 30_000,
            name: "team".into(),
            profile: "p".into(),
            context: ContextName::parse("team").unwrap(),
            pin: Some(Secret::new("12")),
        };
        let text = |expression: &str, data: &str, extra: &str| {
            format!(
                r#"<!-- mine --><include><extension name="x"><condition field="destination_number" expression="{expression}">
                <action application="answer"/>{extra}<action application="conference" data="{data}"/></condition></extension></include>"#
            )
        };
        let check = |content: &str, expected| {
            assert_eq!(compare_conference(content.as_bytes(), &conference), expected, "{content}");
        };
        check(&text("^30000$", "team@p+12+flags{x}", ""), Verdict::Same { has_extras: false });
        check(&text("30000", "team@p+12", ""), Verdict::Same { has_extras: false });
        check(&text("^30000$", "team@p+12", r#"<action application="sleep"/>"#), Verdict::Same { has_extras: true });
        check(&text("^30000$", "team@q+12", ""), Verdict::Edited);
        check(&text("^30001$", "team@p+12", ""), Verdict::Others);
        check("<include><extension/><extension/></include>", Verdict::Others);
    }
}
