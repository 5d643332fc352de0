//! The parts that the program cannot go on without.
//!
//! Each runs as long as the program does, on a thread or as a task of its own. If one panics, nobody waits for it who would
//! notice: the rest would go on for ever without the switch, or without clients.

use smol::channel::{Receiver, Sender, bounded};
use smol::future;

/// What such a part holds as long as it runs. Dropped, however it comes to that, the part has ended.
#[derive(Debug)]
pub(crate) struct Vital {
    _runs: Sender<()>,
}

impl Vital {
    /// The work of the part, which holds this.
    pub(crate) async fn held_in(self, work: impl Future<Output = ()>) {
        work.await;
    }
}

/// What the others know of such a part.
#[derive(Debug)]
pub(crate) struct Pulse(Receiver<()>);

/// For a part that is about to begin, and for the others.
pub(crate) fn vital() -> (Vital, Pulse) {
    let (runs, ended) = bounded(1);
    (Vital { _runs: runs }, Pulse(ended))
}

impl Pulse {
    /// Waits until the part has ended.
    pub(crate) async fn stopped(&self) {
        // Nothing is ever sent: it is closed.
        let _ = self.0.recv().await;
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) engine: Pulse,
    pub(super) switch: Pulse,
    pub(super) gate: Pulse,
}

impl Parts {
    /// Waits until one has ended, and says which.
    pub(super) async fn first_end(&self) -> &'static str {
        let end = async |pulse: &Pulse, name| {
            pulse.stopped().await;
            name
        };
        let engine = end(&self.engine, "the engine");
        let switch = end(&self.switch, "what holds the connection to the switch");
        let gate = end(&self.gate, "what lets clients in");
        future::or(engine, future::or(switch, gate)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_part_that_panics_is_noticed_and_named_whether_a_thread_or_a_task() {
        let ((of_engine, engine), (of_switch, switch), (of_gate, gate)) = (vital(), vital(), vital());
        let parts = Parts { engine, switch, gate };
        assert_eq!(smol::block_on(future::poll_once(parts.first_end())), None);
        let fails = |vital: Vital| {
            vital.held_in(async {
                future::yield_now().await;
                panic!("a part that fails");
            })
        };
        smol::spawn(fails(of_gate)).detach();
        assert_eq!(smol::block_on(parts.first_end()), "what lets clients in");
        smol::spawn(fails(of_switch)).detach();
        smol::block_on(parts.switch.stopped());
        assert_eq!(smol::block_on(parts.first_end()), "what holds the connection to the switch");
        assert!(thread::spawn(move || smol::block_on(fails(of_engine))).join().is_err());
        assert_eq!(smol::block_on(parts.first_end()), "the engine");
    }
}
