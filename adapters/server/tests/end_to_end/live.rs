//! The live state, as clients see it.

use fsconnector_simulator::{Caller, Phone};
use serde_json::json;

use crate::client::{Login, authorization};
use crate::connector::{Connector, wait_for};
use crate::listener::Listener;
use crate::observer::Observer;
use crate::stage::{ADMIN, GUEST, MARIA, MEMBER, PAUL, Stage};

/// A switch with the users of the example, and a connector that has caught up with it.
fn live_stage() -> (Stage, Connector) {
    let stage = Stage::with_example();
    let connector = stage.connector();
    connector.wait_until_ready();
    catch_up(&stage, &connector);
    (stage, connector)
}

/// Waits until the connector knows all conferences: then it tells of one that has come and gone.
fn catch_up(stage: &Stage, connector: &Connector) {
    let mut listener = Listener::login(connector, ADMIN);
    listener.init();
    let call = stage.join(Caller::loopback("probe", "1"), "probe@16kHz-novideo");
    listener.hear_until("probe");
    stage.leave(call);
    listener.hear_until("delConference");
}

/// A member as it stands in frames.
fn member(name: &str, id: &str, confid: u32, mute: bool) -> String {
    format!(r#"{{"name":"{name}","id":"{id}","confid":"{confid}","mute":{mute}}}"#)
}

/// The frame with which a conference of one member begins.
fn new_conference(name: &str, context: &str, profile: &str, num: &str, member: &str) -> String {
    format!(
        r#"{{"event":"newConference","data":{{"name":"{name}","context":"{context}","type":"{profile}","num":"{num}","#
    ) + r#""recording":{"status":"norec"},"locked":false,"floor":{},"#
        + &format!(r#""lastjoin":{member},"lastleave":{{}},"memcount":1,"members":[{member}]}}}}"#)
}

/// A frame about something in a conference.
fn about(conference: &str, event: &str, data: &str) -> String {
    let data = if data.is_empty() { String::new() } else { format!(r#","data":{data}"#) };
    format!(r#"{{"event":"{event}","conference":"{conference}"{data}}}"#)
}

#[test]
fn conferences_are_seen_by_each_role_as_it_may() {
    let (stage, connector) = live_stage();
    let [mut team, mut friends, mut public] = [ADMIN, MARIA, PAUL].map(|login| Listener::login(&connector, login));
    for listener in [&mut team, &mut friends, &mut public] {
        assert_eq!(listener.init(), json!([]));
    }
    let mut heard = Vec::new();

    let admin = stage.dial(Caller::user("20000"), "30000");
    heard.extend(team.hear_until("floorchange"));
    let maria = stage.dial(Caller::user("21000"), "31000");
    heard.extend(team.hear_until("floorchange"));
    let paul = stage.dial(Caller::user("22000"), "32000");
    heard.extend(team.hear_until("floorchange"));
    let guest = stage.dial(Caller::loopback("Öst", "0309"), "32000");
    heard.extend(team.hear_until("newMember"));
    friends.ask(r#"{"req":"memexec","conference":"public","call":"mute","member":"5"}"#);
    heard.extend(team.hear_until("mute"));
    team.ask(r#"{"req":"exec","conference":"public","call":"lock"}"#);
    heard.extend(team.hear_until("lock"));
    stage.press(maria, '6');
    heard.extend(team.hear_until("lock"));
    stage.leave(paul);
    heard.extend(team.hear_until("delMember"));
    heard.extend(team.hear_until("floorchange"));
    for call in [guest, maria, admin] {
        stage.leave(call);
        heard.extend(team.hear_until("delConference"));
    }

    let [a, m, p, g] = [
        member("admin", "20000", 2, false),
        member("maria", "21000", 3, false),
        member("paul", "22000", 4, true),
        member("Öst", "0309", 5, false),
    ];
    let story = [
        (0, new_conference("team", "team", "16kHz-novideo", "30000", &a)),
        (0, about("team", "floorchange", &a)),
        (1, new_conference("friends_video", "friends", "48kHz-video", "31000", &m)),
        (1, about("friends_video", "floorchange", &m)),
        (2, new_conference("public", "public", "16kHz-novideo", "32000", &p)),
        (2, about("public", "floorchange", &p)),
        (2, about("public", "newMember", &g)),
        (2, about("public", "mute", "\"5\"")),
        (2, about("public", "lock", "")),
        (1, about("friends_video", "lock", "")),
        (2, about("public", "floorchange", "{}")),
        (2, about("public", "delMember", "\"4\"")),
        (2, about("public", "floorchange", &member("Öst", "0309", 5, true))),
        (2, about("public", "delConference", "")),
        (1, about("friends_video", "delConference", "")),
        (0, about("team", "delConference", "")),
    ];
    let heard_by =
        |rank| story.iter().filter(|(of, _)| *of >= rank).map(|(_, frame)| frame.clone()).collect::<Vec<_>>();
    assert_eq!(heard, heard_by(0));
    assert_eq!(friends.hear_until(r#""delConference","conference":"friends_video""#), heard_by(1));
    assert_eq!(public.hear_until("delConference"), heard_by(2));
}

#[test]
fn registrations_are_seen_by_everybody() {
    let (stage, connector) = live_stage();
    let mut guest = Listener::login(&connector, PAUL);
    guest.init();
    let phone = Phone::new("20000", 5060);
    stage.switch.drive(|switch, now, out| switch.register(now, &phone, out));
    let registration = r#"{"id":"20000","regid":"20000-5060@127.0.0.1","sipcon":"127.0.0.1:5060"}"#;
    assert_eq!(guest.hear(), format!(r#"{{"event":"addReg","user":{registration}}}"#));
    guest.ask(r#"{"req":"initreg"}"#);
    assert_eq!(guest.hear(), format!(r#"{{"event":"reply","reply":"initreg","data":[{registration}]}}"#));
    stage.switch.drive(|switch, now, out| switch.unregister(now, &phone, out));
    assert_eq!(guest.hear(), format!(r#"{{"event":"delReg","user":{registration}}}"#));
}

#[test]
fn there_are_three_ways_to_log_in_whatever_the_name() {
    let stage = Stage::with_all_roles();
    let connector = stage.connector();
    connector.wait_until_ready();
    let address = connector.address;
    let encoded = "?login=J%C3%BCrgen:geh%C3%B6rt%20zu%20mir";
    let digest = |login| {
        let challenge = connector.request("GET", "/api/live", &[]);
        authorization(&challenge, login, "GET", "/api/live")
    };
    let ticket = || {
        let answer = connector.post(GUEST, "/api/live/ticket", &json!([]));
        answer.json()["ticket"].as_str().unwrap().to_owned()
    };
    let by_digest = Listener::open(address, "", &[("authorization", &digest(MEMBER))]);
    let query = format!("?ticket={}", ticket());
    for listener in [Listener::open(address, encoded, &[]), by_digest, Listener::open(address, &query, &[])] {
        assert_eq!(listener.unwrap().init(), json!([]));
    }
    assert_eq!(Listener::open(address, &query, &[]).err(), Some(401), "a ticket is good for one time");
    assert_eq!(Listener::open(address, "?login=admin:guessed", &[]).err(), Some(401));
    let wrong = Login { password: "guessed", ..ADMIN };
    assert_eq!(Listener::open(address, "", &[("authorization", &digest(wrong))]).err(), Some(401));
    assert_eq!(Listener::open(address, encoded, &[("origin", "http://elsewhere.example")]).err(), Some(403));
    let (_, log) = connector.stop();
    for secret in ["geh", "J%C3", "guessed", &query[8..], "login="] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn what_a_listener_says_is_not_in_the_log_however_much_is_logged() {
    let (_stage, connector) = live_stage();
    let mut listener = Listener::login(&connector, ADMIN);
    listener.ask(&json!({"req": "login", "password": ADMIN.password}).to_string());
    listener.ask(&format!("{}:{}", ADMIN.name, ADMIN.password));
    assert_eq!(listener.hear(), r#"{"event":"error","error":"wrong protocol"}"#);
    assert_eq!(listener.hear(), r#"{"event":"error","error":"wrong format"}"#);
    let (_, log) = connector.stop();
    assert!(log.contains(" DEBUG "), "{log}");
}

#[test]
fn recording_by_key_and_by_listener_is_announced() {
    let (stage, connector) = live_stage();
    let mut observer = Observer::new(stage.switch.address());
    let mut listener = Listener::login(&connector, ADMIN);
    let moderator = stage.dial(Caller::user("20000"), "30000");
    listener.hear_until("floorchange");

    stage.press(moderator, '1');
    let started = listener.hear();
    let folder = stage.recording("").to_string_lossy().into_owned();
    assert!(
        started.starts_with(&format!(r#"{{"event":"recStart","conference":"team","file":"{folder}team-20"#)),
        "{started}"
    );
    assert!(started.ends_with(r#"Z.wav"}"#), "{started}");
    let file = started.split('"').nth(11).unwrap().to_owned();
    assert_eq!(observer.next_sound(), "recording_started.wav");
    let told = |event: &str| format!(r#"{{"event":"{event}","conference":"team","file":"{file}"}}"#);

    listener.ask(r#"{"req":"exec","conference":"team","call":"startrec"}"#);
    assert_eq!(observer.next_sound(), "already_recording.wav");
    listener.ask(r#"{"req":"exec","conference":"team","call":"pauserec"}"#);
    assert_eq!(listener.hear(), told("recPause"));
    assert_eq!(observer.next_sound(), "recording_paused.wav");
    stage.press(moderator, '1');
    assert_eq!(observer.next_sound(), "recording_paused_to_resume_press_resume.wav");
    stage.press(moderator, '3');
    assert_eq!(listener.hear(), told("recResume"));
    assert_eq!(observer.next_sound(), "resuming_recording.wav");
    listener.ask(r#"{"req":"exec","conference":"team","call":"stoprec"}"#);
    assert_eq!(listener.hear(), r#"{"event":"recStop","conference":"team"}"#);
    assert_eq!(observer.next_sound(), "recording_stopped.wav");
    stage.press(moderator, '5');
    assert_eq!(observer.next_sound(), "not_recording_to_start_press_start.wav");
}

#[test]
fn a_recording_that_fails_is_told_to_listeners_and_the_log() {
    let (stage, mut connector) = live_stage();
    stage.switch.edit(|switch| switch.faults.unwritable.push(stage.recording("").to_string_lossy().into_owned()));
    let mut listener = Listener::login(&connector, MARIA);
    let moderator = stage.dial(Caller::user("21000"), "31000");
    listener.hear_until("floorchange");
    stage.press(moderator, '1');
    let heard = listener.hear_until("error");
    assert!(heard.last().unwrap().contains("friends_video cannot be recorded"), "{heard:?}");
    connector.wait_for_line("friends_video");
    assert_eq!(listener.init()[0]["recording"], json!({"status": "norec"}));
}

#[test]
fn listeners_stay_while_the_switch_restarts_and_then_see_what_is() {
    let (stage, connector) = live_stage();
    let mut listener = Listener::login(&connector, PAUL);
    listener.init();
    stage.dial(Caller::user("22000"), "32000");
    listener.hear_until("floorchange");
    for end in [|stage: &Stage| stage.switch.shut_down(), |stage: &Stage| stage.switch.kill()] {
        end(&stage);
        stage.start_switch();
        stage.dial(Caller::loopback("Öst", "0309"), "32000");
        let heard = listener.hear_until("newLiveState");
        assert!(
            heard.iter().all(|frame| frame.contains("newLiveState") || frame == r#"{"event":"newXML"}"#),
            "{heard:?}"
        );
        // The listing may be from before the call.
        let now = wait_for("the caller", || listener.init(), |now| now[0]["memcount"] == 1);
        assert_eq!(now[0]["members"][0]["name"], "Öst");
    }
    stage.switch.cut();
    listener.hear_until("newLiveState");
    assert_eq!(listener.init()[0]["memcount"], 1);
}

#[test]
fn who_is_no_administrator_any_more_loses_its_socket_and_control_at_once() {
    let (stage, connector) = live_stage();
    stage.write_user("team", "20001", "eve", "secret-of-eve");
    stage.switch.reload();
    connector.wait_for_users(ADMIN, &["20000", "20001", "21000", "22000"]);
    let eve = Login { name: "eve", password: "secret-of-eve" };
    let mut listener = Listener::login(&connector, eve);
    let mut witness = Listener::login(&connector, ADMIN);
    witness.init();
    stage.dial(Caller::user("20000"), "30000");
    listener.hear_until("floorchange");
    let change = json!([{ "id": "20001", "context": "public", "password": eve.password, "email": "eve@example.org" }]);
    let done = connector.post(ADMIN, "/api/users/mod", &change).json();
    assert_eq!(done["done"][0]["context"], "public", "{done}");
    // The answer has come, so its socket is closed already, or about to be; nothing that it sends is carried out.
    listener.try_ask(r#"{"req":"exec","conference":"team","call":"kickall"}"#);
    assert_eq!(listener.end().0, 1008);
    witness.hear_until("floorchange");
    let mut guest = Listener::login(&connector, eve);
    assert_eq!(guest.init(), json!([]));
    assert_eq!(witness.init()[0]["memcount"], 1);
}

#[test]
fn a_guest_controls_nothing() {
    let (stage, connector) = live_stage();
    let paul = stage.dial(Caller::user("22000"), "32000");
    for request in [
        r#"{"req":"exec","conference":"public","call":"lock"}"#,
        r#"{"req":"exec","conference":"nowhere","call":"kickall"}"#,
        r#"{"req":"memexec","conference":"public","call":"unmute","member":"2"}"#,
    ] {
        let mut guest = Listener::login(&connector, PAUL);
        guest.ask(request);
        assert_eq!(guest.end(), (1008, "guests may not control conferences".to_owned()), "{request}");
    }
    let mut guest = Listener::login(&connector, PAUL);
    let shown = &guest.init()[0];
    assert_eq!((&shown["locked"], &shown["members"][0]["mute"]), (&json!(false), &json!(true)));
    stage.leave(paul);
    guest.hear_until("delConference");
}

#[test]
fn a_conference_with_a_quote_in_its_name_is_seen_and_left_alone() {
    let (stage, connector) = live_stage();
    let mut admin = Listener::login(&connector, ADMIN);
    let mut member = Listener::login(&connector, MARIA);
    assert_eq!((admin.init(), member.init()), (json!([]), json!([])));
    let call = stage.join(Caller::loopback("Öst", "0309"), r#"a"b@16kHz-novideo"#);
    admin.hear_until("floorchange");
    let shown = &admin.init()[0];
    assert_eq!((&shown["name"], &shown["context"], &shown["num"]), (&json!("a\"b"), &json!(""), &json!("")));
    assert_eq!(member.init(), json!([]), "nobody knows whose it is");
    for listener in [&mut admin, &mut member] {
        listener.ask(r#"{"req":"exec","conference":"a\"b","call":"kickall"}"#);
        assert!(listener.hear().starts_with(r#"{"event":"error","error":""#));
    }
    assert_eq!(admin.init()[0]["memcount"], 1);
    stage.leave(call);
    admin.hear_until("delConference");
}

/// More events of a conference with a long name than sockets and the ring hold for somebody who does not read.
const THOUSANDS: usize = 12;

#[test]
fn who_does_not_read_costs_nobody_anything_and_sees_what_is_in_the_end() {
    let (stage, connector) = live_stage();
    let [mut listener, mut idle] = [ADMIN, ADMIN].map(|login| Listener::login(&connector, login));
    assert_eq!((listener.init(), idle.init()), (json!([]), json!([])));
    let name = "x".repeat(4_000);
    stage.join(Caller::loopback("Öst", "0309"), &format!("{name}@16kHz-novideo"));
    listener.hear_until("floorchange");
    let expected = ["mute", "unmute"].map(|event| about(&name, event, "\"2\""));
    for _ in 0..THOUSANDS {
        stage.switch.drive(|switch, now, out| switch.burst(now, &name, 1_000, out));
        for at in 0..1_000 {
            assert_eq!(listener.hear(), expected[at % 2]);
        }
    }
    idle.hear_until("newLiveState");
    assert_eq!(idle.init(), listener.init());
    assert_eq!(listener.init()[0]["members"][0]["mute"], json!(false));
}
