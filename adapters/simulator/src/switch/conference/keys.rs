//! What a phone's keys do: `caller-controls` of `conference.conf`.

use super::agenda::Task;
use super::call::CallId;
use super::events::{self, Kind};
use super::{Conferences, RoomId};
use crate::switch::moment::Moment;

/// How much a key changes the level from which sound counts as talking, and how far that goes.
const ENERGY_STEP: u64 = 200;
const MOST_ENERGY: u64 = 1800;
/// The loudest and the softest a member can be.
const VOLUMES: std::ops::RangeInclusive<i32> = -4..=4;

impl Conferences {
    /// A caller presses a key: part of a PIN, or what the controls of the profile say.
    pub(in crate::switch) fn press(&mut self, moment: &mut Moment<'_>, call: CallId, key: char) {
        let Some(&at) = self.calls.get(&call) else { return };
        if self.type_pin(moment, at, call, key) {
            return;
        }
        let Some(room) = self.rooms.get(&at) else { return };
        let Some(member) = room.member_of(call) else { return };
        let Some((action, data)) = room.profile.control(member.is_moderator, key).cloned() else { return };
        let (id, can_speak, can_hear) = (member.id, member.can_speak, member.can_hear);
        match action.as_str() {
            "event" => {
                room.tell_of(moment, &events::DTMF, member, |event| event.with("DTMF-Key", &key).with("Data", &data));
            }
            "mute" => self.set_muted(moment, at, id, can_speak, false),
            "deaf mute" => {
                self.set_muted(moment, at, id, can_speak, false);
                if can_hear == can_speak {
                    self.set_deaf(moment, at, id, can_speak);
                }
            }
            "lock" => {
                let is_locked = room.locked;
                self.set_locked(moment, at, !is_locked);
            }
            "hangup" => self.hang_up(moment, call, None),
            _ => self.turn(moment, at, id, &action),
        }
    }

    /// Keys arrive as if pressed, at this time but behind what is going on.
    pub(in crate::switch) fn press_later(&mut self, now: u64, call: CallId, keys: &str) {
        for key in keys.chars() {
            self.agenda.add(now, Task::Press(call, key));
        }
    }

    /// Keys that make something louder or softer.
    fn turn(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, action: &str) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let usual = room.profile.number("energy-level").unwrap_or(0);
        let Some(member) = room.member_mut(id) else { return };
        let (kind, level): (&Kind, i64) = match action {
            "energy up" => (&events::ENERGY_UP, energy(&mut member.energy_level, |old| old + ENERGY_STEP)),
            "energy equ" => (&events::ENERGY_EQU, energy(&mut member.energy_level, |_| usual)),
            "energy dn" => {
                (&events::ENERGY_DOWN, energy(&mut member.energy_level, |old| old.saturating_sub(ENERGY_STEP)))
            }
            "vol talk up" => (&events::TALK_UP, volume(&mut member.volume_in, 1)),
            "vol talk zero" => (&events::TALK_ZERO, volume(&mut member.volume_in, 0)),
            "vol talk dn" => (&events::TALK_DOWN, volume(&mut member.volume_in, -1)),
            "vol listen up" => (&events::LISTEN_UP, volume(&mut member.volume_out, 1)),
            "vol listen zero" => (&events::LISTEN_ZERO, volume(&mut member.volume_out, 0)),
            "vol listen dn" => (&events::LISTEN_DOWN, volume(&mut member.volume_out, -1)),
            _ => return,
        };
        let member = member.clone();
        room.tell_of(moment, kind, &member, |event| event.with("New-Level", &level));
    }
}

fn energy(level: &mut u64, change: impl FnOnce(u64) -> u64) -> i64 {
    *level = change(*level).min(MOST_ENERGY);
    i64::try_from(*level).unwrap_or(0)
}

/// Turns a volume by one step, or back to zero.
fn volume(level: &mut i32, by: i32) -> i64 {
    *level = if by == 0 { 0 } else { (*level + by).clamp(*VOLUMES.start(), *VOLUMES.end()) };
    i64::from(*level)
}
