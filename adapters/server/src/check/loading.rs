//! What keeps the switch from loading the tree, or makes it load something else than what is written.

use fsconnector_engine::config::Config;
use fsconnector_engine::io::Reply;
use fsconnector_engine::switch::{Reading, Trouble, Unreadable};
use fsconnector_simulator::config::{Finding as Met, LoadError, Loaded, Place, Problem};

use super::findings::{Finding, quoted};
use super::source::{Source, reaches_outside};
use super::subject::owned_folders;
use super::tree::{Node, ROOT_FILE, Tree};

/// What in a line's text tells that its variables may hold a secret.
const SECRET_WORDS: [&str; 5] = ["pass", "pin", "pw", "secret", "token"];

/// Why the switch cannot load the tree, in its own words.
pub(super) fn failure(loaded: &Loaded) -> Option<Finding> {
    match loaded.outcome.as_ref().err()? {
        LoadError::NoRootFile => Some(Finding::in_file(
            ROOT_FILE,
            "there is no such file, or nothing in it",
            "the switch begins with this file: put it there, or name the folder that holds it",
        )),
        LoadError::Malformed(error) => {
            let message = quoted(&String::from_utf8_lossy(&error.message()));
            let what = format!("the switch refuses the whole configuration: {message}");
            let remedy = "mend the XML in this line or before it (the switch counts its lines in the merged text)";
            Some(match loaded.report.origin(&loaded.merged, error.offset) {
                Some(place) => Finding::at(place, what, remedy),
                None => Finding::in_file(ROOT_FILE, what, remedy),
            })
        }
    }
}

/// What the load met on its way.
pub(super) fn met(source: &Source, config: &Config, loaded: &Loaded) -> Vec<Finding> {
    loaded.report.findings.iter().filter_map(|met| finding(source, config, met)).collect()
}

fn finding(source: &Source, config: &Config, met: &Met) -> Option<Finding> {
    let (what, remedy) = match &met.problem {
        Problem::NothingIncluded { pattern } => return nothing_included(source, config, &met.place, pattern),
        Problem::UndefinedVariable { name } => {
            let line = source.line(&met.place.file, met.place.line).unwrap_or_default().to_lowercase();
            let is_secret = SECRET_WORDS.iter().any(|word| line.contains(word));
            let which = if is_secret { "a variable".to_owned() } else { format!("the variable {}", quoted(name)) };
            (
                format!("{which} is not set here, so that nothing stands in its place"),
                "set it before this line, best in vars.xml, or correct its name".to_owned(),
            )
        }
        Problem::UnterminatedVariable => {
            ("`$${` without `}`: it is no variable and stays as it is".to_owned(), "add the `}`".to_owned())
        }
        Problem::LineTooLong => (
            "with the values of its variables the line is too long for the switch, which loses its end".to_owned(),
            "break the line, or shorten the values".to_owned(),
        ),
        Problem::IncludedTooDeep { pattern } => (
            format!("the include {} goes too deep: files include each other without end", quoted(pattern)),
            "take one of the includes out".to_owned(),
        ),
        Problem::UnknownCommand { command } if reaches_outside(command) || is_comment(command) => return None,
        Problem::UnknownCommand { command } => (
            format!("the switch knows no command {}, and drops the line", quoted(command)),
            "write `set` or `include`".to_owned(),
        ),
    };
    Some(Finding::at(met.place.clone(), what, remedy))
}

/// Whether the command is a comment that only the preprocessor sees.
fn is_comment(command: &str) -> bool {
    command.eq_ignore_ascii_case("comment")
}

/// An include that found nothing is all right while its folder is there and merely holds no file yet. Otherwise the switch goes
/// on without; what the connector misses because of that, the checks of it tell.
fn nothing_included(source: &Source, config: &Config, place: &Place, pattern: &str) -> Option<Finding> {
    let include = format!("the include {}", quoted(pattern));
    let note = |what: String, remedy: &str| Some(Finding::at(place.clone(), what, remedy).noted_if(true));
    let Some(path) = source.resolve(&place.file, pattern) else {
        let what = format!("{include} leads out of the tree, where neither this check nor `store` looks");
        return note(what, "move what it names into the tree");
    };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    let files = if is_pattern(name) { source.xml_files(folder) } else { vec![path.clone()] };
    if files.iter().any(|file| source.is_locked(file)) {
        let what = format!("{include} finds files that must not be read");
        return Some(Finding::at(place.clone(), what, "let the switch and the connector read them"));
    }
    let is_there = is_pattern(folder) || source.has_folder(folder);
    // The connector's own folders have a check of their own.
    if is_pattern(name) && ((is_there && files.is_empty()) || owned_folders(config).any(|owned| owned == folder)) {
        return None;
    }
    if is_there {
        note(format!("{include} finds nothing"), "create the file, or correct the path")
    } else {
        let what = format!("{include} finds nothing: there is no folder {}", quoted(folder));
        note(what, "create it, or correct the path")
    }
}

/// Elements that make the switch's answer malformed for whoever asks for their section, or leave it damaged.
pub(super) fn malformed(tree: &Tree<'_>) -> Vec<Finding> {
    let sections = [tree.section("directory"), tree.section("dialplan"), tree.configuration("conference.conf")];
    let shown = |is_faulty: fn(&Node<'_>) -> bool, what: &str, remedy: &str| {
        let elements = sections.into_iter().flatten().flat_map(|section| innermost(section, is_faulty));
        elements.map(|element| Finding::at(tree.place(element), what, remedy)).collect::<Vec<_>>()
    };
    let mut findings = shown(
        is_unescaped,
        "a value holds `<!`, and from there on the switch's answer about the whole section is not escaped any more",
        "leave the `<!` out",
    );
    findings.extend(shown(
        |node| !is_unescaped(node) && !is_readable(node),
        "the switch's answer about the whole section is malformed because of this element",
        "look for a stray quote or another odd sign in its name or attributes",
    ));
    findings
}

/// The elements for which something holds, but for none inside of them.
fn innermost<'n, 'l>(section: &'n Node<'l>, holds: fn(&Node<'_>) -> bool) -> Vec<&'n Node<'l>> {
    let mut found = Vec::new();
    let mut waiting = vec![section];
    while let Some(node) = waiting.pop() {
        if holds(node) {
            let before = waiting.len();
            waiting.extend(node.all_children().filter(|child| holds(child)));
            if waiting.len() == before {
                found.push(node);
            }
        }
    }
    found
}

fn is_unescaped(node: &Node<'_>) -> bool {
    node.to_xml().windows(2).any(|signs| signs == b"<!")
}

/// Whether the connector could read what the switch shows of an element.
fn is_readable(node: &Node<'_>) -> bool {
    let around = |inside: &[u8]| [b"<section>", inside, b"</section>"].concat();
    let profiles = b"<configuration></configuration>".to_vec();
    let answers = [Vec::new(), b"a=b\n".to_vec(), around(&node.to_xml()), profiles, around(b"")];
    Reading::new(&Config::default(), answers.map(|answer| Reply::Answer(answer.into())), &[]).is_ok()
}

/// An answer that the connector could not read. What makes it malformed may have been found already.
pub(super) fn unreadable(unreadable: &Unreadable, is_explained: bool) -> Finding {
    if is_explained && matches!(unreadable.why, Trouble::NotWellFormed { .. }) {
        return Finding::in_file(
            ROOT_FILE,
            format!(
                "the connector could not read the answer to `{}`, and so the rest was not checked",
                unreadable.command
            ),
            "mend what makes it malformed, and check again",
        );
    }
    Finding::in_file(
        ROOT_FILE,
        format!("the connector could not read the configuration, and so the rest was not checked: {unreadable}"),
        "add or mend that section, and check again",
    )
}
