//! A switch in miniature: it folds its events, and lists what has become of them as FreeSWITCH does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The headers of an event, decoded.
pub(crate) type Headers = BTreeMap<String, String>;

/// The headers in the body of a plain event.
pub(crate) fn headers(event: &[u8]) -> Headers {
    let text = String::from_utf8_lossy(event);
    let block = text.split("\n\n").next().unwrap();
    let pairs = block.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// The text behind a URL-encoded one.
pub(crate) fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let byte = hex.filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Switch {
    /// The newest first, as it lists them.
    rooms: Vec<Room>,
    phones: Vec<Phone>,
    /// How much has happened.
    clock: u32,
    /// Whether it lists the newest generation of each name only. One that does not is not known.
    pub(crate) lists_newest_only: bool,
}

#[derive(Clone, Debug)]
struct Room {
    uuid: String,
    /// When it began.
    since: u32,
    name: String,
    locked: bool,
    /// The newest first.
    callers: Vec<Caller>,
    floor: Option<u32>,
    /// The newest first: the file, and whether it is paused.
    recorders: Vec<(String, bool)>,
}

#[derive(Clone, Debug)]
struct Caller {
    id: u32,
    number: String,
    name: String,
    mute: bool,
    hold: bool,
}

#[derive(Clone, Debug)]
struct Phone {
    user: String,
    call_id: String,
    contact: String,
    ip: String,
    port: String,
}

impl Switch {
    /// Something happens in it.
    pub(crate) fn happens(&mut self, event: &Headers) {
        self.clock += 1;
        match event.get("Event-Subclass").map(String::as_str) {
            Some("conference::maintenance") => self.conference(event),
            Some("sofia::register") => self.register(event),
            Some("sofia::unregister" | "sofia::expire") => {
                self.phones.retain(|phone| phone.call_id != event["call-id"]);
            }
            _ => {}
        }
    }

    /// How many are in a conference; nothing if there is no such conference.
    pub(crate) fn size(&self, uuid: &str) -> Option<usize> {
        self.rooms.iter().find(|room| room.uuid == uuid).map(|room| room.callers.len())
    }

    /// Whether somebody in a conference can speak, for all that this switch knows.
    pub(crate) fn can_speak(&self, uuid: &str, member: u32) -> Option<bool> {
        let room = self.rooms.iter().find(|room| room.uuid == uuid)?;
        room.callers.iter().find(|caller| caller.id == member).map(|caller| !caller.mute && !caller.hold)
    }

    /// Whether this member of any conference is on hold.
    pub(crate) fn holds(&self, member: &str) -> bool {
        let mut callers = self.rooms.iter().flat_map(|room| &room.callers);
        callers.any(|caller| caller.hold && caller.id.to_string() == member)
    }

    fn conference(&mut self, event: &Headers) {
        let uuid = &event["Conference-Unique-ID"];
        match event["Action"].as_str() {
            "conference-create" => {
                let (uuid, name) = (uuid.clone(), event["Conference-Name"].clone());
                let since = self.clock;
                let room = Room { uuid, since, name, locked: false, callers: vec![], floor: None, recorders: vec![] };
                self.rooms.insert(0, room);
            }
            "conference-destroy" => self.rooms.retain(|room| room.uuid != *uuid),
            action => {
                if let Some(room) = self.rooms.iter_mut().find(|room| room.uuid == *uuid) {
                    room.happens(action, event);
                }
            }
        }
    }

    /// A user has one registration here: the newest.
    fn register(&mut self, event: &Headers) {
        let of = |name: &str| event[name].clone();
        let contact = of("contact").rsplit('<').next().unwrap().trim_end_matches('>').to_owned();
        let phone = Phone {
            user: of("from-user"),
            call_id: of("call-id"),
            contact,
            ip: of("network-ip"),
            port: of("network-port"),
        };
        self.phones.retain(|known| known.user != phone.user);
        self.phones.push(phone);
    }

    /// `conference json_list`
    pub(crate) fn json_list(&self) -> String {
        let is_hidden = |at: usize, room: &Room| {
            self.lists_newest_only && self.rooms[..at].iter().any(|newer| newer.name == room.name)
        };
        let listed = self.rooms.iter().enumerate().filter(|(at, room)| !is_hidden(*at, room));
        Value::Array(listed.map(|(_, room)| room.json(self.clock - room.since)).collect()).to_string()
    }

    /// `show registrations as json`
    pub(crate) fn registrations(&self) -> String {
        if self.phones.is_empty() {
            return "{\"row_count\": 0}\n".into();
        }
        let rows: Vec<Value> = self.phones.iter().map(Phone::json).collect();
        json!({"row_count": rows.len(), "rows": rows}).to_string() + "\n"
    }
}

impl Room {
    fn happens(&mut self, action: &str, event: &Headers) {
        let member = event.get("Member-ID").and_then(|id| id.parse().ok());
        let is = |header: &str, value: &str| event.get(header).is_some_and(|found| found == value);
        let path = event.get("Path").cloned().unwrap_or_default();
        match (action, member) {
            ("add-member", Some(id)) => {
                let hold = is("Hold", "true");
                let name = event["Caller-Caller-ID-Name"].clone();
                let number = event["Caller-Caller-ID-Number"].clone();
                self.callers.insert(0, Caller { id, number, name, hold, mute: is("Speak", "false") && !hold });
            }
            ("del-member", Some(id)) => {
                self.callers.retain(|caller| caller.id != id);
                self.floor = self.floor.filter(|floor| *floor != id);
            }
            ("mute-member", Some(id)) => self.with(id, |caller| caller.mute = true),
            ("unmute-member", Some(id)) => self.with(id, |caller| caller.mute = false),
            ("hold-member", Some(id)) => self.with(id, |caller| caller.hold = true),
            ("unhold-member", Some(id)) => self.with(id, |caller| caller.hold = false),
            ("floor-change", _) => self.floor = event["New-ID"].parse().ok(),
            ("lock", _) => self.locked = true,
            ("unlock", _) => self.locked = false,
            ("start-recording", _) => self.recorders.insert(0, (path, false)),
            ("stop-recording", _) => self.recorders.retain(|(file, _)| *file != path),
            ("pause-recording", _) => self.pause(&path, true),
            ("resume-recording", _) => self.pause(&path, false),
            _ => {}
        }
    }

    fn with(&mut self, id: u32, act: impl FnOnce(&mut Caller)) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id) {
            act(caller);
        }
    }

    fn pause(&mut self, path: &str, pauses: bool) {
        for (_, paused) in self.recorders.iter_mut().filter(|(file, _)| file == path) {
            *paused = pauses;
        }
    }

    fn json(&self, run_time: u32) -> Value {
        let recorders = self.recorders.iter().map(|(file, paused)| {
            let mut node = json!({"type": "recording_node", "record_path": file, "join_time": 1_795_404_683});
            if *paused {
                node["status"] = "paused".into();
            }
            node
        });
        let callers = self.callers.iter().map(|caller| {
            let can_speak = !caller.mute && !caller.hold;
            let flags = json!({"can_hear": true, "can_speak": can_speak, "hold": caller.hold, "talking": false,
                "has_floor": self.floor == Some(caller.id), "is_moderator": true});
            json!({"type": "caller", "id": caller.id, "flags": flags, "caller_id_name": caller.name,
                "caller_id_number": caller.number, "join_time": 3})
        });
        json!({"conference_name": self.name, "member_count": self.callers.len(), "run_time": run_time,
            "conference_uuid": self.uuid, "locked": self.locked, "recording": !self.recorders.is_empty(),
            "variables": {}, "members": recorders.chain(callers).collect::<Vec<Value>>()})
    }
}

impl Phone {
    fn json(&self) -> Value {
        json!({"reg_user": self.user, "realm": "127.0.0.1", "token": self.call_id,
            "url": format!("sofia/internal/{}", self.contact), "expires": "1795405182", "network_ip": self.ip,
            "network_port": self.port, "network_proto": "udp", "hostname": "vm", "metadata": ""})
    }
}
