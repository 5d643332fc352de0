//! The example configuration is part of the program, and so is the name of the commit that it is built from.

use std::env;
use std::path::Path;
use std::process::Command;

/// The workspace, from the folder of this package.
const WORKSPACE: &str = "../..";

/// What the program is built from, in the workspace.
const SOURCES: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "adapters/disk/src",
    "adapters/esl/src",
    "adapters/http/src",
    "adapters/server/src",
    "adapters/simulator/src",
    "engine/src",
    "templates",
];

fn main() {
    println!("cargo:rerun-if-changed=../../examples/freeswitch");
    println!("cargo:rerun-if-env-changed=FSCONNECTOR_COMMIT");
    let given =
        env::var("FSCONNECTOR_COMMIT").ok().and_then(|commit| commit.split_whitespace().next().map(str::to_owned));
    let commit = given.or_else(commit).unwrap_or_else(|| "unknown commit".to_owned());
    // Not by the name under which it is given: what is built and run by cargo finds it in its environment.
    println!("cargo:rustc-env=FSCONNECTOR_BUILT_FROM={commit}");
    println!("cargo:rustc-env=FSCONNECTOR_VERSION={} ({commit})", env!("CARGO_PKG_VERSION"));
}

/// The short name of the commit that is checked out, with `-dirty` behind it if files of the repository differ from that;
/// nothing if these files are in no repository of their own.
///
/// It is looked at again when there is another commit, and when a file changes that the program is built from. That other files
/// were changed, or are as in the commit again, may be noticed only by the next such build.
fn commit() -> Option<String> {
    // Below the top of a repository they were put into somebody else's, whose commits say nothing of them.
    if !git(&["rev-parse", "--show-cdup"])?.is_empty() {
        return None;
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    // A new commit changes the log of HEAD, or where there is none, the branch; another branch changes HEAD itself.
    for file in ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(&["rev-parse", "--git-path", file]).map(|path| Path::new(WORKSPACE).join(path));
        // What is not there would make every build begin anew.
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    for sources in SOURCES {
        println!("cargo:rerun-if-changed={WORKSPACE}/{sources}");
    }
    // Tags are passed over.
    git(&["describe", "--always", "--dirty", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(["-C", WORKSPACE]).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
