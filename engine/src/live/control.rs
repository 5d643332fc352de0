//! What moderators and listeners have done with a conference.

use std::sync::Arc;

use super::conference::Conference;
use super::conferences::Conferences;
use super::desk::Desk;
use super::frame::Message;
use super::recorder::{self, Move, RecordingCall};
use super::report::Key;
use super::request::{ConferenceCall, MemberCall};
use crate::access::{Role, Roles};
use crate::esl::command::{Argument, ConferenceArgument, ConferenceOrder, MemberId, SwitchCommand};
use crate::io::{EffectId, Reply};
use crate::note::Note;
use crate::time::{Mono, Wall};

/// How many orders to all conferences, and to one, may be unanswered by the switch. Some room is left for keys, whose
/// moderators would not hear why nothing happens.
const UNANSWERED: usize = 64;
const UNANSWERED_OF_ONE: usize = 16;
const UNANSWERED_OF_KEYS: usize = 32;

const BUSY: &str = "too many orders wait for the switch; try again later";

/// What a conference was told, as far as the answer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    MuteAll,
    Recording,
    Other,
}

impl Conferences {
    /// A moderator has pressed a key. Whether a listing is needed.
    pub(super) fn press(&mut self, uuid: &str, key: Key, desk: &mut Desk<'_>) -> bool {
        if self.is_busy(uuid, UNANSWERED_OF_KEYS) {
            let name = self.by_uuid.get(uuid).map(|conference| conference.name().to_string()).unwrap_or_default();
            desk.log(Note::NotObeyed { conference: name, words: BUSY.into() });
            return false;
        }
        match key {
            Key::MuteAll => self.tell_or_log(uuid, ConferenceOrder::MuteAll, desk),
            Key::Lock => self.tell_or_log(uuid, ConferenceOrder::Lock, desk),
            Key::Unlock => self.tell_or_log(uuid, ConferenceOrder::Unlock, desk),
            Key::Recording(call) => return self.order_recording(uuid, call, desk).unwrap_or(false),
        }
        false
    }

    /// Somebody of this role wants something done with a conference. Else why it cannot be.
    pub(super) fn exec(
        &mut self,
        role: Role,
        name: &str,
        call: ConferenceCall,
        desk: &mut Desk<'_>,
    ) -> Result<bool, String> {
        let uuid = self.controllable(role, name, desk)?;
        let order = match call {
            ConferenceCall::Lock => ConferenceOrder::Lock,
            ConferenceCall::Unlock => ConferenceOrder::Unlock,
            ConferenceCall::MuteAll => ConferenceOrder::MuteAll,
            ConferenceCall::KickAll => ConferenceOrder::KickAll,
            ConferenceCall::StartRec => return self.order_recording(&uuid, RecordingCall::Start, desk),
            ConferenceCall::PauseRec => return self.order_recording(&uuid, RecordingCall::Pause, desk),
            ConferenceCall::ResumeRec => return self.order_recording(&uuid, RecordingCall::Resume, desk),
            ConferenceCall::StopRec => return self.order_recording(&uuid, RecordingCall::Stop, desk),
        };
        self.tell_or_log(&uuid, order, desk);
        Ok(false)
    }

    /// Somebody of this role wants something done with a member. Else why it cannot be.
    pub(super) fn exec_member(
        &mut self,
        role: Role,
        (name, member): (&str, &str),
        call: MemberCall,
        desk: &mut Desk<'_>,
    ) -> Result<(), String> {
        let uuid = self.controllable(role, name, desk)?;
        let id = member.parse().ok().map(MemberId);
        let id = id.filter(|id| self.by_uuid.get(&*uuid).is_some_and(|conference| conference.has(*id)));
        let id = id.ok_or_else(|| format!("no member {member} in conference {name}"))?;
        let order = match call {
            MemberCall::Mute => ConferenceOrder::Mute(id),
            MemberCall::Unmute => ConferenceOrder::Unmute(id),
            MemberCall::Kick => ConferenceOrder::Kick(id),
        };
        self.tell_or_log(&uuid, order, desk);
        Ok(())
    }

    fn controllable(&self, role: Role, name: &str, desk: &Desk<'_>) -> Result<Arc<str>, String> {
        let sees = |conference: &&Conference| conference.is_shown() && conference.definition().hearers.contains(role);
        let uuid = self.current.get(name).filter(|uuid| self.by_uuid.get(*uuid).as_ref().is_some_and(sees));
        let uuid = uuid.ok_or_else(|| format!("no conference {name}"))?;
        if !desk.is_connected() {
            return Err("the switch is not connected; try again later".into());
        }
        if ConferenceArgument::parse(name).is_none() {
            return Err(format!("conference {name} cannot be controlled, for the switch does not understand its name"));
        }
        if self.is_busy(uuid, UNANSWERED_OF_ONE) {
            return Err(BUSY.into());
        }
        Ok(Arc::clone(uuid))
    }

    /// Whether so many orders are unanswered that no more are taken: who gives them faster than the switch carries them out
    /// would keep it from everything else.
    fn is_busy(&self, uuid: &str, most: usize) -> bool {
        let of_this = || self.sent.values().filter(|(other, _)| **other == *uuid).count();
        self.sent.len() >= UNANSWERED || of_this() >= most
    }

    fn order_recording(&mut self, uuid: &str, call: RecordingCall, desk: &mut Desk<'_>) -> Result<bool, String> {
        if let Some((known, _)) = self.by_uuid.get_key_value(uuid) {
            self.recording.insert(Arc::clone(known));
        }
        let is_taken = self.by_uuid.get_mut(uuid).is_some_and(|conference| conference.recorder.order(call));
        if is_taken { Ok(self.go_on_recording(uuid, Vec::new(), desk)) } else { Err(BUSY.into()) }
    }

    /// The recorder goes on, after `moves` that were decided already. Whether a listing is needed.
    pub(super) fn go_on_recording(&mut self, uuid: &str, mut moves: Vec<Move>, desk: &mut Desk<'_>) -> bool {
        let Some(conference) = self.by_uuid.get_mut(uuid) else { return false };
        if self.have_caught_up && !conference.recorder.is_idle() {
            let (folder, name, wall) = (&self.folder, Arc::clone(conference.name()), desk.now.wall);
            let recordings = conference.recordings().clone();
            let file = || recording_file(folder, &name, wall);
            conference.recorder.go_on(desk.now.mono, &recordings, file, &mut moves);
        }
        if conference.recorder.is_idle() {
            self.recording.remove(uuid);
        }
        let mut needs_listing = false;
        for step in moves {
            match step {
                Move::Tell(order) => self.tell_or_log(uuid, order, desk),
                Move::Look => needs_listing = true,
                Move::GiveUp(call, why) => {
                    self.pledges.give_up(uuid);
                    self.lament(uuid, call, why, desk);
                }
            }
        }
        needs_listing
    }

    /// The recorders whose time is up go on. Whether a listing is needed.
    pub(super) fn go_on(&mut self, desk: &mut Desk<'_>) -> bool {
        let is_due = |uuid: &&Arc<str>| {
            let deadline = self.by_uuid.get(&***uuid).and_then(|conference| conference.recorder.deadline());
            deadline.is_some_and(|deadline| deadline <= desk.now.mono)
        };
        let due: Vec<Arc<str>> = self.recording.iter().filter(is_due).map(Arc::clone).collect();
        due.iter().fold(false, |needs_listing, uuid| self.go_on_recording(uuid, Vec::new(), desk) | needs_listing)
    }

    /// When a recorder wants to go on at the latest.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let recorders = self.recording.iter().filter_map(|uuid| self.by_uuid.get(uuid));
        recorders.filter_map(|conference| conference.recorder.deadline()).min()
    }

    /// A listing has told what is recorded. Whether another one is needed.
    pub(super) fn saw_recordings(&mut self, desk: &mut Desk<'_>) -> bool {
        let is_concerned = |uuid: &&Arc<str>| !self.pledges.is_empty() || self.recording.contains(&**uuid);
        let concerned: Vec<Arc<str>> = self.by_uuid.keys().filter(is_concerned).map(Arc::clone).collect();
        concerned.iter().fold(false, |needs_listing, uuid| {
            let mut moves = Vec::new();
            let Some(conference) = self.by_uuid.get_mut(uuid) else { return needs_listing };
            let recordings = conference.recordings().clone();
            conference.recorder.saw(&recordings, &mut moves);
            let strays = recordings.iter().filter(|recording| self.pledges.settle(&recording.file, uuid));
            moves.extend(strays.map(|_| Move::Tell(recorder::STARTED)));
            self.go_on_recording(uuid, moves, desk) | needs_listing
        })
    }

    /// The switch has answered a command to a conference. Whether a listing is needed; nothing if it was another command.
    pub(super) fn answered(&mut self, id: EffectId, reply: &Reply, desk: &mut Desk<'_>) -> Option<bool> {
        let (uuid, sent) = self.sent.remove(&id)?;
        let objection = objection(reply);
        if let Some(words) = &objection {
            let conference = self.by_uuid.get(&uuid).map(|conference| conference.name().to_string());
            desk.log(Note::NotObeyed { conference: conference.unwrap_or_default(), words: words.clone() });
        }
        match sent {
            Sent::MuteAll if objection.is_none() => self.with(&uuid, |conference| conference.muted_all(desk)),
            Sent::Recording if objection.is_some() => {
                let mut moves = Vec::new();
                self.with(&uuid, |conference| conference.recorder.objected(&mut moves));
                return Some(self.go_on_recording(&uuid, moves, desk));
            }
            _ => {}
        }
        Some(false)
    }

    /// The session with the switch is over, and with it all that was ordered.
    pub(super) fn forget_orders(&mut self) {
        self.sent.clear();
        self.pledges.give_all_up();
        for uuid in std::mem::take(&mut self.recording) {
            self.with(&uuid, |conference| conference.recorder.forget());
        }
    }

    fn tell_or_log(&mut self, uuid: &str, order: ConferenceOrder, desk: &mut Desk<'_>) {
        let Some((uuid, conference)) = self.by_uuid.get_key_value(uuid) else { return };
        let Some(name) = ConferenceArgument::parse(conference.name()) else {
            return desk.log(Note::NotObeyed {
                conference: conference.name().to_string(),
                words: "the switch does not understand its name".into(),
            });
        };
        if let ConferenceOrder::StartRecording(file) = &order {
            self.pledges.add(file.as_str(), uuid);
        }
        let sent = match order {
            ConferenceOrder::MuteAll => Sent::MuteAll,
            ConferenceOrder::StartRecording(_)
            | ConferenceOrder::PauseRecording(_)
            | ConferenceOrder::ResumeRecording(_)
            | ConferenceOrder::StopRecording(_) => Sent::Recording,
            _ => Sent::Other,
        };
        if let Some(id) = desk.command(SwitchCommand::Conference(name, order)) {
            self.sent.insert(id, (Arc::clone(uuid), sent));
        }
    }

    /// An order to the recorder could not be carried out: the log and those who may give such orders learn it.
    fn lament(&mut self, uuid: &str, call: RecordingCall, why: String, desk: &mut Desk<'_>) {
        let Some(conference) = self.by_uuid.get(uuid) else { return };
        let verb = match call {
            RecordingCall::Start => "recorded",
            RecordingCall::Pause => "paused in its recording",
            RecordingCall::Resume => "recorded further",
            RecordingCall::Stop | RecordingCall::Check => "stopped in its recording",
        };
        let name = conference.name();
        let hearers = conference.definition().hearers;
        let error = format!("conference {name} cannot be {verb}: {why}");
        desk.say(hearers.without(Roles::only(Role::Guest)), &Message::Error { error: &error });
        if call == RecordingCall::Start && conference.is_shown() && conference.recordings().iter().next().is_none() {
            desk.say(hearers, &Message::RecStop { conference: name });
        }
        desk.log(Note::NotRecorded { conference: name.to_string(), why });
    }
}

/// Where a conference is recorded to: `<folder>/<name>-<ISO time>.wav`; nothing if the switch cannot be told, or the name
/// would lead elsewhere.
fn recording_file(folder: &str, name: &str, wall: Wall) -> Option<Argument> {
    if name.contains('/') {
        return None;
    }
    Argument::parse(&format!("{}/{name}-{wall}.wav", folder.trim_end_matches('/')))
}

/// What the switch has to say against a command: it says `-ERR` on any line, or no `+OK` on any, but how the command is
/// used.
fn objection(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Refused(words) => Some(words.clone()),
        Reply::Answer(body) => {
            let text = String::from_utf8_lossy(body);
            let objection = text.lines().find(|line| line.starts_with("-ERR"));
            let is_fine = objection.is_none() && text.lines().any(|line| line.starts_with("+OK"));
            let words = objection.or(text.lines().next()).unwrap_or("no answer");
            (!is_fine).then(|| words.chars().take(200).collect())
        }
    }
}
