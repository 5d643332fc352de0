//! What a request is about, as far as it is counted.

use std::fmt::{self, Write as _};

use http::Method;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use crate::description;
use crate::routes::{Found, Path};

/// What is counted of a request before its answer is known. Clients can choose from what there is, and add nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    /// The method, if it is one of HTTP's own.
    pub(super) method: &'static str,
    pub(super) topic: Topic,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// To a path of the table, or a probe.
    At(Path),
    /// Nowhere: a browser asks whether a page of another web site may ask.
    Preflight,
    /// Nowhere: there is no such path.
    Unknown,
    /// Nowhere: it is no request.
    Malformed,
}

impl Subject {
    /// Of what is no request.
    pub(crate) const NONE: Self = Self { method: OTHER, topic: Topic::Malformed };

    /// Of a request.
    pub(crate) fn new(method: &Method, topic: Topic) -> Self {
        Self { method: known(method), topic }
    }
}

impl From<&Found<'_>> for Topic {
    fn from(found: &Found<'_>) -> Self {
        match found {
            Found::Route(route, _) => Self::At(route.path),
            Found::OtherMethods(path, _) => Self::At(*path),
            Found::Nothing => Self::Unknown,
        }
    }
}

/// All methods that a client makes up.
const OTHER: &str = "other";

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

impl fmt::Display for Topic {
    /// A path is written as in the description of the API. All else does not begin with a slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(path) => f.write_str(&description::written(*path)),
            Self::Preflight => f.write_str("preflight"),
            Self::Unknown => f.write_str("unknown"),
            Self::Malformed => f.write_str("malformed"),
        }
    }
}

impl EncodeLabelValue for Topic {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        write!(encoder, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::routes;

    #[test]
    fn every_path_of_the_table_has_a_label_of_its_own_that_needs_no_escaping() {
        let mut labels = BTreeMap::new();
        for route in routes::all() {
            let topic = Topic::At(route.path);
            let before = labels.insert(topic.to_string(), route.path);
            assert!(before.is_none_or(|path| path == route.path), "{topic}");
        }
        let paths: BTreeSet<String> = routes::all().iter().map(|route| format!("{:?}", route.path)).collect();
        assert_eq!(labels.len(), paths.len());
        assert!(labels.keys().all(|label| label.starts_with('/') && !label.contains(['"', '\\', '\n'])), "{labels:?}");
    }

    #[test]
    fn a_label_is_what_the_description_writes() {
        for (path, label) in [
            (Path::Is("/api/users"), "/api/users"),
            (Path::Below("/api/users/byid/"), "/api/users/byid/{text}"),
            (Path::Names("/polycom/SoundPointIPLocalization/", 2), "/polycom/SoundPointIPLocalization/{folder}/{file}"),
            (Path::Else, "/{path}"),
            (Path::Is("/livez"), "/livez"),
        ] {
            assert_eq!(Topic::At(path).to_string(), label);
        }
    }

    #[test]
    fn what_a_client_makes_up_adds_no_label() {
        let method = Method::from_bytes(b"BREW").unwrap();
        for path in ["/api/brew", "/fr/a/b/c"] {
            let found = routes::find(&method, path);
            let subject = Subject::new(&method, Topic::from(&found));
            assert_eq!(subject, Subject { method: "other", topic: Topic::Unknown });
        }
        let found = routes::find(&method, "/api/users");
        assert_eq!(Topic::from(&found), Topic::At(Path::Is("/api/users")));
    }
}
