//! `examples/fsconnector.toml` is complete, and says what the defaults are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::Settings;
use super::file::File;

const EXAMPLE: &str = include_str!("../../../../examples/fsconnector.toml");

/// A key that nobody will ever know.
const NO_KEY: &str = "no-such-key";

fn settings(text: &str) -> Settings {
    File::parse(Path::new("fsconnector.toml"), text).and_then(File::check).unwrap()
}

/// The example with the settings that have no default.
fn with_all_lines() -> String {
    let is_setting = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim_end();
        line.contains('=') && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let line = |line: &'static str| line.strip_prefix('#').filter(is_setting).unwrap_or(line);
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The keys that the program knows in this place: it names them when it meets another one.
fn known(heading: &str) -> Vec<String> {
    let error = File::parse(Path::new("x"), &format!("{heading}\n{NO_KEY} = 1\n")).unwrap_err().to_string();
    let (_, expected) = error.split_once("expected").unwrap_or_else(|| panic!("{heading}: {error}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys that the program knows in a table of the example and in those below it, and that are not there.
fn missing(table: &Table, path: &str, heading: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for key in known(heading) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match table.get(&key) {
            None => missing.push(path),
            Some(Value::Table(below)) => missing.extend(self::missing(below, &path, &format!("[{path}]"))),
            Some(Value::Array(items)) => {
                let tables = items.iter().filter_map(Value::as_table);
                missing.extend(tables.flat_map(|below| self::missing(below, &path, &format!("[[{path}]]"))));
            }
            Some(_) => {}
        }
    }
    missing
}

#[test]
fn it_says_what_the_defaults_are() {
    assert_eq!(settings(EXAMPLE), settings(""));
}

#[test]
fn it_has_every_setting() {
    let table: Table = with_all_lines().parse().unwrap();
    assert_eq!(missing(&table, "", ""), [""; 0], "examples/fsconnector.toml lacks these settings");
    assert_eq!(missing(&EXAMPLE.parse().unwrap(), "", "[folders]"), known("[folders]"), "this test can fail");
}

#[test]
fn what_has_no_default_there_can_be_taken_as_it_is() {
    let settings = settings(&with_all_lines());
    assert!(settings.http.tls.is_some() && settings.folders.templates.is_some());
}

#[test]
fn it_names_every_variable_of_the_environment() {
    let asked = RefCell::new(BTreeSet::new());
    let look = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        None
    };
    File::default().override_by(look).unwrap();
    let words: BTreeSet<&str> = EXAMPLE.split(|sign: char| !sign.is_ascii_alphanumeric()).collect();
    let asked = asked.into_inner();
    assert_eq!(asked.len(), 11);
    assert!(asked.iter().all(|name| words.contains(&**name)), "{asked:?}");
}
