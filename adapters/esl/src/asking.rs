//! One session for a few questions.

use std::fmt;
use std::io;
use std::pin::pin;

use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::session::SessionEnd;
use fsconnector_engine::io::{EffectId, Epoch, Input, Reply};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::zip;

use crate::connection::{Batch, Outgoing, Pair, connect};
use crate::{Address, Clock};

/// The only session there is.
const EPOCH: Epoch = Epoch(1);

/// How many batches of the switch may wait until they are looked at.
const WAITING_BATCHES: usize = 16;

/// Why the questions were not answered.
#[derive(Debug)]
pub enum AskError {
    /// No connection could be opened.
    Unreachable(io::Error),
    /// The session ended before the last answer was there.
    Ended(SessionEnd),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => SessionEnd::Unreachable(error.to_string()).fmt(f),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

impl std::error::Error for AskError {}

/// Opens one session with the switch, asks, takes leave, and gives the answers in the order of the questions. It tries once.
pub async fn ask<const N: usize>(
    address: &Address,
    clock: Clock,
    questions: [SwitchCommand; N],
) -> Result<[Reply; N], AskError> {
    let lines = connect(address).await.map_err(AskError::Unreachable)?;
    let (to_switch, commands) = unbounded();
    let (inputs, from_switch) = bounded(WAITING_BATCHES);
    let session = async {
        let end = Pair::new(EPOCH, address, clock, lines, &inputs).run(pin!(commands)).await;
        inputs.close();
        end
    };
    let asking = async {
        let replies = collect(questions, to_switch, &from_switch).await;
        // Whatever the switch still has to say does not matter any more.
        while from_switch.recv().await.is_ok() {}
        replies
    };
    let (end, replies) = zip(session, asking).await;
    replies.try_into().map_err(|_: Vec<Reply>| AskError::Ended(end))
}

/// Asks as soon as the session is up, and collects the answers for as long as it lasts. Then no more is asked.
async fn collect<const N: usize>(
    questions: [SwitchCommand; N],
    to_switch: Sender<Outgoing>,
    from_switch: &Receiver<Batch>,
) -> Vec<Reply> {
    let mut replies = Vec::new();
    while replies.len() < N
        && let Ok(batch) = from_switch.recv().await
    {
        for input in batch.inputs {
            match input {
                Input::SwitchUp { epoch } => {
                    for (id, command) in (1..).map(EffectId).zip(questions.iter().cloned()) {
                        // The queue has no bound, and when it is closed the session is over.
                        let _ = to_switch.try_send(Outgoing { id, epoch, command });
                    }
                }
                Input::SwitchReply { reply, .. } => replies.push(reply),
                _ => {}
            }
        }
    }
    replies
}
