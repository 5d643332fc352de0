//! The templates of the files that fsconnector writes, in the language of `tinytemplate`.
//!
//! A template is a file of its own in the folder of this crate, so an administrator can read what will be written, and
//! put another one in its place. Those of the switch have `<include>` and `</include>` alone on their lines, since the
//! switch drops such lines whole.
//!
//! # The language
//!
//! | in a template | stands for |
//! |---|---|
//! | `{name}` | the value, escaped for the text of an element or an attribute in double quotes |
//! | `{name \| url}` | the value as a part of a URL, or the user of a SIP address |
//! | `{name \| sip}` | the value between the quotes of a display name of SIP |
//! | `{name \| sip_vcard}` | the same for a contact of a Linphone, which reads the name as the text of a vCard |
//! | `{{ if name }}` … `{{ else }}` … `{{ endif }}`, `{{ if not name }}` … | one or the other, by whether there is a value; an empty one is none |
//! | `{# … #}` | nothing |
//! | `\{` | a brace |
//!
//! A tag ends in the line in which it begins.

macro_rules! templates {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../", $name)))),*] };
}

/// All templates by name.
///
/// | name | file | values |
/// |---|---|---|
/// | `user.xml` | `directory/<context>/<id>.xml` | `id password conpin context name email polymac conf_flags` |
/// | `conference/<profile>.xml` | `dialplan/conferences/<num>.xml` of that profile; `default` serves the others | `num name type pin` |
/// | `linphone.xml` | `linphone/<id>/linphone.xml` | those of an account, `contacts` (which are XML, and come as they are) |
/// | `linphone/contact.xml` | in the former: one contact | those of a contact |
/// | `polycom/mac.cfg` | `polycom/<mac>/<mac>.cfg` | those of an account, `mac` |
/// | `polycom/allprov.cfg` | `polycom/<mac>/allprov.cfg` | those of an account, `mac` |
/// | `polycom/directory.xml` | `polycom/<mac>/<mac>-directory.xml`, where there is none yet; the contacts come in behind `<item_list>` | those of an account, `mac` |
/// | `polycom/contact.xml` | in the former: one contact, an `<item server='yes'>` | those of a contact |
///
/// Those of an account are `id name password email context`, and the addresses. Those of a contact, which is a conference,
/// are `index` (counted from 0), `place` (counted from 1), `num name type context`, and the addresses. The addresses are
///
/// - `scheme` (`https` or `http`), `is_secure` (which is for conditions) and `host` (with its port if it has one) of
///   fsconnector, and
/// - `sip_host` (without a port) and `tls_port` of the switch.
pub const ALL: [(&str, &str); 10] = templates![
    "user.xml",
    "conference/default.xml",
    "conference/16kHz-novideo.xml",
    "conference/48kHz-video.xml",
    "linphone.xml",
    "linphone/contact.xml",
    "polycom/mac.cfg",
    "polycom/allprov.cfg",
    "polycom/directory.xml",
    "polycom/contact.xml",
];

#[cfg(test)]
mod tests {
    use super::*;
    use tinytemplate::TinyTemplate;

    #[test]
    fn every_template_compiles() {
        let mut templates = TinyTemplate::new();
        for (name, text) in ALL {
            templates.add_template(name, text).unwrap();
        }
    }

    #[test]
    fn the_include_tags_of_the_switch_stand_alone_on_their_lines() {
        for (_, text) in ALL.iter().filter(|(_, text)| text.contains("<include")) {
            let dropped: Vec<&str> = text.lines().filter(|line| line.contains("include>")).collect();
            assert_eq!(dropped, ["<include>", "</include>"]);
        }
    }
}
