//! Templates → files: what the connector writes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tinytemplate::TinyTemplate;

use crate::access::Role;
use crate::change_set::Document;
use crate::config::Config;
use crate::files::Damage;
use crate::secret::Secret;
use crate::state::{Conference, Globals, User};

/// The templates, by name. Each was tried when they were made, so every file can be written with them.
///
/// They are kept as text: compiled ones cannot go from thread to thread, and compiling one takes some microseconds.
#[derive(Clone, Debug)]
pub struct Templates {
    user: Box<str>,
    /// By profile.
    conferences: BTreeMap<Box<str>, Box<str>>,
}

/// The profile whose template serves all that have none of their own.
const DEFAULT_PROFILE: &str = "default";

impl Templates {
    /// Takes the templates by name: `user.xml`, `conference/<profile>.xml` of which `default` serves every profile that
    /// has none of its own, and those of the phones. Of two with one name the later counts.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TemplateError> {
        let mut templates = Self { user: "".into(), conferences: BTreeMap::new() };
        for (name, text) in files {
            if name == "user.xml" {
                try_out("user", text, &UserValues::default())?;
                templates.user = text.into();
            } else if let Some(profile) = conference_profile(name) {
                try_out(profile, text, &ConferenceValues::default())?;
                templates.conferences.insert(profile.into(), text.into());
            }
        }
        if !templates.conferences.contains_key(DEFAULT_PROFILE) {
            return Err(TemplateError { name: "conference".into(), reason: "there is none".into() });
        }
        Ok(templates)
    }
}

fn conference_profile(name: &str) -> Option<&str> {
    name.strip_prefix("conference/")?.strip_suffix(".xml")
}

/// Where phones reach this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddress {
    /// Whether by HTTPS.
    pub is_secure: bool,
    /// The host, with a port if it is not the scheme's own; if there is none, the switch's global `hostname` is it.
    pub host: Option<String>,
}

/// Writes documents, with the templates and all that is the same in many files of a change set.
#[derive(Debug)]
pub struct Renderer {
    templates: Arc<Templates>,
    config: Arc<Config>,
    globals: Arc<Globals>,
    conferences: Arc<[Conference]>,
    address: PublicAddress,
}

impl Renderer {
    /// Writes with these templates, for a switch with these globals and conferences.
    pub fn new(
        templates: Arc<Templates>,
        config: Arc<Config>,
        globals: Arc<Globals>,
        conferences: Arc<[Conference]>,
        address: PublicAddress,
    ) -> Self {
        Self { templates, config, globals, conferences, address }
    }

    /// The switch's global variables.
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// What the file of this document has to say. `old` is what it says now, if it is there: of a phone's directory,
    /// the entries that its owner has made are kept.
    pub fn content(&self, document: &Document, old: Option<&[u8]>) -> Result<String, Damage> {
        let _ = (&self.config, &self.conferences, &self.address, old);
        Ok(match document {
            Document::User(user, role) => user_file(&self.templates, &self.globals, user, *role),
            Document::Conference(conference) => conference_file(&self.templates, conference),
            Document::Linphone(..) | Document::Phone(..) => return Err(Damage("not written yet".into())),
        })
    }
}

fn try_out(name: &str, text: &str, values: &impl Serialize) -> Result<(), TemplateError> {
    let fault = |error: tinytemplate::error::Error| TemplateError { name: name.into(), reason: error.to_string() };
    render(text, values).map(|_| ()).map_err(fault)
}

fn render(text: &str, values: &impl Serialize) -> tinytemplate::error::Result<String> {
    let mut template = TinyTemplate::new();
    template.set_default_formatter(&escape);
    template.add_template("", text)?;
    template.render("", values)
}

/// Why the templates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    name: String,
    reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the template {}: {}", self.name, self.reason)
    }
}

impl std::error::Error for TemplateError {}

#[derive(Default, Serialize)]
struct UserValues<'a> {
    id: &'a str,
    password: &'a str,
    conpin: &'a str,
    context: &'a str,
    name: &'a str,
    email: &'a str,
    polymac: &'a str,
    conf_flags: &'a str,
}

#[derive(Default, Serialize)]
struct ConferenceValues<'a> {
    num: String,
    name: &'a str,
    #[serde(rename = "type")]
    profile: &'a str,
    pin: &'a str,
}

/// The file of a user of a context with this role. A PIN that equals one of the switch's variables is written as the
/// reference to it, so that it follows the variable.
pub(crate) fn user_file(templates: &Templates, globals: &Globals, user: &User, role: Role) -> String {
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
    // It was rendered with the same fields before.
    render(&templates.user, &values).unwrap_or_default()
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

/// The file of a conference.
pub(crate) fn conference_file(templates: &Templates, conference: &Conference) -> String {
    let own = templates.conferences.get(&*conference.profile);
    let Some(template) = own.or(templates.conferences.get(DEFAULT_PROFILE)) else { return String::new() };
    let values = ConferenceValues {
        num: conference.num.to_string(),
        name: &conference.name,
        profile: &conference.profile,
        pin: conference.pin.as_ref().map_or("", Secret::expose),
    };
    render(template, &values).unwrap_or_default()
}

/// Escapes a value for an attribute in double quotes.
fn escape(value: &Value, out: &mut String) -> tinytemplate::error::Result<()> {
    let Value::String(text) = value else { return tinytemplate::format_unescaped(value, out) };
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    Ok(())
}
