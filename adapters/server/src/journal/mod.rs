//! The log: one line each on standard error. `RUST_LOG` says how much; without it, whatever matters.
//!
//! Nobody here waits for whoever reads it: lines go into an [`outbox`].

mod line;
mod outbox;

use std::env;
use std::io;
use std::panic;
use std::thread;
use std::time::Duration;

use env_filter::{Filter, ParseError};
use log::{Level, LevelFilter, Log, Metadata, Record};

use outbox::Outbox;

/// The variable that says what is logged, in the usual notation: what differs from [`USUAL`].
const VARIABLE: &str = "RUST_LOG";

/// What is logged if nobody says anything else: every change, and whatever an administrator should know.
const USUAL: LevelFilter = LevelFilter::Info;

/// How long the end of the program waits for its last lines to be read.
const LAST_LINES: Duration = Duration::from_millis(500);

/// The open log. Dropped, it sees to it that the last lines get out, if anybody takes them.
pub(crate) struct Journal(Outbox);

/// Begins to log.
pub(crate) fn open() -> io::Result<Journal> {
    let outbox = Outbox::to(io::stderr())?;
    let wanted = env::var_os(VARIABLE).unwrap_or_default();
    let (filter, misunderstood) = match filter(&wanted.to_string_lossy()) {
        Ok(filter) => (filter, None),
        Err(error) => (usual(), Some(error)),
    };
    log::set_max_level(filter.filter());
    log::set_boxed_logger(Box::new(Logger { filter, outbox: outbox.clone() })).map_err(io::Error::other)?;
    panic::set_hook(Box::new(tell_of_a_panic));
    if let Some(error) = misunderstood {
        log::warn!("{VARIABLE} does not count, for it cannot be understood: {error}");
    }
    Ok(Journal(outbox))
}

/// What is to be logged. The parser of this notation would say on its own what is wrong with it, and panic if it cannot: so it is
/// asked to leave that to us.
fn filter(wanted: &str) -> Result<Filter, ParseError> {
    Ok(env_filter::Builder::new().filter_level(USUAL).try_parse(wanted)?.build())
}

fn usual() -> Filter {
    env_filter::Builder::new().filter_level(USUAL).build()
}

/// Puts what is to be logged into the outbox.
struct Logger {
    filter: Filter,
    outbox: Outbox,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_fit(metadata.target(), metadata.level()) && self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_fit(record.target(), record.level()) && self.filter.matches(record) {
            self.outbox.put(&line::line(record.level(), record.args()));
        }
    }

    fn flush(&self) {}
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.0.drain(LAST_LINES);
    }
}

/// Whether what a crate says at this level may be in the log. What others trace are the bytes of clients, and those hold
/// passwords.
fn is_fit(target: &str, level: Level) -> bool {
    level <= Level::Info || target.starts_with("fsconnector")
}

/// One line, and without the text of the panic, which can hold a value that the program was at, a password for instance.
fn tell_of_a_panic(panic: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    log::error!("an error in the program: its thread {name} panicked at {place}; please report this line");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_said_anything_about_is_logged_as_usual() {
        let logs = |wanted: &str, level| {
            let metadata = Metadata::builder().target("fsconnector::heart").level(level).build();
            filter(wanted).unwrap().enabled(&metadata)
        };
        for as_usual in ["", " ", ",", "fsconnector_http=debug", "inof"] {
            assert!(logs(as_usual, Level::Info) && !logs(as_usual, Level::Debug), "{as_usual:?}");
        }
        assert!(logs("debug", Level::Debug) && logs("fsconnector=trace", Level::Trace));
        assert!(logs("error", Level::Error) && !logs("error", Level::Warn) && !logs("off", Level::Error));
        assert!(filter("a=b=c").is_err() && filter("info/a/b").is_err());
    }

    #[test]
    fn other_crates_say_what_matters_and_trace_nothing() {
        assert!(is_fit("fsconnector_http::gate", Level::Trace));
        assert!(is_fit("tiny_http", Level::Info));
        assert!(!is_fit("tungstenite::protocol", Level::Debug));
    }
}
