//! How the program ends when it is told to, whatever is under way.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::channel;
use std::thread;

use fsconnector_simulator::Answer;
use serde_json::json;

use crate::client::{authorization, post, request, try_get};
use crate::connector::{Connector, PATIENCE, wait_for};
use crate::listener::Listener;
use crate::stage::{ADMIN, MARIA, Stage};

/// The end that every test here wants: in good order, and in the time that the program gives itself.
fn assert_ended(connector: Connector) -> String {
    let (code, log) = connector.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(" stopped\n") && !log.contains("panicked"), "{log}");
    log
}

/// Waits until nobody is let in any more.
fn wait_until_closed(address: SocketAddr) {
    wait_for("a refusal", || TcpStream::connect(address).is_err(), |is_refused| *is_refused);
}

fn anna() -> serde_json::Value {
    json!([{"name": "anna", "email": "anna@example.org", "context": "team"}])
}

#[test]
fn a_change_that_is_under_way_is_finished_and_answered_and_further_signals_change_nothing() {
    let stage = Stage::new();
    let connector = stage.ready();
    let before = stage.loads();
    stage.switch.edit(|switch| switch.faults.answers.push(("api reloadxml".into(), Answer::After(1_000_000))));
    let address = connector.address;
    let answer = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna()).unwrap());
    wait_for("the reload", || stage.loads(), |loads| *loads > before);
    for signal in ["-TERM", "-HUP", "-TERM", "-INT"] {
        connector.signal(signal);
    }
    wait_until_closed(address);
    let answer = answer.join().unwrap();
    assert_eq!((answer.status, &answer.json()["done"][0]["id"]), (200, &json!("20001")), "{answer:?}");
    let log = assert_ended(connector);
    assert!(log.contains("users/add: done [20001]"), "{log}");
    assert!(stage.path("directory/team/20001.xml").is_file());
}

#[test]
fn a_frozen_switch_does_not_hold_it_up_and_the_change_is_undone_at_the_next_start() {
    let stage = Stage::new();
    let connector = stage.ready();
    let before = stage.loads();
    stage.switch.edit(|switch| switch.faults.answers.push(("api reloadxml".into(), Answer::Never)));
    let address = connector.address;
    let answer = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna()).unwrap());
    wait_for("the reload", || stage.loads(), |loads| *loads > before);
    stage.switch.freeze();
    connector.signal("-TERM");
    let answer = answer.join().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("whether the change was made will show"), "{answer:?}");
    let log = assert_ended(connector);
    assert_eq!(log.matches("users/add: done [], failed [the connector stops").count(), 1, "{log}");
    assert_eq!(log.matches("users/add:").count(), 1, "{log}");
    let mut next = stage.connector();
    next.wait_for_line("an unfinished change of an earlier run was undone");
    assert_eq!(stage.names("directory/team"), ["20000.xml"]);
}

#[test]
fn a_client_that_does_not_read_and_one_that_does_not_send_do_not_hold_it_up() {
    let stage = Stage::new();
    let connector = stage.ready();
    // Longer than all buffers on the way.
    File::create(stage.recording("long.wav")).unwrap().set_len(64 << 20).unwrap();
    let reader = begin(&connector, "GET", "/api/recordings/long.wav", 0);
    let mut begun = [0; 16];
    (&reader).read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK\r");
    let mut sender = begin(&connector, "POST", "/api/users/add", 100);
    sender.write_all(b"[").unwrap();
    let idle = TcpStream::connect(connector.address).unwrap();
    connector.signal("-TERM");
    assert_ended(connector);
    drop((reader, sender, idle));
}

/// Sends the head of a request that logs in, and announces a body.
fn begin(connector: &Connector, method: &str, target: &str, length: usize) -> TcpStream {
    let challenge = request(connector.address, method, target, &[]);
    let authorization = authorization(&challenge, ADMIN, method, target);
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    crate::secrets::learn(connector.address, |secrets| secrets.read_head(&head));
    let mut stream = TcpStream::connect(connector.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Once something was answered, the connection is one that the program knows.
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn listeners_are_told_that_it_goes_away_even_beside_one_that_does_not_read() {
    let stage = Stage::with_example();
    let connector = stage.ready();
    let [mut listener, mut deaf] = [MARIA, ADMIN].map(|login| Listener::login(&connector, login));
    listener.init();
    deaf.init();
    connector.signal("-TERM");
    assert_eq!(listener.end(), (1001, "the server stops".into()));
    assert_ended(connector);
    drop(deaf);
}

#[test]
fn the_switch_is_told_that_it_exits() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let stage = Stage::new();
    let (sender, heard) = channel();
    let port = socket.local_addr().unwrap().port().to_string();
    thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || sender.send(agree(stream)));
        }
    });
    let mut variables = stage.variables();
    variables.push(("FSPORT".into(), port));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut connector = Connector::start(&[], &variables);
    connector.wait_for_line("the switch is connected");
    connector.signal("-TERM");
    assert_ended(connector);
    for _ in 0..2 {
        let told = heard.recv_timeout(PATIENCE).unwrap();
        assert!(told.ends_with("exit\n\n"), "{told}");
    }
}

/// A switch that agrees to everything; what it was told.
fn agree(mut stream: TcpStream) -> String {
    let mut told = String::new();
    let mut answered = 0;
    stream.write_all(b"Content-Type: auth/request\n\n").unwrap();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        told.push_str(&String::from_utf8_lossy(&bytes[..count]));
        for command in told[answered..].split_inclusive("\n\n").filter(|command| command.ends_with("\n\n")) {
            answered += command.len();
            let reply = if command.starts_with("api ") {
                "Content-Type: api/response\nContent-Length: 4\n\nnone"
            } else {
                "Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
            };
            // Who exits does not wait for the answer.
            let _ = stream.write_all(reply.as_bytes());
        }
    }
    told
}

#[test]
fn a_sweep_over_all_phones_answers_and_leaves_whole_files() {
    const USERS: usize = 500;
    let stage = Stage::new();
    let connector = stage.ready();
    let user =
        |number: usize| json!({"name": format!("user {number}"), "email": "a@example.org", "context": "friends"});
    let added = connector.post(ADMIN, "/api/users/add", &(0..USERS).map(user).collect()).json();
    assert_eq!(added["done"].as_array().unwrap().len(), USERS);
    let files: Vec<_> = (21_000..21_000 + USERS).map(|id| format!("linphone/{id}/linphone.xml")).collect();
    for file in &files {
        stage.write_static(file, "old");
    }
    let address = connector.address;
    let answer = thread::spawn(move || try_get(address, ADMIN, "/api/users/reprov").unwrap());
    wait_for("the first file", || stage.static_text(&files[0]), |text| text.as_deref() != Some("old"));
    connector.signal("-TERM");
    let answer = answer.join().unwrap().json();
    assert_ended(connector);
    let done: Vec<&str> = answer["done"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
    assert_eq!(done.len() + answer["failed"].as_array().unwrap().len(), USERS + 1, "{answer}");
    for file in &files {
        let text = stage.static_text(file).unwrap();
        let is_new = text.starts_with("<?xml") && text.trim_end().ends_with("</config>");
        let id = file.split('/').nth(1).unwrap();
        assert!(if done.contains(&id) { is_new } else { is_new || text == "old" }, "{file}: {text}");
        let names: Vec<_> = fs::read_dir(stage.static_path(file).parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

#[test]
fn a_sweep_that_waits_for_its_turn_is_not_begun_any_more() {
    let stage = Stage::with_example();
    let connector = stage.ready();
    stage.write_static("linphone/20000/linphone.xml", "old");
    let before = stage.loads();
    stage.switch.edit(|switch| switch.faults.answers.push(("api reloadxml".into(), Answer::After(1_000_000))));
    let address = connector.address;
    let change = thread::spawn(move || post(address, ADMIN, "/api/users/add", &anna()).unwrap());
    wait_for("the reload", || stage.loads(), |loads| *loads > before);
    let mut sweep = begin(&connector, "GET", "/api/users/reprov", 0);
    connector.signal("-TERM");
    let mut answer = String::new();
    sweep.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("the connector stops; ask again when it is back").count(), 4, "{answer}");
    assert_eq!(change.join().unwrap().status, 200);
    assert_ended(connector);
    assert_eq!(stage.static_text("linphone/20000/linphone.xml").as_deref(), Some("old"));
}

#[test]
fn a_hang_up_does_not_end_it() {
    let stage = Stage::new();
    let mut connector = stage.ready();
    connector.signal("-HUP");
    connector.wait_for_line("Hup: ");
    assert_eq!(connector.get(ADMIN, "/api/users").status, 200);
    assert_eq!(connector.stop().0, Some(0));
}

#[test]
fn systemd_is_told_when_it_listens_and_when_it_stops() {
    let stage = Stage::new();
    let path = stage.temporary().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim_end().to_owned()
    };
    let mut variables = stage.variables();
    variables.push(("NOTIFY_SOCKET".into(), path.to_string_lossy().into_owned()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let connector = Connector::start(&[], &variables);
    assert_eq!(told(), "READY=1");
    connector.signal("-TERM");
    assert_eq!(told(), "STOPPING=1");
    assert_ended(connector);
}

#[test]
fn its_sockets_go_with_it_and_after_a_kill_at_the_next_start() {
    let stage = Stage::new();
    let sockets = || fs::read_dir(stage.temporary()).unwrap().count();
    let connector = stage.ready();
    assert_eq!(sockets(), 1);
    connector.kill();
    assert_eq!(sockets(), 1, "nobody could remove them");
    let connector = stage.ready();
    assert_eq!(sockets(), 1);
    connector.stop();
    assert_eq!(sockets(), 0);
}

#[test]
fn a_client_gets_the_whole_of_a_download_that_it_reads_when_sigterm_comes() {
    let stage = Stage::new();
    let connector = stage.ready();
    fs::write(stage.recording("whole.wav"), vec![7; 8 << 20]).unwrap();
    let stream = begin(&connector, "GET", "/api/recordings/whole.wav", 0);
    let mut first = [0; 16];
    (&stream).read_exact(&mut first).unwrap();
    connector.signal("-TERM");
    let mut rest = Vec::new();
    (&stream).read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&[7; 1024]) && rest.len() > 8 << 20, "{}", rest.len());
    drop(stream);
    assert_ended(connector);
}
