use super::{Example, PROFILES};

const SOCKET: &str = "autoload_configs/event_socket.conf.xml";

#[test]
fn a_variable_that_the_connector_needs_is_told() {
    let needed = [
        ("wss_binding=:7443", "wss_binding", "browsers connect there", "sip_profiles/internal.xml\n  32"),
        ("internal_tls_port=5061", "internal_tls_port", "phones register there", "sip_profiles/internal.xml\n  25"),
    ];
    for (set, name, purpose, place) in needed {
        Example::new().without_line("vars.xml", set).check(&[
            &format!(
                "{place}: the variable `{name}` is not set here, so that nothing stands in its place — \
                 set it before this line, best in vars.xml, or correct its name"
            ),
            "vars.xml",
            &format!("  the variable `{name}` is not set: {purpose} — set {name}"),
        ]);
    }
}

#[test]
fn a_pin_that_cannot_be_dialled_is_told_without_the_pin() {
    Example::new()
        .edit("vars.xml", "defconpin=0000", "defconpin=zero")
        .check(&["vars.xml", "  the variable `defconpin` is not only digits — set a PIN that can be dialled"]);
}

#[test]
fn the_known_password_is_told_where_others_are_let_in() {
    let beyond = || Example::new().edit("vars.xml", "es_listen_ip=127.0.0.1", "es_listen_ip=$${local_ip_v4}");
    beyond().check(&[
        SOCKET,
        "  7: the event socket lets others in than this computer, with the password that everybody knows — \
         set another one, here and in the connector's FSPW: who is in controls the switch",
    ]);
    beyond().edit("vars.xml", "es_pw=ClueCon", "es_pw=something-else").check(&[]);
    // Without a list the event socket has that of loopback.
    beyond().without_line(SOCKET, "apply-inbound-acl").check(&[]);
    beyond().edit(SOCKET, "value=\"event_socket\"", "value=\"loopback.auto\"").check(&[]);
    Example::new().edit("vars.xml", "es_listen_ip=127.0.0.1", "es_listen_ip=::1").check(&[]);
}

#[test]
fn a_missing_event_socket_is_told() {
    Example::new().remove(SOCKET).check(&[
        "freeswitch.xml",
        "  there is no configuration `event_socket.conf`, through which the connector speaks with the switch — \
         include autoload_configs/event_socket.conf.xml in the section configuration",
    ]);
}

#[test]
fn a_configuration_without_profiles_is_told() {
    let example = Example::new().edit(PROFILES, "<profile ", "<profil ").edit(PROFILES, "</profile>", "</profil>");
    example.remove("dialplan/conferences").write("dialplan/conferences/.keep", "").check(&[
        PROFILES,
        "  1: there is no conference profile, so that no conference can be added — \
         write one: its name is the type of its conferences",
    ]);
}

#[test]
fn a_tls_port_that_is_no_port_is_told() {
    for bad in ["0", "65536", "sips"] {
        Example::new().edit("vars.xml", "internal_tls_port=5061", &format!("internal_tls_port={bad}")).check(&[
            "vars.xml",
            "  the variable `internal_tls_port` is no number of a port, and phones register there — \
             set the port on which the switch listens for SIP over TLS, such as 5061",
        ]);
    }
}

#[test]
fn a_profile_that_records_elsewhere_is_told() {
    let recording = |path: &str| {
        let param = format!("<profile name=\"16kHz-novideo\">\n<param name=\"auto-record\" value=\"{path}\"/>");
        Example::new().edit(PROFILES, "<profile name=\"16kHz-novideo\">", &param)
    };
    recording("/recordings/${conference_name}.wav").check(&[]);
    recording("/recordings2/${conference_name}.wav").check(&[
        PROFILES,
        "  46: note: the profile `16kHz-novideo` records to `/recordings2/${conference_name}.wav`, and the connector shows only \
         what is in `/recordings` — record to that folder, or name the other one as recordings under [folders] (RECPATH)",
    ]);
}

#[test]
fn keys_that_do_not_exist_are_told() {
    Example::new().edit(PROFILES, "<group name=\"moderators\">", "<group name=\"hosts\">").check(&[
        PROFILES,
        "  53: the profile `16kHz-novideo` names the keys `moderators`, and there is no such group — \
         write the group in caller-controls, or correct the name",
        "  85: the profile `48kHz-video` names the keys `moderators`, and there is no such group — \
         write the group in caller-controls, or correct the name",
    ]);
}

#[test]
fn a_key_that_the_connector_does_not_know_is_told() {
    Example::new().edit(PROFILES, "data=\"muteall\"", "data=\"silence\"").check(&[
        PROFILES,
        "  32: note: the key `*` sends `silence`, which the connector does not know — write one of muteall, startrecording, \
         pauserecording, resumerecording, stoprecording, checkrecording, conferencelock, conferenceunlock",
    ]);
}
