//! The files that phones read: what stands in them, and the conferences that each role finds among its contacts.

use std::sync::OnceLock;

use serde::Serialize;

use super::language::{Markup, Reader, render};
use crate::access::Role;
use crate::config::Config;
use crate::mac::Mac;
use crate::state::{Conference, Globals, User};

/// Where phones reach this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddress {
    /// Whether by HTTPS.
    pub is_secure: bool,
    /// The host, with a port if it is not the scheme's own; if there is none, the switch's global `hostname` is it.
    pub host: Option<String>,
}

/// The port on which the switch listens for SIP over TLS, if it does not say.
const TLS_PORT: u16 = 5061;

/// Where phones reach this program and the switch: values of all templates of phones.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Addresses {
    scheme: &'static str,
    is_secure: bool,
    host: String,
    sip_host: String,
    tls_port: u16,
}

impl Addresses {
    pub(super) fn new(public: PublicAddress, globals: &Globals) -> Self {
        let global = |name: &str| globals.get(name).cloned().unwrap_or_default();
        let host = public.host.unwrap_or_else(|| global("hostname"));
        Self {
            scheme: if public.is_secure { "https" } else { "http" },
            is_secure: public.is_secure,
            sip_host: without_port(&host).to_owned(),
            host,
            tls_port: global("internal_tls_port").parse().unwrap_or(TLS_PORT),
        }
    }
}

/// The host without the port, where there is one. The address of IPv6 keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if is_whole(before) && port.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => host,
    }
}

/// Whether this can be a host: the colons of an address of IPv6 stand in brackets.
fn is_whole(host: &str) -> bool {
    !host.contains(':') || host.ends_with(']')
}

/// The values of a file of a user's phone.
#[derive(Serialize)]
pub(super) struct PhoneValues<'a> {
    id: &'a str,
    name: &'a str,
    password: &'a str,
    email: &'a str,
    context: &'a str,
    /// Only in the files of a Polycom phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<&'a str>,
    /// Only in the file of a Linphone: the contacts, rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<Markup<'a>>,
    #[serde(flatten)]
    addresses: &'a Addresses,
}

impl<'a> PhoneValues<'a> {
    /// Of the file of a Linphone.
    pub(super) fn of_linphone(user: &'a User, contacts: &'a str, addresses: &'a Addresses) -> Self {
        Self { contacts: Some(Markup(contacts)), ..Self::new(user, addresses) }
    }

    /// Of a file of a Polycom phone.
    pub(super) fn of_polycom(user: &'a User, mac: &'a Mac, addresses: &'a Addresses) -> Self {
        Self { mac: Some(mac.as_str()), ..Self::new(user, addresses) }
    }

    fn new(user: &'a User, addresses: &'a Addresses) -> Self {
        Self {
            id: user.id.as_str(),
            name: &user.name,
            password: user.password.expose(),
            email: &user.email,
            context: &user.context,
            mac: None,
            contacts: None,
            addresses,
        }
    }
}

/// The values of a contact.
#[derive(Serialize)]
pub(super) struct ContactValues<'a> {
    /// Counted from 0.
    index: usize,
    /// Counted from 1.
    place: usize,
    num: String,
    name: &'a str,
    #[serde(rename = "type")]
    profile: &'a str,
    context: &'a str,
    #[serde(flatten)]
    addresses: &'a Addresses,
}

impl<'a> ContactValues<'a> {
    pub(super) fn new(index: usize, conference: &'a Conference, addresses: &'a Addresses) -> Self {
        Self {
            index,
            place: index + 1,
            num: conference.num.to_string(),
            name: &conference.name,
            profile: &conference.profile,
            context: conference.context.as_str(),
            addresses,
        }
    }
}

/// The contacts of the phones of one kind. Those of each role are rendered once.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    admin: OnceLock<Box<str>>,
    member: OnceLock<Box<str>>,
    guest: OnceLock<Box<str>>,
}

impl Contacts {
    /// The contacts that a user of this role has, each on lines of its own.
    pub(super) fn of(&self, role: Role, render: impl FnOnce() -> Box<str>) -> &str {
        let rendered = match role {
            Role::Admin => &self.admin,
            Role::Member => &self.member,
            Role::Guest => &self.guest,
        };
        rendered.get_or_init(render)
    }
}

/// Writes the contacts that a user of this role has, each on lines of its own, in the order of their numbers.
pub(super) fn contacts(
    template: &str,
    role: Role,
    config: &Config,
    conferences: &[Conference],
    addresses: &Addresses,
) -> Box<str> {
    let mut visible: Vec<&Conference> =
        conferences.iter().filter(|conference| may_see(role, conference, config)).collect();
    visible.sort_by_key(|conference| conference.num);
    let lines = visible.into_iter().enumerate().flat_map(|(index, conference)| {
        let contact = render(template, &ContactValues::new(index, conference, addresses), Reader::Phone);
        ["\n".to_owned(), contact.trim_start_matches('\n').trim_end().to_owned()]
    });
    lines.collect()
}

/// Everybody sees the conferences of the contexts of its own role and of those that may do less.
fn may_see(role: Role, conference: &Conference, config: &Config) -> bool {
    config.context(conference.context.as_str()).is_some_and(|context| context.role >= role)
}
