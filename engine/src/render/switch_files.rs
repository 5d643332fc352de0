//! The files that the switch reads: of a user and of a conference.

use serde::Serialize;

use super::language::{Reader, render};
use super::templates::Templates;
use crate::access::Role;
use crate::secret::Secret;
use crate::state::{Conference, Globals, User};

/// The values of `user.xml`.
#[derive(Default, Serialize)]
pub(super) struct UserValues<'a> {
    id: &'a str,
    password: &'a str,
    conpin: &'a str,
    context: &'a str,
    name: &'a str,
    email: &'a str,
    polymac: &'a str,
    conf_flags: &'a str,
}

/// The values of `conference/<profile>.xml`.
#[derive(Default, Serialize)]
pub(super) struct ConferenceValues<'a> {
    num: String,
    name: &'a str,
    #[serde(rename = "type")]
    profile: &'a str,
    pin: &'a str,
}

/// The file of a user of a context with this role. A PIN that equals one of the switch's variables is written as the
/// reference to it, so that it follows the variable.
pub(super) fn user_file(templates: &Templates, globals: &Globals, user: &User, role: Role) -> String {
    let values = UserValues {
        id: user.id.as_str(),
        password: user.password.expose(),
        conpin: pin_reference(globals, &user.conpin, role).unwrap_or(user.conpin.expose()),
        context: &user.context,
        name: &user.name,
        email: &user.email,
        polymac: &user.polymac,
        conf_flags: if role == Role::Guest { "mute-detect|mute" } else { "moderator|mute-detect" },
    };
    render(&templates.user, &values, Reader::Switch)
}

/// The file of a conference.
pub(super) fn conference_file(templates: &Templates, conference: &Conference) -> String {
    let values = ConferenceValues {
        num: conference.num.to_string(),
        name: &conference.name,
        profile: &conference.profile,
        pin: conference.pin.as_ref().map_or("", Secret::expose),
    };
    render(templates.conference(&conference.profile), &values, Reader::Switch)
}

/// The references to the PINs of all, by variable.
const PIN_REFERENCES: [(&str, &str); 2] = [("modconpin", "$${modconpin}"), ("defconpin", "$${defconpin}")];

/// The reference to the variable that holds this PIN; that of the own role is looked at first.
fn pin_reference(globals: &Globals, pin: &Secret, role: Role) -> Option<&'static str> {
    let [moderators, everybodys] = PIN_REFERENCES;
    let order = if role == Role::Admin { [moderators, everybodys] } else { [everybodys, moderators] };
    let holds = |variable: &str| globals.get(variable).is_some_and(|value| !value.is_empty() && value == pin.expose());
    order.into_iter().find(|(variable, _)| holds(variable)).map(|(_, reference)| reference)
}

/// The reference that a user of this role gets for want of a PIN.
pub(crate) fn default_pin(role: Role) -> &'static str {
    let [moderators, everybodys] = PIN_REFERENCES;
    if role == Role::Admin { moderators.1 } else { everybodys.1 }
}

/// The PIN itself, where a reference stands for it.
pub(crate) fn resolve_pin(globals: &Globals, pin: &Secret) -> Secret {
    let variable = PIN_REFERENCES.into_iter().find(|(_, reference)| *reference == pin.expose());
    let value = variable.map(|(variable, _)| globals.get(variable).map_or("", String::as_str));
    value.map_or_else(|| pin.clone(), Secret::new)
}

/// Whether this is one of the references to the PINs of all.
pub(crate) fn is_pin_reference(pin: &str) -> bool {
    PIN_REFERENCES.iter().any(|(_, reference)| *reference == pin)
}
