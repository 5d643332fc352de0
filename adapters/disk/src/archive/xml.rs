//! Whether the switch could parse a file.
//!
//! It works on files line by line before it parses anything, and is more lenient than XML is: only what it certainly
//! cannot parse is refused here. The reload judges the rest.

use std::fmt;

use fsconnector_engine::path::RelPath;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::bounds::length;

/// Where a text does not parse, and why, in words that hold nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The line, from 1.
    pub(crate) line: usize,
    pub(crate) why: Why,
}

/// Why a text does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// An element, or something else that has an end, does not end.
    Unclosed,
    /// The end of an element stands where it is not the innermost one.
    OtherEnd,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unclosed => "an element, a value or a comment is not closed",
            Self::OtherEnd => "a closing tag fits no element",
        })
    }
}

/// Whether the switch reads the file with this path in the tree as users or as its dialplan.
pub(crate) fn is_loaded(path: &RelPath) -> bool {
    let name = path.file_name();
    let is_xml = name.rsplit_once('.').is_some_and(|(before, extension)| extension == "xml" && !before.is_empty());
    let is_there = matches!(path.names().next(), Some("directory" | "dialplan"));
    is_xml && is_there && !path.names().any(|name| name.starts_with('.'))
}

/// Checks that the elements of a file end as they began. It may hold several next to each other, or none.
pub(crate) fn check(content: &[u8]) -> Result<(), Flaw> {
    let text = String::from_utf8_lossy(content);
    let has_elements = parse(&without(&text, is_dropped))?;
    // A file all of whose lines are dropped loads nothing, whatever it says. If it is no XML either, it is damaged.
    if has_elements { Ok(()) } else { parse(&without(&text, is_command)).map(drop) }
}

/// Whether the switch drops this line before it parses the file.
fn is_dropped(line: &str) -> bool {
    ["<include>", "</include>", "<?"].iter().any(|markup| line.contains(markup)) || is_command(line)
}

/// Whether this line is a command to the switch's preprocessor.
fn is_command(line: &str) -> bool {
    line.to_ascii_lowercase().contains("x-pre-process")
}

/// The text with an empty line in the place of each that is dropped. A NUL ends a line before its end.
fn without(text: &str, is_dropped: fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.split('\0').next().unwrap_or_default();
        if !is_dropped(line) {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

/// Whether there is any element, if all of them end as they began.
fn parse(text: &str) -> Result<bool, Flaw> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let (mut depth, mut has_elements) = (0_usize, false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                depth += 1;
                has_elements = true;
            }
            // The reader reports no end without its beginning.
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Empty(_)) => has_elements = true,
            Ok(Event::Eof) if depth == 0 => return Ok(has_elements),
            Ok(Event::Eof) => return Err(Flaw { line: last_line(text), why: Why::Unclosed }),
            Err(error) => {
                let is_end = matches!(error, quick_xml::Error::IllFormed(_));
                let why = if is_end { Why::OtherEnd } else { Why::Unclosed };
                return Err(Flaw { line: line(text, reader.error_position()), why });
            }
            Ok(_) => {}
        }
    }
}

/// The line of the last thing there is.
fn last_line(text: &str) -> usize {
    line(text, length(text.trim_end().len()))
}

/// The line, from 1, of what stands behind so many bytes.
fn line(text: &str, at: u64) -> usize {
    let before = usize::try_from(at).ok().and_then(|at| text.get(..at)).unwrap_or(text);
    1 + before.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_good(content: &str) {
        assert_eq!(check(content.as_bytes()), Ok(()), "{content:?}");
    }

    #[track_caller]
    fn check_flawed(content: &str, line: usize, why: Why) {
        assert_eq!(check(content.as_bytes()), Err(Flaw { line, why }), "{content:?}");
    }

    #[test]
    fn what_the_switch_takes_is_good() {
        check_good("<include>\n <user id=\"20000\">\n  <params/>\n </user>\n</include>\n");
        check_good("<user id=\"1\"/>\n<user id=\"2\"/>");
        check_good("");
        check_good("only words & signs");
        check_good("<user id=1 name='a'b value=\"a & b < c\"/>");
        check_good("<?xml version=\"1.0\"?>\n<user/>");
        check_good("<!-- <user> -->\n<user/>");
        check_good("<include><user id=\"1\"></user></include>");
    }

    #[test]
    fn lines_that_are_dropped_cannot_break_a_file() {
        check_good("<include> <user>\n<user id=\"1\"/>\n</include> </group>\n");
        check_good("<user>\n<X-PRE-PROCESS cmd=\"include\" data=\"team/*.xml\">\n</user>\n");
        check_good("<X-Pre-Process cmd=\"set\" data=\"a=b\">");
    }

    #[test]
    fn what_does_not_end_as_it_began_is_flawed() {
        check_flawed("<include>\n <user>\n  <params>\n </user>\n</include>", 4, Why::OtherEnd);
        check_flawed("<include>\n <user>\n</include>", 2, Why::Unclosed);
        check_flawed("</user>", 1, Why::OtherEnd);
        check_flawed("<user>\n<!-- \n</user>\n", 2, Why::Unclosed);
        check_flawed("<user", 1, Why::Unclosed);
        check_flawed("<user>\n<a b=\"\n</user>", 2, Why::Unclosed);
    }

    #[test]
    fn a_file_of_which_nothing_would_be_left_must_be_xml_all_the_same() {
        check_flawed("<include><user id=\"20000\"></include>", 1, Why::OtherEnd);
        check_flawed("<include><user>", 1, Why::Unclosed);
    }

    #[test]
    fn only_visible_xml_of_users_and_dialplan_is_looked_at() {
        let is_loaded = |text: &str| is_loaded(&RelPath::parse(text).unwrap());
        for loaded in ["directory/team/20000.xml", "dialplan/conferences/30000.xml", "dialplan/public.xml"] {
            assert!(is_loaded(loaded), "{loaded}");
        }
        for other in
            ["vars.xml", "directory/notes.txt", "directory/.20000.xml", "directory/.git/a.xml", "directory/.xml"]
        {
            assert!(!is_loaded(other), "{other}");
        }
    }

    /// What the captured switch loads must be good, and of what it refuses most is found.
    #[test]
    fn the_verdict_on_captured_files_is_that_of_the_switch() {
        let Some(captures) = std::env::var_os("FSCONNECTOR_CAPTURES") else { return };
        let (mut good, mut flawed) = (0, Vec::new());
        for case in std::fs::read_dir(std::path::Path::new(&captures).join("tree")).unwrap() {
            let mut folders = vec![case.unwrap().path().join("etc")];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).into_iter().flatten() {
                    let at = entry.unwrap().path();
                    if at.is_dir() {
                        folders.push(at);
                    } else if at.extension().is_some_and(|extension| extension == "xml") {
                        match check(&std::fs::read(&at).unwrap()) {
                            Ok(()) => good += 1,
                            Err(_) => flawed.push(at.file_name().unwrap().to_owned()),
                        }
                    }
                }
            }
        }
        assert!(good > 400, "{good}");
        // One has a wrong closing tag, and the switch refuses it; of the other it only takes what no XML parser would, an
        // element with a quote in its name.
        flawed.sort();
        assert_eq!(flawed, ["11-names.xml", "20000.xml"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
