//! A conference while it lives: its members, its recordings, who has the floor.

use std::collections::VecDeque;

use super::call::Leg;
use super::profile::Profile;
use super::{CallId, RoomId};
use crate::switch::timing::Pace;

/// One generation of a conference.
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) profile: Profile,
    /// Microseconds since 1970.
    pub(super) created: u64,
    pub(super) locked: bool,
    /// Nobody gets in any more; who calls begins a new generation.
    pub(super) is_ending: bool,
    /// The member who has the floor.
    pub(super) floor: Option<u64>,
    /// In the order in which they came.
    pub(super) members: Vec<Member>,
    /// In the order in which they began.
    pub(super) recordings: Vec<Recording>,
    /// Callers who are asked for a PIN.
    pub(super) prompts: Vec<Prompt>,
    /// What everybody hears; the first is being played.
    pub(super) sounds: VecDeque<Sound>,
}

/// Somebody in a conference.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent flags of the switch itself")]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) leg: Leg,
    pub(super) can_speak: bool,
    pub(super) can_hear: bool,
    pub(super) is_held: bool,
    pub(super) is_moderator: bool,
    /// The conference ends when this one leaves.
    pub(super) ends_conference: bool,
    /// Whether it is noticed when somebody muted talks.
    pub(super) has_mute_detect: bool,
    /// The phone sends sound.
    pub(super) is_loud: bool,
    /// The switch has noticed that.
    pub(super) is_talking: bool,
    pub(super) is_leaving: bool,
    /// How loud it was when its thread listened last.
    pub(super) energy: u64,
    pub(super) energy_level: u64,
    pub(super) volume_in: i32,
    pub(super) volume_out: i32,
    /// Microseconds since 1970.
    pub(super) joined: u64,
    pub(super) pace: Pace,
}

/// A file that a conference is recorded to.
pub(super) struct Recording {
    /// Recordings are counted as members are.
    pub(super) id: u64,
    pub(super) path: String,
    /// Microseconds since 1970.
    pub(super) started: u64,
    pub(super) stage: Stage,
    /// Since when it has been paused.
    pub(super) paused: Option<u64>,
    /// Microseconds that it has been paused before.
    pub(super) rested: u64,
}

/// How far a recording has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Opening,
    /// Its file is still to be opened, and then closed at once.
    Unwanted,
    Open,
    Closing,
}

/// Somebody who is asked for a PIN.
pub(super) struct Prompt {
    pub(super) leg: Leg,
    pub(super) pin: String,
    pub(super) typed: String,
    pub(super) failures: u64,
    pub(super) flags: Vec<String>,
}

/// A sound that everybody hears.
pub(super) struct Sound {
    pub(super) id: u64,
    pub(super) file: String,
    /// Microseconds until it begins, when it is its turn.
    pub(super) lead_in: u64,
}

impl Room {
    pub(super) fn new(id: RoomId, name: &str, uuid: String, profile: Profile, now: u64) -> Self {
        Room {
            id,
            uuid,
            name: name.to_owned(),
            profile,
            created: now,
            locked: false,
            is_ending: false,
            floor: None,
            members: Vec::new(),
            recordings: Vec::new(),
            prompts: Vec::new(),
            sounds: VecDeque::new(),
        }
    }

    pub(super) fn member(&self, id: u64) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(super) fn member_mut(&mut self, id: u64) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// The member that a call is.
    pub(super) fn member_of(&self, call: CallId) -> Option<&Member> {
        self.members.iter().find(|member| member.leg.call == call)
    }

    /// The ids of all members, the newest first.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.members.iter().rev().map(|member| member.id).collect()
    }

    pub(super) fn recording_mut(&mut self, id: u64) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|recording| recording.id == id)
    }
}

impl Member {
    /// Enters with the flags of its invitation.
    pub(super) fn new(id: u64, leg: Leg, flags: &[String], profile: &Profile, now: u64, pace: Pace) -> Self {
        let has = |name: &str| flags.iter().any(|flag| flag == name);
        Member {
            id,
            can_speak: !has("mute"),
            can_hear: !has("deaf"),
            is_held: false,
            is_moderator: has("moderator"),
            ends_conference: has("endconf"),
            has_mute_detect: has("mute-detect"),
            is_loud: leg.caller.is_talking,
            is_talking: false,
            is_leaving: false,
            energy: 0,
            energy_level: profile.number("energy-level").unwrap_or(0),
            volume_in: 0,
            volume_out: 0,
            joined: now,
            leg,
            pace,
        }
    }

    /// What the switch says of it: who is on hold cannot speak either.
    pub(super) fn speaks(&self) -> bool {
        self.can_speak && !self.is_held
    }
}

impl Recording {
    /// Nobody has stopped it.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Open)
    }

    /// Milliseconds that have been recorded.
    pub(super) fn length(&self, now: u64) -> u64 {
        let until = self.paused.unwrap_or(now);
        until.saturating_sub(self.started).saturating_sub(self.rested) / 1000
    }
}
