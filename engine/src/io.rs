//! The engine's border: what goes in, what comes out, and the ids that tie both together.

use std::sync::Arc;

use crate::change::command::{Caller, Command, Entropy, RequestId, Response};
use crate::esl::command::SwitchCommand;
use crate::esl::event::Event;
use crate::live::listener::{ListenerId, Listening, Notice};
use crate::mark::Mark;
use crate::note::Note;
use crate::state::State;

pub use crate::esl::reply::Reply;
pub use crate::files::{FileError, FileWork, FilesDone};

/// A session with the switch. Later sessions have greater numbers; what speaks of an earlier one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The name of an effect, by which its result comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectId(pub u64);

impl EffectId {
    /// Counts up, and gives the new value.
    pub(crate) fn next(&mut self) -> Self {
        self.0 += 1;
        *self
    }
}

/// What happens to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An administrator wants something changed.
    Request {
        /// The request's name.
        id: RequestId,
        /// Who asks.
        caller: Caller,
        /// What is to be changed.
        command: Command,
        /// What passwords are made of.
        entropy: Entropy,
    },
    /// Time has passed: the engine's deadline is reached.
    Tick,
    /// The program is to end: nothing that takes long is begun any more.
    Stop,
    /// A session with the switch is up; its events are coming.
    SwitchUp {
        /// The new session.
        epoch: Epoch,
    },
    /// The session is over. What was asked in it is not answered any more.
    SwitchDown {
        /// The session that ended.
        epoch: Epoch,
    },
    /// Something happened in the switch.
    SwitchEvent {
        /// The session it came in.
        epoch: Epoch,
        /// What happened.
        event: Event,
    },
    /// The answer to an [`Effect::Switch`].
    SwitchReply {
        /// The session it came in.
        epoch: Epoch,
        /// The effect it answers.
        id: EffectId,
        /// The answer.
        reply: Reply,
    },
    /// Somebody listens to the live state.
    Listener {
        /// The listener's name. No two ever have the same.
        id: ListenerId,
        /// What it does.
        does: Listening,
    },
    /// The result of an [`Effect::Files`].
    FilesDone {
        /// The effect it answers.
        id: EffectId,
        /// What came of it.
        result: Result<FilesDone, FileError>,
    },
}

/// What the engine wants done, in the order in which it is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a request. Every request is answered exactly once.
    Respond {
        /// The request's name.
        id: RequestId,
        /// The answer.
        response: Response,
    },
    /// Do something with files; the result comes back as [`Input::FilesDone`].
    Files {
        /// The effect's name.
        id: EffectId,
        /// What to do.
        work: FileWork,
    },
    /// Ask the switch; the answer comes back as [`Input::SwitchReply`], or [`Input::SwitchDown`] in its place.
    Switch {
        /// The effect's name.
        id: EffectId,
        /// The session to ask in.
        epoch: Epoch,
        /// What to ask.
        command: SwitchCommand,
    },
    /// A new state for readers.
    Publish(Arc<State>),
    /// Something for those who listen to the live state.
    Live(Notice),
    /// Something for the log.
    Log(Note),
    /// Something begins or ends: for whoever measures, nothing depends on it.
    Mark(Mark),
}
