//! The recordings of conferences: which there are, one of them, and those that go.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;

use fsconnector_engine::access::Role;
use fsconnector_engine::change::command::Unavailable;
use fsconnector_engine::state::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::media_type;
use super::offer::{Keeping, Offer, refusal};
use super::recording_name::RecordingName;
use super::recordings_folder::{OpenFolder, RecordingsFolder};
use super::reply::Reply;
use super::wish::Wish;
use crate::handlers::body;
use crate::problem::Problem;
use crate::schemas::RequestSchema;
use crate::shown::Shown;

/// Some of the recordings, and how answers speak of them.
pub(super) struct Recordings<'a> {
    folder: &'a RecordingsFolder,
    circle: Circle<'a>,
}

/// For whom recordings are.
enum Circle<'a> {
    /// For admins: all of them.
    Admins,
    /// For friends: those of the conferences with these names.
    Friends(BTreeSet<&'a str>),
}

impl<'a> Recordings<'a> {
    /// All recordings.
    pub(super) fn all(folder: &'a RecordingsFolder) -> Self {
        Self { folder, circle: Circle::Admins }
    }

    /// The recordings of conferences outside the admin context. A conference that is gone, or that has its name in common
    /// with one of the admins', is none of those.
    pub(super) fn of_friends(folder: &'a RecordingsFolder, state: &'a State) -> Self {
        let names_where = |is_wanted: fn(Option<Role>) -> bool| -> BTreeSet<&str> {
            let role = |context: &str| state.config.context(context).map(|context| context.role);
            let wanted = state.conferences.iter().filter(|conference| is_wanted(role(conference.context.as_str())));
            wanted.map(|conference| conference.name.as_str()).collect()
        };
        let friends = names_where(|role| matches!(role, Some(Role::Member | Role::Guest)));
        let others = names_where(|role| matches!(role, Some(Role::Admin) | None));
        Self { folder, circle: Circle::Friends(&friends - &others) }
    }

    /// Their names, in order.
    pub(super) fn list(&self) -> Reply {
        match self.circle {
            Circle::Admins => self.listed("api/recordings", ""),
            // Clients know it by that name.
            Circle::Friends(_) => self.listed("friendserc", ""),
        }
    }

    /// The names that contain a text, in order.
    pub(super) fn find(&self, text: &str) -> Reply {
        self.listed(&format!("api/recordings/find/{text}"), text)
    }

    fn listed(&self, op: &str, text: &str) -> Reply {
        #[derive(Serialize)]
        struct Files<'a> {
            op: &'a str,
            files: Vec<&'a str>,
        }
        let mut names = match self.folder.names() {
            Ok(names) => names,
            Err(error) => return unreadable(&error).into(),
        };
        names.retain(|name| self.has(name) && name.as_str().contains(text));
        names.sort_unstable();
        Reply::json(&Files { op, files: names.iter().map(RecordingName::as_str).collect() })
    }

    /// The recording of the name that is asked for.
    pub(super) fn one(&self, wish: &Wish<'_>) -> Reply {
        let file = match RecordingName::parse(&wish.parameter).filter(|name| self.has(name)) {
            Some(name) => self.folder.open(&name).and_then(|file| offer(&name).reply(file, wish)),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        file.unwrap_or_else(|error| refusal("a recording", &error))
    }

    /// Removes those of the names that are asked for. While the switch is away nothing is changed, this neither.
    pub(super) fn remove(&self, wish: &Wish<'_>, is_connected: bool) -> Reply {
        let Some(operation) = wish.operation() else { return Problem::not_found().into() };
        let items = match body::items(RequestSchema::RecordingsDel, &operation, wish.body) {
            Ok(items) => items,
            Err(problem) => {
                wish.audit(operation.op, Vec::new(), vec![problem.detail().to_owned()]);
                return problem.into();
            }
        };
        if !is_connected {
            wish.audit(operation.op.clone(), Vec::new(), vec![Unavailable::SwitchAway.to_string()]);
            let failed = names_in(&items).into_iter().map(Value::from).collect();
            let away = Problem::new(StatusCode::SERVICE_UNAVAILABLE, Unavailable::SwitchAway.to_string());
            return away.retry_after(Problem::PAUSE).none_done(&operation, failed).into();
        }
        let removal = self.remove_all(&names_in(&items));
        note(wish, operation.op.clone(), &removal);
        Reply::json(&Report { op: &operation.op, removal })
    }

    /// Removes one after the other, of a name that comes twice the second is gone already; and then has them gone for
    /// good, all together.
    fn remove_all<'n>(&self, names: &[&'n str]) -> Removal<'n> {
        let none = || Removal { done: Vec::new(), failed: names.to_vec() };
        let folder = match self.folder.opened() {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return none(),
            Err(error) => {
                log::error!("the recordings cannot be removed: {error}");
                return none();
            }
        };
        let (done, failed): (Vec<_>, _) = names.iter().copied().partition(|name| self.is_removed(&folder, name));
        match folder.sync() {
            Err(error) if !done.is_empty() => {
                log::error!("recordings were removed, but may come back: {error}");
                none()
            }
            _ => Removal { done, failed },
        }
    }

    fn is_removed(&self, folder: &OpenFolder, name: &str) -> bool {
        let Some(name) = RecordingName::parse(name).filter(|name| self.has(name)) else { return false };
        match folder.remove(&name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                log::error!("the recording {} could not be removed: {error}", Shown(name.as_str().as_bytes()));
                false
            }
        }
    }

    fn has(&self, name: &RecordingName) -> bool {
        match &self.circle {
            Circle::Admins => true,
            Circle::Friends(conferences) => name.conference().is_some_and(|name| conferences.contains(name)),
        }
    }
}

/// Tells the log who has removed what.
fn note(wish: &Wish<'_>, op: Cow<'static, str>, removal: &Removal<'_>) {
    let shown = |name: &&str| Shown(name.as_bytes()).to_string();
    let mut done: Vec<String> = removal.done.iter().take(MOST_NOTED).map(shown).collect();
    done.extend(removal.done.len().checked_sub(MOST_NOTED + 1).map(|others| format!("… {} more", others + 1)));
    // Of these the note shows no more than that itself.
    let failed = removal.failed.iter().map(|name| format!("no recording {}", shown(name))).collect();
    wish.audit(op, done, failed);
}

/// The log names no more removed recordings than these, and counts the others: names can be long.
const MOST_NOTED: usize = 20;

/// What became of names, each as it was sent.
#[derive(Serialize)]
struct Removal<'n> {
    done: Vec<&'n str>,
    failed: Vec<&'n str>,
}

#[derive(Serialize)]
struct Report<'a> {
    op: &'a str,
    #[serde(flatten)]
    removal: Removal<'a>,
}

/// The names in a body that fits the schema.
fn names_in(items: &Value) -> Vec<&str> {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.get("file")?.as_str()).collect()
}

/// What somebody else has put into the folder is no page for a browser.
fn offer(name: &RecordingName) -> Offer {
    let media_type = media_type::of(name.as_str());
    let is_recording = media_type.starts_with("audio/") || media_type.starts_with("video/");
    let media_type = if is_recording { media_type } else { media_type::UNKNOWN };
    Offer { media_type, keeping: Keeping::AskAgain }
}

fn unreadable(error: &io::Error) -> Problem {
    log::error!("the recordings cannot be listed: {error}");
    let detail = "the recordings cannot be listed at the moment";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Problem::PAUSE)
}
