//! The templates of the files that fsconnector writes, in the language of `tinytemplate`: `{name}` stands for a value,
//! `\{` for a brace.
//!
//! A template is a file of its own in the folder of this crate, so an administrator can read what will be written. Each
//! has `<include>` and `</include>` alone on their lines, since the switch drops such lines whole.

/// `directory/<context>/<id>.xml`: a user. Values: `id password context name email polymac conf_flags conpin`.
pub const USER: &str = include_str!("../user.xml");

/// `dialplan/conferences/<num>.xml`: a conference, by the name of its profile; the first entry serves all profiles that
/// have no template of their own. Values: `num name type pin`.
pub const CONFERENCES: [(&str, &str); 3] = [
    ("default", include_str!("../conference/default.xml")),
    ("16kHz-novideo", include_str!("../conference/16kHz-novideo.xml")),
    ("48kHz-video", include_str!("../conference/48kHz-video.xml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use tinytemplate::TinyTemplate;

    #[test]
    fn every_template_compiles() {
        let mut templates = TinyTemplate::new();
        templates.add_template("user", USER).unwrap();
        for (profile, text) in CONFERENCES {
            templates.add_template(profile, text).unwrap();
        }
    }

    #[test]
    fn the_include_tags_stand_alone_on_their_lines() {
        for text in CONFERENCES.iter().map(|(_, text)| *text).chain([USER]) {
            let dropped: Vec<&str> = text.lines().filter(|line| line.contains("include>")).collect();
            assert_eq!(dropped, ["<include>", "</include>"]);
        }
    }
}
