//! `fsconnector check`: what in a configuration tree does not fit the connector, and in what it runs in.
//!
//! The tree is loaded as the switch would load it, and read as the connector would read it, with the very same code; so what
//! passes here passes there. The running switch is asked what the connector would ask it. Nothing is changed, neither in the
//! tree nor in the switch, and a connector may be at work there.
//!
//! ```text
//! source.rs       the files, and loading them
//! tags.rs         where elements begin in the merged text
//! tree.rs         the loaded tree with the places of its elements
//! trial.rs        files that the connector would write, tried out
//! subject.rs      all that the checks look at
//! findings.rs     what they find
//!
//! loading.rs      what the load itself met
//! text.rs         lines that the preprocessor loses
//! leftovers.rs    drafts and copies
//! contexts.rs     contexts, folders, includes
//! dialplan.rs     who reaches which number …
//! ranges.rs       … held against the configured ranges
//! users.rs        users and their files
//! conferences.rs  conferences and their files
//! profiles.rs     conference profiles and keys
//! settings.rs     variables and the event socket
//! sip.rs          who comes into a context without a password
//! templates.rs    the operator's own templates
//!
//! switch.rs       the running switch
//! loaded.rs       what it has loaded, held against the tree
//! certificate.rs  the certificate that this program shows
//! ```

mod certificate;
mod conferences;
mod contexts;
mod dialplan;
mod findings;
mod leftovers;
mod loaded;
mod loading;
mod profiles;
mod ranges;
mod settings;
mod sip;
mod source;
mod subject;
mod switch;
mod tags;
mod templates;
mod text;
mod tree;
mod trial;
mod users;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use fsconnector_engine::config::Config;
use fsconnector_engine::path::RelPath;
use fsconnector_simulator::config::{Globals, Loaded};

use findings::{Checked, Finding, Findings};
use source::Source;
use subject::Subject;
use switch::Running;
use tree::Tree;
use trial::Trial;

use crate::folders::{self, Obstacle};
use crate::settings::{Host, Hostname, Settings};

/// The checks of a tree that can be loaded and read.
const CHECKS: [fn(&Subject<'_>) -> Vec<Finding>; 19] = [
    contexts::dialplan,
    contexts::folders,
    contexts::includes,
    contexts::users,
    ranges::users,
    ranges::conferences,
    ranges::expressions,
    ranges::transfers,
    users::administrators,
    users::files,
    users::oddities,
    users::values,
    conferences::files,
    conferences::misfits,
    conferences::values,
    profiles::findings,
    settings::variables,
    settings::event_socket,
    sip::open_contexts,
];

/// Checks the tree in the folder `tree`, and nothing else: no switch need be there.
pub(crate) fn tree(tree: &Path, settings: &Settings) -> io::Result<ExitCode> {
    let findings = check(tree, &settings.engine)?;
    let templates = templates::findings(settings.folders.templates.as_deref(), &findings.checked.profiles);
    tell(&findings.with(templates))
}

/// Checks the configured tree, and all that the program meets when it runs.
pub(crate) fn everything(settings: &Settings) -> io::Result<ExitCode> {
    let Settings { switch, http, folders, engine, .. } = settings;
    let asked = Running::ask(switch, engine);
    let globals = asked.as_ref().ok().map(|running| running.globals.clone());
    let source = Source::open(&folders.configuration).ok();
    let source = source.map(|source| globals.into_iter().fold(source, Source::beside));
    // A folder that cannot be opened is among the obstacles.
    let in_tree = source.as_ref().map(|source| check_source(source, engine)).unwrap_or_default();
    let templates = templates::findings(folders.templates.as_deref(), &in_tree.checked.profiles);
    let obstacles = obstacles(settings, &in_tree);
    let mut findings = in_tree.with(templates).with(obstacles);
    findings.checked.besides.push(format!("what {} may write", folders::user()));
    let mut hostname = None;
    match asked {
        Err(silent) => findings = findings.with([silent]),
        Ok(running) => {
            findings.checked.besides.push(format!("the {}", running.place));
            let again = || Running::ask(switch, engine).ok();
            findings =
                findings.with(source.iter().flat_map(|source| loaded::differences(&running, source, engine, again)));
            if http.reach.host == Host::OfSwitch {
                let (of_switch, told) = loaded::hostname(&running);
                findings = findings.with(told);
                hostname = of_switch;
            }
        }
    }
    let hostname = hostname.as_ref().map(Hostname::host);
    tell(&findings.with(certificate::findings(http, hostname, SystemTime::now())))
}

/// The folders that cannot be written in. If one in the tree is missing, its own check has told.
fn obstacles(settings: &Settings, in_tree: &Findings) -> Vec<Finding> {
    let is_told = |obstacle: &Obstacle| {
        let folder = obstacle.path.strip_prefix(&settings.folders.configuration).ok().and_then(Path::to_str);
        obstacle.path.symlink_metadata().is_err() && folder.is_some_and(|folder| in_tree.are_about(folder))
    };
    let obstacles = folders::obstacles(&settings.folders, &settings.engine).into_iter();
    obstacles.filter(|obstacle| !is_told(obstacle)).map(Finding::from).collect()
}

/// Prints what was found, and gives a failure if that is more than notes.
fn tell(findings: &Findings) -> io::Result<ExitCode> {
    writeln!(io::stdout().lock(), "{findings}")?;
    Ok(if findings.are_content() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl From<Obstacle> for Finding {
    fn from(obstacle: Obstacle) -> Self {
        Self::in_file(obstacle.path.to_string_lossy(), obstacle.what, obstacle.remedy)
    }
}

/// Checks the configuration tree in the folder `tree` against the connector's configuration.
///
/// Nothing is written. Commands of the tree that would run a program or use the network are not carried out; what they would
/// set is taken to be set. Fails when the folder cannot be read; whatever is wrong inside of it is a finding.
fn check(tree: &Path, config: &Config) -> io::Result<Findings> {
    Ok(check_source(&Source::open(tree)?, config))
}

fn check_source(source: &Source, config: &Config) -> Findings {
    let owned = subject::owned_files(source, config);
    let (loaded, globals) = source.load();
    let included: BTreeSet<&str> = loaded.report.included.iter().map(|included| included.file.as_str()).collect();
    let mut findings = loading::met(source, config, &loaded);
    findings.extend(leftovers::findings(included.iter().copied()));
    for file in &included {
        findings.extend(text::findings(file, &source.text(file).unwrap_or_default()));
    }
    let mut checked = Checked { files: included.len(), ..Checked::default() };
    findings.extend(loading::failure(&loaded));
    if let Some(tree) = Tree::new(&loaded) {
        findings.extend(inside(source, config, owned, &loaded, &globals, &tree, &mut checked));
    }
    Findings::new(findings, checked)
}

/// What is wrong inside of a tree that the switch loads. `owned` are the files that were there before the load.
fn inside(
    source: &Source,
    config: &Config,
    mut owned: Vec<String>,
    loaded: &Loaded,
    globals: &Globals,
    tree: &Tree<'_>,
    checked: &mut Checked,
) -> Vec<Finding> {
    let mut findings = loading::malformed(tree);
    // What a connector has made or removed since then was not loaded.
    let still: BTreeSet<String> = subject::owned_files(source, config).into_iter().collect();
    owned.retain(|file| still.contains(file));
    let files: Vec<RelPath> = owned.iter().filter_map(|file| RelPath::parse(file)).collect();
    match subject::read(loaded, globals, config, &files) {
        Some(Ok(reading)) => {
            checked.users = reading.users.len();
            checked.conferences = reading.conferences.len();
            checked.profiles = reading.conference_types.to_vec();
            let trial = Trial::run(source, config, &reading);
            let subject = Subject::new(config, source, tree, &reading, &trial, owned);
            findings.extend(CHECKS.iter().flat_map(|check| check(&subject)));
        }
        Some(Err(unreadable)) => findings.push(loading::unreadable(&unreadable, !findings.is_empty())),
        // The tree is there, so the load did not fail.
        None => {}
    }
    findings
}
