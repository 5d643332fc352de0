//! Who answers what: one table of methods, paths, rights and work.

mod table;
mod work;

use fsconnector_engine::access::Right;
use http::Method;

use table::{RESERVED, TABLE};
pub(crate) use work::{Changes, FileRoute, Lane, Payload, Read, Work};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Exactly this one; a slash at the end is tolerated.
    Is(&'static str),
    /// All that begin with this. What follows is the request's parameter.
    Below(&'static str),
    /// All that begin with this and go on with so many names. Those are the request's parameter.
    Names(&'static str, usize),
    /// All but those below the folders that are the API's own.
    Else,
}

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
    /// Whether the request changes something.
    pub(crate) fn changes(&self) -> Changes {
        match self {
            Self::Route(route, parameter) => route.work.changes(parameter),
            Self::OtherMethods(_) | Self::Nothing => Changes::Nothing,
        }
    }
}

/// Finds the route of a request. `path` begins with a slash and has no query; HEAD goes where GET goes, if nothing changes
/// there.
pub(crate) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let mut others: Vec<&Route> = Vec::new();
    for route in &TABLE {
        if others.first().is_some_and(|first| first.path != route.path) {
            break;
        }
        let Some(parameter) = route.path.parameter(path) else { continue };
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
        self.method == Method::GET && self.work.changes("") == Changes::Nothing
    }
}

impl Path {
    /// What follows in `path`, if it fits.
    fn parameter(self, path: &str) -> Option<&str> {
        match self {
            Self::Is(literal) => (path == literal || path.strip_suffix('/') == Some(literal)).then_some(""),
            Self::Below(prefix) => path.strip_prefix(prefix),
            Self::Names(prefix, count) => path.strip_prefix(prefix).filter(|rest| {
                let mut names = rest.split('/');
                names.clone().count() == count && names.all(|name| !name.is_empty())
            }),
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
