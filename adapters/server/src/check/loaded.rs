//! What the running switch has loaded, held against the tree: it is this tree, and no older one.
//!
//! The tree is loaded with the variables that the switch has, as its next `reloadxml` would. What the connector reads from
//! that and from the switch has to be the same.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fsconnector_engine::config::Config;
use fsconnector_engine::switch::Reading;

use super::findings::{Finding, counted, listed, quoted};
use super::settings::NEEDED;
use super::source::Source;
use super::subject;
use super::switch::Running;
use crate::settings::Hostname;

/// What differs between the switch and the tree; nothing if the tree cannot be loaded.
pub(super) fn differences(running: &Running, source: &Source, config: &Config) -> Vec<Finding> {
    let (loaded, globals) = source.load_again(running.globals.clone());
    let Some(Ok(tree)) = subject::read(&loaded, &globals, config, &[]) else { return Vec::new() };
    let differences: Vec<String> = compared(&tree, &running.reading);
    let conf_dir = running.reading.globals.get("conf_dir").map_or("", String::as_str);
    let (here, there) = (quoted(source.path()), quoted(conf_dir));
    if is_same_folder(Path::new(source.path()), Path::new(conf_dir)) {
        let remedy = format!(
            "have it loaded: fs_cli -x reloadxml; if that does not help, the switch sees another folder at {there} than this \
             computer, as in a container"
        );
        return differences.into_iter().map(|what| Finding::in_file(&*running.place, what, &*remedy)).collect();
    }
    if differences.is_empty() {
        // The same tree at another path, as in a container.
        return Vec::new();
    }
    let what = format!("it has loaded the tree {there}, not {here}: {}", differences.join("; "));
    let remedy = "correct configuration under [folders] (SWITCHCONF); if both are one folder, seen from a container, have it \
                  loaded: fs_cli -x reloadxml";
    vec![Finding::in_file(&*running.place, what, remedy)]
}

fn is_same_folder(here: &Path, there: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|folder| (folder.dev(), folder.ino())).ok();
    identity(here).is_some_and(|here| identity(there) == Some(here))
}

/// What the switch and the tree do not have in common, a sentence for each kind. No value is ever shown.
fn compared(tree: &Reading, switch: &Reading) -> Vec<String> {
    let users = |reading: &Reading| reading.users.iter().map(|user| (user.id.to_string(), user.clone())).collect();
    let conferences = |reading: &Reading| {
        let conferences = reading.conferences.iter();
        conferences.map(|conference| (conference.num.to_string(), conference.clone())).collect()
    };
    let profiles = |reading: &Reading| reading.conference_types.iter().map(|name| (name.clone(), ())).collect();
    let variables = |reading: &Reading| {
        let named = NEEDED.iter().map(|(name, _)| *name);
        named.filter_map(|name| Some((name.to_owned(), reading.globals.get(name)?.clone()))).collect()
    };
    let users = told("user", &users(tree), &users(switch));
    let conferences = told("conference", &conferences(tree), &conferences(switch));
    let profiles = told("conference profile", &profiles(tree), &profiles(switch));
    let variables = told("variable", &variables(tree), &variables(switch));
    [users, conferences, profiles, variables].concat()
}

fn told<V: PartialEq>(what: &str, tree: &BTreeMap<String, V>, switch: &BTreeMap<String, V>) -> Vec<String> {
    let only_in = |one: &BTreeMap<String, V>, other: &BTreeMap<String, V>| -> Vec<String> {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let changed = tree.iter().filter(|(name, value)| switch.get(*name).is_some_and(|other| other != *value));
    let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
    let sentence = |names: Vec<String>, begin: &str, end: &str| {
        let sentence = format!("{begin} {}{end} ({})", counted(names.len(), what), listed(&names));
        (!names.is_empty()).then_some(sentence)
    };
    [
        sentence(only_in(tree, switch), "it does not show", " of the tree"),
        sentence(only_in(switch, tree), "it shows", " that the tree does not have"),
        sentence(changed, "it has other values than the tree for", ""),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The name that phones are sent to when none is configured: the switch's own.
pub(super) fn hostname(running: &Running) -> Result<Hostname, Finding> {
    let name = running.reading.globals.get("hostname").map_or("", String::as_str);
    Hostname::parse(name).ok_or_else(|| {
        let what =
            format!("phones are sent to the `hostname` of the switch, and {} is no name of a host", quoted(name));
        Finding::in_file(&*running.place, what, "set hostname under [http] (CONHOSTNAME)")
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use fsconnector_engine::io::Reply;
    use fsconnector_simulator::config::Globals;

    use super::*;

    /// A switch that a real one's recorded answers make.
    fn recorded(folder: &Path) -> Option<Running> {
        let answer = |name: &str| fs::read(folder.join(name)).ok();
        let listing = answer("globals.txt")?;
        let answers = [
            Vec::new(),
            listing.clone(),
            answer("directory.xml")?,
            answer("conference.conf.xml")?,
            answer("dialplan.xml")?,
        ];
        let replies = answers.map(|answer| Reply::Answer(answer.into()));
        let reading = Reading::new(&Config::default(), replies, &[]).ok()?;
        Some(Running { place: "switch".to_owned(), reading, globals: Globals::from_listing(&listing) })
    }

    fn recordings() -> Option<PathBuf> {
        std::env::var_os("FSCONNECTOR_CAPTURES").map(|captures| Path::new(&captures).join("tree"))
    }

    #[test]
    fn a_real_switch_shows_what_its_tree_says() {
        let Some(trees) = recordings() else { return };
        // Of the others the answer cannot be read, or another load changes what they set.
        for tree in ["01-plain", "05b-one-group", "07a-before", "07c-repaired", "08-large"] {
            let running = recorded(&trees.join(tree)).unwrap_or_else(|| panic!("{tree}"));
            let source = Source::open(&trees.join(tree).join("etc")).unwrap();
            assert_eq!(differences(&running, &source, &Config::default()), [], "{tree}");
        }
    }

    #[test]
    fn a_real_switch_with_another_tree_is_told_in_one_finding() {
        let Some(trees) = recordings() else { return };
        let running = recorded(&trees.join("01-plain")).unwrap();
        let source = Source::open(&trees.join("08-large/etc")).unwrap();
        let [finding] = &differences(&running, &source, &Config::default())[..] else { panic!() };
        assert!(finding.what.contains("it has loaded the tree `/srv/tree/etc`, not `/"), "{finding}");
        assert!(finding.what.contains("it does not show 29"), "{finding}");
    }
}
