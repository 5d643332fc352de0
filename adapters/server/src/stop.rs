//! When to stop.

use std::io;

use async_signal::Signal;
use smol::stream::StreamExt;

/// The signals that end the program: `SIGTERM`, and `SIGINT` from Ctrl-C.
#[derive(Debug)]
pub(crate) struct Signals(async_signal::Signals);

impl Signals {
    /// From here on the signals do not kill the program.
    pub(crate) fn new() -> io::Result<Self> {
        async_signal::Signals::new([Signal::Term, Signal::Int]).map(Self)
    }

    /// Waits for one of them.
    pub(crate) async fn wait(&mut self) {
        if let Some(Ok(signal)) = self.0.next().await {
            log::info!("{signal:?}: stopping");
        }
    }
}
