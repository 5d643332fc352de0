//! The configuration file, and the environment variables of the earlier program.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fsconnector_engine::access::Role;
use fsconnector_engine::config::{Config, ConfigError, Context, ContextName, NumberRange};
use fsconnector_engine::esl::command::Password;
use fsconnector_engine::esl::session::Patience;
use fsconnector_http::{CertificateFiles, Origin};
use serde::Deserialize;

use super::{Folders, Host, Hostname, Http, Reach, Settings, SettingsError, Switch};

/// The configuration file. Every value has a default; unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) switch: FileSwitch,
    pub(super) http: FileHttp,
    pub(super) folders: FileFolders,
    pub(super) metrics: FileMetrics,
    contexts: Option<Vec<FileContext>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileSwitch {
    pub(super) address: String,
    pub(super) port: u16,
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
pub(super) struct FileHttp {
    address: IpAddr,
    pub(super) port: u16,
    hostname: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    allow_plain_http: bool,
    origins: Vec<String>,
    /// IP addresses of proxies that are believed when they say for whom they speak (`X-Forwarded-For`).
    proxies: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileFolders {
    pub(super) configuration: PathBuf,
    pub(super) recordings: PathBuf,
    #[serde(rename = "static")]
    pub(super) files: PathBuf,
    templates: Option<PathBuf>,
}

/// Where the program tells whoever measures it.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileMetrics {
    enabled: bool,
    /// Nobody logs in there: whoever reaches it sees it.
    address: IpAddr,
    /// 0 is any that is free.
    pub(super) port: u16,
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
            allow_plain_http: false,
            origins: Vec::new(),
            proxies: Vec::new(),
        }
    }
}

impl Default for FileFolders {
    fn default() -> Self {
        Self {
            configuration: "/etc/freeswitch".into(),
            recordings: "/recordings".into(),
            files: "/static".into(),
            templates: None,
        }
    }
}

impl Default for FileMetrics {
    fn default() -> Self {
        // The port by which OpenTelemetry's exporters for Prometheus are known.
        Self { enabled: true, address: [127, 0, 0, 1].into(), port: 9464 }
    }
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = text_of(path).map_err(|error| SettingsError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    /// Reads the `text` of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            SettingsError::NotToml { path: path.to_owned(), line, message: without_value(error.message()) }
        })
    }

    /// Takes what the environment variables of the earlier program say; empty ones say nothing.
    pub(super) fn override_by(&mut self, environment: impl Fn(&str) -> Option<OsString>) -> Result<(), SettingsError> {
        let value = |name: &'static str| environment(name).filter(|value| !value.is_empty());
        let variable = |name| {
            let text = value(name).map(OsString::into_string).transpose();
            text.map_err(|_| SettingsError::Variable { name, expected: "text in UTF-8" })
        };
        let port = |name, port: &mut u16| {
            if let Some(value) = variable(name)? {
                *port = value.parse().map_err(|_| SettingsError::Variable { name, expected: "a port number" })?;
            }
            Ok::<(), SettingsError>(())
        };
        let path = |name, path: &mut PathBuf| {
            if let Some(value) = value(name) {
                *path = value.into();
            }
        };
        let optional = |name, path: &mut Option<PathBuf>| {
            if let Some(value) = value(name) {
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
        if let Some(address) = variable("FSIP")? {
            self.switch.address = address;
        }
        if let Some(password) = variable("FSPW")? {
            self.switch.password = Hidden(password);
        }
        if let Some(hostname) = variable("CONHOSTNAME")? {
            self.http.hostname = Some(hostname);
        }
        if let Some(address) = variable("FASTIIP")? {
            let expected = "an IP address to listen on";
            self.http.address = address.parse().map_err(|_| SettingsError::Variable { name: "FASTIIP", expected })?;
        }
        Ok(())
    }

    pub(super) fn check(self) -> Result<Settings, SettingsError> {
        let Self { switch, http, folders, metrics, contexts } = self;
        let mut engine = Config::default();
        if let Some(contexts) = contexts {
            engine.contexts = contexts.into_iter().map(FileContext::check).collect::<Result<_, _>>()?;
        }
        // The switch has a folder of its own that a relative path would begin at.
        let recordings = std::path::absolute(&folders.recordings).unwrap_or_else(|_| folders.recordings.clone());
        engine.recordings = recordings.to_string_lossy().into_owned();
        engine.check()?;
        Ok(Settings {
            switch: switch.check()?,
            http: http.check()?,
            folders: Folders {
                configuration: folders.configuration,
                recordings: folders.recordings,
                files: folders.files,
                templates: folders.templates,
            },
            metrics: metrics.enabled.then(|| SocketAddr::from((metrics.address, metrics.port))),
            engine,
        })
    }
}

/// No longer file is read.
const LONGEST: u64 = 1 << 20;

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB, and so is no configuration"));
    }
    Ok(text)
}

/// What the parser says, without the value that it met: that can be a password, in whatever line it stands.
fn without_value(message: &str) -> String {
    let quotes =
        ["invalid type: ", "invalid value: ", "invalid length "].iter().any(|begin| message.starts_with(begin));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes => format!("the value does not fit, expected {expected}"),
        _ => message.to_owned(),
    }
}

impl FileSwitch {
    fn check(self) -> Result<Switch, SettingsError> {
        let Self { address, port, password, heartbeat } = self;
        if address.is_empty() {
            return Err(SettingsError::NoSwitch("address (FSIP) under [switch] is empty: write its name or address"));
        }
        if port == 0 {
            return Err(SettingsError::NoSwitch("nobody listens on port 0 (FSPORT) under [switch]: write 1 to 65535"));
        }
        if heartbeat == 0 {
            let what = "heartbeat under [switch] is 0: write the switch's event-heartbeat-interval, at least 1";
            return Err(SettingsError::NoSwitch(what));
        }
        Ok(Switch {
            address,
            port,
            password: Password::parse(&password.0).ok_or(SettingsError::SwitchPassword)?,
            // Three may be missed, and the next one late.
            patience: Patience { heartbeat: Duration::from_secs(u64::from(heartbeat) * 3 + 10), ..Patience::default() },
        })
    }
}

impl FileHttp {
    fn check(self) -> Result<Http, SettingsError> {
        let tls = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
            (Some(_), None) => return Err(SettingsError::HalfACertificate { missing: "key (FASTIKEY)" }),
            (None, Some(_)) => return Err(SettingsError::HalfACertificate { missing: "certificate (FASTICERT)" }),
            (None, None) if self.address.is_loopback() || self.allow_plain_http => None,
            (None, None) => return Err(SettingsError::PlainHttp(self.address)),
        };
        // Phones cannot come to a loopback address by themselves: there is a proxy, and that speaks TLS.
        let is_secure = tls.is_some() || self.address.is_loopback();
        let hostname = |text: String| Hostname::parse(&text).ok_or(SettingsError::Hostname(text));
        let host = match self.hostname.map(hostname).transpose()? {
            Some(hostname) => Host::Named(hostname),
            None if is_secure || self.address.is_unspecified() => Host::OfSwitch,
            None => Host::WhereItListens,
        };
        let origin = |text: String| Origin::parse(&text).ok_or(SettingsError::Origin(text));
        let origins = self.origins.into_iter().map(origin).collect::<Result<_, _>>()?;
        let proxy = |text: String| text.parse().map_err(|_| SettingsError::Proxy(text));
        let proxies = self.proxies.into_iter().map(proxy).collect::<Result<_, _>>()?;
        let reach = Reach { is_secure, host };
        Ok(Http { address: self.address, port: self.port, tls, reach, origins, proxies })
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
