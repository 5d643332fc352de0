//! Many listeners in one thread, which only look whether they hear what they are to hear.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// How long everybody together may hear nothing. It is a bound for a broken run, and no measure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listeners, with how much each has heard.
pub(crate) struct Audience {
    listeners: Vec<(TcpStream, usize)>,
}

impl Audience {
    /// Those who listen on these connections, none of which has anything to hear yet.
    pub(crate) fn new(streams: Vec<TcpStream>) -> Self {
        for stream in &streams {
            stream.set_nonblocking(true).unwrap();
        }
        Self { listeners: streams.into_iter().map(|stream| (stream, 0)).collect() }
    }

    /// Reads until everybody has heard so many bytes: `cycle`, again and again. When that was.
    pub(crate) fn hear(&mut self, cycle: &[u8], total: usize) -> Instant {
        let mut buffer = vec![0; 1 << 18];
        let mut heard = Instant::now();
        while self.listeners.iter().any(|(_, heard)| *heard < total) {
            let mut is_quiet = true;
            for (stream, so_far) in &mut self.listeners {
                match stream.read(&mut buffer) {
                    Ok(0) => panic!("a connection was closed after {so_far} of {total} bytes"),
                    Ok(length) => {
                        check(cycle, *so_far, &buffer[..length]);
                        *so_far += length;
                        is_quiet = false;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                    Err(error) => panic!("{error}"),
                }
            }
            if is_quiet {
                assert!(heard.elapsed() < PATIENCE, "somebody does not hear everything");
                thread::sleep(Duration::from_micros(50));
            } else {
                heard = Instant::now();
            }
        }
        heard
    }
}

/// Nothing is lost, nothing is heard that is not to be heard.
fn check(cycle: &[u8], from: usize, mut heard: &[u8]) {
    let mut at = from % cycle.len();
    while !heard.is_empty() {
        let length = heard.len().min(cycle.len() - at);
        assert!(heard[..length] == cycle[at..at + length], "{:?}", String::from_utf8_lossy(&heard[..length.min(200)]));
        heard = &heard[length..];
        at = (at + length) % cycle.len();
    }
}
