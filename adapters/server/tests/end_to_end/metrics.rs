//! What is told to whoever measures, after this and that has happened.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use fsconnector_simulator::{Answer, Caller};
use serde_json::json;

use crate::client::{Login, post, request};
use crate::connector::{Connector, wait_for};
use crate::listener::Listener;
use crate::samples::Samples;
use crate::stage::{ADMIN, MARIA, Stage};

/// A connector, and where it tells what it has measured.
struct Measured {
    connector: Connector,
    metrics: SocketAddr,
}

impl Measured {
    fn new(mut connector: Connector) -> Self {
        let line = connector.wait_for_line("metrics at http://");
        let address = line.rsplit_once("http://").unwrap().1;
        let metrics = address.strip_suffix("/metrics").unwrap().parse().unwrap();
        connector.wait_until_ready();
        Self { connector, metrics }
    }

    fn text(&self) -> String {
        let answer = request(self.metrics, "GET", "/metrics", &[]);
        assert_eq!(answer.status, 200);
        let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(answer.headers("Content-Type"), [media_type]);
        answer.body
    }

    fn samples(&self) -> Samples {
        Samples::parse(&self.text())
    }

    /// Waits until a sample has this value.
    fn wait_for(&self, sample: &str, value: f64) {
        wait_for(sample, || self.samples().of(sample), |is| is_same(*is, value));
    }
}

/// Samples that count are whole numbers.
fn is_same(left: f64, right: f64) -> bool {
    (left - right).abs() < 0.5
}

#[track_caller]
fn check(figures: &[(f64, f64)]) {
    assert!(figures.iter().all(|(is, wanted)| is_same(*is, *wanted)), "{figures:?}");
}

#[test]
fn requests_are_counted_by_route_and_status_and_nothing_else_is() {
    let stage = Stage::with_example();
    let measured = Measured::new(stage.connector());
    let connector = &measured.connector;
    let before = measured.samples();
    for _ in 0..3 {
        assert_eq!(connector.get(ADMIN, "/api/users/byid/2").status, 200);
    }
    assert_eq!(connector.get(MARIA, "/api/users").status, 403);
    assert_eq!(connector.get(ADMIN, "/api/nothing").status, 404);
    assert_eq!(connector.get(ADMIN, "/index.html").status, 404);
    assert_eq!(connector.request("DELETE", "/api/users", &[]).status, 401);
    assert_eq!(connector.request("BREW", "/livez", &[]).status, 401);
    assert_eq!(connector.get(Login { password: "guessed", ..ADMIN }, "/userinfo").status, 401);
    let mut garbage = TcpStream::connect(connector.address).unwrap();
    garbage.write_all(b"garbage\n").unwrap();
    garbage.read_to_end(&mut Vec::new()).unwrap();
    let after = measured.samples();
    let told = |method, route, status| after.requests(method, route, status) - before.requests(method, route, status);
    check(&[
        (told("GET", "/api/users/byid/{text}", 401), 3.0),
        (told("GET", "/api/users/byid/{text}", 200), 3.0),
        (told("GET", "/api/users", 401), 1.0),
        (told("GET", "/api/users", 403), 1.0),
        (told("DELETE", "/api/users", 401), 1.0),
        (told("GET", "unknown", 401), 1.0),
        (told("GET", "unknown", 404), 1.0),
        (told("GET", "/{path}", 401), 1.0),
        (told("GET", "/{path}", 404), 1.0),
        (told("other", "/{path}", 401), 1.0),
        (told("GET", "/userinfo", 401), 2.0),
        (told("other", "malformed", 400), 1.0),
        (after.requests_beyond(&before), 17.0),
        (after.of("http_logins_failed_total"), 1.0),
        (after.of("http_connections_total") - before.of("http_connections_total"), 17.0),
    ]);
}

#[test]
fn every_path_of_the_description_is_counted_under_its_own_name() {
    let stage = Stage::with_example();
    let measured = Measured::new(stage.connector());
    let description = measured.connector.get(ADMIN, "/api/openapi.json").json();
    let before = measured.samples();
    let mut count = 0.0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let target: String = path
                .split('/')
                .skip(1)
                .flat_map(|name| ["/", if name.starts_with('{') { "x" } else { name }])
                .collect();
            let status = measured.connector.request(&method.to_uppercase(), &target, &[]).status;
            let told = |samples: &Samples| samples.requests(&method.to_uppercase(), path, status);
            count += 1.0;
            let after = measured.samples();
            check(&[(told(&after) - told(&before), 1.0), (after.requests_beyond(&before), count)]);
        }
    }
    assert!(count > 50.0, "{count}");
}

#[test]
fn changes_reloads_and_read_backs_are_told_with_their_outcomes() {
    let stage = Stage::new();
    let measured = Measured::new(stage.connector());
    let connector = &measured.connector;
    let ended =
        |samples: &Samples, what: &str, outcome: &str| samples.of(&format!("{what}s_total{{outcome=\"{outcome}\"}}"));
    // The first answers may be followed by another reading: our own reload is an event as well.
    wait_for("quiet", || ended(&measured.samples(), "readback", "usable"), |count| *count >= 1.0);
    let before = measured.samples();
    let add = |name: &str| {
        let item = json!([{"name": name, "email": "a@example.org", "context": "friends"}]);
        connector.post(ADMIN, "/api/users/add", &item).json()
    };
    assert_eq!(add("anna")["done"][0]["id"], "21000");
    let after = measured.samples();
    let more = |after: &Samples, what, outcome| ended(after, what, outcome) - ended(&before, what, outcome);
    check(&[
        (more(&after, "transaction", "kept"), 1.0),
        (after.of("transaction_requests_total"), 1.0),
        (more(&after, "reload", "accepted"), 1.0),
        (ended(&after, "reload", "rejected"), 0.0),
        (ended(&after, "readback", "unusable"), 0.0),
        (after.of("users"), 2.0),
    ]);
    assert!(more(&after, "readback", "usable") >= 1.0);
    stage.write("directory/team/broken.xml", "<user id=\"20009\">\n");
    assert_eq!(add("bert")["done"], json!([]));
    fs::remove_file(stage.path("directory/team/broken.xml")).unwrap();
    assert_eq!(add("bert")["done"][0]["id"], "21001");
    let after = measured.samples();
    check(&[
        (more(&after, "transaction", "kept"), 2.0),
        (more(&after, "transaction", "rejected"), 1.0),
        (after.of("transaction_requests_total"), 3.0),
        (after.of("journal_recoveries_total{during=\"work\"}"), 1.0),
        (after.of("journal_recoveries_total{during=\"start\"}"), 0.0),
        (after.of("transaction_duration_seconds_count"), 3.0),
        (after.of("users"), 3.0),
        (after.of("waiting_changes"), 0.0),
    ]);
    assert!(ended(&after, "reload", "rejected") >= 1.0);
}

#[test]
fn who_is_live_and_who_listens_is_told_without_anybodys_name() {
    let stage = Stage::with_example();
    let measured = Measured::new(stage.connector());
    let mut listener = Listener::login(&measured.connector, MARIA);
    listener.init();
    let maria = stage.dial(Caller::user("21000"), "31000");
    stage.dial(Caller::user("20000"), "31000");
    stage.dial(Caller::user("22000"), "32000");
    // Two conferences that come, each with its first member and that one's floor, and one more member.
    measured.wait_for("listeners_events_total", 5.0);
    let samples = measured.samples();
    check(&[
        (samples.of("live_conferences"), 2.0),
        (samples.of("live_members"), 3.0),
        (samples.of("listeners"), 1.0),
        (samples.of("engine_answered"), 1.0),
        (samples.of("switch_connected"), 1.0),
        (samples.requests("GET", "/api/live", 101), 1.0),
    ]);
    assert!(samples.of("switch_events_total") > 3.0 && samples.of("switch_lag_seconds_count") >= 1.0);
    for standard in ["process_start_time_seconds", "fsconnector_build_info", "fsconnector_queue_length"] {
        assert!(samples.has(standard), "{standard}");
    }
    let text = measured.text();
    for name in ["maria", "friends_video", "21000", "31000", "127.0.0.1", "change-me"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    stage.leave(maria);
    measured.wait_for("live_members", 2.0);
    drop(listener);
    measured.wait_for("listeners", 0.0);
}

#[test]
fn sessions_with_the_switch_are_counted_as_they_come_and_go() {
    let stage = Stage::new();
    let measured = Measured::new(stage.connector());
    check(&[(measured.samples().of("switch_connects_total"), 1.0)]);
    stage.switch.cut();
    measured.wait_for("switch_connects_total", 2.0);
    stage.switch.shut_down();
    measured.wait_for("switch_connected", 0.0);
    let samples = measured.samples();
    check(&[(samples.of("switch_connects_total"), 2.0), (samples.of("switch_disconnects_total"), 2.0)]);
}

#[test]
fn a_reload_that_a_lost_session_cuts_off_is_counted() {
    let stage = Stage::new();
    let measured = Measured::new(stage.connector());
    let (address, before) = (measured.connector.address, stage.loads());
    stage.switch.edit(|switch| switch.faults.answers.push(("api reloadxml".into(), Answer::Never)));
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    let asked = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna).unwrap());
    wait_for("the reload", || stage.loads(), |loads| *loads > before);
    stage.switch.edit(|switch| switch.faults.answers.clear());
    stage.switch.cut();
    measured.wait_for("reloads_total{outcome=\"lost\"}", 1.0);
    assert_eq!(asked.join().unwrap().status, 503);
}

#[test]
fn what_the_start_has_put_back_is_told() {
    let stage = Stage::new();
    let connector = stage.ready();
    stage.switch.edit(|switch| switch.faults.answers.push(("api reloadxml".into(), Answer::Never)));
    let address = connector.address;
    let anna = json!([{"name": "anna", "email": "anna@example.org", "context": "friends"}]);
    let asked = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna));
    wait_for("the file", || stage.names("directory/friends"), |names| names.contains(&"21000.xml".to_owned()));
    connector.kill();
    assert!(asked.join().unwrap().is_err());
    stage.switch.edit(|switch| switch.faults.answers.clear());
    let measured = Measured::new(stage.connector());
    check(&[(measured.samples().of("journal_recoveries_total{during=\"start\"}"), 1.0)]);
}

#[test]
fn those_who_hold_all_places_do_not_disturb_the_program() {
    let stage = Stage::new();
    let measured = Measured::new(stage.connector());
    let idle: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(measured.metrics).unwrap()).collect();
    assert_eq!(measured.connector.user_ids(ADMIN), ["20000"]);
    drop(idle);
    measured.samples();
    for (method, target, status) in [("GET", "/", 404), ("POST", "/metrics", 405), ("GET", "/api/users", 404)] {
        let answer = request(measured.metrics, method, target, &[]);
        assert_eq!(answer.status, status, "{method} {target}");
        assert_eq!(answer.headers("Content-Type"), ["application/problem+json"]);
    }
}

#[test]
fn a_port_that_is_taken_is_said_and_the_program_goes_on_without_metrics() {
    let stage = Stage::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let configuration = stage.recording("fsconnector.toml");
    let text = format!("[metrics]\nport = {}\n", taken.local_addr().unwrap().port());
    fs::write(&configuration, text).unwrap();
    let mut connector = stage.connector_with(&["--config", configuration.to_str().unwrap()]);
    let line = connector.wait_for_line("for metrics");
    assert!(line.contains("ERROR") && line.contains("another address or port under [metrics]"), "{line}");
    connector.wait_until_ready();
    assert_eq!(connector.user_ids(ADMIN), ["20000"]);
    assert_eq!(connector.stop().0, Some(0));
}
