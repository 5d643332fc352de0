//! Dialling, the PIN, coming in.

use std::collections::BTreeMap;

use super::agenda::Task;
use super::call::{CallId, Caller, Leg};
use super::dialplan::{self, Invitation, Route};
use super::profile::Profile;
use super::room::{Member, Prompt, Room};
use super::{Conferences, RoomId, events};
use crate::switch::directory;
use crate::switch::moment::Moment;

impl Conferences {
    /// Somebody dials a number. `None` when that leads into no conference: the number is nobody's, the conference is locked.
    pub(in crate::switch) fn dial(&mut self, moment: &mut Moment<'_>, caller: Caller, number: &str) -> Option<CallId> {
        let document = moment.document?;
        let variables = variables(moment, &caller);
        let own = variables.get("user_context").cloned();
        let context = caller.context.clone().or(own).unwrap_or_else(|| "public".to_owned());
        let route = dialplan::route(document, &context, number, &variables)?;
        self.call(moment, caller, route)
    }

    /// Somebody comes straight into a conference; `data` is what the dialplan tells the application `conference`.
    pub(in crate::switch) fn join(&mut self, moment: &mut Moment<'_>, caller: Caller, data: &str) -> Option<CallId> {
        let context = caller.context.clone().unwrap_or_else(|| "team".to_owned());
        let route = Route { data: data.to_owned(), number: "conference".to_owned(), context, is_transferred: false };
        self.call(moment, caller, route)
    }

    fn call(&mut self, moment: &mut Moment<'_>, caller: Caller, route: Route) -> Option<CallId> {
        let invitation = Invitation::parse(&route.data);
        let at = match self.named(&invitation.name).filter(|at| self.rooms.get(at).is_some_and(|room| !room.is_ending))
        {
            Some(at) if self.rooms.get(&at)?.locked => return None,
            Some(at) => at,
            None => self.create(moment, &invitation)?,
        };
        let leg = self.leg(moment, caller, route);
        let call = leg.call;
        self.calls.insert(call, at);
        let room = self.rooms.get_mut(&at)?;
        let pin = invitation.pin.or_else(|| room.profile.param("pin").map(str::to_owned));
        match pin {
            Some(pin) => {
                room.prompts.push(Prompt { leg, pin, typed: String::new(), failures: 0, flags: invitation.flags });
            }
            None => self.enter(moment, at, leg, &invitation.flags),
        }
        Some(call)
    }

    fn create(&mut self, moment: &mut Moment<'_>, invitation: &Invitation) -> Option<RoomId> {
        let profile = Profile::find(moment, &invitation.profile)?;
        let id = RoomId(self.next_room);
        self.next_room += 1;
        let room = Room::new(id, &invitation.name, moment.origin.uuid(), profile, moment.now);
        room.tell(moment, &events::CREATE, |event| event);
        self.rooms.insert(id, room);
        Some(id)
    }

    fn leg(&mut self, moment: &mut Moment<'_>, caller: Caller, route: Route) -> Leg {
        let call = CallId(self.next_call);
        self.next_call += 1;
        let uuid = moment.origin.uuid();
        let transfer = route.is_transferred.then(|| (moment.seconds(), moment.origin.uuid()));
        Leg {
            call,
            uuid,
            caller,
            destination: route.number,
            context: route.context,
            domain: moment.domain(),
            transfer,
            created: moment.now,
            hangup_cause: None,
        }
    }

    /// Comes in, past all prompts.
    fn enter(&mut self, moment: &mut Moment<'_>, at: RoomId, leg: Leg, flags: &[String]) {
        let id = self.count_member();
        let Some(room) = self.rooms.get_mut(&at) else { return };
        let pace = moment.timing.pace;
        let member = Member::new(id, leg, flags, &room.profile, moment.now, pace);
        room.members.push(member.clone());
        room.tell_of(moment, &events::ADD_MEMBER, &member, |event| event);
        let mixed = moment.now.saturating_add(moment.timing.mixing);
        self.agenda.add(mixed, Task::Mix(at));
        self.agenda.add(mixed.saturating_add(pace.listening), Task::Listen(at, id));
        self.play_when_alone(moment, at, moment.timing.lead_in);
    }

    /// A key at the PIN prompt. `false` when the call is not there.
    pub(super) fn type_pin(&mut self, moment: &mut Moment<'_>, at: RoomId, call: CallId, key: char) -> bool {
        let Some(room) = self.rooms.get_mut(&at) else { return false };
        let Some(index) = room.prompts.iter().position(|prompt| prompt.leg.call == call) else { return false };
        let retries = room.profile.number("pin-retries").unwrap_or(3);
        let Some(prompt) = room.prompts.get_mut(index) else { return false };
        if key != '#' {
            prompt.typed.push(key);
        }
        if key != '#' && prompt.typed.len() < prompt.pin.len() {
            return true;
        }
        if std::mem::take(&mut prompt.typed) == prompt.pin {
            let Prompt { leg, flags, .. } = room.prompts.remove(index);
            self.enter(moment, at, leg, &flags);
        } else {
            prompt.failures += 1;
            if prompt.failures >= retries {
                self.hang_up(moment, call, None);
            }
        }
        true
    }
}

/// The variables that a user's call begins with.
fn variables(moment: &Moment<'_>, caller: &Caller) -> BTreeMap<String, String> {
    let user = moment.document.zip(caller.user.as_deref()).and_then(|(document, id)| directory::user(document, id));
    let given = user.into_iter().flat_map(|levels| levels.into_iter().rev()).flat_map(directory::variables);
    given.chain(caller.variables.clone()).collect()
}
