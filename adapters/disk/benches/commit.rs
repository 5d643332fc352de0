//! How long a change set takes until it is durable, on the disk of the build folder: `cargo bench -p fsconnector-disk`.
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::fs;
use std::sync::Arc;

use divan::Bencher;
use fsconnector_disk::{Disk, Folders, RelPath, TreePath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Before, Change, ChangeKind, ChangeSet, Document};
use fsconnector_engine::config::Config;
use fsconnector_engine::io::FileWork;
use fsconnector_engine::render::{PublicAddress, Renderer, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{User, UserId};

fn main() {
    divan::main();
}

/// Makes so many files.
#[divan::bench(args = [1, 64, 900], sample_count = 20, sample_size = 1)]
fn create(bencher: Bencher<'_, '_>, files: u32) {
    bench(bencher, files, |number| (Vec::new(), ChangeKind::Create(document(number, "new"))));
}

/// Replaces so many files.
#[divan::bench(args = [1, 64, 900], sample_count = 20, sample_size = 1)]
fn replace(bencher: Bencher<'_, '_>, files: u32) {
    bench(bencher, files, |number| {
        let before = Before::User(user(number, "old"));
        (vec![(number, "old")], ChangeKind::Replace(before, document(number, "new")))
    });
}

/// The files that are there before, and what is to be done.
type Prepared = (Vec<(u32, &'static str)>, ChangeKind);

fn bench(bencher: Bencher<'_, '_>, files: u32, change: impl Fn(u32) -> Prepared + Sync) {
    let input = || {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
        fs::create_dir_all(folder.path().join("directory/team")).expect("a folder of our own");
        let mut set = change_set();
        for number in 20000..20000 + files {
            let path = RelPath::parse(&format!("directory/team/{number}.xml")).expect("plain names");
            let path = TreePath::configuration(path);
            let (before, kind) = change(number);
            set.changes.push(Change { path: path.clone(), kind });
            for (number, name) in before {
                let old = Change { path: path.clone(), kind: ChangeKind::Create(document(number, name)) };
                let content = set.content(&old, None).expect("nothing is damaged").expect("it is made");
                fs::write(folder.path().join(path.path.as_str()), content).expect("a folder of our own");
            }
        }
        let (tree, _) =
            Disk::open(Folders { configuration: folder.path().to_owned(), files: None }).expect("a folder of our own");
        (folder, tree, FileWork::Commit(set))
    };
    bencher.with_inputs(input).bench_local_refs(|(_, tree, commit)| {
        tree.perform(commit).expect("nothing is in the way");
        tree.perform(&FileWork::Keep).expect("nothing is in the way");
    });
}

fn change_set() -> ChangeSet {
    let templates = Templates::new(fsconnector_templates::ALL).expect("the shipped templates compile");
    let (config, address) = (Config::default(), PublicAddress::default());
    let renderer = Renderer::new(Arc::new(templates), Arc::new(config), Arc::default(), Arc::new([]), address);
    ChangeSet { changes: Vec::new(), renderer: Arc::new(renderer) }
}

fn document(number: u32, name: &str) -> Document {
    Document::User(user(number, name), Role::Admin)
}

fn user(number: u32, name: &str) -> User {
    User {
        id: UserId::parse(&number.to_string()).expect("it is not empty"),
        password: Secret::new("correct horse battery"),
        conpin: Secret::new("1234"),
        context: "team".into(),
        name: name.into(),
        email: "somebody@example.org".into(),
        polymac: "none".into(),
    }
}
