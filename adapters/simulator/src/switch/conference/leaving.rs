//! Going, being sent away, and the end of a conference.

use super::agenda::Task;
use super::call::CallId;
use super::events::{self, Kind};
use super::room::Stage;
use super::{Conferences, RoomId};
use crate::switch::moment::Moment;

impl Conferences {
    /// A call ends at once, with the cause that the phone gives; `None` when the switch itself lets it go.
    pub(in crate::switch) fn hang_up(&mut self, moment: &mut Moment<'_>, call: CallId, cause: Option<&'static str>) {
        let Some(&at) = self.calls.get(&call) else { return };
        let Some(room) = self.rooms.get_mut(&at) else { return };
        if let Some(member) = room.members.iter_mut().find(|member| member.leg.call == call) {
            member.leg.hangup_cause = cause;
            let id = member.id;
            self.depart(moment, at, id);
        } else {
            room.prompts.retain(|prompt| prompt.leg.call != call);
            self.calls.remove(&call);
            self.end_when_empty(moment, at);
        }
    }

    /// Every call of the switch ends, behind the answer: those who came last go first.
    pub(in crate::switch) fn hang_up_all(&mut self, moment: &Moment<'_>, cause: &'static str) {
        for (&call, at) in self.calls.iter().rev() {
            let member = self.rooms.get(at).and_then(|room| room.member_of(call));
            let pace = member.map_or(moment.timing.pace, |member| member.pace);
            self.agenda.add(moment.now.saturating_add(pace.departure), Task::HangUp(call, cause));
        }
    }

    /// A member is told to go, and does so a little later.
    pub(super) fn send_away(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, kind: Option<&Kind>) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let Some(member) = room.member_mut(id) else { return };
        let was_leaving = std::mem::replace(&mut member.is_leaving, true);
        let member = member.clone();
        if let Some(kind) = kind {
            room.tell_of(moment, kind, &member, |event| event);
        }
        if !was_leaving {
            let gone = moment.now.saturating_add(member.pace.departure);
            self.agenda.add(gone, Task::Depart(at, id));
        }
    }

    /// A member is gone.
    pub(super) fn depart(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        if room.floor == Some(id) {
            room.floor = None;
            room.tell(moment, &events::FLOOR_CHANGE, |event| event.with("Old-ID", "none").with("New-ID", "none"));
        }
        let Some(index) = room.members.iter().position(|member| member.id == id) else { return };
        let member = room.members.remove(index);
        room.tell_of(moment, &events::DEL_MEMBER, &member, |event| event);
        self.calls.remove(&member.leg.call);
        self.agenda.add(moment.now.saturating_add(moment.timing.mixing), Task::Mix(at));
        self.play_when_alone(moment, at, 0);
        if member.ends_conference {
            self.finish(moment, at);
        }
        self.end_when_empty(moment, at);
    }

    /// The conference of a name is over, as when its end was due.
    pub(in crate::switch) fn finish_named(&mut self, moment: &mut Moment<'_>, name: &str) {
        if let Some(at) = self.named(name) {
            self.finish(moment, at);
            self.end_when_empty(moment, at);
        }
    }

    /// The conference is over: nobody gets in any more, and who is in it goes.
    pub(super) fn finish(&mut self, moment: &mut Moment<'_>, at: RoomId) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        room.is_ending = true;
        let waiting: Vec<CallId> = room.prompts.iter().map(|prompt| prompt.leg.call).collect();
        for id in room.ids() {
            self.send_away(moment, at, id, None);
        }
        for call in waiting {
            self.hang_up(moment, call, None);
        }
    }

    fn end_when_empty(&mut self, moment: &Moment<'_>, at: RoomId) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        if room.members.is_empty() && room.prompts.is_empty() {
            room.is_ending = true;
            self.agenda.add(moment.now.saturating_add(moment.timing.ending), Task::End(at));
        }
    }

    /// The last things a conference does.
    pub(super) fn end(&mut self, moment: &mut Moment<'_>, at: RoomId) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        if let Some(sound) = room.sounds.pop_front() {
            room.tell_sound(moment, &sound.file);
        }
        let recordings: Vec<u64> = room.recordings.iter().rev().map(|recording| recording.id).collect();
        for recording in recordings {
            if let Some(recording) = self.rooms.get_mut(&at).and_then(|room| room.recording_mut(recording)) {
                recording.stage = Stage::Closing;
            }
            self.close(moment, at, recording);
        }
        if let Some(room) = self.rooms.remove(&at) {
            room.tell(moment, &events::DESTROY, |event| event);
        }
    }
}
