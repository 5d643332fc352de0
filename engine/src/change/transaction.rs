//! Transactions: a plan is carried out – files, reload, reading back, keeping – or put back.
//!
//! Requests that come while one runs wait and go together into the next; storing and restoring go alone. Every trouble leads to *undoing*; after that the
//! machine is *unsettled*: the switch may have loaded what is gone, so a reload comes before all else.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::command::{Command, Response, Unavailable};
use super::plan::{ItemId, Plan, force};
use super::press::Press;
use super::response::{all_done, all_fail, all_failed, answered, each, refused, single};
use super::{Failure, Queued};
use crate::access::Role;
use crate::change_set::{ChangeSet, Refusal};
use crate::esl::command::SwitchCommand;
use crate::files::{LeftAlone, Part};
use crate::io::{Effect, EffectId, Epoch, FileError, FileWork, FilesDone, Reply};
use crate::mark::{Mark, Outcome};
use crate::note::Note;
use crate::numbers::parse_number;
use crate::path::{Tree, TreePath};
use crate::state::State;
use crate::switch::{Reading, Unreadable};

/// How many requests may wait.
pub(crate) const QUEUE: usize = 256;

/// How often files of phones are tried again that somebody else keeps writing.
const ATTEMPTS: u32 = 8;

/// What the switch says of a reload that succeeded; anything else is none.
const SUCCESS: &str = "+OK [Success]";

/// The machine of changes.
#[derive(Debug)]
pub(crate) struct Transactions {
    press: Arc<Press>,
    queue: VecDeque<Queued>,
    phase: Phase,
    /// Whether the switch may have loaded what was put back since.
    unsettled: bool,
    /// Whether the switch did not take the last reload.
    rejected: bool,
    /// Whether files could not be put back yet.
    unrestored: bool,
    /// Numbers whose files were found to exist, though nothing shows them: until the requests that met them are answered.
    taken: BTreeSet<u32>,
}

/// What a transaction is about.
pub(super) struct Group {
    pub(super) requests: Vec<Queued>,
    pub(super) task: Task,
    /// The files out of which something is dropped that somebody had added by hand.
    dropped: Vec<TreePath>,
    /// The damaged files.
    pub(super) left_alone: Vec<LeftAlone>,
}

/// What a transaction does.
pub(super) enum Task {
    /// Carries out a plan.
    Plan(Plan),
    /// Puts a part of the tree in the place of what is there.
    Restore(Part),
}

impl Group {
    fn new(requests: Vec<Queued>, task: Task) -> Self {
        Self { requests, task, dropped: Vec::new(), left_alone: Vec::new() }
    }

    /// How many attempts there were before this one.
    fn attempts(&self) -> u32 {
        self.requests.iter().map(|queued| queued.attempts).max().unwrap_or(0)
    }

    fn plan(&self) -> Option<&Plan> {
        match &self.task {
            Task::Plan(plan) => Some(plan),
            Task::Restore(_) => None,
        }
    }
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    /// The files are being written.
    Staging { group: Group, id: EffectId, lost: bool },
    /// The switch loads them.
    Reloading { group: Group, id: EffectId },
    /// The engine reads what the switch has now.
    ReadingBack { group: Group },
    /// The files are being made to last.
    Keeping { group: Group, id: EffectId, reading: Reading },
    /// The files are being put back.
    Undoing { group: Group, id: EffectId, verdict: Verdict },
    /// Files that could not be put back at first are being put back.
    Restoring { id: EffectId },
    /// The switch reloads what was put back.
    Settling { id: EffectId },
    /// An archive is being made.
    Archiving { request: Queued, part: Part, id: EffectId },
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({} requests)", self.requests.len())
    }
}

/// Why files are put back, and what that means for the requests.
#[derive(Debug)]
enum Verdict {
    /// All of them fail.
    Fail(Failure),
    /// None of them could be carried out.
    Refuse(Unavailable),
    /// The items that made the trouble were marked; the rest is tried again.
    Retry,
}

impl Verdict {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Fail(why) => Outcome::from(why),
            Self::Refuse(why) => Outcome::from(*why),
            Self::Retry => Outcome::Retried,
        }
    }
}

/// What the engine has to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Wait for what is under way.
    Wait,
    /// Read what the switch has now.
    ReadBack,
    /// Answer these requests.
    Answer(Vec<(Queued, Response)>),
    /// Make this the state, then answer these requests.
    Finish(Reading, Vec<(Queued, Response)>),
}

/// Where a step's effects go, and what they need.
pub(crate) struct Desk<'a> {
    pub(crate) out: &'a mut Vec<Effect>,
    pub(crate) last_effect: &'a mut EffectId,
    pub(crate) session: Option<Epoch>,
    /// What readers know.
    pub(crate) state: Option<Arc<State>>,
}

impl Desk<'_> {
    pub(super) fn files(&mut self, work: FileWork) -> EffectId {
        let id = self.last_effect.next();
        self.out.push(Effect::Files { id, work });
        id
    }

    fn reload(&mut self) -> Option<EffectId> {
        let epoch = self.session?;
        let id = self.last_effect.next();
        self.mark(Mark::ReloadBegun);
        self.out.push(Effect::Switch { id, epoch, command: SwitchCommand::ReloadXml });
        Some(id)
    }

    fn mark(&mut self, mark: Mark) {
        self.out.push(Effect::Mark(mark));
    }
}

impl Transactions {
    /// A machine with nothing to do. Unsettled if files were put back before it started.
    pub(crate) fn new(press: Arc<Press>, unsettled: bool) -> Self {
        Self {
            press,
            queue: VecDeque::new(),
            phase: Phase::Idle,
            unsettled,
            rejected: false,
            unrestored: false,
            taken: BTreeSet::new(),
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Whether files have to be put back before anything else.
    pub(crate) fn is_unrestored(&self) -> bool {
        self.unrestored
    }

    /// Whether a reload has to come before anything else but that.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Whether the next request can be carried out, or can even mend it, though the switch takes no reload.
    pub(crate) fn has_remedy(&self) -> bool {
        self.rejected && self.queue.front().is_some_and(Queued::goes_alone)
    }

    /// Whether requests wait.
    pub(crate) fn has_requests(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the engine is to hand the next reading to [`Transactions::read_back`].
    pub(crate) fn is_reading_back(&self) -> bool {
        matches!(self.phase, Phase::ReadingBack { .. })
    }

    /// Whether a reload of ours is on its way to the switch.
    pub(crate) fn is_reloading(&self) -> bool {
        matches!(self.phase, Phase::Reloading { .. } | Phase::Settling { .. })
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes a request in.
    pub(crate) fn enqueue(&mut self, queued: Queued) {
        self.queue.push_back(queued);
    }

    /// Begins the next transaction, with all requests that wait.
    pub(crate) fn begin(&mut self, state: Arc<State>, desk: &mut Desk<'_>) -> Step {
        match self.queue.pop_front() {
            Some(request) => match request.command {
                Command::Store(part) => {
                    let id = desk.files(FileWork::Archive(part));
                    self.phase = Phase::Archiving { request, part, id };
                    Step::Wait
                }
                Command::Restore(part) => {
                    desk.mark(Mark::TransactionBegun { requests: 1 });
                    let id = desk.files(FileWork::Restore(part));
                    let group = Group::new(vec![request], Task::Restore(part));
                    self.phase = Phase::Staging { group, id, lost: false };
                    Step::Wait
                }
                _ => {
                    self.queue.push_front(request);
                    self.change(state, desk)
                }
            },
            None => Step::Wait,
        }
    }

    /// Begins a transaction of all requests up to the next that goes alone.
    fn change(&mut self, state: Arc<State>, desk: &mut Desk<'_>) -> Step {
        let until = self.queue.iter().position(Queued::goes_alone).unwrap_or(self.queue.len());
        let requests: Vec<Queued> = self.queue.drain(..until).collect();
        let renderer = self.press.renderer(&state);
        if !requests.iter().any(|queued| queued.attempts > 0) {
            // The state knows of all files again.
            self.taken.clear();
        }
        let plan = Plan::new(state, &requests, &self.taken, self.press.provisions());
        let changes = plan.changes();
        if changes.is_empty() {
            return Step::Answer(answered(plan.responses(&requests), requests));
        }
        desk.mark(Mark::TransactionBegun { requests: requests.len() });
        let id = desk.files(FileWork::Commit(ChangeSet { changes, renderer }));
        self.phase = Phase::Staging { group: Group::new(requests, Task::Plan(plan)), id, lost: false };
        Step::Wait
    }

    /// Tries again to put files back.
    pub(crate) fn restore(&mut self, desk: &mut Desk<'_>) {
        self.phase = Phase::Restoring { id: desk.files(FileWork::Undo) };
    }

    /// Sends the reload that has to come before anything else.
    pub(crate) fn settle(&mut self, desk: &mut Desk<'_>) {
        if let Some(id) = desk.reload() {
            self.phase = Phase::Settling { id };
        }
    }

    /// Takes the switch's answer to a reload; nothing if it was not asked for here.
    pub(crate) fn reloaded(&mut self, id: EffectId, reply: &Reply, desk: &mut Desk<'_>) -> Option<(String, Step)> {
        let message = match reply {
            Reply::Answer(body) => String::from_utf8_lossy(body).trim().to_owned(),
            Reply::Refused(text) => text.clone(),
        };
        let succeeded = message == SUCCESS;
        if self.is_reload(id) {
            desk.mark(Mark::ReloadEnded { accepted: succeeded });
            self.rejected = !succeeded;
        }
        let step = match std::mem::take(&mut self.phase) {
            Phase::Reloading { group, id: own } if own == id && succeeded => {
                self.unsettled = false;
                self.phase = Phase::ReadingBack { group };
                Step::ReadBack
            }
            Phase::Reloading { group, id: own } if own == id => {
                self.undo(group, Verdict::Fail(Failure::Rejected(message.clone())), desk)
            }
            Phase::Settling { id: own } if own == id && succeeded => {
                self.unsettled = false;
                Step::ReadBack
            }
            Phase::Settling { id: own } if own == id => {
                Step::Answer(self.fail_changes(&Failure::Rejected(message.clone()), desk))
            }
            other => {
                self.phase = other;
                return None;
            }
        };
        Some((message, step))
    }

    /// Whether this effect is the reload under way.
    fn is_reload(&self, id: EffectId) -> bool {
        matches!(&self.phase, Phase::Reloading { id: own, .. } | Phase::Settling { id: own } if *own == id)
    }

    /// The switch does not even take what is there: whoever waits for a change is told so. What can be done all the same,
    /// or can mend it, goes on.
    fn fail_changes(&mut self, why: &Failure, desk: &Desk<'_>) -> Vec<(Queued, Response)> {
        let (spared, changes): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(Queued::goes_alone);
        self.queue.extend(spared);
        each(changes, |queued| all_failed(queued, why, desk.state.as_deref()))
    }

    /// Files cannot be put right: whoever waits is told so.
    fn fail_waiting(&mut self, why: &Failure, desk: &Desk<'_>) -> Vec<(Queued, Response)> {
        each(self.queue.drain(..).collect(), |queued| all_failed(queued, why, desk.state.as_deref()))
    }

    /// Takes what the engine has read after the reload.
    pub(crate) fn read_back(&mut self, reading: Result<Reading, Unreadable>, desk: &mut Desk<'_>) -> Step {
        let Phase::ReadingBack { mut group } = std::mem::take(&mut self.phase) else { return Step::Wait };
        let reading = match reading {
            Ok(reading) => reading,
            Err(unreadable) => {
                desk.out.push(Effect::Log(Note::Unreadable(unreadable)));
                return self.undo(group, Verdict::Fail(Failure::Unreadable), desk);
            }
        };
        if matches!(group.task, Task::Restore(_)) && !reading.users.can_log_in(Role::Admin) {
            return self.undo(group, Verdict::Fail(Failure::NoAdmin), desk);
        }
        let not_shown = group.plan().map(|plan| plan.not_shown(&reading)).unwrap_or_default();
        if not_shown.is_empty() {
            let id = desk.files(FileWork::Keep);
            self.phase = Phase::Keeping { group, id, reading };
            return Step::Wait;
        }
        for (item, why) in not_shown {
            force(&mut group.requests, &item, why);
        }
        self.undo(group, Verdict::Retry, desk)
    }

    /// Takes the result of work with files; gives it back if it was not asked for here.
    pub(crate) fn files_done(
        &mut self,
        id: EffectId,
        result: Result<FilesDone, FileError>,
        desk: &mut Desk<'_>,
    ) -> Result<Step, Result<FilesDone, FileError>> {
        match std::mem::take(&mut self.phase) {
            Phase::Staging { group, id: own, lost } if own == id => Ok(self.staged(group, lost, result, desk)),
            Phase::Keeping { group, id: own, reading } if own == id => Ok(self.kept(group, reading, result, desk)),
            Phase::Undoing { group, id: own, verdict } if own == id => Ok(self.undone(group, verdict, result, desk)),
            Phase::Restoring { id: own } if own == id => Ok(self.restored(result, desk)),
            Phase::Archiving { request, part, id: own } if own == id => Ok(archived(request, part, result, desk)),
            other => {
                self.phase = other;
                Err(result)
            }
        }
    }

    fn staged(
        &mut self,
        mut group: Group,
        lost: bool,
        result: Result<FilesDone, FileError>,
        desk: &mut Desk<'_>,
    ) -> Step {
        // Some of the files may have been visible for a moment, or may still be: whatever failed is undone.
        match result {
            _ if lost => self.undo(group, Verdict::Refuse(Unavailable::SwitchLost), desk),
            Ok(done) => {
                if let FilesDone::Committed { dropped, left_alone } = done {
                    group.dropped = dropped;
                    group.left_alone = left_alone;
                }
                match desk.reload() {
                    Some(id) => {
                        self.phase = Phase::Reloading { group, id };
                        Step::Wait
                    }
                    None => self.undo(group, Verdict::Refuse(Unavailable::SwitchLost), desk),
                }
            }
            Err(FileError::Refused(files)) if self.mark_all(&mut group, &files) => {
                self.undo(group, Verdict::Retry, desk)
            }
            Err(error) => self.undo(group, Verdict::Fail(not_written(error, desk)), desk),
        }
    }

    /// Remembers what stands in the way of the plan. False if another attempt would meet the same.
    fn mark_all(&mut self, group: &mut Group, files: &[(TreePath, Refusal)]) -> bool {
        files.iter().fold(false, |any, (path, refusal)| self.mark(group, path, *refusal) || any)
    }

    /// A file is not as the plan needs it: a number is passed over, or those whose file it is fail. False if that changes
    /// nothing for another attempt.
    fn mark(&mut self, group: &mut Group, path: &TreePath, refusal: Refusal) -> bool {
        let Task::Plan(plan) = &group.task else { return false };
        let number = path.path.file_name().strip_suffix(".xml").and_then(parse_number);
        let why = match (path.tree, refusal, number) {
            // Somebody has written the file just now.
            (Tree::Static, Refusal::Changed, _) if group.attempts() < ATTEMPTS => return true,
            (_, Refusal::Changed, _) => Failure::ChangedByHand,
            (Tree::Static, _, _) => Failure::NotWritten(format!("{path}: {refusal}")),
            (Tree::Configuration, Refusal::Occupied, Some(number)) => return self.taken.insert(number),
            (Tree::Configuration, _, _) => Failure::NotItsOwn,
        };
        let owners: Vec<ItemId> = plan.owners_of(path).collect();
        for item in &owners {
            force(&mut group.requests, item, why.clone());
        }
        !owners.is_empty()
    }

    /// Puts the requests back to the head of the queue, in their order.
    fn again(&mut self, requests: Vec<Queued>) {
        for queued in requests.into_iter().rev() {
            self.queue.push_front(Queued { attempts: queued.attempts + 1, ..queued });
        }
    }

    fn kept(
        &mut self,
        mut group: Group,
        reading: Reading,
        result: Result<FilesDone, FileError>,
        desk: &mut Desk<'_>,
    ) -> Step {
        match result {
            Ok(_) => {
                desk.mark(Mark::TransactionEnded(Outcome::Kept));
                let dropped = std::mem::take(&mut group.dropped);
                desk.out.extend(dropped.into_iter().map(|path| Effect::Log(Note::Dropped(path))));
                desk.out.extend(group.left_alone.iter().cloned().map(|left| Effect::Log(Note::Damaged(left))));
                Step::Finish(reading, all_done(group))
            }
            Err(FileError::Refused(files)) if self.mark_all(&mut group, &files) => {
                self.undo(group, Verdict::Retry, desk)
            }
            Err(error) => self.undo(group, Verdict::Fail(not_written(error, desk)), desk),
        }
    }

    fn undo(&mut self, group: Group, verdict: Verdict, desk: &mut Desk<'_>) -> Step {
        self.unsettled = true;
        let id = desk.files(FileWork::Undo);
        self.phase = Phase::Undoing { group, id, verdict };
        Step::Wait
    }

    fn undone(
        &mut self,
        group: Group,
        verdict: Verdict,
        result: Result<FilesDone, FileError>,
        desk: &mut Desk<'_>,
    ) -> Step {
        if !self.put_back(result, desk) {
            desk.mark(Mark::TransactionEnded(Outcome::NotPutBack));
            return Step::Answer(all_fail(group, &Failure::NotPutBack));
        }
        desk.mark(Mark::TransactionEnded(verdict.outcome()));
        match verdict {
            Verdict::Fail(why) => Step::Answer(all_fail(group, &why)),
            Verdict::Refuse(why) => Step::Answer(refused(group.requests, why)),
            Verdict::Retry => {
                self.again(group.requests);
                Step::Wait
            }
        }
    }

    fn restored(&mut self, result: Result<FilesDone, FileError>, desk: &mut Desk<'_>) -> Step {
        if self.put_back(result, desk) {
            Step::Wait
        } else {
            Step::Answer(self.fail_waiting(&Failure::NotPutBack, desk))
        }
    }

    /// Whether the files are as they were. If not, they have to be before anything else.
    fn put_back(&mut self, result: Result<FilesDone, FileError>, desk: &mut Desk<'_>) -> bool {
        self.unrestored = result.is_err();
        match result {
            Ok(FilesDone::Undone { left }) => {
                desk.out.extend(left.into_iter().map(|path| Effect::Log(Note::LeftAlone(path))));
            }
            Ok(_) => {}
            Err(error) => desk.out.push(Effect::Log(Note::NotUndone(error))),
        }
        !self.unrestored
    }

    /// The session is over: what is under way is put back, and whoever waits is told.
    pub(crate) fn lost(&mut self, desk: &mut Desk<'_>) -> Vec<(Queued, Response)> {
        match std::mem::take(&mut self.phase) {
            Phase::Staging { group, id, .. } => self.phase = Phase::Staging { group, id, lost: true },
            Phase::Reloading { group, .. } | Phase::ReadingBack { group } => {
                self.undo(group, Verdict::Refuse(Unavailable::SwitchLost), desk);
            }
            Phase::Undoing { group, id, verdict: Verdict::Retry } => {
                self.phase = Phase::Undoing { group, id, verdict: Verdict::Refuse(Unavailable::SwitchLost) };
            }
            // What the switch has shown already is kept, and what is being put back goes on.
            kept @ (Phase::Keeping { .. }
            | Phase::Undoing { .. }
            | Phase::Restoring { .. }
            | Phase::Archiving { .. }
            | Phase::Idle) => {
                self.phase = kept;
            }
            Phase::Settling { .. } => {}
        }
        self.refuse_waiting(Unavailable::SwitchLost)
    }

    /// Whoever waits is told that it is to no purpose now.
    pub(crate) fn refuse_waiting(&mut self, why: Unavailable) -> Vec<(Queued, Response)> {
        refused(self.queue.drain(..).collect(), why)
    }
}

fn archived(request: Queued, part: Part, result: Result<FilesDone, FileError>, desk: &mut Desk<'_>) -> Step {
    let outcome = match result {
        Ok(_) => Ok(part.archive().to_string()),
        Err(error) => Err(not_written(error, desk).to_string()),
    };
    let response = single(&request, outcome);
    Step::Answer(vec![(request, response)])
}

/// What the caller is told of files that could not be written. The log names them, unless the caller is told that much.
pub(super) fn not_written(error: FileError, desk: &mut Desk<'_>) -> Failure {
    let why = match &error {
        FileError::Unfit(words) => return Failure::Unfit(words.clone()),
        FileError::Failed { reason, .. } => Failure::NotWritten(reason.clone()),
        FileError::Refused(_) => Failure::NotWritten("they are not as they were".to_owned()),
    };
    desk.out.push(Effect::Log(Note::NotWritten(error)));
    why
}
