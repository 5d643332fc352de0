//! What is to be seen: read by code of its own from the switch's listings, and from the answers to clients.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The names in the directory, by id.
pub(crate) type Names = BTreeMap<String, String>;

/// The conferences that have members, by name.
pub(crate) type Rooms = BTreeMap<String, Room>;

/// A conference, without its history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Room {
    pub(crate) locked: bool,
    pub(crate) floor: Option<String>,
    pub(crate) recording: String,
    pub(crate) file: Option<String>,
    /// By the member's id: the user's id, the name, and whether it is muted.
    pub(crate) members: BTreeMap<String, (String, String, bool)>,
}

/// Takes the floor from whoever is shown with it but is listed alone and without it: with that the end of a conference
/// begins, and until a listing says that it does not, clients hear nothing.
pub(crate) fn forgive_last_floors(shown: &mut Rooms, listed: &Rooms) {
    for (name, room) in shown {
        if listed.get(name).is_some_and(|listed| listed.floor.is_none() && listed.members.len() == 1) {
            room.floor = None;
        }
    }
}

/// The user, the call-id and the address of each registration.
pub(crate) type Phones = BTreeSet<(String, String, String)>;

/// What `conference json_list` says. Somebody whose phone sends no name, or its number only, has the name of the
/// directory. Of two generations of a name the one that is listed first counts.
pub(crate) fn listed_rooms(json_list: &str, names: &Names) -> Rooms {
    let list: Vec<Value> = serde_json::from_str(json_list).unwrap();
    let shown = list.iter().rev().filter(|room| room["member_count"] != 0);
    shown.map(|room| (text(&room["conference_name"]), listed_room(room, names))).collect()
}

fn listed_room(room: &Value, names: &Names) -> Room {
    let members = room["members"].as_array().unwrap();
    let callers: Vec<&Value> = members.iter().filter(|member| member["type"] == "caller").collect();
    let recorders: Vec<&Value> = members.iter().filter(|member| member["type"] == "recording_node").collect();
    // The oldest that runs, else the oldest; the newest is listed first.
    let running = recorders.iter().rfind(|recorder| recorder["status"] != "paused");
    let recording = match (running, recorders.last()) {
        (Some(_), _) => "running",
        (None, Some(_)) => "paused",
        (None, None) => "norec",
    };
    let floor = callers.iter().find(|caller| caller["flags"]["has_floor"] == true);
    Room {
        locked: room["locked"] == true,
        floor: floor.map(|caller| caller["id"].to_string()),
        recording: recording.into(),
        file: running.or(recorders.last()).map(|recorder| text(&recorder["record_path"])),
        members: callers.iter().map(|caller| (caller["id"].to_string(), listed_member(caller, names))).collect(),
    }
}

fn listed_member(caller: &Value, names: &Names) -> (String, String, bool) {
    let (number, claimed) = (text(&caller["caller_id_number"]), text(&caller["caller_id_name"]));
    let name = if claimed.is_empty() || claimed == number { names.get(&number).cloned() } else { None };
    (number, name.unwrap_or(claimed), caller["flags"]["can_speak"] == false && caller["flags"]["hold"] == false)
}

/// What `show registrations as json` says.
pub(crate) fn listed_phones(json: &str) -> Phones {
    let table: Value = serde_json::from_str(json).unwrap();
    let rows = table["rows"].as_array().cloned().unwrap_or_default();
    let address = |row: &Value| format!("{}:{}", text(&row["network_ip"]), text(&row["network_port"]));
    rows.iter().map(|row| (text(&row["reg_user"]), text(&row["token"]), address(row))).collect()
}

/// What a client is told: the conferences of `init`, or of what it made of the events since.
pub(crate) fn shown_rooms(init: &[Value]) -> Rooms {
    init.iter().map(|room| (text(&room["name"]), shown_room(room))).collect()
}

fn shown_room(room: &Value) -> Room {
    let members = room["members"].as_array().unwrap();
    assert_eq!(room["memcount"], members.len());
    let member = |member: &Value| (text(&member["id"]), text(&member["name"]), member["mute"].as_bool().unwrap());
    let recording = &room["recording"];
    Room {
        locked: room["locked"].as_bool().unwrap(),
        floor: room["floor"].get("confid").map(text),
        recording: text(&recording["status"]),
        file: recording.get("file").map(text),
        members: members.iter().map(|one| (text(&one["confid"]), member(one))).collect(),
    }
}

/// What a client is told: the registrations of `initreg`.
pub(crate) fn shown_phones(initreg: &[Value]) -> Phones {
    initreg.iter().map(|phone| (text(&phone["id"]), text(&phone["regid"]), text(&phone["sipcon"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
