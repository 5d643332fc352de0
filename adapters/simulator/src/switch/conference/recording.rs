//! Recordings of conferences: several at once, each in a file of its own.

use super::agenda::Task;
use super::room::{Recording, Room, Stage};
use super::{Conferences, RoomId, events};
use crate::switch::moment::Moment;

/// The endings of files that can be recorded to.
const FORMATS: [&str; 9] = ["wav", "WAV", "mp3", "mp4", "raw", "r16", "au", "ogg", "flac"];

impl Conferences {
    /// Begins a recording. That the file can be opened shows later. `false` when the file is recorded to already.
    pub(super) fn record(&mut self, moment: &Moment<'_>, at: RoomId, path: &str) -> bool {
        let id = self.last_member + 1;
        let Some(room) = self.rooms.get_mut(&at) else { return false };
        if room.recordings.iter().any(|recording| recording.path == path) {
            return false;
        }
        room.recordings.push(Recording {
            id,
            path: path.to_owned(),
            started: moment.now,
            stage: Stage::Opening,
            paused: None,
            rested: 0,
        });
        self.last_member = id;
        self.agenda.add(moment.now.saturating_add(moment.timing.recording), Task::Open(at, id));
        true
    }

    /// A recording's file is opened, or cannot be.
    pub(super) fn open(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let Some(recording) = room.recording_mut(id) else { return };
        let path = recording.path.clone();
        if moment.faults.can_record_to(&path) && has_format(&path) {
            recording.started = moment.now;
            let is_unwanted = recording.stage == Stage::Unwanted;
            recording.stage = if is_unwanted { Stage::Closing } else { Stage::Open };
            room.tell(moment, &events::START_RECORDING, |event| event.with("Path", &path));
            if is_unwanted {
                self.agenda.add(moment.now.saturating_add(moment.timing.recording), Task::Close(at, id));
            }
            return;
        }
        room.tell(moment, &events::START_RECORDING_FAILED, |event| {
            event.with("Path", &path).with("Error", "File could not be opened for recording")
        });
        let failed = room.recordings.extract_if(.., |recording| recording.id == id).next();
        if let Some(failed) = failed {
            room.tell_stop(moment, &failed, None);
        }
    }

    /// A recording's file is closed.
    pub(super) fn close(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64) {
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let closing = |recording: &mut Recording| recording.id == id && recording.stage == Stage::Closing;
        let closed = room.recordings.extract_if(.., closing).next();
        if let Some(closed) = closed {
            let length = closed.length(moment.now);
            room.tell_stop(moment, &closed, Some(length));
        }
    }

    /// Stops the recording of a file, or all of them. The paths of what was stopped, the newest first.
    pub(super) fn stop_recording(&mut self, moment: &Moment<'_>, at: RoomId, path: Option<&str>) -> Vec<String> {
        let Some(room) = self.rooms.get_mut(&at) else { return Vec::new() };
        let mut stopped = Vec::new();
        for recording in room.recordings.iter_mut().rev() {
            if recording.is_wanted() && path.is_none_or(|path| recording.path == path) {
                stopped.push(recording.path.clone());
                if recording.stage == Stage::Opening {
                    recording.stage = Stage::Unwanted;
                } else {
                    recording.stage = Stage::Closing;
                    self.agenda.add(moment.now.saturating_add(moment.timing.recording), Task::Close(at, recording.id));
                }
            }
        }
        stopped
    }

    /// Pauses a recording or goes on with it. `false` when there is none of this file, or not yet.
    pub(super) fn pause_recording(&mut self, moment: &mut Moment<'_>, at: RoomId, path: &str, is_paused: bool) -> bool {
        let Some(room) = self.rooms.get_mut(&at) else { return false };
        let running = room.recordings.iter_mut().find(|recording| recording.path == path);
        let Some(recording) = running.filter(|recording| recording.stage == Stage::Open) else { return false };
        if is_paused {
            recording.paused.get_or_insert(moment.now);
        } else if let Some(since) = recording.paused.take() {
            recording.rested += moment.now.saturating_sub(since);
        }
        let kind = if is_paused { &events::PAUSE_RECORDING } else { &events::RESUME_RECORDING };
        // It counts itself among the others.
        room.tell(moment, kind, |event| event.with("Path", path).with("Other-Recordings", "true"));
        true
    }
}

impl Room {
    /// Tells that a recording has ended after so many milliseconds; `None` when it never began.
    fn tell_stop(&self, moment: &mut Moment<'_>, ended: &Recording, length: Option<u64>) {
        let rate = self.profile.rate();
        let samples = length.unwrap_or(0) * rate / 1000;
        let has_others = !self.recordings.is_empty();
        self.tell(moment, &events::STOP_RECORDING, |event| {
            let event = event
                .with("Path", &ended.path)
                .with("Other-Recordings", &has_others)
                .with("Samples-Out", &samples)
                .with("Samplerate", &rate)
                .with("Milliseconds-Elapsed", &length.unwrap_or(0));
            // Two bytes each, behind the head of the file.
            if length.is_some() { event.with("Record-File-Size", &(samples * 2 + 148)) } else { event }
        });
    }
}

fn has_format(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').is_some_and(|(_, ending)| FORMATS.contains(&ending))
}
