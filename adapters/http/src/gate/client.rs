//! Who a request comes from, and what it calls this program: where a proxy stands between, the proxy tells.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use super::head::Head;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// Whether it speaks TLS with us.
    pub(super) is_secure: bool,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    /// Where it is.
    pub(super) address: IpAddr,
    /// The scheme of the URL it used; nothing if nobody can tell: plain HTTP may come from a proxy that speaks TLS.
    pub(super) scheme: Option<Scheme>,
    /// The host and port of that URL; HTTP/1.0 may not say.
    pub(super) host: Option<&'a [u8]>,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The proxies that are believed when they say for whom they speak. Nobody else is.
#[derive(Debug)]
pub(super) struct Proxies {
    listed: Vec<IpAddr>,
    has_warned: AtomicBool,
}

impl Proxies {
    pub(super) fn new(listed: &[IpAddr]) -> Self {
        Self { listed: listed.iter().map(IpAddr::to_canonical).collect(), has_warned: AtomicBool::new(false) }
    }

    /// Whether this is the address of one of them.
    fn contain(&self, address: IpAddr) -> bool {
        self.listed.contains(&address.to_canonical())
    }

    /// Who sends the request with this head over a connection to `peer`.
    pub(super) fn client<'a>(&self, peer: Peer, head: &Head<'a>) -> Client<'a> {
        if !self.contain(peer.address) {
            self.warn_of_unlisted(peer.address, head);
            let scheme = peer.is_secure.then_some(Scheme::Https);
            return Client { address: peer.address, scheme, host: head.host };
        }
        Client {
            address: self.forwarded_for(head).unwrap_or(peer.address),
            scheme: only(head, "x-forwarded-proto").and_then(Scheme::parse),
            host: only(head, "x-forwarded-host").or(head.host),
        }
    }

    /// The last address that is none of the proxies': each appends whom it has got the request from, and what stands before
    /// that may be invented. Nothing if there is none, or something that is no address comes first.
    fn forwarded_for(&self, head: &Head<'_>) -> Option<IpAddr> {
        let lists: Vec<&[u8]> = head.values("x-forwarded-for").collect();
        let addresses = lists.iter().rev().flat_map(|list| list.rsplit(|byte| *byte == b','));
        addresses.map(parse_address).find(|address| address.is_none_or(|known| !self.contain(known))).flatten()
    }

    /// Somebody on this machine speaks for others and is not listed: then all of those count as one.
    fn warn_of_unlisted(&self, address: IpAddr, head: &Head<'_>) {
        if address.is_loopback()
            && head.values("x-forwarded-for").next().is_some()
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            log::warn!(
                "requests come through a proxy at {address} that is not believed: all its clients count as one, and a wrong \
                 password of one can lock the others out; set proxies = [\"{address}\"] under [http]"
            );
        }
    }
}

impl Scheme {
    fn parse(name: &[u8]) -> Option<Self> {
        [("http", Self::Http), ("https", Self::Https)]
            .into_iter()
            .find_map(|(known, scheme)| name.eq_ignore_ascii_case(known.as_bytes()).then_some(scheme))
    }
}

/// The value of a header that is there once, with one value.
fn only<'a>(head: &Head<'a>, name: &str) -> Option<&'a [u8]> {
    let mut values = head.values(name);
    values.next().filter(|value| !value.is_empty() && !value.contains(&b',') && values.next().is_none())
}

/// An address, as proxies write it: perhaps in brackets, perhaps with a port.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bracketed.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip())).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::super::head::MOST_HEADERS;
    use super::*;

    /// What `of` says of the client of this request, which comes from `peer`; 192.0.2.1, 192.0.2.2 and ::1 are proxies.
    fn check<T>(peer: &str, headers: &str, of: impl FnOnce(Client<'_>) -> T) -> T {
        let text = format!("GET / HTTP/1.1\nHost: a.example\n{headers}\n").replace('\n', "\r\n");
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let proxies = ["192.0.2.1", "::ffff:192.0.2.2", "::1"].map(|proxy| proxy.parse().unwrap());
        let peer = Peer { address: peer.parse().unwrap(), is_secure: false };
        of(Proxies::new(&proxies).client(peer, &Head::parse(text.as_bytes(), &mut space).unwrap()))
    }

    fn address(peer: &str, headers: &str) -> String {
        check(peer, headers, |client| client.address.to_string())
    }

    #[test]
    fn a_proxy_says_whom_it_speaks_for() {
        for (headers, expected) in [
            ("X-Forwarded-For: 203.0.113.7\n", "203.0.113.7"),
            ("X-Forwarded-For: 2001:db8::7\n", "2001:db8::7"),
            ("X-Forwarded-For: [2001:db8::7]\n", "2001:db8::7"),
            ("X-Forwarded-For: [2001:db8::7]:4711\n", "2001:db8::7"),
            ("x-forwarded-for:203.0.113.7:4711\n", "203.0.113.7"),
            ("X-Forwarded-For: ::ffff:203.0.113.7\n", "203.0.113.7"),
        ] {
            assert_eq!(address("192.0.2.1", headers), expected, "{headers}");
            assert_eq!(address("::1", headers), expected, "{headers}");
        }
    }

    #[test]
    fn what_a_client_says_itself_stands_further_left_and_does_not_count() {
        for headers in [
            "X-Forwarded-For: 198.51.100.1, 203.0.113.7\n",
            "X-Forwarded-For: 198.51.100.1\nX-Forwarded-For: 203.0.113.7\n",
            "X-Forwarded-For: nonsense,203.0.113.7\n",
            "X-Forwarded-For: 198.51.100.1 ,\t203.0.113.7 , 192.0.2.2\n",
            "X-Forwarded-For: 198.51.100.1, 203.0.113.7\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\n",
        ] {
            assert_eq!(address("192.0.2.1", headers), "203.0.113.7", "{headers}");
        }
    }

    #[test]
    fn without_a_good_value_it_is_the_proxy_itself() {
        for headers in [
            "",
            "X-Forwarded-For:\n",
            "X-Forwarded-For: unknown\n",
            "X-Forwarded-For: 203.0.113.7,\n",
            "X-Forwarded-For: 203.0.113.7, _hidden\n",
            "X-Forwarded-For: 203.0.113.7\nX-Forwarded-For: 1.2.3\n",
            "X-Forwarded-For: 192.0.2.1, ::1\n",
            "X-Forwarded-For: [203.0.113.7\n",
            "Forwarded: for=203.0.113.7\n",
        ] {
            assert_eq!(address("192.0.2.1", headers), "192.0.2.1", "{headers}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        let headers = "X-Forwarded-For: 203.0.113.7\nX-Forwarded-Proto: https\nX-Forwarded-Host: b.example\n";
        for peer in ["203.0.113.9", "127.0.0.1", "::2"] {
            assert_eq!(address(peer, headers), peer);
            check(peer, headers, |client| assert_eq!((client.scheme, client.host), (None, Some(&b"a.example"[..]))));
        }
    }

    #[test]
    fn a_proxy_says_what_it_was_called() {
        let called = |headers: &str| {
            check("192.0.2.1", headers, |client| {
                (client.scheme, String::from_utf8(client.host.unwrap().to_vec()).unwrap())
            })
        };
        assert_eq!(called(""), (None, "a.example".into()));
        let headers = "X-Forwarded-Proto: HTTPS\nX-Forwarded-Host: b.example:8443\n";
        assert_eq!(called(headers), (Some(Scheme::Https), "b.example:8443".into()));
        assert_eq!(called("X-Forwarded-Proto: http\n").0, Some(Scheme::Http));
        for unclear in ["https, http", "wss", ""] {
            assert_eq!(called(&format!("X-Forwarded-Proto: {unclear}\n")).0, None, "{unclear}");
        }
        for unclear in ["X-Forwarded-Host: b\nX-Forwarded-Host: c\n", "X-Forwarded-Host: b, c\n", "X-Forwarded-Host:\n"]
        {
            assert_eq!(called(unclear).1, "a.example", "{unclear}");
        }
    }
}
