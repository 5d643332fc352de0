//! What waits for the engine, and for the switch.

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use smol::channel::Receiver;

use super::signed;

/// The queues between the threads.
#[derive(Default)]
pub(crate) struct Queues(Vec<Queue>);

struct Queue {
    name: &'static str,
    limit: Option<usize>,
    length: Box<dyn Fn() -> usize + Send + Sync>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    queue: &'static str,
}

impl Queues {
    /// With one more. It is not kept open by being looked at.
    #[must_use]
    pub(crate) fn with<T: Send + 'static>(mut self, name: &'static str, queue: &Receiver<T>) -> Self {
        let (limit, queue) = (queue.capacity(), queue.downgrade());
        let length = move || queue.upgrade().map_or(0, |queue| queue.len());
        self.0.push(Queue { name, limit, length: Box::new(length) });
        self
    }

    /// Has them told to whoever asks.
    pub(super) fn report(&self, registry: &mut Registry) {
        let (lengths, limits) = (Family::<Label, Gauge>::default(), Family::<Label, Gauge>::default());
        for queue in &self.0 {
            let label = Label { queue: queue.name };
            lengths.get_or_create(&label).set(signed((queue.length)()));
            if let Some(limit) = queue.limit {
                limits.get_or_create(&label).set(signed(limit));
            }
        }
        let help = "What waits: for the engine what was read from the switch, changes, and what listeners do; for the switch \
                    commands";
        registry.register("queue_length", help, lengths);
        registry.register("queue_limit", "How much a queue can hold; changes beyond are refused, others wait", limits);
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|queue| queue.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use smol::channel::{bounded, unbounded};

    use super::*;

    fn text(queues: &Queues) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        queues.report(&mut registry);
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn queues_are_looked_at_and_not_kept_open() {
        let (sender, receiver) = bounded(3);
        let (endless, other) = unbounded();
        let queues = Queues::default().with("commands", &receiver).with("to_switch", &other);
        sender.try_send("change").unwrap();
        endless.try_send("command").unwrap();
        endless.try_send("command").unwrap();
        let lines = text(&queues);
        for line in [
            "queue_length{queue=\"commands\"} 1\n",
            "queue_length{queue=\"to_switch\"} 2\n",
            "queue_limit{queue=\"commands\"} 3\n",
        ] {
            assert!(lines.contains(line), "{lines}");
        }
        assert!(!lines.contains("queue_limit{queue=\"to_switch\"}"), "{lines}");
        drop(receiver);
        assert!(sender.is_closed());
        assert!(text(&queues).contains("queue_length{queue=\"commands\"} 0\n"));
    }
}
