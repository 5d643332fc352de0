//! Users: each in a file of its own, able to log in, with values that survive the connector.

use std::collections::{BTreeMap, BTreeSet};

use fsconnector_engine::access::Role;
use fsconnector_engine::config::Context;
use fsconnector_engine::state::{Barred, User};
use fsconnector_engine::switch::Oddity;

use super::findings::{Finding, counted, listed, quoted};
use super::leftovers::is_leftover;
use super::source::Owned;
use super::subject::{Subject, UserEntry};
use super::tree::Node;

/// The longest values, in characters.
const LONGEST: usize = 128;
const LONGEST_EMAIL: usize = 254;

/// Every file holds one user and is named after it.
pub(super) fn files(subject: &Subject<'_>) -> Vec<Finding> {
    // By line and id: a file that is included twice shows its user twice.
    let mut by_file: BTreeMap<&str, BTreeMap<(usize, &str), &UserEntry<'_>>> = BTreeMap::new();
    for user in &subject.users {
        by_file.entry(&user.place.file).or_default().insert((user.place.line, &user.id), user);
    }
    let shared = by_file.into_iter().filter_map(|(file, users)| {
        let users: Vec<_> = users.into_values().collect();
        form(subject, file, &users)
    });
    shared.chain(empty_files(subject)).collect()
}

fn form(subject: &Subject<'_>, file: &str, users: &[&UserEntry<'_>]) -> Option<Finding> {
    let owner = Owned::parse(file).and_then(|owned| match owned {
        Owned::User { context, id } if subject.config.context(context).is_some() => Some(id),
        _ => None,
    });
    if is_leftover(file) {
        return None;
    }
    if let [user] = users {
        return (owner != Some(&user.id)).then(|| {
            let own = format!("directory/<context>/{}.xml", user.id);
            let what =
                format!("user {} is in no file of its own: the connector lists but cannot change it", quoted(&user.id));
            Finding::at(user.place.clone(), what, format!("move it to {own}")).noted_if(true)
        });
    }
    let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
    let (count, listed) = (counted(ids.len(), "user"), listed(&ids));
    let finding = Finding::in_file(
        file,
        format!("{count} share this file ({listed}): the connector lists but cannot change them"),
        "put each user into a file of its own, directory/<context>/<id>.xml",
    );
    Some(finding.noted_if(true))
}

/// Files where the connector writes users, and that show none.
fn empty_files(subject: &Subject<'_>) -> impl Iterator<Item = Finding> {
    let holding: BTreeSet<&str> = subject.users.iter().map(|user| user.place.file.as_str()).collect();
    let is_users = |file: &&String| matches!(Owned::parse(file), Some(Owned::User { .. }));
    let empty = subject.owned.iter().filter(is_users).filter(move |file| !holding.contains(file.as_str()));
    empty
        .filter(|file| !is_leftover(file))
        .map(|file| Finding::in_file(file, "the switch finds no user in this file", "mend the file, or delete it"))
}

/// Somebody can administer.
pub(super) fn administrators(subject: &Subject<'_>) -> Vec<Finding> {
    let of_admins = subject.config.contexts.iter().find(|context| context.role == Role::Admin);
    let missing = of_admins.filter(|_| !subject.reading.users.can_log_in(Role::Admin));
    let finding = |context: &Context| {
        Finding::in_file(
            format!("directory/{}", context.name),
            "no administrator can log in, so that nobody can change anything",
            format!(
                "write a user here with the context `{}`, a password, and a name that no other user has",
                context.name
            ),
        )
    };
    missing.map(finding).into_iter().collect()
}

/// Users are complete, found by the switch, and there only once.
pub(super) fn oddities(subject: &Subject<'_>) -> Vec<Finding> {
    let told = subject.reading.oddities.iter().flat_map(|oddity| match oddity {
        Oddity::UserLacks(id, what) => lacks(subject, id.as_str(), what).into_iter().collect(),
        Oddity::UserTwice(id) => repeated(subject, id.as_str()),
        Oddity::UserAstray(id) => astray(subject, id.as_str()).into_iter().collect(),
        Oddity::Barred(id, why) => barred(subject, id.as_str(), *why).into_iter().collect(),
        Oddity::UsersWithoutId(_) | Oddity::Misfit { .. } => Vec::new(),
    });
    told.chain(without_id(subject)).collect()
}

fn lacks(subject: &Subject<'_>, id: &str, what: &[&str]) -> Option<Finding> {
    let (entry, user) = (subject.user(id)?, subject.reading.users.by_id(id)?);
    let is_empty = |name: &&str| match *name {
        "password" => user.password.is_empty(),
        "effective_caller_id_name" => user.name.is_empty(),
        "user_context" => user.context.is_empty(),
        _ => true,
    };
    // What a second user of this id lacks does not count, as that user does not.
    if !what.iter().all(is_empty) {
        return None;
    }
    let is_barred = ["password", "effective_caller_id_name", "user_context"].iter().any(|name| what.contains(name));
    let consequence = if is_barred { " and cannot log in" } else { "" };
    let what = what.iter().map(|name| format!("no `{name}`")).collect::<Vec<_>>().join(", ");
    let finding =
        Finding::at(entry.place.clone(), format!("user {} has {what}{consequence}", quoted(id)), "add what is missing");
    Some(finding.noted_if(!is_barred || !subject.is_ours(user)))
}

fn repeated(subject: &Subject<'_>, id: &str) -> Vec<Finding> {
    let mut users = subject.users.iter().filter(|user| user.id == id);
    let Some(first) = users.next() else { return Vec::new() };
    let again = |user: &UserEntry<'_>| {
        let (what, remedy) = if user.place == first.place {
            ("is loaded twice, for its file is included twice".to_owned(), "take one of the includes out")
        } else {
            (format!("is defined in {}, too, and only that one counts", first.place), "delete one of the two")
        };
        Finding::at(user.place.clone(), format!("user {} {what}", quoted(id)), remedy)
    };
    users.map(again).collect()
}

fn astray(subject: &Subject<'_>, id: &str) -> Option<Finding> {
    let user = subject.users.iter().rfind(|user| user.id == id)?;
    Some(Finding::at(
        user.place.clone(),
        format!("the switch does not find user {} here", quoted(id)),
        "put it inside of domain, groups, a group and its users",
    ))
}

fn barred(subject: &Subject<'_>, id: &str, why: Barred) -> Option<Finding> {
    let (entry, user) = (subject.user(id)?, subject.reading.users.by_id(id)?);
    let who = quoted(&entry.id);
    let is_lacking = |name: &str| {
        let lacks =
            |oddity: &Oddity| matches!(oddity, Oddity::UserLacks(id, what) if *id == user.id && what.contains(&name));
        subject.reading.oddities.iter().any(lacks)
    };
    let finding = |property, what: String, remedy: &str| {
        Some(Finding::at(entry.place_of(subject.tree, property), what, remedy).noted_if(!subject.is_ours(user)))
    };
    match why {
        Barred::NoName if !is_lacking("effective_caller_id_name") => finding(
            "effective_caller_id_name",
            format!("user {who} has an empty name and cannot log in"),
            "give it a name",
        ),
        Barred::NoPassword if !is_lacking("password") => {
            finding("password", format!("user {who} has an empty password and cannot log in"), "give it a password")
        }
        Barred::SharedName => {
            let mut others =
                subject.reading.users.iter().filter(|other| other.name == user.name && other.id != user.id);
            let other = others.next().map(|other| quoted(other.id.as_str())).unwrap_or_default();
            finding(
                "effective_caller_id_name",
                format!("user {who} has the same name as user {other}: neither can log in"),
                "give one of them another name",
            )
        }
        // The contexts have a check of their own.
        Barred::NoName | Barred::NoPassword | Barred::UnknownContext => None,
    }
}

fn without_id(subject: &Subject<'_>) -> impl Iterator<Item = Finding> {
    let nodes = subject.tree.section("directory").into_iter().flat_map(Node::descendants);
    let nameless =
        nodes.filter(|node| node.is("user") && node.value("id").is_empty() && node.value("type") != "pointer");
    nameless.map(|node| {
        Finding::at(subject.tree.place(node), "a user without id is passed over", "give it an id, or delete it")
    })
}

/// The values are such as the connector itself would accept.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for user in subject.reading.users.iter() {
        let Some(entry) = subject.user(user.id.as_str()) else { continue };
        for (property, fault) in faults(user) {
            let finding = Finding::at(
                entry.place_of(subject.tree, property),
                format!("the `{property}` of user {} {fault}", quoted(&entry.id)),
                "write another one: the connector would refuse this value",
            );
            findings.push(finding.noted_if(!subject.is_ours(user)));
        }
    }
    findings.extend(shared_phones(subject));
    findings
}

/// What is wrong with which property. No value is ever shown. A `<!` is told for any element, not only here.
fn faults(user: &User) -> Vec<(&'static str, &'static str)> {
    let properties = [
        ("effective_caller_id_name", &*user.name, LONGEST),
        ("password", user.password.expose(), LONGEST),
        ("verto_dvar_email", &*user.email, LONGEST_EMAIL),
        ("user_context", &*user.context, LONGEST),
        ("polymac", &*user.polymac, LONGEST),
        ("conpin", user.conpin.expose(), LONGEST),
    ];
    let mut faults: Vec<_> = properties
        .into_iter()
        .filter_map(|(property, value, longest)| Some((property, fault(value, longest)?)))
        .collect();
    if user.name.contains(':') {
        faults.push(("effective_caller_id_name", "holds a `:`, which no login name can hold"));
    } else if !user.name.is_empty() && user.name.bytes().all(|byte| byte.is_ascii_digit()) {
        faults.push(("effective_caller_id_name", "is nothing but digits"));
    }
    if !user.conpin.expose().bytes().all(|byte| byte.is_ascii_digit()) {
        faults.push(("conpin", "is not only digits"));
    }
    if user.polymac != "none".into() && mac(&user.polymac).is_none() {
        faults.push(("polymac", "is neither `none` nor the 12 digits of a MAC"));
    }
    faults
}

fn fault(value: &str, longest: usize) -> Option<&'static str> {
    if value.chars().any(|character| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')) {
        Some("holds a control character")
    } else if value.contains("${") {
        Some("holds `${`, which the switch would expand")
    } else if value.chars().count() > longest {
        Some("is too long")
    } else {
        None
    }
}

/// The address of a phone without its separators.
fn mac(polymac: &str) -> Option<String> {
    let digits = polymac.to_ascii_lowercase().replace([':', '-'], "");
    (digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

fn shared_phones(subject: &Subject<'_>) -> Vec<Finding> {
    let mut owners: BTreeMap<String, &User> = BTreeMap::new();
    let mut findings = Vec::new();
    for user in subject.reading.users.iter() {
        let (Some(mac), Some(entry)) = (mac(&user.polymac), subject.user(user.id.as_str())) else { continue };
        if let Some(owner) = owners.get(&mac) {
            findings.push(Finding::at(
                entry.place_of(subject.tree, "polymac"),
                format!("user {} has the same phone as user {}", quoted(&entry.id), quoted(owner.id.as_str())),
                "write `none`, or the MAC of its own phone",
            ));
        } else {
            owners.insert(mac, user);
        }
    }
    findings
}
