//! What the rooms of the live state work with: the time, the way to the switch, and the ears of those who listen.

use super::frame::Message;
use super::listener::Notice;
use crate::access::Roles;
use crate::esl::command::SwitchCommand;
use crate::io::{Effect, EffectId, Epoch};
use crate::note::Note;
use crate::time::Now;

/// The desk at which one input is dealt with.
pub(crate) struct Desk<'a> {
    pub(super) now: Now,
    out: &'a mut Vec<Effect>,
    last_effect: &'a mut EffectId,
    session: Option<Epoch>,
    /// The roles of those who would hear an event. Nobody is, while the state catches up with the switch.
    pub(super) hearing: Roles,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        now: Now,
        out: &'a mut Vec<Effect>,
        last_effect: &'a mut EffectId,
        session: Option<Epoch>,
    ) -> Self {
        Self { now, out, last_effect, session, hearing: Roles::default() }
    }

    /// Tells those of `hearers` who listen. What nobody hears costs nothing.
    pub(super) fn say(&mut self, hearers: Roles, message: &Message<'_>) {
        let hearers = hearers.and(self.hearing);
        if !hearers.is_empty() {
            self.notify(Notice::Event { hearers, frame: message.frame() });
        }
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.out.push(Effect::Live(notice));
    }

    /// Gives the switch a command; nothing if it is away.
    pub(super) fn command(&mut self, command: SwitchCommand) -> Option<EffectId> {
        let epoch = self.session?;
        let id = self.last_effect.next();
        self.out.push(Effect::Switch { id, epoch, command });
        Some(id)
    }

    pub(super) fn log(&mut self, note: Note) {
        self.out.push(Effect::Log(note));
    }

    /// Whether there is a session with the switch.
    pub(super) fn is_connected(&self) -> bool {
        self.session.is_some()
    }
}
