//! What people do, made up: callers, phones, an operator at the console, and listeners.

use std::collections::BTreeMap;

use fsconnector_disk::Edit;
use fsconnector_engine::live::listener::ListenerId;
use fsconnector_engine::state::User;
use fsconnector_simulator::{Caller, Conference, Pace, Phone, Timing};
use serde_json::{Value, json};

use super::driving::{Calling, Doing, Phoning};
use crate::chance::Chance;
use crate::tree;
use crate::world::{Step, World};

/// Conferences that no file defines, some with names that commands cannot be told.
const AD_HOC: [&str; 10] = ["adhoc", "my room", "a\"b", "it's", "a\\b", "list", "日本 Ü", " x", "^^y", "50% off"];

/// The conferences that there are from the beginning, as their files say: the number, and the data.
const CONFIGURED: [(u32, &str); 8] = [
    (30_000, "Vorstand@16kHz-novideo"),
    (30_001, "Lage Team@48kHz-video+77"),
    (31_000, "Stammtisch@16kHz-novideo++flags{${conf_flags}}"),
    (31_001, "Kaffee & Kuchen@other"),
    (31_002, "O'Hara@16kHz-novideo"),
    (32_000, "Plaza@16kHz-novideo+77"),
    // Who calls one meets who calls the other.
    (32_001, "Stammtisch@other"),
    (32_002, "Platz der Freunde@16kHz-novideo"),
];

/// What phones show as their users' names; without any, it is the number.
const CLAIMED: [Option<&str>; 5] = [None, Some(""), Some("Müller"), Some("\"Q\" <x>"), Some("a\nb: %c")];

/// Texts that mean nothing.
const HOSTILE: [&str; 6] = ["null", "{", "[]", r#"{"req":"exec"}"#, r#"{"req":"init","x":1}"#, "\u{0}"];

/// The keys of moderators, and some others.
const KEYS: &[u8] = b"11111122334444556777**008#";

/// People.
#[derive(Debug)]
pub(crate) struct People {
    chance: Chance,
    /// What is done before all else, the last first.
    opening: Vec<Step>,
    /// Users as they were at some time.
    acquaintances: Vec<User>,
    listeners: u64,
    /// The conferences that most go to.
    popular: [&'static str; 3],
    /// How hectic it is: how many milliseconds pass at most between two steps.
    pause: u64,
}

impl People {
    pub(crate) fn new(mut chance: Chance) -> Self {
        let mut opening: Vec<Step> = files().into_iter().flatten().map(Step::Edit).collect();
        opening.push(Step::Timing(timing(&mut chance)));
        // In the end the connector knows all that.
        opening.splice(0..0, [Step::Rest, Step::Reload]);
        let pause = [0, 20, 200, 1000][chance.below(4)];
        let popular = [configured(&mut chance), configured(&mut chance), AD_HOC[chance.below(AD_HOC.len())]];
        Self { chance, opening, acquaintances: Vec::new(), listeners: 0, popular, pause }
    }

    /// What comes before all else.
    pub(crate) fn opening(&mut self) -> Option<Step> {
        self.opening.pop()
    }

    pub(crate) fn next(&mut self, world: &World) -> Step {
        match self.chance.weighted(&[44, 10, 28, 10, 2, 3, 3]) {
            0 => self.call(world),
            1 => self.console(world),
            2 => self.listener(world),
            3 => self.phone(world),
            4 => Step::Unwritable(self.chance.percent(20)),
            5 => Step::Rest,
            _ => Step::Pass(self.chance.number() % (self.pause + 1)),
        }
    }

    fn call(&mut self, world: &World) -> Step {
        let members = self.conference(world).map(|conference| conference.members).unwrap_or_default();
        let member = self.chance.pick(&members).map(|member| member.call).filter(|_| self.chance.percent(75));
        // Some are still asked for a PIN, or are gone.
        let call = member.or_else(|| self.chance.pick(&world.live.calls).copied());
        let Some(call) = call.filter(|_| self.chance.percent(70)) else { return Step::Call(self.comes(world)) };
        let is_on = self.chance.percent(50);
        Step::Call(match self.chance.weighted(&[10, 60, 16, 8, 3, 2]) {
            0 => Calling::Leave(call),
            1 => Calling::Press(call, self.key()),
            2 => Calling::Talk(call, is_on),
            3 => Calling::Hold(call, is_on),
            4 => Calling::Pace(call, self.pace()),
            _ => self.conference(world).map_or(Calling::Leave(call), |conference| Calling::End(conference.name)),
        })
    }

    fn key(&mut self) -> char {
        char::from(KEYS[self.chance.below(KEYS.len())])
    }

    fn pace(&mut self) -> Pace {
        let departure = self.chance.number() % 2_000_000;
        Pace { listening: self.chance.number() % 200_000, departure, ..Pace::default() }
    }

    /// Somebody calls.
    fn comes(&mut self, world: &World) -> Calling {
        let caller = self.caller(world);
        if self.chance.percent(20) {
            let there: Vec<u32> =
                world.state().into_iter().flat_map(|state| state.conferences.iter()).map(|found| found.num).collect();
            let num = self.chance.pick(&there).copied().unwrap_or(30_000);
            return Calling::Dial(caller, num.to_string());
        }
        let name = match (self.conference(world), self.chance.weighted(&[25, 60, 10, 5])) {
            (Some(there), 0) => there.name,
            (_, 2) => configured(&mut self.chance).to_owned(),
            (_, 3) => AD_HOC[self.chance.below(AD_HOC.len())].to_owned(),
            _ => self.popular[self.chance.below(self.popular.len())].to_owned(),
        };
        let flags = ["moderator", "moderator|mute", "mute", "moderator|endconf", ""];
        let flags = flags[self.chance.weighted(&[60, 10, 10, 3, 17])];
        let pin = if self.chance.percent(10) { "+77" } else { "+" };
        let profile = ["16kHz-novideo", "other"][self.chance.weighted(&[90, 10])];
        Calling::Join(caller, format!("{name}@{profile}{pin}+flags{{{flags}}}"))
    }

    fn caller(&mut self, world: &World) -> Caller {
        let id = self.user(world);
        let claimed = CLAIMED[self.chance.below(CLAIMED.len())];
        let caller = if self.chance.percent(15) { Caller::loopback("Konferenz", "0000") } else { Caller::user(&id) };
        let caller = Caller { context: Some("team".to_owned()), ..caller };
        let caller = if self.chance.percent(30) { caller.talking() } else { caller };
        claimed.map_or(caller.clone(), |name| caller.named(name))
    }

    /// The id of somebody who is a user, or perhaps not.
    fn user(&mut self, world: &World) -> String {
        let users: Vec<String> =
            world.state().into_iter().flat_map(|state| state.users.iter()).map(|user| user.id.to_string()).collect();
        self.chance.pick(&users).filter(|_| self.chance.percent(95)).cloned().unwrap_or_else(|| "29999".to_owned())
    }

    /// A conference that is there.
    fn conference(&mut self, world: &World) -> Option<Conference> {
        let conferences = world.scene.borrow().switch.conferences();
        self.chance.pick(&conferences).cloned()
    }

    fn console(&mut self, world: &World) -> Step {
        let Some(conference) = self.conference(world) else { return Step::Pass(1) };
        let member = self.chance.pick(&conference.members).map_or(0, |member| member.id);
        let file = format!("/recordings/by hand {}.wav", self.chance.below(2));
        let order = match self.chance.weighted(&[8, 8, 5, 2, 4, 4, 8, 5, 5, 5, 4]) {
            0 => format!("mute {member}"),
            1 => format!("unmute {member}"),
            2 => "mute all".to_owned(),
            3 => format!("kick {member}"),
            4 => "lock".to_owned(),
            5 => "unlock".to_owned(),
            6 => format!("recording start '{file}'"),
            7 => format!("recording pause '{file}'"),
            8 => format!("recording resume '{file}'"),
            9 => format!("recording stop {}", ["all".to_owned(), format!("'{file}'")][self.chance.below(2)]),
            _ => format!("floor {member}"),
        };
        Step::Console(format!("conference '{}' {order}", conference.name))
    }

    fn phone(&mut self, world: &World) -> Step {
        let known = self.chance.pick(&world.live.phones).cloned().filter(|_| self.chance.percent(65));
        let Some(phone) = known else {
            let mut phone = Phone::new(&self.user(world), 5060 + u16::from(self.chance.percent(50)));
            phone.expires = [20, 3600][self.chance.below(2)];
            phone.knows_password = self.chance.percent(90);
            return Step::Phone(Phoning::Register(phone));
        };
        Step::Phone(match self.chance.weighted(&[30, 25, 25, 10]) {
            0 => Phoning::Register(phone),
            1 => Phoning::Reboot(phone),
            2 => Phoning::Unregister(phone),
            _ => Phoning::Expire(phone),
        })
    }

    fn listener(&mut self, world: &World) -> Step {
        let users = world.state().into_iter().flat_map(|state| state.users.iter().cloned());
        let new: Vec<User> = users.filter(|user| !self.acquaintances.contains(user)).collect();
        self.acquaintances.extend(new);
        let present: Vec<ListenerId> = world.live.audience.present().map(|(id, _)| id).collect();
        let any = ListenerId(1_000_000 + self.chance.number() % (self.listeners + 1));
        let id = self.chance.pick(&present).copied().filter(|_| self.chance.percent(96)).unwrap_or(any);
        let few = present.len() < 5;
        let doing = match self.chance.weighted(&[if few { 12 } else { 1 }, 45, 20, 3, 3]) {
            0 => {
                self.listeners += 1;
                return Step::Listener(ListenerId(1_000_000 + self.listeners), self.joins(world));
            }
            1 => Doing::Ask(self.request(world)),
            2 => Doing::Read,
            3 => Doing::Miss,
            _ => Doing::Leave,
        };
        Step::Listener(id, doing)
    }

    /// Somebody comes, or somebody who has logged in long ago.
    fn joins(&mut self, world: &World) -> Doing {
        let present: Vec<User> = world.state().into_iter().flat_map(|state| state.users.iter().cloned()).collect();
        let from = if self.chance.percent(85) { &present } else { &self.acquaintances };
        self.chance.pick(from).cloned().map_or(Doing::Leave, |user| Doing::Join(Box::new(user)))
    }

    fn request(&mut self, world: &World) -> Vec<u8> {
        let there = self.conference(world);
        let stranger = || "nowhere".to_owned();
        let name = there.as_ref().map_or_else(stranger, |there| there.name.clone());
        let members = there.map(|there| there.members).unwrap_or_default();
        let member = self.chance.pick(&members).map_or_else(|| "x7".to_owned(), |member| member.id.to_string());
        let request: Value = match self.chance.weighted(&[22, 8, 45, 18, 7]) {
            0 => json!({ "req": "init" }),
            1 => json!({ "req": "initreg" }),
            2 => {
                let calls =
                    ["startrec", "stoprec", "pauserec", "resumerec", "lock", "unlock", "muteall", "kickall", "dance"];
                let call = calls[self.chance.weighted(&[30, 20, 10, 10, 8, 8, 8, 2, 1])];
                json!({ "req": "exec", "conference": name, "call": call })
            }
            3 => {
                let call = ["mute", "unmute", "kick"][self.chance.weighted(&[10, 10, 3])];
                json!({ "req": "memexec", "conference": name, "call": call, "member": member })
            }
            _ => return HOSTILE[self.chance.below(HOSTILE.len())].into(),
        };
        request.to_string().into_bytes()
    }
}

/// The name of a conference that there is from the beginning.
fn configured(chance: &mut Chance) -> &'static str {
    let (_, data) = CONFIGURED[chance.below(CONFIGURED.len())];
    data.split('@').next().unwrap_or_default()
}

/// How long things take in the switch.
fn timing(chance: &mut Chance) -> Timing {
    let mut up_to = |most: u64| chance.number() % most;
    Timing {
        mixing: up_to(60_000),
        recording: up_to(400_000),
        ending: up_to(400_000),
        lead_in: up_to(100_000),
        sound: 50_000,
        pace: Pace { listening: up_to(40_000), departure: up_to(200_000), ..Pace::default() },
    }
}

/// Somebody sets the tree up by hand: users of all roles and conferences of all contexts.
fn files() -> Vec<Option<Edit>> {
    let users = BTreeMap::from([
        ("team/20000", ("team", "anna")),
        ("team/20001", ("team", "bert")),
        ("friends/21000", ("friends", "carla")),
        ("friends/21001", ("friends", "dora")),
        // The directory of this context is not included.
        ("friends/21004", ("public", "gast")),
        ("friends/21005", ("public", "gustav")),
    ]);
    let user = |(place, (context, name)): (&str, (&str, &str))| {
        let id = place.split('/').nth(1)?.parse().ok()?;
        tree::write(&format!("directory/{place}.xml"), tree::user_file(id, context, name).into_bytes())
    };
    let conference = |(num, data): (u32, &str)| {
        let data = data.replace('&', "&amp;");
        tree::write(&tree::conference_path(num), tree::extension(num, &data).into_bytes())
    };
    users.into_iter().map(user).chain(CONFIGURED.into_iter().map(conference)).collect()
}
