//! How long it takes to write the files of all phones, on the disk of the build folder: `cargo bench -p fsconnector-disk`.
//!
//! 3 000 users with a Linphone each, of whom 300 have another phone with three files, and 100 conferences that are contacts
//! of all: written as the engine has them written, in batches of 64 users, and made durable at the end.
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::sync::Arc;

use divan::Bencher;
use fsconnector_disk::{Disk, Folders, RelPath, TreePath};
use fsconnector_engine::access::Role;
use fsconnector_engine::change_set::{Change, ChangeKind, ChangeSet, Document, PhoneFile};
use fsconnector_engine::config::{Config, ContextName};
use fsconnector_engine::io::FileWork;
use fsconnector_engine::mac::Mac;
use fsconnector_engine::render::{PublicAddress, Renderer, Templates};
use fsconnector_engine::secret::Secret;
use fsconnector_engine::state::{Conference, User, UserId};
use tempfile::TempDir;

fn main() {
    divan::main();
}

const USERS: u32 = 3_000;
const BATCH: usize = 64;

/// Every file is as it should be.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn nothing_changed(bencher: Bencher<'_, '_>) {
    let (_folders, disk) = provisioned();
    bencher.bench_local(|| provision(&disk, "Standup"));
}

/// The contacts in every file have changed.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn all_changed(bencher: Bencher<'_, '_>) {
    let (_folders, disk) = provisioned();
    let mut names = (0_u32..).map(|round| format!("Standup{round}"));
    bencher.with_inputs(|| names.next().unwrap_or_default()).bench_local_refs(|name| provision(&disk, name));
}

/// A start with all these files.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn start(bencher: Bencher<'_, '_>) {
    let (folders, disk) = provisioned();
    drop(disk);
    bencher.bench_local(|| open(&folders));
}

fn provisioned() -> ([TempDir; 2], Disk) {
    let folder = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
    let folders = [folder(), folder()];
    let disk = open(&folders);
    provision(&disk, "Standup");
    (folders, disk)
}

fn open([configuration, files]: &[TempDir; 2]) -> Disk {
    let folders = Folders { configuration: configuration.path().into(), files: Some(files.path().into()) };
    Disk::open(folders).expect("folders of our own").0
}

fn provision(disk: &Disk, conference: &str) {
    let renderer = renderer(conference);
    let users: Vec<u32> = (20_000..20_000 + USERS).collect();
    for batch in users.chunks(BATCH) {
        let changes = batch.iter().flat_map(|number| changes(*number)).collect();
        let set = ChangeSet { changes, renderer: Arc::clone(&renderer) };
        disk.perform(&FileWork::Provision(set)).expect("nothing is in the way");
    }
    disk.perform(&FileWork::SyncProvisioning).expect("nothing is in the way");
}

fn changes(number: u32) -> Vec<Change> {
    let user = user(number);
    let linphone = Document::Linphone(user.clone(), Role::Admin);
    let mut changes = vec![change(&format!("linphone/{number}/linphone.xml"), linphone)];
    if number.is_multiple_of(10) {
        let mac = Mac::parse(&user.polymac).expect("twelve digits");
        changes.extend(PhoneFile::ALL.map(|file| {
            let document = Document::Phone(file, mac.clone(), user.clone(), Role::Admin);
            change(&format!("polycom/{mac}/{}", file.name(&mac)), document)
        }));
    }
    changes
}

fn change(path: &str, document: Document) -> Change {
    let path = TreePath::in_static(RelPath::parse(path).expect("plain names"));
    Change { path, kind: ChangeKind::Write(document) }
}

fn user(number: u32) -> User {
    User {
        id: UserId::parse(&number.to_string()).expect("it is not empty"),
        password: Secret::new("correct horse battery"),
        conpin: Secret::new("1234"),
        context: "team".into(),
        name: format!("User {number}").as_str().into(),
        email: "somebody@example.org".into(),
        polymac: format!("0004f20{number}").as_str().into(),
    }
}

/// With 100 conferences, of which the first has this name.
fn renderer(first: &str) -> Arc<Renderer> {
    let templates = Templates::new(fsconnector_templates::ALL).expect("the shipped templates compile");
    let context = ContextName::parse("team").expect("a plain name");
    let conferences = (30_000..30_100).map(|num| Conference {
        num,
        name: if num == 30_000 { first.to_owned() } else { format!("conference-{num}") },
        profile: "16kHz-novideo".into(),
        context: context.clone(),
        pin: None,
    });
    let address = PublicAddress { is_secure: true, host: Some("phones.example.org".into()) };
    let (config, conferences) = (Arc::new(Config::default()), conferences.collect());
    Arc::new(Renderer::new(Arc::new(templates), config, Arc::default(), conferences, address))
}
