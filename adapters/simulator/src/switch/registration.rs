//! Registrations of phones: `REGISTER`, what events tell of it, and the listing behind `show registrations`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::conference::Json;
use super::directory;
use super::event::{Event, Site};
use super::moment::Moment;

/// How much longer than asked for the switch keeps a registration, in seconds.
const GRACE: u64 = 60;
const PROFILE: &str = "internal";
const REGISTER_TOKEN: &str = "sofia_reg_handle_register_token";

/// What a listing tells of a registration.
type Row = [(&'static str, String); 10];

/// A phone that registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// The user who is logged in.
    pub user: String,
    /// The phone's address.
    pub ip: String,
    /// The port it is reached at.
    pub port: u16,
    /// What it calls its registration; another one after it has been restarted.
    pub call_id: String,
    /// Seconds until it has to register again.
    pub expires: u32,
    /// What it says it is.
    pub agent: String,
    /// Whether it knows the user's password.
    pub knows_password: bool,
}

impl Phone {
    /// A phone on this computer that registers for an hour.
    pub fn new(user: &str, port: u16) -> Self {
        Phone {
            user: user.to_owned(),
            ip: "127.0.0.1".to_owned(),
            port,
            call_id: format!("{user}-{port}@127.0.0.1"),
            expires: 3600,
            agent: "simulated phone".to_owned(),
            knows_password: true,
        }
    }

    /// The phone after a restart: the same address, another Call-ID.
    #[must_use]
    pub fn rebooted(&self) -> Self {
        Phone { call_id: format!("reboot-{}", self.call_id), ..self.clone() }
    }

    fn contact(&self) -> String {
        format!("\"\" <sip:{}@{}:{}>", self.user, self.ip, self.port)
    }

    fn address(&self) -> (String, String, u16) {
        (self.user.clone(), self.ip.clone(), self.port)
    }
}

/// A registration as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The phone, as it registered last.
    pub phone: Phone,
    /// The domain.
    pub realm: String,
    /// When the switch forgets it, in seconds since 1970.
    pub expires_at: u64,
}

/// All registrations, in the order in which they came.
#[derive(Default)]
pub(super) struct Registrations {
    all: Vec<Registration>,
    /// Addresses of phones that have registered before: they are said to update.
    known: BTreeSet<(String, String, u16)>,
}

impl Registrations {
    pub(super) fn all(&self) -> &[Registration] {
        &self.all
    }

    /// When the next one expires, in microseconds since 1970.
    pub(super) fn deadline(&self) -> Option<u64> {
        let next = self.all.iter().map(|registration| registration.expires_at).min()?;
        Some(next.saturating_mul(1_000_000))
    }

    /// A phone registers, for the first time or again. Refused when the user does not exist or the password is wrong.
    pub(super) fn register(&mut self, moment: &mut Moment<'_>, phone: &Phone) {
        if !attempt(moment, phone, phone.expires) {
            return;
        }
        let realm = moment.domain();
        let is_update = !self.known.insert(phone.address());
        let expires_at = moment.seconds() + u64::from(phone.expires) + GRACE;
        let registration = Registration { phone: phone.clone(), realm: realm.clone(), expires_at };
        let several = moment.origin.identity.several_registrations;
        let is_same = |known: &Registration| known.phone.user == phone.user && known.phone.call_id == phone.call_id;
        let is_replaced = |known: &Registration| {
            known.phone.user == phone.user && (!several || known.phone.address() == phone.address())
        };
        if let Some(known) = self.all.iter_mut().find(|known| is_same(known)) {
            *known = registration;
        } else {
            self.all.retain(|known| !is_replaced(known));
            self.all.push(registration);
        }
        let event = token(moment, "sofia::register", 2059).with("profile-name", PROFILE);
        let event = request(event, phone, &realm, Some("n/a"), phone.expires).with("username", &phone.user);
        let mut event = event.with("realm", &realm).with("user-agent", &phone.agent);
        if is_update {
            event = event.with("update-reg", "true");
        }
        let event = user_headers(event, moment, &phone.user, &realm);
        moment.events.push(event);
    }

    /// A phone says that it is gone. Said twice, it is told twice.
    pub(super) fn unregister(&mut self, moment: &mut Moment<'_>, phone: &Phone) {
        if !attempt(moment, phone, 0) {
            return;
        }
        let realm = moment.domain();
        self.known.remove(&phone.address());
        self.all.retain(|known| known.phone.user != phone.user || known.phone.call_id != phone.call_id);
        let event = token(moment, "sofia::unregister", 2213)
            .with("profile-name", PROFILE)
            .with("username", &phone.user)
            .with("from-user", &phone.user)
            .with("from-host", &realm)
            .with("contact", &phone.contact())
            .with("call-id", &phone.call_id)
            .with("rpid", "unknown")
            .with("realm", &realm)
            .with("network-ip", &phone.ip)
            .with("network-port", &phone.port)
            .with("user-agent", &phone.agent)
            .with("expires", "0");
        let event = user_headers(event, moment, &phone.user, &realm);
        moment.events.push(event);
    }

    /// Forgets the registration of a phone, as when it has not registered again in time.
    pub(super) fn expire(&mut self, moment: &mut Moment<'_>, phone: &Phone) {
        self.expire_where(moment, |known| known.phone.user == phone.user && known.phone.call_id == phone.call_id);
    }

    /// Forgets what has expired.
    pub(super) fn settle(&mut self, moment: &mut Moment<'_>) {
        let now = moment.seconds();
        self.expire_where(moment, |known| known.expires_at <= now);
    }

    fn expire_where(&mut self, moment: &mut Moment<'_>, is_over: impl Fn(&Registration) -> bool) {
        for expired in self.all.extract_if(.., |known| is_over(known)) {
            let Registration { phone, realm, expires_at } = expired;
            self.known.remove(&phone.address());
            let site = Site { file: "sofia_reg.c", function: "sofia_reg_del_callback", line: 0 };
            let event = moment
                .custom("sofia::expire", site)
                .with("profile-name", PROFILE)
                .with("user", &phone.user)
                .with("username", &phone.user)
                .with("host", &realm)
                .with("contact", &phone.contact())
                .with("call-id", &phone.call_id)
                .with("expires", &expires_at)
                .with("user-agent", &phone.agent)
                .with("realm", &realm);
            moment.events.push(event);
        }
    }

    /// `show registrations [as json|xml]`
    pub(super) fn show(&self, format: &str, hostname: &str) -> String {
        let rows: Vec<Row> = self.all.iter().map(|known| row(known, hostname)).collect();
        match format {
            "as json" => json(&rows),
            "as xml" => xml(&rows),
            _ => lines(&rows),
        }
    }
}

/// Tells that somebody tries to register. Whether that may be.
fn attempt(moment: &mut Moment<'_>, phone: &Phone, expires: u32) -> bool {
    let realm = moment.domain();
    let event = token(moment, "sofia::pre_register", 1810).with("profile-name", PROFILE);
    let event = request(event, phone, &realm, None, expires).with("user-agent", &phone.agent);
    moment.events.push(event);
    let exists = moment.document.is_some_and(|document| directory::user(document, &phone.user).is_some());
    let is_right = exists && phone.knows_password;
    let event = token(moment, "sofia::register_attempt", 1606).with("profile-name", PROFILE);
    let event = request(event, phone, &realm, None, expires)
        .with("username", &phone.user)
        .with("realm", &realm)
        .with("user-agent", &phone.agent)
        .with("auth-result", if is_right { "RENEWED" } else { "FORBIDDEN" });
    moment.events.push(event);
    if !is_right {
        let event = token(moment, "sofia::register_failure", 1792)
            .with("profile-name", PROFILE)
            .with("to-user", &phone.user)
            .with("to-host", &realm)
            .with("network-ip", &phone.ip)
            .with("user-agent", &phone.agent)
            .with("profile-name", PROFILE)
            .with("network-port", &phone.port)
            .with("registration-type", "REGISTER");
        moment.events.push(event);
    }
    is_right
}

fn token(moment: &mut Moment<'_>, subclass: &str, line: u32) -> Event {
    moment.custom(subclass, Site { file: "sofia_reg.c", function: REGISTER_TOKEN, line })
}

/// What the phone's request says.
fn request(event: Event, phone: &Phone, realm: &str, presence_hosts: Option<&str>, expires: u32) -> Event {
    let mut event = event.with("from-user", &phone.user).with("from-host", realm);
    if let Some(hosts) = presence_hosts {
        event = event.with("presence-hosts", hosts);
    }
    event
        .with("contact", &phone.contact())
        .with("call-id", &phone.call_id)
        .with("rpid", "unknown")
        .with("status", "Registered(UDP)")
        .with("expires", &expires)
        .with("to-user", &phone.user)
        .with("to-host", realm)
        .with("network-ip", &phone.ip)
        .with("network-port", &phone.port)
}

/// What the directory says of the user: every variable becomes a header.
fn user_headers(event: Event, moment: &Moment<'_>, user: &str, realm: &str) -> Event {
    let event = event
        .with("sip_number_alias", user)
        .with("sip_auth_username", user)
        .with("sip_auth_realm", realm)
        .with("number_alias", user)
        .with("user_name", user)
        .with("domain_name", realm);
    let found = moment.document.and_then(|document| directory::user(document, user));
    let variables = found.into_iter().flat_map(|[user, ..]| directory::variables(user));
    variables.fold(event, |event, (name, value)| event.with_named(name, &value))
}

fn row(known: &Registration, hostname: &str) -> Row {
    let Phone { user, ip, port, call_id, .. } = &known.phone;
    [
        ("reg_user", user.clone()),
        ("realm", known.realm.clone()),
        ("token", call_id.clone()),
        ("url", format!("sofia/{PROFILE}/sip:{user}@{ip}:{port}")),
        ("expires", known.expires_at.to_string()),
        ("network_ip", ip.clone()),
        ("network_port", port.to_string()),
        ("network_proto", "udp".to_owned()),
        ("hostname", hostname.to_owned()),
        ("metadata", String::new()),
    ]
}

fn json(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "{\"row_count\": 0}\n".to_owned();
    }
    let object = |row: &Row| Json::Object(row.iter().map(|(name, value)| (*name, Json::text(value))).collect());
    let objects = Json::Array(rows.iter().map(object).collect());
    Json::Object(vec![("row_count", Json::count(rows.len() as u64)), ("rows", objects)]).compact()
}

fn xml(rows: &[Row]) -> String {
    let mut text = format!("<result row_count=\"{}\">\n", rows.len());
    for (at, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "  <row row_id=\"{}\">", at + 1);
        for (name, value) in row {
            let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = writeln!(text, "    <{name}>{value}</{name}>");
        }
        text.push_str("  </row>\n");
    }
    text + "</result>\n"
}

fn lines(rows: &[Row]) -> String {
    let mut text = String::new();
    if let Some(first) = rows.first() {
        text.push_str(&first.each_ref().map(|(name, _)| *name).join(","));
        text.push('\n');
    }
    for row in rows {
        text.push_str(&row.each_ref().map(|(_, value)| value.as_str()).join(","));
        text.push('\n');
    }
    let _ = write!(text, "\n{} total.\n", rows.len());
    text
}
