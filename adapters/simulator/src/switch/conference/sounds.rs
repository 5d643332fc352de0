//! What is played to a member or to everybody.

use super::agenda::Task;
use super::room::Sound;
use super::{Conferences, RoomId};
use crate::switch::moment::Moment;

/// The sounds that a member hears, as parameters of the profile; a task knows them by their index.
const MEMBER_SOUNDS: [&str; 3] = ["muted-sound", "unmuted-sound", "mute-detect-sound"];

impl Conferences {
    /// Plays a sound of the profile to one member, if it has one.
    pub(super) fn play_to(&mut self, moment: &Moment<'_>, at: RoomId, id: u64, param: &str) {
        let Some(index) = MEMBER_SOUNDS.iter().position(|&known| known == param) else { return };
        let Some(room) = self.rooms.get(&at).filter(|room| room.profile.param(param).is_some()) else { return };
        let Some(member) = room.member(id) else { return };
        let over = moment.now.saturating_add(member.pace.hearing).saturating_add(moment.timing.sound);
        self.agenda.add(over, Task::MemberSilence(at, id, index as u64));
    }

    /// A sound for one member is over.
    pub(super) fn member_silence(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, index: u64) {
        let Some(room) = self.rooms.get(&at) else { return };
        let param = usize::try_from(index).ok().and_then(|index| MEMBER_SOUNDS.get(index));
        let file = param.and_then(|param| room.profile.param(param)).map(|file| room.profile.sound_path(file));
        if let (Some(file), Some(member)) = (file, room.member(id)) {
            room.tell_member_sound(moment, member, &file);
        }
    }

    /// Plays a sound of the profile to everybody, if it has one.
    pub(super) fn announce(&mut self, moment: &Moment<'_>, at: RoomId, param: &str, lead_in: u64) {
        let file = self.rooms.get(&at).and_then(|room| room.profile.param(param)).map(str::to_owned);
        if let Some(file) = file {
            self.play(moment, at, &file, lead_in);
        }
    }

    /// Plays a file to everybody, behind what is being played.
    pub(super) fn play(&mut self, moment: &Moment<'_>, at: RoomId, file: &str, lead_in: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let id = self.next_sound;
        self.next_sound += 1;
        room.sounds.push_back(Sound { id, file: room.profile.sound_path(file), lead_in });
        if room.sounds.len() == 1 {
            self.begin(moment, at, id, lead_in);
        }
    }

    /// The sound that is being played is over, and the next begins.
    pub(super) fn silence(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        if room.sounds.front().is_none_or(|playing| playing.id != id) {
            return;
        }
        let Some(sound) = room.sounds.pop_front() else { return };
        room.tell_sound(moment, &sound.file);
        if let Some(next) = room.sounds.front() {
            let (id, lead_in) = (next.id, next.lead_in);
            self.begin(moment, at, id, lead_in);
        }
    }

    fn begin(&mut self, moment: &Moment<'_>, at: RoomId, id: u64, lead_in: u64) {
        let over = moment.now.saturating_add(lead_in).saturating_add(moment.timing.sound);
        self.agenda.add(over, Task::Silence(at, id));
    }

    /// Stops what is being played, or all that waits as well. How many files that were.
    pub(super) fn stop(&mut self, moment: &Moment<'_>, at: RoomId, is_all: bool) -> usize {
        let Some(room) = self.rooms.get_mut(&at) else { return 0 };
        let stopped = if is_all { room.sounds.len() } else { room.sounds.len().min(1) };
        if is_all {
            room.sounds.truncate(1);
        }
        if let Some(playing) = room.sounds.front() {
            let playing = playing.id;
            self.agenda.add(moment.now.saturating_add(moment.timing.mixing), Task::Silence(at, playing));
        }
        stopped
    }

    /// Whoever is the only one left is told so.
    pub(super) fn play_when_alone(&mut self, moment: &Moment<'_>, at: RoomId, lead_in: u64) {
        if self.rooms.get(&at).is_some_and(|room| room.members.len() == 1) {
            self.announce(moment, at, "alone-sound", lead_in);
        }
    }
}
