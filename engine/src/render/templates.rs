//! The templates: which there are, and what each has to be fit for.

use std::collections::BTreeMap;
use std::fmt;

use super::trial;

/// The templates, by name. Each was tried when they were made, so every file can be written with them.
///
/// They are kept as text: compiled ones cannot go from thread to thread, and compiling one takes some microseconds.
#[derive(Clone, Debug)]
pub struct Templates {
    pub(super) user: Box<str>,
    /// By profile.
    conferences: BTreeMap<Box<str>, Box<str>>,
    other_conferences: Box<str>,
    pub(super) linphone: Box<str>,
    pub(super) linphone_contact: Box<str>,
    pub(super) polycom_master: Box<str>,
    pub(super) polycom_account: Box<str>,
    pub(super) polycom_directory: Box<str>,
    pub(super) polycom_contact: Box<str>,
}

pub(super) const USER: &str = "user.xml";
pub(super) const OTHER_CONFERENCES: &str = "conference/default.xml";
pub(super) const LINPHONE: &str = "linphone.xml";
pub(super) const LINPHONE_CONTACT: &str = "linphone/contact.xml";
pub(super) const POLYCOM_MASTER: &str = "polycom/mac.cfg";
pub(super) const POLYCOM_ACCOUNT: &str = "polycom/allprov.cfg";
pub(super) const POLYCOM_DIRECTORY: &str = "polycom/directory.xml";
pub(super) const POLYCOM_CONTACT: &str = "polycom/contact.xml";

/// What a template can be called, in words.
const NAMES: [&str; 8] = [
    USER,
    "conference/<profile>.xml",
    LINPHONE,
    LINPHONE_CONTACT,
    POLYCOM_MASTER,
    POLYCOM_ACCOUNT,
    POLYCOM_DIRECTORY,
    POLYCOM_CONTACT,
];

impl Templates {
    /// Takes the templates by name, and tries each. Of two with one name the later counts, so those that an operator has
    /// put in the place of the shipped ones come behind these. `conference/default.xml` serves every profile that has none
    /// of its own.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TemplateError> {
        let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, text) in files {
            if !NAMES.contains(&name) && profile(name).is_none() {
                return Err(TemplateError::Unknown { name: name.into() });
            }
            texts.insert(name, text);
        }
        let text =
            |name: &'static str| texts.get(name).map(|text| Box::from(*text)).ok_or(TemplateError::Missing { name });
        let conferences = texts.iter().filter_map(|(name, text)| Some((profile(name)?.into(), Box::from(*text))));
        let templates = Self {
            user: text(USER)?,
            conferences: conferences.collect(),
            other_conferences: text(OTHER_CONFERENCES)?,
            linphone: text(LINPHONE)?,
            linphone_contact: text(LINPHONE_CONTACT)?,
            polycom_master: text(POLYCOM_MASTER)?,
            polycom_account: text(POLYCOM_ACCOUNT)?,
            polycom_directory: text(POLYCOM_DIRECTORY)?,
            polycom_contact: text(POLYCOM_CONTACT)?,
        };
        trial::hold(&templates)?;
        Ok(templates)
    }

    /// The template of the conferences of a profile.
    pub(super) fn conference(&self, profile: &str) -> &str {
        self.conferences.get(profile).unwrap_or(&self.other_conferences)
    }

    /// The profiles that have a template of their own. The others are the last one's.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.conferences.keys().map(|profile| &**profile)
    }
}

/// The profile whose conferences the template of this name is for.
fn profile(name: &str) -> Option<&str> {
    name.strip_prefix("conference/")?.strip_suffix(".xml").filter(|profile| !profile.is_empty())
}

/// The name of the template of a profile's conferences.
pub(super) fn conference_template(profile: &str) -> String {
    format!("conference/{profile}.xml")
}

/// Why the templates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// There is no use for a template of this name.
    Unknown {
        /// The name.
        name: String,
    },
    /// This template is not there.
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// It is no template.
    Source {
        /// Its name.
        name: String,
        /// In which line, counted from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// What it writes is not well-formed XML, or not what it has to be.
    Output {
        /// Its name.
        name: String,
        /// In which line of what it writes, counted from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// What it writes is XML, but says something else than what it was to say.
    Meaning {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                write!(f, "the template {name}: there is no use for it; the names are {}", NAMES.join(", "))
            }
            Self::Missing { name } => write!(f, "the template {name}: it is missing"),
            Self::Source { name, line, reason } => write!(f, "the template {name}, line {line}: {reason}"),
            Self::Output { name, line, reason } => {
                write!(f, "the template {name}: in line {line} of what it writes: {reason}")
            }
            Self::Meaning { name, reason } => write!(f, "the template {name}: {reason}"),
        }
    }
}

impl std::error::Error for TemplateError {}
