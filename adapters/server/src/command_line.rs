//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The version, with the commit that the program was built from.
pub(crate) const VERSION: &str = env!("FSCONNECTOR_VERSION");

/// Turns a FreeSWITCH server into a managed conference system.
#[derive(Debug, Parser)]
#[command(version = VERSION, about)]
pub(crate) struct CommandLine {
    /// The configuration file; without it, fsconnector.toml in this folder, if it is there.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// A folder with templates that take the place of those of the same names that come with the program.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) templates: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connects to the switch and serves (the default).
    Serve,
    /// Serves a simulated switch with an example configuration, to look around.
    Demo {
        /// The port to serve on; without it, any free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// How many people call each other there; 0 for nobody.
        #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(..=1000))]
        callers: u16,
        /// Speaks TLS, with a certificate that it makes and signs itself.
        #[arg(long)]
        tls: bool,
    },
    /// Says what does not fit: in the configured tree of the switch, its folders, the certificate, and the switch as it runs. Nothing
    /// is changed, and a connector may be at work meanwhile.
    Check {
        /// Says only what in this configuration tree does not fit; no switch is needed.
        tree: Option<PathBuf>,
    },
    /// Writes all files of users, conferences and phones from a saved answer of `GET /api/info/state`. No switch is needed, and
    /// no connector may be at work in the same trees.
    Rebuild {
        /// The saved answer; `-` reads it from standard input.
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// The unit for systemd that comes with the program.
    const UNIT: &str = include_str!("../../../examples/systemd/fsconnector.service");

    /// What the unit says to that.
    fn value(key: &str) -> Option<&'static str> {
        UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    /// The words of a line of the unit.
    fn words(key: &str) -> Vec<&'static str> {
        value(key).unwrap_or_else(|| panic!("no {key}")).split_whitespace().collect()
    }

    #[test]
    fn the_command_of_the_systemd_unit_is_one_and_serves() {
        let command_line = CommandLine::try_parse_from(words("ExecStart")).unwrap();
        assert!(matches!(command_line.command, Some(Command::Serve)));
        assert_eq!(command_line.config, Some("/etc/fsconnector/fsconnector.toml".into()));
    }

    #[test]
    fn the_systemd_unit_lets_the_program_write_its_default_folders_and_nothing_else() {
        let nothing = |_: &str| None;
        let folders = Settings::load(Some("/dev/null".as_ref()), nothing).unwrap().folders;
        assert_eq!(
            words("ReadWritePaths").into_iter().map(PathBuf::from).collect::<Vec<_>>(),
            [folders.configuration, folders.recordings, folders.files]
        );
        assert_eq!(words("ProtectSystem"), ["strict"]);
    }

    #[test]
    fn the_systemd_unit_leaves_alone_what_the_switch_has_as_the_same_user() {
        assert_eq!(words("User"), ["freeswitch"]);
        for key in ["RemoveIPC", "DynamicUser", "RestrictSUIDSGID"] {
            assert_eq!(value(key), None, "{key}: the unit says why");
        }
    }

    #[test]
    fn the_systemd_unit_waits_longer_than_the_end_of_the_program_takes() {
        let patience: u64 = words("TimeoutStopSec")[0].parse().unwrap();
        assert!(patience > crate::program::FAREWELL.as_secs() + 1);
    }
}
