//! The end of the gate, as its connections learn of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use smol::channel::Receiver;

/// Whether the gate is asked to stop.
pub(crate) struct Stopping {
    /// Nothing is ever sent on it; it is closed.
    asked: Receiver<()>,
    wait: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Stopping {
    /// Asked when the other side of `channel` is gone.
    pub(super) fn when_closed(channel: Receiver<()>) -> Self {
        let asked = channel.clone();
        let wait = Box::pin(async move {
            // Never a message: an error is how the end of the other side shows.
            let _ = channel.recv().await;
        });
        Self { asked, wait }
    }

    /// Whether it is by now.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_closed()
    }

    /// Ready as soon as it is.
    pub(crate) fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_asked() { Poll::Ready(()) } else { self.wait.as_mut().poll(cx) }
    }
}
