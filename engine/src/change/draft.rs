//! A state, and what has been decided to change of it: every item of a transaction is judged against what the items
//! before it have left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::Role;
use crate::change_set::{Before, Change, ChangeKind, Document, Subject};
use crate::config::{Config, Context};
use crate::mac::Mac;
use crate::numbers::FreeNumbers;
use crate::path::{RelPath, TreePath};
use crate::state::{Conference, Free, State, User, UserId};

use super::provisioning::{self, Phones};

/// What a transaction makes of one user or conference.
pub(super) struct Outcome {
    pub(super) subject: Subject,
    pub(super) fate: Fate,
    pub(super) kind: ChangeKind,
}

/// What the switch has to show in the end.
pub(super) enum Fate {
    /// This user.
    User(User),
    /// This conference.
    Conference(Conference),
    /// Nobody.
    Gone,
}

/// A state with changes.
pub(super) struct Draft {
    state: Arc<State>,
    /// Whether phones are provisioned.
    provisions: bool,
    /// Whose provisioning is to be written or removed.
    provisioned: BTreeSet<UserId>,
    /// Under which id the state has those who were given another one.
    origins: BTreeMap<UserId, UserId>,
    /// What becomes of users: the new values, or nothing for those who go.
    users: BTreeMap<UserId, Option<User>>,
    /// Who has which name among those in `users`.
    names: BTreeMap<Box<str>, UserId>,
    /// The phones of all users, as the state has them.
    phones_before: Phones,
    /// The phones of all users.
    phones: Phones,
    conferences: BTreeMap<u32, Option<Conference>>,
    /// Where the state has each conference.
    conference_places: BTreeMap<u32, usize>,
    /// Who has which name among all conferences.
    conference_names: BTreeMap<String, u32>,
    free: Vec<Free>,
    /// Who was changed since somebody asked last.
    touched: Vec<Subject>,
}

impl Draft {
    /// A draft without changes yet. The numbers in `taken` are not given, whatever the state says.
    pub(super) fn new(state: Arc<State>, taken: &BTreeSet<u32>, provisions: bool) -> Self {
        let mut free = state.free.to_vec();
        for free in &mut free {
            for number in taken {
                free.users.take(*number);
                free.conferences.take(*number);
            }
        }
        let phones_before = Phones::of(&state.users);
        let name = |conference: &Conference| (conference.name.clone(), conference.num);
        let places = state.conferences.iter().enumerate();
        let conference_places = places.map(|(place, conference)| (conference.num, place)).collect();
        let conference_names = state.conferences.iter().map(name).collect();
        Self {
            users: BTreeMap::new(),
            provisions,
            provisioned: BTreeSet::new(),
            origins: BTreeMap::new(),
            names: BTreeMap::new(),
            phones: phones_before.clone(),
            phones_before,
            conferences: BTreeMap::new(),
            conference_places,
            conference_names,
            free,
            touched: Vec::new(),
            state,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn config(&self) -> &Config {
        &self.state.config
    }

    /// A context by its name, with its place in the configuration.
    pub(super) fn context(&self, name: &str) -> Option<(usize, &Context)> {
        self.config().contexts.iter().enumerate().find(|(_, context)| context.name.as_str() == name)
    }

    /// The role of a context; a user in one that is not configured is written as a guest.
    pub(super) fn role(&self, context: &str) -> Role {
        self.config().context(context).map_or(Role::Guest, |context| context.role)
    }

    pub(super) fn free_user_ids(&mut self, context: usize) -> Option<&mut FreeNumbers> {
        self.free.get_mut(context).map(|free| &mut free.users)
    }

    pub(super) fn free_conference_numbers(&mut self, context: usize) -> Option<&mut FreeNumbers> {
        self.free.get_mut(context).map(|free| &mut free.conferences)
    }

    /// A user as it is now.
    pub(super) fn user(&self, id: &str) -> Option<&User> {
        let known = UserId::parse(id).and_then(|id| self.users.get(&id));
        known.map_or_else(|| self.state.users.by_id(id), Option::as_ref)
    }

    /// Whether somebody else than `own` has this name.
    pub(super) fn name_is_taken(&self, name: &str, own: Option<&UserId>) -> bool {
        let unchanged = |user: &&User| !self.users.contains_key(&user.id);
        let mut others =
            self.state.users.named(name).filter(unchanged).map(|user| &user.id).chain(self.names.get(name));
        others.any(|id| Some(id) != own)
    }

    /// Whether somebody else than `own` has this phone.
    pub(super) fn phone_is_taken(&self, mac: &Mac, own: Option<&UserId>) -> bool {
        self.phones.is_taken(mac, own)
    }

    /// Takes a user in, new or changed.
    pub(super) fn put_user(&mut self, user: User) {
        self.provisioned.insert(user.id.clone());
        self.rewrite_user(user);
    }

    /// Takes a user in who has another id now.
    pub(super) fn move_user(&mut self, from: &UserId, user: User) {
        let origin = self.origins.remove(from).unwrap_or_else(|| from.clone());
        self.remove_user(from);
        self.origins.insert(user.id.clone(), origin);
        self.put_user(user);
    }

    /// Takes a user in whose provisioning stays as it is.
    pub(super) fn rewrite_user(&mut self, user: User) {
        let phone = Mac::parse(&user.polymac);
        self.forget_user(&user.id, phone.as_ref());
        self.names.insert(user.name.clone(), user.id.clone());
        if let Some(phone) = phone {
            self.phones.give(phone, &user.id);
        }
        self.touched.push(Subject::User(user.id.clone()));
        self.users.insert(user.id.clone(), Some(user));
    }

    /// Removes a user.
    pub(super) fn remove_user(&mut self, id: &UserId) {
        self.forget_user(id, None);
        self.origins.remove(id);
        self.provisioned.insert(id.clone());
        self.touched.push(Subject::User(id.clone()));
        self.users.insert(id.clone(), None);
    }

    /// Forgets a user's name, and its phone, unless it keeps that one.
    fn forget_user(&mut self, id: &UserId, kept: Option<&Mac>) {
        let Some(user) = self.user(id.as_str()) else { return };
        let (name, phone) = (user.name.clone(), Mac::parse(&user.polymac));
        if self.names.get(&name) == Some(id) {
            self.names.remove(&name);
        }
        let left = phone.filter(|phone| kept != Some(phone));
        let next_owner = left.and_then(|phone| self.phones.take(&phone, id));
        self.provisioned.extend(next_owner);
    }

    /// A conference as it is now.
    pub(super) fn conference(&self, num: u32) -> Option<&Conference> {
        self.conferences.get(&num).map_or_else(|| self.known_conference(num), Option::as_ref)
    }

    fn known_conference(&self, num: u32) -> Option<&Conference> {
        self.state.conferences.get(*self.conference_places.get(&num)?)
    }

    /// Whether another conference than `own` has this name.
    pub(super) fn conference_name_is_taken(&self, name: &str, own: Option<u32>) -> bool {
        self.conference_names.get(name).is_some_and(|num| Some(*num) != own)
    }

    /// Takes a conference in, new or changed.
    pub(super) fn put_conference(&mut self, conference: Conference) {
        self.forget_conference(conference.num);
        self.conference_names.insert(conference.name.clone(), conference.num);
        self.touched.push(Subject::Conference(conference.num));
        self.conferences.insert(conference.num, Some(conference));
    }

    /// Removes a conference.
    pub(super) fn remove_conference(&mut self, num: u32) {
        self.forget_conference(num);
        self.touched.push(Subject::Conference(num));
        self.conferences.insert(num, None);
    }

    fn forget_conference(&mut self, num: u32) {
        let Some(name) = self.conference(num).map(|conference| conference.name.clone()) else { return };
        if self.conference_names.get(&name) == Some(&num) {
            self.conference_names.remove(&name);
        }
    }

    /// Who was changed since this was asked last.
    pub(super) fn take_touched(&mut self) -> Vec<Subject> {
        std::mem::take(&mut self.touched)
    }

    /// What is to come of everybody who was changed, by the file: nothing for those who came and went.
    pub(super) fn outcomes(&self) -> BTreeMap<TreePath, Outcome> {
        let users = self.users.iter().map(|(id, after)| {
            let fate = after.clone().map_or(Fate::Gone, Fate::User);
            (Subject::User(id.clone()), fate, self.user_change(id, after.as_ref()))
        });
        let conferences = self.conferences.iter().map(|(num, after)| {
            let fate = after.clone().map_or(Fate::Gone, Fate::Conference);
            (Subject::Conference(*num), fate, self.conference_change(*num, after.as_ref()))
        });
        let all = users.chain(conferences);
        all.filter_map(|(subject, fate, change)| {
            let Change { path, kind } = change?;
            Some((path, Outcome { subject, fate, kind }))
        })
        .collect()
    }

    /// What is to come of the provisioning of everybody who was changed.
    pub(super) fn provisioning(&self) -> BTreeMap<TreePath, (Subject, ChangeKind)> {
        let mut changes = BTreeMap::new();
        for id in self.provisioned.iter().filter(|_| self.provisions) {
            let before = self.state.users.by_id(id.as_str());
            let after = self.user(id.as_str());
            for Change { path, kind } in provisioning::changes(self, id, before, after) {
                // Two users who had one phone both leave it.
                changes.entry(path).or_insert((Subject::User(id.clone()), kind));
            }
        }
        changes
    }

    /// Who has this phone now.
    pub(super) fn phone_owner(&self, mac: &Mac) -> Option<&UserId> {
        self.phones.owner(mac)
    }

    /// Whether this user had the phone before, perhaps under another id. What is left of a phone that nobody had was
    /// somebody's whose file is gone.
    pub(super) fn phone_stays(&self, mac: &Mac, id: &UserId) -> bool {
        let origin = self.origins.get(id).unwrap_or(id);
        self.phones_before.owner(mac).is_some_and(|before| before == origin)
    }

    fn user_change(&self, id: &UserId, after: Option<&User>) -> Option<Change> {
        let before = self.state.users.by_id(id.as_str());
        let path = TreePath::configuration(user_path(before.or(after)?)?);
        let before = before.cloned().map(Before::User);
        let document = after.map(|user| Document::User(user.clone(), self.role(&user.context)));
        Some(Change { path, kind: kind(before, document)? })
    }

    fn conference_change(&self, num: u32, after: Option<&Conference>) -> Option<Change> {
        let before = self.known_conference(num).cloned().map(Before::Conference);
        let document = after.cloned().map(Document::Conference);
        Some(Change { path: TreePath::configuration(conference_path(num)?), kind: kind(before, document)? })
    }
}

fn kind(before: Option<Before>, after: Option<Document>) -> Option<ChangeKind> {
    match (before, after) {
        (None, None) => None,
        (None, Some(document)) => Some(ChangeKind::Create(document)),
        (Some(before), Some(document)) => Some(ChangeKind::Replace(before, document)),
        (Some(before), None) => Some(ChangeKind::Remove(before)),
    }
}

/// The file of a user, unless its context or id is none that a file could have.
pub(crate) fn user_path(user: &User) -> Option<RelPath> {
    let parts = [&*user.context, user.id.as_str()];
    let plain = parts.iter().all(|part| !part.contains('/'));
    plain.then(|| RelPath::parse(&format!("directory/{}/{}.xml", user.context, user.id))).flatten()
}

/// The file of a conference.
pub(crate) fn conference_path(num: u32) -> Option<RelPath> {
    RelPath::parse(&format!("dialplan/conferences/{num}.xml"))
}
