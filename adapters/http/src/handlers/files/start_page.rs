//! The page that is there when the operator has put no other: who is logged in, and what there is to read.

use std::fmt::Write as _;

use fsconnector_engine::access::Right;
use http::StatusCode;

use super::reply::{Body, Reply};
use crate::answer::HeaderLines;
use crate::caller::NamedCaller;

const HTML: &str = include_str!("start_page.html");

/// Nothing may be loaded or run; the one style sheet is known by its SHA-256. Who may frame it is not said here: that is the
/// same for all pages.
const POLICY: &str = "\
    default-src 'none'; style-src 'sha256-dy4ldQ42JNKGcstLwmUPI0uVoBWtgl4yr8FVyCm3TTc='; \
    base-uri 'none'; form-action 'none'";

/// What there is to read.
const LINKS: [(&str, &str, Right); 6] = [
    ("/userinfo", "your own data", Right::ReadOwn),
    ("/pubxml", "names, numbers and public conferences", Right::ReadPublic),
    ("/friendxml", "the same with addresses and more conferences", Right::ReadFriends),
    ("/api/users", "all users", Right::Administer),
    ("/api/conferences", "all conferences", Right::Administer),
    ("/api/info", "the switch and its globals", Right::Administer),
];

/// The page as `caller` sees it.
pub(super) fn reply(caller: &NamedCaller) -> Reply {
    let mut links = String::new();
    for (path, title, _) in LINKS.iter().filter(|(_, _, right)| caller.role.may(*right)) {
        // Writing into a string does not fail.
        let _ = writeln!(links, "<li><a href=\"{path}\"><span>{title}</span><code>{path}</code></a></li>");
    }
    // The name comes last, so that nothing in it is taken for a place to fill.
    let html = HTML
        .replace("{links}", &links)
        .replace("{role}", &caller.role.to_string())
        .replace("{name}", &escaped(&caller.name));
    let mut headers = HeaderLines::default();
    headers.push("Content-Type", "text/html; charset=utf-8");
    headers.push("Content-Security-Policy", POLICY);
    headers.push("Cache-Control", "no-store");
    headers.push("Cross-Origin-Opener-Policy", "same-origin");
    headers.push("Referrer-Policy", "no-referrer");
    Reply { status: StatusCode::OK, headers, body: Body::Bytes(html.into()) }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, character| {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_engine::access::Role;
    use sha2::{Digest as _, Sha256};

    fn html(role: Role, name: &str) -> String {
        let caller = NamedCaller { role, id: "1".into(), name: name.into(), address: [192, 0, 2, 1].into() };
        let Body::Bytes(bytes) = reply(&caller).body else { panic!("a file") };
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_name_is_shown_as_text() {
        let html = html(Role::Guest, "<script>alert('x')</script> {links}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; {links}</strong>"), "{html}");
    }

    #[test]
    fn everybody_sees_the_links_that_work() {
        assert_eq!(html(Role::Admin, "a").matches("<li>").count(), 6);
        assert_eq!(html(Role::Member, "a").matches("<li>").count(), 3);
        assert_eq!(html(Role::Guest, "a").matches("<li>").count(), 2);
    }

    #[test]
    fn the_policy_knows_the_style_sheet() {
        let (_, rest) = HTML.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = base64(&Sha256::digest(style));
        assert!(POLICY.contains(&format!("'sha256-{hash}'")), "the policy needs sha256-{hash}");
    }

    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |chunk: &[u8]| {
            let bits = (0..3).fold(0usize, |bits, at| bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
            let digit = |at: usize| char::from(ALPHABET[bits >> (18 - 6 * at) & 63]);
            (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }
}
