//! The program `fsconnector`: it wires the adapters to the engine, and is otherwise thin.
//!
//! One thread runs the engine's loop ([`heart`]); the sockets, of the switch and of HTTP clients, are tasks of their
//! own, and whatever waits for the disk runs on a pool of threads. [`program`] puts them together, [`settings`] is what
//! they are told, [`demo`] gives them a simulated switch, [`check`] looks at a configuration tree without any switch.

mod check;
mod command_line;
mod demo;
mod heart;
mod journal;
mod program;
mod settings;
mod stop;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use command_line::{Command, CommandLine};
use program::Program;
use settings::Settings;
use stop::Signals;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    journal::open();
    match run(command_line) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command_line: CommandLine) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::load(command_line.config.as_deref(), |name| std::env::var(name).ok())?;
    match command_line.command.unwrap_or(Command::Serve) {
        Command::Serve => smol::block_on(serve(settings)),
        Command::Demo { port } => smol::block_on(demo::run(port)),
        Command::Check { tree } => {
            let tree = tree.unwrap_or(settings.folders.configuration);
            check::run(&tree, &settings.engine)
                .map_err(|error| format!("cannot check {}: {error}", tree.display()).into())
        }
    }
}

async fn serve(settings: Settings) -> Result<ExitCode, Box<dyn Error>> {
    let mut signals = Signals::new()?;
    let program = Program::start(settings).await?;
    signals.wait().await;
    program.stop().await;
    Ok(ExitCode::SUCCESS)
}
