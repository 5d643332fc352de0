//! What administrators ask for, and what they have to be told.

use std::collections::BTreeSet;

use fsconnector_engine::change::command::{Command, Failed, Outcome, Response};
use fsconnector_engine::files::Part;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::chance::Chance;
use crate::tree::{COMMON_PINS, PASSWORD, PIN};
use crate::view::{CONFERENCE_PROPERTIES, USER_PROPERTIES, View, values};

/// Names that are easily damaged.
pub const AWKWARD: [&str; 10] =
    ["A & B <\"'>", "Анна", "日本", "🎧", "a]]>b", "x\" value=\"y", "O'Neil", "&amp;", "C\\x", "100%"];

/// The phones there are: few, so that they go from user to user.
pub const PHONES: [&str; 3] = ["0004f2aabb01", "0004f2aabb02", "0004f2aabb03"];

/// Names that are not allowed.
pub const REFUSED: [&str; 8] =
    ["$${es_pw}", "<!--x", "X-Pre-Process", "a\tb", "a\nb", "a\0b", "a:b", "${caller_id_name}"];

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `users/add`
    AddUsers,
    /// `users/mod`
    ModUsers,
    /// `users/del`
    DelUsers,
    /// `users/rebuild`
    RebuildUsers,
    /// `users/reprov`
    ReprovisionUsers,
    /// `conferences/add`
    AddConferences,
    /// `conferences/mod`
    ModConferences,
    /// `conferences/del`
    DelConferences,
    /// `conferences/rebuildcontacts`
    RebuildContacts,
    /// `store/…`
    Store(Part),
    /// `restore/…`
    Restore(Part),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is to be done.
    pub operation: Operation,
    /// To whom.
    pub items: Vec<Value>,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) ask: Ask,
    /// The configuration that the switch had then, by its place in the history.
    pub(crate) history: usize,
    /// What was in the items, and nowhere else.
    marks: BTreeSet<String>,
}

impl Sent {
    /// A request that is sent to somebody who has published `known`.
    pub(crate) fn new(ask: Ask, history: usize, known: &View) -> Self {
        let is_known = |mark: &String| {
            let emails = known.users.values().any(|user| user[4].contains(mark.as_str()));
            emails || known.conferences.values().any(|conference| format!("\"{}\"", conference[0]) == *mark)
        };
        let marks = ask.items.iter().flat_map(marks).filter(|mark| !is_known(mark)).collect();
        Self { ask, history, marks }
    }

    /// Whether the content can only come from this item.
    pub(crate) fn is_from(&self, item: &Value, content: &[u8]) -> bool {
        let mut own = marks(item).filter(|mark| self.marks.contains(mark));
        own.any(|mark| content.windows(mark.len()).any(|window| window == mark.as_bytes()))
    }
}

/// What an answer says of one item.
#[derive(Clone, Debug)]
pub(crate) struct Done<'a> {
    pub(crate) operation: Operation,
    /// The item; a rebuild has none.
    pub(crate) sent: Option<&'a Value>,
    pub(crate) shown: &'a Value,
}

impl Operation {
    /// The name of what identifies the operation's items.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::AddConferences | Self::ModConferences | Self::DelConferences => "num",
            _ => "id",
        }
    }

    /// Whether it is about all there are, and not about items.
    pub(crate) fn is_about_all(self) -> bool {
        matches!(self, Self::RebuildUsers | Self::ReprovisionUsers) || self.is_single()
    }

    /// Whether the answer is one text.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::RebuildContacts | Self::Store(_) | Self::Restore(_))
    }

    /// What does not fit in the answer of one text.
    pub(crate) fn misfit(self, told: &str) -> Option<String> {
        let fits = match self {
            Self::Store(part) => told == part.archive().as_str(),
            Self::Restore(part) => part.folder().map_or(told == ".", |folder| told == folder.as_str()),
            Self::RebuildContacts => told.ends_with('Z'),
            _ => false,
        };
        (!fits).then(|| format!("{self:?}: {told}"))
    }

    pub(crate) fn removes(self) -> bool {
        matches!(self, Self::DelUsers | Self::DelConferences)
    }
}

impl Ask {
    /// The request as the engine takes it; nothing if an item does not fit its schema.
    pub fn command(&self) -> Option<Command> {
        fn items<T: DeserializeOwned>(items: &[Value]) -> Option<T> {
            serde_json::from_value(Value::Array(items.to_vec())).ok()
        }
        Some(match self.operation {
            Operation::AddUsers => Command::AddUsers(items(&self.items)?),
            Operation::ModUsers => Command::ModUsers(items(&self.items)?),
            Operation::DelUsers => Command::DelUsers(items(&self.items)?),
            Operation::RebuildUsers => Command::RebuildUsers,
            Operation::ReprovisionUsers => Command::ReprovisionUsers,
            Operation::AddConferences => Command::AddConferences(items(&self.items)?),
            Operation::ModConferences => Command::ModConferences(items(&self.items)?),
            Operation::DelConferences => Command::DelConferences(items(&self.items)?),
            Operation::RebuildContacts => Command::RebuildContacts,
            Operation::Store(part) => Command::Store(part),
            Operation::Restore(part) => Command::Restore(part),
        })
    }

    /// The items that were done; the others are among the failed ones, in their order.
    pub(crate) fn done<'a>(&'a self, response: &'a Response) -> Option<Vec<Done<'a>>> {
        let operation = self.operation;
        let is_single = matches!(response.outcome, Outcome::Single(_));
        if is_single != operation.is_single() {
            return None;
        }
        if operation.is_about_all() {
            return Some(done_items(response).iter().map(|shown| Done { operation, sent: None, shown }).collect());
        }
        let failed: Vec<&Value> = failed_items(response).iter().map(|failed| &failed.item).collect();
        let shown: Vec<&Value> = done_items(response).iter().collect();
        let fits = |must_be_asked| matching(operation, &self.items, &failed, &shown, must_be_asked);
        fits(true).or_else(|| fits(false))
    }

    /// Makes a request up.
    pub fn make_up(chance: &mut Chance, serial: usize, known: &View) -> Self {
        let users: Vec<&String> = known.users.keys().collect();
        let conferences: Vec<&String> = known.conferences.keys().collect();
        let operations = [
            Operation::AddUsers,
            Operation::ModUsers,
            Operation::DelUsers,
            Operation::RebuildUsers,
            Operation::AddConferences,
            Operation::ModConferences,
            Operation::DelConferences,
            Operation::ReprovisionUsers,
            Operation::RebuildContacts,
            Operation::Store(Part::ALL[chance.below(Part::ALL.len())]),
            Operation::Restore(Part::ALL[chance.below(Part::ALL.len())]),
        ];
        let operation = operations[chance.weighted(&[30, 25, 15, 4, 10, 8, 6, 5, 5, 8, 8])];
        let count = if operation.is_about_all() { 0 } else { chance.weighted(&[2, 60, 20, 8, 4]) };
        let item = |at: usize| {
            let serial = serial * 8 + at;
            match operation {
                Operation::AddUsers => new_user(chance, serial),
                Operation::ModUsers => user_change(chance, serial, &users, known),
                Operation::DelUsers => json!({ "id": someone(chance, &users) }),
                Operation::AddConferences => new_conference(chance, serial),
                Operation::ModConferences => conference_change(chance, serial, &conferences),
                Operation::DelConferences => json!({ "num": someone(chance, &conferences) }),
                _ => Value::Null,
            }
        };
        Self { operation, items: (0..count).map(item).collect() }
    }
}

/// The items that an answer tells to be done.
pub(crate) fn done_items(response: &Response) -> &[Value] {
    match &response.outcome {
        Outcome::Items { done, .. } => done,
        Outcome::Single(_) => &[],
    }
}

/// The items that an answer tells to have failed.
pub(crate) fn failed_items(response: &Response) -> &[Failed] {
    match &response.outcome {
        Outcome::Items { failed, .. } => failed,
        Outcome::Single(_) => &[],
    }
}

/// Which of the items that were sent was done: of two equal ones that need not be the first.
fn matching<'a>(
    operation: Operation,
    sent: &'a [Value],
    failed: &[&'a Value],
    shown: &[&'a Value],
    must_be_asked: bool,
) -> Option<Vec<Done<'a>>> {
    let Some((item, sent)) = sent.split_first() else {
        return (failed.is_empty() && shown.is_empty()).then(Vec::new);
    };
    if let Some((first, shown)) = shown.split_first() {
        let done = Done { operation, sent: Some(item), shown: first };
        if !must_be_asked || is_as_asked(&done) {
            let rest = matching(operation, sent, failed, shown, must_be_asked);
            if let Some(rest) = rest {
                return Some(std::iter::once(done).chain(rest).collect());
            }
        }
    }
    let (first, failed) = failed.split_first()?;
    if *first == item { matching(operation, sent, failed, shown, must_be_asked) } else { None }
}

/// Whether all that was asked for is in what is shown. What was absent or empty can be anything.
pub(crate) fn is_as_asked(done: &Done<'_>) -> bool {
    let Some(sent) = done.sent.and_then(Value::as_object) else { return true };
    let key = done.operation.key();
    if done.operation.removes() || !sent.contains_key("context") && sent.contains_key(key) {
        // Only another context gives another number.
        if sent.get(key) != done.shown.get(key) {
            return false;
        }
    }
    sent.iter().all(|(property, value)| {
        let (asked, is) = (value.as_str().unwrap_or_default(), &done.shown[property]);
        match property.as_str() {
            "id" | "num" => true,
            "name" | "email" => *is == asked.trim(),
            "polymac" => *is == polymac(asked.trim()),
            "conpin" if asked == "$${modconpin}" => *is == COMMON_PINS[0],
            "conpin" if asked == "$${defconpin}" => *is == COMMON_PINS[1],
            "password" | "conpin" if asked.is_empty() => is.as_str().is_some_and(|value| !value.is_empty()),
            _ => is == asked,
        }
    })
}

fn polymac(asked: &str) -> String {
    if asked.is_empty() {
        return "none".to_owned();
    }
    asked.replace([':', '-'], "").to_lowercase()
}

/// Whether the configuration shows what the answer says.
pub(crate) fn is_shown(done: &Done<'_>, view: &View) -> bool {
    let key = values(done.shown, [done.operation.key()]).concat();
    let is_there = match done.operation.key() {
        "id" => view.users.get(&key) == Some(&values(done.shown, USER_PROPERTIES)),
        _ => view.conferences.get(&key) == Some(&values(done.shown, CONFERENCE_PROPERTIES)),
    };
    is_there != done.operation.removes()
}

fn new_user(chance: &mut Chance, serial: usize) -> Value {
    let mut user = Map::new();
    user.insert("name".into(), name(chance, serial).into());
    user.insert("email".into(), email(chance, serial).into());
    user.insert("context".into(), context(chance).into());
    optional(chance, serial, &mut user);
    user.into()
}

fn user_change(chance: &mut Chance, serial: usize, known: &[&String], view: &View) -> Value {
    let id = someone(chance, known);
    let mut user = Map::new();
    // The web client sends every property back.
    if let Some(values) = view.users.get(&id).filter(|_| chance.percent(25)) {
        let all = USER_PROPERTIES.into_iter().zip(values);
        user.extend(all.map(|(property, value)| (property.to_owned(), value.clone().into())));
    }
    user.insert("id".into(), id.into());
    if chance.percent(40) {
        user.insert("name".into(), name(chance, serial).into());
    }
    if chance.percent(40) {
        user.insert("email".into(), email(chance, serial).into());
    }
    if chance.percent(25) {
        user.insert("context".into(), context(chance).into());
    }
    optional(chance, serial, &mut user);
    user.into()
}

fn optional(chance: &mut Chance, serial: usize, user: &mut Map<String, Value>) {
    if chance.percent(60) {
        let ends = ["", "", "\"", "&lt;", "😀 ]]>"];
        let end = ends[chance.below(ends.len())];
        user.insert("password".into(), format!("{PASSWORD}{serial}{end}").into());
    }
    if chance.percent(30) {
        let pins =
            [format!("{PIN}{serial:04}"), String::new(), "$${modconpin}".into(), COMMON_PINS[1].into(), "1a".into()];
        user.insert("conpin".into(), pins[chance.weighted(&[10, 2, 3, 3, 1])].clone().into());
    }
    if chance.percent(50) {
        let phone = PHONES[chance.below(PHONES.len())];
        let macs = [phone.to_owned(), phone.to_uppercase(), String::new(), "none".into(), "x".into()];
        user.insert("polymac".into(), macs[chance.weighted(&[10, 3, 2, 2, 1])].clone().into());
    }
}

fn new_conference(chance: &mut Chance, serial: usize) -> Value {
    let context = if chance.percent(90) { ["team", "friends"][chance.below(2)] } else { "nowhere" };
    json!({ "name": conference_name(chance, serial), "type": profile(chance), "context": context })
}

fn conference_change(chance: &mut Chance, serial: usize, known: &[&String]) -> Value {
    let mut conference = Map::new();
    conference.insert("num".into(), someone(chance, known).into());
    if chance.percent(50) {
        conference.insert("name".into(), conference_name(chance, serial).into());
    }
    if chance.percent(40) {
        conference.insert("type".into(), profile(chance).into());
    }
    if chance.percent(25) {
        conference.insert("context".into(), ["team", "friends"][chance.below(2)].into());
    }
    conference.into()
}

fn name(chance: &mut Chance, serial: usize) -> String {
    match chance.weighted(&[30, 20, 10, 10, 3]) {
        0 => format!("user{serial}"),
        1 => format!("{} {serial}", AWKWARD[chance.below(AWKWARD.len())]),
        2 => format!(" {} ", AWKWARD[chance.below(AWKWARD.len())]),
        3 => REFUSED[chance.below(REFUSED.len())].to_owned(),
        _ => "4711".to_owned(),
    }
}

fn email(chance: &mut Chance, serial: usize) -> String {
    match chance.weighted(&[30, 5, 3]) {
        0 => marker(serial),
        1 => format!("Anna & <{}> ", marker(serial)),
        _ => format!("{serial} at example.org"),
    }
}

/// An address that nobody else is given.
fn marker(serial: usize) -> String {
    format!("m{serial}@example.org")
}

/// What is in an item that is in no other.
fn marks(item: &Value) -> impl Iterator<Item = String> {
    let [email, name] = values(item, ["email", "name"]);
    let address = email.split(['<', '>', ' ']).find(|word| word.ends_with("@example.org")).map(str::to_owned);
    let conference = (item.get("email").is_none() && name.starts_with("conf")).then(|| format!("\"{name}\""));
    address.into_iter().chain(conference)
}

fn context(chance: &mut Chance) -> &'static str {
    ["team", "friends", "public", "nowhere"][chance.weighted(&[50, 40, 6, 4])]
}

fn conference_name(chance: &mut Chance, serial: usize) -> String {
    match chance.weighted(&[40, 10, 5, 5]) {
        0 => format!("conf{serial}"),
        1 => format!("会議-{serial}"),
        2 => "list".to_owned(),
        _ => REFUSED[chance.below(REFUSED.len())].to_owned(),
    }
}

fn profile(chance: &mut Chance) -> &'static str {
    ["16kHz-novideo", "48kHz-video", "other", "none of these"][chance.weighted(&[10, 10, 10, 2])]
}

/// Somebody who is known, or perhaps not.
fn someone(chance: &mut Chance, known: &[&String]) -> String {
    let stranger = || "29999".to_owned();
    if chance.percent(8) { stranger() } else { chance.pick(known).map_or_else(stranger, |known| (*known).clone()) }
}
