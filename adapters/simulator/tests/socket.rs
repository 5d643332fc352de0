//! The event socket over real connections.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{Caller, EventSocket, Identity, SimSwitch};

fn open() -> EventSocket<Memory> {
    let files = Memory::new([("freeswitch.xml", "<document>\n<section name=\"directory\"/>\n</document>\n")]);
    let now = 1_795_405_352_545_035;
    EventSocket::open(SimSwitch::new(files, Identity::default(), now), "127.0.0.1:0".parse().unwrap()).unwrap()
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(socket: &EventSocket<Memory>) -> Self {
        let stream = TcpStream::connect(socket.address()).unwrap();
        // Long past anything that is waited for: a test that fails should not hang.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Connects and says `commands` after the password; the answers to both are read.
    fn authenticated(socket: &EventSocket<Memory>, commands: &[&str]) -> Self {
        let mut client = Client::connect(socket);
        assert_eq!(client.frame().0, "Content-Type: auth/request\n");
        for command in [&["auth ClueCon"], commands].concat() {
            client.say(command);
            assert!(client.frame().0.contains("+OK"));
        }
        client
    }

    fn say(&mut self, command: &str) {
        self.stream.get_mut().write_all(format!("{command}\n\n").as_bytes()).unwrap();
    }

    /// The head and the body of what comes next.
    fn frame(&mut self) -> (String, String) {
        let mut head = String::new();
        while !head.ends_with("\n\n") && self.stream.read_line(&mut head).unwrap() > 0 {}
        head.pop();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// All that still comes until the connection is closed.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A connection that is reset is closed as well.
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }
}

#[test]
fn a_client_asks_and_another_hears_of_it() {
    let socket = open();
    let mut listener = Client::authenticated(&socket, &["event plain RELOADXML"]);
    let mut asker = Client::authenticated(&socket, &[]);
    asker.say("api reloadxml");
    assert_eq!(asker.frame().1, "+OK [Success]\n");
    assert!(listener.frame().1.starts_with("Event-Name: RELOADXML\n"));
}

#[test]
fn files_can_be_edited_while_the_switch_runs() {
    let socket = open();
    let mut client = Client::authenticated(&socket, &["event plain RELOADXML"]);
    socket.edit(|switch| switch.files_mut().files.insert("freeswitch.xml".into(), b"<a>\n</b>\n".to_vec()));
    assert_eq!(socket.reload(), b"+OK [[error near line 2]: unexpected closing tag </b>]\n");
    socket.edit(|switch| switch.files_mut().files.insert("freeswitch.xml".into(), b"<a>\n</a>\n".to_vec()));
    assert_eq!(socket.reload(), b"+OK [Success]\n");
    assert!(client.frame().1.starts_with("Event-Name: RELOADXML\n"));
    client.say("api xml_locate root");
    assert_eq!(client.frame().1, "<a>\n</a>\n");
}

#[test]
fn a_shutdown_is_announced_and_a_start_takes_the_same_port() {
    let socket = open();
    let mut client = Client::authenticated(&socket, &["event plain SHUTDOWN"]);
    socket.shut_down();
    assert!(client.frame().1.contains("System%20Shutting%20Down"));
    assert_eq!(client.frame().1, "The system is being shut down.\n");
    assert_eq!(client.rest(), b"");
    assert!(TcpStream::connect(socket.address()).is_err());
    socket.start().unwrap();
    Client::authenticated(&socket, &[]);
}

#[test]
fn a_killed_switch_says_nothing() {
    let socket = open();
    let mut client = Client::authenticated(&socket, &["event plain all"]);
    socket.kill();
    assert_eq!(client.rest(), b"");
    assert!(TcpStream::connect(socket.address()).is_err());
}

#[test]
fn a_frame_can_be_cut_anywhere() {
    let socket = open();
    let mut client = Client::authenticated(&socket, &[]);
    socket.cut_within_next_frame(20);
    client.say("api version");
    assert_eq!(client.rest(), b"Content-Type: api/re");
    Client::authenticated(&socket, &[]);
}

#[test]
fn all_connections_can_be_cut_while_the_switch_goes_on() {
    let socket = open();
    let mut client = Client::authenticated(&socket, &[]);
    socket.cut();
    assert_eq!(client.rest(), b"");
    Client::authenticated(&socket, &[]);
}

#[test]
fn a_frozen_switch_accepts_and_says_nothing_until_it_is_started_again() {
    let socket = open();
    let mut old = Client::authenticated(&socket, &[]);
    socket.freeze();
    let mut new = Client::connect(&socket);
    old.say("api version");
    new.say("auth ClueCon");
    socket.kill();
    assert_eq!(old.rest(), b"");
    assert_eq!(new.rest(), b"");
    socket.start().unwrap();
    Client::authenticated(&socket, &[]);
}

#[test]
fn a_late_answer_comes_when_it_is_due() {
    let socket = open();
    let late = fsconnector_simulator::Answer::After(1000);
    socket.edit(|switch| switch.faults.answers.push(("api version".to_owned(), late)));
    let mut client = Client::authenticated(&socket, &[]);
    client.say("api version");
    client.say("api global_getvar hostname");
    assert!(client.frame().1.starts_with("FreeSWITCH Version"));
    assert_eq!(client.frame().1, "switch");
}

#[test]
fn heartbeats_come_by_themselves() {
    let identity = Identity { heartbeat: 1000, ..Identity::default() };
    let switch = SimSwitch::new(Memory::default(), identity, 0);
    let socket = EventSocket::open(switch, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = Client::authenticated(&socket, &["event plain HEARTBEAT"]);
    assert!(client.frame().1.starts_with("Event-Name: HEARTBEAT\n"));
}

#[test]
fn a_dropped_socket_gives_its_port_back() {
    let address = open().address();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn callers_can_be_driven_while_clients_listen() {
    let root = "<document><section name=\"configuration\"><configuration name=\"conference.conf\"><profiles>\
                <profile name=\"wide\"/></profiles></configuration></section></document>";
    let switch = SimSwitch::new(Memory::new([("freeswitch.xml", root)]), Identity::default(), 0);
    let socket = EventSocket::open(switch, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = Client::authenticated(&socket, &["event plain CUSTOM conference::maintenance"]);
    let call = socket.drive(|switch, now, out| switch.join(now, Caller::user("20000"), "team@wide", out)).unwrap();
    // The last of these follows by itself.
    for action in ["conference-create", "add-member", "floor-change"] {
        assert!(client.frame().1.contains(&format!("\nAction: {action}\n")));
    }
    socket.drive(|switch, now, out| switch.leave(now, call, out));
    for action in ["floor-change", "del-member", "conference-destroy"] {
        assert!(client.frame().1.contains(&format!("\nAction: {action}\n")));
    }
    assert_eq!(socket.edit(|switch| switch.conferences()), []);
}
