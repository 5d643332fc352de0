//! What the program logs.

use std::sync::{Mutex, PoisonError};

/// What was logged, by all tests.
static LOGGED: Log = Log(Mutex::new(Vec::new()));

struct Log(Mutex<Vec<String>>);

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

/// From now on what is logged is kept.
pub(crate) fn listen_to_the_log() {
    // Whoever comes second finds it done.
    let _ = log::set_logger(&LOGGED);
    log::set_max_level(log::LevelFilter::Info);
}

/// The lines of the log that contain a text.
pub(crate) fn lines_with(text: &str) -> Vec<String> {
    LOGGED.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|line| line.contains(text)).cloned().collect()
}
