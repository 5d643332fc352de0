//! What passes between the engine and the rest: work on the disk, commands, states, answers. All of it is looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use fsconnector_disk::{RelPath, TreePath, UploadError, UploadName};
use fsconnector_engine::change::command::{Outcome, RequestId, Response};
use fsconnector_engine::change_set::{ChangeKind, Document, PhoneFile};
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::reply::Reply;
use fsconnector_engine::files::{FileError, FileWork, FilesDone, LeftAlone};
use fsconnector_engine::io::{EffectId, Epoch, Input};
use fsconnector_engine::note::Note;
use fsconnector_engine::state::State;
use serde_json::Value;

use crate::archives::Fitness;
use crate::changing::Aim;
use crate::disk::Watched;
use crate::invariants::{self, keys_of, number_of, visible};
use crate::ledger::Files;
use crate::phones::{self, Upload};
use crate::requests::{Operation, done_items};
use crate::sabotage::Sabotage;
use crate::scene::{Plan, Scene};
use crate::view::View;
use crate::world::World;

/// What the switch says of a reload that succeeded.
const SUCCESS: &[u8] = b"+OK [Success]\n";

/// The name of the journal of the change sets.
const JOURNAL: &str = ".fsconnector-journal";

/// An answer, and what readers saw when it was given.
pub(crate) type Answered = (RequestId, Response, View);

impl World {
    /// The engine wants something of the disk.
    pub(crate) fn want(&mut self, id: EffectId, work: FileWork) {
        let work = self.sabotaged(work);
        let known = self.seen().unwrap_or_default();
        match &work {
            FileWork::Commit(set) => {
                self.demand("every file that is written is whole", invariants::written_files_are_whole(set));
                self.demand("the files of phones change with their users", phones::set_misfit(set, &known));
            }
            FileWork::Provision(set) => {
                let misfit = phones::sweep_misfit(set, &known, &self.config);
                self.demand("all phones are provisioned", misfit);
            }
            _ => {}
        }
        self.with_connector(|connector| connector.works.push_back((id, work)));
    }

    /// A forgetful connector writes directories of phones anew.
    fn sabotaged(&self, work: FileWork) -> FileWork {
        let FileWork::Commit(mut set) = work else { return work };
        if self.sabotage == Some(Sabotage::Entries) {
            for change in &mut set.changes {
                if let ChangeKind::Write(document @ Document::Phone(PhoneFile::Directory, ..)) = &change.kind {
                    change.kind = ChangeKind::WriteAfresh(document.clone());
                }
            }
        }
        FileWork::Commit(set)
    }

    /// A phone uploads a file.
    pub(crate) fn upload(&mut self, upload: &Upload, plan: Plan) {
        let Some(name) = UploadName::parse(&upload.name) else { return };
        if self.connector.is_none() {
            return;
        }
        let Some(path) = RelPath::parse(&format!("polycom/{}/{}", upload.mac, upload.name)) else { return };
        let path = TreePath::in_static(path);
        {
            let scene = &mut *self.scene.borrow_mut();
            let old = scene.model.content(&path).filter(|_| name.is_log()).unwrap_or_default();
            let new = [&*old, &upload.content].concat();
            scene.begin_work(self.now.mono.0, plan);
            scene.uploading = Some((path, new));
        }
        let result = fsconnector_disk::upload(&Watched::new(&self.scene), &upload.mac, &name, &upload.content);
        let crash = self.scene.borrow_mut().crash.take();
        if let Some(crash) = crash {
            return self.crash(crash);
        }
        self.tell(|| format!("        disk: {result:?}"));
        let scene = &mut *self.scene.borrow_mut();
        let is_there = scene.uploaded(result.is_ok());
        let misfit = format!("{}: {result:?}, and it is there: {is_there}", upload.name);
        scene.demand("what was uploaded is there", (result.is_ok() && !is_there).then_some(misfit.clone()));
        let excused =
            scene.failed || matches!(result, Err(UploadError::Failed(FileError::Failed { .. })) if scene.is_odd);
        scene.demand("an upload is taken by a disk that works", (result.is_err() && !excused).then_some(misfit));
    }

    /// The disk does what the engine asked for first.
    pub(crate) fn disk(&mut self, plan: Plan) {
        let Some(connector) = &mut self.connector else { return };
        let Some((id, work)) = connector.works.pop_front() else { return };
        {
            let scene = &mut *self.scene.borrow_mut();
            scene.begin_work(self.now.mono.0, plan);
            match &work {
                FileWork::Commit(set) => {
                    scene.ledger.begins(Aim::Set(set.clone()));
                }
                FileWork::Keep => {
                    let rejected = self.rejected.then(|| "it is kept".to_owned());
                    scene.demand("what the switch has rejected is put back", rejected);
                    scene.ledger.keeping();
                }
                FileWork::Undo => scene.ledger.undoing(),
                FileWork::Provision(set) => scene.ledger.begins(Aim::Each(set.clone())),
                FileWork::Archive(part) => scene.ledger.begins_storing(*part),
                FileWork::Restore(part) => scene.ledger.begins_restoring(*part),
                FileWork::List(_) | FileWork::SyncProvisioning => {}
            }
        }
        let result = match work {
            FileWork::Undo if self.sabotage == Some(Sabotage::Undo) => Ok(FilesDone::Undone { left: Vec::new() }),
            _ => connector.change_sets.perform(&work),
        };
        let crash = self.scene.borrow_mut().crash.take();
        if let Some(crash) = crash {
            return self.crash(crash);
        }
        self.tell(|| format!("        disk: {result:?}"));
        self.account(&work, &result);
        self.with_connector(|connector| connector.results.push_back((id, result)));
    }

    /// Looks what has become of the files.
    fn account(&mut self, work: &FileWork, result: &Result<FilesDone, FileError>) {
        let scene = &mut *self.scene.borrow_mut();
        let files = visible(&scene.model);
        let has_journal = has_journal(scene);
        let work_restores = matches!(work, FileWork::Restore(_));
        match (work, result) {
            (FileWork::SyncProvisioning, Ok(_)) => scene.ledger.swept(),
            (FileWork::List(_) | FileWork::SyncProvisioning, _) | (FileWork::Keep, Err(_)) => {}
            (FileWork::Commit(_) | FileWork::Restore(_), Ok(done)) => {
                let is_unfit = work_restores && scene.ledger.fitness() == Some(Fitness::Unfit);
                scene.demand("what is not fit is not restored", is_unfit.then(|| format!("{work:?}")));
                let misfit = left_alone_misfit(scene, done, &files);
                scene.demand("damaged directories are named", misfit);
                scene.ledger.committed();
                scene.demand("directories keep what their owners have made", scene.ledger.directory_misfit());
                let misfit = scene.ledger.misfit_when_committed(&files);
                scene.demand("what is committed is visible, but for what people write", misfit);
                self.rejected = false;
            }
            (FileWork::Restore(_), Err(FileError::Unfit(words))) if scene.ledger.fitness() == Some(Fitness::Fit) => {
                scene.demand("what is fit is restored", Some(words.clone()));
            }
            (FileWork::Commit(_) | FileWork::Restore(_) | FileWork::Undo, Err(error))
                if has_journal || matches!(work, FileWork::Undo) =>
            {
                let text = (!scene.failed).then(|| error.to_string());
                scene.demand("files can be put back on a disk that works", text);
            }
            (FileWork::Commit(_) | FileWork::Restore(_), Err(_)) | (FileWork::Undo, _) => {
                scene.ledger.accept_forgiven(&files);
                scene.ledger.undone();
                let misfit = scene.ledger.misfit_at_rest(&files);
                scene.demand("what did not happen leaves all files as they were", misfit);
                self.rejected = false;
            }
            (FileWork::Provision(_), _) => {
                scene.ledger.accept_forgiven(&files);
                let misfit = result.as_ref().ok().and_then(|done| left_alone_misfit(scene, done, &files));
                scene.demand("damaged directories are named", misfit);
                let misfit = scene.ledger.provisioned(&files, result.is_ok());
                scene.demand("what is provisioned is visible, but for what people write", misfit);
            }
            (FileWork::Archive(_), _) => {
                let excused = scene.failed || scene.ledger.is_archive_replaced();
                let misfit = scene.ledger.stored(&files, result.is_ok(), !scene.failed);
                scene.demand("a whole archive is there, and those before are kept", misfit);
                let text = result.as_ref().err().filter(|_| !excused).map(ToString::to_string);
                scene.demand("an archive can be made on a disk that works", text);
            }
            (FileWork::Keep, Ok(_)) => {
                scene.ledger.accept_forgiven(&files);
                let changed = scene.ledger.kept();
                let misfit = scene.ledger.misfit_at_rest(&files);
                scene.demand("what is kept is visible, but for what people write", misfit);
                let misfit = invariants::numbers_are_unique_and_in_range(&files, &scene.ledger, &self.config);
                scene.demand("numbers are given once and from the context's range", misfit);
                let numbers = changed.iter().filter_map(number_of).map(|number| number.to_string());
                self.connector.iter_mut().for_each(|connector| connector.unexplained.extend(numbers.clone()));
            }
        }
    }

    /// The engine hears of something that was done for it.
    pub(crate) fn result(&mut self) {
        let Some(connector) = &mut self.connector else { return };
        if let Some((epoch, id)) = connector.made_up.pop_front() {
            self.input(Input::SwitchReply { epoch, id, reply: Reply::Answer(Bytes::from_static(SUCCESS)) });
        } else if let Some((id, result)) = connector.results.pop_front() {
            let is_kept = result == Ok(FilesDone::Kept);
            self.input(Input::FilesDone { id, result });
            let unexplained = self.connector.iter().find_map(|connector| connector.unexplained.first()).cloned();
            self.demand("every change was asked for, and told to be done", unexplained.filter(|_| is_kept));
        }
    }

    /// Looks at the switch's answers to reloads.
    pub(crate) fn heard(&mut self, input: Input) -> Input {
        let Input::SwitchReply { epoch, id, reply } = input else { return input };
        let is_reload = self.connector.as_mut().is_some_and(|connector| connector.reloads.remove(&id));
        let success = Reply::Answer(Bytes::from_static(SUCCESS));
        if !is_reload || reply == success {
            return Input::SwitchReply { epoch, id, reply };
        }
        self.rejected = self.scene.borrow().ledger.is_changing();
        let reply = if self.sabotage == Some(Sabotage::ReloadCheck) { success } else { reply };
        Input::SwitchReply { epoch, id, reply }
    }

    /// The engine asks the switch something.
    pub(crate) fn command(&mut self, id: EffectId, epoch: Epoch, command: SwitchCommand) {
        for command in self.tampered_command(command) {
            self.send(id, epoch, command);
        }
    }

    fn send(&mut self, id: EffectId, epoch: Epoch, command: SwitchCommand) {
        self.order(id, &command);
        if command == SwitchCommand::ReloadXml {
            let settles = !self.scene.borrow().ledger.is_changing();
            self.with_connector(|connector| {
                connector.reloads.insert(id);
            });
            if settles && self.sabotage == Some(Sabotage::ReloadAfterUndo) {
                return self.with_connector(|connector| connector.made_up.push_back((epoch, id)));
            }
        }
        self.with_session(|session, now, actions| session.send(now, id, epoch, command, actions));
        // A session that is over has not sent it.
        self.live.orders.words = None;
    }

    /// Readers get a new state.
    pub(crate) fn publish(&mut self, state: Arc<State>) {
        let view = View::of_state(&state);
        let scene = self.scene.borrow();
        // What a torn file means is another question.
        let misfit = invariants::published_was_active(&view, &scene.history).filter(|_| !scene.ledger.is_torn());
        drop(scene);
        self.demand("readers see only what the switch has had", misfit);
        self.with_connector(|connector| connector.published = Some(state));
    }

    /// Looks at something for the log.
    pub(crate) fn log(&mut self, note: &Note) {
        let known = self.seen().unwrap_or_default();
        self.demand("no note holds a secret", invariants::notes_hold_no_secret(note, &known));
    }

    /// Looks at the answers that were given at once.
    pub(crate) fn answered(&mut self, responses: Vec<Answered>) {
        if responses.iter().any(|(_, response, _)| tells_of_something(response)) {
            let seed = self.chance.number();
            let scene = self.scene.borrow();
            let misfit = invariants::done_is_durable(&scene.model, &scene.ledger, seed);
            drop(scene);
            self.demand("what is done stays when the power is lost", misfit);
        }
        // What one has done a later one in the same transaction may have changed again, and who came and went in one was
        // never there.
        let mut changed_later = BTreeSet::new();
        for (_, response, _) in responses.iter().filter(|(_, response, _)| response.op != "users/del") {
            let came = done_items(response).iter().filter_map(|item| item.get("id")).filter_map(Value::as_str);
            changed_later.extend(came.map(|id| format!("came: {id}")));
        }
        for answered in responses.into_iter().rev() {
            self.check_answer(answered, &mut changed_later);
        }
    }

    fn check_answer(&mut self, (id, response, published): Answered, changed_later: &mut BTreeSet<String>) {
        let sent = self.connector.as_mut().and_then(|connector| connector.waiting.remove(&id.0));
        let Some(sent) = sent else {
            return self.demand("every request is answered once", Some(format!("{id:?}: {response:?}")));
        };
        let Some(all) = sent.ask.done(&response) else {
            let text = format!("{:?}: done {:?}, {response:?}", sent.ask, done_items(&response));
            return self.demand("an answer speaks of every item", Some(text));
        };
        if response.unavailable.is_some() && !all.is_empty() {
            self.demand("nothing is done by a request that was refused", Some(format!("{response:?}")));
        }
        if let Outcome::Single(Ok(told)) = &response.outcome {
            let misfit = sent.ask.operation.misfit(told);
            self.demand("what is done is told as it is called", misfit);
            if matches!(sent.ask.operation, Operation::Restore(_)) {
                self.with_connector(|connector| connector.unexplained.clear());
            }
        }
        let reprovisions = sent.ask.operation == Operation::ReprovisionUsers;
        for done in all.iter().rev().filter(|_| !reprovisions) {
            let keys = keys_of(done);
            if keys.iter().all(|key| !changed_later.contains(key)) {
                let scene = self.scene.borrow();
                // Two can have one phone, if somebody has written so by hand.
                let is_shared =
                    |mac: &str| published.users.iter().any(|(id, user)| user[5] == mac && !keys.contains(id));
                let is_taken = |name: &str| changed_later.contains(name) || is_shared(name);
                let misfit = phones::done_misfit(done, &scene.ledger, &response.left_alone, is_taken);
                drop(scene);
                self.demand("what is done of a user is in the files of its phones", misfit);
                let had = &self.scene.borrow().history[sent.history..].to_vec();
                self.demand(
                    "what is done is active as it was asked for",
                    invariants::done_is_active(done, &published, had),
                );
            }
            self.with_connector(|connector| connector.unexplained.retain(|key| !keys.contains(key)));
            changed_later.extend(keys);
            changed_later.extend(phones::mac_of(done));
        }
        let scene = self.scene.borrow();
        // As long as the disk does not let anything be put back, it is told so.
        let excuse = scene.ledger.is_changing().then_some("could not be put back");
        let files = visible(&scene.model);
        let misfit = invariants::failed_changes_nothing(&sent, &response, &files, excuse);
        drop(scene);
        self.demand("what failed has changed nothing", misfit);
    }
}

/// Whether anything is done.
fn tells_of_something(response: &Response) -> bool {
    !done_items(response).is_empty() || matches!(response.outcome, Outcome::Single(Ok(_)))
}

/// Exactly the damaged directories are left alone, and whatever is in the place of what is not a file.
fn left_alone_misfit(scene: &mut Scene, done: &FilesDone, files: &Files) -> Option<String> {
    let (FilesDone::Committed { left_alone, .. } | FilesDone::Provisioned { left_alone }) = done else { return None };
    let wanted = scene.ledger.left_alone();
    let is_one = |left: &&LeftAlone| {
        left.path.path.as_str().ends_with("-directory.xml") && !scene.ledger.is_undecided(&left.path)
    };
    let told: BTreeSet<TreePath> = left_alone.iter().filter(is_one).map(|left| left.path.clone()).collect();
    if !scene.is_odd && !scene.failed {
        return (told != wanted).then(|| format!("{wanted:?}, and not {left_alone:?}"));
    }
    scene.ledger.cannot_be_written(left_alone.iter().map(|left| &left.path), files);
    None
}

fn has_journal(scene: &Scene) -> bool {
    scene.hidden().iter().any(|path| path.path.as_str() == JOURNAL)
}
