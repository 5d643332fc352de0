//! The target of a request: the forms it may have, its path, and what stands percent-encoded in it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The path a request is about: from the first slash on, without the query.
///
/// Clients of an origin server send `/path?query` (origin-form); `http://host/path?query` (absolute-form) has to be
/// understood as well (RFC 9112 §3.2). Nothing for any other form.
pub(crate) fn path(target: &str) -> Option<&str> {
    let local = if target.starts_with('/') { target } else { without_authority(target)? };
    Some(local.split_once('?').map_or(local, |(path, _query)| path))
}

/// The query of a target, without its question mark; empty if there is none.
pub(crate) fn query(target: &str) -> &str {
    target.split_once('?').map_or("", |(_path, query)| query)
}

/// The host and port of an absolute-form target, which counts instead of the `Host` header.
pub(crate) fn authority(target: &str) -> Option<&str> {
    let rest = after_scheme(target)?;
    Some(rest.split(['/', '?']).next().unwrap_or(rest))
}

fn without_authority(target: &str) -> Option<&str> {
    let rest = after_scheme(target)?;
    match rest.find(['/', '?']) {
        Some(0) => None,
        Some(end) if rest.get(end..)?.starts_with('/') => rest.get(end..),
        // `http://host` and `http://host?query` ask for the root.
        _ => Some("/"),
    }
}

fn after_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Percent-decodes to UTF-8; nothing if a `%` stands without two hexadecimal digits after it, or the bytes are no UTF-8.
pub(crate) fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    let complete = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !encoded.split('%').skip(1).all(complete) {
        return None;
    }
    percent_decode_str(encoded).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_ends_where_the_query_begins() {
        for (target, expected) in
            [("/", "/"), ("/a/b?c/d?e", "/a/b"), ("http://x:1/a?b", "/a"), ("HTTPS://x", "/"), ("http://x?q/", "/")]
        {
            assert_eq!(path(target), Some(expected), "{target}");
        }
        for other in ["*", "x:443", "", "ftp://x/", "http:///a", "a/b", "http://?x"] {
            assert_eq!(path(other), None, "{other}");
        }
        assert_eq!(["/a", "/a?", "/a?b?c", "http://x?y/z"].map(query), ["", "", "b?c", "y/z"]);
        assert_eq!(authority("http://x:1/a"), Some("x:1"));
        assert_eq!(authority("/http://x/"), None);
    }

    #[test]
    fn only_whole_and_valid_encodings_are_decoded() {
        assert_eq!(decode("J%C3%BCrgen%20+%2f").unwrap(), "Jürgen +/");
        assert_eq!(decode("日本").unwrap(), "日本");
        for bad in ["%", "%4", "%zz", "a%", "%FF", "%C3", "%%41"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
