//! A simulated switch on a copy of the example configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use fsconnector_simulator::config::{Files, Folder};
use fsconnector_simulator::{CallId, Caller, EventSocket, Identity, SimSwitch};
use tempfile::TempDir;

use crate::client::Login;
use crate::connector::{Connector, LOG, wait_for};
use crate::secrets::Secrets;

/// The administrator of the example configuration.
pub(crate) const ADMIN: Login<'_> = Login { name: "admin", password: "change-me-at-once" };

/// A member and a guest whose names are not plain; see [`Stage::with_all_roles`].
pub(crate) const MEMBER: Login<'_> = Login { name: "Jürgen", password: "gehört zu mir" };
/// See [`MEMBER`].
pub(crate) const GUEST: Login<'_> = Login { name: "A & B <\"'>", password: "\"&<'\\ weit weg" };

/// The member and the guest of the example configuration; see [`Stage::with_example`].
pub(crate) const MARIA: Login<'_> = Login { name: "maria", password: "change-me-too" };
/// See [`MARIA`].
pub(crate) const PAUL: Login<'_> = Login { name: "paul", password: "change-me-as-well" };

/// What the switch calls itself.
pub(crate) const HOSTNAME: &str = "switch.example.org";

/// The PINs of the example configuration, here.
pub(crate) const ADMINS_PIN: &str = "73915028";
/// See [`ADMINS_PIN`].
pub(crate) const MEMBERS_PIN: &str = "40586213";

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
    /// Before the folder in which it is mounted.
    _volume: Option<Volume>,
    scratch: TempDir,
}

/// A volume in memory, as long as this lives.
struct Volume(PathBuf);

impl Volume {
    /// A volume of so many bytes; nothing if this user or computer cannot have one.
    fn mount(place: &Path, bytes: usize) -> Option<Self> {
        let options = format!("size={bytes}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place).output().ok()?;
        mount.status.success().then(|| Self(place.to_owned()))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

impl Stage {
    /// A switch with the example configuration, and its administrator as the only user.
    pub(crate) fn new() -> Self {
        Self::in_scratch(tempfile::tempdir().unwrap(), None)
    }

    /// The same with the configuration on a volume of its own, which has room for so many bytes; nothing if that cannot be
    /// had.
    pub(crate) fn on_volume(bytes: usize) -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap();
        let configuration = scratch.path().join("etc");
        fs::create_dir(&configuration).unwrap();
        let volume = Volume::mount(&configuration, bytes)?;
        Some(Self::in_scratch(scratch, Some(volume)))
    }

    fn in_scratch(scratch: TempDir, volume: Option<Volume>) -> Self {
        let stage = Self::with_tree_in(&example(), scratch, volume);
        for other in ["directory/friends/21000.xml", "directory/public/22000.xml"] {
            fs::remove_file(stage.path(other)).unwrap();
        }
        stage.switch.reload();
        stage
    }

    /// A switch with an administrator, a member and a guest whose names are not plain.
    pub(crate) fn with_all_roles() -> Self {
        let stage = Self::new();
        stage.write_user("friends", "21000", "Jürgen", "gehört zu mir");
        stage.write_user("public", "22000", "A &amp; B &lt;&quot;'&gt;", "&quot;&amp;&lt;'\\ weit weg");
        stage.switch.reload();
        stage
    }

    /// A switch with the example configuration as it is.
    pub(crate) fn with_example() -> Self {
        Self::with_tree(&example())
    }

    /// A switch with a copy of `tree`.
    pub(crate) fn with_tree(tree: &Path) -> Self {
        Self::with_tree_in(tree, tempfile::tempdir().unwrap(), None)
    }

    fn with_tree_in(tree: &Path, scratch: TempDir, volume: Option<Volume>) -> Self {
        let configuration = scratch.path().join("etc");
        copy(tree, &configuration);
        lengthen_the_pins(&configuration);
        for folder in ["recordings", "tmp"] {
            fs::create_dir(scratch.path().join(folder)).unwrap();
        }
        let identity = Identity {
            conf_dir: configuration.to_string_lossy().into_owned(),
            hostname: HOSTNAME.to_owned(),
            ..Identity::default()
        };
        let files = Counted { folder: Folder::new(&configuration), loads: AtomicUsize::new(0) };
        let switch = SimSwitch::new(files, identity, 0);
        let switch = EventSocket::open(switch, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self { switch, _volume: volume, scratch }
    }

    /// Somebody dials the number of a conference.
    pub(crate) fn dial(&self, caller: Caller, number: &str) -> CallId {
        self.switch.drive(|switch, now, out| switch.dial(now, caller, number, out)).unwrap()
    }

    /// Somebody comes into a conference, be it defined or not.
    pub(crate) fn join(&self, caller: Caller, data: &str) -> CallId {
        self.switch.drive(|switch, now, out| switch.join(now, caller, data, out)).unwrap()
    }

    /// Somebody presses a key of its phone.
    pub(crate) fn press(&self, call: CallId, key: char) {
        self.switch.drive(|switch, now, out| switch.press(now, call, key, out));
    }

    /// Somebody hangs up.
    pub(crate) fn leave(&self, call: CallId) {
        self.switch.drive(|switch, now, out| switch.leave(now, call, out));
    }

    /// Starts the switch again. Meanwhile somebody may have come from its port, and be there for a while.
    pub(crate) fn start_switch(&self) {
        wait_for("the switch's port", || self.switch.start().is_ok(), |is_started| *is_started);
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

    /// Where a file of the static tree is.
    pub(crate) fn static_path(&self, file: &str) -> PathBuf {
        self.scratch.path().join("static").join(file)
    }

    /// What a file of the static tree says; nothing if it is not there.
    pub(crate) fn static_text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.static_path(file)).ok()
    }

    /// Writes a file of the static tree by hand, with its folder.
    pub(crate) fn write_static(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.static_path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Where a recording is.
    pub(crate) fn recording(&self, name: &str) -> PathBuf {
        self.scratch.path().join("recordings").join(name)
    }

    /// Where the program keeps what is temporary.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.scratch.path().join("tmp")
    }

    /// All files of the configuration with what they say, hidden ones included.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut waiting = vec![self.path("")];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    waiting.push(path);
                } else {
                    let content = fs::read(&path).unwrap_or_default();
                    files.insert(path, content);
                }
            }
        }
        files
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
            ("STATICPATH", self.static_path("").to_string_lossy().into_owned()),
            ("TMPDIR", self.temporary().to_string_lossy().into_owned()),
            ("RECPATH", self.recording("").to_string_lossy().into_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Starts a connector for this switch.
    pub(crate) fn connector(&self) -> Connector {
        self.connector_with(&[])
    }

    /// Starts a connector for this switch, with arguments.
    pub(crate) fn connector_with(&self, arguments: &[&str]) -> Connector {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        Connector::start(arguments, &variables)
    }

    /// Starts a connector for this switch, and waits until it has read what there is.
    pub(crate) fn ready(&self) -> Connector {
        let connector = self.connector();
        connector.wait_until_ready();
        connector
    }

    /// Runs the program with these arguments and `input` until it ends.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fsconnector"))
            .args(arguments)
            .env_clear()
            .env("RUST_LOG", LOG)
            .envs(self.variables())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It need not want to read.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        let output = process.wait_with_output().unwrap();
        let mut secrets = Secrets::default();
        secrets.read_tree(&self.path(""));
        secrets.read_body(input.as_bytes());
        let written = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        if let Some(leak) = secrets.search(written.iter().flat_map(|text| text.lines())) {
            panic!("{leak}");
        }
        output
    }
}

/// A short PIN would be found in many a line of the log.
fn lengthen_the_pins(configuration: &Path) {
    let path = configuration.join("vars.xml");
    // A tree need not have it.
    let Ok(text) = fs::read_to_string(&path) else { return };
    let text =
        text.replace("pin=0000", &format!("pin={MEMBERS_PIN}")).replace("pin=1111", &format!("pin={ADMINS_PIN}"));
    fs::write(path, text).unwrap();
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

/// The example configuration.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/freeswitch")
}
