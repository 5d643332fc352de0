//! A gate with recordings and a static tree, and a state whose users have phones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod log;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fsconnector_disk::{Disk, Folders, Root};
use fsconnector_engine::state::{Conference, State, User, UserId, Users};
use fsconnector_http::{GateConfig, Limits};
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{Answer, Client, Stage, sample};

/// The phone of `anna`, and of `gabi` as well, who came later.
pub(crate) const PHONE_OF_ANNA: &str = "0004f2000001";
/// The phone of `mike`, written in another way in the directory.
pub(crate) const PHONE_OF_MIKE: &str = "0004f2000002";

/// A gate and its files, until it is dropped.
pub(crate) struct Archive {
    pub(crate) stage: Stage,
    pub(crate) recordings: TempDir,
    pub(crate) tree: TempDir,
    _configuration: TempDir,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::with(|config| GateConfig { limits, ..config })
    }

    pub(crate) fn with(configure: impl FnOnce(GateConfig) -> GateConfig) -> Self {
        let [recordings, tree, configuration] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let folders = Folders { configuration: configuration.path().to_owned(), files: Some(tree.path().to_owned()) };
        let (disk, _) = Disk::open(folders).unwrap();
        let config = GateConfig {
            files: Some(Arc::new(Root::open_folder(tree.path()).unwrap())),
            recordings: Some(recordings.path().to_owned()),
            uploads: Some(Arc::new(disk)),
            ..GateConfig::default()
        };
        let stage = Stage::without_state(configure(config));
        stage.current.publish(state());
        Self { stage, recordings, tree, _configuration: configuration }
    }

    /// Puts a recording there.
    pub(crate) fn record(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.recordings.path().join(name), content).unwrap();
    }

    /// Puts a file into the static tree.
    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Asserts that an answer is a problem that gives nothing away.
    pub(crate) fn assert_problem(&self, answer: &Answer, status: u16, what: &str) {
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("application/problem+json")),
            "{what}: {answer:?}"
        );
        assert_eq!(json(answer)["status"], status, "{what}");
        for folder in [self.tree.path(), self.recordings.path()] {
            assert!(!answer.text().contains(folder.to_str().unwrap()), "{what}: {}", answer.text());
        }
    }
}

/// Puts a file there as phones do.
pub(crate) fn put(client: &mut Client, user: &str, target: &str, headers: &str, content: &[u8]) -> Answer {
    let authorization = client.authorization(user, "PUT", target);
    let length = content.len();
    client
        .send(&format!("PUT {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: {length}\r\n{headers}\r\n"));
    client.send_bytes(content);
    client.answer(false)
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// The names in a folder, in order.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The sample's state with phones, with another guest, and with conferences of all contexts. `twin` is one of the admins'
/// and one of the guests' as well.
pub(crate) fn state() -> Arc<State> {
    let sample = sample::state();
    let phones = [PHONE_OF_ANNA, "00:04:F2:00:00:02", "none"];
    let users = sample.users.iter().zip(phones);
    let mut users: Vec<User> = users.map(|(user, polymac)| User { polymac: polymac.into(), ..user.clone() }).collect();
    let gabi = User {
        id: UserId::parse("22001").unwrap(),
        name: "gabi".into(),
        polymac: PHONE_OF_ANNA.into(),
        ..users[2].clone()
    };
    users.push(gabi);
    let config = Arc::clone(&sample.config);
    let conference = |num, name: &str, context: usize| Conference {
        num,
        name: name.into(),
        context: config.contexts[context].name.clone(),
        ..sample.conferences[0].clone()
    };
    let conferences = [
        conference(30_000, "board", 0),
        conference(30_001, "twin", 0),
        conference(31_000, "pals", 1),
        conference(31_001, "two-words", 1),
        conference(32_000, "open", 2),
        conference(32_001, "twin", 2),
    ];
    Arc::new(State {
        users: Arc::new(Users::new(users, &config)),
        conferences: Arc::new(conferences),
        ..State::clone(&sample)
    })
}
