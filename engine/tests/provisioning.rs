//! The files of phones, and the templates they come from.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Document, PhoneFile};
use fsconnector_engine::config::{Config, Context, ContextName, NumberRange};
use fsconnector_engine::mac::Mac;
use fsconnector_engine::render::{PublicAddress, Renderer, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, Globals, User, UserId};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

// ---- What is written ----

fn config() -> Config {
    let mut config = Config::default();
    config.contexts.push(Context {
        name: ContextName::parse("guests2").unwrap(),
        role: Role::Guest,
        users: NumberRange::new(23_000, 23_999).unwrap(),
        conferences: NumberRange::new(33_000, 33_999).unwrap(),
    });
    config
}

fn user(name: &str, password: &str) -> User {
    User {
        id: UserId::parse("20000").unwrap(),
        password: Secret::new(password),
        conpin: Secret::new("2357"),
        context: "team".into(),
        name: name.into(),
        email: "anna@example.org".into(),
        polymac: "0004f2aabbcc".into(),
    }
}

fn conference(num: u32, name: &str, context: &str) -> Conference {
    let context = ContextName::parse(context).unwrap();
    Conference { num, name: name.into(), profile: "16kHz-novideo".into(), context, pin: None }
}

/// One conference of each context, not in the order of their numbers.
fn conferences() -> Vec<Conference> {
    vec![
        conference(33_000, "also", "guests2"),
        conference(31_001, "two", "friends"),
        conference(30_000, "team", "team"),
        conference(31_000, "one", "friends"),
        conference(32_000, "all", "public"),
    ]
}

fn renderer(conferences: Vec<Conference>, address: PublicAddress) -> Renderer {
    let globals = [("hostname", "switch.example.org"), ("internal_tls_port", "5071"), ("es_pw", "ClueCon")];
    let globals: Globals = globals.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    renderer_of(fsconnector_templates::ALL, globals, conferences, address)
}

fn renderer_of<'a>(
    templates: impl IntoIterator<Item = (&'a str, &'a str)>,
    globals: Globals,
    conferences: Vec<Conference>,
    address: PublicAddress,
) -> Renderer {
    let templates = Arc::new(Templates::new(templates).unwrap());
    Renderer::new(templates, Arc::new(config()), Arc::new(globals), conferences.into(), address)
}

fn at(host: &str) -> PublicAddress {
    PublicAddress { is_secure: true, host: Some(host.into()) }
}

fn linphone(renderer: &Renderer, user: &User, role: Role) -> String {
    renderer.content(&Document::Linphone(user.clone(), role), None).unwrap()
}

fn polycom(renderer: &Renderer, file: PhoneFile, user: &User, role: Role, old: Option<&str>) -> String {
    let mac = Mac::parse("0004f2aabbcc").unwrap();
    renderer.content(&Document::Phone(file, mac, user.clone(), role), old.map(str::as_bytes)).unwrap()
}

// ---- What is read ----

/// The start tags of a document, each with the text behind it.
fn elements(document: &str) -> Vec<(BytesStart<'static>, String)> {
    let mut reader = Reader::from_str(document);
    let mut elements: Vec<(BytesStart<'static>, String)> = Vec::new();
    loop {
        let event = reader.read_event().unwrap();
        let text = match event {
            Event::Start(tag) | Event::Empty(tag) => {
                elements.push((tag.into_owned(), String::new()));
                continue;
            }
            Event::Text(text) => text.to_string(),
            Event::GeneralRef(reference) => unescape(&format!("&{};", &*reference)).unwrap().into_owned(),
            Event::Eof => return elements,
            _ => continue,
        };
        if let Some((_, last)) = elements.last_mut() {
            last.push_str(&text);
        }
    }
}

fn attributes(tag: &BytesStart<'_>) -> BTreeMap<String, String> {
    let read = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        (attribute.key.as_ref().to_owned(), unescape(&attribute.value).unwrap().into_owned())
    };
    tag.attributes().map(|attribute| read(attribute.unwrap())).collect()
}

/// The entries of a Linphone's file, as `section/entry`.
fn entries(document: &str) -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut entries = BTreeMap::new();
    for (tag, text) in elements(document) {
        match tag.name().as_ref() {
            "section" => section.clone_from(&attributes(&tag)["name"]),
            "entry" => {
                // A line break behind the entry is not its own.
                let text = text.split("\n  ").next().unwrap_or_default();
                entries.insert(format!("{section}/{}", attributes(&tag)["name"]), text.to_owned());
            }
            _ => {}
        }
    }
    entries
}

/// All settings of a file of a Polycom phone.
fn settings(document: &str) -> BTreeMap<String, String> {
    elements(document).iter().flat_map(|(tag, _)| attributes(tag)).collect()
}

/// Number and name of each contact in a Linphone's file, in order.
fn friends(document: &str) -> Vec<(String, String)> {
    let entries = entries(document);
    let urls = (0..).map_while(|index| entries.get(&format!("friend_{index}/url")));
    urls.map(|url| {
        let (name, address) = sip_address(url);
        (address.split_once('@').unwrap().0.to_owned(), name)
    })
    .collect()
}

/// Number and name of each contact in a Polycom directory, in order.
fn items(document: &str) -> Vec<(String, String)> {
    let elements = elements(document);
    let texts = |name: &'static str| {
        elements.iter().filter(move |(tag, _)| tag.name().as_ref() == name).map(|(_, text)| text.clone())
    };
    texts("ct").zip(texts("ln")).collect()
}

/// Takes `"NAME" <sip:ADDRESS>` apart: a quoted-string of RFC 3261, and what comes behind it.
fn sip_address(text: &str) -> (String, String) {
    let mut name = String::new();
    let mut characters = text.strip_prefix('"').unwrap().chars();
    loop {
        match characters.next().unwrap() {
            '"' => break,
            '\\' => name.push(characters.next().unwrap()),
            other => name.push(other),
        }
    }
    let address = characters.as_str().strip_prefix(" <sip:").unwrap().strip_suffix('>').unwrap();
    (name, address.to_owned())
}

fn decoded(text: &str) -> String {
    assert!(!text.contains([':', '@', '/', '?', '#', '"', '<', ' ']), "{text} is not encoded");
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// Any text that is legal as a name and as a password.
fn legal() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "\"", "'", "&", "<", ">", "\\", "%", "%41", "@", "/", "?", "#", ";", ",", "{", "}", "]]>", "-->", "&amp;", "$",
        " ", "ü", "日本", "🎧", "\u{2028}", "\u{FEFF}", "name",
    ]);
    let part = prop_oneof![3 => special.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    let legal = |text: &String| {
        let forbidden = ["${", "<!", ":"];
        text.trim() == text
            && !text.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
            && !forbidden.iter().any(|part| text.contains(part))
    };
    proptest::collection::vec(part, 1..16).prop_map(|parts| parts.concat()).prop_filter("legal", legal)
}

// ---- Linphone ----

#[test]
fn a_linphone_is_told_all_it_needs() {
    let written = linphone(&renderer(conferences(), at("conf.example.org:3000")), &user("Anna", "secret"), Role::Guest);
    let entries = entries(&written);
    for (entry, expected) in [
        ("misc/config-uri", "https://Anna:secret@conf.example.org:3000/linphone"),
        ("sip/media_encryption", "srtp"),
        ("proxy_0/reg_proxy", "<sip:conf.example.org:5071;transport=tls>"),
        ("proxy_0/reg_identity", "\"Anna\" <sip:20000@conf.example.org>"),
        ("proxy_0/publish", "0"),
        ("auth_info_0/username", "20000"),
        ("auth_info_0/passwd", "secret"),
        ("auth_info_0/domain", "conf.example.org"),
        ("audio_codec_0/mime", "G722"),
        ("audio_codec_0/enabled", "1"),
        ("friend_0/url", "\"all\" <sip:32000@conf.example.org>"),
        ("friend_1/refkey", "33000"),
    ] {
        assert_eq!(entries.get(entry).map(String::as_str), Some(expected), "{entry}");
    }
}

#[test]
fn a_name_that_linphone_takes_for_a_vcard_keeps_its_commas_and_backslashes() {
    let renderer = renderer(vec![conference(30_000, r#"a,b\c "d""#, "team")], at("x"));
    let written = linphone(&renderer, &user("Anna", "secret"), Role::Admin);
    assert_eq!(friends(&written), [("30000".to_owned(), r#"a\,b\\c "d""#.to_owned())]);
}

#[test]
fn what_xml_cannot_hold_does_not_break_the_file_of_a_phone() {
    let odd = "a\u{1}\n\t\u{FFFE}b";
    let written = linphone(&renderer(vec![conference(30_000, odd, "team")], at("x")), &user(odd, odd), Role::Admin);
    let entries = entries(&written);
    assert_eq!(entries["auth_info_0/passwd"], "a\u{FFFD}\n\t\u{FFFD}b");
    assert_eq!(sip_address(&entries["proxy_0/reg_identity"]).0, "a\u{FFFD} \t\u{FFFD}b");
    assert_eq!(entries["misc/config-uri"], "https://a%01%0A%09%EF%BF%BEb:a%01%0A%09%EF%BF%BEb@x/linphone");
}

// ---- Addresses ----

fn check_addresses(address: PublicAddress, globals: &[(&str, &str)], url: &str, proxy: &str) {
    let globals = globals.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let renderer = renderer_of(fsconnector_templates::ALL, globals, Vec::new(), address);
    let user = user("Anna", "pw");
    let entries = entries(&linphone(&renderer, &user, Role::Admin));
    let settings = settings(&polycom(&renderer, PhoneFile::Account, &user, Role::Admin, None));
    assert_eq!(entries["misc/config-uri"], url);
    assert_eq!(entries["proxy_0/reg_proxy"], format!("<sip:{proxy};transport=tls>"));
    assert_eq!(settings["device.prov.serverName"], url.replace("Anna:pw@", "").replace("linphone", "polycom/"));
    let server = format!("{}:{}", settings["reg.1.server.1.address"], settings["reg.1.server.1.port"]);
    assert_eq!(server, proxy);
}

#[test]
fn urls_have_the_whole_host_and_sip_addresses_only_its_name() {
    let port = [("internal_tls_port", "5071"), ("hostname", "unused")];
    check_addresses(
        at("conf.example.org:3000"),
        &port,
        "https://Anna:pw@conf.example.org:3000/linphone",
        "conf.example.org:5071",
    );
    check_addresses(at("[::1]:3000"), &port, "https://Anna:pw@[::1]:3000/linphone", "[::1]:5071");
    check_addresses(at("[2001:db8::1]"), &port, "https://Anna:pw@[2001:db8::1]/linphone", "[2001:db8::1]:5071");
    check_addresses(at("büro.example"), &port, "https://Anna:pw@büro.example/linphone", "büro.example:5071");
}

#[test]
fn without_a_host_the_switchs_own_name_serves_and_the_port_has_a_default() {
    let address = PublicAddress { is_secure: false, host: None };
    let globals = [("hostname", "switch.example.org")];
    check_addresses(address.clone(), &globals, "http://Anna:pw@switch.example.org/linphone", "switch.example.org:5061");
    let odd = [("hostname", "switch.example.org"), ("internal_tls_port", "none")];
    check_addresses(address, &odd, "http://Anna:pw@switch.example.org/linphone", "switch.example.org:5061");
}

// ---- Polycom ----

#[test]
fn a_polycom_phone_finds_its_files_its_account_and_the_way_back() {
    let renderer = renderer(conferences(), at("conf.example.org"));
    let anna = user("Anna", "secret");
    let master = settings(&polycom(&renderer, PhoneFile::Master, &anna, Role::Admin, None));
    assert_eq!(master["CONFIG_FILES"], "allprov.cfg");
    for folder in ["LOG_FILE_DIRECTORY", "OVERRIDES_DIRECTORY", "CONTACTS_DIRECTORY"] {
        assert_eq!(master[folder], "", "{folder}");
    }
    let account = settings(&polycom(&renderer, PhoneFile::Account, &anna, Role::Admin, None));
    for (setting, expected) in [
        ("reg.1.address", "20000"),
        ("reg.1.auth.userId", "20000"),
        ("reg.1.auth.password", "secret"),
        ("reg.1.server.1.transport", "TLS"),
        ("sec.srtp.enable", "1"),
        ("voice.codecPref.G722", "1"),
        ("device.prov.serverType", "HTTPS"),
        ("device.prov.user", "Anna"),
        ("device.prov.password", "secret"),
    ] {
        assert_eq!(account[setting], expected, "{setting}");
    }
}

#[test]
fn a_directory_keeps_what_its_owner_made_through_any_number_of_rebuilds() {
    let anna = user("Anna", "secret");
    let fresh = polycom(&renderer(conferences(), at("x")), PhoneFile::Directory, &anna, Role::Admin, None);
    let own = "<item><ln>O&apos;Neil</ln><ct>0123</ct></item><!-- mine -->\n  ";
    let edited = fresh.replace("</item_list>", &format!("{own}</item_list>"));
    let mut directory = edited.clone();
    for names in [vec!["a", "b", "c"], vec![], vec!["ä"], vec!["a", "b", "c"]] {
        let conferences = (30_000..).zip(&names).map(|(num, name)| conference(num, name, "team")).collect();
        let renderer = renderer(conferences, at("x"));
        directory = polycom(&renderer, PhoneFile::Directory, &anna, Role::Admin, Some(&directory));
        assert!(directory.contains(own), "{directory}");
        assert_eq!(items(&directory).len(), names.len() + 1);
    }
    let back = polycom(&renderer(conferences(), at("x")), PhoneFile::Directory, &anna, Role::Admin, Some(&directory));
    assert_eq!(back, edited);
}

#[test]
fn a_damaged_directory_is_not_written() {
    let renderer = renderer(conferences(), at("x"));
    let mac = Mac::parse("0004f2aabbcc").unwrap();
    let document = Document::Phone(PhoneFile::Directory, mac, user("Anna", "secret"), Role::Admin);
    let damage = renderer.content(&document, Some(b"<directory><item_list><ln>Oma")).unwrap_err();
    assert_eq!(damage.to_string(), "it is not well-formed XML; look at line 1");
}

// ---- Contacts ----

fn check_contacts(role: Role, numbers: &[&str]) {
    let renderer = renderer(conferences(), at("x"));
    let anna = user("Anna", "secret");
    let directory = polycom(&renderer, PhoneFile::Directory, &anna, role, None);
    for contacts in [friends(&linphone(&renderer, &anna, role)), items(&directory)] {
        let found: Vec<&str> = contacts.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!(found, numbers, "{role}");
    }
}

#[test]
fn contacts_are_seen_by_role_in_the_order_of_their_numbers() {
    check_contacts(Role::Admin, &["30000", "31000", "31001", "32000", "33000"]);
    check_contacts(Role::Member, &["31000", "31001", "32000", "33000"]);
    check_contacts(Role::Guest, &["32000", "33000"]);
}

// ---- Round trips ----

proptest! {
    #[test]
    fn a_linphone_reads_the_values_that_were_written(name in legal(), password in legal(), conference_name in legal()) {
        let renderer = renderer(vec![conference(30_000, &conference_name, "team")], at("conf.example.org"));
        let written = linphone(&renderer, &user(&name, &password), Role::Admin);
        let entries = entries(&written);
        let (identity, address) = sip_address(&entries["proxy_0/reg_identity"]);
        prop_assert_eq!((&*identity, &*address), (&*name, "20000@conf.example.org"));
        prop_assert_eq!(&entries["auth_info_0/passwd"], &password);
        let url = entries["misc/config-uri"].strip_prefix("https://").unwrap();
        let login = url.strip_suffix("@conf.example.org/linphone").unwrap().split_once(':').unwrap();
        prop_assert_eq!((decoded(login.0), decoded(login.1)), (name, password));
        let card = conference_name.replace('\\', r"\\").replace(',', r"\,");
        prop_assert_eq!(friends(&written), [("30000".to_owned(), card)]);
    }

    #[test]
    fn a_polycom_phone_reads_the_values_that_were_written(name in legal(), password in legal(), conference_name in legal()) {
        let renderer = renderer(vec![conference(30_000, &conference_name, "team")], at("conf.example.org"));
        let user = user(&name, &password);
        let account = settings(&polycom(&renderer, PhoneFile::Account, &user, Role::Admin, None));
        for (setting, expected) in [
            ("reg.1.displayName", &name),
            ("reg.1.auth.password", &password),
            ("device.prov.user", &name),
            ("device.prov.password", &password),
        ] {
            prop_assert_eq!(&account[setting], expected, "{}", setting);
        }
        let directory = polycom(&renderer, PhoneFile::Directory, &user, Role::Admin, None);
        prop_assert_eq!(items(&directory), [("30000".to_owned(), conference_name)]);
        prop_assert_eq!(&polycom(&renderer, PhoneFile::Directory, &user, Role::Admin, Some(&directory)), &directory);
    }
}

// ---- Templates ----

#[test]
fn an_operators_template_takes_the_place_of_a_shipped_one() {
    let ours = ("polycom/mac.cfg", "<mine mac='{mac}'/>");
    let templates = fsconnector_templates::ALL.into_iter().chain([ours]);
    let renderer = renderer_of(templates, Globals::new(), Vec::new(), at("x"));
    let master = polycom(&renderer, PhoneFile::Master, &user("Anna", "pw"), Role::Admin, None);
    assert_eq!(master, "<mine mac='0004f2aabbcc'/>");
}

#[test]
fn a_profile_can_have_a_template_of_its_own() {
    const OWN: &str = "<include>\n<extension name=\"{name}\"><condition field=\"destination_number\" expression=\"^{num}$\">\
        <action application=\"conference\" data=\"{name}@{type}+{pin}+flags\\{mute}\"/></condition></extension>\n</include>\n";
    let templates = fsconnector_templates::ALL.into_iter().chain([("conference/mine.xml", OWN)]);
    let renderer = renderer_of(templates, Globals::new(), Vec::new(), at("x"));
    let written = |profile: &str| {
        let conference = Conference { profile: profile.into(), ..conference(30_000, "team", "team") };
        renderer.content(&Document::Conference(conference), None).unwrap()
    };
    assert!(written("mine").contains("team@mine++flags{mute}"));
    assert!(written("other").contains("team@other++flags{${conf_flags}}"));
}

#[test]
fn a_debug_print_of_a_renderer_shows_no_variable_of_the_switch() {
    assert!(!format!("{:?}", renderer(conferences(), at("x"))).contains("ClueCon"));
}
