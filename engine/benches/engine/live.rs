//! From the bytes of the switch to the live state, and to what listeners hear of it.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use fsconnector_engine::Engine;
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::esl::frame::{ContentType, Framer};
use fsconnector_engine::esl::session::{Action, Line, Patience, Session};
use fsconnector_engine::io::{Effect, Input};
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening, Notice};
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now};

use crate::connected::{self, EPOCH};
use crate::events::Bustle;

/// How much is read from the switch at once.
const CHUNK: usize = 256 * 1024;

/// How many events are measured.
const EVENTS: usize = 9_000;

const CONFERENCES: [(&str, u32); 3] = [("team", 30_000), ("friends", 31_000), ("public", 32_000)];

const DIRECTORY: &str = r#"<section name="directory"><domain name="x"><groups>
<group name="team"><users><user id="20000"><params><param name="password" value="p"></param></params><variables>
<variable name="user_context" value="team"></variable>
<variable name="effective_caller_id_name" value="admin"></variable></variables></user></users></group>
<group name="friends"><users><user id="21000"><params><param name="password" value="p"></param></params><variables>
<variable name="user_context" value="friends"></variable>
<variable name="effective_caller_id_name" value="member"></variable></variables></user></users></group>
<group name="public"><users><user id="22000"><params><param name="password" value="p"></param></params><variables>
<variable name="user_context" value="public"></variable>
<variable name="effective_caller_id_name" value="guest"></variable></variables></user></users></group>
</groups></domain></section>"#;

const DIALPLAN: &str = r#"<section name="dialplan"><context name="team">
<extension name="team"><condition field="destination_number" expression="^30000$">
<action application="conference" data="team@16kHz-novideo"></action></condition></extension>
<extension name="friends"><condition field="destination_number" expression="^31000$">
<action application="conference" data="friends@16kHz-novideo"></action></condition></extension>
<extension name="public"><condition field="destination_number" expression="^32000$">
<action application="conference" data="public@16kHz-novideo"></action></condition></extension>
</context></section>"#;

/// From bytes to events, each of which is asked for its last header.
#[divan::bench]
fn events_are_cut(bencher: Bencher) {
    let mut bustle = Bustle::new(&CONFERENCES);
    let _ = bustle.beginning();
    let stream = bustle.stream(EVENTS);
    bencher.counter(BytesCount::of_str(&stream)).counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let mut framer = Framer::default();
        let mut found = 0;
        for chunk in stream.as_bytes().chunks(CHUNK) {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().unwrap() {
                assert_eq!(frame.content_type(), ContentType::EventPlain);
                let event = Event::plain(frame.body);
                found += usize::from(event.header("Action").is_some());
            }
        }
        assert_eq!(found, EVENTS);
    });
}

/// The whole way: session, engine, frames. Nobody listens, or one of each role.
#[divan::bench(args = [0, 3])]
fn events_are_applied(bencher: Bencher, listeners: usize) {
    let mut bustle = Bustle::new(&CONFERENCES);
    let beginning = bustle.beginning();
    let stream = bustle.stream(EVENTS);
    // Nobody hears that somebody talks, or has the floor still; who leaves gives it back.
    let expected = if listeners > 0 { EVENTS / 10 * 8 } else { 0 };
    bencher
        .counter(BytesCount::of_str(&stream))
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| {
            let mut connection = Connection::new(listeners);
            connection.receive(beginning.as_bytes());
            connection
        })
        .bench_local_values(|mut connection| {
            let heard: usize = stream.as_bytes().chunks(CHUNK).map(|chunk| connection.receive(chunk)).sum();
            assert_eq!(heard, expected);
            connection
        });
}

/// A session with the switch, and the engine behind it.
struct Connection {
    session: Session,
    engine: Engine,
}

impl Connection {
    fn new(listeners: usize) -> Self {
        let (mut engine, state) = connected::engine(DIRECTORY, DIALPLAN);
        for (number, id) in ["20000", "21000", "22000"].into_iter().take(listeners).enumerate() {
            let input = Input::Listener { id: ListenerId(number as u64), does: joins(&state, id) };
            engine.handle(Now::default(), input, &mut Vec::new());
        }
        let password = Password::parse("ClueCon").unwrap();
        let mut session = Session::new(EPOCH, password, Patience::default(), Mono(0));
        for line in [Line::Control, Line::Events] {
            let replies =
                "Content-Type: command/reply\nReply-Text: +OK\n\n".repeat(if line == Line::Events { 2 } else { 1 });
            let greeting = format!("Content-Type: auth/request\n\n{replies}");
            session.receive(Mono(0), line, greeting.as_bytes(), &mut Vec::new());
        }
        Self { session, engine }
    }

    /// Takes what the switch sends. How many frames are to be heard.
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut actions = Vec::new();
        self.session.receive(Mono(0), Line::Events, bytes, &mut actions);
        let mut effects = Vec::new();
        let mut heard = 0;
        for action in actions {
            let Action::Deliver(input) = action else { panic!("{action:?}") };
            self.engine.handle(Now::default(), input, &mut effects);
            for effect in effects.drain(..) {
                let Effect::Live(Notice::Event { frame, .. }) = effect else { panic!("{effect:?}") };
                heard += usize::from(!frame.as_bytes().is_empty());
            }
        }
        heard
    }
}

/// The user with this id listens.
fn joins(state: &Arc<State>, id: &str) -> Listening {
    let user = state.users.by_id(id).unwrap().clone();
    Listening::Joins(Box::new(Listener { user, address: [127, 0, 0, 1].into() }))
}
