//! Who answers what: one table of methods, paths, rights and work.

use fsconnector_engine::access::Right;
use fsconnector_engine::query::{ConferenceField, Query, UserField};
use fsconnector_engine::state::User;
use http::Method;

use crate::change::Change;
use crate::current::Whole;

/// A kind of request that is answered.
#[derive(Debug)]
pub(crate) struct Route {
    method: Method,
    path: Path,
    /// What the caller needs.
    pub(crate) right: Right,
    /// How the answer comes about.
    pub(crate) work: Work,
}

/// The paths a route is for.
#[derive(Clone, Copy, Debug)]
enum Path {
    /// Exactly this one; a slash at the end is tolerated.
    Is(&'static str),
    /// All that begin with this. What follows is the request's parameter.
    Below(&'static str),
    /// All but those below the folders that are the API's own.
    Else,
}

/// How an answer comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// From the published state, by the gate.
    Read(Read),
    /// From a file, behind the gate.
    File,
    /// From the engine, when the change is made. Another web site must not be able to ask for it.
    Command(Change),
}

/// A question about the published state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// One without parameters.
    Whole(Whole),
    /// Users by a property.
    UsersBy(UserField),
    /// Users by name and address.
    UsersMatch,
    /// Conferences by a property.
    ConferencesBy(ConferenceField),
    /// The caller's own data.
    UserInfo,
}

impl Read {
    /// The query, unless it is one without parameters.
    pub(crate) fn query<'a>(self, parameter: &'a str, caller: &'a User) -> Result<Query<'a>, Whole> {
        match self {
            Self::Whole(whole) => Err(whole),
            Self::UsersBy(field) => Ok(Query::UsersBy(field, parameter)),
            Self::UsersMatch => Ok(Query::UsersMatch(parameter)),
            Self::ConferencesBy(field) => Ok(Query::ConferencesBy(field, parameter)),
            Self::UserInfo => Ok(Query::UserInfo(caller)),
        }
    }
}

const fn read(path: Path, right: Right, read: Read) -> Route {
    Route { method: Method::GET, path, right, work: Work::Read(read) }
}

const fn command(method: Method, path: Path, change: Change) -> Route {
    Route { method, path, right: Right::Administer, work: Work::Command(change) }
}

/// The first route whose path fits counts.
static TABLE: [Route; 27] = {
    use Change::{AddConferences, AddUsers, DelConferences, DelUsers, ModConferences, ModUsers, RebuildUsers};
    use Path::{Below, Else, Is};
    use Read::{ConferencesBy, UserInfo, UsersBy, UsersMatch, Whole as All};
    use Right::{Administer, ReadFriends, ReadOwn, ReadPages, ReadPublic};
    [
        read(Is("/api/users"), Administer, All(Whole::Users)),
        read(Below("/api/users/byid/"), Administer, UsersBy(UserField::Id)),
        read(Below("/api/users/byname/"), Administer, UsersBy(UserField::Name)),
        read(Below("/api/users/byemail/"), Administer, UsersBy(UserField::Email)),
        read(Below("/api/users/bycontext/"), Administer, UsersBy(UserField::Context)),
        read(Below("/api/users/bypolymac/"), Administer, UsersBy(UserField::Polymac)),
        read(Below("/api/users/match/"), Administer, UsersMatch),
        command(Method::POST, Is("/api/users/add"), AddUsers),
        command(Method::POST, Is("/api/users/mod"), ModUsers),
        command(Method::POST, Is("/api/users/del"), DelUsers),
        command(Method::GET, Is("/api/users/rebuild"), RebuildUsers),
        command(Method::POST, Is("/api/users/rebuild"), RebuildUsers),
        read(Is("/api/conferences"), Administer, All(Whole::Conferences)),
        read(Below("/api/conferences/bynum/"), Administer, ConferencesBy(ConferenceField::Num)),
        read(Below("/api/conferences/byname/"), Administer, ConferencesBy(ConferenceField::Name)),
        read(Below("/api/conferences/bytype/"), Administer, ConferencesBy(ConferenceField::Type)),
        read(Below("/api/conferences/bycontext/"), Administer, ConferencesBy(ConferenceField::Context)),
        command(Method::POST, Is("/api/conferences/add"), AddConferences),
        command(Method::POST, Is("/api/conferences/mod"), ModConferences),
        command(Method::POST, Is("/api/conferences/del"), DelConferences),
        read(Is("/api/info"), Administer, All(Whole::Info)),
        read(Is("/api/info/state"), Administer, All(Whole::InfoState)),
        read(Is("/userinfo"), ReadOwn, UserInfo),
        read(Is("/pubxml"), ReadPublic, All(Whole::PubXml)),
        read(Is("/friendxml"), ReadFriends, All(Whole::FriendXml)),
        Route { method: Method::GET, path: Is("/"), right: ReadPages, work: Work::File },
        Route { method: Method::GET, path: Else, right: ReadPages, work: Work::File },
    ]
};

/// Folders in which there are no files: an unknown path below them is a mistake, not a file that is missing.
const RESERVED: [&str; 2] = ["/api", "/fr"];

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Found<'p> {
    /// To this route, with what follows in the path, still percent-encoded.
    Route(&'static Route, &'p str),
    /// Nowhere: the path is known, but only with these methods.
    OtherMethods(String),
    /// Nowhere.
    Nothing,
}

impl Found<'_> {
    /// The change that is asked for, if it is one.
    pub(crate) fn change(&self) -> Option<Change> {
        match self {
            Self::Route(Route { work: Work::Command(change), .. }, _) => Some(*change),
            Self::Route(..) | Self::OtherMethods(_) | Self::Nothing => None,
        }
    }
}

/// Finds the route of a request. `path` begins with a slash and has no query; HEAD goes where GET goes, if nothing changes
/// there.
pub(crate) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let mut others: Vec<&Route> = Vec::new();
    for route in &TABLE {
        let Some(parameter) = route.path.parameter(path) else { continue };
        if matches!(route.path, Path::Else) && !others.is_empty() {
            break;
        }
        if route.method == *method || (*method == Method::HEAD && route.has_head()) {
            return Found::Route(route, parameter);
        }
        others.push(route);
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(allowed(&others)) }
}

/// The value of `Allow`.
fn allowed(routes: &[&Route]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for route in routes {
        let also_head = route.has_head().then_some("HEAD");
        for name in std::iter::once(route.method.as_str()).chain(also_head) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join(", ")
}

impl Route {
    /// Whether HEAD is answered like GET, without the body.
    fn has_head(&self) -> bool {
        self.method == Method::GET && !matches!(self.work, Work::Command(_))
    }
}

impl Path {
    /// What follows in `path`, if it fits.
    fn parameter(self, path: &str) -> Option<&str> {
        match self {
            Self::Is(literal) => (path == literal || path.strip_suffix('/') == Some(literal)).then_some(""),
            Self::Below(prefix) => path.strip_prefix(prefix),
            Self::Else => (!RESERVED.iter().any(|folder| is_in(path, folder))).then_some(path),
        }
    }
}

fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(method: &Method, path: &str) -> Option<(Work, String)> {
        match find(method, path) {
            Found::Route(route, parameter) => Some((route.work, parameter.to_owned())),
            Found::OtherMethods(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn a_literal_path_may_end_in_a_slash() {
        for path in ["/api/users", "/api/users/"] {
            assert_eq!(work(&Method::GET, path), Some((Work::Read(Read::Whole(Whole::Users)), String::new())));
        }
        assert!(work(&Method::GET, "/api/users//").is_none());
    }

    #[test]
    fn what_follows_a_prefix_is_the_parameter_and_may_be_empty_or_hold_slashes() {
        for parameter in ["", "2", "a/b/", "%2F"] {
            let found = work(&Method::GET, &format!("/api/users/byid/{parameter}"));
            assert_eq!(found, Some((Work::Read(Read::UsersBy(UserField::Id)), parameter.to_owned())));
        }
    }

    #[test]
    fn every_other_path_is_a_file_except_below_the_folders_of_the_api() {
        for path in ["/", "/index.html", "/apix", "/a/b.js", "/livez"] {
            assert_eq!(work(&Method::HEAD, path).unwrap().0, Work::File, "{path}");
        }
        for path in ["/api", "/api/", "/api/user", "/api/users/x", "/fr/x"] {
            assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
            assert!(matches!(find(&Method::POST, path), Found::Nothing), "{path}");
        }
    }

    #[test]
    fn another_method_on_a_known_path_is_told_which_ones_work() {
        for path in ["/api/users", "/pubxml", "/x.css"] {
            let Found::OtherMethods(allowed) = find(&Method::DELETE, path) else { panic!("{path}") };
            assert_eq!(allowed, "GET, HEAD");
        }
    }

    #[test]
    fn what_changes_something_has_no_head() {
        for (method, path, expected) in [
            (Method::HEAD, "/api/users/rebuild", "GET, POST"),
            (Method::PUT, "/api/users/rebuild/", "GET, POST"),
            (Method::GET, "/api/users/add", "POST"),
        ] {
            let Found::OtherMethods(allowed) = find(&method, path) else { panic!("{method} {path}") };
            assert_eq!(allowed, expected);
        }
    }

    #[test]
    fn every_change_has_a_route_named_like_its_operation() {
        for change in Change::ALL {
            assert_eq!(find(&Method::POST, &format!("/api/{}", change.op())).change(), Some(change));
        }
    }
}
