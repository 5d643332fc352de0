//! Embeds the engine with no adapter: a few inputs go in, and the effects that come out are printed.
//!
//! The switch of this example is the function [`answer`]. Run it with `cargo run -p fsconnector-embed-example`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::io::{Effect, Epoch, FilesDone, Input, Reply};
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening, Notice};
use fsconnector_engine::live::request::LiveRequest;
use fsconnector_engine::query::Query;
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};

/// The only session with the switch.
const EPOCH: Epoch = Epoch(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut house = House::new()?;
    house.take(Input::SwitchUp { epoch: EPOCH });
    house.take(event("Event-Name: RELOADXML\n"));
    let state = house.state.clone().ok_or("the switch told nothing")?;
    let user = state.users.by_id("20000").cloned().ok_or("there is no user 20000")?;
    let listener = Listener { user, address: [127, 0, 0, 1].into() };
    for does in [Listening::Joins(Box::new(listener)), Listening::Asks(LiveRequest::Init {})] {
        house.take(Input::Listener { id: ListenerId(1), does });
    }
    let conference = "Event-Subclass: conference%3A%3Amaintenance\nEvent-Name: CUSTOM\n\
                      Conference-Name: public\nConference-Unique-ID: 0b8c7a2e\n";
    let caller = "Caller-Username: 20000\nMember-ID: 1\nSpeak: true\nHold: false\n";
    house.take(event(&format!("{conference}Conference-Size: 0\nAction: conference-create\n")));
    house.take(event(&format!("{conference}Conference-Size: 1\n{caller}Action: add-member\n")));
    Ok(())
}

fn event(text: &str) -> Input {
    Input::SwitchEvent { epoch: EPOCH, event: Event::plain(text.to_owned().into()) }
}

/// An engine, and what is around it.
struct House {
    engine: Engine,
    now: Now,
    /// What readers see.
    state: Option<Arc<State>>,
}

impl House {
    fn new() -> Result<Self, Box<dyn Error>> {
        let now = Now { mono: Mono(0), wall: Wall(1_795_405_352_000_000) };
        let start = Start { templates: Templates::new(fsconnector_templates::ALL)?, unsettled: false, phones: None };
        Ok(Self { engine: Engine::new(Config::default(), start, now)?, now, state: None })
    }

    /// Takes one input; and then what comes of its effects, one after the other.
    fn take(&mut self, input: Input) {
        println!("→ {input:?}");
        self.now.mono.0 += 1_000;
        self.now.wall.0 += 1_000;
        let mut effects = Vec::new();
        self.engine.handle(self.now, input, &mut effects);
        let results: Vec<Input> = effects.into_iter().filter_map(|effect| self.carry_out(effect)).collect();
        for result in results {
            self.take(result);
        }
    }

    /// Prints an effect, and gives what comes of it.
    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Log(note) => println!("    log: {note}"),
            Effect::Mark(mark) => println!("    mark: {mark:?}"),
            Effect::Respond { id, response } => println!("    answer {id:?}: {response:?}"),
            Effect::Publish(state) => {
                println!("    publish: {}", String::from_utf8_lossy(&Query::PubXml.answer(&state)));
                self.state = Some(state);
            }
            Effect::Live(Notice::Event { hearers, frame }) => {
                println!("    tell {hearers:?}: {}", String::from_utf8_lossy(frame.as_bytes()));
            }
            Effect::Live(Notice::Reply { listener, frames }) => {
                let texts: Vec<_> = frames.iter().map(|frame| String::from_utf8_lossy(frame.as_bytes())).collect();
                println!("    reply to {listener:?}: {texts:?}");
            }
            Effect::Live(Notice::Close { listener, why }) => println!("    close {listener:?}: {why}"),
            Effect::Switch { id, epoch, command } => {
                println!("    ask: {command}");
                return Some(Input::SwitchReply { epoch, id, reply: Reply::Answer(answer(&command).into()) });
            }
            Effect::Files { id, work } => {
                println!("    files: {work:?}");
                return Some(Input::FilesDone { id, result: Ok(FilesDone::Listed(Vec::new())) });
            }
        }
        None
    }
}

/// What the switch says.
fn answer(command: &SwitchCommand) -> &'static str {
    match command {
        SwitchCommand::ReloadXml => "+OK [Success]\n",
        SwitchCommand::LiveConferences => "[]",
        SwitchCommand::Registrations => "{\"row_count\": 0}\n",
        SwitchCommand::Conference(..) => "-ERR nobody is there\n",
        SwitchCommand::Version => "FreeSWITCH Version 1.11.2\n",
        SwitchCommand::Globals => "domain=conf.example\ndefconpin=0000\n",
        SwitchCommand::Directory => {
            r#"<section name="directory"><domain name="conf.example"><groups><group name="team"><users>
            <user id="20000"><params><param name="password" value="secret"></param></params><variables>
            <variable name="user_context" value="team"></variable>
            <variable name="effective_caller_id_name" value="J&#xFC;rgen"></variable>
            </variables></user></users></group></groups></domain></section>"#
        }
        SwitchCommand::ConferenceProfiles => {
            r#"<configuration name="conference.conf"><profiles><profile name="16kHz-novideo"></profile></profiles></configuration>"#
        }
        SwitchCommand::Dialplan => {
            r#"<section name="dialplan"><context name="team"><extension name="public">
            <condition field="destination_number" expression="^32000$">
            <action application="conference" data="public@16kHz-novideo++flags{mute}"></action>
            </condition></extension></context></section>"#
        }
    }
}
