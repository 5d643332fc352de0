//! The trial that every template stands when it comes: it is rendered with values of every kind, and what it writes is
//! read again. So an operator learns at the start what is wrong with a template, not by a phone that does not work.

use std::sync::Arc;

use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use serde::Serialize;
use serde_json::Value;

use super::document::{Flaw, walk};
use super::escaping::is_legal;
use super::language::{self, Fault, Reader, render};
use super::phones::{Addresses, ContactValues, PhoneValues, PublicAddress};
use super::switch_files::{ConferenceValues, UserValues};
use super::templates::{
    LINPHONE, LINPHONE_CONTACT, OTHER_CONFERENCES, POLYCOM_ACCOUNT, POLYCOM_CONTACT, POLYCOM_DIRECTORY, POLYCOM_MASTER,
    TemplateError, Templates, USER, conference_template,
};
use super::{Renderer, directory};
use crate::access::Role;
use crate::change_set::{Document, PhoneFile};
use crate::config::{Config, Context};
use crate::mac::Mac;
use crate::secret::Secret;
use crate::state::{Conference, Globals, User, UserId};
use crate::switch::file::{Verdict, compare_conference, compare_user};

/// Tries all templates.
pub(super) fn hold(templates: &Templates) -> Result<(), TemplateError> {
    let shared = Arc::new(templates.clone());
    for sample in &SAMPLES {
        let trial = Trial::new(&shared, sample);
        trial.check_sources()?;
        trial.try_user()?;
        trial.try_conferences()?;
        trial.try_linphone()?;
        trial.try_polycom()?;
    }
    Ok(())
}

/// What people come to write somewhere.
struct Sample {
    id: &'static str,
    /// A name, and any other text.
    text: &'static str,
    /// The name of a conference: any text without `@` and `$`, but not none.
    conference: &'static str,
    profile: &'static str,
    pin: Option<&'static str>,
    polymac: &'static str,
    address: Option<&'static str>,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        id: "20000",
        text: "Anna",
        conference: "team",
        profile: "other",
        pin: None,
        polymac: "0004f2000001",
        address: Some("conf.example.org"),
    },
    // Hand-written users and conferences have any text.
    Sample {
        id: "2<0>&'\"",
        text: r#"J"ü'rgen\ & <b>C</o> ]]> --> :@/?# 100% {x} \{ 日本 🎧 "#,
        conference: r#"J"ü'rgen\ & <b>C</o> ]]> --> :/?# 100% {x} \{ 日本 🎧 "#,
        profile: "a'b\"c&<d>{e}",
        pin: Some("4711"),
        polymac: "<&\"'>",
        address: Some("[::1]:3000"),
    },
    Sample { id: "0", text: "", conference: "c", profile: "other", pin: None, polymac: "none", address: None },
];

impl Sample {
    fn user(&self) -> Option<User> {
        Some(User {
            id: UserId::parse(self.id)?,
            password: Secret::new(self.text),
            conpin: Secret::new(self.text),
            context: self.text.into(),
            name: self.text.into(),
            email: self.text.into(),
            polymac: self.polymac.into(),
        })
    }

    fn conference(&self, context: &Context) -> Conference {
        Conference {
            num: context.conferences.first(),
            name: self.conference.into(),
            profile: self.profile.into(),
            context: context.name.clone(),
            pin: self.pin.map(Secret::new),
        }
    }
}

/// A trial with one sample.
struct Trial<'t> {
    templates: &'t Templates,
    renderer: Renderer,
    addresses: Addresses,
    globals: Arc<Globals>,
    user: User,
    mac: Mac,
    conferences: Arc<[Conference]>,
    /// A profile that has no template of its own, unless it is called like this one.
    other_profile: &'static str,
}

impl<'t> Trial<'t> {
    #[expect(clippy::expect_used, reason = "these are constants")]
    fn new(templates: &'t Arc<Templates>, sample: &Sample) -> Self {
        let config = Arc::new(Config::default());
        let globals = Arc::new(Globals::from([("hostname".into(), "switch.example.org".into())]));
        let address = PublicAddress { is_secure: sample.address.is_some(), host: sample.address.map(str::to_owned) };
        let conferences: Arc<[Conference]> = config.contexts.iter().map(|context| sample.conference(context)).collect();
        Self {
            templates,
            addresses: Addresses::new(address.clone(), &globals),
            renderer: Renderer::new(
                Arc::clone(templates),
                config,
                Arc::clone(&globals),
                Arc::clone(&conferences),
                address,
            ),
            globals,
            user: sample.user().expect("every sample has an id"),
            mac: Mac::parse("0004f2000001").expect("a MAC"),
            conferences,
            other_profile: sample.profile,
        }
    }

    /// Every template can be rendered.
    fn check_sources(&self) -> Result<(), TemplateError> {
        let Self { templates, user, addresses, .. } = self;
        let polycom = names(&PhoneValues::of_polycom(user, &self.mac, addresses));
        let contact = self.conferences.first().map(|conference| names(&ContactValues::new(0, conference, addresses)));
        let contact = contact.unwrap_or_default();
        check_source(USER, &templates.user, &names(&UserValues::default()))?;
        for profile in templates.profiles() {
            let name = conference_template(profile);
            check_source(&name, templates.conference(profile), &names(&ConferenceValues::default()))?;
        }
        check_source(LINPHONE_CONTACT, &templates.linphone_contact, &contact)?;
        check_source(LINPHONE, &templates.linphone, &names(&PhoneValues::of_linphone(user, "", addresses)))?;
        check_source(POLYCOM_MASTER, &templates.polycom_master, &polycom)?;
        check_source(POLYCOM_ACCOUNT, &templates.polycom_account, &polycom)?;
        check_source(POLYCOM_DIRECTORY, &templates.polycom_directory, &polycom)?;
        check_source(POLYCOM_CONTACT, &templates.polycom_contact, &contact)
    }

    fn try_user(&self) -> Result<(), TemplateError> {
        let written = self.write(USER, &Document::User(self.user.clone(), Role::Admin))?;
        check_xml(USER, &written)?;
        let verdict = compare_user(as_the_switch_reads(&written).as_bytes(), &self.user, &self.globals);
        check_verdict(verdict, USER, "the switch would not read the user from it that was written")
    }

    fn try_conferences(&self) -> Result<(), TemplateError> {
        for profile in self.templates.profiles() {
            let name = conference_template(profile);
            // The template of all others is tried with another one, too.
            for profile in [profile, self.other_profile] {
                if conference_template(profile) == name || name == OTHER_CONFERENCES {
                    self.try_conference(&name, profile)?;
                }
            }
        }
        Ok(())
    }

    fn try_conference(&self, name: &str, profile: &str) -> Result<(), TemplateError> {
        for conference in self.conferences.iter() {
            let conference = Conference { profile: profile.into(), ..conference.clone() };
            let written = self.write(name, &Document::Conference(conference.clone()))?;
            check_xml(name, &written)?;
            let verdict = compare_conference(as_the_switch_reads(&written).as_bytes(), &conference);
            check_verdict(verdict, name, "the switch would not read the conference from it that was written")?;
        }
        Ok(())
    }

    fn try_linphone(&self) -> Result<(), TemplateError> {
        for (index, conference) in self.conferences.iter().enumerate() {
            let values = ContactValues::new(index, conference, &self.addresses);
            // Any number of elements may be there, but each has to end.
            let contact = render(&self.templates.linphone_contact, &values, Reader::Phone);
            check_xml(LINPHONE_CONTACT, &format!("<contact>{contact}</contact>"))?;
        }
        check_xml(LINPHONE, &self.write(LINPHONE, &Document::Linphone(self.user.clone(), Role::Admin))?)
    }

    fn try_polycom(&self) -> Result<(), TemplateError> {
        for (name, file) in [(POLYCOM_MASTER, PhoneFile::Master), (POLYCOM_ACCOUNT, PhoneFile::Account)] {
            check_xml(name, &self.write(name, &self.phone_file(file))?)?;
        }
        self.try_polycom_contacts()?;
        let frame = self.renderer.polycom(&self.templates.polycom_directory, &self.mac, &self.user);
        check_xml(POLYCOM_DIRECTORY, &frame)?;
        self.write(POLYCOM_DIRECTORY, &self.phone_file(PhoneFile::Directory)).map(|_| ())
    }

    /// All that is written has to be recognised as ours when it is to go.
    fn try_polycom_contacts(&self) -> Result<(), TemplateError> {
        const EMPTY: &str = "<directory><item_list></item_list></directory>";
        for (index, conference) in self.conferences.iter().enumerate() {
            let values = ContactValues::new(index, conference, &self.addresses);
            let contact = render(&self.templates.polycom_contact, &values, Reader::Phone);
            check_xml(POLYCOM_CONTACT, &format!("<contact>{contact}</contact>"))?;
            let with = directory::merge(EMPTY.as_bytes(), contact.trim_end());
            let without = with.and_then(|directory| directory::merge(directory.as_bytes(), ""));
            if without.is_ok_and(|without| without != EMPTY) {
                return Err(meaning(POLYCOM_CONTACT, "it has to write an <item server='yes'> and nothing else"));
            }
        }
        Ok(())
    }

    fn phone_file(&self, file: PhoneFile) -> Document {
        Document::Phone(file, self.mac.clone(), self.user.clone(), Role::Admin)
    }

    fn write(&self, name: &str, document: &Document) -> Result<String, TemplateError> {
        self.renderer.content(document, None).map_err(|damage| meaning(name, damage.to_string()))
    }
}

/// The names of these values.
fn names(values: &impl Serialize) -> Vec<String> {
    match serde_json::to_value(values) {
        Ok(Value::Object(values)) => values.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

fn check_source(name: &str, template: &str, values: &[String]) -> Result<(), TemplateError> {
    let source = |Fault { line, reason }| TemplateError::Source { name: name.into(), line, reason };
    language::check(template, values).map_err(source)
}

/// What the switch keeps of a file: lines with these tags go whole.
fn as_the_switch_reads(file: &str) -> String {
    let kept = file.lines().filter(|line| !line.contains("<include>") && !line.contains("</include>"));
    let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
    format!("<include>\n{kept}</include>")
}

fn check_verdict(verdict: Verdict, name: &str, reason: &str) -> Result<(), TemplateError> {
    match verdict {
        Verdict::Same { .. } => Ok(()),
        Verdict::Edited | Verdict::Others => Err(meaning(name, reason)),
    }
}

fn meaning(name: &str, reason: impl Into<String>) -> TemplateError {
    TemplateError::Meaning { name: name.into(), reason: reason.into() }
}

/// Whether a strict parser takes this document.
fn check_xml(name: &str, document: &str) -> Result<(), TemplateError> {
    let illegal = document.find(|c| !is_legal(c)).map(|at| Flaw::new(at, "a character that XML cannot hold"));
    let result = illegal.map_or(Ok(()), Err).and_then(|()| {
        walk(document, |piece| {
            let reason = match &piece.event {
                Event::GeneralRef(reference) => check_references(&format!("&{};", &**reference)).err(),
                Event::Start(tag) | Event::Empty(tag) => check_attributes(tag).err(),
                _ => None,
            };
            reason.map_or(Ok(()), |reason| Err(Flaw::new(piece.span.start, reason)))
        })
    });
    result.map_err(|flaw| {
        let line = flaw.line(document);
        TemplateError::Output { name: name.into(), line, reason: flaw.reason }
    })
}

fn check_attributes(tag: &BytesStart<'_>) -> Result<(), String> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.value.contains('<') {
            return Err("a `<` in the value of an attribute".into());
        }
        check_references(&attribute.value)?;
    }
    Ok(())
}

/// A phone knows only the five entities of XML.
fn check_references(text: &str) -> Result<(), String> {
    unescape(text).map(|_| ()).map_err(|_| "a reference to what XML does not know".into())
}
