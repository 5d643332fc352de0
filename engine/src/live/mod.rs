//! The live state: who is in which conference, who has the floor, what is recorded, who is registered.
//!
//! It is kept from events, which are quick, and corrected by listings, which are whole. Both come on connections of their
//! own, so nobody knows which is older; but three things are certain. An event that was there before the listing was asked
//! for is part of it. The events of conferences come in order and leave nothing out, so whatever an event has told since
//! then is true in the end, whether the listing knows it yet or not. And neither conferences nor members ever come back:
//! each has an id that no other gets. So a listing corrects everything of which no event has told since it was asked for.
//!
//! ```text
//! report.rs         what events say            listing.rs       what listings say
//! conferences.rs    all conferences            conference.rs    one of them
//! recordings.rs     what it records            recorder.rs      recording as moderators order it
//! pledges.rs        what is to be announced    registrations.rs the phones
//! control.rs        orders to conferences
//! inquiry.rs        when to ask for a listing  configured.rs    what the configuration says about all that
//! listener.rs, request.rs                      the border to those who listen
//! listeners.rs, frame.rs                       who they are, and what they hear
//! prepared.rs       the long texts they ask for
//! ```

mod conference;
mod conferences;
mod configured;
mod control;
mod desk;
mod frame;
mod inquiry;
pub mod listener;
mod listeners;
mod listing;
mod pledges;
mod prepared;
mod recorder;
mod recordings;
mod registrations;
mod report;
pub mod request;

use std::sync::Arc;

pub(crate) use desk::Desk;
pub(crate) use report::{CONFERENCE, REGISTRATION};

use conferences::Conferences;
use configured::Configured;
use frame::Message;
use inquiry::Inquiry;
use listener::{Frame, ListenerId, Listening, Notice};
use listeners::Listeners;
use prepared::{Prepared, Text};
use registrations::{Registrations, SETTLING};
use report::{Registering, Report};
use request::LiveRequest;

use crate::access::{Right, Role, Roles};
use crate::config::Config;
use crate::esl::command::SwitchCommand;
use crate::esl::event::Event;
use crate::io::{EffectId, Reply};
use crate::mark::Figures;
use crate::note::Note;
use crate::state::State;
use crate::time::Mono;

/// The live state.
#[derive(Debug)]
pub(crate) struct Live {
    state: Option<Arc<State>>,
    configured: Configured,
    conferences: Conferences,
    registrations: Registrations,
    listeners: Listeners,
    prepared: Prepared,
    conference_listings: Inquiry,
    registration_listings: Inquiry,
}

impl Live {
    /// Knows nothing yet.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            state: None,
            configured: Configured::default(),
            conferences: Conferences::new(config.recordings.clone()),
            registrations: Registrations::default(),
            listeners: Listeners::default(),
            prepared: Prepared::default(),
            conference_listings: Inquiry::default(),
            registration_listings: Inquiry::default(),
        }
    }

    /// A session with the switch is up. What is known from before stays until it is listed.
    pub(crate) fn switch_up(&mut self) {
        self.conferences.have_caught_up = false;
        self.conference_listings.start_anew();
        self.registration_listings.start_anew();
        self.registrations.start_anew();
    }

    /// The session is over.
    pub(crate) fn switch_down(&mut self) {
        self.conferences.forget_orders();
    }

    /// An event of the class [`CONFERENCE`] has come.
    pub(crate) fn conference_event(&mut self, event: &Event, desk: &mut Desk<'_>) {
        let Some(report) = Report::read(event) else { return };
        if report.may_change_something() {
            self.prepared.forget();
        }
        desk.hearing = self.hearing();
        if self.conferences.apply(report, &self.configured, desk) {
            self.conference_listings.want();
        }
    }

    /// An event of one of the classes [`REGISTRATION`] has come.
    pub(crate) fn registration_event(&mut self, event: &Event, desk: &mut Desk<'_>) {
        let Some(registering) = Registering::read(event) else { return };
        self.prepared.forget();
        desk.hearing = self.listeners.roles();
        if self.registrations.apply(&registering, desk) {
            self.registration_listings.want_not_before(desk.now.mono.after(SETTLING));
        }
    }

    /// The switch has answered a command. Whether it was one of the live state.
    pub(crate) fn answered(&mut self, id: EffectId, reply: &Reply, desk: &mut Desk<'_>) -> bool {
        if self.conference_listings.is_answered_by(id) {
            self.correct_conferences(reply, desk);
        } else if self.registration_listings.is_answered_by(id) {
            self.correct_registrations(reply, desk);
        } else {
            desk.hearing = self.hearing();
            let Some(needs_listing) = self.conferences.answered(id, reply, desk) else { return false };
            if needs_listing {
                self.conference_listings.want();
            }
        }
        true
    }

    /// A listener does something.
    pub(crate) fn listener(&mut self, id: ListenerId, does: Listening, desk: &mut Desk<'_>) {
        match does {
            Listening::Joins(listener) => {
                if !self.listeners.join(id, *listener, self.state.as_deref()) {
                    desk.notify(Notice::Close { listener: id, why: "this user cannot log in any more" });
                }
            }
            Listening::Leaves => self.listeners.leave(id),
            Listening::HasMissed => {
                let Some(ear) = self.listeners.find(id) else { return };
                let (role, has_registrations) = (ear.role, ear.has_registrations);
                let mut frames = vec![Message::NewXml.frame(), self.text(Text::NewLiveState(role))];
                frames.extend(has_registrations.then(|| self.text(Text::InitReg)));
                desk.notify(Notice::Reply { listener: id, frames });
            }
            Listening::Asks(request) => self.request(id, &request, desk),
        }
    }

    /// There is a new state of the configuration. It is published.
    pub(crate) fn learn(&mut self, state: &Arc<State>, desk: &mut Desk<'_>) {
        for listener in self.listeners.turn_out(state) {
            desk.notify(Notice::Close { listener, why: "this user has changed" });
        }
        self.prepared.forget();
        self.configured = Configured::new(state);
        self.state = Some(Arc::clone(state));
        desk.hearing = self.listeners.roles();
        desk.say(Roles::ALL, &Message::NewXml);
        if self.conferences.reconfigure(&self.configured) && self.conferences.have_caught_up {
            self.say_everything(desk);
        }
    }

    /// Does what is due. To be called after every input.
    pub(crate) fn go_on(&mut self, desk: &mut Desk<'_>) {
        if !desk.is_connected() {
            return;
        }
        desk.hearing = self.hearing();
        if self.conferences.go_on(desk) {
            self.conference_listings.want();
        }
        let now = desk.now.mono;
        if self.conference_listings.is_due(now)
            && let Some(id) = desk.command(SwitchCommand::LiveConferences)
        {
            self.conference_listings.begun(now, id);
            self.conferences.looked();
        }
        if self.registration_listings.is_due(now)
            && let Some(id) = desk.command(SwitchCommand::Registrations)
        {
            self.registration_listings.begun(now, id);
            self.registrations.looked(now);
        }
    }

    /// What there is of it.
    pub(crate) fn figures(&self) -> Figures {
        Figures { registrations: self.registrations.len(), ..self.conferences.figures() }
    }

    /// Whether everything is known, and all that was ordered is done: audits are all that is due.
    pub(crate) fn is_at_rest(&self) -> bool {
        let listings = [&self.conference_listings, &self.registration_listings];
        listings.into_iter().all(Inquiry::is_at_rest) && self.conferences.are_at_rest()
    }

    /// When something is due next, as long as there is a session with the switch.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let listings = [self.conference_listings.deadline(), self.registration_listings.deadline()];
        listings.into_iter().chain([self.conferences.deadline()]).flatten().min()
    }

    /// The roles of those who are to hear what changes in conferences.
    fn hearing(&self) -> Roles {
        if self.conferences.have_caught_up { self.listeners.roles() } else { Roles::default() }
    }

    fn correct_conferences(&mut self, reply: &Reply, desk: &mut Desk<'_>) {
        self.prepared.forget();
        let listed = match listing::conferences(reply) {
            Ok(listed) => listed,
            Err(words) => {
                complain(&mut self.conference_listings, SwitchCommand::LiveConferences, words, desk);
                // Until one can be read, events are what there is.
                return self.catch_up(desk);
            }
        };
        self.conference_listings.succeeded();
        desk.hearing = self.hearing();
        if self.conferences.correct(listed, &self.configured, desk) {
            self.conference_listings.want();
        }
        self.catch_up(desk);
    }

    /// From now on what changes is news. Whoever listens begins with all that is known.
    fn catch_up(&mut self, desk: &mut Desk<'_>) {
        if self.conferences.have_caught_up {
            return;
        }
        desk.hearing = self.listeners.roles();
        self.say_everything(desk);
        if self.conferences.catch_up(desk) {
            self.conference_listings.want();
        }
    }

    fn correct_registrations(&mut self, reply: &Reply, desk: &mut Desk<'_>) {
        self.prepared.forget();
        desk.hearing = self.listeners.roles();
        match listing::registrations(reply) {
            Ok(listed) => {
                self.registration_listings.succeeded();
                if self.registrations.correct(listed, desk) {
                    self.registration_listings.want_not_before(desk.now.mono.after(SETTLING));
                }
            }
            Err(words) => complain(&mut self.registration_listings, SwitchCommand::Registrations, words, desk),
        }
    }

    fn say_everything(&self, desk: &mut Desk<'_>) {
        for role in [Role::Admin, Role::Member, Role::Guest] {
            desk.say(Roles::only(role), &Message::NewLiveState { data: self.conferences.seen_by(role) });
        }
    }

    /// A long text, as it is now.
    fn text(&mut self, text: Text) -> Frame {
        let (conferences, registrations) = (&self.conferences, &self.registrations);
        self.prepared.text(text, || match text {
            Text::Init(role) => Message::Reply(frame::Reply::Init { data: conferences.seen_by(role) }).frame(),
            Text::NewLiveState(role) => Message::NewLiveState { data: conferences.seen_by(role) }.frame(),
            Text::InitReg => {
                let shown = registrations.shown();
                Message::Reply(frame::Reply::InitReg { data: registrations::list(&shown) }).frame()
            }
        })
    }

    fn request(&mut self, id: ListenerId, request: &LiveRequest, desk: &mut Desk<'_>) {
        let Some(ear) = self.listeners.find(id) else { return };
        let text = match request {
            LiveRequest::Init {} => Text::Init(ear.role),
            LiveRequest::InitReg {} => {
                ear.has_registrations = true;
                Text::InitReg
            }
            LiveRequest::Exec { conference, call } => {
                let what = format!("{call:?} {:?}", cut(conference));
                return self
                    .order(id, what, desk, |conferences, role, desk| conferences.exec(role, conference, *call, desk));
            }
            LiveRequest::MemExec { conference, call, member } => {
                let what = format!("{call:?} {:?} in {:?}", cut(member), cut(conference));
                return self.order(id, what, desk, |conferences, role, desk| {
                    conferences.exec_member(role, (conference, member), *call, desk).map(|()| false)
                });
            }
        };
        let frames = vec![self.text(text)];
        desk.notify(Notice::Reply { listener: id, frames });
    }

    /// A listener gives an order, called `what` in the log. To carry it out tells whether a listing is needed.
    fn order(
        &mut self,
        id: ListenerId,
        what: String,
        desk: &mut Desk<'_>,
        carry_out: impl FnOnce(&mut Conferences, Role, &mut Desk<'_>) -> Result<bool, String>,
    ) {
        let Some((role, caller)) = self.listeners.find(id).map(|ear| (ear.role, ear.caller())) else { return };
        if !role.may(Right::ControlConferences) {
            self.listeners.leave(id);
            return desk.notify(Notice::Close { listener: id, why: "guests may not control conferences" });
        }
        desk.hearing = self.hearing();
        let result = carry_out(&mut self.conferences, role, desk);
        if result == Ok(true) {
            self.conference_listings.want();
        }
        let why = result.as_ref().err().map(|why| cut(why));
        desk.log(Note::Controlled { caller, what, why });
        desk.notify(Notice::Reply { listener: id, frames: result.err().iter().map(|why| frame::error(why)).collect() });
    }
}

/// A listing cannot be read. The log hears of it once.
fn complain(inquiry: &mut Inquiry, command: SwitchCommand, words: String, desk: &mut Desk<'_>) {
    if inquiry.failed(desk.now.mono) {
        desk.log(Note::NotListedLive { command, words });
    }
}

/// The beginning of a text that may be long: nobody is to fill the log.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
