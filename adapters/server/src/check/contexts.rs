//! Contexts: the dialplan and the directory have what the connector is configured for, and new files would be loaded.

use fsconnector_engine::config::Context;
use fsconnector_engine::state::User;

use super::findings::{Finding, quoted};
use super::source::{CONFERENCES, Owned};
use super::subject::{Subject, owned_folders};

/// Every configured context has its dialplan, and no name is there twice.
pub(super) fn dialplan(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(section) = subject.tree.section("dialplan") else { return Vec::new() };
    let contexts: Vec<_> = section.children("context").collect();
    let is_missing = |context: &&Context| !contexts.iter().any(|found| found.is_named(context.name.as_str()));
    let missing = subject.config.contexts.iter().filter(is_missing).map(|context| {
        Finding::in_file(
            format!("dialplan/{}.xml", context.name),
            format!("there is no dialplan context `{}`, so that its users reach nobody", context.name),
            "write it in this file, or take the context out of the connector's configuration",
        )
    });
    let repeated = contexts.iter().enumerate().filter_map(|(index, context)| {
        let name = context.attribute("name")?;
        let first = contexts.iter().take(index).find(|earlier| earlier.is_named(&name))?;
        let finding = Finding::at(
            subject.tree.place(context),
            format!("the context {} is also in {}, and only that one counts", quoted(&name), subject.tree.place(first)),
            "make one context of both",
        );
        Some(finding.noted_if(!subject.is_configured(&name)))
    });
    missing.chain(repeated).collect()
}

/// The folders that the connector writes to are there.
pub(super) fn folders(subject: &Subject<'_>) -> Vec<Finding> {
    let missing = owned_folders(subject.config).filter(|folder| !subject.source.has_folder(folder));
    let finding = |folder| {
        Finding::in_file(
            folder,
            "there is no such folder, or it cannot be read",
            "create it, owned by the user the connector runs as, readable for the switch",
        )
    };
    missing.map(finding).collect()
}

/// A file that the connector writes would be loaded, and come to where the switch looks for it.
pub(super) fn includes(subject: &Subject<'_>) -> Vec<Finding> {
    let users = subject.trial.users_not_loaded.iter().map(|context| {
        Finding::in_file(
            format!("directory/{context}"),
            "the switch would not find a new user in this folder",
            format!(
                "include {} in directory/default.xml, inside of domain, groups, a group and its users",
                quoted(&format!("{context}/*.xml"))
            ),
        )
    });
    let conferences = subject.trial.conferences_not_loaded.then(|| {
        Finding::in_file(
            CONFERENCES,
            "the switch would not find a new conference in this folder",
            "include `conferences/*.xml` inside of a context in the folder dialplan",
        )
    });
    users.chain(conferences).collect()
}

/// Every user has a configured context, and sits in the folder of that context.
pub(super) fn users(subject: &Subject<'_>) -> Vec<Finding> {
    subject.reading.users.iter().filter_map(|user| user_in_context(subject, user)).collect()
}

fn user_in_context(subject: &Subject<'_>, user: &User) -> Option<Finding> {
    let entry = subject.user(user.id.as_str()).filter(|_| !user.context.is_empty())?;
    let place = || entry.place_of(subject.tree, "user_context");
    let (who, context) = (quoted(&entry.id), quoted(&user.context));
    let Some(configured) = subject.config.context(&user.context) else {
        let finding = Finding::at(
            place(),
            format!("user {who} has the context {context}, which is not configured: it cannot log in"),
            format!("write one of {}", subject.context_names()),
        );
        return Some(finding.noted_if(true));
    };
    if let Some(Owned::User { context: folder, .. }) = Owned::parse(&entry.place.file)
        && subject.config.context(folder).is_some_and(|folder| folder.name != configured.name)
    {
        let what = format!(
            "user {who} has the context {context}, but its file is in the folder of `{folder}`: the connector lists but cannot \
             change it"
        );
        return Some(Finding::at(place(), what, "move the file, or correct the context").noted_if(true));
    }
    let number = user.id.number()?;
    let foreign = subject.config.contexts.iter().find(|context| {
        context.conferences.contains(number) || context.name != configured.name && context.users.contains(number)
    })?;
    let range = if foreign.conferences.contains(number) {
        format!("conferences of {} ({})", foreign.name, foreign.conferences)
    } else {
        format!("users of {} ({})", foreign.name, foreign.users)
    };
    Some(Finding::at(
        entry.place.clone(),
        format!("the number of user {who} is among those of the {range}"),
        format!("give it a number among {}", configured.users),
    ))
}
