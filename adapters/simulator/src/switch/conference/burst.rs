//! Very many events at once: members of a conference are muted and unmuted in turn.

use super::{Conferences, events};
use crate::switch::event::Event;
use crate::switch::moment::Moment;

impl Conferences {
    /// Changes the members of a conference in turn, one after the other and round again, `count` times in all: who may speak is muted,
    /// who is muted may speak. One event for each member and each direction, in the order in which they repeat; empty without members.
    pub(in crate::switch) fn burst(&mut self, moment: &mut Moment<'_>, name: &str, count: u64) -> Vec<Event> {
        let Some(room) = self.named(name).and_then(|at| self.rooms.get_mut(&at)) else { return Vec::new() };
        let total = room.members.len();
        let mut members = room.members.clone();
        let mut round = Vec::new();
        for _ in 0..2 {
            for member in &mut members {
                member.can_speak = !member.can_speak;
                let kind = if member.can_speak { &events::UNMUTE } else { &events::MUTE };
                room.tell_of(moment, kind, member, |event| event);
                round.extend(moment.events.pop());
            }
        }
        let complete = count / (total as u64).max(1);
        let rest = count % (total as u64).max(1);
        for (at, member) in room.members.iter_mut().enumerate() {
            let changes = complete + u64::from((at as u64) < rest);
            member.can_speak ^= changes % 2 == 1;
        }
        round
    }
}
