//! The engine itself: inputs in, effects out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, ConfigError};
use crate::esl::event::Event;
use crate::io::{Effect, EffectId, Epoch, FileError, FileWork, FilesDone, Input, Reply};
use crate::note::Note;
use crate::path::RelPath;
use crate::state::{Info, Reload, State};
use crate::switch::{Oddity, QUESTIONS, Reading};
use crate::time::{Mono, Now};

/// How long after an unusable answer the switch is asked again, should it not reload before.
const RETRY: Duration = Duration::from_secs(30);

/// The engine. See the crate's documentation for its invariants.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    /// The session with the switch, while there is one.
    session: Option<Epoch>,
    info: Info,
    /// The last state that could be read.
    known: Option<Reading>,
    /// The round of questions that is under way.
    round: Option<Round>,
    /// Whether the switch has reloaded since the round under way, or the last one, began.
    stale: bool,
    retry: Option<Mono>,
    /// The oddities of the last state, which the log has heard of.
    said: BTreeSet<Oddity>,
    last_effect: EffectId,
}

/// One round of questions: to the switch, and to the disk.
#[derive(Debug)]
struct Round {
    questions: [EffectId; QUESTIONS.len()],
    replies: [Option<Reply>; QUESTIONS.len()],
    listing: EffectId,
    files: Option<Vec<RelPath>>,
}

impl Engine {
    /// An engine that knows nothing yet; the switch counts as not connected since `now`.
    pub fn new(config: Config, now: Now) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config: Arc::new(config),
            session: None,
            info: Info { reload: None, maintenance: None, connected: false, since: now.wall, version: String::new() },
            known: None,
            round: None,
            stale: false,
            retry: None,
            said: BTreeSet::new(),
            last_effect: EffectId(0),
        })
    }

    /// Takes one input. What is to be done about it is added to `out`, in order.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Tick => self.tick(now, out),
            Input::SwitchUp { epoch } => self.switch_up(now, epoch, out),
            Input::SwitchDown { epoch } => self.switch_down(now, epoch, out),
            Input::SwitchEvent { epoch, event } if self.session == Some(epoch) => self.event(now, &event, out),
            Input::SwitchReply { epoch, id, reply } if self.session == Some(epoch) => self.reply(now, id, reply, out),
            // What an earlier session has left behind.
            Input::SwitchEvent { .. } | Input::SwitchReply { .. } => {}
            Input::FilesDone { id, result } => self.files_done(now, id, result, out),
        }
    }

    /// When the next [`Input::Tick`] is needed.
    pub fn deadline(&self) -> Option<Mono> {
        self.retry
    }

    /// Whether nothing is in flight, so that it is safe to stop.
    pub fn is_idle(&self) -> bool {
        self.round.is_none()
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.retry.is_some_and(|at| at <= now.mono) {
            self.ask(out);
        }
    }

    fn switch_up(&mut self, now: Now, epoch: Epoch, out: &mut Vec<Effect>) {
        self.session = Some(epoch);
        self.info.connected = true;
        self.info.since = now.wall;
        out.push(Effect::Log(Note::SwitchUp));
        self.publish(out);
        self.ask(out);
    }

    fn switch_down(&mut self, now: Now, epoch: Epoch, out: &mut Vec<Effect>) {
        if self.session != Some(epoch) {
            return;
        }
        self.session = None;
        self.round = None;
        self.retry = None;
        self.info.connected = false;
        self.info.since = now.wall;
        out.push(Effect::Log(Note::SwitchDown));
        self.publish(out);
    }

    fn event(&mut self, now: Now, event: &Event, out: &mut Vec<Effect>) {
        if event.name() != "RELOADXML" {
            return;
        }
        // The switch sends the event when a reload has succeeded, and only then.
        self.info.reload = Some(Reload { at: now.wall, message: "+OK [Success]".into() });
        self.stale = true;
        out.push(Effect::Log(Note::Reloaded));
        if self.round.is_none() {
            self.ask(out);
        }
    }

    /// Begins a round of questions.
    fn ask(&mut self, out: &mut Vec<Effect>) {
        let Some(epoch) = self.session else { return };
        self.stale = false;
        self.retry = None;
        let questions = QUESTIONS.map(|command| {
            let id = self.next_effect();
            out.push(Effect::Switch { id, epoch, command });
            id
        });
        let listing = self.next_effect();
        out.push(Effect::Files { id: listing, work: FileWork::List(self.folders()) });
        self.round = Some(Round { questions, replies: Default::default(), listing, files: None });
    }

    /// The folders in which a file's name is a number.
    fn folders(&self) -> Vec<RelPath> {
        let users = self.config.contexts.iter().map(|context| format!("directory/{}", context.name));
        let all = users.chain(["dialplan/conferences".to_owned()]);
        // A context's name is a plain file name, so none is left out.
        all.filter_map(|path| RelPath::parse(&path)).collect()
    }

    fn reply(&mut self, now: Now, id: EffectId, reply: Reply, out: &mut Vec<Effect>) {
        let Some(round) = &mut self.round else { return };
        if let Some(place) = round.questions.iter().position(|question| *question == id) {
            round.replies[place] = Some(reply);
            self.conclude(now, out);
        }
    }

    fn files_done(&mut self, now: Now, id: EffectId, result: Result<FilesDone, FileError>, out: &mut Vec<Effect>) {
        let Some(round) = self.round.as_mut().filter(|round| round.listing == id) else { return };
        round.files = Some(match result {
            Ok(FilesDone::Listed(files)) => files,
            Ok(_) => Vec::new(),
            Err(error) => {
                out.push(Effect::Log(Note::NotListed(error)));
                Vec::new()
            }
        });
        self.conclude(now, out);
    }

    /// Reads the answers, once all are there.
    fn conclude(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.round.as_ref().is_some_and(Round::is_complete) {
            return;
        }
        let Some(round) = self.round.take() else { return };
        let replies = round.replies.map(|reply| reply.unwrap_or_else(|| Reply::Refused(String::new())));
        match Reading::new(&self.config, replies, &round.files.unwrap_or_default()) {
            Ok(reading) => self.learn(reading, out),
            Err(unreadable) => {
                self.retry = Some(now.mono.after(RETRY));
                out.push(Effect::Log(Note::Unreadable(unreadable)));
                self.publish(out);
            }
        }
        if self.stale {
            self.ask(out);
        }
    }

    fn learn(&mut self, mut reading: Reading, out: &mut Vec<Effect>) {
        let oddities: BTreeSet<Oddity> = std::mem::take(&mut reading.oddities).into_iter().collect();
        out.push(Effect::Log(Note::Read { users: reading.users.len(), conferences: reading.conferences.len() }));
        out.extend(oddities.difference(&self.said).cloned().map(|oddity| Effect::Log(Note::Odd(oddity))));
        self.said = oddities;
        self.info.version.clone_from(&reading.version);
        self.known = Some(reading);
        self.publish(out);
    }

    fn publish(&self, out: &mut Vec<Effect>) {
        if let Some(known) = &self.known {
            out.push(Effect::Publish(Arc::new(State {
                config: self.config.clone(),
                info: self.info.clone(),
                globals: known.globals.clone(),
                users: known.users.clone(),
                conference_types: known.conference_types.clone(),
                conferences: known.conferences.clone(),
                free: known.free.clone(),
            })));
        }
    }

    fn next_effect(&mut self) -> EffectId {
        self.last_effect.0 += 1;
        self.last_effect
    }
}

impl Round {
    fn is_complete(&self) -> bool {
        self.files.is_some() && self.replies.iter().all(Option::is_some)
    }
}
