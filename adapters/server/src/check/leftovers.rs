//! Drafts and copies beside the real files: the switch loads every visible `*.xml`.

use super::findings::Finding;
use super::source::Owned;

/// How the names of drafts begin, and what the names of copies hold, in small letters.
const BEGINNINGS: [&str; 6] = ["tmp-", "tmp_", "temp-", "copy", "~", "#"];
const SIGNS: [&str; 10] = [".bak", ".orig", ".old", ".save", ".tmp", ".copy", "-copy", " copy", "(", "~"];

/// Whether a file's name is that of a draft or a copy.
pub(super) fn is_leftover(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file).to_lowercase();
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) || SIGNS.iter().any(|sign| name.contains(sign))
}

/// The drafts and copies among the files that are loaded. What is wrong with them is wrong where the connector writes: there a
/// copy takes the place of what is removed.
pub(super) fn findings<'f>(files: impl IntoIterator<Item = &'f str>) -> Vec<Finding> {
    let leftovers = files.into_iter().filter(|file| is_leftover(file));
    let finding = |file: &str| {
        Finding::in_file(
            file,
            "looks like a draft or a copy, and the switch loads it like any other file",
            "delete it, or let its name begin with a dot",
        )
        .noted_if(Owned::parse(file).is_none())
    };
    leftovers.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_and_copies_are_known_by_their_names() {
        for leftover in
            ["d/tmp-20000.xml", "20000.bak.xml", "20000 (1).xml", "team copy.xml", "vars.xml~", "Copy of a.xml"]
        {
            assert!(is_leftover(leftover), "{leftover}");
        }
        for real in
            ["directory/team/20000.xml", "dialplan/template.xml", "autoload_configs/logfile.conf.xml", "tmp/x.xml"]
        {
            assert!(!is_leftover(real), "{real}");
        }
    }
}
