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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, text: &'static str) -> Result<Templates, TemplateError> {
        Templates::new(fsconnector_templates::ALL.into_iter().chain([(name, text)]))
    }

    fn check_refused(name: &'static str, text: &'static str, words: &str) {
        assert_eq!(with(name, text).unwrap_err().to_string(), words);
    }

    #[test]
    fn every_shipped_template_is_fit_for_use() {
        assert!(Templates::new(fsconnector_templates::ALL).is_ok());
    }

    #[test]
    fn a_template_that_is_none_is_refused_with_name_and_line() {
        check_refused(
            "polycom.xml",
            "",
            "the template polycom.xml: there is no use for it; the names are user.xml, conference/<profile>.xml, linphone.xml, \
             linphone/contact.xml, polycom/mac.cfg, polycom/allprov.cfg, polycom/directory.xml, polycom/contact.xml",
        );
        assert_eq!(Templates::new([]).unwrap_err().to_string(), "the template user.xml: it is missing");
        check_refused(
            "linphone.xml",
            "<config>\n\n{nmae}</config>",
            "the template linphone.xml, line 3: there is no value `nmae` here: the values are id, name, password, email, context, \
             contacts, scheme, is_secure, host, sip_host, tls_port",
        );
        check_refused(
            "polycom/mac.cfg",
            "<a/>{#}",
            "the template polycom/mac.cfg, line 1: `{#}` is neither a comment nor a value",
        );
        check_refused(
            "polycom/mac.cfg",
            "<a/>\n\\",
            "the template polycom/mac.cfg, line 2: the template ends in a backslash",
        );
        check_refused(
            "conference/mine.xml",
            "<include>\n{{ if pin }}\n</include>",
            "the template conference/mine.xml, line 2: Expected block-closing tag, but reached the end of input.",
        );
    }

    #[test]
    fn a_template_that_writes_no_xml_is_refused_with_the_line_of_what_it_writes() {
        check_refused(
            "linphone.xml",
            "<config>\n<section>\n</config>",
            "the template linphone.xml: in line 3 of what it writes: ill-formed document: expected `</section>`, but `</config>` was found",
        );
        // This one would do for most names.
        check_refused(
            "polycom/mac.cfg",
            "<a\nname='{name}'/>",
            "the template polycom/mac.cfg: in line 1 of what it writes: syntax error: attribute value not closed: `'` not found \
             before end of input",
        );
        check_refused(
            "linphone/contact.xml",
            "<entry>\n{name}</enrty>",
            "the template linphone/contact.xml: in line 2 of what it writes: ill-formed document: expected `</entry>`, but \
             `</enrty>` was found",
        );
        check_refused(
            "polycom/mac.cfg",
            "<a>\n&nbsp;</a>",
            "the template polycom/mac.cfg: in line 2 of what it writes: a reference to what XML does not know",
        );
        check_refused(
            "polycom/directory.xml",
            "\n<?xml version='1.0'?><directory><item_list/></directory>",
            "the template polycom/directory.xml: in line 2 of what it writes: an XML declaration that is not at the beginning",
        );
        check_refused(
            "polycom/mac.cfg",
            "<a>{{ if name }}</a>{{ else }}</b>{{ endif }}",
            "the template polycom/mac.cfg: in line 1 of what it writes: ill-formed document: expected `</a>`, but `</b>` was found",
        );
    }

    #[test]
    fn a_template_that_says_something_else_is_refused() {
        // The switch drops the line with the tag.
        check_refused(
            "user.xml",
            "<include><user id=\"{id}\"></user></include>",
            "the template user.xml: the switch would not read the user from it that was written",
        );
        check_refused(
            "user.xml",
            "<include>\n<user id=\"{id}\"><params><param name=\"password\" value=\"{name}\"/></params></user>\n</include>",
            "the template user.xml: the switch would not read the user from it that was written",
        );
        check_refused(
            "conference/default.xml",
            "<include>\n<extension name=\"{name}\"/>\n</include>",
            "the template conference/default.xml: the switch would not read the conference from it that was written",
        );
        check_refused(
            "polycom/directory.xml",
            "<directory/>",
            "the template polycom/directory.xml: there is no item_list in it",
        );
        for contact in ["<item><ct>{num}</ct></item>", "<!-- {num} --><item server='yes'/>"] {
            check_refused(
                "polycom/contact.xml",
                contact,
                "the template polycom/contact.xml: it has to write an <item server='yes'> and nothing else",
            );
        }
    }
}
