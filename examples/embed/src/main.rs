//! Embeds the engine with no adapter: a few inputs go in, and the effects that come out are printed.
//!
//! The switch of this example is the function [`answer`]. Run it with `cargo run -p fsconnector-embed-example`.

#![allow(clippy::print_stdout)]

use std::error::Error;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::io::{Effect, Epoch, FilesDone, Input, Reply};
use fsconnector_engine::query::Query;
use fsconnector_engine::render::Templates;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let mut now = Now { mono: Mono(0), wall: Wall(1_795_405_352_000_000) };
    let templates = Templates::new(fsconnector_templates::ALL)?;
    let mut engine = Engine::new(Config::default(), Start { templates, unsettled: false, phones: None }, now)?;
    let epoch = Epoch(1);
    let reload = Event::plain("Event-Name: RELOADXML\n".into());
    let mut inputs = vec![Input::SwitchEvent { epoch, event: reload }, Input::SwitchUp { epoch }];

    // One input after the other; what comes of an effect is the next one, before anything else.
    while let Some(input) = inputs.pop() {
        println!("→ {input:?}");
        now.mono.0 += 1_000;
        now.wall.0 += 1_000;
        let mut effects = Vec::new();
        engine.handle(now, input, &mut effects);
        let results: Vec<Input> = effects.into_iter().filter_map(carry_out).collect();
        inputs.extend(results.into_iter().rev());
    }
    Ok(())
}

/// Prints an effect, and gives what comes of it.
fn carry_out(effect: Effect) -> Option<Input> {
    match effect {
        Effect::Log(note) => println!("    log: {note}"),
        Effect::Respond { id, response } => println!("    answer {id:?}: {response:?}"),
        Effect::Publish(state) => {
            println!("    publish: {}", String::from_utf8_lossy(&Query::PubXml.answer(&state)));
        }
        Effect::Switch { id, epoch, command } => {
            println!("    ask: {command}");
            return Some(Input::SwitchReply { epoch, id, reply: Reply::Answer(answer(command).into()) });
        }
        Effect::Files { id, work } => {
            println!("    files: {work:?}");
            return Some(Input::FilesDone { id, result: Ok(FilesDone::Listed(Vec::new())) });
        }
    }
    None
}

/// What the switch says.
fn answer(command: SwitchCommand) -> &'static str {
    match command {
        SwitchCommand::ReloadXml => "+OK [Success]\n",
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
