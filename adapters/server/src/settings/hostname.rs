//! The name under which phones reach this program.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name of a host, and the longest part between two of its dots (RFC 1035).
const LONGEST: (usize, usize) = (253, 63);

/// A host, with a port if it is not the usual one: `conf.example.org`, `conf.example.org:3000`, `192.0.2.1`, `[2001:db8::1]:3000`.
/// It stands in URLs, where it can change nothing of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hostname(String);

impl Hostname {
    /// Reads a host with or without a port; nothing if it is anything else, or more than that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (None, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Some(host), Some(port)),
                None => (Some(text), None),
            },
        };
        let fits = host.is_none_or(is_host) && port.is_none_or(is_port);
        fits.then(|| Self(text.to_owned()))
    }

    /// As it stands in URLs.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hostname {
    /// Without the port, and an address of IPv6 without its brackets: as it stands in certificates.
    pub(crate) fn host(&self) -> &str {
        match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.0.split(':').next().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it is a name or an IPv4 address. What has only digits at its end is taken for an address by whoever reads a URL.
fn is_host(host: &str) -> bool {
    let (whole, part) = LONGEST;
    let is_part = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=part).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let ends_in_digits = host.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= whole && host.split('.').all(is_part) && (!ends_in_digits || host.parse::<Ipv4Addr>().is_ok())
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_a_name_or_an_address_with_or_without_a_port() {
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
        for good in [
            "conf.example.org",
            "conf.example.org:3000",
            "localhost",
            "xn--bro-hoa.example:65535",
            "192.0.2.1:80",
            "[2001:db8::1]",
            "[::1]:3000",
            &longest,
        ] {
            assert_eq!(Hostname::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn the_host_alone_has_neither_port_nor_brackets() {
        for (text, host) in [
            ("conf.example.org", "conf.example.org"),
            ("conf.example.org:3000", "conf.example.org"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::1]:3000", "::1"),
        ] {
            assert_eq!(Hostname::parse(text).unwrap().host(), host);
        }
    }

    #[test]
    fn whatever_is_more_or_less_than_a_host_and_a_port_is_none() {
        let too_long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(62));
        for bad in [
            "",
            "https://conf.example.org",
            "conf.example.org/",
            "conf.example.org/x",
            "anna@conf.example.org",
            "conf.example.org?x",
            "conf.example.org#x",
            "conf example",
            " conf.example.org",
            "conf.example.org\n",
            "büro.example",
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "a-.b",
            "a_b",
            ":3000",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "::1",
            "[::1",
            "[::1]3000",
            "[::1]:",
            "[a]",
            "1.2.3",
            "1.2.3.256",
            &format!("{}.b", "a".repeat(64)),
            &too_long,
        ] {
            assert_eq!(Hostname::parse(bad), None, "{bad:?}");
        }
    }
}
