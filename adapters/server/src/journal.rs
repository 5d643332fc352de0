//! The log: one line each on standard error. `RUST_LOG` says how much; without it, whatever matters.

use std::io::Write;

use env_logger::Env;

/// Begins to log.
pub(crate) fn open() {
    env_logger::Builder::from_env(Env::default().default_filter_or("info"))
        .format(|line, record| {
            // One line each, whatever the text holds.
            let text = record.args().to_string().replace(|character: char| character.is_control(), " ");
            writeln!(line, "{} {:5} {text}", line.timestamp_millis(), record.level())
        })
        .init();
}
