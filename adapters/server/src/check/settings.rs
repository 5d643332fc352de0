//! What the connector needs of the switch besides users and conferences: variables, and a safe event socket.

use std::net::IpAddr;

use super::findings::Finding;
use super::subject::Subject;
use super::tree::{Node, ROOT_FILE};

/// Where variables are set by custom.
const VARIABLES_FILE: &str = "vars.xml";
/// The variables that the connector uses, and what for.
pub(super) const NEEDED: [(&str, &str); 6] = [
    ("modconpin", "the conference PIN of new users in the context of the admins"),
    ("defconpin", "the conference PIN of all other new users"),
    ("outbound_caller_name", "every user file refers to it"),
    ("outbound_caller_id", "every user file refers to it"),
    ("internal_tls_port", "phones register there"),
    ("wss_binding", "browsers connect there"),
];
/// The list of who may connect that the event socket has without another one.
const LOOPBACK_LIST: &str = "loopback.auto";
/// The password that everybody knows.
const KNOWN_PASSWORD: &str = "ClueCon";

/// The variables that the connector uses are set.
pub(super) fn variables(subject: &Subject<'_>) -> Vec<Finding> {
    let file = if subject.source.has_file(VARIABLES_FILE) { VARIABLES_FILE } else { ROOT_FILE };
    let missing = NEEDED.iter().filter(|(name, _)| !subject.reading.globals.contains_key(*name));
    let missing = missing.map(|(name, purpose)| {
        Finding::in_file(file, format!("the variable `{name}` is not set: {purpose}"), format!("set {name}"))
    });
    let pins = ["modconpin", "defconpin"].into_iter().filter(|name| {
        let pin = subject.reading.globals.get(*name);
        pin.is_some_and(|pin| !pin.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let pins = pins.map(|name| {
        Finding::in_file(file, format!("the variable `{name}` is not only digits"), "set a PIN that can be dialled")
    });
    let port = subject.reading.globals.get("internal_tls_port");
    let port = port.filter(|port| !matches!(port.parse::<u16>(), Ok(1..)));
    let port = port.map(|_| {
        let what = "the variable `internal_tls_port` is no number of a port, and phones register there";
        Finding::in_file(file, what, "set the port on which the switch listens for SIP over TLS, such as 5061")
    });
    missing.chain(pins).chain(port).collect()
}

/// The event socket is there, and not open to the world.
pub(super) fn event_socket(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(module) = subject.tree.configuration("event_socket.conf") else {
        return vec![Finding::in_file(
            ROOT_FILE,
            "there is no configuration `event_socket.conf`, through which the connector speaks with the switch",
            "include autoload_configs/event_socket.conf.xml in the section configuration",
        )];
    };
    let params: Vec<&Node<'_>> = module.children("settings").flat_map(|settings| settings.children("param")).collect();
    let param = |name: &str| params.iter().rev().find(|param| param.is_named(name)).copied();
    let Some(listen) = param("listen-ip").filter(|listen| !is_loopback(&listen.value("value"))) else {
        return Vec::new();
    };
    let list = param("apply-inbound-acl").map(|list| list.value("value")).filter(|list| !list.is_empty());
    let lets_others_in = list.is_some_and(|list| !list.eq_ignore_ascii_case(LOOPBACK_LIST));
    let password = param("password");
    let is_known = password.is_none_or(|password| password.value("value") == KNOWN_PASSWORD);
    let finding = || {
        Finding::at(
            subject.tree.place(password.unwrap_or(listen)),
            "the event socket lets others in than this computer, with the password that everybody knows",
            "set another one, here and in the connector's FSPW: who is in controls the switch",
        )
    };
    (lets_others_in && is_known).then(finding).into_iter().collect()
}

fn is_loopback(address: &str) -> bool {
    let ip = address.trim().parse::<IpAddr>();
    ip.map_or_else(|_| address.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
}
