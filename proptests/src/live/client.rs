//! A strict client: it applies events to its `init`, and stumbles over whatever it cannot apply.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What a client has understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    conferences: Knowledge,
    /// By id and regid.
    registrations: Option<Registrations>,
}

/// Where phones are, by the ids of their users and of their registrations.
pub(crate) type Registrations = BTreeMap<(String, String), String>;

/// Conferences by name.
pub(crate) type Conferences = BTreeMap<String, Conference>;

#[derive(Clone, Debug, Default)]
enum Knowledge {
    /// It has not asked yet.
    #[default]
    None,
    /// It knew them before the switch was lost, or asked while the connector did not know what the switch has now.
    Old,
    Current(Conferences),
}

/// A conference as a client has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conference {
    pub(crate) context: String,
    pub(crate) profile: String,
    pub(crate) num: String,
    pub(crate) recording: Value,
    pub(crate) locked: bool,
    pub(crate) floor: Value,
    last_join: Value,
    last_leave: Value,
    /// By `confid`.
    pub(crate) members: BTreeMap<String, Member>,
}

/// A member as a client has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) mute: bool,
}

/// Why a client stumbles.
type Stumble<T = ()> = Result<T, String>;

impl Client {
    /// The conferences, if they are known and current.
    pub(crate) fn conferences(&self) -> Option<&Conferences> {
        if let Knowledge::Current(conferences) = &self.conferences { Some(conferences) } else { None }
    }

    /// The registrations, if they are known.
    pub(crate) fn registrations(&self) -> Option<&Registrations> {
        self.registrations.as_ref()
    }

    /// The switch is there again. What is known of conferences is old until the connector has listed them.
    pub(crate) fn is_out_of_date(&mut self) {
        if matches!(self.conferences, Knowledge::Current(_)) {
            self.conferences = Knowledge::Old;
        }
    }

    /// It has missed events.
    pub(crate) fn has_missed(&mut self) {
        *self = Self::default();
    }

    /// A frame that answers this client. `certain` unless the connector waits for the listing after a reconnect.
    pub(crate) fn answered(&mut self, frame: &Value, certain: bool) -> Stumble {
        let told = |data: &Value| conferences(data).map(|told| (told, certain));
        match (text(frame, "event")?, frame.get("reply").and_then(Value::as_str)) {
            ("newXML" | "error", None) => Ok(()),
            ("newLiveState", None) => {
                self.know(told(&frame["data"])?);
                Ok(())
            }
            ("reply", Some("init")) => {
                let told = told(&frame["data"])?;
                if let Some(known) = self.conferences().filter(|_| certain) {
                    compare(known, &told.0)?;
                }
                self.know(told);
                Ok(())
            }
            ("reply", Some("initreg")) => {
                let told = registrations(&frame["data"])?;
                match &self.registrations {
                    Some(known) if *known != told => {
                        Err(format!("by its events it has {known:?}, and is told {told:?}"))
                    }
                    _ => {
                        self.registrations = Some(told);
                        Ok(())
                    }
                }
            }
            _ => Err("no answer of the protocol".into()),
        }
    }

    fn know(&mut self, (told, certain): (Conferences, bool)) {
        self.conferences = if certain { Knowledge::Current(told) } else { Knowledge::Old };
    }

    /// A frame that is for all.
    pub(crate) fn heard(&mut self, frame: &Value) -> Stumble {
        match text(frame, "event")? {
            "newXML" | "error" => Ok(()),
            "addReg" => self.registration(&frame["user"], true),
            "delReg" => self.registration(&frame["user"], false),
            "newLiveState" => {
                self.conferences = Knowledge::Current(conferences(&frame["data"])?);
                Ok(())
            }
            event => match &mut self.conferences {
                Knowledge::None => Ok(()),
                Knowledge::Old => Err("the state that this changes was not told".into()),
                Knowledge::Current(conferences) => apply(conferences, event, frame),
            },
        }
    }

    fn registration(&mut self, shown: &Value, comes: bool) -> Stumble {
        let (key, address) = registration(shown)?;
        let Some(known) = &mut self.registrations else { return Ok(()) };
        match (comes, known.contains_key(&key)) {
            (true, false) => known.insert(key, address),
            (false, true) if known.get(&key) == Some(&address) => known.remove(&key),
            _ => return Err(format!("it has {known:?}")),
        };
        Ok(())
    }
}

fn apply(conferences: &mut Conferences, event: &str, frame: &Value) -> Stumble {
    if event == "newConference" {
        let (name, conference) = conference(&frame["data"])?;
        if conference.members.len() != 1 {
            return Err("a new conference has its first member".into());
        }
        let before = conferences.insert(name, conference);
        return before.map_or(Ok(()), |before| Err(format!("it has that conference: {before:?}")));
    }
    let name = text(frame, "conference")?;
    let conference = conferences.get_mut(name).ok_or("it has no such conference")?;
    match event {
        "delConference" => {
            conferences.remove(name);
        }
        "newMember" => conference.comes(&frame["data"])?,
        "delMember" => conference.goes(text(frame, "data")?)?,
        "floorchange" => change(&mut conference.floor, frame["data"].clone())?,
        "mute" | "unmute" => conference.mute(text(frame, "data")?, event == "mute")?,
        "muteAll" if conference.members.values().all(|member| member.mute) => {}
        "lock" => change(&mut conference.locked, true)?,
        "unlock" => change(&mut conference.locked, false)?,
        // That one could not begin is told in the same way.
        "recStop" => conference.recording = json!({ "status": "norec" }),
        "recStart" | "recPause" | "recResume" => conference.record(event, text(frame, "file")?)?,
        _ => return Err("no event of the protocol, or not now".into()),
    }
    conferences.get(name).map_or(Ok(()), Conference::is_sound)
}

fn compare(known: &Conferences, told: &Conferences) -> Stumble {
    let mut names = known.keys().chain(told.keys());
    let wrong = names.find(|name| known.get(*name) != told.get(*name));
    let text = |name| format!("by its events it has {name:?}: {:?}, and is told {:?}", known.get(name), told.get(name));
    wrong.map_or(Ok(()), |name| Err(text(name)))
}

/// Events tell of changes.
fn change<T: PartialEq>(place: &mut T, value: T) -> Stumble {
    if *place == value {
        return Err("it is so already".into());
    }
    *place = value;
    Ok(())
}

impl Conference {
    fn comes(&mut self, shown: &Value) -> Stumble {
        let (id, member) = member(shown)?;
        self.last_join = shown.clone();
        let before = self.members.insert(id, member);
        before.map_or(Ok(()), |before| Err(format!("it has that member: {before:?}")))
    }

    fn goes(&mut self, id: &str) -> Stumble {
        let member = self.members.remove(id).ok_or("it has no such member")?;
        self.last_leave = member.shown(id);
        if self.members.is_empty() { Err("the last one goes with the conference".into()) } else { Ok(()) }
    }

    fn mute(&mut self, id: &str, mute: bool) -> Stumble {
        let member = self.members.get_mut(id).ok_or("it has no such member")?;
        change(&mut member.mute, mute)?;
        for place in [&mut self.floor, &mut self.last_join] {
            if place["confid"] == id {
                place["mute"] = mute.into();
            }
        }
        Ok(())
    }

    fn record(&mut self, event: &str, file: &str) -> Stumble {
        let status = if event == "recPause" { "paused" } else { "running" };
        let is_paused = self.recording == json!({ "status": "paused", "file": file });
        if (event == "recResume") != (is_paused && status == "running") {
            return Err(format!("the recording is {}", self.recording));
        }
        change(&mut self.recording, json!({ "status": status, "file": file }))
    }

    /// Who has the floor is a member.
    fn is_sound(&self) -> Stumble {
        let holder = self.floor["confid"].as_str();
        let fits = match holder {
            Some(id) => self.members.get(id).is_some_and(|member| member.shown(id) == self.floor),
            None => self.floor == json!({}),
        };
        if fits { Ok(()) } else { Err(format!("{} has the floor of {:?}", self.floor, self.members)) }
    }
}

impl Member {
    fn shown(&self, confid: &str) -> Value {
        json!({ "name": self.name, "id": self.id, "confid": confid, "mute": self.mute })
    }
}

fn conferences(data: &Value) -> Stumble<Conferences> {
    let list = data.as_array().ok_or("no list")?;
    let conferences: Conferences = list.iter().map(conference).collect::<Stumble<_>>()?;
    if conferences.len() == list.len() { Ok(conferences) } else { Err("a conference is there twice".into()) }
}

fn conference(shown: &Value) -> Stumble<(String, Conference)> {
    let names = [
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
    has_exactly(shown, &names)?;
    let list = shown["members"].as_array().ok_or("no list of members")?;
    let members: BTreeMap<String, Member> = list.iter().map(member).collect::<Stumble<_>>()?;
    if list.is_empty() || members.len() != list.len() || shown["memcount"] != list.len() {
        return Err("members are missing, or there twice".into());
    }
    let conference = Conference {
        context: text(shown, "context")?.to_owned(),
        profile: text(shown, "type")?.to_owned(),
        num: text(shown, "num")?.to_owned(),
        recording: recording(&shown["recording"])?,
        locked: shown["locked"].as_bool().ok_or("locked or not?")?,
        floor: somebody(&shown["floor"])?,
        last_join: somebody(&shown["lastjoin"])?,
        last_leave: somebody(&shown["lastleave"])?,
        members,
    };
    conference.is_sound()?;
    Ok((text(shown, "name")?.to_owned(), conference))
}

fn member(shown: &Value) -> Stumble<(String, Member)> {
    has_exactly(shown, &["name", "id", "confid", "mute"])?;
    let mute = shown["mute"].as_bool().ok_or("muted or not?")?;
    let member = Member { name: text(shown, "name")?.to_owned(), id: text(shown, "id")?.to_owned(), mute };
    Ok((text(shown, "confid")?.to_owned(), member))
}

/// A member, or `{}`.
fn somebody(shown: &Value) -> Stumble<Value> {
    if *shown != json!({}) {
        member(shown)?;
    }
    Ok(shown.clone())
}

fn recording(shown: &Value) -> Stumble<Value> {
    match text(shown, "status")? {
        "norec" => has_exactly(shown, &["status"])?,
        "running" | "paused" => has_exactly(shown, &["status", "file"])?,
        other => return Err(format!("{other} is no status")),
    }
    Ok(shown.clone())
}

fn registrations(data: &Value) -> Stumble<Registrations> {
    let list = data.as_array().ok_or("no list")?;
    let registrations: Registrations = list.iter().map(registration).collect::<Stumble<_>>()?;
    if registrations.len() == list.len() { Ok(registrations) } else { Err("a registration is there twice".into()) }
}

fn registration(shown: &Value) -> Stumble<((String, String), String)> {
    has_exactly(shown, &["id", "regid", "sipcon"])?;
    let [id, regid, address] = [text(shown, "id")?, text(shown, "regid")?, text(shown, "sipcon")?].map(str::to_owned);
    Ok(((id, regid), address))
}

fn has_exactly(shown: &Value, names: &[&str]) -> Stumble {
    let has_all = |object: &Map<String, Value>| names.iter().all(|name| object.contains_key(*name));
    let object = shown.as_object().filter(|object| object.len() == names.len() && has_all(object));
    object.map(|_| ()).ok_or_else(|| format!("{shown} has other fields than {names:?}"))
}

fn text<'v>(object: &'v Value, name: &str) -> Stumble<&'v str> {
    object.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(confid: &str, mute: bool) -> Value {
        json!({ "name": "Anna", "id": "20000", "confid": confid, "mute": mute })
    }

    fn room(members: &[Value]) -> Value {
        json!({
            "name": "a", "context": "", "type": "", "num": "", "recording": { "status": "norec" }, "locked": false,
            "floor": {}, "lastjoin": members[0], "lastleave": {}, "memcount": members.len(), "members": members
        })
    }

    fn init(conferences: &[Value]) -> Value {
        json!({ "event": "reply", "reply": "init", "data": conferences })
    }

    fn client() -> Client {
        let mut client = Client::default();
        client.answered(&init(&[room(&[person("1", false)])]), true).unwrap();
        client
    }

    #[test]
    fn what_changes_is_applied_and_is_what_the_next_answer_says() {
        let mut client = client();
        for frame in [
            json!({ "event": "newMember", "conference": "a", "data": person("2", false) }),
            json!({ "event": "floorchange", "conference": "a", "data": person("2", false) }),
            json!({ "event": "mute", "conference": "a", "data": "2" }),
            json!({ "event": "lock", "conference": "a" }),
            json!({ "event": "recStart", "conference": "a", "file": "f" }),
            json!({ "event": "recPause", "conference": "a", "file": "f" }),
            json!({ "event": "recResume", "conference": "a", "file": "f" }),
            json!({ "event": "recStop", "conference": "a" }),
            json!({ "event": "delMember", "conference": "a", "data": "1" }),
        ] {
            assert_eq!(client.heard(&frame), Ok(()), "{frame}");
        }
        let mut expected = room(&[person("2", true)]);
        expected["floor"] = person("2", true);
        expected["lastleave"] = person("1", false);
        expected["locked"] = true.into();
        assert_eq!(client.answered(&init(&[expected.clone()]), true), Ok(()));
        expected["locked"] = false.into();
        assert!(client.answered(&init(&[expected]), true).is_err());
    }

    #[test]
    fn it_stumbles_over_what_it_does_not_have_and_over_what_it_has() {
        for frame in [
            json!({ "event": "newConference", "data": room(&[person("7", false)]) }),
            json!({ "event": "newMember", "conference": "b", "data": person("2", false) }),
            json!({ "event": "newMember", "conference": "a", "data": person("1", false) }),
            json!({ "event": "delMember", "conference": "a", "data": "1" }),
            json!({ "event": "delMember", "conference": "a", "data": "2" }),
            json!({ "event": "floorchange", "conference": "a", "data": {} }),
            json!({ "event": "floorchange", "conference": "a", "data": person("2", false) }),
            json!({ "event": "unmute", "conference": "a", "data": "1" }),
            json!({ "event": "muteAll", "conference": "a" }),
            json!({ "event": "recResume", "conference": "a", "file": "f" }),
            json!({ "event": "delConference", "conference": "b" }),
            json!({ "event": "dance", "conference": "a" }),
        ] {
            assert!(client().heard(&frame).is_err(), "{frame}");
        }
    }

    #[test]
    fn until_it_has_asked_it_passes_over_what_changes() {
        let mut client = Client::default();
        assert_eq!(client.heard(&json!({ "event": "delConference", "conference": "a" })), Ok(()));
        assert!(client.conferences().is_none());
    }

    #[test]
    fn after_a_reconnect_it_waits_for_the_new_state() {
        let mut client = client();
        client.is_out_of_date();
        assert!(client.conferences().is_none());
        assert!(client.heard(&json!({ "event": "lock", "conference": "a" })).is_err());
        assert_eq!(client.answered(&init(&[]), false), Ok(()));
        assert_eq!(client.heard(&json!({ "event": "newLiveState", "data": [] })), Ok(()));
        assert_eq!(client.conferences(), Some(&Conferences::new()));
    }
}
