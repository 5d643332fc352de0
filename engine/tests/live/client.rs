//! A client as strict as the existing one: it knows what it was told in the beginning and what the events have changed,
//! and an event that does not fit makes it stumble.

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Client {
    rooms: Option<Vec<Value>>,
    phones: Option<Vec<Value>>,
    /// All frames since they were asked for.
    pub(crate) heard: Vec<Value>,
}

impl Client {
    /// The conferences as it believes them to be, by name; nothing before it has asked.
    pub(crate) fn rooms(&self) -> Option<Vec<Value>> {
        let mut rooms = self.rooms.clone()?;
        rooms.sort_by_key(|room| room["name"].to_string());
        for room in &mut rooms {
            sort_members(room);
        }
        Some(rooms)
    }

    /// The registrations as it believes them to be; nothing before it has asked.
    pub(crate) fn phones(&self) -> Option<Vec<Value>> {
        let mut phones = self.phones.clone()?;
        phones.sort_by_key(Value::to_string);
        Some(phones)
    }

    /// Takes a frame.
    pub(crate) fn hear(&mut self, frame: &Value) {
        self.heard.push(frame.clone());
        match text(&frame["event"]) {
            "reply" => self.reply(frame),
            "newLiveState" => {
                if self.rooms.is_some() {
                    self.rooms = Some(checked(&frame["data"]));
                }
            }
            "newXML" | "error" => assert_eq!(frame["event"] == "error", frame.get("error").is_some()),
            "addReg" | "delReg" => self.registration(frame),
            event => {
                if self.rooms.is_some() {
                    self.room_event(event, frame);
                }
            }
        }
    }

    fn reply(&mut self, frame: &Value) {
        match text(&frame["reply"]) {
            "init" => self.rooms = Some(checked(&frame["data"])),
            "initreg" => self.phones = Some(frame["data"].as_array().unwrap().clone()),
            other => panic!("{other}"),
        }
    }

    fn registration(&mut self, frame: &Value) {
        let Some(phones) = &mut self.phones else { return };
        let (user, adds) = (&frame["user"], frame["event"] == "addReg");
        let known = phones.iter().position(|phone| phone["id"] == user["id"] && phone["regid"] == user["regid"]);
        match (known, adds) {
            (None, true) => phones.push(user.clone()),
            (Some(at), false) => assert_eq!(phones.remove(at), *user, "another registration goes"),
            (Some(_), true) => panic!("a registration that is known already: {frame}"),
            (None, false) => panic!("a registration that is not known: {frame}"),
        }
    }

    fn room_event(&mut self, event: &str, frame: &Value) {
        let rooms = self.rooms.as_mut().unwrap();
        let name = if event == "newConference" { &frame["data"]["name"] } else { &frame["conference"] };
        let at = rooms.iter().position(|room| room["name"] == *name);
        match (event, at) {
            ("newConference", None) => {
                check_room(&frame["data"]);
                rooms.push(frame["data"].clone());
            }
            ("newConference", Some(_)) => panic!("a conference that is known already: {frame}"),
            (_, None) => panic!("a conference that is not known: {frame}"),
            ("delConference", Some(at)) => drop(rooms.remove(at)),
            (_, Some(at)) => {
                change(&mut rooms[at], event, frame);
                check_room(&rooms[at]);
            }
        }
    }
}

fn change(room: &mut Value, event: &str, frame: &Value) {
    match event {
        "newMember" => {
            let confid = &frame["data"]["confid"];
            assert_eq!(member(room, confid), None, "a member that is known already: {frame}");
            room["members"].as_array_mut().unwrap().push(frame["data"].clone());
            room["memcount"] = json!(room["memcount"].as_u64().unwrap() + 1);
            room["lastjoin"] = frame["data"].clone();
        }
        "delMember" => {
            let at = member(room, &frame["data"]).unwrap_or_else(|| panic!("a member that is not known: {frame}"));
            assert_ne!(room["floor"].get("confid"), Some(&frame["data"]), "who leaves has the floor: {frame}");
            room["lastleave"] = room["members"].as_array_mut().unwrap().remove(at);
            room["memcount"] = json!(room["memcount"].as_u64().unwrap() - 1);
            assert_ne!(room["memcount"], 0, "the last one leaves with the conference: {frame}");
        }
        "floorchange" => room["floor"] = frame["data"].clone(),
        "mute" | "unmute" => mute(room, &frame["data"], event == "mute"),
        "muteAll" => {
            let unmuted = room["members"].as_array().unwrap().iter().find(|member| member["mute"] == false);
            assert_eq!(unmuted, None, "{frame}");
        }
        "recStart" | "recResume" => room["recording"] = json!({"status": "running", "file": frame["file"]}),
        "recPause" => room["recording"] = json!({"status": "paused", "file": frame["file"]}),
        "recStop" => room["recording"] = json!({"status": "norec"}),
        "lock" | "unlock" => room["locked"] = json!(event == "lock"),
        other => panic!("{other}"),
    }
}

/// A member's mute shows wherever the member does.
fn mute(room: &mut Value, confid: &Value, mute: bool) {
    let at = member(room, confid).unwrap_or_else(|| panic!("a member that is not known: {confid}"));
    room["members"][at]["mute"] = json!(mute);
    for place in ["floor", "lastjoin"] {
        if room[place].get("confid") == Some(confid) {
            room[place]["mute"] = json!(mute);
        }
    }
}

fn member(room: &Value, confid: &Value) -> Option<usize> {
    room["members"].as_array().unwrap().iter().position(|member| member["confid"] == *confid)
}

/// The conferences of a list, each with all its properties.
fn checked(list: &Value) -> Vec<Value> {
    let rooms = list.as_array().unwrap();
    rooms.iter().for_each(check_room);
    rooms.clone()
}

fn check_room(room: &Value) {
    let keys: Vec<&String> = room.as_object().unwrap().keys().collect();
    let all = [
        "name",
        "context",
        "type",
        "num",
        "recording",
        "locked",
        "floor",
        "lastjoin",
        "lastleave",
        "memcount",
        "members",
    ];
    assert_eq!(keys, all);
    let members = room["members"].as_array().unwrap();
    assert!(!members.is_empty(), "a conference without members is shown: {room}");
    assert_eq!(room["memcount"], members.len(), "{room}");
    for person in [&room["floor"], &room["lastjoin"], &room["lastleave"]].into_iter().chain(members) {
        let person = person.as_object().unwrap();
        assert!(person.is_empty() || person.keys().eq(["name", "id", "confid", "mute"]), "{room}");
    }
    if let Some(confid) = room["floor"].get("confid") {
        let at = member(room, confid).unwrap_or_else(|| panic!("who has the floor is not there: {room}"));
        assert_eq!(room["floor"], room["members"][at], "{room}");
    }
}

/// The order of the members says nothing.
pub(crate) fn sort_members(room: &mut Value) {
    room["members"].as_array_mut().unwrap().sort_by_key(|member| member["confid"].to_string());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
