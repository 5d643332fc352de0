//! How things really are, for those who want to compare.

use super::Conferences;
use super::call::CallId;
use super::room::{self, Room};

/// A conference as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conference {
    /// Its name; an older generation that has not ended yet can have the same one.
    pub name: String,
    /// What tells generations of one name apart: `Conference-Unique-ID`.
    pub uuid: String,
    /// The name of its profile.
    pub profile: String,
    /// Whether nobody gets in.
    pub is_locked: bool,
    /// It is over as soon as everybody has left; who calls the name gets into a new one.
    pub is_ending: bool,
    /// Who has the floor, by [`Member::id`].
    pub floor: Option<u64>,
    /// In the order in which they came. Whoever is asked for a PIN is no member yet.
    pub members: Vec<Member>,
    /// In the order in which they began.
    pub recordings: Vec<Recording>,
}

/// A member as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `Member-ID`; they count up over the whole switch.
    pub id: u64,
    /// The call, to drive it.
    pub call: CallId,
    /// `Unique-ID` of the call.
    pub uuid: String,
    /// `Caller-Username`: the user whose phone it is, if it is one.
    pub username: Option<String>,
    /// What the phone shows as its name.
    pub name: String,
    /// What the phone shows as its number.
    pub number: String,
    /// Whether the member must not speak, on hold or not.
    pub is_muted: bool,
    /// Whether the phone has put the conference on hold.
    pub is_held: bool,
    /// Whether the member may use the moderators' keys.
    pub is_moderator: bool,
}

/// A recording as it is: from the command that begins it to `stop-recording`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The file, as the command called it.
    pub path: String,
    /// Whether it rests.
    pub is_paused: bool,
}

impl Conferences {
    /// All conferences, the oldest first; also older generations, and those in which nobody is yet.
    pub(in crate::switch) fn truth(&self) -> Vec<Conference> {
        self.rooms.values().map(conference).collect()
    }

    /// How many calls there are.
    pub(in crate::switch) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The call of a `Unique-ID`.
    pub(in crate::switch) fn call_of(&self, uuid: &str) -> Option<CallId> {
        let legs = self.rooms.values().flat_map(|room| {
            let members = room.members.iter().map(|member| &member.leg);
            members.chain(room.prompts.iter().map(|prompt| &prompt.leg))
        });
        legs.into_iter().find(|leg| leg.uuid == uuid).map(|leg| leg.call)
    }
}

fn conference(room: &Room) -> Conference {
    Conference {
        name: room.name.clone(),
        uuid: room.uuid.clone(),
        profile: room.profile.name.clone(),
        is_locked: room.locked,
        is_ending: room.is_ending,
        floor: room.floor,
        members: room.members.iter().map(member).collect(),
        recordings: room.recordings.iter().map(recording).collect(),
    }
}

fn member(member: &room::Member) -> Member {
    Member {
        id: member.id,
        call: member.leg.call,
        uuid: member.leg.uuid.clone(),
        username: member.leg.caller.user.clone(),
        name: member.leg.caller.name.clone(),
        number: member.leg.caller.number.clone(),
        is_muted: !member.can_speak,
        is_held: member.is_held,
        is_moderator: member.is_moderator,
    }
}

fn recording(recording: &room::Recording) -> Recording {
    Recording { path: recording.path.clone(), is_paused: recording.paused.is_some() }
}
