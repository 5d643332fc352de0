//! What has to hold, after every step and in the end.

use std::collections::BTreeSet;
use std::fmt;

use fsconnector_disk::{ChangeSets, Model, Tree, TreePath};
use fsconnector_engine::change::command::Response;
use fsconnector_engine::change_set::{Change, ChangeSet};
use fsconnector_engine::config::Config;
use fsconnector_engine::note::Note;
use serde_json::Value;

use crate::ledger::{Files, Ledger};
use crate::requests::{Done, Sent, failed_items, is_as_asked, is_shown};
use crate::scene::is_visible;
use crate::tree::{PASSWORD, PIN, is_sound, numbers_in};
use crate::view::View;

/// Something that should hold, and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What should hold.
    pub invariant: &'static str,
    /// What is there instead.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it does not hold that {}: {}", self.invariant, self.what)
    }
}

/// The files that are not hidden.
pub(crate) fn visible(model: &Model) -> Files {
    let mut files = model.files();
    files.retain(|path, _| is_visible(path));
    files
}

/// Every file that is written holds exactly the one user or conference that its name says.
pub(crate) fn written_files_are_whole(set: &ChangeSet) -> Option<String> {
    let is_whole = |change: &Change| {
        if change.path.tree == Tree::Static {
            return true;
        }
        let Ok(Some(content)) = set.content(change, None) else { return true };
        let number = number_of(&change.path);
        is_sound(content.as_bytes()) && number.is_some_and(|number| numbers_in(content.as_bytes()) == [number])
    };
    set.changes.iter().find(|change| !is_whole(change)).map(|change| change.path.to_string())
}

/// Every number that was given is given once, and is in its context's range.
pub(crate) fn numbers_are_unique_and_in_range(files: &Files, ledger: &Ledger, config: &Config) -> Option<String> {
    let mut seen = BTreeSet::new();
    let is_ours = |path: &&TreePath| {
        path.tree == Tree::Configuration && path.path.as_str().contains('/') && !ledger.is_by_hand(path)
    };
    let mut ours = files.keys().filter(is_ours);
    let wrong = ours.find(|path| {
        let number = number_of(path);
        let folder = path.path.names().nth(1).unwrap_or_default();
        let in_range = number.is_some_and(|number| match config.context(folder) {
            Some(context) => context.users.contains(number),
            None => config.conference_context(number).is_some(),
        });
        !in_range || !seen.insert(number)
    });
    wrong.map(ToString::to_string)
}

/// The number that a file has for a name.
pub(crate) fn number_of(path: &TreePath) -> Option<u32> {
    path.path.file_name().strip_suffix(".xml")?.parse().ok()
}

/// What an item is about, before and after.
pub(crate) fn keys_of(done: &Done<'_>) -> Vec<String> {
    let key = done.operation.key();
    let values = [done.sent, Some(done.shown)].into_iter().flatten();
    values.filter_map(|value| value.get(key)).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What is done is what was asked for, is what readers see, and was active in the switch since it was asked for.
pub(crate) fn done_is_active(done: &Done<'_>, published: &View, had: &[Option<View>]) -> Option<String> {
    if !is_as_asked(done) {
        return Some(format!("{:?} was asked for, and {} is done", done.sent, done.shown));
    }
    if !is_shown(done, published) {
        return Some(format!("readers do not see {} ({:?})", done.shown, done.operation));
    }
    let was_active = had.iter().flatten().any(|view| is_shown(done, view));
    (!was_active).then(|| format!("the switch never had {} ({:?})", done.shown, done.operation))
}

/// What is done stays when the power is lost now.
pub(crate) fn done_is_durable(model: &Model, ledger: &Ledger, seed: u64) -> Option<String> {
    let disk = model.after_power_cut(seed);
    match ChangeSets::recover(disk.clone()) {
        Ok(_) => ledger.misfit_when_durable(&visible(&disk)),
        Err(error) => Some(error.to_string()),
    }
}

/// Of what failed there is no trace, unless `excuse` is told.
pub(crate) fn failed_changes_nothing(
    sent: &Sent,
    response: &Response,
    files: &Files,
    excuse: Option<&str>,
) -> Option<String> {
    let unexcused =
        failed_items(response).iter().filter(|failed| !excuse.is_some_and(|excuse| failed.error.contains(excuse)));
    unexcused.into_iter().find_map(|failed| {
        let (path, _) = files.iter().find(|(_, content)| sent.is_from(&failed.item, content))?;
        Some(format!("{} failed with {:?}, but is in {path}", failed.item, failed.error))
    })
}

/// No password or PIN is in anything for the log.
pub(crate) fn notes_hold_no_secret(note: &Note, known: &View) -> Option<String> {
    let text = format!("{note} {note:?}");
    let mut generated = known.users.values().map(|user| &user[0]).filter(|password| password.len() >= 8);
    let told =
        [PASSWORD, PIN].iter().any(|secret| text.contains(secret)) || generated.any(|secret| text.contains(&**secret));
    told.then_some(text)
}

/// What readers see is what the switch has had. Users and conferences are asked for one after the other, so they can be
/// of two configurations until the next reading.
pub(crate) fn published_was_active(published: &View, history: &[Option<View>]) -> Option<String> {
    let mut views = history.iter().rev().flatten();
    let users = views.any(|view| view.users == published.users);
    let mut views = history.iter().rev().flatten();
    let conferences = views.any(|view| view.conferences == published.conferences);
    (!users || !conferences).then(|| format!("{published:?}, and the switch has {:?}", history.last()))
}
