//! What readers get: every answer byte for byte.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_engine::config::{Config, ContextName, NumberRange};
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::query::{ConferenceField, Query, UserField};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, Free, Info, Reload, State, User, UserId, Users};
use fsconnector_engine::time::Wall;

const ANNA: &str = r#"{"id":"20000","password":"pä\"ss","conpin":"2357","context":"team","name":"Anna","email":"anna@example.org","polymac":"0004f2aa0001"}"#;
const BOB: &str = r#"{"id":"21000","password":"b","conpin":"","context":"friends","name":"bob","email":"bob@Annas.org","polymac":"none"}"#;
const TEAM: &str = r#"{"num":"30000","name":"team","type":"16kHz-novideo","context":"team","pin":"${conpin}"}"#;
const FRIENDS: &str = r#"{"num":"31000","name":"friends_v","type":"48kHz-video","context":"friends"}"#;
const PUBLIC: &str = r#"{"num":"32000","name":"public","type":"16kHz-novideo","context":"public"}"#;

fn user(id: &str, password: &str, conpin: &str, rest: [&str; 4]) -> User {
    let [context, name, email, polymac] = rest;
    User {
        id: UserId::parse(id).unwrap(),
        password: Secret::new(password),
        conpin: Secret::new(conpin),
        context: context.into(),
        name: name.into(),
        email: email.into(),
        polymac: polymac.into(),
    }
}

fn conference(num: u32, name: &str, profile: &str, context: &str, pin: Option<&str>) -> Conference {
    let context = ContextName::parse(context).unwrap();
    Conference { num, name: name.into(), profile: profile.into(), context, pin: pin.map(Secret::new) }
}

fn state() -> State {
    let config = Config::default();
    let users = vec![
        user("20000", "pä\"ss", "2357", ["team", "Anna", "anna@example.org", "0004f2aa0001"]),
        user("21000", "b", "", ["friends", "bob", "bob@Annas.org", "none"]),
    ];
    let range = NumberRange::new(1, 2).unwrap();
    let free = Free { users: FreeNumbers::new(range, [1, 2]), conferences: FreeNumbers::new(range, [1]) };
    State {
        info: Info {
            reload: None,
            maintenance: None,
            connected: true,
            since: Wall(1_795_405_352_585_013),
            version: "FreeSWITCH Version 1.11.2".into(),
        },
        globals: Arc::new(BTreeMap::from([
            ("domain".into(), "x=y".into()),
            ("internal_tls_port".into(), "5061".into()),
        ])),
        users: Arc::new(Users::new(users, &config)),
        conference_types: ["16kHz-novideo".to_owned(), "48kHz-video".to_owned()].into(),
        conferences: [
            conference(30_000, "team", "16kHz-novideo", "team", Some("${conpin}")),
            conference(31_000, "friends_v", "48kHz-video", "friends", None),
            conference(32_000, "public", "16kHz-novideo", "public", None),
        ]
        .into(),
        free: vec![free.clone(), free.clone(), free].into(),
        config: Arc::new(config),
    }
}

fn check(query: &Query<'_>, expected: &str) {
    assert_eq!(String::from_utf8(query.answer(&state())).unwrap(), expected, "{query:?}");
}

#[test]
fn all_users_and_conferences_are_listed_with_their_totals() {
    check(
        &Query::Users,
        &format!(
            r#"{{"op":"users","info":{{"total":2,"contexts":{{"team":1,"friends":1,"public":0}}}},"users":[{ANNA},{BOB}]}}"#
        ),
    );
    check(
        &Query::Conferences,
        &format!(
            r#"{{"op":"conferences","info":{{"total":3,"contexts":{{"team":1,"friends":1,"public":1}},"types":["16kHz-novideo","48kHz-video"]}},"conferences":[{TEAM},{FRIENDS},{PUBLIC}]}}"#
        ),
    );
}

#[test]
fn users_are_found_by_the_beginning_of_a_property_and_by_any_part_of_the_address() {
    let by = |field, text: &str, op: &str, users: &str| {
        check(&Query::UsersBy(field, text), &format!(r#"{{"op":"users/{op}","users":[{users}]}}"#));
    };
    by(UserField::Id, "2", "byid/2", &format!("{ANNA},{BOB}"));
    by(UserField::Id, "21", "byid/21", BOB);
    by(UserField::Id, "1", "byid/1", "");
    by(UserField::Name, "an", "byname/an", "");
    by(UserField::Name, "An", "byname/An", ANNA);
    by(UserField::Context, "f", "bycontext/f", BOB);
    by(UserField::Polymac, "0004", "bypolymac/0004", ANNA);
    by(UserField::Email, "example", "byemail/example", ANNA);
    by(UserField::Name, "", "byname/", &format!("{ANNA},{BOB}"));
    by(UserField::Name, "\"ä", r#"byname/\"ä"#, "");
}

#[test]
fn a_match_looks_into_names_and_addresses() {
    check(
        &Query::UsersMatch("Anna"),
        &format!(r#"{{"op":"users/match/Anna","namematches":[{ANNA}],"emailmatches":[{BOB}]}}"#),
    );
}

#[test]
fn conferences_are_found_by_the_beginning_of_a_property() {
    let by = |field, text: &str, op: &str, conferences: &str| {
        check(
            &Query::ConferencesBy(field, text),
            &format!(r#"{{"op":"conferences/{op}","conferences":[{conferences}]}}"#),
        );
    };
    by(ConferenceField::Num, "31", "bynum/31", FRIENDS);
    by(ConferenceField::Name, "p", "byname/p", PUBLIC);
    by(ConferenceField::Type, "16", "bytype/16", &format!("{TEAM},{PUBLIC}"));
    by(ConferenceField::Context, "team", "bycontext/team", TEAM);
}

const INFO: &str = r#""info":{"reloadxml":{"lastrun":"not till now","lastmsg":"no Message"},"maintainance":{"lastrun":"not till now"},"switch":{"connected":true,"since":"2026-11-23T03:42:32.585Z","version":"FreeSWITCH Version 1.11.2"}}"#;
const GLOBALS: &str = r#""globals":{"domain":"x=y","internal_tls_port":"5061"}"#;

#[test]
fn the_info_tells_how_things_stand() {
    check(&Query::Info, &format!(r#"{{"op":"info",{INFO},{GLOBALS}}}"#));
    let mut state = state();
    state.info.reload = Some(Reload { at: Wall(0), message: "+OK [Success]".into() });
    state.info.maintenance = Some(Wall(1_000));
    let info = String::from_utf8(Query::Info.answer(&state)).unwrap();
    assert!(info.contains(r#"{"lastrun":"1970-01-01T00:00:00.000Z","lastmsg":"+OK [Success]"}"#), "{info}");
    assert!(info.contains(r#""maintainance":{"lastrun":"1970-01-01T00:00:00.001Z"}"#), "{info}");
}

#[test]
fn the_whole_state_is_there_with_what_is_left_of_the_ranges() {
    let left = r#"{"next":null,"free":0}"#;
    let one = r#"{"next":"2","free":1}"#;
    check(
        &Query::InfoState,
        &format!(
            r#"{{"op":"info/state","state":{{{INFO},{GLOBALS},"users":[{ANNA},{BOB}],"conferencetypes":["16kHz-novideo","48kHz-video"],"conferences":[{TEAM},{FRIENDS},{PUBLIC}],"availUsrIds":{{"team":{left},"friends":{left},"public":{left}}},"availConfNums":{{"team":{one},"friends":{one},"public":{one}}}}}}}"#
        ),
    );
}

#[test]
fn a_user_sees_itself_and_what_its_phone_needs() {
    let state = state();
    let anna = state.users.by_id("20000").unwrap();
    let answer = String::from_utf8(Query::UserInfo(anna).answer(&state)).unwrap();
    let own = ANNA.strip_suffix('}').unwrap();
    assert_eq!(answer, format!(r#"{own},"wss_binding":"","internal_tls_port":"5061"}}"#));
}

#[test]
fn the_public_list_has_no_addresses_and_only_public_conferences_and_the_friends_list_has_no_pin() {
    let types = r#""conferencetypes":["16kHz-novideo","48kHz-video"]"#;
    check(
        &Query::PubXml,
        &format!(
            r#"{{"op":"/pubxml","state":{{"users":[{{"name":"Anna","id":"20000","context":"team"}},{{"name":"bob","id":"21000","context":"friends"}}],"conferences":[{PUBLIC}],{types}}}}}"#
        ),
    );
    check(
        &Query::FriendXml,
        &format!(
            r#"{{"op":"/friendxml","state":{{"users":[{{"name":"Anna","id":"20000","email":"anna@example.org","context":"team"}},{{"name":"bob","id":"21000","email":"bob@Annas.org","context":"friends"}}],"conferences":[{FRIENDS},{PUBLIC}],{types}}}}}"#
        ),
    );
}
