//! The engine itself: inputs in, effects out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::change::Queued;
use crate::change::command::{Command, Outcome, Response, Unavailable};
use crate::change::press::Press;
use crate::change::response::refusal;
use crate::change::sweep::Sweeps;
use crate::change::transaction::{Desk, QUEUE, Step, Transactions};
use crate::config::{Config, ConfigError};
use crate::esl::event::Event;
use crate::io::{Effect, EffectId, Epoch, FileError, FileWork, FilesDone, Input, Reply};
use crate::live::{self, Live};
use crate::mark::{Figures, Mark};
use crate::note::Note;
use crate::path::RelPath;
use crate::render::{PublicAddress, Templates};
use crate::state::{Info, Reload, State};
use crate::switch::{Oddity, QUESTIONS, Reading};
use crate::time::{Mono, Now};

/// How long after an unusable answer the switch is asked again, should it not reload before.
const RETRY: Duration = Duration::from_secs(30);

/// How long after our own reload was ordered its `RELOADXML` may come. Should the switch leave it out, the event of
/// somebody else's reload must not be taken for it for ever.
const OWN_EVENT: Duration = Duration::from_secs(60);

/// The engine. See the crate's documentation for its invariants.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    /// The session with the switch, while there is one.
    session: Option<Epoch>,
    info: Info,
    /// The last state that could be read, as readers have it.
    published: Option<Arc<State>>,
    /// Whether the switch's last answers could be read.
    readable: bool,
    /// The round of questions that is under way.
    round: Option<Round>,
    /// Whether the switch has reloaded since the round under way, or the last one, began.
    stale: bool,
    /// Until when the next `RELOADXML` counts as that of our own reload.
    own_reload: Option<Mono>,
    retry: Option<Mono>,
    /// The oddities of the last state, which the log has heard of.
    said: BTreeSet<Oddity>,
    press: Arc<Press>,
    transactions: Transactions,
    sweeps: Sweeps,
    live: Live,
    last_effect: EffectId,
}

/// How the engine begins.
#[derive(Debug)]
pub struct Start {
    /// What files are written with.
    pub templates: Templates,
    /// Whether files were put back since the switch has loaded them.
    pub unsettled: bool,
    /// Where phones reach the program; nothing if there is no static tree for their files.
    pub phones: Option<PublicAddress>,
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
    pub fn new(config: Config, start: Start, now: Now) -> Result<Self, ConfigError> {
        config.check()?;
        let press = Arc::new(Press::new(start.templates, start.phones));
        Ok(Self {
            live: Live::new(&config),
            config: Arc::new(config),
            session: None,
            info: Info { reload: None, maintenance: None, connected: false, since: now.wall, version: String::new() },
            published: None,
            readable: true,
            round: None,
            stale: false,
            own_reload: None,
            retry: None,
            said: BTreeSet::new(),
            transactions: Transactions::new(Arc::clone(&press), start.unsettled),
            press,
            sweeps: Sweeps::default(),
            last_effect: EffectId(0),
        })
    }

    /// Takes one input. What is to be done about it is added to `out`, in order.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Tick => self.tick(now),
            Input::Stop => self.sweeps.stop(),
            Input::Request { id, caller, command, entropy } => {
                self.request(Queued::new(id, caller, command, entropy), out);
            }
            Input::SwitchUp { epoch } => self.switch_up(now, epoch, out),
            Input::SwitchDown { epoch } => self.switch_down(now, epoch, out),
            Input::SwitchEvent { epoch, event } if self.session == Some(epoch) => self.event(now, &event, out),
            Input::SwitchReply { epoch, id, reply } if self.session == Some(epoch) => self.reply(now, id, reply, out),
            // What an earlier session has left behind.
            Input::SwitchEvent { .. } | Input::SwitchReply { .. } => {}
            Input::FilesDone { id, result } => self.files_done(now, id, result, out),
            Input::Listener { id, does } => self.with_live(now, out, |live, desk| live.listener(id, does, desk)),
        }
        self.proceed(now, out);
        self.with_live(now, out, Live::go_on);
    }

    /// When the next [`Input::Tick`] is needed.
    pub fn deadline(&self) -> Option<Mono> {
        let live = self.session.and_then(|_| self.live.deadline());
        self.retry.into_iter().chain(live).min()
    }

    /// Whether nothing is in flight, so that it is safe to stop.
    pub fn is_idle(&self) -> bool {
        self.round.is_none() && self.transactions.is_idle() && self.sweeps.is_idle()
    }

    /// Whether nothing is in flight, nothing is to be tried again, and the live state waits for nothing: what is due next
    /// are audits.
    pub fn is_at_rest(&self) -> bool {
        self.is_idle() && self.retry.is_none() && (self.session.is_none() || self.live.is_at_rest())
    }

    /// How much there is of what. Takes time in proportion to the number of live conferences.
    pub fn figures(&self) -> Figures {
        Figures {
            is_connected: self.session.is_some(),
            waiting_changes: self.transactions.waiting(),
            waiting_sweeps: self.sweeps.waiting(),
            users: self.published.as_ref().map_or(0, |state| state.users.len()),
            ..self.live.figures()
        }
    }

    /// Begins what is to be done next, once nothing is under way: put back, settle, read, change – in this order. Sweeps
    /// go on in between.
    fn proceed(&mut self, now: Now, out: &mut Vec<Effect>) {
        while self.is_idle() {
            let swept = self.sweeps.are_due() && self.sweep(now, out);
            if !swept && !self.begin(now, out) && !self.sweep(now, out) {
                return;
            }
        }
    }

    /// Begins what comes before sweeps, if there is anything.
    fn begin(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        if self.retry.is_some() {
            return false;
        }
        if self.transactions.is_unrestored() {
            let (transactions, mut desk) = self.desk(out);
            transactions.restore(&mut desk);
        } else if self.session.is_none() {
            // All the rest needs the switch.
            return false;
        } else if self.transactions.is_unsettled() && !self.transactions.has_remedy() {
            self.own_reload = Some(now.mono.after(OWN_EVENT));
            let (transactions, mut desk) = self.desk(out);
            transactions.settle(&mut desk);
        } else if self.stale {
            self.ask(out);
        } else if let Some(state) = self.published.clone().filter(|_| self.transactions.has_requests()) {
            self.sweeps.come_next();
            let (transactions, mut desk) = self.desk(out);
            let step = transactions.begin(state, &mut desk);
            self.take(now, step, out);
        } else {
            return false;
        }
        true
    }

    /// Goes on with the sweeps, if there are any and the files are as they are to be.
    fn sweep(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        let Some(state) = self.published.clone() else { return false };
        if self.transactions.is_unrestored() || !self.sweeps.has_work() {
            return false;
        }
        let mut desk = Desk { out, last_effect: &mut self.last_effect, session: self.session, state: None };
        let step = self.sweeps.go_on(&state, &self.press, now.wall, &mut desk);
        self.take(now, step, out);
        true
    }

    fn with_live<T>(
        &mut self,
        now: Now,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Live, &mut live::Desk<'_>) -> T,
    ) -> T {
        let mut desk = live::Desk::new(now, out, &mut self.last_effect, self.session);
        act(&mut self.live, &mut desk)
    }

    fn desk<'a>(&'a mut self, out: &'a mut Vec<Effect>) -> (&'a mut Transactions, Desk<'a>) {
        let state = self.published.clone();
        (&mut self.transactions, Desk { out, last_effect: &mut self.last_effect, session: self.session, state })
    }

    fn tick(&mut self, now: Now) {
        if self.retry.is_some_and(|at| at <= now.mono) {
            // Whatever is to come first comes first, and a sweep's batch may be under way.
            self.retry = None;
            self.stale = true;
        }
    }

    fn request(&mut self, queued: Queued, out: &mut Vec<Effect>) {
        let refused = if self.session.is_none() || self.published.is_none() {
            Some(Unavailable::SwitchAway)
        } else if !self.readable {
            Some(Unavailable::Unreadable)
        } else {
            let waiting = self.transactions.waiting() + self.sweeps.waiting();
            (waiting >= QUEUE).then_some(Unavailable::Busy)
        };
        if let Some(why) = refused {
            let response = refusal(&queued, why);
            return respond(queued, response, out);
        }
        if Sweeps::are_asked_for_by(&queued.command) {
            self.sweeps.enqueue(queued);
        } else {
            self.transactions.enqueue(queued);
        }
        // Somebody waits for it: what was to be tried again later is tried now.
        self.retry = None;
    }

    fn take(&mut self, now: Now, step: Step, out: &mut Vec<Effect>) {
        match step {
            Step::Wait => {}
            Step::ReadBack => self.ask(out),
            Step::Answer(answers) => {
                if self.note_maintenance(now, &answers) {
                    self.publish_info(out);
                }
                respond_all(answers, out);
            }
            Step::Finish(reading, answers) => {
                self.note_maintenance(now, &answers);
                self.learn(now, reading, out);
                respond_all(answers, out);
            }
        }
    }

    /// Notes the time if all files of a kind were written anew. Whether they were.
    fn note_maintenance(&mut self, now: Now, answers: &[(Queued, Response)]) -> bool {
        let writes_all =
            |command: &Command| matches!(command, Command::RebuildUsers) || Sweeps::are_asked_for_by(command);
        let is_done = |response: &Response| match &response.outcome {
            Outcome::Items { done, failed } => !done.is_empty() || failed.is_empty(),
            Outcome::Single(result) => result.is_ok(),
        };
        let any = answers.iter().any(|(queued, response)| writes_all(&queued.command) && is_done(response));
        if any {
            self.info.maintenance = Some(now.wall);
        }
        any
    }

    fn switch_up(&mut self, now: Now, epoch: Epoch, out: &mut Vec<Effect>) {
        self.session = Some(epoch);
        self.info.connected = true;
        self.info.since = now.wall;
        self.own_reload = None;
        self.retry = None;
        self.stale = true;
        self.live.switch_up();
        out.push(Effect::Log(Note::SwitchUp));
        self.publish_info(out);
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
        self.live.switch_down();
        out.push(Effect::Log(Note::SwitchDown));
        self.publish_info(out);
        let (transactions, mut desk) = self.desk(out);
        let answers = transactions.lost(&mut desk);
        respond_all(answers, out);
    }

    fn event(&mut self, now: Now, event: &Event, out: &mut Vec<Effect>) {
        // Only custom events have a class, and that stands at the beginning.
        match event.header("Event-Subclass").as_deref() {
            Some(live::CONFERENCE) => self.with_live(now, out, |live, desk| live.conference_event(event, desk)),
            Some(class) if live::REGISTRATION.contains(&class) => {
                self.with_live(now, out, |live, desk| live.registration_event(event, desk));
            }
            None if event.name() == "RELOADXML" => self.reloaded(now, out),
            _ => {}
        }
    }

    fn reloaded(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.own_reload.take().is_some_and(|until| now.mono <= until) {
            return;
        }
        // The switch sends the event when a reload has succeeded, and only then.
        self.info.reload = Some(Reload { at: now.wall, message: "+OK [Success]".into() });
        self.stale = true;
        self.retry = None;
        out.push(Effect::Log(Note::Reloaded));
    }

    /// Begins a round of questions.
    fn ask(&mut self, out: &mut Vec<Effect>) {
        let Some(epoch) = self.session else { return };
        self.stale = false;
        out.push(Effect::Mark(Mark::ReadingBegun));
        let questions = QUESTIONS.map(|command| {
            let id = self.last_effect.next();
            out.push(Effect::Switch { id, epoch, command });
            id
        });
        let listing = self.last_effect.next();
        out.push(Effect::Files { id: listing, work: FileWork::List(self.config.folders()) });
        self.round = Some(Round { questions, replies: Default::default(), listing, files: None });
    }

    fn reply(&mut self, now: Now, id: EffectId, reply: Reply, out: &mut Vec<Effect>) {
        if let Some(round) = &mut self.round
            && let Some(place) = round.questions.iter().position(|question| *question == id)
        {
            round.replies[place] = Some(reply);
            self.conclude(now, out);
            return;
        }
        if self.with_live(now, out, |live, desk| live.answered(id, &reply, desk)) {
            return;
        }
        let (transactions, mut desk) = self.desk(out);
        if let Some((message, step)) = transactions.reloaded(id, &reply, &mut desk) {
            if !matches!(step, Step::ReadBack) {
                self.own_reload = None;
                self.retry = Some(now.mono.after(RETRY));
                out.push(Effect::Log(Note::NotReloaded(message.clone())));
            }
            // The reload with which a start makes sure of the switch is nobody's news.
            if self.published.is_some() {
                self.info.reload = Some(Reload { at: now.wall, message });
            }
            self.take(now, step, out);
            if self.transactions.has_remedy() {
                self.retry = None;
            }
            if self.is_idle() {
                // The switch does not take what is in the tree: readers are to see what it has instead.
                self.ask(out);
            }
        }
    }

    fn files_done(&mut self, now: Now, id: EffectId, result: Result<FilesDone, FileError>, out: &mut Vec<Effect>) {
        let (transactions, mut desk) = self.desk(out);
        let result = match transactions.files_done(id, result, &mut desk) {
            Ok(step) => {
                if self.transactions.is_reloading() {
                    self.own_reload = Some(now.mono.after(OWN_EVENT));
                }
                if self.transactions.is_unrestored() {
                    self.retry = Some(now.mono.after(RETRY));
                }
                return self.take(now, step, out);
            }
            Err(result) => result,
        };
        let mut desk = Desk { out, last_effect: &mut self.last_effect, session: self.session, state: None };
        let result = match self.sweeps.files_done(id, result, self.published.as_ref(), &mut desk) {
            Ok(step) => return self.take(now, step, out),
            Err(result) => result,
        };
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
        let reading = Reading::new(&self.config, replies, &round.files.unwrap_or_default());
        out.push(Effect::Mark(Mark::ReadingEnded { usable: reading.is_ok() }));
        if self.transactions.is_reading_back() {
            let (transactions, mut desk) = self.desk(out);
            let step = transactions.read_back(reading, &mut desk);
            return self.take(now, step, out);
        }
        match reading {
            Ok(reading) => self.learn(now, reading, out),
            Err(unreadable) => {
                self.readable = false;
                self.retry = Some(now.mono.after(RETRY));
                out.push(Effect::Log(Note::Unreadable(unreadable)));
                self.publish_info(out);
                let waiting = self.transactions.refuse_waiting(Unavailable::Unreadable);
                respond_all(waiting, out);
            }
        }
    }

    fn learn(&mut self, now: Now, mut reading: Reading, out: &mut Vec<Effect>) {
        let oddities: BTreeSet<Oddity> = std::mem::take(&mut reading.oddities).into_iter().collect();
        out.push(Effect::Log(Note::Read { users: reading.users.len(), conferences: reading.conferences.len() }));
        out.extend(oddities.difference(&self.said).cloned().map(|oddity| Effect::Log(Note::Odd(oddity))));
        self.said = oddities;
        self.readable = true;
        self.info.version = reading.version;
        self.publish(
            State {
                config: self.config.clone(),
                info: self.info.clone(),
                globals: reading.globals,
                users: reading.users,
                conference_types: reading.conference_types,
                conferences: reading.conferences,
                free: reading.free,
            },
            out,
        );
        if let Some(state) = self.published.clone() {
            self.with_live(now, out, |live, desk| live.learn(&state, desk));
        }
    }

    /// Publishes the state that is known, with what has become of the switch.
    fn publish_info(&mut self, out: &mut Vec<Effect>) {
        if let Some(known) = &self.published {
            let state = State { info: self.info.clone(), ..State::clone(known) };
            self.publish(state, out);
        }
    }

    fn publish(&mut self, state: State, out: &mut Vec<Effect>) {
        let state = Arc::new(state);
        out.push(Effect::Publish(state.clone()));
        self.published = Some(state);
    }
}

fn respond_all(answers: Vec<(Queued, Response)>, out: &mut Vec<Effect>) {
    for (queued, response) in answers {
        respond(queued, response, out);
    }
}

fn respond(queued: Queued, response: Response, out: &mut Vec<Effect>) {
    let (done, failed) = match &response.outcome {
        Outcome::Items { done, failed } => {
            let name = |item: &Value| {
                item.get("id").or(item.get("num")).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            (done.iter().map(name).collect(), counted(failed.iter().map(|failed| &*failed.error)))
        }
        Outcome::Single(Ok(done)) => (vec![done.clone()], Vec::new()),
        Outcome::Single(Err(why)) => (Vec::new(), vec![why.clone()]),
    };
    out.push(Effect::Log(Note::Audit { caller: queued.caller, op: response.op, done, failed }));
    out.push(Effect::Respond { id: queued.id, response });
}

/// Each error once, with how often it came.
fn counted<'a>(errors: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for error in errors {
        *counts.entry(error).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(error, count)| if count == 1 { error.into() } else { format!("{count} × {error}") })
        .collect()
}

impl Round {
    fn is_complete(&self) -> bool {
        self.files.is_some() && self.replies.iter().all(Option::is_some)
    }
}
