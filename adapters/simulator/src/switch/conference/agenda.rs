//! What is still to happen, and when.

use std::collections::BTreeMap;

use super::{CallId, RoomId};

/// Something that happens behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The mixer looks at who has the floor.
    Mix(RoomId),
    /// A member's thread looks at whether somebody talks.
    Listen(RoomId, u64),
    /// A member that was sent away goes.
    Depart(RoomId, u64),
    /// A recording's file is opened.
    Open(RoomId, u64),
    /// A recording's file is closed.
    Close(RoomId, u64),
    /// A sound for everybody is over.
    Silence(RoomId, u64),
    /// A sound for one member is over.
    MemberSilence(RoomId, u64, u64),
    /// A conference that nobody is in ends.
    End(RoomId),
    /// A key arrives.
    Press(CallId, char),
    /// A call is hung up by somebody else.
    HangUp(CallId, &'static str),
}

/// Tasks in the order of their times; those of one time in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    tasks: BTreeMap<(u64, u64), Task>,
    added: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, due: u64, task: Task) {
        self.tasks.insert((due, self.added), task);
        self.added += 1;
    }

    /// When the next task is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.tasks.keys().next().map(|(due, _)| *due)
    }

    /// The next task that is due, and since when.
    pub(super) fn next(&mut self, now: u64) -> Option<(u64, Task)> {
        let first = self.tasks.first_entry().filter(|first| first.key().0 <= now)?;
        let (due, _) = *first.key();
        Some((due, first.remove()))
    }
}
