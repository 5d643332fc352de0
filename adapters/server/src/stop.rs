//! When to stop.

use std::io;

use async_signal::Signal;
use smol::stream::StreamExt;

/// The signals that end the program: `SIGTERM`, and `SIGINT` from Ctrl-C. `SIGHUP`, by which others read their settings anew or
/// open their logs again, does not: there is nothing to be done for it. That of a pipe that nobody reads is an error of
/// writing, as in every program in Rust.
#[derive(Debug)]
pub(crate) struct Signals(async_signal::Signals);

impl Signals {
    /// From here on, and as long as this is there, the signals do not kill the program.
    pub(crate) fn new() -> io::Result<Self> {
        async_signal::Signals::new([Signal::Term, Signal::Int, Signal::Hup]).map(Self)
    }

    /// Waits for one that ends the program.
    pub(crate) async fn wait(&mut self) {
        while let Some(Ok(signal)) = self.0.next().await {
            if signal != Signal::Hup {
                log::info!("{signal:?}: stopping");
                return;
            }
            log::info!("Hup: a new certificate is taken without it, and all other settings at the next start");
        }
    }
}
