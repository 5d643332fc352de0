//! The life of the demonstration: people who call, confer and hang up again.

use std::time::Duration;

use fastrand::Rng;
use fsconnector_engine::state::{State, User};
use fsconnector_simulator::config::Files;
use fsconnector_simulator::{CallId, Caller, Conference, Member, Output, Phone, SimSwitch};

/// How often everybody does something.
const PACE: Duration = Duration::from_secs(9);

/// Who calls from outside.
const OUTSIDERS: [&str; 10] =
    ["Ada Öst", "Bruno", "Carla Nowak", "Dumisani", "Emine", "Farid", "Greta", "Hiroko", "Ines", "João"];

/// The port of the first phone.
const FIRST_PORT: u16 = 5_060;

/// Some people, and the chance by which they live.
#[derive(Debug)]
pub(crate) struct Callers {
    people: Vec<Person>,
    chance: Rng,
}

#[derive(Debug)]
struct Person {
    /// Users have phones that register.
    phone: Option<Phone>,
    /// What its phone shows.
    caller: Caller,
    /// The conferences that it may call, those of its own context first.
    numbers: Vec<String>,
    current: Option<CallId>,
    is_talking: bool,
}

/// What somebody in a conference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Talk(bool),
    Press(char),
    HangUp,
}

impl Callers {
    /// So many people: first the users, then others, invited by each context in turn. The same seed leads the same life,
    /// unless somebody meddles with it.
    pub(crate) fn new(state: &State, count: usize, seed: u64) -> Self {
        let users = state.users.iter().filter(|user| state.users.login(&user.name).is_some());
        let users = users.zip(FIRST_PORT..).map(|(user, port)| Person::with_phone(user, port, state));
        let outsiders = (0..).map(|number| Person::from_outside(number, state));
        Self { people: users.chain(outsiders).take(count).collect(), chance: Rng::with_seed(seed) }
    }

    /// Everybody calls.
    pub(crate) fn arrive<F: Files>(&mut self, switch: &mut SimSwitch<F>, now: u64, out: &mut Vec<Output>) {
        for person in &mut self.people {
            person.dial(&mut self.chance, switch, now, out);
        }
    }

    /// How long until the next one does something.
    pub(crate) fn pause(&mut self) -> Duration {
        let people = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        (PACE / people.max(1)).mul_f64(0.5 + self.chance.f64())
    }

    /// Somebody does something.
    pub(crate) fn go_on<F: Files>(&mut self, switch: &mut SimSwitch<F>, now: u64, out: &mut Vec<Output>) {
        let Some(person) = self.chance.choice(&mut self.people) else { return };
        let conferences = switch.conferences();
        let place = person.current.and_then(|call| find(&conferences, call));
        let Some((conference, member)) = place else { return person.dial(&mut self.chance, switch, now, out) };
        let deed = deed(&mut self.chance, conference, member, person.is_talking);
        match deed {
            Deed::Talk(is_loud) => {
                person.is_talking = is_loud;
                switch.talk(now, member.call, is_loud, out);
            }
            Deed::Press(key) => switch.press(now, member.call, key, out),
            Deed::HangUp => switch.leave(now, member.call, out),
        }
    }
}

impl Person {
    fn with_phone(user: &User, port: u16, state: &State) -> Self {
        let id = user.id.as_str();
        let caller = Caller::user(id).named(&user.name);
        Self { phone: Some(Phone::new(id, port)), ..Self::new(caller, &user.context, state) }
    }

    fn from_outside(number: usize, state: &State) -> Self {
        let name = OUTSIDERS[number % OUTSIDERS.len()];
        let contexts = &state.config.contexts;
        let context = &contexts[number % contexts.len()].name;
        let caller = Caller::loopback(name, &format!("0{}", 30_901_820 + number)).with("conf_flags", "mute-detect");
        let caller = Caller { context: Some(context.to_string()), ..caller };
        Self::new(caller, context.as_str(), state)
    }

    fn new(caller: Caller, context: &str, state: &State) -> Self {
        let rank = |context: &str| state.config.contexts.iter().position(|known| known.name.as_str() == context);
        let reachable = state.conferences.iter().filter(|to| rank(to.context.as_str()) >= rank(context));
        let numbers = reachable.map(|conference| conference.num.to_string()).collect();
        Self { phone: None, caller, numbers, current: None, is_talking: false }
    }

    /// Takes the phone, which registers first. A conference may be locked, or not be there any more.
    fn dial<F: Files>(&mut self, chance: &mut Rng, switch: &mut SimSwitch<F>, now: u64, out: &mut Vec<Output>) {
        if let Some(phone) = &self.phone {
            switch.register(now, phone, out);
        }
        self.is_talking = false;
        // Those of one's own context come first, and now and then none is called.
        let number = self.numbers.get(chance.usize(..=self.numbers.len()).min(chance.usize(..=self.numbers.len())));
        self.current = number.and_then(|number| switch.dial(now, self.caller.clone(), number, out));
    }
}

/// Where this call is, as long as it lasts.
fn find(conferences: &[Conference], call: CallId) -> Option<(&Conference, &Member)> {
    let members =
        conferences.iter().flat_map(|conference| conference.members.iter().map(move |member| (conference, member)));
    members.into_iter().find(|(_, member)| member.call == call)
}

/// What somebody does next.
fn deed(chance: &mut Rng, conference: &Conference, member: &Member, is_talking: bool) -> Deed {
    match chance.u8(0..100) {
        0..15 => Deed::HangUp,
        15..45 if member.is_moderator => Deed::Press(moderators_key(chance, conference)),
        _ if member.is_muted => Deed::Press('0'),
        45..55 => Deed::Press('0'),
        _ => Deed::Talk(!is_talking),
    }
}

/// The keys are those of the example configuration. Recordings are paused and stopped again, and nobody is locked out for
/// long.
fn moderators_key(chance: &mut Rng, conference: &Conference) -> char {
    let keys = match conference.recordings.first() {
        _ if conference.is_locked => "7",
        None => "1156*",
        Some(recording) if recording.is_paused => "334",
        Some(_) => "2245",
    };
    // There is a key in each.
    chance.choice(keys.chars().collect::<Vec<_>>()).unwrap_or('5')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fsconnector_simulator::config::Memory;
    use fsconnector_simulator::{Identity, Recording};

    use super::*;

    /// A conference with one member.
    fn conference(is_moderator: bool) -> Conference {
        let profile = "<document><section name=\"configuration\"><configuration name=\"conference.conf\"><profiles>\n\
                       <profile name=\"p\"/>\n</profiles></configuration></section></document>\n";
        let mut switch = SimSwitch::new(Memory::new([("freeswitch.xml", profile)]), Identity::default(), 0);
        let flags = if is_moderator { "c@p+flags{moderator}" } else { "c@p" };
        switch.join(0, Caller::loopback("Ada", "1"), flags, &mut Vec::new()).unwrap();
        switch.conferences().remove(0)
    }

    fn deeds(conference: &Conference) -> BTreeSet<String> {
        let mut chance = Rng::with_seed(1);
        (0..500).map(|_| format!("{:?}", deed(&mut chance, conference, &conference.members[0], false))).collect()
    }

    #[track_caller]
    fn check(conference: &Conference, expected: &[&str]) {
        assert_eq!(deeds(conference), expected.iter().map(|&deed| deed.to_owned()).collect());
    }

    #[test]
    fn people_talk_mute_themselves_and_hang_up() {
        check(&conference(false), &["HangUp", "Press('0')", "Talk(true)"]);
    }

    #[test]
    fn who_is_muted_does_not_talk() {
        let mut conference = conference(false);
        conference.members[0].is_muted = true;
        check(&conference, &["HangUp", "Press('0')"]);
    }

    #[test]
    fn moderators_press_the_keys_that_are_of_use() {
        let always = ["HangUp", "Press('0')", "Talk(true)"];
        let keys = |keys: &[&'static str]| [&always[..], keys].concat();
        let mut conference = conference(true);
        check(&conference, &keys(&["Press('1')", "Press('5')", "Press('6')", "Press('*')"]));
        conference.recordings.push(Recording { path: "x".into(), is_paused: false });
        check(&conference, &keys(&["Press('2')", "Press('4')", "Press('5')"]));
        conference.recordings[0].is_paused = true;
        check(&conference, &keys(&["Press('3')", "Press('4')"]));
        conference.is_locked = true;
        check(&conference, &keys(&["Press('7')"]));
    }
}
