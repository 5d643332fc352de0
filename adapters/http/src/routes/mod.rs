//! Who answers what: one table of methods, paths, rights and work.

mod table;
mod work;

use fsconnector_engine::access::Right;
use http::Method;

use table::{RESERVED, TABLE};
pub(crate) use work::{Changes, Changing, FileRoute, Lane, Payload, Read, Reading, Work};

/// A kind of request that is answered.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The paths it is for.
    pub(crate) path: Path,
    /// What the caller needs.
    pub(crate) right: Right,
    /// How the answer comes about.
    pub(crate) work: Work,
}

/// The paths a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Path {
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
    OtherMethods(Path, String),
    /// Nowhere.
    Nothing,
}

impl Found<'_> {
    /// How the answer comes about, if there is one.
    pub(crate) fn work(&self) -> Option<Work> {
        match self {
            Self::Route(route, _) => Some(route.work),
            Self::OtherMethods(..) | Self::Nothing => None,
        }
    }

    /// Whether the request changes something.
    pub(crate) fn changes(&self) -> Changes {
        match self {
            Self::Route(route, parameter) => route.work.changes(parameter),
            Self::OtherMethods(..) | Self::Nothing => Changes::Nothing,
        }
    }
}

/// All routes.
pub(crate) fn all() -> &'static [Route] {
    &TABLE
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
    match others.first() {
        Some(first) => Found::OtherMethods(first.path, allowed(&others)),
        None => Found::Nothing,
    }
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
mod tests;
