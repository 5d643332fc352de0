//! The preprocessor: goes through the files line by line, long before anything is parsed, and writes them into one text.
//!
//! It knows no XML. A line with a command in it is a command, also within a comment, and nothing else on that line survives.

use std::borrow::Cow;

use super::expand::{Expanded, expand, up_to_nul};
use super::globals::{Globals, split_at};
use super::mount::Mount;
use super::report::{Finding, Place, Problem, Report};

/// How deep files may include each other.
const DEEPEST: usize = 100;
/// How many inclusions, and how much merged text, one load may come to. The switch has no such bound and would work for ages on two
/// files that include each other twice.
const MOST_INCLUSIONS: usize = 1_000_000;
const MOST_MERGED: usize = 1 << 30;
/// What the switch's buffer for a line begins with, and grows by.
const BUFFER_STEP: usize = 1024;
/// The tag of a command, in any case.
const TAG: &[u8] = b"x-pre-process";
/// The other form of a command.
const HASH_COMMENT: &[u8] = b"<!--#";
/// Any line with one of these is dropped.
const DROPPED: [&[u8]; 3] = [b"<include>", b"</include>", b"<?"];

/// Merges the file `root` and all that it includes; empty when there is no such file.
pub(super) fn merge(mount: &Mount<'_>, root: &[u8], globals: &mut Globals) -> (Vec<u8>, Report) {
    let mut preprocessor = Preprocessor { mount, globals, merged: Vec::new(), report: Report::default() };
    preprocessor.file(root, None, 0);
    (preprocessor.merged, preprocessor.report)
}

/// How many lines end in a text. A CR ends one as well, unless an LF follows it.
pub(super) fn lines_in(text: &[u8]) -> usize {
    let mut lines = 0;
    let mut last = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', text) {
        let is_second_half = at == last + 1 && text.get(last..=at) == Some(b"\r\n");
        lines += usize::from(!is_second_half);
        last = at;
    }
    lines
}

struct Preprocessor<'a> {
    mount: &'a Mount<'a>,
    globals: &'a mut Globals,
    merged: Vec<u8>,
    report: Report,
}

/// The file that is being read.
struct Reader<'p> {
    /// The folder it is in, for its includes.
    folder: &'p [u8],
    inclusion: usize,
    depth: usize,
    /// The line, from 1.
    line: usize,
    /// Within `<!--#` and still without `-->`.
    in_hash_comment: bool,
    /// The line and the place in the merged text that would simply continue what was last noted.
    expected: Option<(usize, usize)>,
}

/// A command and its argument.
struct Command<'l> {
    name: &'l [u8],
    argument: &'l [u8],
}

impl Preprocessor<'_> {
    /// Reads one file; `false` when it cannot be read.
    fn file(&mut self, path: &[u8], by: Option<Place>, depth: usize) -> bool {
        let Ok(content) = self.mount.read(path) else { return false };
        let inclusion = self.report.include(self.mount.shown(path), by);
        let folder = path.iter().rposition(|&byte| byte == b'/').and_then(|slash| path.get(..slash));
        let mut reader = Reader {
            folder: folder.unwrap_or_default(),
            inclusion,
            depth,
            line: 1,
            in_hash_comment: false,
            expected: None,
        };
        let mut buffer = BUFFER_STEP;
        for (line, ends) in Lines(&content) {
            buffer = buffer.max((line.len() + 1) / BUFFER_STEP * BUFFER_STEP + BUFFER_STEP);
            self.line(&mut reader, up_to_nul(line), 2 * buffer);
            reader.line += usize::from(ends);
        }
        true
    }

    fn line(&mut self, reader: &mut Reader<'_>, line: &[u8], room: usize) {
        let Expanded { text, visible, undefined, unterminated, too_long } = expand(line, room, self.globals);
        for name in undefined {
            self.find(reader, Problem::UndefinedVariable { name: lossy(name) });
        }
        if unterminated {
            self.find(reader, Problem::UnterminatedVariable);
        }
        if too_long {
            self.find(reader, Problem::LineTooLong);
        }
        if find_markup(visible, &DROPPED).is_some() {
            return;
        }
        let mut text: &[u8] = &text;
        if reader.in_hash_comment {
            let Some((_, behind)) = split_at(text, b"-->") else { return };
            reader.in_hash_comment = false;
            text = behind;
        }
        if let Some(at) = find_in_any_case(text, TAG) {
            let (before, tag) = text.split_at(at);
            if let (Some(b'<'), Some(command)) = (before.last(), tag_command(tag)) {
                self.carry_out(reader, &command);
            }
        } else if let Some(at) = find_markup(text, &[HASH_COMMENT]) {
            let (before, inside) = text.split_at(at);
            let inside = inside.get(HASH_COMMENT.len()..).unwrap_or_default();
            self.write(reader, before);
            let (inside, behind) = split_at(inside, b"-->").unwrap_or_else(|| {
                reader.in_hash_comment = true;
                (inside, b"")
            });
            self.write(reader, behind);
            if let Some(command) = hash_command(inside) {
                self.carry_out(reader, &command);
            }
        } else {
            self.write(reader, text);
        }
    }

    fn carry_out(&mut self, reader: &Reader<'_>, command: &Command<'_>) {
        if command.name.eq_ignore_ascii_case(b"set") {
            if let Some((name, value)) = split_at(command.argument, b"=") {
                self.globals.set(without_blanks_behind(name), without_blanks_before(value));
            }
        } else if command.name.eq_ignore_ascii_case(b"include") {
            self.include(reader, command.argument);
        } else {
            // `exec`, `exec-set`, `stun-set` and `env-set` reach outside of the configuration: never here.
            self.find(reader, Problem::UnknownCommand { command: lossy(command.name) });
        }
    }

    fn include(&mut self, reader: &Reader<'_>, pattern: &[u8]) {
        let is_absolute = pattern.starts_with(b"/") || split_at(pattern, b"://").is_some();
        let full =
            if is_absolute { Cow::Borrowed(pattern) } else { Cow::Owned([reader.folder, b"/", pattern].concat()) };
        let place = self.report.place(reader.inclusion, reader.line);
        let mut any = false;
        for path in self.mount.glob(&full) {
            if self.is_exhausted(reader.depth) {
                self.find(reader, Problem::IncludedTooDeep { pattern: lossy(pattern) });
                return;
            }
            any |= self.file(&path, Some(place.clone()), reader.depth + 1);
        }
        if !any {
            self.find(reader, Problem::NothingIncluded { pattern: lossy(pattern) });
        }
    }

    fn is_exhausted(&self, depth: usize) -> bool {
        depth >= DEEPEST || self.report.included.len() >= MOST_INCLUSIONS || self.merged.len() >= MOST_MERGED
    }

    fn write(&mut self, reader: &mut Reader<'_>, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let offset = self.merged.len();
        if reader.expected != Some((reader.line, offset)) {
            self.report.begins(offset, reader.inclusion, reader.line);
        }
        self.merged.extend_from_slice(text);
        reader.expected = Some((reader.line + lines_in(text), self.merged.len()));
    }

    fn find(&mut self, reader: &Reader<'_>, problem: Problem) {
        let place = self.report.place(reader.inclusion, reader.line);
        self.report.findings.push(Finding { place, problem });
    }
}

/// The lines of a file with their ends: the switch ends them behind an LF and behind a CR. And whether a reader of the file would
/// say that a line ends here: not between CR and LF.
struct Lines<'c>(&'c [u8]);

impl<'c> Iterator for Lines<'c> {
    type Item = (&'c [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', self.0).map_or(self.0.len(), |at| at + 1);
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some((line, !(line.ends_with(b"\r") && rest.starts_with(b"\n"))))
    }
}

/// The command in `X-PRE-PROCESS cmd="…" data="…"/>`. Quotes are looked for, not parsed.
fn tag_command(tag: &[u8]) -> Option<Command<'_>> {
    let tag = split_at(tag, b"/>").map_or(tag, |(before, _)| tag.get(..before.len() + 2).unwrap_or(tag));
    let (name, rest) = split_at(behind_quote(tag, b"cmd")?, b"\"")?;
    let data = behind_quote(rest, b"data")?;
    let argument = split_at(data, b"\"").map_or(data, |(argument, _)| argument);
    Some(Command { name, argument })
}

/// What follows the first quote behind the first `=` behind an attribute's name.
fn behind_quote<'t>(text: &'t [u8], attribute: &[u8]) -> Option<&'t [u8]> {
    let text = text.get(find_in_any_case(text, attribute)?..)?;
    let (_, text) = split_at(text, b"=")?;
    split_at(text, b"\"").map(|(_, text)| text)
}

/// The command in `<!--#name argument-->`, the argument in double quotes or bare.
fn hash_command(inside: &[u8]) -> Option<Command<'_>> {
    let end = memchr::memchr(b'\r', inside).or_else(|| memchr::memchr(b'\n', inside));
    let inside = end.and_then(|end| inside.get(..end)).unwrap_or(inside);
    let (name, bare) = split_at(inside, b" ")?;
    let quoted = split_at(bare, b"\"").and_then(|(_, text)| split_at(text, b"\""));
    Some(Command { name, argument: quoted.map_or(bare, |(argument, _)| argument) })
}

fn without_blanks_behind(mut name: &[u8]) -> &[u8] {
    while let Some(shorter) = name.strip_suffix(b" ") {
        name = shorter;
    }
    name
}

fn without_blanks_before(mut value: &[u8]) -> &[u8] {
    while let Some(shorter) = value.strip_prefix(b" ") {
        value = shorter;
    }
    value
}

/// Where the first of some markers is that begin with `<`. Every line is searched for them: this is quicker than a general search.
fn find_markup(text: &[u8], markers: &[&[u8]]) -> Option<usize> {
    memchr::memchr_iter(b'<', text).find(|&at| {
        let here = text.get(at..).unwrap_or_default();
        markers.iter().any(|marker| here.starts_with(marker))
    })
}

/// Where `part`, given in small letters, begins in any case.
fn find_in_any_case(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text)
        .find(|&at| text.get(at..at + part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part)))
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
