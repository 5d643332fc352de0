//! The configuration: a file, overridden by the environment variables of the earlier program.

#[cfg(test)]
mod example;
mod file;
mod hostname;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use fsconnector_engine::config::{Config, ConfigError};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_esl::Address;
use fsconnector_http::{CertificateFiles, Origin};

use file::File;
pub(crate) use hostname::Hostname;

/// The file that is read, if it is there and no other one is named.
const DEFAULT_FILE: &str = "fsconnector.toml";

/// What the program runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) switch: Switch,
    pub(crate) http: Http,
    pub(crate) folders: Folders,
    /// Where the program tells whoever measures it, if it does.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) engine: Config,
}

/// The switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) password: Password,
    pub(crate) patience: Patience,
}

/// The HTTP side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The certificate, if TLS is spoken.
    pub(crate) tls: Option<CertificateFiles>,
    /// Where phones are told that this program is.
    pub(crate) reach: Reach,
    /// The other web sites whose pages may read answers.
    pub(crate) origins: Vec<Origin>,
    /// The proxies that are believed when they say for whom they speak.
    pub(crate) proxies: Vec<IpAddr>,
}

/// Where phones are told that this program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Whether by HTTPS: from this program itself, or from a proxy before it.
    pub(crate) is_secure: bool,
    pub(crate) host: Host,
}

/// A host, and the port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The one that is configured.
    Named(Hostname),
    /// What the switch calls its own, at the usual port.
    OfSwitch,
    /// The address and the port where this program listens.
    WhereItListens,
}

/// Folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folders {
    /// The configuration tree of the switch.
    pub(crate) configuration: PathBuf,
    pub(crate) recordings: PathBuf,
    /// The static tree.
    pub(crate) files: PathBuf,
    /// The templates that take the place of those that come with the program.
    pub(crate) templates: Option<PathBuf>,
}

impl From<Switch> for Address {
    fn from(switch: Switch) -> Self {
        let Switch { address, port, password, patience } = switch;
        Self { host: address, port, password, patience }
    }
}

impl Settings {
    /// Reads the file, or [`DEFAULT_FILE`] if it is there, and then the environment.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingsError> {
        let default = Path::new(DEFAULT_FILE);
        let mut file = match file.or_else(|| default.exists().then_some(default)) {
            None => File::default(),
            Some(path) => File::read(path)?,
        };
        file.override_by(environment)?;
        file.check()
    }

    /// The defaults, for a switch and folders of a demonstration.
    pub(crate) fn for_demo(port: u16, switch: SocketAddr, scratch: &Path) -> Result<Self, SettingsError> {
        let mut file = File::default();
        file.http.port = port;
        file.switch.address = switch.ip().to_string();
        file.switch.port = switch.port();
        file.metrics.port = 0;
        file.folders.configuration = scratch.join("etc");
        file.folders.recordings = scratch.join("recordings");
        file.folders.files = scratch.join("static");
        let mut settings = file.check()?;
        settings.http.reach = Reach { is_secure: false, host: Host::WhereItListens };
        Ok(settings)
    }
}

/// The settings in force, but for the password.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { switch, http, folders, metrics, engine } = self;
        write!(f, "switch {}:{}, configuration {}", switch.address, switch.port, folders.configuration.display())?;
        write!(f, ", recordings {}, static tree {}", folders.recordings.display(), folders.files.display())?;
        if let Some(templates) = &folders.templates {
            write!(f, ", templates {}", templates.display())?;
        }
        if let Some(CertificateFiles { certificate, key }) = &http.tls {
            write!(f, ", certificate {}, key {}", certificate.display(), key.display())?;
        }
        write!(f, ", phones use {}", http.reach)?;
        match metrics {
            Some(address) => write!(f, ", metrics {address}")?,
            None => f.write_str(", no metrics")?,
        }
        for context in &engine.contexts {
            let (name, role, users, conferences) = (&context.name, context.role, context.users, context.conferences);
            write!(f, "; {name}: {role}, users {users}, conferences {conferences}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_secure { "HTTPS" } else { "plain HTTP" })?;
        match &self.host {
            Host::Named(hostname) => write!(f, " at {hostname}"),
            Host::OfSwitch => f.write_str(" at the host name of the switch"),
            Host::WhereItListens => Ok(()),
        }
    }
}

/// Why the program cannot start with its configuration.
#[derive(Debug)]
pub(crate) enum SettingsError {
    Unreadable {
        path: PathBuf,
        error: io::Error,
    },
    NotToml {
        path: PathBuf,
        line: usize,
        message: String,
    },
    Variable {
        name: &'static str,
        expected: &'static str,
    },
    /// What is wrong with how to reach the switch.
    NoSwitch(&'static str),
    SwitchPassword,
    PlainHttp(IpAddr),
    HalfACertificate {
        missing: &'static str,
    },
    Hostname(String),
    Origin(String),
    Proxy(String),
    Engine(ConfigError),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(
                    f,
                    "cannot read the configuration file {}: {error}; correct --config, or the file",
                    path.display()
                )
            }
            Self::NotToml { path, line, message } => write!(f, "{}, line {line}: {message}", path.display()),
            Self::Variable { name, expected } => {
                write!(f, "environment variable {name}: expected {expected}; correct it, or unset it")
            }
            Self::NoSwitch(what) => f.write_str(what),
            Self::SwitchPassword => f.write_str("the switch's password must not hold a line break or a NUL"),
            Self::PlainHttp(address) => write!(
                f,
                "plain HTTP on {address} would show everything to the network: set certificate and key under [http] (FASTICERT, \
                 FASTIKEY), listen on a loopback address behind a TLS proxy, or set allow_plain_http = true"
            ),
            Self::HalfACertificate { missing } => write!(
                f,
                "a certificate is of no use without its key, nor the other way round: set {missing} under [http] as well; if \
                 both are in one file, name it twice"
            ),
            Self::Hostname(hostname) => write!(
                f,
                "hostname (CONHOSTNAME): {hostname:?} is not like host.example or host.example:3000; write neither a scheme \
                 (https://) nor a path, and an international name in its xn-- form"
            ),
            Self::Origin(origin) => write!(f, "origins: {origin:?} is not like https://host.example:8443"),
            Self::Proxy(proxy) => write!(
                f,
                "proxies: {proxy:?} is not an IP address such as 127.0.0.1; name each proxy by its own address, without a port"
            ),
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
