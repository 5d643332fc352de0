//! A switch in which people come and go at random, and never anything happens that could not.

use crate::story;
use crate::switch::{Switch, headers};

/// What somebody does next, if that is possible; the numbers choose among those who could.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Somebody calls a conference. If it is the first, it begins.
    Call(usize, usize),
    /// Somebody calls a conference, and is at its PIN prompt.
    Begin(usize),
    Leave(usize),
    Mute(usize, bool),
    Hold(usize, bool),
    Floor(usize),
    Lock(usize, bool),
    Record(usize, &'static str),
    /// A conference takes nobody any more; who calls its name begins another generation.
    Expire(usize),
    Register(usize, usize),
    Unregister(usize),
}

const ROOMS: [&str; 5] = ["room", "lounge", "plaza", "a%22b", "ad%20hoc"];
const USERS: [&str; 4] = ["20000", "20001", "21000", "999"];
const FILES: [&str; 2] = ["/r/1.wav", "/r/2.wav"];

#[derive(Debug, Default)]
pub(crate) struct Town {
    pub(crate) switch: Switch,
    /// The oldest first.
    rooms: Vec<Room>,
    generations: usize,
    last_member: usize,
    phones: Vec<(usize, usize, usize)>,
    last_call: usize,
}

#[derive(Debug)]
struct Room {
    name: usize,
    uuid: String,
    /// Each with whether it is muted.
    members: Vec<(usize, bool)>,
    recorded: Vec<(&'static str, bool)>,
    expires: bool,
}

impl Town {
    /// Does it. The bodies of the events that tell of it are added to `events`.
    pub(crate) fn does(&mut self, deed: Deed, events: &mut Vec<String>) {
        for line in self.lines(deed) {
            let mut event = story::event(&line);
            let told = headers(story::body(&event).as_bytes());
            self.switch.happens(&told);
            let size = told.get("Conference-Unique-ID").and_then(|uuid| self.switch.size(uuid));
            event.extend(size.map(|size| ("Conference-Size", size.to_string())));
            events.push(story::body(&event));
        }
    }

    fn lines(&mut self, deed: Deed) -> Vec<String> {
        match deed {
            Deed::Call(name, user) => {
                let mut lines = self.begin(name % ROOMS.len());
                self.last_member += 1;
                let id = self.last_member;
                let room = self.open(name % ROOMS.len()).unwrap();
                room.members.push((id, false));
                lines.push(format!("{} join {id} {}", room.uuid, USERS[user % USERS.len()]));
                lines
            }
            // With members still in the generation before, no listing would show them.
            Deed::Begin(name) if self.rooms.iter().any(|room| room.name == name % ROOMS.len()) => Vec::new(),
            Deed::Begin(name) => self.begin(name % ROOMS.len()),
            Deed::Leave(choice) => self.leave(choice),
            Deed::Mute(choice, mute) => self.member(choice, if mute { "mute" } else { "unmute" }),
            Deed::Hold(choice, hold) => self.member(choice, if hold { "hold" } else { "unhold" }),
            Deed::Floor(choice) => self.member(choice, "floor"),
            Deed::Lock(choice, lock) => {
                let Some(room) = nth(&mut self.rooms, choice) else { return Vec::new() };
                vec![format!("{} {}", room.uuid, if lock { "lock" } else { "unlock" })]
            }
            Deed::Record(choice, what) => {
                let file = FILES[choice % FILES.len()];
                nth(&mut self.rooms, choice / FILES.len()).map_or(Vec::new(), |room| room.record(file, what))
            }
            Deed::Expire(choice) => {
                if let Some(room) = nth(&mut self.rooms, choice) {
                    room.expires = true;
                }
                Vec::new()
            }
            Deed::Register(user, port) => self.register(user % USERS.len(), port % 2),
            Deed::Unregister(choice) => {
                if self.phones.is_empty() {
                    return Vec::new();
                }
                let (user, call, _) = self.phones.remove(choice % self.phones.len());
                vec![format!("phone unregister {} call-{call}", USERS[user])]
            }
        }
    }

    fn open(&mut self, name: usize) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.name == name && !room.expires)
    }

    /// Begins a conference of that name, unless there is one. Then the generation before has no long life any more: its
    /// members are thrown out before anybody leaves the new one.
    fn begin(&mut self, name: usize) -> Vec<String> {
        if self.open(name).is_some() {
            return Vec::new();
        }
        self.generations += 1;
        let uuid = format!("{}~{}", ROOMS[name], self.generations);
        self.rooms.push(Room { name, uuid: uuid.clone(), members: vec![], recorded: vec![], expires: false });
        vec![format!("{uuid} create")]
    }

    /// Somebody leaves; of two generations of a name, somebody in the older.
    fn leave(&mut self, choice: usize) -> Vec<String> {
        let Some(name) = nth(&mut self.rooms, choice).map(|room| room.name) else { return Vec::new() };
        let at = self.rooms.iter().position(|room| room.name == name).unwrap();
        let room = &mut self.rooms[at];
        let mut lines = Vec::new();
        if !room.members.is_empty() {
            let (id, _) = room.members.remove(choice % room.members.len());
            lines.push(format!("{} leave {id}", room.uuid));
        }
        if room.members.is_empty() {
            lines.extend(room.recorded.iter().map(|(file, _)| format!("{} stop {file}", room.uuid)));
            lines.push(format!("{} destroy", room.uuid));
            self.rooms.remove(at);
        }
        lines
    }

    fn member(&mut self, choice: usize, what: &str) -> Vec<String> {
        let Some(room) = nth(&mut self.rooms, choice) else { return Vec::new() };
        let Some((id, is_muted)) = nth(&mut room.members, choice / 3) else { return Vec::new() };
        match what {
            "mute" => *is_muted = true,
            "unmute" => *is_muted = false,
            _ => {}
        }
        vec![format!("{} {what} {id}{}", room.uuid, if *is_muted && what == "unhold" { " mute" } else { "" })]
    }

    fn register(&mut self, user: usize, port: usize) -> Vec<String> {
        self.last_call += 1;
        let call = self.last_call;
        self.phones.retain(|(other, ..)| *other != user);
        self.phones.push((user, call, port));
        vec![format!("phone register {} call-{call} 10.0.0.{user}:506{port}", USERS[user])]
    }
}

impl Room {
    fn record(&mut self, file: &'static str, what: &'static str) -> Vec<String> {
        let known = self.recorded.iter().position(|(other, _)| *other == file);
        match (what, known) {
            ("rec", None) => self.recorded.push((file, false)),
            ("stop", Some(at)) => drop(self.recorded.remove(at)),
            ("fail", None) | ("pause" | "resume", Some(_)) => {}
            _ => return Vec::new(),
        }
        let uuid = &self.uuid;
        let after = (what == "fail").then(|| format!("{uuid} stop {file}"));
        [format!("{uuid} {what} {file}")].into_iter().chain(after).collect()
    }
}

fn nth<T>(list: &mut [T], choice: usize) -> Option<&mut T> {
    let count = list.len();
    list.get_mut(choice.checked_rem(count)?)
}
