//! The configuration: a file, overridden by the environment variables of the earlier program.

mod file;
mod hostname;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use fsconnector_engine::config::{Config, ConfigError};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_http::Origin;

use file::File;
pub(crate) use hostname::Hostname;

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
    /// How phones reach this program.
    pub(crate) reach: Reach,
    /// The other web sites whose pages may read answers.
    pub(crate) origins: Vec<Origin>,
}

/// How phones reach this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// By HTTPS, under this name; if there is none, the switch's global `hostname` is it.
    Secure(Option<Hostname>),
    /// By plain HTTP, where it listens.
    Plain,
}

/// Folders.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// The configuration tree of the switch.
    pub(crate) configuration: PathBuf,
    pub(crate) recordings: PathBuf,
    /// The static tree.
    pub(crate) files: PathBuf,
    /// The templates that take the place of those that come with the program.
    pub(crate) templates: Option<PathBuf>,
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
        let mut settings = file.check()?;
        settings.http.reach = Reach::Plain;
        Ok(settings)
    }
}

/// The settings in force, but for the password.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { switch, http, folders, engine } = self;
        write!(f, "switch {}:{}, configuration {}", switch.address, switch.port, folders.configuration.display())?;
        write!(f, ", recordings {}, static tree {}", folders.recordings.display(), folders.files.display())?;
        if let Some(templates) = &folders.templates {
            write!(f, ", templates {}", templates.display())?;
        }
        match &http.reach {
            Reach::Secure(Some(hostname)) => write!(f, ", host name {hostname}"),
            Reach::Secure(None) => f.write_str(", host name of the switch"),
            Reach::Plain => f.write_str(", plain HTTP for phones"),
        }?;
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
    Hostname(String),
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
            Self::Hostname(hostname) => write!(
                f,
                "hostname (CONHOSTNAME): {hostname:?} is not like host.example or host.example:3000; write neither a scheme \
                 (https://) nor a path, and an international name in its xn-- form"
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
