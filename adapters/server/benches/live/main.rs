//! The live state through everything: the real program, over real sockets, from the switch's event to the clients.
//!
//! `cargo bench -p fsconnector --bench live` prints a table. What the switch sends was made before; clients and whoever sends
//! run on the same computer, so the figures are those of all of them together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, dead_code)]

#[path = "../../tests/end_to_end/client.rs"]
mod client;
#[path = "../../tests/end_to_end/connector.rs"]
mod connector;
#[path = "../../tests/end_to_end/listener.rs"]
mod listener;
#[path = "../../tests/end_to_end/secrets.rs"]
mod secrets;
#[path = "../../tests/end_to_end/stage.rs"]
mod stage;

mod audience;
mod memory;
mod tap;

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use fsconnector_simulator::{Caller, Output, Phone};

use audience::Audience;
use connector::Connector;
use listener::Listener;
use memory::{Growth, Memory};
use stage::{ADMIN, PAUL, Stage};
use tap::Tap;

/// Members of the conference in which things happen.
const MEMBERS: usize = 20;

/// Events that are made before, and sent again and again: everybody is muted and heard again.
const ROUND: usize = 4_000;

fn main() {
    println!("Listeners, and those who never read; events of the switch; memory before and at the most.");
    println!("{:>12}{:>12}{:>12}{:>14}{:>24}", "listeners", "events", "events/s", "messages/s", "memory");
    for (listeners, stalled, events) in
        [(0, 0, 600_000), (1, 0, 100_000), (50, 0, 100_000), (200, 1, 100_000), (0, 1, 300_000), (0, 50, 300_000)]
    {
        stream(listeners, stalled, events);
    }
    latency();
}

/// A conference at work, and a connector that has caught up with it.
struct House {
    stage: Stage,
    tap: Tap,
    connector: Connector,
    /// Events of 2.5 kB as they come from the switch.
    round: Vec<u8>,
    /// What a listener hears of them.
    heard: Vec<u8>,
}

impl House {
    fn new() -> Self {
        let stage = Stage::with_example();
        for _ in 0..MEMBERS {
            stage.dial(Caller::user("20000"), "30000");
        }
        let tap = Tap::new(stage.switch.address());
        let connector = connector_through(&tap, &stage);
        connector.wait_until_ready();
        let mut listener = Listener::login(&connector, ADMIN);
        let members = connector::wait_for(
            "the members",
            || listener.init(),
            |now| now[0]["memcount"] == MEMBERS && now[0]["floor"]["id"] == "20000",
        );
        let ids: Vec<&str> =
            members[0]["members"].as_array().unwrap().iter().map(|member| member["confid"].as_str().unwrap()).collect();
        let round = stage.switch.edit(|switch| {
            let mut out = Vec::new();
            switch.burst(0, "team", ROUND as u64, &mut out);
            // The connector's other connection has subscribed to nothing.
            out.into_iter()
                .filter_map(|output| if let Output::Send(_, bytes) = output { Some(bytes) } else { None })
                .flatten()
                .collect()
        });
        let heard = (0..ROUND).flat_map(|at| {
            let event = if (at / MEMBERS).is_multiple_of(2) { "mute" } else { "unmute" };
            let text = format!(r#"{{"event":"{event}","conference":"team","data":"{}"}}"#, ids[at % MEMBERS]);
            // A text frame of less than 126 bytes, not masked (RFC 6455 section 5.2).
            [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
        });
        Self { heard: heard.collect(), stage, tap, connector, round }
    }

    /// Connections of administrators that have heard nothing yet.
    fn listeners(&self, count: usize) -> Vec<TcpStream> {
        let listener = || {
            let mut listener = Listener::login(&self.connector, ADMIN);
            listener.init();
            listener.0.into_inner()
        };
        std::iter::repeat_with(listener).take(count).collect()
    }

    fn memory(&self) -> Memory {
        Memory::of(self.connector.id())
    }
}

/// A connector that finds the switch behind the tap.
fn connector_through(tap: &Tap, stage: &Stage) -> Connector {
    let mut variables = stage.variables();
    variables.push(("FSPORT".to_owned(), tap.address.port().to_string()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    Connector::start(&[], &variables)
}

/// So many listen, and so many do not read what they hear. The end is when all have heard all, and a guest, who may not
/// hear it, what happens next.
fn stream(listeners: usize, stalled: usize, events: usize) {
    let house = House::new();
    let _stalled = house.listeners(stalled);
    let mut audience = Audience::new(house.listeners(listeners));
    let mut guest = Listener::login(&house.connector, PAUL);
    guest.init();
    let total = events / ROUND * house.heard.len();
    let before = house.memory();
    let start = Instant::now();
    thread::scope(|scope| {
        let (tap, round) = (&house.tap, &house.round);
        scope.spawn(move || (0..events / ROUND).for_each(|_| tap.pour(round)));
        audience.hear(&house.heard, total);
    });
    house.stage.switch.drive(|switch, now, out| switch.register(now, &Phone::new("20000", 5060), out));
    assert!(guest.hear().contains("addReg"));
    let time = start.elapsed();
    row(&format!("{listeners} + {stalled}"), (events, listeners), time, house.memory().since(before));
}

fn row(listeners: &str, (events, times): (usize, usize), time: Duration, growth: Growth) {
    let rate = events as u128 * 1_000_000 / time.as_micros();
    println!("{listeners:>12}{events:>12}{rate:>12}{:>14}{:>24}", rate * times as u128, growth.to_string());
}

/// One event at a time, from the switch to one listener.
fn latency() {
    const EVENTS: usize = 5_000;
    let house = House::new();
    let mut listener = Listener::login(&house.connector, ADMIN);
    listener.init();
    let mut times: Vec<Duration> = frames(&house.round)
        .iter()
        .cycle()
        .take(EVENTS)
        .map(|event| {
            // As things happen, and not in one go.
            thread::sleep(Duration::from_millis(1));
            let start = Instant::now();
            house.tap.pour(event);
            listener.hear();
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100].as_micros();
    println!("event to listener: p50 {} µs, p99 {} µs", at(50), at(99));
}

/// The single frames of a stream.
fn frames(stream: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
        let head = String::from_utf8_lossy(&rest[..end]);
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        let (frame, after) = rest.split_at(end + 2 + length);
        frames.push(frame);
        rest = after;
    }
    frames
}
