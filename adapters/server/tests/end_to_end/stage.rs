//! A simulated switch on a copy of the example configuration.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fsconnector_simulator::config::{Files, Folder};
use fsconnector_simulator::{EventSocket, Identity, SimSwitch};
use tempfile::TempDir;

use crate::client::Login;
use crate::connector::Connector;

/// The administrator of the example configuration.
pub(crate) const ADMIN: Login<'_> = Login { name: "admin", password: "change-me-at-once" };

/// The files of a switch, with a count of how often it has loaded them.
pub(crate) struct Counted {
    folder: Folder,
    pub(crate) loads: AtomicUsize,
}

impl Files for Counted {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("freeswitch.xml") {
            self.loads.fetch_add(1, Ordering::Relaxed);
        }
        self.folder.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.folder.list(folder)
    }
}

/// A switch and its files.
pub(crate) struct Stage {
    pub(crate) switch: EventSocket<Counted>,
    scratch: TempDir,
}

impl Stage {
    /// A switch with the example configuration.
    pub(crate) fn new() -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/freeswitch");
        Self::with_tree(&example)
    }

    /// A switch with a copy of `tree`.
    pub(crate) fn with_tree(tree: &Path) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let configuration = scratch.path().join("etc");
        copy(tree, &configuration);
        let identity = Identity { conf_dir: configuration.to_string_lossy().into_owned(), ..Identity::default() };
        let files = Counted { folder: Folder::new(&configuration), loads: AtomicUsize::new(0) };
        let switch = SimSwitch::new(files, identity, 0);
        let switch = EventSocket::open(switch, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self { switch, scratch }
    }

    /// How often the switch has loaded its files.
    pub(crate) fn loads(&self) -> usize {
        self.switch.edit(|switch| switch.files().loads.load(Ordering::Relaxed))
    }

    /// The names in a folder of the configuration, hidden ones included, in order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Where a file of the configuration is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.scratch.path().join("etc").join(file)
    }

    /// Writes a file of the configuration by hand.
    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(file), content).unwrap();
    }

    /// Writes a user's file by hand; `name` and `password` as they stand in XML.
    pub(crate) fn write_user(&self, context: &str, id: &str, name: &str, password: &str) {
        let text = format!(
            r#"<include>
  <user id="{id}">
    <params>
      <param name="password" value="{password}"/>
    </params>
    <variables>
      <variable name="user_context" value="{context}"/>
      <variable name="effective_caller_id_name" value="{name}"/>
    </variables>
  </user>
</include>
"#
        );
        self.write(&format!("directory/{context}/{id}.xml"), text);
    }

    /// The variables of a connector for this switch.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let configuration = self.path("");
        [
            ("FSPORT", self.switch.address().port().to_string()),
            ("FASTIPORT", "0".to_owned()),
            ("SWITCHCONF", configuration.to_string_lossy().into_owned()),
            ("STATICPATH", self.scratch.path().join("static").to_string_lossy().into_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Starts a connector for this switch.
    pub(crate) fn connector(&self) -> Connector {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        Connector::start(&[], &variables)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
