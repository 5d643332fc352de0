//! The engine's border: what goes in, what comes out, and the ids that tie both together.

use std::sync::Arc;

use bytes::Bytes;

use crate::change::command::{Caller, Command, RequestId, Response};
use crate::change_set::{ChangeSet, Refusal};
use crate::esl::command::SwitchCommand;
use crate::esl::event::Event;
use crate::note::Note;
use crate::path::RelPath;
use crate::state::State;

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
        /// 32 bytes from the operating system's randomness, which passwords are made of.
        entropy: [u8; 32],
    },
    /// Time has passed: the engine's deadline is reached.
    Tick,
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
    /// The result of an [`Effect::Files`].
    FilesDone {
        /// The effect it answers.
        id: EffectId,
        /// What came of it.
        result: Result<FilesDone, FileError>,
    },
}

/// What the switch answers to a command.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// The output of the command. It can hold passwords: a debug print shows only its length.
    Answer(Bytes),
    /// The event socket did not take the command, with its words.
    Refused(String),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(body) => write!(f, "Answer({} bytes)", body.len()),
            Self::Refused(text) => f.debug_tuple("Refused").field(text).finish(),
        }
    }
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
    /// Something for the log.
    Log(Note),
}

/// What can be done with files.
#[derive(Clone, Debug)]
pub enum FileWork {
    /// Find the visible `*.xml` files in these folders of the configuration tree; a folder that is not there has none.
    List(Vec<RelPath>),
    /// Carry out a change set, so that all of its files have their new content or none has. Until [`FileWork::Keep`] it
    /// can be undone, also by a program that starts after a crash.
    Commit(ChangeSet),
    /// Make the last change set last: durable, and not to be undone any more.
    Keep,
    /// Put back what the last change set changed.
    Undo,
}

/// What came of the work with files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesDone {
    /// The files found.
    Listed(Vec<RelPath>),
    /// All files have their new content.
    Committed,
    /// The new content is durable.
    Kept,
    /// The files have their old content again, but for those that somebody has changed meanwhile: theirs stays.
    Undone {
        /// The files that were left alone.
        left: Vec<RelPath>,
    },
}

/// Why the work with files could not be done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// These files are not as the change set needs them.
    Refused(Vec<(RelPath, Refusal)>),
    /// The operating system could not do it.
    Failed {
        /// The file or folder.
        path: RelPath,
        /// What the operating system said.
        reason: String,
    },
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed { path, reason } => write!(f, "{path}: {reason}"),
            Self::Refused(files) => {
                let files: Vec<String> = files.iter().map(|(path, why)| format!("{path}: {why}")).collect();
                f.write_str(&files.join("; "))
            }
        }
    }
}

impl std::error::Error for FileError {}
