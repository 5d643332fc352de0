//! All live conferences: which generation of a name is the one that clients see, and what events and listings do to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::conference::Conference;
use super::configured::Configured;
use super::control::Sent;
use super::desk::Desk;
use super::frame::{List, Message};
use super::listing::ListedConference;
use super::pledges::Pledges;
use super::recorder::{self, Move};
use super::recordings::Status;
use super::report::{Happening, Recording, Report};
use crate::access::Role;
use crate::io::EffectId;
use crate::mark::Figures;

/// `Conference-Unique-ID`
pub(super) type Uuid = Arc<str>;

/// The live conferences.
#[derive(Debug)]
pub(super) struct Conferences {
    /// The folder of the recordings, as the switch knows it.
    pub(super) folder: String,
    pub(super) by_uuid: BTreeMap<Uuid, Conference>,
    /// Of each name the last generation that has had a member.
    pub(super) current: BTreeMap<Arc<str>, Uuid>,
    ended: Ended,
    /// Whether they have been listed in this session with the switch. Until then what changes is not news, and nothing is
    /// decided on it.
    pub(super) have_caught_up: bool,
    /// Those whose recorder has something to do.
    pub(super) recording: BTreeSet<Uuid>,
    /// Commands whose answers matter.
    pub(super) sent: BTreeMap<EffectId, (Uuid, Sent)>,
    pub(super) pledges: Pledges,
}

impl Conferences {
    /// None yet. The switch records into this folder.
    pub(super) fn new(folder: String) -> Self {
        Self {
            folder,
            by_uuid: BTreeMap::new(),
            current: BTreeMap::new(),
            ended: Ended::default(),
            have_caught_up: false,
            recording: BTreeSet::new(),
            sent: BTreeMap::new(),
            pledges: Pledges::default(),
        }
    }

    /// Whether all that was ordered is done.
    pub(super) fn are_at_rest(&self) -> bool {
        self.sent.is_empty() && self.recording.is_empty()
    }

    /// How many are shown, with how many members, and what is ordered.
    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures { orders: self.sent.len(), ..Figures::default() };
        for conference in self.shown() {
            figures.conferences += 1;
            figures.members += conference.size();
            figures.recordings += usize::from(conference.recordings().status() != Status::NotRecording);
        }
        figures
    }

    /// Those that somebody of this role may see, by name.
    pub(super) fn seen_by(&self, role: Role) -> List<'_, Conference> {
        List(self.shown().filter(|conference| conference.definition().hearers.contains(role)).collect())
    }

    /// Those that anybody may see, by name.
    fn shown(&self) -> impl Iterator<Item = &Conference> {
        let current = self.current.values().filter_map(|uuid| self.by_uuid.get(uuid));
        current.filter(|conference| conference.is_shown())
    }

    /// Applies an event. Whether only a listing can tell what it means.
    pub(super) fn apply(&mut self, report: Report<'_>, configured: &Configured, desk: &mut Desk<'_>) -> bool {
        let Report { uuid, name, size, happening } = report;
        if self.ended.contains(&uuid) {
            return false;
        }
        let Some(conference) = self.by_uuid.get_mut(&*uuid) else {
            return self.apply_to_unknown(&uuid, &name, &happening, configured);
        };
        conference.touch();
        let is_clear = match happening {
            Happening::Nothing => true,
            Happening::Created => {
                conference.touch_beginning();
                true
            }
            Happening::Destroyed => {
                self.end(&uuid, desk);
                self.ended.told(&uuid);
                return false;
            }
            Happening::Joined(id, caller) => {
                self.take_name(&uuid, desk);
                self.with(&uuid, |conference| conference.joined(id, caller, configured, desk));
                true
            }
            Happening::Left(id) => conference.left(id, desk),
            Happening::Floor(floor) => conference.floor_changed(floor, desk),
            Happening::Mute(id, mute) => conference.muted(id, mute, desk),
            Happening::Lock(locked) => {
                conference.lock_changed(locked, desk);
                true
            }
            Happening::Recording(file, what) => return self.apply_recording(&uuid, &file, &what, desk),
            Happening::Key(key) => return self.press(&uuid, key, desk),
        };
        let fits = size.is_none_or(|size| self.by_uuid.get(&*uuid).is_none_or(|conference| conference.size() == size));
        !is_clear || !fits
    }

    /// A conference whose beginning was missed has to be listed before its events mean anything.
    fn apply_to_unknown(&mut self, uuid: &str, name: &str, happening: &Happening<'_>, configured: &Configured) -> bool {
        match happening {
            Happening::Created => {
                let mut conference = Conference::new(name, configured);
                conference.touch_beginning();
                self.by_uuid.insert(uuid.into(), conference);
                false
            }
            Happening::Destroyed => {
                self.ended.told(uuid);
                true
            }
            _ => true,
        }
    }

    fn apply_recording(&mut self, uuid: &str, file: &str, what: &Recording<'_>, desk: &mut Desk<'_>) -> bool {
        let mut moves = Vec::new();
        self.with(uuid, |conference| match what {
            Recording::Started | Recording::Resumed => conference.recording_changed(file, Some(false), desk),
            Recording::Paused => conference.recording_changed(file, Some(true), desk),
            Recording::Stopped => conference.recording_changed(file, None, desk),
            Recording::Failed(why) => {
                conference.recording_changed(file, None, desk);
                conference.recorder.failed(file, why, &mut moves);
            }
        });
        let is_settled = matches!(what, Recording::Started | Recording::Failed(_) | Recording::Stopped);
        if is_settled && self.pledges.settle(file, uuid) && *what == Recording::Started {
            moves.push(Move::Tell(recorder::STARTED));
        }
        self.go_on_recording(uuid, moves, desk)
    }

    /// A listing is asked for.
    pub(super) fn looked(&mut self) {
        self.ended.looked();
        self.by_uuid.values_mut().for_each(Conference::looked);
    }

    /// Becomes what the switch lists, apart from what events have told since it was asked. Whether another listing is
    /// needed.
    pub(super) fn correct(
        &mut self,
        mut listed: Vec<ListedConference>,
        configured: &Configured,
        desk: &mut Desk<'_>,
    ) -> bool {
        // The newest first; of two that are equally old the one that events have told of.
        let is_told = |uuid: &Uuid| self.by_uuid.get(uuid).is_some_and(Conference::beginning_was_told);
        let is_surely_current = |conference: &ListedConference| {
            self.current.get(&conference.name) == Some(&conference.uuid) && is_told(&conference.uuid)
        };
        listed.sort_by_key(|conference| (conference.age, !is_surely_current(conference)));
        let present: BTreeSet<Uuid> = listed.iter().map(|conference| Arc::clone(&conference.uuid)).collect();
        let mut is_in_doubt = false;
        let mut shown = BTreeSet::new();
        for conference in listed {
            if self.ended.contains(&conference.uuid) {
                continue;
            }
            if shown.contains(&conference.name) {
                // An older generation of the same name, whose members are on their way out.
                self.end(&conference.uuid, desk);
                self.ended.concluded(&conference.uuid);
            } else if self.is_too_early_for(&conference, &present) {
                is_in_doubt = true;
            } else {
                let is_current = self.current.get(&conference.name) == Some(&conference.uuid);
                if is_current || !conference.members.is_empty() {
                    shown.insert(Arc::clone(&conference.name));
                }
                self.correct_one(conference, configured, desk);
            }
        }
        let is_gone = |(uuid, conference): &(&Uuid, &Conference)| !conference.is_fresh() && !present.contains(*uuid);
        let absent: Vec<Uuid> = self.by_uuid.iter().filter(is_gone).map(|(uuid, _)| Arc::clone(uuid)).collect();
        for uuid in absent {
            self.end(&uuid, desk);
        }
        self.saw_recordings(desk) | is_in_doubt
    }

    /// From now on what changes is news, and orders are judged. Whether a listing is needed.
    pub(super) fn catch_up(&mut self, desk: &mut Desk<'_>) -> bool {
        self.have_caught_up = true;
        let waiting: Vec<Uuid> = self.recording.iter().map(Arc::clone).collect();
        waiting.iter().fold(false, |needs_listing, uuid| self.go_on_recording(uuid, Vec::new(), desk) | needs_listing)
    }

    /// Whether a listing leaves open which is the later one: a conference that it has, or another of the same name, which
    /// it has not, but of whose beginning an event has told since the listing was asked for.
    fn is_too_early_for(&self, listed: &ListedConference, present: &BTreeSet<Uuid>) -> bool {
        let other = self.current.get(&listed.name).filter(|current| !present.contains(*current));
        other.and_then(|other| self.by_uuid.get(other)).is_some_and(Conference::has_just_begun)
    }

    fn correct_one(&mut self, listed: ListedConference, configured: &Configured, desk: &mut Desk<'_>) {
        let uuid = Arc::clone(&listed.uuid);
        self.by_uuid.entry(Arc::clone(&uuid)).or_insert_with(|| Conference::new(&listed.name, configured));
        if !listed.members.is_empty() {
            self.claim_name(&uuid, desk);
        }
        self.with(&uuid, |conference| conference.correct(listed, configured, desk));
    }

    /// An event says that somebody is in it, so it is the generation of its name that clients see. If the one before is
    /// known from a listing only, the event may be late, and that one the later one: then its events are still to come,
    /// and it may be heard of again.
    fn take_name(&mut self, uuid: &str, desk: &mut Desk<'_>) {
        let name = self.by_uuid.get(uuid).map(|conference| Arc::clone(conference.name()));
        let before = name.and_then(|name| self.current.get(&name)).filter(|before| ***before != *uuid).cloned();
        let may_be_later =
            before.filter(|before| self.by_uuid.get(before).is_some_and(|other| !other.beginning_was_told()));
        self.claim_name(uuid, desk);
        if let Some(other) = may_be_later {
            self.ended.forget(&other);
        }
    }

    /// From now on it is the generation of its name that clients see. They are told of the end of the one before.
    fn claim_name(&mut self, uuid: &str, desk: &mut Desk<'_>) {
        let Some((uuid, conference)) = self.by_uuid.get_key_value(uuid) else { return };
        let before = self.current.insert(Arc::clone(conference.name()), Arc::clone(uuid));
        if let Some(before) = before.filter(|before| before != uuid) {
            let (name, uuid) = (Arc::clone(conference.name()), Arc::clone(uuid));
            self.end(&before, desk);
            self.current.insert(name, uuid);
        }
    }

    fn end(&mut self, uuid: &str, desk: &mut Desk<'_>) {
        let Some(conference) = self.by_uuid.remove(uuid) else { return };
        if conference.is_shown() {
            desk.say(conference.definition().hearers, &Message::DelConference { conference: conference.name() });
        }
        if self.current.get(conference.name()).is_some_and(|current| **current == *uuid) {
            self.current.remove(conference.name());
        }
        self.recording.remove(uuid);
        self.ended.concluded(uuid);
    }

    /// Takes over a new configuration. Whether that shows.
    pub(super) fn reconfigure(&mut self, configured: &Configured) -> bool {
        self.by_uuid.values_mut().fold(false, |shows, conference| conference.reconfigure(configured) | shows)
    }

    pub(super) fn with(&mut self, uuid: &str, act: impl FnOnce(&mut Conference)) {
        if let Some(conference) = self.by_uuid.get_mut(uuid) {
            act(conference);
        }
    }
}

/// Conferences that have ended, of which late events and listings may still tell.
#[derive(Debug, Default)]
struct Ended {
    /// Those of whose end an event has told: the last ones.
    told: BTreeSet<Uuid>,
    order: VecDeque<Uuid>,
    /// Those whose end was concluded since a listing was last asked for. A later listing may say otherwise.
    concluded: BTreeSet<Uuid>,
}

impl Ended {
    /// How many are remembered.
    const MOST: usize = 1024;

    fn contains(&self, uuid: &str) -> bool {
        self.told.contains(uuid) || self.concluded.contains(uuid)
    }

    fn concluded(&mut self, uuid: &str) {
        self.concluded.insert(uuid.into());
    }

    fn forget(&mut self, uuid: &str) {
        self.concluded.remove(uuid);
    }

    fn looked(&mut self) {
        self.concluded.clear();
    }

    fn told(&mut self, uuid: &str) {
        let uuid: Uuid = uuid.into();
        if self.told.insert(Arc::clone(&uuid)) {
            self.order.push_back(uuid);
        }
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
    }
}
