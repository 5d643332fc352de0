//! What in the lines of a file the switch's preprocessor takes for something else: it knows no XML, and drops whole lines.

use fsconnector_simulator::config::Place;

use super::findings::Finding;

/// The tag of a command, in any case.
const TAG: &str = "x-pre-process";
/// The commands in `<!--#…-->`; the last one is a way to write comments that only the preprocessor sees.
const COMMANDS: [&str; 3] = ["set", "include", "comment"];

/// What in a file is lost, or carried out, unexpectedly.
pub(super) fn findings(file: &str, text: &str) -> Vec<Finding> {
    let mut in_comment = false;
    let mut findings = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = Line::new(line, in_comment);
        in_comment = line.leaves_comment_open;
        if let Some(Fault { what, remedy, is_lost }) = line.fault() {
            let place = Place { file: file.to_owned(), line: index + 1 };
            findings.push(Finding::at(place, what, remedy).noted_if(!is_lost));
        }
    }
    findings
}

struct Line<'l> {
    /// The line in small letters for ASCII; offsets are those of the line.
    lower: String,
    text: &'l str,
    /// What of it stands outside of comments.
    outside: String,
    leaves_comment_open: bool,
    /// A comment begins here and ends later, or ends here and began before.
    cuts_comment: bool,
}

struct Fault {
    what: &'static str,
    remedy: &'static str,
    /// Something is not loaded, although it is written.
    is_lost: bool,
}

impl Fault {
    fn losing(what: &'static str, remedy: &'static str) -> Self {
        Self { what, remedy, is_lost: true }
    }
}

impl<'l> Line<'l> {
    fn new(text: &'l str, in_comment: bool) -> Self {
        let mut outside = String::new();
        let mut rest = text;
        let mut inside = in_comment;
        let mut cuts_comment = false;
        loop {
            let end = if inside { "-->" } else { "<!--" };
            let Some((before, behind)) = rest.split_once(end) else { break };
            if inside {
                cuts_comment |= in_comment;
            } else {
                outside.push_str(before);
            }
            inside = !inside;
            rest = behind;
        }
        if !inside {
            outside.push_str(rest);
        }
        cuts_comment |= inside && !in_comment;
        Self { lower: text.to_ascii_lowercase(), text, outside, leaves_comment_open: inside, cuts_comment }
    }

    fn fault(&self) -> Option<Fault> {
        if self.lower.contains(TAG) {
            return self.command_fault();
        }
        let is_dropped = ["<include>", "</include>", "<?"].iter().any(|marker| self.text.contains(marker));
        if is_dropped && (!is_blank(&without_frame(&self.outside)) || self.cuts_comment) {
            return Some(Fault::losing(
                "the switch drops every line with `<include>`, `</include>` or `<?`, and all that stands on it",
                "give these a line of their own",
            ));
        }
        let hash = self.text.find("<!--#").and_then(|at| self.lower.get(at + "<!--#".len()..));
        let is_command = |rest: &str| COMMANDS.contains(&rest.split([' ', '\t']).next().unwrap_or_default());
        hash.is_some_and(|rest| !is_command(rest)).then_some(Fault::losing(
            "`<!--#` begins a command for the switch, which drops everything up to the next `-->`",
            "put a blank between `<!--` and `#`",
        ))
    }

    fn command_fault(&self) -> Option<Fault> {
        let outside = self.outside.to_ascii_lowercase();
        match (self.without_command(), outside.contains(TAG)) {
            (Some(_), false) => Some(Fault {
                what: "a command within a comment is carried out all the same",
                remedy: "delete the line, and keep a copy outside of the tree",
                is_lost: false,
            }),
            (Some(rest), true) => (!is_blank(&rest) || self.cuts_comment).then_some(Fault::losing(
                "what else stands on the line of a command is lost",
                "give the command a line of its own",
            )),
            (None, false) if is_blank(&outside) && !self.cuts_comment => None,
            (None, _) => Some(Fault::losing(
                "the switch drops this line, for it holds `x-pre-process` but no command that it understands",
                "write `<X-PRE-PROCESS cmd=\"…\" data=\"…\"/>` in one line and in this order, or leave the word out",
            )),
        }
    }

    /// What remains outside of comments beside the command; nothing if there is no proper one.
    fn without_command(&self) -> Option<String> {
        let begin = self.lower.find(TAG)?;
        let before = self.text.get(..begin)?.strip_suffix('<')?;
        let tag = self.text.get(begin + TAG.len()..)?;
        let (attributes, behind) = tag.split_once("/>")?;
        let (name, rest) = quoted_behind(attributes, "cmd")?;
        let (_, rest) = quoted_behind(rest, "data")?;
        let is_whole = !name.is_empty() && is_blank(rest);
        let line = Line::new(before, false);
        let behind = Line::new(behind, line.leaves_comment_open);
        is_whole.then(|| line.outside + &behind.outside)
    }
}

/// The value of the first attribute, if it has this name, and what follows it.
fn quoted_behind<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let text = text.trim_start();
    let is_named = text.get(..name.len())?.eq_ignore_ascii_case(name);
    let rest = text.get(name.len()..)?.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
    is_named.then(|| rest.split_once('"')).flatten()
}

/// A line without that for which it is dropped.
fn without_frame(line: &str) -> String {
    let mut rest = line.replace("<include>", "").replace("</include>", "");
    while let Some((before, instruction)) = rest.split_once("<?") {
        let Some((_, behind)) = instruction.split_once("?>") else { break };
        rest = format!("{before}{behind}");
    }
    rest
}

fn is_blank(text: &str) -> bool {
    text.trim().trim_start_matches('\u{feff}').is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings of a text, each with its line and the first words.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let shown = findings("x.xml", text).into_iter().map(|found| {
            let words: Vec<&str> = found.what.split(' ').take(4).collect();
            format!("{} {}", found.line.unwrap(), words.join(" "))
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn an_ordinary_file_has_no_fault() {
        check(
            "\u{feff}<?xml version=\"1.0\"?>\n<include> <!-- a comment -->\n<!--\n  <include>, X-PRE-PROCESS and <?\n-->\n\
             <X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/> <!-- a comment -->\n<x-pre-process cmd=\"include\" data=\"*.xml\" />\n\
             <!-- about x-pre-process -->\n<!-- # heading -->\n<!--#set \"a=b\"-->\n<!--#comment\n all of it -->\n<!--#comment one-->\n</include>\n",
            &[],
        );
    }

    #[test]
    fn a_line_with_include_loses_what_else_stands_on_it() {
        check("<include><user id=\"1\"/></include>\n", &["1 the switch drops every"]);
        check("<include>\n<a/></include>\n", &["2 the switch drops every"]);
        check("<a b=\"<include>\"/>", &["1 the switch drops every"]);
        check("<?xml?><a/>", &["1 the switch drops every"]);
        check("<include><!--\n-->", &["1 the switch drops every"]);
    }

    #[test]
    fn a_line_with_the_letters_of_a_command_is_lost() {
        check("<a b=\"x-PRE-process\"/>", &["1 the switch drops this"]);
        check("<X-PRE-PROCESS cmd='set' data='a=b'/>", &["1 the switch drops this"]);
        check("<X-PRE-PROCESS data=\"a=b\" cmd=\"set\"/>", &["1 the switch drops this"]);
        check("<X-PRE-PROCESS cmd=\"set\"\n data=\"a=b\"/>", &["1 the switch drops this"]);
        check("-- <X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/>", &["1 what else stands on"]);
        check("<X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/><a/>", &["1 what else stands on"]);
    }

    #[test]
    fn a_command_in_a_comment_is_carried_out() {
        check("<!-- <X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/> -->", &["1 a command within a"]);
        check("<!--\n<X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/>\n-->", &["2 a command within a"]);
    }

    #[test]
    fn a_comment_that_begins_with_a_hash_is_a_command() {
        check("<!--### heading ### -->", &["1 `<!--#` begins a command"]);
    }
}
