//! Runs the world with many seeds: `fsconnector-proptests --seeds N --steps N [--from SEED]`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fsconnector_proptests::run::{Play, run, traced};

/// Lets the simulated world run with many seeds, and looks whether all invariants hold.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// How many steps each
    #[arg(long, default_value_t = 400)]
    steps: usize,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    let begin = Instant::now();
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        for play in [Play::Files, Play::Calls] {
            if let Err(violation) = run(play, seed, arguments.steps, None) {
                let (_, trace) = traced(play, seed, arguments.steps);
                for line in trace.iter().filter(|line| !line.is_empty()) {
                    writeln!(out, "{line}")?;
                }
                writeln!(out, "{play:?}, seed {seed}: {violation}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        let count = seed - arguments.from + 1;
        if count.is_multiple_of(500) {
            writeln!(out, "{count} seeds hold, {:.0?}", begin.elapsed())?;
        }
    }
    writeln!(out, "all {} seeds hold, {:.0?}", arguments.seeds, begin.elapsed())?;
    Ok(ExitCode::SUCCESS)
}
