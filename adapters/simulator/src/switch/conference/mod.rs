//! Conferences: who is in them, who has the floor, what is recorded.
//!
//! ```text
//! call.rs        who calls
//! dialplan.rs    from a dialled number to a conference
//! profile.rs     what conference.conf says
//! room.rs        one conference: members, recordings, callers at the PIN prompt
//! joining.rs     dialling, the PIN, coming in
//! leaving.rs     going, being sent away, the end of a conference
//! talking.rs     talking, muting, holding, the floor
//! keys.rs        what a phone's keys do
//! sounds.rs      what is played
//! recording.rs   recordings
//! agenda.rs      what is still to happen
//! command.rs     the commands behind `conference`
//! json_list.rs   the listing
//! events.rs      the events
//! truth.rs       how things really are, for those who want to compare
//! burst.rs       very many events at once
//! ```

mod agenda;
mod burst;
mod call;
mod command;
mod dialplan;
mod events;
mod joining;
mod json;
mod json_list;
mod keys;
mod leaving;
mod profile;
mod recording;
mod room;
mod sounds;
mod talking;
mod truth;

use std::collections::BTreeMap;

pub use call::{CallId, Caller};
pub use truth::{Conference, Member, Recording};

pub(super) use json::Json;

use agenda::{Agenda, Task};
use room::Room;

use super::moment::Moment;

/// One generation of a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RoomId(u64);

/// All conferences, and all calls in them.
#[derive(Default)]
pub(super) struct Conferences {
    rooms: BTreeMap<RoomId, Room>,
    calls: BTreeMap<CallId, RoomId>,
    agenda: Agenda,
    next_room: u64,
    next_call: u64,
    last_member: u64,
    next_sound: u64,
}

impl Conferences {
    /// A new process: all calls are gone. Ids of calls stay unique.
    pub(super) fn restart(&mut self) {
        *self = Conferences { next_call: self.next_call, next_room: self.next_room, ..Conferences::default() };
    }

    /// When the next thing happens by itself.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.agenda.deadline()
    }

    /// Lets everything happen that is due.
    pub(super) fn settle(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now;
        while let Some((due, task)) = self.agenda.next(now) {
            // Late or not, it is told with the time at which it happened; what follows from it counts from there.
            moment.now = due.min(now);
            self.carry_out(moment, task);
        }
        moment.now = now;
    }

    fn carry_out(&mut self, moment: &mut Moment<'_>, task: Task) {
        match task {
            Task::Mix(room) => self.mix(moment, room),
            Task::Listen(room, member) => self.listen(moment, room, member),
            Task::Depart(room, member) => self.depart(moment, room, member),
            Task::Open(room, recording) => self.open(moment, room, recording),
            Task::Close(room, recording) => self.close(moment, room, recording),
            Task::Silence(room, sound) => self.silence(moment, room, sound),
            Task::MemberSilence(room, member, kind) => self.member_silence(moment, room, member, kind),
            Task::End(room) => self.end(moment, room),
            Task::Press(call, key) => self.press(moment, call, key),
            Task::HangUp(call, cause) => self.hang_up(moment, call, Some(cause)),
        }
    }

    /// The conference that a name means: the newest generation of it, unless that is over.
    fn named(&self, name: &str) -> Option<RoomId> {
        let room = self.rooms.values().rev().find(|room| room.name == name)?;
        Some(room.id)
    }

    /// Conferences that can be found by their names, the newest first.
    fn listed(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values().rev().filter(|room| self.named(&room.name) == Some(room.id))
    }

    fn count_member(&mut self) -> u64 {
        self.last_member += 1;
        self.last_member
    }
}
