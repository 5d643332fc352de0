//! What readers ask of a state, and the JSON they get: pure functions, the words of the API as its clients know them.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::access::Role;
use crate::numbers::FreeNumbers;
use crate::secret::Secret;
use crate::state::{Conference, Globals, Info, State, User};
use crate::time::Wall;

/// A property of users that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserField {
    /// The id begins with it.
    Id,
    /// The name begins with it.
    Name,
    /// The address contains it.
    Email,
    /// The context's name begins with it.
    Context,
    /// The phone's MAC begins with it.
    Polymac,
}

/// A property of conferences that can be searched; the value begins with what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConferenceField {
    /// The number to dial.
    Num,
    /// The name.
    Name,
    /// The profile's name.
    Type,
    /// The context's name.
    Context,
}

/// A question about the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// All users.
    Users,
    /// The users whose property fits.
    UsersBy(UserField, &'a str),
    /// The users whose name, and those whose address contains the text.
    UsersMatch(&'a str),
    /// All conferences.
    Conferences,
    /// The conferences whose property begins with the text.
    ConferencesBy(ConferenceField, &'a str),
    /// How things stand, and the globals.
    Info,
    /// Everything: enough to write every file anew.
    InfoState,
    /// What a user may know of itself.
    UserInfo(&'a User),
    /// What everybody may know.
    PubXml,
    /// What members may know.
    FriendXml,
}

impl Query<'_> {
    /// The answer as JSON.
    pub fn answer(&self, state: &State) -> Vec<u8> {
        // Nothing that is serialised here can fail: keys are strings, and the writer is a vector.
        self.json(state).unwrap_or_default()
    }

    fn json(&self, state: &State) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Users => to_json(&UsersAnswer {
                op: "users",
                info: Totals::of_users(state),
                users: state.users.iter().collect(),
            }),
            Self::UsersBy(field, text) => {
                to_json(&FoundUsers { op: format!("users/{}/{text}", field.path()), users: field.find(state, text) })
            }
            Self::UsersMatch(text) => to_json(&MatchedUsers {
                op: format!("users/match/{text}"),
                namematches: state.users.iter().filter(|user| user.name.contains(text)).collect(),
                emailmatches: state.users.iter().filter(|user| user.email.contains(text)).collect(),
            }),
            Self::Conferences => to_json(&ConferencesAnswer {
                op: "conferences",
                info: Totals::of_conferences(state),
                conferences: state.conferences.iter().map(FullConference::from).collect(),
            }),
            Self::ConferencesBy(field, text) => to_json(&FoundConferences {
                op: format!("conferences/{}/{text}", field.path()),
                conferences: state
                    .conferences
                    .iter()
                    .filter(|conference| field.fits(conference, text))
                    .map(FullConference::from)
                    .collect(),
            }),
            Self::Info => to_json(&InfoAnswer { op: "info", info: (&state.info).into(), globals: &state.globals }),
            Self::InfoState => to_json(&InfoStateAnswer { op: "info/state", state: FullState::of(state) }),
            Self::UserInfo(user) => to_json(&UserInfo {
                user,
                wss_binding: state.globals.get("wss_binding").map_or("", String::as_str),
                internal_tls_port: state.globals.get("internal_tls_port").map_or("", String::as_str),
            }),
            Self::PubXml => to_json(&ListsAnswer { op: "/pubxml", state: Lists::of(state, Role::Guest) }),
            Self::FriendXml => to_json(&ListsAnswer { op: "/friendxml", state: Lists::of(state, Role::Member) }),
        }
    }
}

/// A user as admins see it.
pub(crate) fn user_json(user: &User) -> serde_json::Value {
    // Keys are strings, and nothing else can fail.
    serde_json::to_value(user).unwrap_or_default()
}

/// A conference as admins see it.
pub(crate) fn conference_json(conference: &Conference) -> serde_json::Value {
    serde_json::to_value(FullConference::from(conference)).unwrap_or_default()
}

fn to_json(answer: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(answer)
}

impl UserField {
    fn path(self) -> &'static str {
        match self {
            Self::Id => "byid",
            Self::Name => "byname",
            Self::Email => "byemail",
            Self::Context => "bycontext",
            Self::Polymac => "bypolymac",
        }
    }

    fn find<'a>(self, state: &'a State, text: &str) -> Vec<&'a User> {
        let all = state.users.iter();
        match self {
            Self::Id => state.users.whose_id_begins(text).collect(),
            Self::Name => all.filter(|user| user.name.starts_with(text)).collect(),
            Self::Email => all.filter(|user| user.email.contains(text)).collect(),
            Self::Context => all.filter(|user| user.context.starts_with(text)).collect(),
            Self::Polymac => all.filter(|user| user.polymac.starts_with(text)).collect(),
        }
    }
}

impl ConferenceField {
    fn path(self) -> &'static str {
        match self {
            Self::Num => "bynum",
            Self::Name => "byname",
            Self::Type => "bytype",
            Self::Context => "bycontext",
        }
    }

    fn fits(self, conference: &Conference, text: &str) -> bool {
        match self {
            Self::Num => conference.num.to_string().starts_with(text),
            Self::Name => conference.name.starts_with(text),
            Self::Type => conference.profile.starts_with(text),
            Self::Context => conference.context.as_str().starts_with(text),
        }
    }
}

#[derive(Serialize)]
struct UsersAnswer<'a> {
    op: &'static str,
    info: Totals<'a>,
    users: Vec<&'a User>,
}

#[derive(Serialize)]
struct FoundUsers<'a> {
    op: String,
    users: Vec<&'a User>,
}

#[derive(Serialize)]
struct MatchedUsers<'a> {
    op: String,
    namematches: Vec<&'a User>,
    emailmatches: Vec<&'a User>,
}

#[derive(Serialize)]
struct ConferencesAnswer<'a> {
    op: &'static str,
    info: Totals<'a>,
    conferences: Vec<FullConference<'a>>,
}

#[derive(Serialize)]
struct FoundConferences<'a> {
    op: String,
    conferences: Vec<FullConference<'a>>,
}

#[derive(Serialize)]
struct InfoAnswer<'a> {
    op: &'static str,
    info: InfoView<'a>,
    globals: &'a Globals,
}

#[derive(Serialize)]
struct InfoStateAnswer<'a> {
    op: &'static str,
    state: FullState<'a>,
}

#[derive(Serialize)]
struct UserInfo<'a> {
    #[serde(flatten)]
    user: &'a User,
    wss_binding: &'a str,
    internal_tls_port: &'a str,
}

#[derive(Serialize)]
struct ListsAnswer<'a> {
    op: &'static str,
    state: Lists<'a>,
}

/// How many there are, in all and by configured context.
#[derive(Serialize)]
struct Totals<'a> {
    total: usize,
    contexts: InOrder<'a, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<&'a [String]>,
}

impl<'a> Totals<'a> {
    fn of_users(state: &'a State) -> Self {
        let contexts = by_context(state, state.users.iter().map(|user| &*user.context));
        Self { total: state.users.len(), contexts, types: None }
    }

    fn of_conferences(state: &'a State) -> Self {
        let contexts = by_context(state, state.conferences.iter().map(|conference| conference.context.as_str()));
        Self { total: state.conferences.len(), contexts, types: Some(&state.conference_types) }
    }
}

fn by_context<'a>(state: &'a State, of_each: impl Iterator<Item = &'a str>) -> InOrder<'a, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for context in of_each {
        *counts.entry(context).or_default() += 1;
    }
    let names = state.config.contexts.iter().map(|context| context.name.as_str());
    InOrder(names.map(|name| (name, counts.get(name).copied().unwrap_or(0))).collect())
}

/// A JSON object whose keys keep their order.
struct InOrder<'a, V>(Vec<(&'a str, V)>);

impl<V: Serialize> Serialize for InOrder<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A conference as admins see it.
#[derive(Serialize)]
struct FullConference<'a> {
    #[serde(flatten)]
    public: PublicConference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'a str>,
}

/// A conference as everybody who may know of it sees it.
#[derive(Serialize)]
struct PublicConference<'a> {
    num: String,
    name: &'a str,
    #[serde(rename = "type")]
    profile: &'a str,
    context: &'a str,
}

impl<'a> From<&'a Conference> for PublicConference<'a> {
    fn from(conference: &'a Conference) -> Self {
        Self {
            num: conference.num.to_string(),
            name: &conference.name,
            profile: &conference.profile,
            context: conference.context.as_str(),
        }
    }
}

impl<'a> From<&'a Conference> for FullConference<'a> {
    fn from(conference: &'a Conference) -> Self {
        Self { public: conference.into(), pin: conference.pin.as_ref().map(Secret::expose) }
    }
}

#[derive(Serialize)]
struct InfoView<'a> {
    reloadxml: ReloadView<'a>,
    maintainance: MaintenanceView,
    switch: SwitchView<'a>,
}

#[derive(Serialize)]
struct ReloadView<'a> {
    lastrun: LastRun,
    lastmsg: &'a str,
}

#[derive(Serialize)]
struct MaintenanceView {
    lastrun: LastRun,
}

#[derive(Serialize)]
struct SwitchView<'a> {
    connected: bool,
    since: Wall,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LastRun {
    At(Wall),
    Never(&'static str),
}

impl From<Option<Wall>> for LastRun {
    fn from(at: Option<Wall>) -> Self {
        at.map_or(Self::Never("not till now"), Self::At)
    }
}

impl<'a> From<&'a Info> for InfoView<'a> {
    fn from(info: &'a Info) -> Self {
        let reload = info.reload.as_ref();
        Self {
            reloadxml: ReloadView {
                lastrun: reload.map(|reload| reload.at).into(),
                lastmsg: reload.map_or("no Message", |reload| &reload.message),
            },
            maintainance: MaintenanceView { lastrun: info.maintenance.into() },
            switch: SwitchView { connected: info.connected, since: info.since, version: &info.version },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FullState<'a> {
    info: InfoView<'a>,
    globals: &'a Globals,
    users: Vec<&'a User>,
    conferencetypes: &'a [String],
    conferences: Vec<FullConference<'a>>,
    avail_usr_ids: InOrder<'a, Available>,
    avail_conf_nums: InOrder<'a, Available>,
}

impl<'a> FullState<'a> {
    fn of(state: &'a State) -> Self {
        let names = || state.config.contexts.iter().map(|context| context.name.as_str());
        Self {
            info: (&state.info).into(),
            globals: &state.globals,
            users: state.users.iter().collect(),
            conferencetypes: &state.conference_types,
            conferences: state.conferences.iter().map(FullConference::from).collect(),
            avail_usr_ids: InOrder(names().zip(state.free.iter().map(|free| (&free.users).into())).collect()),
            avail_conf_nums: InOrder(names().zip(state.free.iter().map(|free| (&free.conferences).into())).collect()),
        }
    }
}

/// What is left of a range.
#[derive(Serialize)]
struct Available {
    next: Option<String>,
    free: u32,
}

impl From<&FreeNumbers> for Available {
    fn from(numbers: &FreeNumbers) -> Self {
        Self { next: numbers.lowest().map(|number| number.to_string()), free: numbers.count() }
    }
}

/// The lists for phones and people who are no admins.
#[derive(Serialize)]
struct Lists<'a> {
    users: Vec<ListedUser<'a>>,
    conferences: Vec<PublicConference<'a>>,
    conferencetypes: &'a [String],
}

#[derive(Serialize)]
struct ListedUser<'a> {
    name: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    context: &'a str,
}

impl<'a> Lists<'a> {
    /// The lists as `role` sees them: guests know of guests' conferences and no addresses, members of all conferences
    /// but the admins'.
    fn of(state: &'a State, role: Role) -> Self {
        let seen = |conference: &&Conference| {
            state.config.context(conference.context.as_str()).is_some_and(|context| context.role >= role)
        };
        let listed = |user: &'a User| ListedUser {
            name: &user.name,
            id: user.id.as_str(),
            email: (role != Role::Guest).then_some(&*user.email),
            context: &user.context,
        };
        Self {
            users: state.users.iter().map(listed).collect(),
            conferences: state.conferences.iter().filter(seen).map(PublicConference::from).collect(),
            conferencetypes: &state.conference_types,
        }
    }
}
