//! What a client knows of a file already, and what follows from that (RFC 9110 §13).

use std::borrow::Cow;
use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// The entity tag, a strong one, with its quotes.
    pub(super) tag: String,
    /// When the file was changed, in whole seconds, as HTTP has them.
    pub(super) modified: SystemTime,
}

/// The headers by which a client makes its request depend on the version there is.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions<'a> {
    /// `If-Match`
    pub(super) matches: Option<Cow<'a, str>>,
    /// `If-Unmodified-Since`
    pub(super) unmodified_since: Option<Cow<'a, str>>,
    /// `If-None-Match`
    pub(super) matches_none: Option<Cow<'a, str>>,
    /// `If-Modified-Since`
    pub(super) modified_since: Option<Cow<'a, str>>,
    /// `If-Range`
    pub(super) part_of: Option<Cow<'a, str>>,
}

/// What follows from the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client gets the file.
    Send,
    /// The client has this version.
    NotModified,
    /// The client wants another version than there is.
    Failed,
}

impl Version {
    /// The version of the file with this metadata.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Self {
            tag: format!("\"{:x}-{:x}\"", since.as_nanos(), metadata.len()),
            modified: UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        }
    }

    /// What follows from the conditions of a request that only reads, in the order of RFC 9110 §13.2.2.
    pub(super) fn judge(&self, conditions: &Conditions<'_>) -> Verdict {
        let is_wanted = match (conditions.matches.as_deref(), conditions.unmodified_since.as_deref().and_then(date)) {
            (Some(tags), _) => self.is_in(tags, Comparison::Strong),
            (None, Some(date)) => self.modified <= date,
            (None, None) => true,
        };
        let is_known = match (conditions.matches_none.as_deref(), conditions.modified_since.as_deref().and_then(date)) {
            (Some(tags), _) => self.is_in(tags, Comparison::Weak),
            (None, Some(date)) => self.modified <= date,
            (None, None) => false,
        };
        match (is_wanted, is_known) {
            (false, _) => Verdict::Failed,
            (true, true) => Verdict::NotModified,
            (true, false) => Verdict::Send,
        }
    }

    /// Whether a client that asks for a part has its other parts of this version.
    ///
    /// A date has to be exactly the one that was given out. Whether it can stand for one version only, the client has seen
    /// to (RFC 9110 §13.1.5).
    pub(super) fn may_send_part(&self, conditions: &Conditions<'_>) -> bool {
        conditions
            .part_of
            .as_deref()
            .is_none_or(|validator| validator.trim() == self.tag || date(validator) == Some(self.modified))
    }

    fn is_in(&self, tags: &str, comparison: Comparison) -> bool {
        let bare = |tag: &'_ str| match comparison {
            Comparison::Strong => tag == self.tag,
            Comparison::Weak => tag.strip_prefix("W/").unwrap_or(tag) == self.tag,
        };
        tags.trim() == "*" || tags.split(',').any(|tag| bare(tag.trim()))
    }
}

/// How tags are compared (RFC 9110 §8.8.3.2). Ours are strong; those that come may be weak.
#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// A date; one that cannot be read counts as not sent.
fn date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: u64 = 1_000_000_000;

    fn version() -> Version {
        Version { tag: "\"a-1\"".into(), modified: UNIX_EPOCH + Duration::from_secs(MODIFIED) }
    }

    fn at(offset: i64) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(MODIFIED.saturating_add_signed(offset)))
    }

    #[test]
    fn a_client_that_has_the_version_is_told_so_and_a_tag_counts_before_a_date() {
        for (tags, date, known) in [
            (None, None, false),
            (Some("\"a-1\""), None, true),
            (Some("\"x\", W/\"a-1\""), None, true),
            (Some("*"), None, true),
            (Some("\"x\""), Some(at(0)), false),
            (Some("\"a-1\""), Some(at(-1)), true),
            (Some("a-1"), None, false),
            (Some("W/W/\"a-1\""), None, false),
            (Some(""), Some(at(0)), false),
            (None, Some(at(-1)), false),
            (None, Some(at(0)), true),
            (None, Some(at(1)), true),
            (None, Some("yesterday".into()), false),
        ] {
            let conditions = Conditions {
                matches_none: tags.map(Cow::from),
                modified_since: date.map(Cow::from),
                ..Conditions::default()
            };
            let expected = if known { Verdict::NotModified } else { Verdict::Send };
            assert_eq!(version().judge(&conditions), expected, "{conditions:?}");
        }
    }

    #[test]
    fn a_client_that_wants_another_version_gets_none_and_a_tag_counts_before_a_date() {
        for (tags, date, wanted) in [
            (Some("\"a-1\""), None, true),
            (Some("\"x\",\"a-1\""), None, true),
            (Some("*"), None, true),
            (Some("W/\"a-1\""), None, false),
            (Some("\"x\""), Some(at(0)), false),
            (Some("\"a-1\""), Some(at(-1)), true),
            (None, Some(at(-1)), false),
            (None, Some(at(0)), true),
            (None, Some(at(1)), true),
            (None, Some("yesterday".into()), true),
        ] {
            let conditions = Conditions {
                matches: tags.map(Cow::from),
                unmodified_since: date.map(Cow::from),
                ..Conditions::default()
            };
            let expected = if wanted { Verdict::Send } else { Verdict::Failed };
            assert_eq!(version().judge(&conditions), expected, "{conditions:?}");
        }
    }

    #[test]
    fn what_the_client_wants_counts_before_what_it_has() {
        let known = || Some(Cow::from("\"a-1\""));
        let wanted = |tag: &'static str| Conditions {
            matches: Some(tag.into()),
            matches_none: known(),
            ..Conditions::default()
        };
        assert_eq!(version().judge(&wanted("\"x\"")), Verdict::Failed);
        assert_eq!(version().judge(&wanted("\"a-1\"")), Verdict::NotModified);
    }

    #[test]
    fn a_part_is_sent_only_of_the_version_of_which_the_client_has_the_rest() {
        for (validator, may) in [
            (None, true),
            (Some("\"a-1\"".to_owned()), true),
            (Some(at(0)), true),
            (Some(at(1)), false),
            (Some(at(-1)), false),
            (Some("\"x\"".into()), false),
            (Some("W/\"a-1\"".into()), false),
            (Some("\"x\", \"a-1\"".into()), false),
            (Some("*".into()), false),
            (Some(String::new()), false),
        ] {
            let conditions = Conditions { part_of: validator.map(Cow::from), ..Conditions::default() };
            assert_eq!(version().may_send_part(&conditions), may, "{conditions:?}");
        }
    }
}
