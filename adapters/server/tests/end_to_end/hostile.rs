//! Clients that mean no good: the program lives on, others are answered meanwhile, the session with the switch holds, and
//! memory stays bounded.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::{Value, json};

use crate::client::{Answer, Login, Regular, authorization, try_request_on};
use crate::connector::{Connector, PATIENCE};
use crate::stage::{ADMIN, MARIA, PAUL, Stage};

/// Where a client is that means well.
const OTHER: [u8; 4] = [127, 0, 0, 2];

const MIB: u64 = 1 << 20;

/// How many files this process may have open, after it has asked for as many as it can have.
static DESCRIPTORS: LazyLock<usize> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap())
});

/// A connection from an address of this computer.
fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    // Not for the programs that other tests start.
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((from, 0))).unwrap();
    rustix::net::connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The address of one of many who mean no good.
fn stranger(number: usize) -> [u8; 4] {
    [127, 0, 1, 1 + u8::try_from(number % 200).unwrap()]
}

/// The program under attack.
struct Siege {
    connector: Connector,
    stage: Stage,
    /// Since when it is connected to the switch.
    since: Value,
    /// Bytes of its memory at the beginning.
    memory: u64,
    /// How many users were added.
    added: usize,
}

impl Siege {
    fn lay() -> Self {
        let stage = Stage::new();
        let connector = stage.ready();
        Self::of(stage, connector)
    }

    fn of(stage: Stage, connector: Connector) -> Self {
        let mut siege = Self { connector, stage, since: Value::Null, memory: 0, added: 0 };
        siege.since = siege.switch()["since"].clone();
        // After this it has what it needs anyway.
        siege.add_user();
        siege.memory = siege.memory_now();
        siege
    }

    /// Somebody who means well asks for something.
    fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        let send = |headers: &[(&str, &str)]| {
            try_request_on(connect_from(OTHER, self.connector.address), method, target, headers, body).unwrap()
        };
        let challenge = send(&[]);
        assert_eq!(challenge.status, 401, "{challenge:?}");
        send(&[("Authorization", &authorization(&challenge, ADMIN, method, target))])
    }

    fn switch(&self) -> Value {
        self.ask("GET", "/api/info", "").json()["info"]["switch"].take()
    }

    fn add_user(&mut self) {
        let name = format!("user{}", self.added);
        let answer = self.ask("POST", "/api/users/add", &user(&name)).json();
        assert_eq!((&answer["done"][0]["name"], &answer["failed"]), (&json!(name), &json!([])));
        self.added += 1;
    }

    fn memory_now(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.connector.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// The program goes on, and has not taken more than so many bytes since the beginning.
    fn assert_holds(&mut self, more_memory: u64) {
        assert!(self.connector.is_alive());
        self.add_user();
        let switch = self.switch();
        assert_eq!((&switch["connected"], &switch["since"]), (&json!(true), &self.since));
        let grown = self.memory_now().saturating_sub(self.memory);
        assert!(grown <= more_memory, "{} MiB more", grown / MIB);
    }

    /// Ends the program in good order; gives the lines that it wrote since it was ready and that tell of no change, as far as
    /// an administrator sees them who has not asked for more.
    fn end(mut self) -> Vec<String> {
        assert!(self.connector.is_alive());
        let (code, log) = self.connector.stop();
        assert_eq!(code, Some(0), "{log}");
        let behind = log.lines().skip_while(|line| !line.contains("listening on"));
        let is_shown = |line: &&str| !line.contains(" DEBUG ") && !line.contains(" TRACE ");
        behind.filter(is_shown).filter(|line| !line.contains("users/add")).map(str::to_owned).collect()
    }
}

/// The body that has a user added.
fn user(name: &str) -> String {
    json!([{"name": name, "email": "a@example.org", "context": "team"}]).to_string()
}

#[test]
fn ten_thousand_idle_connections_keep_nobody_out() {
    let mut siege = Siege::lay();
    let count = 10_000.min(DESCRIPTORS.saturating_sub(2000));
    let mut idle = Vec::with_capacity(count);
    for number in 0..count {
        idle.push(connect_from(stranger(number), siege.connector.address));
        if number % 2000 == 0 {
            siege.assert_holds(64 * MIB);
        }
    }
    siege.assert_holds(64 * MIB);
    let log = siege.end();
    assert!(log.len() < 20, "{log:#?}");
}

#[test]
fn slow_senders_keep_nobody_waiting() {
    let mut siege = Siege::lay();
    let begin = |number: usize| {
        let mut stream = connect_from(stranger(number % 12), siege.connector.address);
        let begun = if number.is_multiple_of(2) {
            "GET /api/users HTTP/1.1\r\nHost: x\r\nA: "
        } else {
            "POST /api/users/add HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
        };
        stream.write_all(begun.as_bytes()).unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..600).map(begin).collect();
    for _ in 0..5 {
        for stream in &mut slow {
            // It may have been closed by now.
            let _ = stream.write_all(b"a");
        }
        siege.assert_holds(16 * MIB);
    }
    drop(slow);
    siege.end();
}

#[test]
fn clients_that_read_nothing_of_large_answers_cost_little() {
    let stage = Stage::with_example();
    stage.write_static("phone/large", "");
    // Without a byte on the disk.
    fs::File::options().write(true).open(stage.static_path("phone/large")).unwrap().set_len(256 * MIB).unwrap();
    let connector = stage.ready();
    let mut siege = Siege::of(stage, connector);
    let address = siege.connector.address;
    let ask = |login: Login<'_>| {
        let challenge = try_request_on(connect_from(stranger(1), address), "GET", "/large", &[], "").unwrap();
        let mut stream = connect_from(stranger(1), address);
        let authorization = authorization(&challenge, login, "GET", "/large");
        write!(stream, "GET /large HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        stream
    };
    let slow: Vec<TcpStream> =
        [MARIA, PAUL].into_iter().flat_map(|login| (0..8).map(move |_| login)).map(ask).collect();
    let deaf: Vec<TcpStream> = (0..50).map(|number| send_until_full(connect_from(stranger(number), address))).collect();
    siege.assert_holds(48 * MIB);
    drop((slow, deaf));
    siege.end();
}

/// Sends requests and reads no answer: thousands of them, unless the program takes no more before.
fn send_until_full(mut stream: TcpStream) -> TcpStream {
    let requests = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    stream.set_nonblocking(true).unwrap();
    for _ in 0..20 {
        match stream.write(&requests) {
            Ok(_) => thread::yield_now(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    stream
}

/// Bytes that look a little like HTTP, TLS or a WebSocket, or like nothing.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 24] = [
        b"GET ",
        b"POST /api/users/add",
        b"/api/live?login=",
        b"?ticket=",
        b" HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffff\r\n",
        b"0\r\n\r\n",
        b"Expect: 100-continue\r\n",
        b"Authorization: Digest username=\"admin\", nonce=\"",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x81\xfe\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0",
        b"\xff\xfe",
        b"%00%ff",
        b"../../etc/passwd",
        b"${jndi:ldap://x}",
    ];
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        proptest::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_storm_of_garbage_leaves_no_trace() {
    let mut siege = Siege::lay();
    let address = siege.connector.address;
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let storm = proptest::collection::vec(garbage(), 100);
    runner
        .run(&storm, |storm| {
            let mut streams: Vec<TcpStream> =
                (0..storm.len()).map(|number| connect_from(stranger(number), address)).collect();
            for (stream, bytes) in streams.iter_mut().zip(&storm) {
                // The program may have had enough already.
                let _ = stream.write_all(bytes);
            }
            let well = try_request_on(connect_from(OTHER, address), "GET", "/livez", &[], "");
            prop_assert_eq!(well.map(|answer| answer.status).ok(), Some(200));
            Ok(())
        })
        .unwrap();
    siege.assert_holds(16 * MIB);
    let log = siege.end();
    assert!(log.len() < 20, "{log:#?}");
}

#[test]
fn with_few_descriptors_there_are_few_connections_and_all_goes_on() {
    let stage = Stage::new();
    let variables = stage.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let connector = Connector::start_with_descriptors(80, &variables);
    connector.wait_until_ready();
    let mut siege = Siege::of(stage, connector);
    let _idle: Vec<TcpStream> =
        (0..300).map(|number| connect_from(stranger(number), siege.connector.address)).collect();
    for _ in 0..3 {
        siege.assert_holds(16 * MIB);
    }
    let log = siege.end();
    assert!(log.len() < 20 && !log.iter().any(|line| line.contains("ERROR")), "{log:#?}");
}

/// How many files the program may have open, changed while it runs. Dropped, it is as it was.
struct Descriptors {
    pid: u32,
    before: Rlimit,
}

impl Descriptors {
    fn of(connector: &Connector) -> Self {
        let pid = connector.id();
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let mut numbers = line.split_whitespace().skip(3).map(|number| number.parse().ok());
        let before =
            Rlimit { current: numbers.next().unwrap_or_default(), maximum: numbers.next().unwrap_or_default() };
        Self { pid, before }
    }

    fn set(&self, limit: Rlimit) {
        let pid = Pid::from_raw(self.pid.cast_signed());
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }

    /// Leaves the program no more than so many descriptors beyond those it has.
    fn leave(&self, more: usize) {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap();
        let used: BTreeSet<u64> =
            open.map(|entry| entry.unwrap().file_name().to_string_lossy().parse().unwrap()).collect();
        // The limit is one of their numbers, and those that are free are given out first.
        let limit = (0..).filter(|number| !used.contains(number)).nth(more);
        self.set(Rlimit { current: limit, ..self.before });
    }

    fn restore(&self) {
        self.set(self.before);
    }
}

#[test]
fn a_change_that_runs_out_of_descriptors_is_made_or_not_but_never_half() {
    let mut siege = Siege::lay();
    let descriptors = Descriptors::of(&siege.connector);
    let mut known: BTreeSet<String> = siege.connector.user_ids(ADMIN).into_iter().collect();
    let (mut done, mut refused) = (0, 0);
    for more in 0..32 {
        let mut client = Regular::new(connect_from(OTHER, siege.connector.address), ADMIN);
        assert_eq!(client.request("GET", "/api/info", "").unwrap().status, 200);
        descriptors.leave(more);
        let answer = client.request("POST", "/api/users/add", &user(&format!("late{more}"))).unwrap();
        descriptors.restore();
        let added = answer.json()["done"][0]["id"].as_str().map(str::to_owned);
        assert!(added.is_some() || !answer.json()["failed"].is_null(), "{answer:?}");
        *(if added.is_some() { &mut done } else { &mut refused }) += 1;
        known.extend(added);
        let shown: BTreeSet<String> = siege.connector.user_ids(ADMIN).into_iter().collect();
        assert_eq!(shown, known, "with {more} more: {answer:?}");
        assert_eq!(siege.ids_on_disk(), known, "with {more} more");
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    siege.assert_holds(16 * MIB);
}

impl Siege {
    /// The ids of all users that have a file.
    fn ids_on_disk(&self) -> BTreeSet<String> {
        let names = self.stage.names("directory/team");
        assert!(!names.iter().any(|name| name.starts_with('.')), "something was left over: {names:?}");
        names.iter().filter_map(|name| Some(name.strip_suffix(".xml")?.to_owned())).collect()
    }

    /// The processor time it has used, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.connector.id())).unwrap();
        // Behind the name, which can hold anything: from the state on, the twelfth and the thirteenth.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

#[test]
fn without_descriptors_strangers_make_room_and_who_waits_is_let_in_when_there_are_some_again() {
    let mut siege = Siege::lay();
    let address = siege.connector.address;
    let mut client = Regular::new(connect_from(OTHER, address), ADMIN);
    assert_eq!(client.request("GET", "/api/info", "").unwrap().status, 200);
    let descriptors = Descriptors::of(&siege.connector);
    descriptors.leave(20);
    let mut strangers: Vec<TcpStream> = (0..24).map(|number| connect_from(stranger(number), address)).collect();
    let newcomer = move || try_request_on(connect_from(OTHER, address), "GET", "/livez", &[], "");
    assert_eq!(newcomer().unwrap().status, 200, "a stranger made room");
    // Now nobody gets a descriptor, whoever goes.
    descriptors.set(Rlimit { current: Some(3), ..descriptors.before });
    let waiting = thread::spawn(newcomer);
    let before = siege.ticks();
    // Each attempt to accept sends a stranger away, and then there is a pause.
    for stream in &mut strangers[..12] {
        while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
    }
    assert!(siege.ticks() - before < 25, "it tries without a pause");
    let info = client.request("GET", "/api/info", "").unwrap().json();
    assert_eq!(info["info"]["switch"]["since"], siege.since);
    descriptors.restore();
    assert_eq!(waiting.join().unwrap().unwrap().status, 200);
    siege.assert_holds(16 * MIB);
    let log = siege.end();
    let complaints = log.iter().filter(|line| line.contains("connections cannot be accepted for now"));
    assert!((1..4).contains(&complaints.count()) && log.len() < 20, "{log:#?}");
}
