//! The program `fsconnector`: it wires the adapters to the engine, and is otherwise thin.
//!
//! One thread runs the engine's loop ([`heart`]); the sockets, of the switch and of HTTP clients, are tasks of their
//! own, and whatever waits for the disk runs on a pool of threads. [`program`] puts them together, [`settings`] is what
//! they are told, [`templates`] what they write files with. [`demo`] gives them a simulated switch, [`check`] looks at a
//! configuration tree and all around it, and [`rebuild`] writes one from a saved state.

mod check;
mod command_line;
mod demo;
mod folders;
mod heart;
mod journal;
mod metrics;
mod program;
mod rebuild;
mod self_signed;
mod settings;
mod stop;
mod templates;
mod trees;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use sd_notify::NotifyState;
use smol::future::FutureExt as _;

use command_line::{Command, CommandLine};
use program::Program;
use settings::Settings;
use stop::Signals;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    // Until the end, so that the last lines get out.
    let _journal = match journal::open() {
        Ok(journal) => journal,
        Err(error) => return fail_without_a_log(&error),
    };
    match run(command_line) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Nobody else can say it.
fn fail_without_a_log(error: &io::Error) -> ExitCode {
    // There may be nobody to be told, either.
    let _ = writeln!(io::stderr(), "the log cannot be opened: {error}");
    ExitCode::FAILURE
}

fn run(command_line: CommandLine) -> Result<ExitCode, Box<dyn Error>> {
    let mut settings = Settings::load(command_line.config.as_deref(), |name| std::env::var_os(name))?;
    if command_line.templates.is_some() {
        settings.folders.templates = command_line.templates;
    }
    match command_line.command.unwrap_or(Command::Serve) {
        Command::Serve => smol::block_on(serve(settings)),
        Command::Demo { port, callers, tls } => {
            smol::block_on(demo::run(demo::Wishes { port, callers, tls, templates: settings.folders.templates }))
        }
        Command::Check { tree } => {
            let Some(tree) = tree else { return Ok(check::everything(&settings)?) };
            check::tree(&tree, &settings).map_err(|error| format!("cannot check {}: {error}", tree.display()).into())
        }
        Command::Rebuild { state } => rebuild::run(&state, &settings),
    }
}

async fn serve(settings: Settings) -> Result<ExitCode, Box<dyn Error>> {
    let mut signals = Signals::new()?;
    let program = Program::start(settings).await?;
    tell_systemd(NotifyState::Ready);
    let wanted = async {
        signals.wait().await;
        ExitCode::SUCCESS
    };
    let failed = async {
        program.failure().await;
        ExitCode::FAILURE
    };
    let code = wanted.or(failed).await;
    tell_systemd(NotifyState::Stopping);
    program.stop().await;
    Ok(code)
}

/// Tells systemd, if it has started the program and wants to know.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        log::warn!("systemd cannot be told how things are: {error}");
    }
}
