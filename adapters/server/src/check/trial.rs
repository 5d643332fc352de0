//! Files that the connector would write, tried out: does the switch load them, and where do they end up?
//!
//! Reading the includes would have to understand every way of writing them. So a file for a new user in each context, and for a
//! new conference, is laid over the tree, which is loaded once more.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_engine::config::Config;
use fsconnector_engine::switch::Reading;
use fsconnector_simulator::config::Loaded;

use super::source::{CONFERENCES, Source};
use super::subject::{self, read};
use super::tree::Tree;

/// The tree with the files in it.
pub(super) struct Trial {
    /// What came of loading them.
    pub(super) loaded: Loaded,
    /// The contexts whose new user the switch would not find.
    pub(super) users_not_loaded: Vec<String>,
    /// Whether no conference context would get its new conference.
    pub(super) conferences_not_loaded: bool,
}

/// The number of a new user, or of a new conference, in a context.
struct New {
    context: String,
    number: u32,
}

impl Trial {
    /// Loads `source` with a new user and a new conference in every context that has a free number.
    pub(super) fn run(source: &Source, config: &Config, reading: &Reading) -> Self {
        let contexts = config.contexts.iter().zip(&*reading.free);
        let new = |context: &str, number: Option<u32>| Some(New { context: context.to_owned(), number: number? });
        let users: Vec<New> =
            contexts.clone().filter_map(|(context, free)| new(context.name.as_str(), free.users.lowest())).collect();
        let conferences: Vec<New> =
            contexts.filter_map(|(context, free)| new(context.name.as_str(), free.conferences.lowest())).collect();
        let files = users.iter().map(New::user_file).chain(conferences.iter().map(New::conference_file));
        let (loaded, globals) = source.load_with(files.collect::<BTreeMap<_, _>>());
        let reading = read(&loaded, &globals, config, &[]).and_then(Result::ok);
        let is_shown = |new: &New| {
            let mut shown = reading.iter().flat_map(|reading| &*reading.conferences);
            shown.any(|conference| conference.num == new.number)
        };
        Self {
            users_not_loaded: contexts_without(&users, &loaded),
            conferences_not_loaded: !conferences.is_empty() && !conferences.iter().any(is_shown),
            loaded,
        }
    }
}

/// The contexts of those new users whom the switch would not find.
fn contexts_without(users: &[New], loaded: &Loaded) -> Vec<String> {
    let tree = Tree::new(loaded);
    let found = tree.iter().flat_map(subject::users).filter(|user| user.is_found);
    let found: BTreeSet<String> = found.map(|user| user.id).collect();
    let missing = users.iter().filter(|new| !found.contains(&new.number.to_string()));
    missing.map(|new| new.context.clone()).collect()
}

impl New {
    fn user_file(&self) -> (String, String) {
        let Self { context, number } = self;
        let text = format!(
            "<include>\n<user id=\"{number}\"><variables>\
             <variable name=\"user_context\" value=\"{context}\"/></variables></user>\n</include>\n"
        );
        (format!("directory/{context}/{number}.xml"), text)
    }

    fn conference_file(&self) -> (String, String) {
        let number = self.number;
        let text = format!(
            "<include>\n<extension name=\"new\"><condition field=\"destination_number\" expression=\"^{number}$\">\
             <action application=\"conference\" data=\"new_{number}@new\"/></condition></extension>\n</include>\n"
        );
        (format!("{CONFERENCES}/{number}.xml"), text)
    }
}
