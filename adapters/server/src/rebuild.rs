//! `fsconnector rebuild`: all files of the connector from a saved state, without a switch.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use fsconnector_disk::Disk;
use fsconnector_engine::change_set::{Change, ChangeSet, Document};
use fsconnector_engine::config::Config;
use fsconnector_engine::files::{FileError, FileWork, FilesDone, LeftAlone};
use fsconnector_engine::path::{RelPath, TreePath};
use fsconnector_engine::rebuild::{Rebuild, Refused};

use crate::program::public_address;
use crate::settings::Settings;
use crate::{templates, trees};

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Writes the files of the state in `file`, and says what came of it. The exit code tells whether everything was written.
pub(crate) fn run(file: &Path, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let state = read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let templates = templates::load(settings.folders.templates.as_deref())?;
    let (disk, _) = trees::take_over(&settings.folders)?;
    let listening = SocketAddr::from((settings.http.address, settings.http.port));
    let address = disk.static_tree().ok().map(|_| public_address(&settings.http.reach, listening));
    let provisions = address.is_some();
    let rebuild = Rebuild::new(&state, settings.engine.clone(), templates, address)
        .map_err(|error| format!("{} holds no state: {error}", file.display()))?;
    let strays = rebuild.strays(&files(&disk, &settings.engine)?);
    let report = Report { refused: rebuild.refused, strays, provisions, ..write(&disk, rebuild.set)? };
    io::stdout().lock().write_all(report.to_string().as_bytes())?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> io::Result<String> {
    if file == Path::new(STANDARD_INPUT) {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    } else {
        fs::read_to_string(file)
    }
}

/// The files that are there already.
fn files(disk: &Disk, config: &Config) -> Result<Vec<RelPath>, FileError> {
    match disk.perform(&FileWork::List(config.folders()))? {
        FilesDone::Listed(files) => Ok(files),
        _ => Ok(Vec::new()),
    }
}

/// Writes all files that may be written; those that hold somebody else are left out.
fn write(disk: &Disk, mut set: ChangeSet) -> Result<Report, FileError> {
    let mut report = Report::default();
    loop {
        match disk.perform(&FileWork::Commit(set.clone())) {
            Err(FileError::Refused(files)) => {
                let before = set.changes.len();
                set.changes.retain(|change| files.iter().all(|(path, _)| *path != change.path));
                if set.changes.len() == before {
                    return Err(FileError::Refused(files));
                }
                report.not_written.extend(files.iter().map(|(path, refusal)| format!("{path}: {refusal}")));
            }
            Err(error) => return Err(error),
            Ok(done) => {
                if let FilesDone::Committed { dropped, left_alone } = done {
                    (report.dropped, report.left_alone) = (dropped, left_alone);
                }
                keep(disk)?;
                let left_alone = &report.left_alone;
                let is_written = |change: &&Change| left_alone.iter().all(|left| left.path != change.path);
                report.written = Counts::of(set.changes.iter().filter(is_written));
                return Ok(report);
            }
        }
    }
}

/// Makes what was written last, or puts everything back.
fn keep(disk: &Disk) -> Result<(), FileError> {
    let kept = disk.perform(&FileWork::Keep).map(|_| ());
    if kept.is_err() {
        disk.perform(&FileWork::Undo)?;
    }
    kept
}

/// What came of it, as a person reads it.
#[derive(Debug, Default)]
struct Report {
    written: Counts,
    /// Whether phones were provisioned.
    provisions: bool,
    /// Whose files could not be as the state says.
    refused: Vec<Refused>,
    /// Files that hold somebody else, or others besides.
    not_written: Vec<String>,
    left_alone: Vec<LeftAlone>,
    dropped: Vec<TreePath>,
    strays: Vec<RelPath>,
}

#[derive(Debug, Default)]
struct Counts {
    users: usize,
    conferences: usize,
    linphones: usize,
    polycoms: usize,
}

impl Counts {
    fn of<'a>(changes: impl Iterator<Item = &'a Change>) -> Self {
        let mut counts = Self::default();
        for document in changes.filter_map(Change::document) {
            match document {
                Document::User(..) => counts.users += 1,
                Document::Conference(_) => counts.conferences += 1,
                Document::Linphone(..) => counts.linphones += 1,
                Document::Phone(..) => counts.polycoms += 1,
            }
        }
        counts
    }
}

impl Report {
    /// Whether everything is as the state says.
    fn is_complete(&self) -> bool {
        self.provisions && self.refused.is_empty() && self.not_written.is_empty() && self.left_alone.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { users, conferences, linphones, polycoms } = self.written;
        writeln!(
            f,
            "written: {users} users, {conferences} conferences, {linphones} Linphone files, {polycoms} Polycom files"
        )?;
        if !self.provisions {
            writeln!(f, "not written: the files of phones, since there is no static tree")?;
        }
        section(f, "refused, since the switch would not show it as it is in the state", &self.refused)?;
        section(f, "left as it is", &self.not_written)?;
        section(f, "left as it is", &self.left_alone)?;
        section(f, "written anew, and what had been added by hand is gone", &self.dropped)?;
        section(f, "not in the state, and left as it is", &self.strays)?;
        writeln!(
            f,
            "Neither the switch nor a connector sees this before the switch reloads its XML: start the connector, or run \
             fs_cli -x reloadxml"
        )
    }
}

fn section(f: &mut fmt::Formatter<'_>, heading: &str, lines: &[impl fmt::Display]) -> fmt::Result {
    if !lines.is_empty() {
        writeln!(f, "{heading}:")?;
    }
    lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
}
