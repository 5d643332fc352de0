//! The dialplan as far as it decides who reaches which number.
//!
//! An extension can ask for more than the dialled number: the time, the caller, a variable. What depends on that is neither held
//! against the dialplan nor in its favour.

use fancy_regex::Regex;
use fsconnector_simulator::config::Place;

use super::source::Owned;
use super::subject::{expression, looks_at_number};
use super::tree::{Node, Tree};

/// How many transfers a call is followed.
const MOST_TRANSFERS: usize = 10;
/// What an extension can do without connecting anybody.
const PREPARATIONS: [&str; 16] = [
    "answer",
    "export",
    "hangup",
    "info",
    "log",
    "multiset",
    "playback",
    "pre_answer",
    "privacy",
    "respond",
    "ring_ready",
    "set",
    "set_user",
    "sleep",
    "unset",
    "verbose_events",
];
/// The attributes by which a condition looks at the time.
const TIMES: [&str; 13] = [
    "date-time",
    "dst",
    "hour",
    "mday",
    "minute",
    "minute-of-day",
    "mon",
    "mweek",
    "time-of-day",
    "wday",
    "week",
    "yday",
    "year",
];

/// The contexts of a dialplan.
pub(super) struct Dialplan {
    contexts: Vec<Context>,
}

/// A context.
pub(super) struct Context {
    /// Its name.
    pub(super) name: String,
    /// Where it begins.
    pub(super) place: Place,
    /// What is in it, in the order in which it is tried.
    pub(super) extensions: Vec<Extension>,
}

/// An extension.
pub(super) struct Extension {
    /// Its name.
    pub(super) name: String,
    /// Where it begins.
    pub(super) place: Place,
    /// The conditions on the dialled number.
    pub(super) numbers: Vec<NumberCondition>,
    /// Its calls to other contexts or numbers, each with its place.
    pub(super) transfers: Vec<(Place, Transfer)>,
    /// The applications of its actions, in small letters.
    applications: Vec<String>,
    /// It stands in one of the connector's conference files.
    pub(super) is_conference_file: bool,
    asks: Asks,
    continues: bool,
}

/// What the conditions of an extension look at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// There is none: the extension takes no call.
    Nothing,
    /// The dialled number at most.
    TheNumber,
    /// Something else, too.
    More,
}

/// A condition on the dialled number.
pub(super) struct NumberCondition {
    /// Where it begins.
    pub(super) place: Place,
    /// What it expects.
    pub(super) expression: Expression,
    /// Without a match the extension does not take the call.
    decides: bool,
}

/// A regular expression for the dialled number.
pub(super) struct Expression {
    /// As it is written.
    pub(super) text: String,
    kind: Kind,
}

enum Kind {
    /// `^NUM$`, by far the most frequent one.
    Exactly(String),
    Regex(Box<Regex>),
    /// A form of the switch's own, or one with variables of the call.
    Other,
    /// No expression at all, for this reason.
    Broken(String),
}

/// Where a call is sent.
pub(super) struct Transfer {
    destination: String,
    /// The context, if another one than before.
    pub(super) context: Option<String>,
    /// Neither the context nor the dialplan is computed during the call.
    is_plain: bool,
}

/// Where a call to a number ends.
#[derive(Clone, Copy)]
pub(super) enum Route<'d> {
    /// In front of the connector's conference files.
    Conferences,
    /// In this extension.
    Extension(&'d Extension),
    /// In this context, where no extension wants it.
    Nowhere(&'d Context),
    /// In no extension: this one sends it to where it was before.
    Circle(&'d Extension),
    /// That depends on more than the number.
    Unknown,
}

/// What is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    /// A user.
    User,
    /// A conference, whose file may be yet to come.
    Conference,
}

impl Dialplan {
    /// Reads the dialplan of a tree.
    pub(super) fn new(tree: &Tree<'_>) -> Self {
        let contexts = tree.section("dialplan").into_iter().flat_map(|section| section.children("context"));
        let context = |node: &Node<'_>| Context {
            name: node.value("name").into_owned(),
            place: tree.place(node),
            extensions: node.children("extension").map(|extension| Extension::new(tree, extension)).collect(),
        };
        Self { contexts: contexts.map(context).collect() }
    }

    /// The context of a name: the first one, in any case.
    pub(super) fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name.eq_ignore_ascii_case(name))
    }

    /// All contexts.
    pub(super) fn contexts(&self) -> impl Iterator<Item = &Context> {
        self.contexts.iter()
    }

    /// Follows a call to `number` from a context.
    pub(super) fn route<'d>(&'d self, from: &'d Context, number: &str, callee: Callee) -> Route<'d> {
        let mut context = from;
        let mut number = number.to_owned();
        let mut passed = Vec::new();
        loop {
            let extension = match context.ends_in(&number, callee) {
                Route::Extension(extension) => extension,
                other => return other,
            };
            let Some((_, transfer)) = extension.transfers.first() else { return Route::Extension(extension) };
            passed.push((std::ptr::from_ref(context), number.clone()));
            let Some(next) = transfer.number(extension, &number) else { return Route::Unknown };
            if let Some(name) = &transfer.context {
                let Some(found) = self.context(name) else { return Route::Unknown };
                context = found;
            }
            number = next;
            if passed.contains(&(std::ptr::from_ref(context), number.clone())) || passed.len() == MOST_TRANSFERS {
                return Route::Circle(extension);
            }
        }
    }
}

impl Context {
    /// Where a call ends without following transfers.
    fn ends_in(&self, number: &str, callee: Callee) -> Route<'_> {
        let mut otherwise = Route::Nowhere(self);
        for extension in &self.extensions {
            if extension.is_conference_file && callee == Callee::Conference {
                return Route::Conferences;
            }
            match extension.takes(number) {
                Some(true) if extension.connects() || !extension.continues => return Route::Extension(extension),
                None if extension.connects() => otherwise = Route::Unknown,
                _ => {}
            }
        }
        otherwise
    }
}

impl Extension {
    fn new(tree: &Tree<'_>, node: &Node<'_>) -> Self {
        let place = tree.place(node);
        let actions: Vec<&Node<'_>> = node.descendants().filter(|inside| inside.is("action")).collect();
        let application = |action: &Node<'_>| action.value("application").to_ascii_lowercase();
        let transfers = actions.iter().filter(|action| application(action) == "transfer");
        Self {
            name: node.value("name").into_owned(),
            numbers: number_conditions(tree, node),
            transfers: transfers.map(|action| (tree.place(action), Transfer::parse(&action.value("data")))).collect(),
            applications: actions.iter().map(|action| application(action)).collect(),
            is_conference_file: matches!(Owned::parse(&place.file), Some(Owned::Conference { .. })),
            asks: asks(node),
            continues: node.value("continue").eq_ignore_ascii_case("true"),
            place,
        }
    }

    /// Whether it connects the caller with somebody or something.
    pub(super) fn connects(&self) -> bool {
        self.applications.iter().any(|application| !PREPARATIONS.contains(&application.as_str()))
    }

    /// Whether it holds a conference.
    pub(super) fn has_conference(&self) -> bool {
        self.applications.iter().any(|application| application == "conference")
    }

    /// Whether it takes a call to `number`; `None` if that depends on more.
    fn takes(&self, number: &str) -> Option<bool> {
        let mut verdict = match self.asks {
            Asks::Nothing => Some(false),
            Asks::TheNumber => Some(true),
            Asks::More => None,
        };
        for condition in self.numbers.iter().filter(|condition| condition.decides) {
            match condition.expression.matches(number) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => verdict = None,
            }
        }
        verdict
    }
}

fn number_conditions(tree: &Tree<'_>, extension: &Node<'_>) -> Vec<NumberCondition> {
    let conditions = extension.descendants().filter(|node| looks_at_number(node));
    let read = |condition: &Node<'_>| NumberCondition {
        place: tree.place(condition),
        expression: Expression::new(expression(condition)),
        decides: breaks_on_false(condition) && extension.children("condition").any(|own| std::ptr::eq(own, condition)),
    };
    conditions.map(read).collect()
}

fn asks(extension: &Node<'_>) -> Asks {
    let conditions: Vec<&Node<'_>> = extension.descendants().filter(|node| node.is("condition")).collect();
    let own = extension.children("condition").count();
    let is_simple = |condition: &&Node<'_>| {
        let has = |attribute: &&str| condition.attribute(attribute).is_some();
        let is_absolute = !has(&"field") && !has(&"regex");
        (looks_at_number(condition) || is_absolute) && breaks_on_false(condition) && !TIMES.iter().any(has)
    };
    if conditions.is_empty() {
        Asks::Nothing
    } else if conditions.len() == own && conditions.iter().all(is_simple) {
        Asks::TheNumber
    } else {
        Asks::More
    }
}

/// Whether a condition that does not hold ends its extension, as by default.
fn breaks_on_false(condition: &Node<'_>) -> bool {
    condition.attribute("break").is_none_or(|when| when.eq_ignore_ascii_case("on-false"))
}

impl Expression {
    fn new(text: String) -> Self {
        let number = text.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
        let kind = match number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(number) => Kind::Exactly(number.to_owned()),
            None if text.is_empty() || text.starts_with(['_', '/']) || text.contains("${") => Kind::Other,
            None => match Regex::new(&text) {
                Ok(regex) => Kind::Regex(Box::new(regex)),
                Err(error) => Kind::Broken(error.to_string()),
            },
        };
        Self { text, kind }
    }

    /// Whether `number` fits; `None` if that cannot be said.
    fn matches(&self, number: &str) -> Option<bool> {
        match &self.kind {
            Kind::Exactly(own) => Some(own == number),
            Kind::Regex(regex) => regex.is_match(number).ok(),
            Kind::Other | Kind::Broken(_) => None,
        }
    }

    /// Why it is no regular expression.
    pub(super) fn fault(&self) -> Option<&str> {
        match &self.kind {
            Kind::Broken(fault) => Some(fault),
            _ => None,
        }
    }

    /// The number around one of `numbers` that it matches only because it is not anchored on both sides.
    pub(super) fn unanchored(&self, numbers: &[u32]) -> Option<String> {
        let Kind::Regex(regex) = &self.kind else { return None };
        let whole = Regex::new(&format!("^(?:{})$", self.text)).ok()?;
        let matches = |regex: &Regex, number: &str| regex.is_match(number).unwrap_or(false);
        let number = numbers.iter().find(|number| matches(regex, &number.to_string()))?;
        let around = [format!("99{number}"), format!("{number}99")];
        around.into_iter().find(|longer| matches(regex, longer) && !matches(&whole, longer))
    }

    /// What it takes out of a number: all that it matches, and its groups.
    fn groups(&self, number: &str) -> Vec<String> {
        match &self.kind {
            Kind::Regex(regex) => {
                let captures = regex.captures(number).ok().flatten();
                let groups = captures.iter().flat_map(|captures| captures.iter());
                groups.map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect()
            }
            _ => vec![number.to_owned()],
        }
    }
}

impl Transfer {
    /// Reads `NUMBER [DIALPLAN [CONTEXT]]`.
    fn parse(data: &str) -> Self {
        let mut words = data.split_whitespace();
        let destination = words.next().unwrap_or_default().to_owned();
        let dialplan = words.next().unwrap_or("XML");
        let context = words.next();
        let is_plain = dialplan.eq_ignore_ascii_case("XML")
            && context.is_none_or(|context| !context.contains('$'))
            && !destination.starts_with('-');
        Self { destination, context: context.filter(|_| is_plain).map(str::to_owned), is_plain }
    }

    /// The number that `extension` sends a call to `number` to; `None` if that is computed during the call.
    fn number(&self, extension: &Extension, number: &str) -> Option<String> {
        if !self.is_plain {
            return None;
        }
        let groups = extension.numbers.last().map(|condition| condition.expression.groups(number)).unwrap_or_default();
        let mut next = self.destination.replace("${destination_number}", number);
        for (index, group) in groups.iter().enumerate().rev() {
            next = next.replace(&format!("${index}"), group);
        }
        (!next.contains('$')).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_simulator::config::{Globals, Memory, load};

    /// The route of a number through contexts, in a word.
    #[track_caller]
    fn check(inside: &str, number: &str, callee: Callee, expected: &str) {
        let root = format!("<document>\n<section name=\"dialplan\">\n{inside}\n</section>\n</document>\n");
        let loaded = load(&Memory::new([("freeswitch.xml", root)]), "/etc/freeswitch", &mut Globals::default());
        let tree = Tree::new(&loaded).unwrap();
        let dialplan = Dialplan::new(&tree);
        let route = match dialplan.route(dialplan.context("a").unwrap(), number, callee) {
            Route::Conferences => "conferences".to_owned(),
            Route::Extension(extension) => format!("extension {}", extension.name),
            Route::Nowhere(context) => format!("nowhere in {}", context.name),
            Route::Circle(extension) => format!("circle by {}", extension.name),
            Route::Unknown => "unknown".to_owned(),
        };
        assert_eq!(route, expected, "{number} in {inside}");
    }

    fn extension(name: &str, expression: &str, application: &str, data: &str) -> String {
        format!(
            r#"<extension name="{name}"><condition field="destination_number" expression="{expression}">
            <action application="{application}" data="{data}"/></condition></extension>"#
        )
    }

    fn context(name: &str, extensions: &[String]) -> String {
        format!(r#"<context name="{name}">{}</context>"#, extensions.concat())
    }

    #[test]
    fn the_first_extension_that_connects_takes_the_call() {
        let prepare = extension("prepare", ".*", "set", "x=1").replace("name=", "continue=\"true\" name=");
        let users = extension("users", r"^(2\d{4})$", "bridge", "user/$1");
        let all = context("a", &[prepare, users, extension("all", "^.+$", "bridge", "user/1")]);
        check(&all, "20000", Callee::User, "extension users");
        check(&all, "30000", Callee::User, "extension all");
    }

    #[test]
    fn an_extension_that_connects_nobody_ends_the_call_unless_it_continues() {
        let refuse = extension("refuse", "^2", "respond", "404");
        let users = extension("users", "^20000$", "bridge", "user/1");
        check(&context("a", &[refuse, users]), "20000", Callee::User, "extension refuse");
    }

    #[test]
    fn a_transfer_is_followed_with_its_number() {
        let there = context("a", &[extension("there", r"^9(\d+)$", "transfer", "$1 XML b")]);
        let back = context("b", &[extension("here", "^20000$", "bridge", "user/1")]);
        check(&format!("{there}{back}"), "920000", Callee::User, "extension here");
        check(&format!("{there}{back}"), "920001", Callee::User, "nowhere in b");
        let computed = context("a", &[extension("there", ".*", "transfer", "$1 XML ${b}")]);
        check(&computed, "920000", Callee::User, "unknown");
    }

    #[test]
    fn transfers_in_a_circle_are_noticed() {
        let there = context("a", &[extension("there", ".*", "transfer", "${destination_number} XML b")]);
        let back = context("b", &[extension("back", ".*", "transfer", "$0 XML a")]);
        check(&format!("{there}{back}"), "1", Callee::User, "circle by back");
        check(&context("a", &[extension("more", "(.*)", "transfer", "1$1")]), "1", Callee::User, "circle by more");
    }

    #[test]
    fn what_depends_on_more_than_the_number_is_left_open() {
        let time = r#"<extension><condition wday="1"/><condition field="destination_number" expression="^2">
            <action application="bridge" data="x"/></condition></extension>"#;
        check(&context("a", &[time.to_owned()]), "20000", Callee::User, "unknown");
        check(&context("a", &[time.to_owned()]), "30000", Callee::User, "nowhere in a");
        check(&context("a", &[extension("x", "_2XXXX", "bridge", "x")]), "20000", Callee::User, "unknown");
        check(&context("a", &[extension("x", "^${own}$", "bridge", "x")]), "20000", Callee::User, "unknown");
    }

    #[test]
    fn an_expression_with_look_ahead_is_understood() {
        let users = context("a", &[extension("users", r"^(?!20001)2\d{4}$", "bridge", "x")]);
        check(&users, "20000", Callee::User, "extension users");
        check(&users, "20001", Callee::User, "nowhere in a");
    }

    #[test]
    fn only_what_is_not_anchored_matches_longer_numbers() {
        let unanchored = |text: &str| Expression::new(text.to_owned()).unanchored(&[20_000, 20_001]);
        assert_eq!(unanchored(r"20\d{3}").unwrap(), "9920000");
        assert_eq!(unanchored(r"20\d{3}$").unwrap(), "9920000");
        assert_eq!(unanchored(r"^20\d{3}").unwrap(), "2000099");
        for anchored in [r"^20\d{3}$", ".*", r"^\d+$", "^(20000|20001)$", "^00"] {
            assert_eq!(unanchored(anchored), None, "{anchored}");
        }
    }
}
