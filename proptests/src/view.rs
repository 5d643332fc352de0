//! What a configuration shows: its users and conferences. Here it is read from the switch's own tree of elements, without
//! any of the engine's readers, so that both can be compared.

use std::collections::BTreeMap;

use fsconnector_disk::Model;
use fsconnector_engine::config::Config;
use fsconnector_engine::state::State;
use fsconnector_simulator::config::{Document, Element, Globals, load};
use serde_json::Value;

use crate::disk::snapshot;

/// A user: `password conpin context name email polymac`.
pub type UserView = [String; 6];

/// A conference: `name type context`.
pub type ConferenceView = [String; 3];

/// The properties of a [`UserView`], as answers call them.
pub const USER_PROPERTIES: [&str; 6] = ["password", "conpin", "context", "name", "email", "polymac"];

/// The properties of a [`ConferenceView`], as answers call them.
pub const CONFERENCE_PROPERTIES: [&str; 3] = ["name", "type", "context"];

/// The users by id, and the conferences by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The users.
    pub users: BTreeMap<String, UserView>,
    /// The conferences.
    pub conferences: BTreeMap<String, ConferenceView>,
}

impl View {
    /// What the connector's readers see.
    pub fn of_state(state: &State) -> Self {
        let users = state.users.iter().map(|user| {
            let values =
                [user.password.expose(), user.conpin.expose(), &user.context, &user.name, &user.email, &user.polymac];
            (user.id.to_string(), values.map(str::to_owned))
        });
        let conferences = state.conferences.iter().map(|conference| {
            let values = [&conference.name, &conference.profile, conference.context.as_str()];
            (conference.num.to_string(), values.map(str::to_owned))
        });
        Self { users: users.collect(), conferences: conferences.collect() }
    }

    /// What a switch shows.
    pub fn of_document(document: &Document, config: &Config) -> Self {
        let mut view = Self::default();
        if let Some(directory) = document.section(b"directory") {
            view.read_users(directory);
        }
        if let Some(dialplan) = document.section(b"dialplan") {
            view.read_conferences(dialplan, config);
        }
        view
    }

    /// What a switch would show that loads this disk; nothing if it would not load it.
    pub fn of_disk(model: &Model, config: &Config) -> Option<Self> {
        let mut globals = Globals::from_listing(b"");
        let loaded = load(&snapshot(model), "/etc/freeswitch", &mut globals);
        loaded.outcome.ok().map(|document| Self::of_document(&document, config))
    }

    /// Without the users and conferences that `numbers` names.
    #[must_use]
    pub fn without(&self, numbers: impl Fn(&str) -> bool) -> Self {
        let mut rest = self.clone();
        rest.users.retain(|id, _| !numbers(id));
        rest.conferences.retain(|num, _| !numbers(num));
        rest
    }

    fn read_users(&mut self, directory: Element<'_>) {
        let groups = below(vec![directory], &[b"domain", b"groups", b"group", b"users", b"user"]);
        for user in groups {
            let setting = |list: &[u8], tag: &[u8], name: &str| {
                let all = below(vec![user], &[list, tag]);
                let mut named = all.into_iter().filter(|setting| text(*setting, "name") == name);
                named.next_back().map(|setting| text(setting, "value"))
            };
            let variable = |name| setting(b"variables", b"variable", name);
            let values = [
                setting(b"params", b"param", "password").unwrap_or_default(),
                variable("conpin").unwrap_or_default(),
                variable("user_context").unwrap_or_default(),
                variable("effective_caller_id_name").unwrap_or_default(),
                variable("verto_dvar_email").unwrap_or_default(),
                variable("polymac").unwrap_or_else(|| "none".to_owned()),
            ];
            self.users.entry(text(user, "id")).or_insert(values);
        }
    }

    fn read_conferences(&mut self, dialplan: Element<'_>, config: &Config) {
        for condition in below(vec![dialplan], &[b"context", b"extension", b"condition"]) {
            let expression = text(condition, "expression");
            let num = expression.trim_start_matches('^').trim_end_matches('$');
            let context = num.parse().ok().and_then(|num| config.conference_context(num));
            for action in below(vec![condition], &[b"action"]) {
                let data = text(action, "data");
                let (name, rest) = data.split_once('@').unwrap_or_default();
                if let ("conference", Some(context)) = (&*text(action, "application"), context) {
                    let profile = rest.split('+').next().unwrap_or_default();
                    let values = [name, profile, context.name.as_str()].map(str::to_owned);
                    self.conferences.entry(num.to_owned()).or_insert(values);
                }
            }
        }
    }
}

/// The elements at the end of a path of names.
fn below<'d>(from: Vec<Element<'d>>, names: &[&[u8]]) -> Vec<Element<'d>> {
    let step = |elements: Vec<Element<'d>>, name: &&[u8]| {
        let children = elements.into_iter().flat_map(Element::children);
        children.filter(|child| child.name() == *name).collect()
    };
    names.iter().fold(from, step)
}

fn text(element: Element<'_>, attribute: &str) -> String {
    String::from_utf8_lossy(element.attribute(attribute.as_bytes()).unwrap_or_default()).into_owned()
}

/// The values of an object by their names; what is not there is empty.
pub fn values<const N: usize>(object: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
}
