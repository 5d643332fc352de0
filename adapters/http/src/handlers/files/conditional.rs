//! Whether a client has the current version of a file already (RFC 9110 §13).

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// The entity tag, with its quotes.
    pub(super) tag: String,
    /// When the file was changed, in whole seconds, as HTTP has them.
    pub(super) modified: SystemTime,
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

    /// Whether a client that sent these headers has this version. `If-None-Match` counts alone if it is there.
    pub(super) fn is_known(&self, if_none_match: Option<&str>, if_modified_since: Option<&str>) -> bool {
        match (if_none_match, if_modified_since) {
            (Some("*"), _) => true,
            (Some(tags), _) => tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.tag),
            (None, Some(date)) => httpdate::parse_http_date(date).is_ok_and(|date| self.modified <= date),
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_before_a_date() {
        let version = Version { tag: "\"a-1\"".into(), modified: UNIX_EPOCH + Duration::from_secs(100) };
        let at = |seconds| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        for (tags, date, known) in [
            (None, None, false),
            (Some("\"a-1\""), None, true),
            (Some("\"x\", W/\"a-1\""), None, true),
            (Some("*"), None, true),
            (Some("\"x\""), Some(at(100)), false),
            (Some("a-1"), None, false),
            (None, Some(at(99)), false),
            (None, Some(at(100)), true),
            (None, Some("yesterday".into()), false),
        ] {
            assert_eq!(version.is_known(tags, date.as_deref()), known, "{tags:?} {date:?}");
        }
    }
}
