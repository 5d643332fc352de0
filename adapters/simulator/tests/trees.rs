//! The recorded configuration trees: loading each gives, byte for byte, what a real switch answered.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use fsconnector_simulator::config::{Document, Element, Files, Folder, Globals, Loaded, Memory, load};

const BASE: &str = "/srv/tree/etc";
const NOT_FOUND: &[u8] = b"can't find anything\n";

fn trees() -> Option<PathBuf> {
    std::env::var_os("FSCONNECTOR_CAPTURES").map(|captures| Path::new(&captures).join("tree"))
}

fn check(what: &str, expected: &[u8], found: &[u8]) {
    let Some(at) = (0..=expected.len().max(found.len())).find(|&at| expected.get(at) != found.get(at)) else { return };
    let line = 1 + expected.iter().take(at).filter(|&&byte| byte == b'\n').count();
    let around = |text: &[u8]| {
        let begin = at.saturating_sub(80).min(text.len());
        String::from_utf8_lossy(text.get(begin..(at + 40).min(text.len())).unwrap_or_default()).into_owned()
    };
    panic!(
        "{what} differs at byte {at}, line {line}:\nexpected …{:?}…\n   found …{:?}…",
        around(expected),
        around(found)
    );
}

fn section(document: Option<&Document>, name: &str) -> Vec<u8> {
    let section = document.and_then(|document| document.section(name.as_bytes()));
    section.map_or(NOT_FOUND.to_vec(), Element::to_xml)
}

fn conference_conf(document: Option<&Document>) -> Vec<u8> {
    let section = document.and_then(|document| document.section(b"configuration"));
    let found = section.and_then(|section| section.child_with(b"configuration", b"name", b"conference.conf"));
    found.map_or(NOT_FOUND.to_vec(), Element::to_xml)
}

fn reply(loaded: &Loaded) -> Vec<u8> {
    match &loaded.outcome {
        Ok(_) => b"+OK [Success]\n".to_vec(),
        Err(error) => [b"+OK [", &error.message()[..], b"]\n"].concat(),
    }
}

/// Holds a load against the answers in the first of `folders` that has them. Where the load failed, `before` is still active.
fn check_load(folders: &[&Path], loaded: &Loaded, globals: &Globals, before: Option<&Document>) {
    let active = loaded.outcome.as_ref().ok().or(before);
    let answers = [
        ("reloadxml.txt", reply(loaded)),
        ("globals.txt", globals.listing()),
        ("conference.conf.xml", conference_conf(active)),
        ("dialplan.xml", section(active, "dialplan")),
        ("directory.xml", section(active, "directory")),
    ];
    for (name, found) in answers {
        let expected = folders.iter().find_map(|folder| fs::read(folder.join(name)).ok()).unwrap();
        check(&format!("{}/{name}", folders[0].display()), &expected, &found);
    }
}

fn globals(file: &Path) -> Globals {
    Globals::from_listing(&fs::read(file).unwrap())
}

#[test]
fn every_recorded_tree_loads_as_in_the_real_switch() {
    let Some(trees) = trees() else { return };
    let mut before: Option<Document> = None;
    let mut seen = 0;
    let mut folders: Vec<PathBuf> = fs::read_dir(&trees).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("preprocessed.xml").is_file()) {
        let mut globals = globals(&folder.join("globals-before.txt"));
        let loaded = load(&Folder::new(folder.join("etc")), BASE, &mut globals);
        let merged = fs::read(folder.join("preprocessed.xml")).unwrap();
        check(&folder.join("preprocessed.xml").display().to_string(), &merged, &loaded.merged);
        check_load(&[folder], &loaded, &globals, before.as_ref());
        before = loaded.outcome.ok();
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn every_recorded_single_fault_gives_its_answer() {
    let Some(trees) = trees() else { return };
    let good = trees.join("07c-repaired");
    let mut variables = globals(&good.join("globals-before.txt"));
    let before = load(&Folder::new(good.join("etc")), BASE, &mut variables).outcome.unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(trees.join("07d-more-broken")).unwrap() {
        let fault = entry.unwrap().path();
        let mut globals = globals(&good.join("globals.txt"));
        let loaded = load(&faulty(&good, &fault), BASE, &mut globals);
        check_load(&[&fault, &good], &loaded, &globals, Some(&before));
        seen += 1;
    }
    assert!(seen > 0);
}

/// The good tree with a fault laid over it.
fn faulty(good: &Path, fault: &Path) -> Memory {
    let mut tree = Memory::default();
    for layer in [good, fault] {
        add(&mut tree, &Folder::new(layer.join("etc")), Path::new(""));
    }
    let removed = fs::read_to_string(fault.join("removed.txt")).unwrap_or_default();
    for path in removed.lines() {
        tree.files.remove(path).unwrap();
    }
    tree
}

fn add(tree: &mut Memory, folder: &Folder, path: &Path) {
    for name in folder.list(path).unwrap_or_default() {
        let path = path.join(name);
        match folder.read(&path) {
            Ok(content) => {
                tree.files.insert(path.to_str().unwrap().to_owned(), content);
            }
            Err(_) => add(tree, folder, &path),
        }
    }
}
