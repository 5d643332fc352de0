//! Which other web sites may read answers (CORS, in the Fetch standard), and which may change something.

use std::fmt;

use http::{Method, StatusCode};

use super::client::{Client, Scheme};
use super::head::Head;
use crate::answer::HeaderLines;

/// An origin as browsers send it: `https://example.org`, with a port if it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads an origin: `http` or `https`, a host in lower case, perhaps a port, and nothing more.
    pub fn parse(text: &str) -> Option<Self> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_part)).then(|| Self(text.into()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The configured origins.
#[derive(Debug)]
pub(super) struct Cors(pub(super) Vec<Origin>);

impl Cors {
    /// What the answer to a request has to say about who may read it.
    pub(super) fn headers(&self, head: &Head<'_>) -> HeaderLines {
        let mut headers = HeaderLines::default();
        if self.0.is_empty() {
            return headers;
        }
        headers.push("Vary", "Origin");
        if let Some(origin) = self.allowed(head) {
            headers.push("Access-Control-Allow-Origin", origin);
            headers.push("Access-Control-Allow-Credentials", "true");
        }
        headers
    }

    /// What a preflight is answered with; nothing if the request is none, or of an origin that is not configured.
    pub(super) fn preflight(&self, head: &Head<'_>) -> Option<(StatusCode, HeaderLines)> {
        let asks = |name: &str| head.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        if head.method != Method::OPTIONS || !asks("access-control-request-method") {
            return None;
        }
        self.allowed(head)?;
        let mut headers = HeaderLines::default();
        headers.push("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT");
        headers.push("Access-Control-Allow-Headers", "Authorization, Content-Type, Range");
        headers.push("Access-Control-Max-Age", "600");
        Some((StatusCode::NO_CONTENT, headers))
    }

    /// Whether a page of another web site, one that is not configured, makes its visitor's browser send this request. The
    /// browser adds the visitor's credentials by itself.
    ///
    /// On https and on loopback addresses browsers say so themselves, in `Sec-Fetch-Site`. When that is `same-origin`, it is
    /// so: the browser knows which URL it asks, and a proxy may have told us another host or port. No page can say that in
    /// its place, since no script can set headers that begin with `Sec-`; a browser too old to know that rule asks before it
    /// sends such a header to another site, and is not allowed to.
    ///
    /// Where the browser does not say it, `Origin` has to name the scheme, as far as that is known, and the host that are
    /// asked. Which host that is does not matter: a page whose name was made to mean this address has no credentials, since
    /// browsers keep them by the name. Where both are missing, as in what older browsers send for a form, `Referer` must not
    /// name another.
    pub(super) fn is_foreign(&self, head: &Head<'_>, client: Client<'_>) -> bool {
        if self.allowed(head).is_some() {
            return false;
        }
        let is_of_other = |page: &[u8]| !is_origin_of(page, client);
        let sites: Vec<&[u8]> = head.values("sec-fetch-site").collect();
        match (&*sites, head.origin) {
            ([b"same-origin"], _) | ([b"none"], None) => false,
            ([] | [b"none"], Some(origin)) => is_of_other(origin),
            ([], None) => {
                let mut pages = head.values("referer").filter_map(origin_of_page);
                pages.any(|page| self.find(page).is_none() && is_of_other(page))
            }
            _ => true,
        }
    }

    fn allowed(&self, head: &Head<'_>) -> Option<&Origin> {
        self.find(head.origin?)
    }

    fn find(&self, origin: &[u8]) -> Option<&Origin> {
        self.0.iter().find(|allowed| allowed.0.as_bytes() == origin)
    }
}

/// The origin of a page with this address; nothing if it is of no web site.
fn origin_of_page(address: &[u8]) -> Option<&[u8]> {
    let scheme = [&b"https://"[..], b"http://"].into_iter().find(|scheme| address.starts_with(scheme))?;
    let host = address.get(scheme.len()..)?.split(|byte| b"/?#".contains(byte)).next()?;
    address.get(..scheme.len() + host.len())
}

/// Whether a page of this origin came from where this client sends its request.
fn is_origin_of(origin: &[u8], client: Client<'_>) -> bool {
    // Browsers leave the scheme's own port out.
    let schemes: [(Scheme, &[u8], &[u8]); 2] =
        [(Scheme::Https, b"https://", b":443"), (Scheme::Http, b"http://", b":80")];
    schemes.iter().any(|(scheme, prefix, port)| {
        let without_port = |host: &'_ [u8]| host.strip_suffix(*port).unwrap_or(host).to_ascii_lowercase();
        match (origin.strip_prefix(*prefix), client.host) {
            (Some(of_page), Some(asked)) if client.scheme.is_none_or(|known| known == *scheme) => {
                without_port(of_page) == without_port(asked)
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::head::MOST_HEADERS;
    use super::*;

    fn is_foreign(headers: &str) -> bool {
        is_foreign_to(None, headers)
    }

    fn is_foreign_to(scheme: Option<Scheme>, headers: &str) -> bool {
        let cors = Cors(vec![Origin::parse("https://allowed.example").unwrap()]);
        let text = format!("POST / HTTP/1.1\nHost: a.example\n{headers}\n\n").replace('\n', "\r\n");
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let head = Head::parse(text.as_bytes(), &mut space).unwrap();
        let client = Client { address: [192, 0, 2, 1].into(), scheme, host: head.host };
        cors.is_foreign(&head, client)
    }

    #[test]
    fn a_page_of_the_other_scheme_is_foreign_where_ours_is_known() {
        for (scheme, own, other) in [
            (Scheme::Https, "https://a.example", "http://a.example"),
            (Scheme::Http, "http://a.example", "https://a.example"),
        ] {
            assert!(!is_foreign_to(Some(scheme), &format!("Origin: {own}")));
            assert!(is_foreign_to(Some(scheme), &format!("Origin: {other}")));
            assert!(!is_foreign_to(None, &format!("Origin: {other}")));
        }
    }

    #[test]
    fn who_is_no_browser_or_our_own_page_is_not_foreign() {
        for headers in [
            "A: b",
            "Sec-Fetch-Site: none",
            "Sec-Fetch-Site: same-origin\nOrigin: https://a.example",
            // A proxy has changed the host, or dropped its port.
            "Sec-Fetch-Site: same-origin\nOrigin: https://a.example:8443",
            "Sec-Fetch-Site: same-origin\nOrigin: https://b.example",
            "Sec-Fetch-Site: same-origin\nOrigin: null",
            "Origin: https://A.example",
            "Origin: http://a.example:80",
            "Sec-Fetch-Site: cross-site\nOrigin: https://allowed.example",
            "Referer: http://a.example",
            "Referer: https://a.example/page?x=https://b.example/",
            "Referer: https://a.example:443?x",
            "Referer: https://allowed.example/page",
            "Referer: /page",
            "Referer: https://b.example/\nOrigin: https://a.example",
            "Referer: https://b.example/\nSec-Fetch-Site: same-origin",
        ] {
            assert!(!is_foreign(headers), "{headers}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_foreign() {
        for headers in [
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
            "Sec-Fetch-Site: none\nSec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: same-origin",
            "Sec-Fetch-Site: same-origin, cross-site",
            "Sec-Fetch-Site: Same-Origin",
            "Sec-Fetch-Site:",
            "Sec-Fetch-Site: cross-site\nOrigin: http://a.example",
            "Sec-Fetch-Site: none\nOrigin: https://b.example",
            "Origin: https://b.example",
            "Origin: https://a.example:8443",
            "Origin: https://a.example:80",
            "Origin: https://a.example.evil.example",
            "Origin: https://allowed.example:8443",
            "Origin: https://a.example.",
            "Origin: https://user@a.example",
            "Origin: https://a.example/",
            "Origin: HTTPS://a.example",
            "Origin: file://",
            "Origin: null",
            "Origin: ",
            "Referer: http://b.example",
            "Referer: http://b.example/http://a.example/",
            "Referer: http://a.example:81/",
            "Referer: http://a.example@b.example/",
            "Referer: http://a.example.b.example/",
            "Referer: http://b.example?http://a.example/",
            "Referer: http://a.example/\nReferer: http://b.example/",
        ] {
            assert!(is_foreign(headers), "{headers}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_only() {
        for good in ["https://a.example", "http://localhost:8080", "https://[::1]:3000"] {
            assert_eq!(Origin::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "*", "null", "https://", "https://a/", "https://A.example", "ftp://a", "https://a\r\nb"] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }
}
