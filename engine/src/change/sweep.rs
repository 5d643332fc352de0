//! Sweeps: the files of all phones are written anew, those of some users at a time, so that changes of the configuration
//! come between and need not wait for the end. A user who comes or goes meanwhile is written or passed over as it is
//! found; nothing is undone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::command::{Command, Failed, Noun, Response};
use super::press::Press;
use super::provisioning::{Phones, linphone, phone, phone_file};
use super::response::{each, items, none_done, single};
use super::transaction::{Desk, Step, not_written};
use super::{Failure, Queued};
use crate::access::Role;
use crate::change_set::{Change, ChangeSet, PhoneFile};
use crate::files::LeftAlone;
use crate::io::{Effect, EffectId, FileError, FileWork, FilesDone};
use crate::mac::Mac;
use crate::note::Note;
use crate::path::TreePath;
use crate::query::user_json;
use crate::render::Renderer;
use crate::state::{State, User, UserId};
use crate::time::Wall;

/// The files of so many users are written at a time. A change waits for one such batch at most.
const BATCH: usize = 64;

/// The sweeps that wait, and the one under way.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    waiting: VecDeque<Queued>,
    running: Option<Sweep>,
    /// Whether changes have had their turn since the last batch.
    due: bool,
    /// Whether no more files are to be written.
    stops: bool,
}

struct Sweep {
    /// Who waits for it. All of them asked for the same.
    requests: Vec<Queued>,
    scope: Scope,
    /// The last user whose files were written.
    after: Option<UserId>,
    /// The state the next batch is written for, and what is the same in all batches of it.
    known: Option<Known>,
    batch: Option<Batch>,
    /// Whether all that was written is durable.
    is_synced: bool,
    results: Vec<(User, Option<Failure>)>,
    left_alone: Vec<LeftAlone>,
}

/// Which files a sweep writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All files of all phones.
    All,
    /// The files with contacts.
    Contacts,
}

struct Known {
    state: Arc<State>,
    phones: Phones,
    renderer: Arc<Renderer>,
}

/// What is being done with files.
struct Batch {
    id: EffectId,
    users: Vec<User>,
    /// Whose files they are, by places in `users`.
    owners: BTreeMap<TreePath, usize>,
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sweep({:?} after {:?})", self.scope, self.after)
    }
}

impl Sweeps {
    /// Whether `command` asks for a sweep.
    pub(crate) fn are_asked_for_by(command: &Command) -> bool {
        matches!(command, Command::ReprovisionUsers | Command::RebuildContacts)
    }

    /// Takes a request in.
    pub(crate) fn enqueue(&mut self, queued: Queued) {
        self.waiting.push_back(queued);
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no files are being written at the moment.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.as_ref().is_none_or(|sweep| sweep.batch.is_none())
    }

    /// Whether there are files to be written.
    pub(crate) fn has_work(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// Whether a batch comes before the changes that wait.
    pub(crate) fn are_due(&self) -> bool {
        self.due && self.has_work()
    }

    /// A change has its turn now: the next one is a batch's.
    pub(crate) fn come_next(&mut self) {
        self.due = true;
    }

    /// Ends as soon as it can: what is not written yet stays as it is.
    pub(crate) fn stop(&mut self) {
        self.stops = true;
    }

    /// Writes the next batch, or answers when there is none.
    pub(crate) fn go_on(&mut self, state: &Arc<State>, press: &Press, now: Wall, desk: &mut Desk<'_>) -> Step {
        self.due = false;
        let Some(mut sweep) = self.running.take().or_else(|| self.next()) else { return Step::Wait };
        if !press.provisions() {
            return Step::Answer(sweep.fail(state, &Failure::NoStaticTree));
        }
        if (!self.stops && sweep.begin_batch(state, press, desk)) || sweep.begin_sync(desk) {
            self.running = Some(sweep);
            return Step::Wait;
        }
        Step::Answer(if self.stops { sweep.fail(state, &Failure::Stops) } else { sweep.finish(now, desk) })
    }

    /// The next sweep, for all who wait for the same.
    fn next(&mut self) -> Option<Sweep> {
        let first = scope(&self.waiting.front()?.command);
        let (requests, waiting): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|queued| scope(&queued.command) == first);
        self.waiting = waiting.into();
        Some(Sweep::new(requests, first))
    }

    /// Takes the result of a batch; gives it back if it is none.
    pub(crate) fn files_done(
        &mut self,
        id: EffectId,
        result: Result<FilesDone, FileError>,
        state: Option<&Arc<State>>,
        desk: &mut Desk<'_>,
    ) -> Result<Step, Result<FilesDone, FileError>> {
        let Some(mut sweep) = self.running.take() else { return Err(result) };
        match sweep.batch.take_if(|batch| batch.id == id) {
            None => {
                self.running = Some(sweep);
                Err(result)
            }
            Some(batch) => match result {
                Ok(done) => {
                    sweep.wrote(batch, done);
                    self.running = Some(sweep);
                    Ok(Step::Wait)
                }
                Err(error) => {
                    let why = not_written(error, desk);
                    sweep.results.extend(batch.users.into_iter().map(|user| (user, None)));
                    // What was written before may not be durable.
                    for (_, failure) in &mut sweep.results {
                        failure.get_or_insert_with(|| why.clone());
                    }
                    Ok(Step::Answer(state.map(|state| sweep.fail(state, &why)).unwrap_or_default()))
                }
            },
        }
    }
}

fn scope(command: &Command) -> Scope {
    if *command == Command::RebuildContacts { Scope::Contacts } else { Scope::All }
}

impl Sweep {
    fn new(requests: Vec<Queued>, scope: Scope) -> Self {
        Self {
            requests,
            scope,
            after: None,
            known: None,
            batch: None,
            is_synced: true,
            results: Vec::new(),
            left_alone: Vec::new(),
        }
    }

    /// Has the files of the next users written; false if there are no more users.
    fn begin_batch(&mut self, state: &Arc<State>, press: &Press, desk: &mut Desk<'_>) -> bool {
        loop {
            let users: Vec<User> = state.users.after(self.after.as_ref()).take(BATCH).cloned().collect();
            let Some(last) = users.last() else { return false };
            self.after = Some(last.id.clone());
            let known = Known::refresh(&mut self.known, state, press);
            let (mut changes, mut writable, mut owners) = (Vec::new(), Vec::new(), BTreeMap::new());
            for user in users {
                match known.files(&user, self.scope) {
                    Ok(files) => {
                        owners.extend(files.iter().map(|change| (change.path.clone(), writable.len())));
                        changes.extend(files);
                        writable.push(user);
                    }
                    Err(why) => self.results.push((user, Some(why))),
                }
            }
            if !changes.is_empty() {
                let renderer = Arc::clone(&known.renderer);
                let id = desk.files(FileWork::Provision(ChangeSet { changes, renderer }));
                self.batch = Some(Batch { id, users: writable, owners });
                self.is_synced = false;
                return true;
            }
        }
    }

    /// Has all that was written made durable; false if it is.
    fn begin_sync(&mut self, desk: &mut Desk<'_>) -> bool {
        if self.is_synced {
            return false;
        }
        self.is_synced = true;
        let id = desk.files(FileWork::SyncProvisioning);
        self.batch = Some(Batch { id, users: Vec::new(), owners: BTreeMap::new() });
        true
    }

    fn wrote(&mut self, batch: Batch, done: FilesDone) {
        let FilesDone::Provisioned { left_alone } = done else { return };
        let mut results: Vec<_> = batch.users.into_iter().map(|user| (user, None)).collect();
        for left in &left_alone {
            let owner = batch.owners.get(&left.path).and_then(|place| results.get_mut(*place));
            if let Some((_, failure)) = owner {
                *failure = Some(Failure::LeftAlone(left.to_string()));
            }
        }
        self.results.extend(results);
        self.left_alone.extend(left_alone);
    }

    /// The answers, when all is written.
    fn finish(self, now: Wall, desk: &mut Desk<'_>) -> Vec<(Queued, Response)> {
        desk.out.extend(self.left_alone.iter().cloned().map(|left| Effect::Log(Note::Damaged(left))));
        let left_alone: Vec<String> = self.left_alone.iter().map(LeftAlone::to_string).collect();
        self.answer(|queued| single(queued, Ok(now.to_string())))
            .into_iter()
            .map(|(queued, response)| (queued, Response { left_alone: left_alone.clone(), ..response }))
            .collect()
    }

    /// The answers, when the users who are left cannot be written.
    fn fail(mut self, state: &State, why: &Failure) -> Vec<(Queued, Response)> {
        let rest = state.users.after(self.after.as_ref()).cloned();
        self.results.extend(rest.map(|user| (user, Some(why.clone()))));
        self.answer(|queued| none_done(queued, &why.to_string()))
    }

    /// The answers: lists of users where those were asked for, and otherwise as said.
    fn answer(self, otherwise: impl Fn(&Queued) -> Response) -> Vec<(Queued, Response)> {
        if self.scope == Scope::Contacts {
            return each(self.requests, otherwise);
        }
        let (done, failed) = lists(&self.results);
        each(self.requests, |queued| items(queued, done.clone(), failed.clone()))
    }
}

/// The users who were done, and those who were not.
fn lists(results: &[(User, Option<Failure>)]) -> (Vec<Value>, Vec<Failed>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (user, failure) in results {
        match failure {
            None => done.push(user_json(user)),
            Some(why) => failed.push(Failed { error: why.to_string(), noun: Noun::User, item: user_json(user) }),
        }
    }
    (done, failed)
}

impl Known {
    /// What is known of this state, anew only if it is another one than before.
    fn refresh<'a>(known: &'a mut Option<Self>, state: &Arc<State>, press: &Press) -> &'a Self {
        if known.as_ref().is_some_and(|known| !Arc::ptr_eq(&known.state, state)) {
            *known = None;
        }
        known.get_or_insert_with(|| Self {
            state: Arc::clone(state),
            phones: Phones::of(&state.users),
            renderer: press.renderer(state),
        })
    }

    /// The changes of the files of this user.
    fn files(&self, user: &User, scope: Scope) -> Result<Vec<Change>, Failure> {
        let role = self.state.config.context(&user.context).map(|context| context.role).ok_or(Failure::NoContext)?;
        let mut files = vec![linphone(user, role).ok_or(Failure::NotItsOwn)?];
        if let Some(mac) = Mac::parse(&user.polymac).filter(|mac| self.phones.owner(mac) == Some(&user.id)) {
            files.extend(files_of_phone(&mac, user, role, scope));
        }
        Ok(files)
    }
}

fn files_of_phone(mac: &Mac, user: &User, role: Role, scope: Scope) -> Vec<Change> {
    match scope {
        Scope::All => phone(mac, user, role, true),
        Scope::Contacts => phone_file(PhoneFile::Directory, mac, user, role).into_iter().collect(),
    }
}
