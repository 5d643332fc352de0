//! What a check finds, and how a person reads it.

use std::collections::BTreeSet;
use std::fmt;

use fsconnector_simulator::config::Place;

/// The longest piece of a configuration that a finding quotes, in characters.
const LONGEST_QUOTE: usize = 120;

/// How many names a finding lists.
const MOST_LISTED: usize = 5;

/// What a check of a configuration tree found, file by file.
///
/// Its text is meant for a person: a heading for each file, a line for each finding, and at the end what was looked at.
/// It holds neither passwords nor PINs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    findings: BTreeSet<Finding>,
    /// What was looked at.
    pub(super) checked: Checked,
}

/// How much a check looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checked {
    /// Files that the switch loads.
    pub(super) files: usize,
    /// Users that the connector would list.
    pub(super) users: usize,
    /// Conferences that the connector would list.
    pub(super) conferences: usize,
    /// The conference profiles of the tree.
    pub(super) profiles: Vec<String>,
    /// What else was looked at, for a person.
    pub(super) besides: Vec<String>,
}

/// Something that does not fit. The order is that of the output: by file, then what is wrong before the notes, then by line,
/// the whole file first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// The file, as a path from the tree's root; outside of that, as it is configured. Or the switch.
    pub(super) file: String,
    /// Nothing is wrong: it may stay as it is, and this says what the connector will not do with it.
    pub(super) is_note: bool,
    /// The line in it, from 1; none where the whole file is meant.
    pub(super) line: Option<usize>,
    /// What is wrong, or worth knowing.
    pub(super) what: String,
    /// What to do about it.
    pub(super) remedy: String,
}

impl Findings {
    /// Nothing found so far.
    pub(super) fn new(findings: impl IntoIterator<Item = Finding>, checked: Checked) -> Self {
        Self { findings: findings.into_iter().collect(), checked }
    }

    /// These, and more.
    pub(super) fn with(mut self, more: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(more);
        self
    }

    /// Whether there is one about this file or folder.
    pub(super) fn are_about(&self, file: &str) -> bool {
        self.findings.iter().any(|finding| finding.file == file)
    }

    /// Whether everything works: there may be notes.
    pub(super) fn are_content(&self) -> bool {
        self.findings.iter().all(|finding| finding.is_note)
    }
}

impl Finding {
    /// A finding about one line.
    pub(super) fn at(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), remedy.into());
        Self { file: place.file, is_note: false, line: Some(place.line), what, remedy }
    }

    /// A finding about a whole file, or one that should be there.
    pub(super) fn in_file(file: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.into(), is_note: false, line: None, what: what.into(), remedy: remedy.into() }
    }

    /// This, as a note if that is so.
    pub(super) fn noted_if(self, is_note: bool) -> Self {
        Self { is_note, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}: ")?;
        }
        if self.is_note {
            f.write_str("note: ")?;
        }
        write!(f, "{} — {}", self.what, self.remedy)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = 0;
        let mut heading = None;
        for finding in &self.findings {
            if heading != Some(&finding.file) {
                heading = Some(&finding.file);
                places += 1;
                writeln!(f, "{}", escaped(&finding.file))?;
            }
            writeln!(f, "  {finding}")?;
        }
        let notes = self.findings.iter().filter(|finding| finding.is_note).count();
        let found = match self.findings.len() - notes {
            0 => "nothing to find fault with".to_owned(),
            some => counted(some, "finding"),
        };
        write!(f, "{}: {found}", self.checked)?;
        if notes > 0 {
            write!(f, " and {}", counted(notes, "note"))?;
        }
        if places > 0 {
            write!(f, " in {}", counted(places, "place"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = [(self.files, "file"), (self.users, "user"), (self.conferences, "conference")];
        let mut all: Vec<String> = things.into_iter().map(|(count, what)| counted(count, what)).collect();
        all.extend(self.besides.iter().cloned());
        let last = all.pop().unwrap_or_default();
        write!(f, "checked {} and {last}", all.join(", "))
    }
}

/// A piece of the configuration within a finding.
pub(super) fn quoted(text: &str) -> String {
    let mut quote = escaped(&text.chars().take(LONGEST_QUOTE).collect::<String>());
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        quote.push('…');
    }
    format!("`{quote}`")
}

/// The text with its control characters made visible, so that a file cannot write to somebody's terminal.
fn escaped(text: &str) -> String {
    let visible = |character: char| match character {
        control if control.is_control() => control.escape_debug().collect(),
        other => String::from(other),
    };
    text.chars().map(visible).collect()
}

/// Some names, and that there are more if there are many.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    let mut listed: Vec<String> = names.iter().take(MOST_LISTED).map(|name| quoted(name.as_ref())).collect();
    listed.extend((names.len() > MOST_LISTED).then(|| "…".to_owned()));
    listed.join(", ")
}

/// A number of things.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str, line: usize) -> Place {
        Place { file: file.to_owned(), line }
    }

    #[test]
    fn findings_are_told_file_by_file_and_line_by_line() {
        let findings = Findings::new(
            [
                Finding::at(place("b.xml", 1), "known", "leave it").noted_if(true),
                Finding::at(place("b.xml", 10), "ten", "mend it"),
                Finding::at(place("b.xml", 9), "nine", "mend it"),
                Finding::in_file("b.xml", "all", "mend it"),
                Finding::at(place("a.xml", 1), "one", "mend it"),
                Finding::at(place("a.xml", 1), "one", "mend it"),
            ],
            Checked { files: 2, users: 1, ..Checked::default() },
        );
        assert_eq!(
            findings.to_string(),
            "a.xml\n  1: one — mend it\nb.xml\n  all — mend it\n  9: nine — mend it\n  10: ten — mend it\n  \
             1: note: known — leave it\n\
             checked 2 files, 1 user and 0 conferences: 4 findings and 1 note in 2 places"
        );
        assert!(!findings.are_content());
    }

    #[test]
    fn notes_alone_are_no_fault() {
        let notes = ["a.xml", "b.xml"].map(|file| Finding::in_file(file, "known", "leave it").noted_if(true));
        let findings = Findings::new(notes, Checked::default());
        assert!(findings.are_content());
        assert!(findings.to_string().starts_with("a.xml\n  note: known — leave it\nb.xml\n  note: "), "{findings}");
        assert!(findings.to_string().ends_with(": nothing to find fault with and 2 notes in 2 places"), "{findings}");
    }

    #[test]
    fn nothing_found_is_one_line() {
        let checked = Checked { files: 1, users: 2, conferences: 3, ..Checked::default() };
        let findings = Findings::new([], checked.clone());
        assert_eq!(findings.to_string(), "checked 1 file, 2 users and 3 conferences: nothing to find fault with");
        let findings = Findings::new([], Checked { besides: vec!["the moon".to_owned()], ..checked });
        assert!(findings.to_string().starts_with("checked 1 file, 2 users, 3 conferences and the moon: "));
    }

    #[test]
    fn a_quote_is_short_and_cannot_move_the_cursor() {
        assert_eq!(quoted("a\u{1b}[2J\n"), "`a\\u{1b}[2J\\n`");
        assert_eq!(quoted(&"x".repeat(200)), format!("`{}…`", "x".repeat(120)));
    }
}
