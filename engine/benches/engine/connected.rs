//! An engine that has read a switch.

use std::sync::Arc;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::io::{Effect, Epoch, FilesDone, Input, Reply};
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::time::Now;
use fsconnector_engine::{Engine, Start};

/// The session it has with the switch.
pub(crate) const EPOCH: Epoch = Epoch(1);

/// A section of the switch's configuration in which there is nothing.
pub(crate) const NOTHING: &str = "<section></section>";

/// An engine that has read these sections, with its state. No conference is alive, and nobody is registered.
pub(crate) fn engine(directory: &'static str, dialplan: &'static str) -> (Engine, Arc<State>) {
    let templates = Templates::new(fsconnector_templates::ALL).unwrap();
    let start = Start { templates, unsettled: false, phones: None };
    let mut engine = Engine::new(Config::default(), start, Now::default()).unwrap();
    let mut state = None;
    let mut inputs = vec![Input::SwitchUp { epoch: EPOCH }];
    while let Some(input) = inputs.pop() {
        let mut out = Vec::new();
        engine.handle(Now::default(), input, &mut out);
        inputs.extend(out.into_iter().filter_map(|effect| match effect {
            Effect::Switch { id, command, .. } => {
                let body = match command {
                    SwitchCommand::ConferenceProfiles => "<configuration></configuration>",
                    SwitchCommand::Directory => directory,
                    SwitchCommand::Dialplan => dialplan,
                    SwitchCommand::LiveConferences => "[]",
                    SwitchCommand::Registrations => "{\"row_count\": 0}\n",
                    _ => "domain=x\ndefconpin=1\n",
                };
                Some(Input::SwitchReply { epoch: EPOCH, id, reply: Reply::Answer(body.into()) })
            }
            Effect::Files { id, .. } => Some(Input::FilesDone { id, result: Ok(FilesDone::Listed(Vec::new())) }),
            Effect::Publish(published) => {
                state = Some(published);
                None
            }
            _ => None,
        }));
    }
    (engine, state.unwrap())
}
