//! Plans: what a group of requests comes to, before anything is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::command::{Command, Failed, Form, Item, Response};
use super::draft::{Draft, Fate, Outcome};
use super::response::items;
use super::{Failure, Queued, Seed, conferences, users};
use crate::change_set::{Change, ChangeKind, Subject};
use crate::path::TreePath;
use crate::query::{conference_json, user_json};
use crate::render::resolve_pin;
use crate::secret::Secret;
use crate::state::{State, User, UserId};
use crate::switch::Reading;

/// One item of one request of the group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ItemId {
    request: usize,
    item: ItemName,
}

/// By what an item is known again in another attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ItemName {
    /// Its place in the request.
    Place(usize),
    /// The user whose file is to be written anew: who else there is can change from attempt to attempt.
    User(UserId),
}

/// What a group of requests comes to.
pub(super) struct Plan {
    /// What becomes of each user or conference, by its file.
    outcomes: BTreeMap<TreePath, Outcome>,
    /// The changes of phones' files, with those whose they are.
    provisioning: BTreeMap<TreePath, (Subject, ChangeKind)>,
    /// Which items have to do with whom.
    owners: BTreeMap<Subject, Vec<ItemId>>,
    answers: Vec<Vec<Answer>>,
}

/// What comes of one item.
struct Answer {
    /// The item as it was sent.
    sent: Value,
    result: Result<Value, Failure>,
}

impl Plan {
    /// Judges every item against the state and what the items before it have left.
    pub(super) fn new(state: Arc<State>, requests: &[Queued], taken: &BTreeSet<u32>, provisions: bool) -> Self {
        let mut draft = Draft::new(state, taken, provisions);
        let mut owners: BTreeMap<Subject, Vec<ItemId>> = BTreeMap::new();
        let mut answers = Vec::with_capacity(requests.len());
        for (request, queued) in requests.iter().enumerate() {
            let judging = Judging { draft: &mut draft, owners: &mut owners, queued, request, answers: Vec::new() };
            answers.push(judging.command());
        }
        Self { outcomes: draft.outcomes(), provisioning: draft.provisioning(), owners, answers }
    }

    /// The changes of files.
    pub(super) fn changes(&self) -> Vec<Change> {
        let phones = self.provisioning.iter().map(|(path, (_, kind))| (path, kind));
        let all = self.outcomes.iter().map(|(path, outcome)| (path, &outcome.kind)).chain(phones);
        all.map(|(path, kind)| Change { path: path.clone(), kind: kind.clone() }).collect()
    }

    /// The items that have to do with the file.
    pub(super) fn owners_of(&self, path: &TreePath) -> impl Iterator<Item = ItemId> {
        self.subject_of(path).and_then(|subject| self.owners.get(subject)).into_iter().flatten().cloned()
    }

    fn subject_of(&self, path: &TreePath) -> Option<&Subject> {
        let of_phone = || self.provisioning.get(path).map(|(subject, _)| subject);
        self.outcomes.get(path).map(|outcome| &outcome.subject).or_else(of_phone)
    }

    /// The requests that have to do with the file.
    pub(super) fn requests_of(&self, path: &TreePath) -> BTreeSet<usize> {
        self.owners_of(path).map(|item| item.request).collect()
    }

    /// The items of whose change the switch shows something else, each with what it is.
    pub(super) fn not_shown(&self, reading: &Reading) -> Vec<(ItemId, Failure)> {
        let wrong = self.outcomes.iter().filter(|(_, outcome)| !is_shown(outcome, reading));
        wrong
            .flat_map(|(path, outcome)| {
                let failure = Failure::NotShown(outcome.subject.clone(), path.path.clone());
                let owners = self.owners.get(&outcome.subject).into_iter().flatten();
                owners.map(move |item| (item.clone(), failure.clone()))
            })
            .collect()
    }

    /// The answers to the requests, if all went as planned.
    pub(super) fn responses(self, requests: &[Queued]) -> Vec<Response> {
        let all = requests.iter().zip(self.answers);
        all.map(|(queued, answers)| respond(queued, answers)).collect()
    }

    /// The answers to the requests, if nothing was done for this reason.
    pub(super) fn refusals(self, requests: &[Queued], why: &Failure) -> Vec<Response> {
        let refused = |answer: Answer| Answer { result: answer.result.and(Err(why.clone())), ..answer };
        let all = requests.iter().zip(self.answers);
        all.map(|(queued, answers)| respond(queued, answers.into_iter().map(refused).collect())).collect()
    }
}

/// Remembers that an item fails, whatever else becomes of the group.
pub(super) fn force(requests: &mut [Queued], item: &ItemId, why: Failure) {
    if let Some(queued) = requests.get_mut(item.request) {
        queued.forced.insert(item.item.clone(), why);
    }
}

/// The judgement of one request.
struct Judging<'a> {
    draft: &'a mut Draft,
    owners: &'a mut BTreeMap<Subject, Vec<ItemId>>,
    queued: &'a Queued,
    request: usize,
    answers: Vec<Answer>,
}

impl Judging<'_> {
    fn command(mut self) -> Vec<Answer> {
        match &self.queued.command {
            Command::AddUsers(items) => {
                self.each(items, |draft, asked, seed| users::add(draft, asked, seed).map(|user| user_json(&user)));
            }
            Command::ModUsers(items) => {
                self.each(items, |draft, asked, seed| users::change(draft, asked, seed).map(|user| user_json(&user)));
            }
            Command::DelUsers(items) => {
                self.each(items, |draft, asked, _| users::remove(draft, asked).map(|user| user_json(&user)));
            }
            Command::RebuildUsers => {
                // As the items before have left them.
                let all = self.draft.state().users.iter().filter_map(|user| self.draft.user(user.id.as_str()));
                let all: Vec<Item<User>> =
                    all.map(|user| Item { asked: user.clone(), sent: user_json(user) }).collect();
                let name = |_, user: &User| ItemName::User(user.id.clone());
                self.each_named(&all, name, |draft, user, _| users::rewrite(draft, user).map(|user| user_json(&user)));
            }
            Command::AddConferences(items) => {
                self.each(items, |draft, asked, _| {
                    conferences::add(draft, asked).map(|conference| conference_json(&conference))
                });
            }
            Command::ModConferences(items) => {
                self.each(items, |draft, asked, _| {
                    conferences::change(draft, asked).map(|conference| conference_json(&conference))
                });
            }
            Command::DelConferences(items) => {
                self.each(items, |draft, asked, _| {
                    conferences::remove(draft, asked).map(|conference| conference_json(&conference))
                });
            }
            // These are carried out in other ways.
            Command::ReprovisionUsers | Command::RebuildContacts | Command::Store(_) | Command::Restore(_) => {}
        }
        self.answers
    }

    fn each<T>(&mut self, items: &[Item<T>], act: impl Fn(&mut Draft, &T, Seed<'_>) -> Result<Value, Failure>) {
        self.each_named(items, |place, _| ItemName::Place(place), act);
    }

    fn each_named<T>(
        &mut self,
        items: &[Item<T>],
        name: impl Fn(usize, &T) -> ItemName,
        act: impl Fn(&mut Draft, &T, Seed<'_>) -> Result<Value, Failure>,
    ) {
        for (number, item) in items.iter().enumerate() {
            let id = ItemId { request: self.request, item: name(number, &item.asked) };
            let result = match self.queued.forced.get(&id.item) {
                Some(why) => Err(why.clone()),
                None => act(self.draft, &item.asked, Seed { request: &self.queued.entropy, item: number }),
            };
            for subject in self.draft.take_touched() {
                self.owners.entry(subject).or_default().push(id.clone());
            }
            self.answers.push(Answer { sent: item.sent.clone(), result });
        }
    }
}

fn respond(queued: &Queued, answers: Vec<Answer>) -> Response {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    if let Form::Items(noun) = queued.command.form() {
        for Answer { sent, result } in answers {
            match result {
                Ok(shown) => done.push(shown),
                Err(why) => failed.push(Failed { error: why.to_string(), noun, item: sent }),
            }
        }
    }
    items(queued, done, failed)
}

/// Whether the switch shows what was written.
fn is_shown(outcome: &Outcome, reading: &Reading) -> bool {
    match (&outcome.subject, &outcome.fate) {
        (Subject::User(id), Fate::User(wanted)) => {
            reading.users.by_id(id.as_str()).is_some_and(|shown| is_same(wanted, shown, reading))
        }
        (Subject::Conference(num), Fate::Conference(wanted)) => {
            reading.conferences.iter().any(|shown| shown.num == *num && shown == wanted)
        }
        (Subject::User(id), _) => reading.users.by_id(id.as_str()).is_none(),
        (Subject::Conference(num), _) => reading.conferences.iter().all(|shown| shown.num != *num),
    }
}

fn is_same(wanted: &User, shown: &User, reading: &Reading) -> bool {
    let conpin: Secret = resolve_pin(&reading.globals, &wanted.conpin);
    let wanted = User { conpin, ..wanted.clone() };
    wanted == *shown
}
