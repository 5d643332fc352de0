//! SIP profiles: whether somebody comes into a context of users without a password.

use std::borrow::Cow;

use super::findings::{Finding, quoted};
use super::subject::Subject;
use super::tree::{Node, Tree};

/// The context of a profile that names none.
const DEFAULT_CONTEXT: &str = "default";
/// What the switch takes for yes, besides numbers.
const YES: [&str; 7] = ["yes", "on", "true", "t", "enabled", "active", "allow"];

/// No profile puts callers from anywhere among the users of a configured context without asking them for a password.
pub(super) fn open_contexts(subject: &Subject<'_>) -> Vec<Finding> {
    let open = open_profiles(subject.tree).filter(|profile| subject.is_configured(&profile.context()));
    let finding = |profile: Profile<'_>| {
        Finding::at(
            subject.tree.place(profile.param("context").unwrap_or(profile.node)),
            format!(
                "the SIP profile {} asks callers for no password, and puts them into the context {}: they reach what its users reach",
                quoted(&profile.node.value("name")),
                quoted(&profile.context())
            ),
            "let it have a context of its own, and transfer from there what strangers may reach; or give these users another \
             context, and configure that",
        )
    };
    open.map(finding).collect()
}

/// What has to be said to whoever is to open a way in `context`: nothing, if all who come there have a password.
pub(super) fn warning(subject: &Subject<'_>, context: &str) -> Option<String> {
    let profile = open_profiles(subject.tree).find(|profile| profile.context().eq_ignore_ascii_case(context))?;
    let name = quoted(&profile.node.value("name"));
    Some(format!(
        "but not before the SIP profile {name} has another context: until then strangers without a password reach whatever is \
         opened here"
    ))
}

/// The profiles that let in whoever calls.
fn open_profiles<'t>(tree: &'t Tree<'_>) -> impl Iterator<Item = Profile<'t>> {
    let profiles = tree.configuration("sofia.conf").into_iter().flat_map(|module| module.children("profiles"));
    let profiles = profiles.flat_map(|profiles| profiles.children("profile"));
    profiles.map(|node| Profile { node }).filter(Profile::is_open)
}

struct Profile<'t> {
    node: &'t Node<'t>,
}

impl<'t> Profile<'t> {
    /// The last one counts.
    fn param(&self, name: &str) -> Option<&'t Node<'t>> {
        let params = self.node.children("settings").flat_map(|settings| settings.children("param"));
        params.filter(|param| param.is_named(name)).last()
    }

    fn value(&self, name: &str) -> Cow<'t, str> {
        self.param(name).map(|param| param.value("value")).unwrap_or_default()
    }

    fn context(&self) -> Cow<'t, str> {
        let context = self.value("context");
        if context.is_empty() { DEFAULT_CONTEXT.into() } else { context }
    }

    /// Neither a password is asked for, nor the address.
    fn is_open(&self) -> bool {
        !is_yes(&self.value("auth-calls")) && self.value("apply-inbound-acl").is_empty()
    }
}

fn is_yes(value: &str) -> bool {
    YES.iter().any(|yes| yes.eq_ignore_ascii_case(value)) || value.parse::<i64>().is_ok_and(|number| number != 0)
}
