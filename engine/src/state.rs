//! The configuration as the switch reports it: what readers answer from.
//!
//! A [`State`] never changes; a reload makes a new one. Readers share it and need neither the engine nor a lock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::access::Role;
use crate::config::{Config, ContextName};
use crate::numbers::{FreeNumbers, parse_number};
use crate::secret::Secret;
use crate::time::Wall;

/// One state of the configuration.
#[derive(Clone)]
pub struct State {
    /// The contexts and ranges it was read with.
    pub config: Arc<Config>,
    /// How things stand with the switch.
    pub info: Info,
    /// The switch's global variables.
    pub globals: Arc<Globals>,
    /// The users of the directory.
    pub users: Arc<Users>,
    /// The names of the conference profiles, in the order of `conference.conf.xml`.
    pub conference_types: Arc<[String]>,
    /// The conferences of the dialplan.
    pub conferences: Arc<[Conference]>,
    /// The numbers that are free, by context in the order of the configuration.
    pub free: Arc<[Free]>,
}

/// The global variables hold passwords.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (users, conferences) = (self.users.len(), self.conferences.len());
        write!(f, "State({users} users, {conferences} conferences, {:?})", self.info)
    }
}

/// The switch's global variables by name.
pub type Globals = BTreeMap<String, String>;

/// How things stand with the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The last reload of the XML that was noticed.
    pub reload: Option<Reload>,
    /// When all files were last written anew.
    pub maintenance: Option<Wall>,
    /// Whether the switch is connected.
    pub connected: bool,
    /// Since when it is so.
    pub since: Wall,
    /// What the switch says of its version; empty until it was asked.
    pub version: String,
}

/// A reload of the XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// When its end was noticed.
    pub at: Wall,
    /// What the switch said.
    pub message: String,
}

/// The phone number and file name of a user. Hand-written directories hold any text here, only never an empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UserId(Box<str>);

impl UserId {
    /// The id, unless `id` is empty.
    pub fn parse(id: &str) -> Option<Self> {
        (!id.is_empty()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a number, if it is written as one.
    pub fn number(&self) -> Option<u32> {
        parse_number(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of the directory, with what is there; what is not is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// The phone number.
    pub id: UserId,
    /// The password, of the phone and of the API.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub password: Secret,
    /// The PIN for conferences.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub conpin: Secret,
    /// The value of `user_context`; not necessarily a configured context.
    pub context: Box<str>,
    /// The caller-id name, which is the login name.
    pub name: Box<str>,
    /// The address.
    pub email: Box<str>,
    /// The MAC of a Polycom phone, or `none`.
    pub polymac: Box<str>,
}

/// Why somebody in the directory cannot log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barred {
    /// There is no name to log in with.
    NoName,
    /// There is no password.
    NoPassword,
    /// The context is none of the configured ones, so there is no role.
    UnknownContext,
    /// Another user has the same name.
    SharedName,
}

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoName => "there is no effective_caller_id_name",
            Self::NoPassword => "there is no password",
            Self::UnknownContext => "its user_context is not configured",
            Self::SharedName => "another user has the same effective_caller_id_name",
        })
    }
}

/// The users of the directory, found by id and by login name.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// As the switch reports them; every id once.
    list: Vec<User>,
    /// Positions in `list`, ordered by id.
    by_id: Vec<u32>,
    /// Positions in `list`, ordered by name.
    by_name: Vec<u32>,
    /// Positions of those who can log in, ordered by name, with their roles.
    logins: Vec<(u32, Role)>,
    barred: Vec<(u32, Barred)>,
    repeated: Vec<UserId>,
}

impl Users {
    /// Orders `list`. Of two entries with one id the first counts, as it does in the switch.
    pub fn new(list: Vec<User>, config: &Config) -> Self {
        let (list, repeated) = without_repeated_ids(list);
        let mut users = Self { by_id: order_by(&list, |user| user.id.as_str()), list, repeated, ..Self::default() };
        users.sort_logins(config);
        users
    }

    fn sort_logins(&mut self, config: &Config) {
        let by_name = order_by(&self.list, |user| &user.name);
        let name_at = |at: usize| by_name.get(at).map(|position| &self.list[*position as usize].name);
        for (at, position) in by_name.iter().enumerate() {
            let user = &self.list[*position as usize];
            let shared = name_at(at + 1) == Some(&user.name) || (at > 0 && name_at(at - 1) == Some(&user.name));
            let verdict = if user.name.is_empty() {
                Err(Barred::NoName)
            } else if user.password.is_empty() {
                Err(Barred::NoPassword)
            } else if shared {
                Err(Barred::SharedName)
            } else {
                config.context(&user.context).map(|context| context.role).ok_or(Barred::UnknownContext)
            };
            match verdict {
                Ok(role) => self.logins.push((*position, role)),
                Err(why) => self.barred.push((*position, why)),
            }
        }
        self.by_name = by_name;
    }

    /// All users, in the order in which the switch reports them.
    pub fn iter(&self) -> std::slice::Iter<'_, User> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The user with this id.
    pub fn by_id(&self, id: &str) -> Option<&User> {
        let at = self.by_id.binary_search_by(|position| self.list[*position as usize].id.as_str().cmp(id)).ok()?;
        Some(&self.list[self.by_id[at] as usize])
    }

    /// All users with this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &User> {
        let name_of = |position: &u32| &*self.list[*position as usize].name;
        let first = self.by_name.partition_point(|position| name_of(position) < name);
        let rest = self.by_name.get(first..).unwrap_or_default().iter();
        rest.map(|position| &self.list[*position as usize]).take_while(move |user| &*user.name == name)
    }

    /// The users whose id begins with `beginning`, in the order in which the switch reports them.
    pub fn whose_id_begins(&self, beginning: &str) -> impl Iterator<Item = &User> {
        let id = |position: &u32| self.list[*position as usize].id.as_str();
        let first = self.by_id.partition_point(|position| id(position) < beginning);
        let rest = self.by_id.get(first..).unwrap_or_default().iter();
        let mut positions: Vec<u32> =
            rest.take_while(|position| id(position).starts_with(beginning)).copied().collect();
        positions.sort_unstable();
        positions.into_iter().map(|position| &self.list[position as usize])
    }

    /// The users in the order of their ids, from the first after `id` on; without one, all.
    pub fn after(&self, id: Option<&UserId>) -> impl Iterator<Item = &User> {
        let position_of = |position: &u32| &self.list[*position as usize].id;
        let first = id.map_or(0, |id| self.by_id.partition_point(|position| position_of(position) <= id));
        self.by_id.get(first..).unwrap_or_default().iter().map(|position| &self.list[*position as usize])
    }

    /// The one user who may log in with this name, with the role of its context.
    pub fn login(&self, name: &str) -> Option<(&User, Role)> {
        let at = self.logins.binary_search_by(|(position, _)| (*self.list[*position as usize].name).cmp(name)).ok()?;
        let (position, role) = self.logins[at];
        Some((&self.list[position as usize], role))
    }

    /// Whether anybody of this role can log in.
    pub fn can_log_in(&self, role: Role) -> bool {
        self.logins.iter().any(|(_, of)| *of == role)
    }

    /// Who cannot log in, and why.
    pub fn barred(&self) -> impl Iterator<Item = (&User, Barred)> {
        self.barred.iter().map(|(position, why)| (&self.list[*position as usize], *why))
    }

    /// The ids that came more than once.
    pub fn repeated(&self) -> impl Iterator<Item = &UserId> {
        self.repeated.iter()
    }
}

impl<'a> IntoIterator for &'a Users {
    type Item = &'a User;
    type IntoIter = std::slice::Iter<'a, User>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The first entry of each id, and the ids that had more.
fn without_repeated_ids(list: Vec<User>) -> (Vec<User>, Vec<UserId>) {
    let order = order_by(&list, |user| user.id.as_str());
    let mut is_first = vec![true; list.len()];
    for pair in order.windows(2) {
        if let [first, second] = pair
            && list[*first as usize].id == list[*second as usize].id
        {
            is_first[*second as usize] = false;
        }
    }
    let (kept, dropped): (Vec<_>, Vec<_>) = list.into_iter().zip(is_first).partition(|(_, is_first)| *is_first);
    let mut repeated: Vec<UserId> = dropped.into_iter().map(|(user, _)| user.id).collect();
    repeated.sort();
    repeated.dedup();
    (kept.into_iter().map(|(user, _)| user).collect(), repeated)
}

/// The positions of `list` in the order of `key`; equal keys stay in the order of the list.
///
/// A position has 32 bits: an answer of the switch that held four thousand million users would not fit into memory.
fn order_by<'a>(list: &'a [User], key: impl Fn(&'a User) -> &'a str) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(list.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by(|a, b| key(&list[*a as usize]).cmp(key(&list[*b as usize])));
    order
}

/// A conference of the dialplan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conference {
    /// The number to dial.
    pub num: u32,
    /// The name in the switch.
    pub name: String,
    /// The name of its profile.
    pub profile: String,
    /// The context whose conference range holds the number.
    pub context: ContextName,
    /// The PIN part of the conference's data, such as `${conpin}`.
    pub pin: Option<Secret>,
}

/// The free numbers of one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// For its users.
    pub users: FreeNumbers,
    /// For its conferences.
    pub conferences: FreeNumbers,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, name: &str, context: &str, password: &str) -> User {
        User {
            id: UserId::parse(id).unwrap(),
            password: Secret::new(password),
            conpin: Secret::default(),
            context: context.into(),
            name: name.into(),
            email: "".into(),
            polymac: "none".into(),
        }
    }

    fn users(list: Vec<User>) -> Users {
        Users::new(list, &Config::default())
    }

    #[test]
    fn of_two_users_with_one_id_the_first_counts() {
        let users = users(vec![user("2", "b", "team", "x"), user("1", "a", "team", "x"), user("2", "c", "team", "x")]);
        let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(&*users.by_id("2").unwrap().name, "b");
        assert_eq!(users.by_id("3"), None);
    }

    #[test]
    fn users_are_found_by_the_beginning_of_the_id_in_the_order_of_the_switch() {
        let ids = ["31", "2", "30", "3", "4", "29"];
        let users = users(ids.iter().map(|id| user(id, id, "team", "x")).collect());
        let found = |beginning| users.whose_id_begins(beginning).map(|user| user.id.as_str()).collect::<Vec<_>>();
        assert_eq!(found("3"), ["31", "30", "3"]);
        assert_eq!(found("5"), [""; 0]);
        assert_eq!(found(""), ids);
    }

    #[test]
    fn users_are_gone_through_by_id_from_any_point_on() {
        let users = users(["3", "1", "20"].iter().map(|id| user(id, id, "team", "x")).collect());
        let after =
            |id| users.after(UserId::parse(id).as_ref()).map(|user| user.id.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(after(""), ["1", "20", "3"]);
        assert_eq!(after("1"), ["20", "3"]);
        assert_eq!(after("19"), ["20", "3"]);
        assert_eq!(after("3"), [""; 0]);
    }

    #[test]
    fn a_user_logs_in_by_name_with_the_role_of_its_context() {
        let users = users(vec![user("1", "Jürgen", "friends", "x"), user("2", "anna", "team", "x")]);
        let (jürgen, role) = users.login("Jürgen").unwrap();
        assert_eq!((jürgen.id.as_str(), role), ("1", Role::Member));
        assert_eq!(users.login("anna").unwrap().1, Role::Admin);
        assert!(users.login("1").is_none());
    }

    #[test]
    fn who_lacks_a_name_a_password_a_role_or_a_name_of_its_own_cannot_log_in() {
        let users = users(vec![
            user("1", "", "team", "x"),
            user("2", "nopw", "team", ""),
            user("3", "stray", "nowhere", "x"),
            user("4", "twin", "team", "x"),
            user("5", "twin", "public", "y"),
        ]);
        for name in ["", "nopw", "stray", "twin"] {
            assert!(users.login(name).is_none(), "{name}");
        }
        let why: Vec<(&str, Barred)> = users.barred().map(|(user, why)| (user.id.as_str(), why)).collect();
        assert_eq!(
            why,
            [
                ("1", Barred::NoName),
                ("2", Barred::NoPassword),
                ("3", Barred::UnknownContext),
                ("4", Barred::SharedName),
                ("5", Barred::SharedName),
            ]
        );
    }

    #[test]
    fn a_debug_print_of_a_user_shows_neither_password_nor_pin() {
        let mut user = user("1", "a", "team", "hunter2");
        user.conpin = Secret::new("4711");
        let text = format!("{user:?}");
        assert!(!text.contains("hunter2") && !text.contains("4711"), "{text}");
    }
}
