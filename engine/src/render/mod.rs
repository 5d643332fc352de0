//! Templates → files: what the connector writes.
//!
//! A [`Renderer`] is made for one state of the switch, and writes any number of files for it. Whatever is the same in many
//! of them, such as the contacts of everybody of one role, it writes once.
//!
//! ```text
//! Templates ──── language ──── escaping      what a template may say, and how values stand in what it writes
//!     │ trial                                each template is tried when it comes, with values of every kind
//! Renderer
//!     ├── switch_files                       users and conferences
//!     ├── phones                             Linphone and Polycom files, contacts by role
//!     └── directory ──── document            our contacts in a directory that a phone's owner writes too
//! ```

mod directory;
mod document;
mod escaping;
mod language;
mod phones;
mod switch_files;
mod templates;
mod trial;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::access::Role;
use crate::change_set::{Document, PhoneFile};
use crate::config::Config;
use crate::files::Damage;
use crate::mac::Mac;
use crate::state::{Conference, Globals, User};

pub use phones::PublicAddress;
pub(crate) use switch_files::{default_pin, is_pin_reference, resolve_pin};
pub use templates::{TemplateError, Templates};

use language::{Reader, render};
use phones::{Addresses, Contacts, PhoneValues};

/// Writes documents, with the templates and all that is the same in many files of a change set.
pub struct Renderer {
    templates: Arc<Templates>,
    config: Arc<Config>,
    globals: Arc<Globals>,
    conferences: Arc<[Conference]>,
    addresses: Addresses,
    linphone_contacts: Contacts,
    polycom_contacts: Contacts,
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
        Self {
            addresses: Addresses::new(address, &globals),
            templates,
            config,
            globals,
            conferences,
            linphone_contacts: Contacts::default(),
            polycom_contacts: Contacts::default(),
        }
    }

    /// The switch's global variables.
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// What the file of this document has to say. `old` is what it says now, if it is there: of a phone's directory,
    /// the entries that its owner has made are kept.
    pub fn content(&self, document: &Document, old: Option<&[u8]>) -> Result<String, Damage> {
        Ok(match document {
            Document::User(user, role) => switch_files::user_file(&self.templates, &self.globals, user, *role),
            Document::Conference(conference) => switch_files::conference_file(&self.templates, conference),
            Document::Linphone(user, role) => self.linphone(user, *role),
            Document::Phone(PhoneFile::Master, mac, user, _) => self.polycom(&self.templates.polycom_master, mac, user),
            Document::Phone(PhoneFile::Account, mac, user, _) => {
                self.polycom(&self.templates.polycom_account, mac, user)
            }
            Document::Phone(PhoneFile::Directory, mac, user, role) => {
                let frame = || self.polycom(&self.templates.polycom_directory, mac, user).into_bytes();
                let directory = old.map_or_else(|| Cow::Owned(frame()), Cow::Borrowed);
                directory::merge(&directory, self.polycom_contacts(*role))?
            }
        })
    }

    fn linphone(&self, user: &User, role: Role) -> String {
        let values = PhoneValues::of_linphone(user, self.linphone_contacts(role), &self.addresses);
        render(&self.templates.linphone, &values, Reader::Phone)
    }

    fn polycom(&self, template: &str, mac: &Mac, user: &User) -> String {
        render(template, &PhoneValues::of_polycom(user, mac, &self.addresses), Reader::Phone)
    }

    fn linphone_contacts(&self, role: Role) -> &str {
        self.linphone_contacts.of(role, || self.contacts(&self.templates.linphone_contact, role))
    }

    fn polycom_contacts(&self, role: Role) -> &str {
        self.polycom_contacts.of(role, || self.contacts(&self.templates.polycom_contact, role))
    }

    fn contacts(&self, template: &str, role: Role) -> Box<str> {
        phones::contacts(template, role, &self.config, &self.conferences, &self.addresses)
    }
}

impl fmt::Debug for Renderer {
    /// Globals hold passwords and PINs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("conferences", &self.conferences.len()).finish_non_exhaustive()
    }
}
