//! Talking, muting, holding, and who has the floor.

use super::agenda::Task;
use super::call::CallId;
use super::room::{Member, Room};
use super::{Conferences, RoomId, events};
use crate::switch::moment::Moment;
use crate::switch::timing::Pace;

/// How loud whoever talks is.
const LOUD: u64 = 8000;

impl Conferences {
    /// A phone begins to send sound, or stops.
    pub(in crate::switch) fn talk(&mut self, moment: &Moment<'_>, call: CallId, is_loud: bool) {
        let Some((at, id)) = self.find(call) else { return };
        let Some(member) = self.member_mut(at, id) else { return };
        member.is_loud = is_loud;
        self.look_later(moment, at, id);
    }

    /// A phone puts the conference on hold, or takes it back.
    pub(in crate::switch) fn hold(&mut self, moment: &mut Moment<'_>, call: CallId, is_held: bool) {
        if let Some((at, id)) = self.find(call) {
            self.set_held(moment, at, id, is_held);
        }
    }

    /// Makes the thread of one call faster or slower.
    pub(in crate::switch) fn set_pace(&mut self, call: CallId, pace: Pace) {
        if let Some(member) = self.find(call).and_then(|(at, id)| self.member_mut(at, id)) {
            member.pace = pace;
        }
    }

    pub(super) fn set_held(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, is_held: bool) {
        let kind = if is_held { &events::HOLD } else { &events::UNHOLD };
        self.change(moment, at, id, kind, |member| {
            member.is_held = is_held;
            if is_held {
                member.is_talking = false;
            }
        });
        self.look_later(moment, at, id);
    }

    /// Mutes a member or lets it speak, be it so already or not. `is_quiet` spares it the sound.
    pub(super) fn set_muted(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, is_muted: bool, is_quiet: bool) {
        let (kind, sound) = if is_muted { (&events::MUTE, "muted-sound") } else { (&events::UNMUTE, "unmuted-sound") };
        self.change(moment, at, id, kind, |member| {
            member.can_speak = !is_muted;
            if is_muted {
                member.is_talking = false;
            }
        });
        if !is_quiet {
            self.play_to(moment, at, id, sound);
        }
        self.look_later(moment, at, id);
    }

    /// Takes a member's hearing or gives it back.
    pub(super) fn set_deaf(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, is_deaf: bool) {
        let kind = if is_deaf { &events::DEAF } else { &events::UNDEAF };
        self.change(moment, at, id, kind, |member| member.can_hear = !is_deaf);
    }

    fn change(
        &mut self,
        moment: &mut Moment<'_>,
        at: RoomId,
        id: u64,
        kind: &events::Kind,
        act: impl FnOnce(&mut Member),
    ) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let Some(member) = room.member_mut(id) else { return };
        act(member);
        let member = member.clone();
        room.tell_of(moment, kind, &member, |event| event);
    }

    /// Both the member's thread and the mixer look at what has changed, each in its own time.
    fn look_later(&mut self, moment: &Moment<'_>, at: RoomId, id: u64) {
        let Some(pace) = self.member_mut(at, id).map(|member| member.pace) else { return };
        self.agenda.add(moment.now.saturating_add(pace.listening), Task::Listen(at, id));
        self.agenda.add(moment.now.saturating_add(moment.timing.mixing), Task::Mix(at));
    }

    /// A member's thread notices that it talks, although muted perhaps, or does no longer.
    pub(super) fn listen(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let Some(member) = room.member_mut(id) else { return };
        member.energy = if member.is_loud { LOUD } else { 0 };
        let is_heard = member.is_loud && !member.is_held && (member.can_speak || member.has_mute_detect);
        if is_heard == member.is_talking {
            return;
        }
        member.is_talking = is_heard;
        let member = member.clone();
        let kind = match (is_heard, member.can_speak) {
            (true, true) => &events::START_TALKING,
            (true, false) => &events::MUTE_DETECT,
            (false, true) => &events::STOP_TALKING,
            (false, false) => return,
        };
        room.tell_of(moment, kind, &member, |event| event);
        if is_heard && !member.can_speak {
            self.play_to(moment, at, id, "mute-detect-sound");
        }
        self.agenda.add(moment.now.saturating_add(moment.timing.mixing), Task::Mix(at));
    }

    /// The floor stays with whom it has while that one talks. Otherwise it goes to somebody else who talks, the newest first, and when
    /// nobody has it, to the newest of all.
    pub(super) fn mix(&mut self, moment: &mut Moment<'_>, at: RoomId) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let holder = room.floor.and_then(|id| room.member(id));
        let candidate = match holder {
            Some(holder) if holder.is_talking => None,
            Some(_) => newest(room, |member| member.is_talking),
            None => newest(room, |member| member.is_talking).or_else(|| newest(room, |_| true)),
        };
        if let Some(candidate) = candidate.cloned() {
            room.give_floor(moment, &candidate);
        }
    }

    pub(super) fn find(&self, call: CallId) -> Option<(RoomId, u64)> {
        let &at = self.calls.get(&call)?;
        Some((at, self.rooms.get(&at)?.member_of(call)?.id))
    }

    fn member_mut(&mut self, at: RoomId, id: u64) -> Option<&mut Member> {
        self.rooms.get_mut(&at)?.member_mut(id)
    }
}

impl Room {
    /// The floor goes to a member.
    pub(super) fn give_floor(&mut self, moment: &mut Moment<'_>, member: &Member) {
        let old = self.floor.replace(member.id);
        self.tell_floor(moment, old, member);
    }
}

fn newest(room: &Room, fits: impl Fn(&Member) -> bool) -> Option<&Member> {
    let here = room.members.iter().rev().filter(|member| !member.is_leaving);
    here.filter(|member| Some(member.id) != room.floor).find(|member| fits(member))
}
