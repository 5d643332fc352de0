//! The state is a backup: state → JSON → files → the switch → the same state; and the files are those that the engine
//! writes itself.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use fsconnector_disk::{ChangeSets, Edit, Editing, Model};
use fsconnector_engine::change::command::{Caller, Command, Entropy, Outcome, RequestId};
use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::files::FileWork;
use fsconnector_engine::io::{Effect, Epoch, Input, Reply};
use fsconnector_engine::path::{RelPath, TreePath};
use fsconnector_engine::query::Query;
use fsconnector_engine::rebuild::Rebuild;
use fsconnector_engine::render::{PublicAddress, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, Globals, Info, State, User, UserId, Users};
use fsconnector_engine::switch::{QUESTIONS, Reading};
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};
use fsconnector_proptests::requests::AWKWARD;
use fsconnector_simulator::config::{Element, Loaded, Memory, load};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What the switch begins with: the values of its variables, and all contexts.
const FREESWITCH: &str = r#"<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="set" data="domain=conf.example"/>
  <X-PRE-PROCESS cmd="set" data="internal_tls_port=5061"/>
  <X-PRE-PROCESS cmd="set" data="modconpin=1111"/>
  <X-PRE-PROCESS cmd="set" data="defconpin=2222"/>
  <section name="configuration">
    <configuration name="conference.conf">
      <profiles><profile name="16kHz-novideo"></profile><profile name="48kHz-video"></profile><profile name="other"></profile></profiles>
    </configuration>
  </section>
  <section name="dialplan">
    <context name="team">
      <X-PRE-PROCESS cmd="include" data="dialplan/conferences/*.xml"/>
    </context>
  </section>
  <section name="directory">
    <domain name="$${domain}"><groups><group name="all"><users>
      <X-PRE-PROCESS cmd="include" data="directory/team/*.xml"/>
      <X-PRE-PROCESS cmd="include" data="directory/friends/*.xml"/>
      <X-PRE-PROCESS cmd="include" data="directory/public/*.xml"/>
    </users></group></groups></domain>
  </section>
</document>
"#;

const PROFILES: [&str; 3] = ["16kHz-novideo", "48kHz-video", "other"];

fn templates() -> Templates {
    Templates::new(fsconnector_templates::ALL).unwrap()
}

fn address() -> PublicAddress {
    PublicAddress { is_secure: true, host: Some("conf.example:3000".into()) }
}

/// A disk with a configuration that has neither users nor conferences.
fn empty() -> Model {
    let model = Model::new();
    for folder in Config::default().folders() {
        model.add_folder(&TreePath::configuration(folder));
    }
    let path = TreePath::configuration(RelPath::parse("freeswitch.xml").unwrap());
    model.edit(&Edit { path, editing: Editing::Replace(FREESWITCH.into()), synced: true });
    model
}

/// Writes all files of a saved state on an empty disk. Nobody may be refused.
fn rebuilt(saved: &str) -> Model {
    let rebuild = Rebuild::new(saved, Config::default(), templates(), Some(address())).unwrap();
    assert!(rebuild.refused.is_empty(), "{:?}", rebuild.refused);
    let model = empty();
    let (mut change_sets, _) = ChangeSets::recover(model.clone()).unwrap();
    change_sets.perform(&FileWork::Commit(rebuild.set)).unwrap();
    change_sets.perform(&FileWork::Keep).unwrap();
    model
}

/// The visible files, but for the one that was there at first.
fn files(model: &Model) -> BTreeMap<String, String> {
    let text = |(path, content): (TreePath, Vec<u8>)| (path.to_string(), String::from_utf8(content).unwrap());
    let mut files: BTreeMap<String, String> = model.files().into_iter().map(text).collect();
    files.remove("freeswitch.xml");
    files
}

/// A switch that has loaded a configuration.
struct Switch {
    loaded: Loaded,
    globals: fsconnector_simulator::config::Globals,
}

impl Switch {
    fn load(model: &Model) -> Self {
        let files = model.files().into_iter().map(|(path, content)| (path.to_string(), content));
        let mut globals = fsconnector_simulator::config::Globals::from_listing(b"");
        let loaded = load(&Memory::new(files), "/etc/freeswitch", &mut globals);
        Self { loaded, globals }
    }

    fn answer(&self, command: &SwitchCommand) -> Reply {
        let document = self.loaded.outcome.as_ref().unwrap();
        let section = |name: &str| document.section(name.as_bytes()).unwrap();
        let answer = match command {
            SwitchCommand::ReloadXml => b"+OK [Success]\n".to_vec(),
            SwitchCommand::Version => b"FreeSWITCH\n".to_vec(),
            SwitchCommand::LiveConferences => b"[]".to_vec(),
            SwitchCommand::Registrations => b"{\"row_count\": 0}\n".to_vec(),
            SwitchCommand::Conference(..) => panic!("nobody controls a conference here"),
            SwitchCommand::Globals => self.globals.listing(),
            SwitchCommand::Directory => section("directory").to_xml(),
            SwitchCommand::Dialplan => section("dialplan").to_xml(),
            SwitchCommand::ConferenceProfiles => {
                let profiles = section("configuration").child_with(b"configuration", b"name", b"conference.conf");
                profiles.map(Element::to_xml).unwrap()
            }
        };
        Reply::Answer(answer.into())
    }

    fn reading(&self) -> Reading {
        Reading::new(&Config::default(), QUESTIONS.map(|command| self.answer(&command)), &[]).unwrap()
    }
}

/// Users and conferences in an order of their own.
fn content<'a>(
    users: impl IntoIterator<Item = &'a User>,
    conferences: impl IntoIterator<Item = &'a Conference>,
) -> (BTreeMap<String, User>, BTreeMap<u32, Conference>) {
    let users = users.into_iter().map(|user| (user.id.to_string(), user.clone()));
    let conferences = conferences.into_iter().map(|conference| (conference.num, conference.clone()));
    (users.collect(), conferences.collect())
}

fn is_legal(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
        && !value.contains("${")
        && !value.contains("<!")
        && !value.to_ascii_lowercase().contains("x-pre-process")
}

/// Any legal text, most of them awkward.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        &AWKWARD[..],
        &["$", "{", "}", "]]>", "&#10;", "'", "\"", "\\n", "%41", "  ", "</include>", "|", "@", "e\u{301}"],
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces.concat()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let text = proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    text.prop_filter("a legal text", |text| is_legal(text))
}

/// The common PINs, and others.
fn pin() -> impl Strategy<Value = String> {
    prop_oneof![Just("1111".to_owned()), Just("2222".to_owned()), "[0-9]{0,6}"]
}

fn polymac() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just("none".to_owned()), 1 => "0004f2aabb0[0-9]"]
}

const CONTEXTS: [&str; 3] = ["team", "friends", "public"];

/// A user, whoever has written it: with any number of its context, or another name as its id.
fn any_user() -> impl Strategy<Value = User> {
    (0..3_u32, 0..40_u32, text(), text(), text(), pin(), polymac()).prop_map(
        |(context, number, name, password, email, conpin, polymac)| User {
            id: UserId::parse(&(20_000 + 1_000 * context + number).to_string()).unwrap(),
            password: Secret::new(password),
            conpin: Secret::new(conpin),
            context: CONTEXTS[context as usize].into(),
            name: name.into(),
            email: email.into(),
            polymac: polymac.into(),
        },
    )
}

fn any_conference() -> impl Strategy<Value = Conference> {
    let pin = prop_oneof![Just(None), Just(Some("${conpin}".to_owned())), "[0-9]{1,4}".prop_map(Some)];
    let name = prop_oneof![3 => "[\\p{L}\\p{N}_][\\p{L}\\p{N}_.-]{0,20}", 1 => Just("My & <Conf>".to_owned())];
    (0..3_u32, 0..20_u32, name, proptest::sample::select(&PROFILES[..]), pin).prop_map(
        |(context, number, name, profile, pin)| {
            let num = 30_000 + 1_000 * context + number;
            let context = Config::default().conference_context(num).unwrap().name.clone();
            Conference { num, name, profile: profile.to_owned(), context, pin: pin.map(Secret::new) }
        },
    )
}

/// A state with these users and conferences, the first of each number.
fn state(users: Vec<User>, conferences: Vec<Conference>) -> State {
    let config = Arc::new(Config::default());
    let conferences: BTreeMap<u32, Conference> =
        conferences.into_iter().map(|conference| (conference.num, conference)).collect();
    let variables =
        [("domain", "conf.example"), ("internal_tls_port", "5061"), ("modconpin", "1111"), ("defconpin", "2222")];
    let globals: Globals = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let since = Wall(0);
    State {
        users: Arc::new(Users::new(users, &config)),
        config,
        info: Info { reload: None, maintenance: None, connected: true, since, version: String::new() },
        globals: Arc::new(globals),
        conference_types: PROFILES.map(str::to_owned).into(),
        conferences: conferences.into_values().collect(),
        free: Arc::new([]),
    }
}

fn saved(state: &State) -> String {
    String::from_utf8(Query::InfoState.answer(state)).unwrap()
}

/// The engine with an honest disk and switch.
struct House {
    engine: Engine,
    change_sets: ChangeSets<Model>,
    model: Model,
    switch: Switch,
    state: Option<Arc<State>>,
    outcomes: Vec<Outcome>,
}

impl House {
    fn new() -> Self {
        let start = Start { templates: templates(), unsettled: false, phones: Some(address()) };
        let model = empty();
        let mut house = Self {
            engine: Engine::new(Config::default(), start, Now::default()).unwrap(),
            change_sets: ChangeSets::recover(model.clone()).unwrap().0,
            switch: Switch::load(&model),
            model,
            state: None,
            outcomes: Vec::new(),
        };
        house.handle(Input::SwitchUp { epoch: Epoch(1) });
        house
    }

    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.engine.handle(Now { mono: Mono(0), wall: Wall(0) }, input, &mut effects);
            inputs.extend(effects.into_iter().filter_map(|effect| self.carry_out(effect)));
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Files { id, work } => Some(Input::FilesDone { id, result: self.change_sets.perform(&work) }),
            Effect::Switch { id, epoch, command } => {
                if command == SwitchCommand::ReloadXml {
                    self.switch = Switch::load(&self.model);
                }
                Some(Input::SwitchReply { epoch, id, reply: self.switch.answer(&command) })
            }
            Effect::Publish(state) => {
                self.state = Some(state);
                None
            }
            Effect::Respond { response, .. } => {
                self.outcomes.push(response.outcome);
                None
            }
            Effect::Log(_) | Effect::Mark(_) | Effect::Live(_) => None,
        }
    }

    /// Has something changed, and gives what was done.
    fn ask(&mut self, command: Command) -> Vec<Value> {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let caller = Caller { id: UserId::parse("20000").unwrap(), name: "admin".into(), address };
        let entropy = Entropy([7; 32]);
        self.handle(Input::Request { id: RequestId(1), caller, command, entropy });
        match self.outcomes.pop() {
            Some(Outcome::Items { done, .. }) => done,
            other => panic!("{}", other.is_some()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_state_comes_back_from_its_files(
        users in proptest::collection::vec(any_user(), 0..12),
        conferences in proptest::collection::vec(any_conference(), 0..8),
    ) {
        let state = state(users, conferences);
        let reading = Switch::load(&rebuilt(&saved(&state))).reading();
        prop_assert_eq!(
            content(&*reading.users, &*reading.conferences),
            content(&*state.users, &*state.conferences)
        );
    }

    #[test]
    fn the_files_are_those_that_the_engine_has_written(
        users in proptest::collection::vec(any_user(), 1..8),
        conferences in proptest::collection::vec(any_conference(), 0..5),
    ) {
        let mut house = House::new();
        let user = |(serial, user): (usize, &User)| json!({
            "name": format!("{} {serial}x", user.name), "email": format!("{} <a@example.org>", user.email),
            "context": user.context, "password": user.password.expose(), "conpin": user.conpin.expose(), "polymac": user.polymac,
        });
        let conference = |(serial, conference): (usize, &Conference)| json!({
            "name": format!("c{serial}"), "type": conference.profile, "context": conference.context.as_str(),
        });
        let conferences: Value = conferences.iter().enumerate().map(conference).collect();
        house.ask(Command::AddConferences(serde_json::from_value(conferences).unwrap()));
        let users: Value = users.iter().enumerate().map(user).collect();
        let added = house.ask(Command::AddUsers(serde_json::from_value(users).unwrap()));
        // Every second one gets another password, and keeps the phone.
        let change = |user: &Value| json!({"id": user["id"], "polymac": user["polymac"]});
        let changes: Value = added.iter().step_by(2).map(change).collect();
        house.ask(Command::ModUsers(serde_json::from_value(changes).unwrap()));
        let model = rebuilt(&saved(house.state.as_ref().unwrap()));
        prop_assert_eq!(files(&model), files(&house.model));
    }
}
