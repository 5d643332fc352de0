//! Handshakes, as they are counted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod samples;
mod tls_stage;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use fsconnector_http::{GateConfig, Limits};
use samples::sample;
use tls_stage::Stage;

/// Waits for a condition that comes about by itself.
fn wait_for(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn handshakes_that_come_to_nothing_are_counted_by_why() {
    let stage = Stage::with(GateConfig {
        limits: Limits { head_time: Duration::from_millis(100), ..Limits::default() },
        ..GateConfig::default()
    });
    let failed = |reason: &str| sample(&stage.gate, &format!("http_handshakes_failed_total{{reason=\"{reason}\"}}"));
    let mut garbage = TcpStream::connect(stage.address).unwrap();
    garbage.write_all(b"\x16\x03\x01\0\x04what").unwrap();
    let _ = garbage.read_to_end(&mut Vec::new());
    wait_for(|| failed("broken") == Some(1.0));
    assert_eq!(failed("slow"), None);
    let mut silent = TcpStream::connect(stage.address).unwrap();
    let _ = silent.read_to_end(&mut Vec::new());
    wait_for(|| failed("slow") == Some(1.0));
    assert_eq!(failed("broken"), Some(1.0));
}
