//! What the running switch has loaded, held against the tree: it is this tree, and no older one.
//!
//! The tree is loaded with the variables that the switch has, as its next `reloadxml` would. What the connector reads from
//! that and from the switch has to be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fsconnector_engine::config::Config;
use fsconnector_engine::switch::Reading;

use super::findings::{Finding, counted, listed, quoted};
use super::settings::NEEDED;
use super::source::Source;
use super::subject;
use super::switch::Running;
use crate::settings::Hostname;

/// How often, and after how long, what differs is looked at again: beside a connector at work a file is there a moment before
/// the switch has it.
const LOOKS_AGAIN: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// What differs between the switch and the tree, and goes on doing so while the switch is asked `again`; nothing if the tree
/// cannot be loaded.
pub(super) fn differences(
    running: &Running,
    source: &Source,
    config: &Config,
    again: impl Fn() -> Option<Running>,
) -> Vec<Finding> {
    let mut lasting = compared(running, source, config);
    for _ in 0..LOOKS_AGAIN {
        if lasting.is_empty() {
            break;
        }
        thread::sleep(PAUSE);
        let Some(running) = again() else { break };
        let now = compared(&running, source, config);
        lasting.retain(|difference| now.contains(difference));
    }
    findings(running, source, &sentences(&lasting))
}

fn findings(running: &Running, source: &Source, differences: &[String]) -> Vec<Finding> {
    let conf_dir = running.reading.globals.get("conf_dir").map_or("", String::as_str);
    let (here, there) = (quoted(source.path()), quoted(conf_dir));
    if is_same_folder(Path::new(source.path()), Path::new(conf_dir)) {
        let remedy = format!(
            "have it loaded: fs_cli -x reloadxml; if that does not help, the switch sees another folder at {there} than this \
             computer, as in a container"
        );
        return differences.iter().map(|what| Finding::in_file(&*running.place, what, &*remedy)).collect();
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

/// Something that the switch and the tree do not have in common. No value is ever shown. The order is that of the sentences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    thing: Thing,
    how: How,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    User,
    Conference,
    Profile,
    Variable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    OnlyInTree,
    OnlyInSwitch,
    OtherValues,
}

/// What differs at this moment.
fn compared(running: &Running, source: &Source, config: &Config) -> BTreeSet<Difference> {
    let (loaded, globals) = source.load_again(running.globals.clone());
    let Some(Ok(tree)) = subject::read(&loaded, &globals, config, &[]) else { return BTreeSet::new() };
    let switch = &running.reading;
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
    let users = differing(Thing::User, &users(&tree), &users(switch));
    let conferences = differing(Thing::Conference, &conferences(&tree), &conferences(switch));
    let profiles = differing(Thing::Profile, &profiles(&tree), &profiles(switch));
    let variables = differing(Thing::Variable, &variables(&tree), &variables(switch));
    [users, conferences, profiles, variables].into_iter().flatten().collect()
}

fn differing<V: PartialEq>(
    thing: Thing,
    tree: &BTreeMap<String, V>,
    switch: &BTreeMap<String, V>,
) -> BTreeSet<Difference> {
    let how = |name: &String| match (tree.get(name), switch.get(name)) {
        (Some(here), Some(there)) => (here != there).then_some(How::OtherValues),
        (Some(_), None) => Some(How::OnlyInTree),
        (None, _) => Some(How::OnlyInSwitch),
    };
    let names = tree.keys().chain(switch.keys());
    names.filter_map(|name| Some(Difference { thing, how: how(name)?, name: name.clone() })).collect()
}

/// A sentence for each kind.
fn sentences(differences: &BTreeSet<Difference>) -> Vec<String> {
    let mut kinds: BTreeMap<(Thing, How), Vec<&str>> = BTreeMap::new();
    for Difference { thing, how, name } in differences {
        kinds.entry((*thing, *how)).or_default().push(name);
    }
    let sentence = |((thing, how), names): ((Thing, How), Vec<&str>)| {
        let things = counted(names.len(), thing.name());
        let begin = match how {
            How::OnlyInTree => format!("it does not show {things} of the tree"),
            How::OnlyInSwitch => format!("it shows {things} that the tree does not have"),
            How::OtherValues => format!("it has other values than the tree for {things}"),
        };
        format!("{begin} ({})", listed(&names))
    };
    kinds.into_iter().map(sentence).collect()
}

impl Thing {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Conference => "conference",
            Self::Profile => "conference profile",
            Self::Variable => "variable",
        }
    }
}

/// The name that phones are sent to when none is configured: the switch's own; and what is to be said of it.
pub(super) fn hostname(running: &Running) -> (Option<Hostname>, Option<Finding>) {
    let name = running.reading.globals.get("hostname").map_or("", String::as_str);
    let hostname = Hostname::parse(name);
    let told = |what: &str, is_note| {
        let what = format!("phones are sent to the `hostname` of the switch, and {} {what}", quoted(name));
        Finding::in_file(&*running.place, what, "set hostname under [http] (CONHOSTNAME)").noted_if(is_note)
    };
    let finding = match &hostname {
        None => Some(told("is no name of a host", false)),
        Some(hostname) if !hostname.host().contains(['.', ':']) => {
            Some(told("is known to this computer or its network at most, as that of a container is", true))
        }
        Some(_) => None,
    };
    (hostname, finding)
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
            assert_eq!(differences(&running, &source, &Config::default(), || None), [], "{tree}");
        }
    }

    #[test]
    fn a_real_switch_with_another_tree_is_told_in_one_finding() {
        let Some(trees) = recordings() else { return };
        let running = recorded(&trees.join("01-plain")).unwrap();
        let source = Source::open(&trees.join("08-large/etc")).unwrap();
        let [finding] = &differences(&running, &source, &Config::default(), || None)[..] else { panic!() };
        assert!(finding.what.contains("it has loaded the tree `/srv/tree/etc`, not `/"), "{finding}");
        assert!(finding.what.contains("it does not show 29"), "{finding}");
    }
}
