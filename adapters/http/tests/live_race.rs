//! However requests, events, answers and the ring race each other, no listener is ever wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod live_stage;
mod stage;

use std::thread;

use fsconnector_engine::access::Roles;
use fsconnector_engine::io::Input;
use fsconnector_engine::live::listener::Listening;
use live_stage::{Socket, stage_with};
use stage::Stage;

const EVENTS: usize = 300_000;
const LISTENERS: usize = 12;

/// What is told is a number that grows by one with each event. An answer is the number as it is.
struct Counter<'a> {
    stage: &'a Stage,
    count: usize,
    missed: usize,
}

impl Counter<'_> {
    /// Does what listeners want, as far as they have said it.
    fn serve(&mut self) {
        while let Ok(doing) = self.stage.listening.try_recv() {
            let Input::Listener { id, does } = doing.into_input() else { panic!("nothing else comes from listeners") };
            self.missed += usize::from(does == Listening::HasMissed);
            if matches!(does, Listening::Asks(_) | Listening::HasMissed) {
                self.stage.reply(id, &[&format!("is {}", self.count)]);
            }
        }
    }

    fn count(&mut self, padding: &str) {
        self.count += 1;
        self.stage.tell(Roles::ALL, format!("becomes {} {padding}", self.count));
    }
}

/// Follows the number to its last value. Asks for it each so many messages.
fn follow(mut socket: Socket, often: usize) {
    let mut known = None;
    for heard in 1.. {
        let text = socket.hear();
        let mut words = text.split(' ');
        let (word, number) = (words.next(), words.next().unwrap().parse::<usize>().unwrap());
        match (word, known) {
            (Some("becomes"), Some(known)) => assert_eq!(number, known + 1, "it goes up one by one"),
            (Some("is"), Some(known)) => assert!(number >= known, "{number} is older than {known}"),
            _ => (),
        }
        known = Some(number);
        if number == EVENTS {
            return;
        }
        if heard % often == 0 {
            socket.ask(r#"{"req":"init"}"#);
        }
    }
}

#[test]
fn every_listener_knows_the_number_at_all_times() {
    let stage = stage_with(|limits| {
        limits.ring_bytes = 128 * 1024;
        (limits.messages_per_second, limits.messages_at_once) = (1_000_000, 1_000_000);
    });
    let sockets: Vec<_> = (0..LISTENERS).map(|_| stage.listen("anna").0).collect();
    let padding = "x".repeat(500);
    thread::scope(|scope| {
        let clients: Vec<_> = sockets
            .into_iter()
            .enumerate()
            .map(|(index, socket)| scope.spawn(move || follow(socket, 1 + 7 * index)))
            .collect();
        let mut counter = Counter { stage: &stage, count: 0, missed: 0 };
        while counter.count < EVENTS {
            // Bursts of different lengths, some longer than the ring.
            for _ in 0..(counter.count * 7919 % 331).min(EVENTS - counter.count).max(1) {
                counter.count(&padding);
            }
            counter.serve();
            thread::yield_now();
        }
        while clients.iter().any(|client| !client.is_finished()) {
            counter.serve();
            thread::yield_now();
        }
        assert!(counter.missed > 0, "the ring has passed somebody");
    });
}
