//! What the checks look at: the loaded tree, what the connector would read from it, and where the users and conferences stand.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_engine::config::Config;
use fsconnector_engine::io::Reply;
use fsconnector_engine::numbers::parse_number;
use fsconnector_engine::path::RelPath;
use fsconnector_engine::state::{Conference, User};
use fsconnector_engine::switch::{Misfit, Oddity, Reading, Unreadable};
use fsconnector_simulator::config::{Element, Globals, Loaded, Place};

use super::dialplan::Dialplan;
use super::source::Source;
use super::tree::{Node, Tree};
use super::trial::Trial;

/// What the switch says when there is no such section.
const NOT_FOUND: &[u8] = b"can't find anything\n";
/// Where the switch looks for users.
const PLACE_OF_USERS: [&str; 4] = ["domain", "groups", "group", "users"];

/// A tree that the switch can load and the connector can read.
pub(super) struct Subject<'s> {
    /// What the connector is configured for.
    pub(super) config: &'s Config,
    /// The files.
    pub(super) source: &'s Source,
    /// The elements.
    pub(super) tree: &'s Tree<'s>,
    /// What the connector reads.
    pub(super) reading: &'s Reading,
    /// How new files would be loaded.
    pub(super) trial: &'s Trial,
    /// Who reaches which number.
    pub(super) dialplan: Dialplan,
    /// The files where the connector writes.
    pub(super) owned: Vec<String>,
    /// The users: first those that the switch finds.
    pub(super) users: Vec<UserEntry<'s>>,
    /// The first user of each id, by its place in that list.
    first_of_id: BTreeMap<String, usize>,
    /// The extensions with a conference, in the order of the dialplan.
    pub(super) conferences: Vec<ConferenceEntry<'s>>,
}

/// A user as it is written.
pub(super) struct UserEntry<'s> {
    /// Its id, never empty.
    pub(super) id: String,
    /// Where it begins.
    pub(super) place: Place,
    /// The switch looks for users there.
    pub(super) is_found: bool,
    node: &'s Node<'s>,
}

/// An extension with a conference as it is written.
pub(super) struct ConferenceEntry<'s> {
    /// The extension's name.
    pub(super) name: String,
    /// Where it begins.
    pub(super) place: Place,
    /// The expression it has for its number.
    pub(super) expression: String,
    /// What the connector makes of it.
    pub(super) seen: Result<&'s Conference, Option<Misfit>>,
}

impl<'s> Subject<'s> {
    /// Finds the users and conferences in the tree.
    pub(super) fn new(
        config: &'s Config,
        source: &'s Source,
        tree: &'s Tree<'s>,
        reading: &'s Reading,
        trial: &'s Trial,
        owned: Vec<String>,
    ) -> Self {
        let (users, conferences) = (users(tree), conferences(tree, reading));
        // With conference files in it, the dialplan shows where such files come.
        let dialplan = Tree::new(&trial.loaded).map_or_else(|| Dialplan::new(tree), |tree| Dialplan::new(&tree));
        let ids = users.iter().enumerate().rev();
        let first_of_id = ids.map(|(index, user)| (user.id.clone(), index)).collect();
        Self { config, source, tree, reading, trial, dialplan, owned, users, first_of_id, conferences }
    }

    /// The user that counts of those with this id.
    pub(super) fn user(&self, id: &str) -> Option<&UserEntry<'s>> {
        self.users.get(*self.first_of_id.get(id)?)
    }

    /// Whether users of the connector call from this context of the dialplan.
    pub(super) fn is_configured(&self, context: &str) -> bool {
        self.config.contexts.iter().any(|configured| configured.name.as_str().eq_ignore_ascii_case(context))
    }

    /// Whether it is one of the connector's users, hand-written or not: of a configured context. Others are only listed.
    pub(super) fn is_ours(&self, user: &User) -> bool {
        self.config.context(&user.context).is_some()
    }

    /// The names of the configured contexts, for a person.
    pub(super) fn context_names(&self) -> String {
        let names: Vec<&str> = self.config.contexts.iter().map(|context| context.name.as_str()).collect();
        names.join(", ")
    }
}

impl UserEntry<'_> {
    /// Where a param or variable of it is set; where it begins if that is nowhere.
    pub(super) fn place_of(&self, tree: &Tree<'_>, property: &str) -> Place {
        let set = self.node.descendants().filter(|node| node.is_named(property)).last();
        set.map_or_else(|| self.place.clone(), |node| tree.place(node))
    }
}

/// What the connector would read from a load; `None` if that failed. The numbers of `files` are taken.
pub(super) fn read(
    loaded: &Loaded,
    globals: &Globals,
    config: &Config,
    files: &[RelPath],
) -> Option<Result<Reading, Unreadable>> {
    let document = loaded.outcome.as_ref().ok()?;
    let section = |name: &str| document.section(name.as_bytes());
    let shown = |name| section(name).map_or(NOT_FOUND.to_vec(), Element::to_xml);
    let profiles = section("configuration")
        .and_then(|section| section.child_with(b"configuration", b"name", b"conference.conf"))
        .map_or(NOT_FOUND.to_vec(), Element::to_xml);
    // In the order of the connector's questions, of which the first is for the version.
    let answers = [Vec::new(), globals.listing(), shown("directory"), profiles, shown("dialplan")];
    Some(Reading::new(config, answers.map(|answer| Reply::Answer(answer.into())), files))
}

/// The folders that the connector writes to.
pub(super) fn owned_folders(config: &Config) -> impl Iterator<Item = String> {
    config.folders().into_iter().map(|folder| folder.to_string())
}

/// The files in these folders.
pub(super) fn owned_files(source: &Source, config: &Config) -> Vec<String> {
    owned_folders(config).flat_map(|folder| source.xml_files(&folder)).collect()
}

/// The users of a tree: first those that the switch finds.
pub(super) fn users<'s>(tree: &'s Tree<'s>) -> Vec<UserEntry<'s>> {
    let Some(section) = tree.section("directory") else { return Vec::new() };
    let mut users = vec![section];
    for tag in PLACE_OF_USERS.into_iter().chain(["user"]) {
        users = users.into_iter().flat_map(|node| node.children(tag)).collect();
    }
    let found: BTreeSet<*const Node<'_>> = users.iter().map(|user| std::ptr::from_ref(*user)).collect();
    let astray = section.descendants().filter(|node| node.is("user") && !found.contains(&std::ptr::from_ref(*node)));
    let count = users.len();
    users.extend(astray);
    let entry = |(index, node): (usize, &'s Node<'s>)| {
        let id = node.value("id").into_owned();
        let is_user = !id.is_empty() && node.value("type") != "pointer";
        is_user.then(|| UserEntry { id, place: tree.place(node), is_found: index < count, node })
    };
    users.into_iter().enumerate().filter_map(entry).collect()
}

fn conferences<'s>(tree: &'s Tree<'s>, reading: &'s Reading) -> Vec<ConferenceEntry<'s>> {
    let by_number: BTreeMap<u32, &Conference> =
        reading.conferences.iter().map(|conference| (conference.num, conference)).collect();
    // Extensions that the connector cannot use are told in the order of the dialplan.
    let mut misfits = reading.oddities.iter().filter_map(|oddity| match oddity {
        Oddity::Misfit { why, .. } => Some(*why),
        _ => None,
    });
    let extensions = tree.section("dialplan").into_iter().flat_map(|section| section.outermost("extension"));
    let with_conference = extensions.filter_map(|extension| Some((extension, conference_data(extension)?)));
    let entry = |(extension, data): (&Node<'_>, String)| {
        let expression = number_expression(extension);
        let named = number_in(&expression).and_then(|number| by_number.get(&number).copied());
        ConferenceEntry {
            name: extension.value("name").into_owned(),
            place: tree.place(extension),
            seen: named.filter(|conference| is_data_of(&data, conference)).ok_or_else(|| misfits.next()),
            expression,
        }
    };
    with_conference.map(entry).collect()
}

/// The data of the first conference in an extension.
fn conference_data(extension: &Node<'_>) -> Option<String> {
    let mut actions = extension.descendants().filter(|node| node.is("action"));
    let conference = actions.find(|action| action.value("application").eq_ignore_ascii_case("conference"))?;
    let text = conference.text();
    Some(if text.is_empty() { conference.value("data").into_owned() } else { text.into_owned() })
}

fn is_data_of(data: &str, conference: &Conference) -> bool {
    let rest = data.strip_prefix(&format!("{}@{}", conference.name, conference.profile));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// The expression that is one number; else the first for the dialled number.
fn number_expression(extension: &Node<'_>) -> String {
    let conditions = extension.descendants().filter(|node| looks_at_number(node));
    let expressions: Vec<String> = conditions.map(expression).collect();
    let plain = expressions.iter().find(|expression| number_in(expression).is_some());
    plain.or(expressions.first()).cloned().unwrap_or_default()
}

/// Whether a condition looks at the dialled number.
pub(super) fn looks_at_number(node: &Node<'_>) -> bool {
    node.is("condition") && node.value("field").eq_ignore_ascii_case("destination_number")
}

/// The expression of a condition, which may be an element of its own.
pub(super) fn expression(condition: &Node<'_>) -> String {
    let inside = condition.children("expression").last();
    inside.map_or_else(|| condition.value("expression"), Node::text).into_owned()
}

/// The number of an expression `NUM` or `^NUM$`.
fn number_in(expression: &str) -> Option<u32> {
    let anchored = expression.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    parse_number(anchored.unwrap_or(expression))
}
