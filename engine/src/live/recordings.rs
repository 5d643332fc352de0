//! What is recorded in one conference.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The recordings of a conference, in the order in which they began. Usually there is one at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recordings(Vec<Recording>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) file: Arc<str>,
    pub(super) paused: bool,
}

/// What people are told: somebody is recorded if anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    NotRecording,
    Running(Arc<str>),
    Paused(Arc<str>),
}

impl Recordings {
    pub(super) fn status(&self) -> Status {
        let running = self.0.iter().find(|recording| !recording.paused);
        match running.or(self.0.first()) {
            None => Status::NotRecording,
            Some(recording) if recording.paused => Status::Paused(Arc::clone(&recording.file)),
            Some(recording) => Status::Running(Arc::clone(&recording.file)),
        }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Recording> {
        self.0.iter()
    }

    pub(super) fn find(&self, file: &str) -> Option<&Recording> {
        self.0.iter().find(|recording| &*recording.file == file)
    }

    /// The recording is there, and runs or not.
    pub(super) fn put(&mut self, file: &str, paused: bool) {
        match self.0.iter_mut().find(|recording| &*recording.file == file) {
            Some(recording) => recording.paused = paused,
            None => self.0.push(Recording { file: file.into(), paused }),
        }
    }

    pub(super) fn remove(&mut self, file: &str) {
        self.0.retain(|recording| &*recording.file != file);
    }

    /// Becomes what is listed, in that order, apart from the files of which events have told since.
    pub(super) fn become_these(&mut self, listed: &[Recording], told: &BTreeSet<Arc<str>>) {
        let known = std::mem::take(&mut self.0);
        for recording in listed {
            let newer = known.iter().find(|known| known.file == recording.file);
            if told.contains(&recording.file) {
                self.0.extend(newer.cloned());
            } else {
                self.put(&recording.file, recording.paused);
            }
        }
        let is_new = |known: &Recording| told.contains(&known.file) && self.find(&known.file).is_none();
        let new: Vec<Recording> = known.into_iter().filter(is_new).collect();
        self.0.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_counts_more_than_what_is_paused() {
        let mut recordings = Recordings::default();
        assert_eq!(recordings.status(), Status::NotRecording);
        recordings.put("a", false);
        recordings.put("b", false);
        assert_eq!(recordings.status(), Status::Running("a".into()));
        recordings.put("a", true);
        assert_eq!(recordings.status(), Status::Running("b".into()));
        recordings.remove("b");
        assert_eq!(recordings.status(), Status::Paused("a".into()));
        recordings.remove("unknown");
        recordings.remove("a");
        assert_eq!(recordings, Recordings::default());
    }

    #[test]
    fn a_listing_decides_about_each_file_of_which_no_event_has_told() {
        let mut recordings = Recordings::default();
        for file in ["new", "ended", "old"] {
            recordings.put(file, false);
        }
        let listed = ["old", "missed", "stopped"].map(|file| Recording { file: file.into(), paused: true });
        recordings.become_these(&listed, &["new".into(), "old".into(), "stopped".into()].into());
        let files: Vec<(&str, bool)> =
            recordings.iter().map(|recording| (&*recording.file, recording.paused)).collect();
        assert_eq!(files, [("old", false), ("missed", true), ("new", false)]);
    }
}
