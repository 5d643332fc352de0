//! What is recorded in one conference.

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

    /// Has exactly these, in the order that is known.
    pub(super) fn become_these(&mut self, listed: &[Recording]) {
        self.0.retain(|recording| listed.iter().any(|other| other.file == recording.file));
        for recording in listed {
            self.put(&recording.file, recording.paused);
        }
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
    fn a_listing_keeps_the_order_that_is_known() {
        let mut recordings = Recordings::default();
        recordings.put("a", false);
        recordings.put("b", false);
        let listed = ["c", "b", "a"].map(|file| Recording { file: file.into(), paused: file == "b" });
        recordings.become_these(&listed);
        let files: Vec<&str> = recordings.iter().map(|recording| &*recording.file).collect();
        assert_eq!(files, ["a", "b", "c"]);
        assert!(recordings.find("b").unwrap().paused);
    }
}
