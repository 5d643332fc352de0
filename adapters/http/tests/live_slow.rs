//! One listener that never reads, and many that do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::time::Duration;
use std::{fs, thread};

use fsconnector_engine::access::Roles;
use fsconnector_engine::live::listener::Listening;
use fsconnector_http::{GateConfig, Limits};
use stage::Stage;

const LISTENERS: usize = 50;
const BURSTS: usize = 5;
/// All of a burst fits into the ring.
const EVENTS: usize = 10_000;

/// The memory of this process, in bytes; nothing where that cannot be known.
fn memory() -> Option<usize> {
    let statistics = fs::read_to_string("/proc/self/statm").ok()?;
    Some(statistics.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

#[test]
fn a_listener_that_never_reads_costs_little_and_slows_nobody() {
    let limits = Limits { write_time: Duration::from_secs(3600), ..Limits::default() };
    let stage = Stage::with(GateConfig { limits, ..GateConfig::default() });
    let (_stalled, _) = stage.listen("anna");
    let mut listeners: Vec<_> = (0..LISTENERS).map(|_| stage.listen("anna").0).collect();
    let before = memory();
    let text = "x".repeat(600);
    for burst in 0..BURSTS {
        thread::scope(|scope| {
            for listener in &mut listeners {
                scope.spawn(|| {
                    for number in 0..EVENTS {
                        let heard = listener.hear();
                        assert!(heard.starts_with(&format!("{burst} {number} ")), "{burst} {number}: {heard}");
                    }
                });
            }
            for number in 0..EVENTS {
                stage.tell(Roles::ALL, format!("{burst} {number} {text}"));
            }
        });
    }
    assert!(stage.listening.is_empty(), "nobody has missed anything");
    if let (Some(before), Some(after)) = (before, memory()) {
        let grown = after.saturating_sub(before) / 1024 / 1024;
        assert!(grown < 16 + 2 + 30, "{grown} MiB: more than the ring, the listener and the clients' buffers");
    }
}

#[test]
fn a_listener_that_never_reads_is_dropped_in_the_end() {
    let limits = Limits { write_time: Duration::from_millis(50), ..Limits::default() };
    let stage = Stage::with(GateConfig { limits, ..GateConfig::default() });
    let (_stalled, id) = stage.listen("anna");
    let text = "x".repeat(60_000);
    // It may have been slow enough to be passed by the ring, and what it gets then may fit: there is always more.
    loop {
        while stage.listening.is_empty() {
            stage.tell(Roles::ALL, text.clone());
            thread::yield_now();
        }
        match stage.next_doing() {
            (_, Listening::HasMissed) => stage.reply(id, &["fresh"]),
            (_, does) => {
                assert_eq!(does, Listening::Leaves);
                break;
            }
        }
    }
}
