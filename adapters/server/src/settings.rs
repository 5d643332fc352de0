//! The configuration: a file, overridden by the environment variables of the earlier program.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fsconnector_engine::access::Role;
use fsconnector_engine::config::{Config, ConfigError, Context, ContextName, NumberRange};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_http::Origin;
use serde::Deserialize;

/// The file that is read, if it is there and no other one is named.
const DEFAULT_FILE: &str = "fsconnector.toml";

/// What the program runs with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) switch: Switch,
    pub(crate) http: Http,
    pub(crate) folders: Folders,
    pub(crate) engine: Config,
}

/// The switch.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) password: Password,
    pub(crate) patience: Patience,
}

/// The HTTP side.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The name under which phones reach this program; if there is none, the switch's global `hostname` is it.
    pub(crate) hostname: Option<String>,
    /// The other web sites whose pages may read answers.
    pub(crate) origins: Vec<Origin>,
}

/// Folders.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// The configuration tree of the switch.
    pub(crate) configuration: PathBuf,
    pub(crate) recordings: PathBuf,
    /// The static tree.
    pub(crate) files: PathBuf,
}

impl Settings {
    /// Reads the file, or [`DEFAULT_FILE`] if it is there, and then the environment.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let default = Path::new(DEFAULT_FILE);
        let text = match file.or_else(|| default.exists().then_some(default)) {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), error })?,
        };
        let mut file = File::parse(&text)?;
        file.override_by(environment)?;
        file.check()
    }

    /// The defaults, for a switch and folders of a demonstration.
    pub(crate) fn for_demo(port: u16, switch: SocketAddr, scratch: &Path) -> Result<Self, SettingsError> {
        let mut file = File::default();
        file.http.port = port;
        file.switch.address = switch.ip().to_string();
        file.switch.port = switch.port();
        file.folders.configuration = scratch.join("etc");
        file.folders.recordings = scratch.join("recordings");
        file.folders.files = scratch.join("static");
        file.check()
    }
}

/// The settings in force, but for the password.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { switch, http, folders, engine } = self;
        write!(f, "switch {}:{}, configuration {}", switch.address, switch.port, folders.configuration.display())?;
        write!(f, ", recordings {}, static tree {}", folders.recordings.display(), folders.files.display())?;
        write!(f, ", host name {}", http.hostname.as_deref().unwrap_or("of the switch"))?;
        for context in &engine.contexts {
            let (name, role, users, conferences) = (&context.name, context.role, context.users, context.conferences);
            write!(f, "; {name}: {role}, users {users}, conferences {conferences}")?;
        }
        Ok(())
    }
}

/// Why the program cannot start with its configuration.
#[derive(Debug)]
pub(crate) enum SettingsError {
    Unreadable { path: PathBuf, error: io::Error },
    NotToml { line: usize, message: String },
    Variable { name: &'static str, expected: &'static str },
    SwitchPassword,
    PlainHttp(IpAddr),
    NoTls,
    Origin(String),
    Engine(ConfigError),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::NotToml { line, message } => write!(f, "configuration file, line {line}: {message}"),
            Self::Variable { name, expected } => write!(f, "environment variable {name}: expected {expected}"),
            Self::SwitchPassword => f.write_str("the switch's password must not hold a line break or a NUL"),
            Self::PlainHttp(address) => write!(
                f,
                "plain HTTP on {address} would show everything to the network: listen on a loopback address behind a TLS \
                 proxy, or set allow_plain = true under [http]"
            ),
            Self::NoTls => f.write_str(
                "a certificate is configured, but this version speaks plain HTTP only: remove certificate and key \
                 (FASTICERT, FASTIKEY) and let a proxy speak TLS",
            ),
            Self::Origin(origin) => write!(f, "origins: {origin:?} is not like https://host.example:8443"),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SettingsError {}

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> Self {
        Self::Engine(error)
    }
}

/// The configuration file. Every value has a default; unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    switch: FileSwitch,
    http: FileHttp,
    folders: FileFolders,
    contexts: Option<Vec<FileContext>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileSwitch {
    address: String,
    port: u16,
    password: Hidden,
    /// Seconds between two `HEARTBEAT` events: `event-heartbeat-interval` in the switch's `switch.conf.xml`.
    heartbeat: u32,
}

/// A text that a debug print does not show.
#[derive(Deserialize)]
#[serde(transparent)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileHttp {
    address: IpAddr,
    port: u16,
    hostname: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    allow_plain: bool,
    origins: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileFolders {
    configuration: PathBuf,
    recordings: PathBuf,
    #[serde(rename = "static")]
    files: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContext {
    name: String,
    role: FileRole,
    users: [u32; 2],
    conferences: [u32; 2],
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileRole {
    Admin,
    Member,
    Guest,
}

impl Default for FileSwitch {
    fn default() -> Self {
        Self { address: "127.0.0.1".into(), port: 8021, password: Hidden("ClueCon".into()), heartbeat: 20 }
    }
}

impl Default for FileHttp {
    fn default() -> Self {
        Self {
            address: [127, 0, 0, 1].into(),
            port: 3000,
            hostname: None,
            certificate: None,
            key: None,
            allow_plain: false,
            origins: Vec::new(),
        }
    }
}

impl Default for FileFolders {
    fn default() -> Self {
        Self { configuration: "/etc/freeswitch".into(), recordings: "/recordings".into(), files: "/static".into() }
    }
}

impl File {
    fn parse(text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let secret = text.lines().nth(line - 1).is_some_and(|line| line.contains("password"));
            // The message can quote the value.
            let message = if secret { "the password must be a text in quotes".into() } else { error.message().into() };
            SettingsError::NotToml { line, message }
        })
    }

    /// Takes what the environment variables of the earlier program say; empty ones say nothing.
    fn override_by(&mut self, environment: impl Fn(&str) -> Option<String>) -> Result<(), SettingsError> {
        let variable = |name: &'static str| environment(name).filter(|value| !value.is_empty());
        let port = |name, port: &mut u16| {
            if let Some(value) = variable(name) {
                *port = value.parse().map_err(|_| SettingsError::Variable { name, expected: "a port number" })?;
            }
            Ok::<(), SettingsError>(())
        };
        let path = |name, path: &mut PathBuf| {
            if let Some(value) = variable(name) {
                *path = value.into();
            }
        };
        let optional = |name, path: &mut Option<PathBuf>| {
            if let Some(value) = variable(name) {
                *path = Some(value.into());
            }
        };
        port("FSPORT", &mut self.switch.port)?;
        port("FASTIPORT", &mut self.http.port)?;
        path("RECPATH", &mut self.folders.recordings);
        path("SWITCHCONF", &mut self.folders.configuration);
        path("STATICPATH", &mut self.folders.files);
        optional("FASTICERT", &mut self.http.certificate);
        optional("FASTIKEY", &mut self.http.key);
        if let Some(address) = variable("FSIP") {
            self.switch.address = address;
        }
        if let Some(password) = variable("FSPW") {
            self.switch.password = Hidden(password);
        }
        if let Some(hostname) = variable("CONHOSTNAME") {
            self.http.hostname = Some(hostname);
        }
        if let Some(address) = variable("FASTIIP") {
            let expected = "an IP address to listen on";
            self.http.address = address.parse().map_err(|_| SettingsError::Variable { name: "FASTIIP", expected })?;
        }
        Ok(())
    }

    fn check(self) -> Result<Settings, SettingsError> {
        let Self { switch, http, folders, contexts } = self;
        if http.certificate.is_some() || http.key.is_some() {
            return Err(SettingsError::NoTls);
        }
        if !http.address.is_loopback() && !http.allow_plain {
            return Err(SettingsError::PlainHttp(http.address));
        }
        let mut engine = Config::default();
        if let Some(contexts) = contexts {
            engine.contexts = contexts.into_iter().map(FileContext::check).collect::<Result<_, _>>()?;
        }
        engine.check()?;
        let origin = |text: String| Origin::parse(&text).ok_or(SettingsError::Origin(text));
        let origins = http.origins.into_iter().map(origin).collect::<Result<_, _>>()?;
        Ok(Settings {
            switch: Switch {
                address: switch.address,
                port: switch.port,
                password: Password::parse(&switch.password.0).ok_or(SettingsError::SwitchPassword)?,
                // Three may be missed, and the next one late.
                patience: Patience {
                    heartbeat: Duration::from_secs(u64::from(switch.heartbeat) * 3 + 10),
                    ..Patience::default()
                },
            },
            http: Http { address: http.address, port: http.port, hostname: http.hostname, origins },
            folders: Folders {
                configuration: folders.configuration,
                recordings: folders.recordings,
                files: folders.files,
            },
            engine,
        })
    }
}

impl FileContext {
    fn check(self) -> Result<Context, ConfigError> {
        Ok(Context {
            name: ContextName::parse(&self.name)?,
            role: match self.role {
                FileRole::Admin => Role::Admin,
                FileRole::Member => Role::Member,
                FileRole::Guest => Role::Guest,
            },
            users: NumberRange::new(self.users[0], self.users[1])?,
            conferences: NumberRange::new(self.conferences[0], self.conferences[1])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let environment =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut file = File::parse(text).map_err(|error| error.to_string())?;
        file.override_by(environment).and_then(|()| file.check()).map_err(|error| error.to_string())
    }

    fn refused(text: &str, variables: &[(&str, &str)]) -> String {
        settings(text, variables).unwrap_err()
    }

    #[test]
    fn nothing_at_all_gives_the_defaults() {
        let settings = settings("", &[]).unwrap();
        assert_eq!(settings.switch.patience, Patience::default());
        assert_eq!((settings.switch.address.as_str(), settings.switch.port), ("127.0.0.1", 8021));
        assert_eq!(settings.switch.password, Password::parse("ClueCon").unwrap());
        assert_eq!((settings.http.address.to_string().as_str(), settings.http.port), ("127.0.0.1", 3000));
        assert_eq!(settings.http.hostname, None);
        assert_eq!(settings.folders.configuration, Path::new("/etc/freeswitch"));
        assert_eq!(settings.folders.recordings, Path::new("/recordings"));
        assert_eq!(settings.folders.files, Path::new("/static"));
        assert_eq!(settings.engine, Config::default());
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let text = "[switch]\nport = 8022\n[http]\nhostname = \"a.example\"\n[folders]\nstatic = \"/srv/a\"";
        let variables = [
            ("FSIP", "switch.example"),
            ("FSPORT", "8023"),
            ("FSPW", "other"),
            ("RECPATH", "/r"),
            ("SWITCHCONF", "/c"),
            ("FASTIPORT", "3001"),
            ("FASTIIP", "::1"),
            ("CONHOSTNAME", "b.example"),
            ("STATICPATH", ""),
        ];
        let settings = settings(text, &variables).unwrap();
        assert_eq!((settings.switch.address.as_str(), settings.switch.port), ("switch.example", 8023));
        assert_eq!(settings.switch.password, Password::parse("other").unwrap());
        assert_eq!((settings.http.address.to_string().as_str(), settings.http.port), ("::1", 3001));
        assert_eq!(settings.http.hostname.as_deref(), Some("b.example"));
        assert_eq!(settings.folders.recordings, Path::new("/r"));
        assert_eq!(settings.folders.configuration, Path::new("/c"));
        assert_eq!(settings.folders.files, Path::new("/srv/a"), "an empty variable says nothing");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let message = refused("[http]\nport = 1\nprot = 2\n", &[]);
        assert!(message.starts_with("configuration file, line 3: unknown field `prot`"), "{message}");
    }

    #[test]
    fn contexts_are_configurable_and_overlapping_ranges_are_refused() {
        let context = |name: &str, role: &str, first: u32| {
            format!(
                "[[contexts]]\nname = \"{name}\"\nrole = \"{role}\"\nusers = [{first}, {}]\nconferences = [{}, {}]\n",
                first + 9,
                first + 10,
                first + 19
            )
        };
        let good = context("crew", "admin", 100) + &context("guests", "guest", 200);
        let settings = settings(&good, &[]).unwrap();
        assert_eq!(settings.engine.contexts[1].name.as_str(), "guests");
        assert_eq!(settings.engine.contexts[0].users, NumberRange::new(100, 109).unwrap());
        let bad = context("crew", "admin", 100) + &context("guests", "guest", 105);
        assert!(refused(&bad, &[]).contains("overlap"));
    }

    #[test]
    fn plain_http_beyond_loopback_has_to_be_allowed() {
        assert!(refused("", &[("FASTIIP", "0.0.0.0")]).contains("allow_plain"));
        assert!(settings("[http]\nallow_plain = true", &[("FASTIIP", "0.0.0.0")]).is_ok());
    }

    #[test]
    fn a_certificate_is_refused_and_not_ignored() {
        assert!(refused("", &[("FASTICERT", "/c.pem")]).contains("TLS"));
    }

    #[test]
    fn an_error_never_quotes_a_password() {
        for text in ["[switch]\npassword = 815815", "[switch]\npassword = hunter2", "[switch]\npassword2 = \"hunter2\""]
        {
            let message = refused(text, &[]);
            assert!(!message.contains("hunter2") && !message.contains("815815"), "{message}");
        }
        let message = refused("", &[("FSPW", "hunter2\nx")]);
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_variable_that_does_not_fit_is_named() {
        assert_eq!(refused("", &[("FSPORT", "many")]), "environment variable FSPORT: expected a port number");
        assert_eq!(
            refused("", &[("FASTIIP", "here")]),
            "environment variable FASTIIP: expected an IP address to listen on"
        );
    }
}
