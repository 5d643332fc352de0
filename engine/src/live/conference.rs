//! One live conference. Whatever changes in it is said to those who may hear it, as long as there is anybody in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::configured::{Configured, Definition};
use super::desk::Desk;
use super::frame::{List, Message, OrNobody, Person};
use super::listing::{ListedConference, ListedMember};
use super::recorder::Recorder;
use super::recordings::{Recordings, Status};
use super::report;
use crate::esl::command::MemberId;

/// A live conference.
#[derive(Debug)]
pub(super) struct Conference {
    name: Arc<str>,
    definition: Arc<Definition>,
    members: BTreeMap<MemberId, Member>,
    floor: Floor,
    locked: bool,
    recordings: Recordings,
    last_join: Option<Person>,
    last_leave: Option<Person>,
    pub(super) recorder: Recorder,
    /// Whether the switch has just muted all members by our order.
    has_muted_all: bool,
    /// Whether an event has told of its beginning.
    beginning_was_told: bool,
    fresh: Fresh,
    /// Members that left since the listing was asked for that is under way, or since the last one.
    gone: BTreeSet<MemberId>,
}

/// What events have told since the listing was asked for that is under way, or since the last one. About that the listing
/// has no say: events come in order and leave out nothing, so the last one is true in the end.
#[derive(Debug, Default)]
struct Fresh {
    existence: Existence,
    floor: bool,
    lock: bool,
    /// The files of the recordings.
    recordings: BTreeSet<Arc<str>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Existence {
    /// No event has told of the conference.
    #[default]
    Known,
    /// Some event has.
    Confirmed,
    /// An event has told of its beginning.
    Begun,
}

/// Who has the floor, as clients see it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Floor {
    holder: Option<MemberId>,
    /// Whether the holder, being the only member, has lost it since: then it seems to be leaving.
    is_free: bool,
}

#[derive(Debug)]
struct Member {
    person: Person,
    number: Arc<str>,
    /// The name that its phone sends.
    claimed: Arc<str>,
    /// Whether its id is who has logged in to the switch, and not what its phone claims.
    is_certain: bool,
    fresh: bool,
}

impl Conference {
    pub(super) fn new(name: &str, configured: &Configured) -> Self {
        Self {
            name: name.into(),
            definition: Arc::clone(configured.conference(name)),
            members: BTreeMap::new(),
            floor: Floor::default(),
            locked: false,
            recordings: Recordings::default(),
            last_join: None,
            last_leave: None,
            recorder: Recorder::default(),
            has_muted_all: false,
            beginning_was_told: false,
            fresh: Fresh::default(),
            gone: BTreeSet::new(),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(super) fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// How many members it has.
    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    /// Whether anybody is in it. Nobody hears of a conference without members, such as one whose first caller is still
    /// asked for a PIN.
    pub(super) fn is_shown(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn has(&self, member: MemberId) -> bool {
        self.members.contains_key(&member)
    }

    fn say(&self, message: &Message<'_>, desk: &mut Desk<'_>) {
        if self.is_shown() {
            desk.say(self.definition.hearers, message);
        }
    }

    /// An event tells of it.
    pub(super) fn touch(&mut self) {
        if self.fresh.existence == Existence::Known {
            self.fresh.existence = Existence::Confirmed;
        }
    }

    /// An event tells of its beginning.
    pub(super) fn touch_beginning(&mut self) {
        self.fresh.existence = Existence::Begun;
        self.beginning_was_told = true;
    }

    /// Whether an event has ever told of its beginning.
    pub(super) fn beginning_was_told(&self) -> bool {
        self.beginning_was_told
    }

    /// Whether events have told of it since the listing was asked for that is under way.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh.existence != Existence::Known
    }

    /// Whether it has begun since then.
    pub(super) fn has_just_begun(&self) -> bool {
        self.fresh.existence == Existence::Begun
    }

    /// An event says that somebody has joined.
    pub(super) fn joined(
        &mut self,
        id: MemberId,
        caller: report::Member<'_>,
        configured: &Configured,
        desk: &mut Desk<'_>,
    ) {
        let number: Arc<str> = caller.number.into();
        let is_certain = caller.username.is_some();
        let who = caller.username.map_or_else(|| Arc::clone(&number), Into::into);
        let claimed: Arc<str> = caller.name.into();
        let name = configured.name(&who, &number, &claimed);
        let person = Person { name, id: who, confid: id, mute: caller.mute };
        self.put(Member { person, number, claimed, is_certain, fresh: true }, desk);
    }

    /// An event says that somebody has left. Whether it was here.
    pub(super) fn left(&mut self, id: MemberId, desk: &mut Desk<'_>) -> bool {
        let was_here = self.remove(id, desk);
        let is_news = self.gone.insert(id);
        was_here || !is_news
    }

    /// An event says who has the floor. Whether that is somebody known.
    pub(super) fn floor_changed(&mut self, floor: Option<MemberId>, desk: &mut Desk<'_>) -> bool {
        self.fresh.floor = true;
        if floor.is_none() && self.members.len() == 1 {
            // So it begins when the last one leaves, and of that clients hear in one word. Whoever stays is listed.
            self.floor.is_free = true;
            return false;
        }
        self.give_floor(floor, desk);
        floor.is_none_or(|id| self.has(id))
    }

    /// An event says that somebody can be heard, or not. Whether it is somebody known.
    pub(super) fn muted(&mut self, id: MemberId, mute: bool, desk: &mut Desk<'_>) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        member.fresh = true;
        self.mute(id, mute, desk);
        true
    }

    /// An event says that it is locked, or not.
    pub(super) fn lock_changed(&mut self, locked: bool, desk: &mut Desk<'_>) {
        self.fresh.lock = true;
        self.lock(locked, desk);
    }

    /// An event tells of the recording to this file: whether it is there, and if so, whether it is paused.
    pub(super) fn recording_changed(&mut self, file: &str, paused: Option<bool>, desk: &mut Desk<'_>) {
        self.fresh.recordings.insert(file.into());
        let change = |recordings: &mut Recordings| match paused {
            Some(paused) => recordings.put(file, paused),
            None => recordings.remove(file),
        };
        self.record(change, desk);
    }

    /// The switch says that it has muted all members. Clients learn that in one event, once it is true.
    pub(super) fn muted_all(&mut self, desk: &mut Desk<'_>) {
        self.has_muted_all = true;
        self.say_if_all_are_muted(desk);
    }

    /// A listing is asked for.
    pub(super) fn looked(&mut self) {
        self.fresh = Fresh::default();
        self.gone.clear();
        self.members.values_mut().for_each(|member| member.fresh = false);
        self.recorder.looked();
    }

    /// Becomes what the switch lists, apart from what events have told since it was asked.
    pub(super) fn correct(&mut self, listed: ListedConference, configured: &Configured, desk: &mut Desk<'_>) {
        let present: BTreeSet<MemberId> = listed.members.iter().map(|member| member.id).collect();
        for member in listed.members {
            if !self.gone.contains(&member.id) {
                self.correct_member(member, configured, desk);
            }
        }
        let is_gone = |member: &&Member| !member.fresh && !present.contains(&member.person.confid);
        let absent: Vec<MemberId> = self.members.values().filter(is_gone).map(|member| member.person.confid).collect();
        for id in absent {
            self.remove(id, desk);
        }
        if !self.fresh.floor {
            self.give_floor(listed.floor, desk);
        } else if self.floor.is_free {
            self.give_floor(None, desk);
        }
        if !self.fresh.lock {
            self.lock(listed.locked, desk);
        }
        let told = std::mem::take(&mut self.fresh.recordings);
        self.record(|recordings| recordings.become_these(&listed.recordings, &told), desk);
    }

    /// Takes over what a new configuration says. Whether that shows.
    pub(super) fn reconfigure(&mut self, configured: &Configured) -> bool {
        let definition = configured.conference(&self.name);
        let mut shows = *self.definition != **definition;
        self.definition = Arc::clone(definition);
        for member in self.members.values_mut() {
            let name = configured.name(&member.person.id, &member.number, &member.claimed);
            shows |= name != member.person.name;
            member.person.name = name;
        }
        if let Some(last) = &mut self.last_join
            && let Some(member) = self.members.get(&last.confid)
        {
            last.name = Arc::clone(&member.person.name);
        }
        shows && self.is_shown()
    }

    /// Somebody whom the switch lists. Its id stays if that was certain, and its mute if an event has told of it, or the
    /// listing cannot tell.
    fn correct_member(&mut self, listed: ListedMember, configured: &Configured, desk: &mut Desk<'_>) {
        let known = self.members.get(&listed.id);
        if known.is_some_and(|known| known.fresh) {
            return;
        }
        let certain = known.filter(|known| known.is_certain).map(|known| Arc::clone(&known.person.id));
        let is_certain = certain.is_some();
        let who = certain.unwrap_or_else(|| Arc::clone(&listed.number));
        let name = configured.name(&who, &listed.number, &listed.name);
        let mute = listed.mute.unwrap_or(known.is_some_and(|known| known.person.mute));
        let person = Person { name, id: who, confid: listed.id, mute };
        self.put(Member { person, number: listed.number, claimed: listed.name, is_certain, fresh: false }, desk);
    }

    /// The member is here. Who is known under another name leaves and joins again, as far as clients are concerned.
    fn put(&mut self, member: Member, desk: &mut Desk<'_>) {
        let id = member.person.confid;
        let Some(known) = self.members.get_mut(&id) else { return self.add(member, desk) };
        let (before, after) = (&known.person, &member.person);
        if (&before.id, &before.name) == (&after.id, &after.name) {
            let mute = after.mute;
            *known = Member { person: known.person.clone(), ..member };
            return self.mute(id, mute, desk);
        }
        let had_floor = self.floor == Floor { holder: Some(id), is_free: false };
        self.remove(id, desk);
        self.add(member, desk);
        if had_floor {
            self.give_floor(Some(id), desk);
        }
    }

    fn add(&mut self, member: Member, desk: &mut Desk<'_>) {
        if self.floor.is_free {
            self.give_floor(None, desk);
        }
        let was_shown = self.is_shown();
        let person = member.person.clone();
        self.has_muted_all &= person.mute;
        self.members.insert(person.confid, member);
        self.last_join = Some(person);
        if !was_shown {
            self.say(&Message::NewConference { data: self }, desk);
        } else if let Some(person) = &self.last_join {
            self.say(&Message::NewMember { conference: &self.name, data: person }, desk);
        }
    }

    fn remove(&mut self, id: MemberId, desk: &mut Desk<'_>) -> bool {
        if self.members.len() > 1 && self.floor.holder == Some(id) {
            self.give_floor(None, desk);
        }
        let Some(member) = self.members.remove(&id) else { return false };
        self.last_leave = Some(member.person);
        if self.is_shown() {
            self.say(&Message::DelMember { conference: &self.name, data: id }, desk);
        } else {
            self.floor = Floor::default();
            desk.say(self.definition.hearers, &Message::DelConference { conference: &self.name });
        }
        true
    }

    /// Somebody who is not here cannot have the floor.
    fn give_floor(&mut self, floor: Option<MemberId>, desk: &mut Desk<'_>) {
        let holder = floor.filter(|id| self.has(*id));
        let before = std::mem::replace(&mut self.floor, Floor { holder, is_free: false });
        if holder != before.holder {
            self.say(&Message::FloorChange { conference: &self.name, data: OrNobody(self.floor()) }, desk);
        }
    }

    fn mute(&mut self, id: MemberId, mute: bool, desk: &mut Desk<'_>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.person.mute != mute {
            member.person.mute = mute;
            if let Some(last) = self.last_join.as_mut().filter(|last| last.confid == id) {
                last.mute = mute;
            }
            let conference = &*self.name;
            let message =
                if mute { Message::Mute { conference, data: id } } else { Message::Unmute { conference, data: id } };
            self.say(&message, desk);
        }
        self.has_muted_all &= mute;
        self.say_if_all_are_muted(desk);
    }

    fn say_if_all_are_muted(&mut self, desk: &mut Desk<'_>) {
        if self.has_muted_all && self.members.values().all(|member| member.person.mute) {
            self.has_muted_all = false;
            self.say(&Message::MuteAll { conference: &self.name }, desk);
        }
    }

    fn lock(&mut self, locked: bool, desk: &mut Desk<'_>) {
        if self.locked != locked {
            self.locked = locked;
            let conference = &*self.name;
            self.say(&if locked { Message::Lock { conference } } else { Message::Unlock { conference } }, desk);
        }
    }

    fn record(&mut self, change: impl FnOnce(&mut Recordings), desk: &mut Desk<'_>) {
        let before = self.recordings.status();
        change(&mut self.recordings);
        let after = self.recordings.status();
        if before == after {
            return;
        }
        let conference = &*self.name;
        let message = match (&before, &after) {
            (_, Status::NotRecording) => Message::RecStop { conference },
            (_, Status::Paused(file)) => Message::RecPause { conference, file },
            (Status::Paused(paused), Status::Running(file)) if paused == file => {
                Message::RecResume { conference, file }
            }
            (_, Status::Running(file)) => Message::RecStart { conference, file },
        };
        self.say(&message, desk);
    }

    fn floor(&self) -> Option<&Person> {
        Some(&self.members.get(&self.floor.holder?)?.person)
    }
}

/// As clients see it.
impl Serialize for Conference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = List(self.members.values().map(|member| &member.person).collect());
        let mut object = serializer.serialize_struct("Conference", 11)?;
        object.serialize_field("name", &*self.name)?;
        object.serialize_field("context", &*self.definition.context)?;
        object.serialize_field("type", &*self.definition.profile)?;
        object.serialize_field("num", &*self.definition.num)?;
        object.serialize_field("recording", &self.recordings.status())?;
        object.serialize_field("locked", &self.locked)?;
        object.serialize_field("floor", &OrNobody(self.floor()))?;
        object.serialize_field("lastjoin", &OrNobody(self.last_join.as_ref()))?;
        object.serialize_field("lastleave", &OrNobody(self.last_leave.as_ref()))?;
        object.serialize_field("memcount", &self.members.len())?;
        object.serialize_field("members", &members)?;
        object.end()
    }
}
