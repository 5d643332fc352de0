//! The templates of the files that fsconnector writes, in the language of `tinytemplate`: `{name}` stands for a value,
//! `\{` for a brace.
//!
//! A template is a file of its own in the folder of this crate, so an administrator can read what will be written, and
//! put another one in its place. Those of the switch have `<include>` and `</include>` alone on their lines, since the
//! switch drops such lines whole.

macro_rules! templates {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../", $name)))),*] };
}

/// All templates by name.
///
/// | name | file | values |
/// |---|---|---|
/// | `user.xml` | `directory/<context>/<id>.xml` | `id password context name email polymac conf_flags conpin` |
/// | `conference/<profile>.xml` | `dialplan/conferences/<num>.xml` of that profile; `default` serves the others | `num name type pin` |
pub const ALL: [(&str, &str); 4] =
    templates!["user.xml", "conference/default.xml", "conference/16kHz-novideo.xml", "conference/48kHz-video.xml"];

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
