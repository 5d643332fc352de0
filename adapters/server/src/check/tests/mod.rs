//! What the check says about the example configuration after one edit, to the letter.

mod conferences;
mod contexts;
mod loading;
mod numbers;
mod running;
mod settings;
mod stock;
mod users;

use std::fs;
use std::path::{Path, PathBuf};

use fsconnector_engine::config::Config;
use tempfile::TempDir;

use super::{check, check_source};

const PROFILES: &str = "autoload_configs/conference.conf.xml";

/// A copy of the example configuration, with its administrator as the only user.
struct Example {
    tree: TempDir,
    config: Config,
}

impl Example {
    fn new() -> Self {
        Self::complete().remove("directory/friends/21000.xml").remove("directory/public/22000.xml")
    }

    /// A copy with all of its users.
    fn complete() -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/freeswitch");
        let tree = tempfile::tempdir().unwrap();
        copy(&example, tree.path());
        Self { tree, config: Config::default() }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.tree.path().join(file)
    }

    /// Writes a file, and its folders.
    fn write(self, file: &str, text: &str) -> Self {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Replaces what stands in a file, wherever it does.
    #[track_caller]
    fn edit(self, file: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replace(from, to))
    }

    /// Takes out the lines that hold a text.
    #[track_caller]
    fn without_line(self, file: &str, part: &str) -> Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(part), "{file} has no {part:?}");
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(part)).collect();
        self.write(file, &(lines.join("\n") + "\n"))
    }

    /// Takes out a file, or a folder with all in it.
    fn remove(self, path: &str) -> Self {
        let full = self.path(path);
        if full.is_dir() {
            fs::remove_dir_all(full).unwrap();
        } else {
            fs::remove_file(full).unwrap();
        }
        self
    }

    /// Writes a file with something within `<include>`, which begins in the second line.
    fn include(self, file: &str, inside: &str) -> Self {
        self.write(file, &format!("<include>\n{inside}</include>\n"))
    }

    /// What the check says, without its last line.
    fn report(&self) -> Vec<String> {
        let report = check(self.tree.path(), &self.config).unwrap().to_string();
        let mut lines: Vec<String> = report.lines().map(str::to_owned).collect();
        lines.pop();
        lines
    }

    /// Holds what the check says against these lines.
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(self.report().join("\n"), expected.join("\n"));
    }
}

/// A complete user whose third line holds the password, and whose fifth is the first of the variables.
fn user(id: &str, context: &str, name: &str) -> String {
    format!(
        "<user id=\"{id}\">\n<params>\n<param name=\"password\" value=\"its-password\"/>\n</params><variables>\n\
         <variable name=\"user_context\" value=\"{context}\"/>\n\
         <variable name=\"effective_caller_id_name\" value=\"{name}\"/>\n\
         <variable name=\"verto_dvar_email\" value=\"somebody@example.org\"/>\n\
         <variable name=\"polymac\" value=\"none\"/>\n<variable name=\"conpin\" value=\"$${{defconpin}}\"/>\n\
         </variables>\n</user>\n"
    )
}

/// An extension with a conference.
fn conference(expression: &str, data: &str) -> String {
    format!(
        "<extension name=\"x\">\n<condition field=\"destination_number\" expression=\"{expression}\">\n\
         <action application=\"conference\" data=\"{data}\"/>\n</condition>\n</extension>\n"
    )
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &target) } else { fs::copy(&entry, target).map(drop).unwrap() }
    }
}

#[test]
fn the_example_configuration_fits() {
    let example = Example::complete();
    let findings = check(example.tree.path(), &example.config).unwrap();
    assert!(findings.are_content(), "{findings}");
    assert_eq!(findings.to_string(), "checked 25 files, 3 users and 3 conferences: nothing to find fault with");
}

#[test]
fn a_complete_user_and_a_conference_more_fit_as_well() {
    Example::new()
        .include("directory/friends/21000.xml", &user("21000", "friends", "Jürgen &quot;J&quot; O'Neill"))
        .include("dialplan/conferences/31001.xml", &conference("^31001$", "more@48kHz-video+1234+flags{x}"))
        .check(&[]);
}

#[test]
fn no_recorded_tree_makes_the_check_panic_and_none_fits() {
    let Some(captures) = std::env::var_os("FSCONNECTOR_CAPTURES") else { return };
    let trees = Path::new(&captures).join("tree");
    let good = trees.join("07c-repaired");
    let mut seen = 0;
    for folder in folders(&trees).into_iter().chain(folders(&trees.join("07d-more-broken"))) {
        let tree = tempfile::tempdir().unwrap();
        if folder.starts_with(trees.join("07d-more-broken")) {
            copy(&good.join("etc"), tree.path());
        }
        if folder.join("etc").is_dir() {
            copy(&folder.join("etc"), tree.path());
        }
        for removed in fs::read_to_string(folder.join("removed.txt")).unwrap_or_default().lines() {
            fs::remove_file(tree.path().join(removed)).unwrap();
        }
        let findings = check(tree.path(), &Config::default()).unwrap();
        assert!(!findings.are_content(), "{}", folder.display());
        seen += 1;
    }
    assert_eq!(seen, 16 + 23);
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

#[test]
fn no_report_on_a_recorded_tree_holds_a_password_or_a_pin() {
    let Some(captures) = std::env::var_os("FSCONNECTOR_CAPTURES") else { return };
    for folder in folders(&Path::new(&captures).join("tree")) {
        let Ok(report) = check(&folder.join("etc"), &Config::default()).map(|findings| findings.to_string()) else {
            continue;
        };
        let directory = fs::read_to_string(folder.join("directory.xml")).unwrap_or_default();
        let passwords = directory.split("name=\"password\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for password in passwords.filter(|password| password.len() > 5) {
            assert!(!report.contains(password), "{}: {password}", folder.display());
        }
    }
}
