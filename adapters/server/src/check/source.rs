//! The files of the tree that is checked, and loading them as the switch would.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use fsconnector_simulator::config::{Files, Folder, Globals, Loaded, Problem, load};

/// The folder of the connector's conference files.
pub(super) const CONFERENCES: &str = "dialplan/conferences";

/// The configuration tree on disk.
pub(super) struct Source {
    files: Folder,
    /// The tree's absolute path, as the switch would have it in `conf_dir`.
    base: String,
    /// The variables of the switch that runs, if one does.
    running: Option<Globals>,
}

/// Whose file it is, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned<'p> {
    /// `directory/<context>/<id>.xml`.
    User {
        /// The context.
        context: &'p str,
        /// The id of the only user it may hold.
        id: &'p str,
    },
    /// `dialplan/conferences/<num>.xml`.
    Conference {
        /// The number of the only conference it may hold.
        num: &'p str,
    },
}

impl<'p> Owned<'p> {
    /// Reads the path of a file that the connector would own, whatever it holds.
    pub(super) fn parse(file: &'p str) -> Option<Self> {
        let path = file.strip_suffix(".xml")?;
        if let Some(num) = path.strip_prefix(CONFERENCES).and_then(|rest| rest.strip_prefix('/')) {
            return (!num.contains('/')).then_some(Owned::Conference { num });
        }
        let (context, id) = path.strip_prefix("directory/")?.split_once('/')?;
        (!id.contains('/')).then_some(Owned::User { context, id })
    }
}

impl Source {
    /// Opens the tree in the folder `root`. Fails when that is no folder, or cannot be read.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let files = Folder::new(root);
        files.list(Path::new(""))?;
        let mut base = std::path::absolute(root)?;
        if base.components().any(|component| component == Component::ParentDir) {
            base = base.canonicalize()?;
        }
        let base = base.to_string_lossy().trim_end_matches('/').to_owned();
        Ok(Self { files, base, running: None })
    }

    /// The same tree beside a running switch with these variables: what only a switch knows, is known then.
    pub(super) fn beside(self, running: Globals) -> Self {
        Self { running: Some(running), ..self }
    }

    /// The tree's absolute path.
    pub(super) fn path(&self) -> &str {
        &self.base
    }

    /// The content of a file, with the lines of Unix.
    pub(super) fn text(&self, file: &str) -> io::Result<String> {
        let content = self.files.read(Path::new(file))?;
        Ok(String::from_utf8_lossy(&content).replace("\r\n", "\n").replace('\r', "\n"))
    }

    /// One line of a file, from 1.
    pub(super) fn line(&self, file: &str, line: usize) -> Option<String> {
        self.text(file).ok()?.split('\n').nth(line.checked_sub(1)?).map(str::to_owned)
    }

    /// Whether there is such a folder, readable.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.files.list(Path::new(folder)).is_ok()
    }

    /// Whether there is such a file, readable or not.
    pub(super) fn has_file(&self, file: &str) -> bool {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let names = self.files.list(Path::new(folder)).unwrap_or_default();
        names.iter().any(|found| found == name)
    }

    /// Whether there is such a file, and it must not be read.
    pub(super) fn is_locked(&self, file: &str) -> bool {
        let error = self.files.read(Path::new(file)).err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// The visible `*.xml` files in a folder, by their paths, in order.
    pub(super) fn xml_files(&self, folder: &str) -> Vec<String> {
        let names = self.files.list(Path::new(folder)).unwrap_or_default();
        let names = names.iter().filter_map(|name| name.to_str());
        let visible = names.filter(|name| name.strip_suffix(".xml").is_some() && !name.starts_with('.'));
        let mut files: Vec<String> = visible.map(|name| format!("{folder}/{name}")).collect();
        files.sort();
        files
    }

    /// The path from the tree's root of what an include in `file` names; `None` where it leads out of the tree.
    pub(super) fn resolve(&self, file: &str, pattern: &str) -> Option<String> {
        let mut names: Vec<&str> = match pattern.strip_prefix(&format!("{}/", self.base)) {
            Some(inside) => inside.split('/').collect(),
            None if pattern.starts_with('/') => return None,
            None => {
                file.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().chain(pattern.split('/')).collect()
            }
        };
        let mut walked = Vec::new();
        for name in names.drain(..) {
            match name {
                "" | "." => {}
                ".." => {
                    walked.pop()?;
                }
                name => walked.push(name),
            }
        }
        Some(walked.join("/"))
    }

    /// Loads the tree as a switch that has just started would, and gives the variables that there are then.
    pub(super) fn load(&self) -> (Loaded, Globals) {
        let mut globals = self.first_globals();
        let loaded = load(&self.files, &self.base, &mut globals);
        let from_outside = self.variables_from_outside(&loaded);
        if from_outside.is_empty() {
            return (loaded, globals);
        }
        let mut globals = self.first_globals();
        for name in from_outside {
            self.set_known(&mut globals, &name, KNOWN_TO_THE_SWITCH);
        }
        let loaded = load(&self.files, &self.base, &mut globals);
        (loaded, globals)
    }

    /// Loads the tree as a running switch with these variables would when it is told `reloadxml`.
    pub(super) fn load_again(&self, mut globals: Globals) -> (Loaded, Globals) {
        globals.set(b"conf_dir", self.base.as_bytes());
        let loaded = load(&self.files, &self.base, &mut globals);
        (loaded, globals)
    }

    /// Loads the tree as it would be with some more files in it.
    pub(super) fn load_with(&self, added: BTreeMap<String, String>) -> (Loaded, Globals) {
        let (_, mut globals) = self.load();
        let files = Overlay { below: &self.files, added };
        let loaded = load(&files, &self.base, &mut globals);
        (loaded, globals)
    }

    /// The variables that a switch has before it reads its files.
    fn first_globals(&self) -> Globals {
        let mut globals = Globals::default();
        for (name, otherwise) in SET_BY_THE_SWITCH {
            self.set_known(&mut globals, name, otherwise);
        }
        for name in FOLDERS_OF_THE_SWITCH {
            self.set_known(&mut globals, name, &format!("/{KNOWN_TO_THE_SWITCH}/{name}"));
        }
        globals.set(b"conf_dir", self.base.as_bytes());
        globals
    }

    /// Sets a variable to what the running switch has; if none runs, or it does not have it, to something else.
    fn set_known(&self, globals: &mut Globals, name: &str, otherwise: &str) {
        let known = self.running.as_ref().and_then(|running| running.value(name.as_bytes()));
        globals.set(name.as_bytes(), &known.unwrap_or_else(|| otherwise.into()));
    }

    /// The variables that commands take from a program, the environment or the network. Their values cannot be known here.
    fn variables_from_outside(&self, loaded: &Loaded) -> Vec<String> {
        let commands = loaded.report.findings.iter().filter_map(|finding| match &finding.problem {
            Problem::UnknownCommand { command } if reaches_outside(command) => Some(&finding.place),
            _ => None,
        });
        let lines = commands.filter_map(|place| self.line(&place.file, place.line));
        lines.filter_map(|line| variable_set_in(&line)).collect()
    }
}

/// Whether the switch knows this command, which the check cannot carry out.
pub(super) fn reaches_outside(command: &str) -> bool {
    ["exec", "exec-set", "env-set", "stun-set"].iter().any(|known| known.eq_ignore_ascii_case(command))
}

/// The name in `data="name=…"`.
fn variable_set_in(line: &str) -> Option<String> {
    let (_, data) = line.split_once("data=\"")?;
    let (name, _) = data.split_once('=')?;
    Some(name.trim().to_owned())
}

/// Files laid over a folder.
struct Overlay<'f> {
    below: &'f Folder,
    added: BTreeMap<String, String>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str().and_then(|path| self.added.get(path)) {
            Some(content) => Ok(content.clone().into_bytes()),
            None => self.below.read(path),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names =
            self.below.list(folder).or_else(|error| if self.is_added(folder) { Ok(Vec::new()) } else { Err(error) })?;
        let paths = self.added.keys().map(PathBuf::from);
        let inside = paths.filter_map(|path| Some(path.strip_prefix(folder).ok()?.iter().next()?.to_os_string()));
        names.extend(inside);
        names.sort();
        names.dedup();
        Ok(names)
    }
}

impl Overlay<'_> {
    fn is_added(&self, folder: &Path) -> bool {
        self.added.keys().any(|path| Path::new(OsStr::new(path)).starts_with(folder))
    }
}

/// Whether a value of the loaded tree rests on what only a running switch knows.
pub(super) fn is_known_to_the_switch_only(value: &str) -> bool {
    value.contains(KNOWN_TO_THE_SWITCH)
}

/// What stands where only a running switch knows the value.
const KNOWN_TO_THE_SWITCH: &str = "known-to-the-switch";

/// What a switch sets by itself. The addresses are such as nobody has.
const SET_BY_THE_SWITCH: [(&str, &str); 5] = [
    ("hostname", "localhost"),
    ("local_ip_v4", "192.0.2.1"),
    ("local_mask_v4", "255.255.255.0"),
    ("local_ip_v6", "2001:db8::1"),
    ("core_uuid", "00000000-0000-0000-0000-000000000000"),
];

/// The folders that a switch sets by itself; `conf_dir` is the tree's own.
const FOLDERS_OF_THE_SWITCH: [&str; 19] = [
    "base_dir",
    "recordings_dir",
    "sound_prefix",
    "sounds_dir",
    "log_dir",
    "run_dir",
    "db_dir",
    "mod_dir",
    "htdocs_dir",
    "script_dir",
    "temp_dir",
    "grammar_dir",
    "fonts_dir",
    "images_dir",
    "certs_dir",
    "storage_dir",
    "cache_dir",
    "data_dir",
    "localstate_dir",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connectors_files_are_known_by_their_paths() {
        assert_eq!(Owned::parse("directory/team/20000.xml"), Some(Owned::User { context: "team", id: "20000" }));
        assert_eq!(Owned::parse("dialplan/conferences/30000.xml"), Some(Owned::Conference { num: "30000" }));
        for other in ["directory/default.xml", "dialplan/team.xml", "directory/a/b/1.xml", "directory/a/1.txt", "x.xml"]
        {
            assert_eq!(Owned::parse(other), None, "{other}");
        }
    }

    #[test]
    fn an_include_is_followed_from_its_file_and_not_out_of_the_tree() {
        let tree = tempfile::tempdir().unwrap();
        let source = Source::open(tree.path()).unwrap();
        let inside = format!("{}/a/*.xml", tree.path().display());
        assert_eq!(source.resolve("directory/default.xml", "team/*.xml").unwrap(), "directory/team/*.xml");
        assert_eq!(source.resolve("a/b.xml", "../c/./d.xml").unwrap(), "c/d.xml");
        assert_eq!(source.resolve("a/b.xml", &inside).unwrap(), "a/*.xml");
        assert_eq!(source.resolve("a/b.xml", "../../c.xml"), None);
        assert_eq!(source.resolve("a/b.xml", "/etc/passwd"), None);
    }

    #[test]
    fn a_tree_that_is_not_there_is_an_error() {
        assert!(Source::open(Path::new("/nonexistent/tree")).is_err());
    }

    #[test]
    fn the_variable_of_a_command_is_what_stands_before_the_equals_sign() {
        let line = r#"  <X-PRE-PROCESS cmd="stun-set" data="external_ip=stun:stun.example.org"/>"#;
        assert_eq!(variable_set_in(line).unwrap(), "external_ip");
    }
}
