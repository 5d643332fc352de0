//! What phones and callers do, and how things then are: the side of the switch on which clients are not.

use super::conference::{CallId, Caller, Conference, Conferences};
use super::event::Stencil;
use super::moment::Moment;
use super::registration::{Phone, Registration, Registrations};
use super::timing::Pace;
use super::{ConnectionId, Output, SimSwitch};
use crate::config::Files;

/// How much of a burst is handed over at once.
const CHUNK: usize = 1 << 16;
/// Room for the event that fills it up.
const LONGEST: usize = 1 << 13;

/// Calls. Each says at once what it does at once; what follows comes with [`SimSwitch::tick`], as [`SimSwitch::timing`] says.
impl<F: Files> SimSwitch<F> {
    /// Somebody dials a number, and goes where the loaded dialplan leads: by `destination_number`, over transfers, to the application
    /// `conference`. `None` when that is no conference, or a locked one, or one of a profile that does not exist.
    pub fn dial(&mut self, now: u64, caller: Caller, number: &str, out: &mut Vec<Output>) -> Option<CallId> {
        self.drive(now, out, |conferences, moment| conferences.dial(moment, caller, number))
    }

    /// Somebody comes into a conference without a dialplan; `data` is what one would tell the application `conference`:
    /// `NAME@PROFILE+PIN+flags{moderator|mute}`, where PIN and flags may be missing. `None` as with [`SimSwitch::dial`].
    pub fn join(&mut self, now: u64, caller: Caller, data: &str, out: &mut Vec<Output>) -> Option<CallId> {
        self.drive(now, out, |conferences, moment| conferences.join(moment, caller, data))
    }

    /// The caller hangs up.
    pub fn leave(&mut self, now: u64, call: CallId, out: &mut Vec<Output>) {
        self.drive(now, out, |conferences, moment| conferences.hang_up(moment, call, Some("NORMAL_CLEARING")));
    }

    /// The caller presses a key: at the prompt, part of the PIN; afterwards, what the caller controls make of it.
    pub fn press(&mut self, now: u64, call: CallId, key: char, out: &mut Vec<Output>) {
        self.drive(now, out, |conferences, moment| conferences.press(moment, call, key));
    }

    /// The caller begins to make sounds, or stops.
    pub fn talk(&mut self, now: u64, call: CallId, is_loud: bool, out: &mut Vec<Output>) {
        self.drive(now, out, |conferences, moment| conferences.talk(moment, call, is_loud));
    }

    /// The phone puts the conference on hold, or takes it back.
    pub fn hold(&mut self, now: u64, call: CallId, is_held: bool, out: &mut Vec<Output>) {
        self.drive(now, out, |conferences, moment| conferences.hold(moment, call, is_held));
    }

    /// Makes the thread of one call in the switch faster or slower than the others.
    pub fn set_pace(&mut self, call: CallId, pace: Pace) {
        self.conferences.set_pace(call, pace);
    }

    /// A conference is over: nobody gets in any more, and its members are sent away. Who calls the same name meanwhile begins a new
    /// generation, and both are alive until the last member of the old one has gone.
    pub fn end_conference(&mut self, now: u64, name: &str, out: &mut Vec<Output>) {
        self.drive(now, out, |conferences, moment| conferences.finish_named(moment, name));
    }

    /// All conferences as they are, the oldest first.
    pub fn conferences(&self) -> Vec<Conference> {
        self.conferences.truth()
    }

    /// Mutes and unmutes the members of a conference in turn, `count` times in all, as cheaply as can be: for measuring how fast clients
    /// are. Every event has its own sequence number and the same time. Bytes come in pieces of 64 KiB; of 100 000 events they are
    /// about 250 MB for each client, so ask for some thousands at a time. How many events there were: none without members.
    pub fn burst(&mut self, now: u64, conference: &str, count: u64, out: &mut Vec<Output>) -> u64 {
        self.settle(now, out);
        let (round, _) = self.in_moment(now, |conferences, moment| conferences.burst(moment, conference, count));
        if round.is_empty() {
            return 0;
        }
        let first = self.origin.take_sequence(count);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let Some(connection) = self.connections.get(&id) else { continue };
            let subscription = &connection.subscription;
            let stencils: Vec<Option<Stencil>> = round
                .iter()
                .map(|event| subscription.hears(event).then(|| event.stencil(subscription.format)))
                .collect();
            let mut bytes = Vec::with_capacity(CHUNK + LONGEST);
            for (stencil, sequence) in stencils.iter().cycle().zip(first..first.saturating_add(count)) {
                if let Some(stencil) = stencil {
                    stencil.write(sequence, &mut bytes);
                }
                if bytes.len() >= CHUNK {
                    self.send(id, std::mem::replace(&mut bytes, Vec::with_capacity(CHUNK + LONGEST)), out);
                }
            }
            if !bytes.is_empty() {
                self.send(id, bytes, out);
            }
        }
        count
    }

    fn drive<R>(
        &mut self,
        now: u64,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Conferences, &mut Moment<'_>) -> R,
    ) -> R {
        self.settle(now, out);
        let (result, events) = self.in_moment(now, act);
        self.publish_all(&events, out);
        self.settle(now, out);
        result
    }
}

/// Registrations.
impl<F: Files> SimSwitch<F> {
    /// A phone registers, or does so again in time. Refused unless the directory has the user and the phone knows the password.
    pub fn register(&mut self, now: u64, phone: &Phone, out: &mut Vec<Output>) {
        self.drive_registrations(now, out, |registrations, moment| registrations.register(moment, phone));
    }

    /// A phone registers after a restart, under another Call-ID; the old one is never mentioned again. The phone as it is now.
    pub fn reboot(&mut self, now: u64, phone: &Phone, out: &mut Vec<Output>) -> Phone {
        let phone = phone.rebooted();
        self.register(now, &phone, out);
        phone
    }

    /// A phone says that it is gone.
    pub fn unregister(&mut self, now: u64, phone: &Phone, out: &mut Vec<Output>) {
        self.drive_registrations(now, out, |registrations, moment| registrations.unregister(moment, phone));
    }

    /// A phone has not registered again in time. This also happens by itself, a minute after the time that the phone was given.
    pub fn expire(&mut self, now: u64, phone: &Phone, out: &mut Vec<Output>) {
        self.drive_registrations(now, out, |registrations, moment| registrations.expire(moment, phone));
    }

    /// All registrations as they are, in the order in which they came.
    pub fn registrations(&self) -> &[Registration] {
        self.registrations.all()
    }

    fn drive_registrations(
        &mut self,
        now: u64,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Registrations, &mut Moment<'_>),
    ) {
        self.settle(now, out);
        let ((), events) = self.in_moment_of_all(now, |_, registrations, moment| act(registrations, moment));
        self.publish_all(&events, out);
    }
}
