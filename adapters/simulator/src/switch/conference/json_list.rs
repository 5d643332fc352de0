//! The listing of conferences as JSON.

use super::json::Json;
use super::room::{Member, Recording, Room};
use super::{Conferences, RoomId};

impl Conferences {
    /// All conferences, the newest first.
    pub(super) fn json_list(&self, seconds: u64) -> Json {
        Json::Array(self.listed().map(|room| conference(room, seconds)).collect())
    }

    /// One conference, in a list of its own.
    pub(super) fn json_list_of(&self, at: RoomId, seconds: u64) -> Json {
        Json::Array(self.rooms.get(&at).map(|room| conference(room, seconds)).into_iter().collect())
    }
}

fn conference(room: &Room, seconds: u64) -> Json {
    let flag = |value: bool| Json::Bool(value);
    Json::Object(vec![
        ("conference_name", Json::text(&room.name)),
        ("member_count", Json::count(room.members.len() as u64)),
        ("ghost_count", Json::Number(0)),
        ("rate", Json::count(room.profile.rate())),
        ("run_time", since(room.created, seconds)),
        ("conference_uuid", Json::text(&room.uuid)),
        ("canvas_count", Json::Number(0)),
        ("max_bw_in", Json::Number(0)),
        ("force_bw_in", Json::Number(0)),
        ("video_floor_packets", Json::Number(0)),
        ("locked", flag(room.locked)),
        ("destruct", flag(room.is_ending)),
        ("wait_mod", flag(false)),
        ("audio_always", flag(false)),
        ("running", flag(true)),
        ("answered", flag(!room.members.is_empty())),
        ("enforce_min", flag(true)),
        ("bridge_to", flag(false)),
        ("dynamic", flag(true)),
        ("exit_sound", flag(true)),
        ("enter_sound", flag(true)),
        ("recording", flag(!room.recordings.is_empty())),
        ("video_bridge", flag(false)),
        ("video_floor_only", flag(false)),
        ("video_rfc4579", flag(false)),
        ("variables", Json::Object(Vec::new())),
        ("members", occupants(room, seconds)),
    ])
}

/// Members and recordings in one row, the newest first.
fn occupants(room: &Room, seconds: u64) -> Json {
    let members = room.members.iter().map(|found| (found.id, member(room, found, seconds)));
    let recordings = room.recordings.iter().map(|found| (found.id, recording(found)));
    let mut all: Vec<(u64, Json)> = members.chain(recordings).collect();
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    Json::Array(all.into_iter().map(|(_, occupant)| occupant).collect())
}

fn recording(recording: &Recording) -> Json {
    let mut members = vec![("type", Json::text("recording_node")), ("record_path", Json::text(&recording.path))];
    if recording.paused.is_some() {
        members.push(("status", Json::text("paused")));
    }
    members.push(("join_time", Json::count(recording.started / 1_000_000)));
    Json::Object(members)
}

fn member(room: &Room, member: &Member, seconds: u64) -> Json {
    let flags = Json::Object(vec![
        ("can_hear", Json::Bool(member.can_hear)),
        ("can_see", Json::Bool(true)),
        ("can_speak", Json::Bool(member.speaks())),
        ("hold", Json::Bool(member.is_held)),
        ("mute_detect", Json::Bool(member.has_mute_detect)),
        ("talking", Json::Bool(member.is_talking)),
        ("has_video", Json::Bool(false)),
        ("video_bridge", Json::Bool(false)),
        ("has_floor", Json::Bool(room.floor == Some(member.id))),
        ("is_moderator", Json::Bool(member.is_moderator)),
        ("end_conference", Json::Bool(member.ends_conference)),
        ("mandatory_member_end_conference", Json::Bool(false)),
        ("pass_digits", Json::Bool(false)),
    ]);
    Json::Object(vec![
        ("type", Json::text("caller")),
        ("id", Json::count(member.id)),
        ("flags", flags),
        ("uuid", Json::text(&member.leg.uuid)),
        ("caller_id_name", Json::text(&member.leg.caller.name)),
        ("caller_id_number", Json::text(&member.leg.caller.number)),
        ("join_time", since(member.joined, seconds)),
        ("last_talking", Json::Number(0)),
        ("energy", Json::count(member.energy_level)),
        ("volume_in", Json::Number(member.volume_in.into())),
        ("volume_out", Json::Number(member.volume_out.into())),
        ("output-volume", Json::Number(member.volume_out.into())),
        ("input-volume", Json::Number(member.volume_in.into())),
    ])
}

/// Whole seconds, counted from one full second to another.
fn since(micros: u64, seconds: u64) -> Json {
    Json::count(seconds.saturating_sub(micros / 1_000_000))
}
