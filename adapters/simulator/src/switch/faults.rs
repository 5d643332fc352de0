//! What a test can make go wrong.

/// Faults that are in force; all off by default. Change them at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Turn new clients away, as a switch does whose access list does not name them.
    pub refuse: bool,
    /// The switch hangs: nothing that arrives is read, nothing is sent, no connection is closed.
    pub frozen: bool,
    /// How long the answers to some commands take. The first entry counts whose text the command begins with.
    ///
    /// Such a command is carried out at once, and only then does its connection fall silent: whatever follows on it waits.
    pub answers: Vec<(String, Answer)>,
    /// Recordings whose paths begin so cannot be opened. (Nor can files without a known ending, ever.)
    pub unwritable: Vec<String>,
    /// Sounds that are called so do not exist; all others do.
    pub missing_sounds: Vec<String>,
}

/// When a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// After so many microseconds.
    After(u64),
    /// Never, although the connection stays open.
    Never,
}

impl Faults {
    pub(super) fn answer_to(&self, command: &str) -> Option<Answer> {
        let (_, answer) = self.answers.iter().find(|(begin, _)| command.starts_with(begin.as_str()))?;
        Some(*answer)
    }

    pub(super) fn can_record_to(&self, path: &str) -> bool {
        !self.unwritable.iter().any(|begin| path.starts_with(begin.as_str()))
    }

    pub(super) fn has_sound(&self, file: &str) -> bool {
        !self.missing_sounds.iter().any(|missing| missing == file)
    }
}
