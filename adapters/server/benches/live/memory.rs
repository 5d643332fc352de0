//! How much memory a process takes.

use std::fmt;
use std::fs;

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    now: u32,
    most: u32,
}

impl Memory {
    /// That of a process at present, and at the most so far.
    pub(crate) fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { now: value("VmRSS:"), most: value("VmHWM:") }
    }

    /// How it has grown since then.
    pub(crate) fn since(self, before: Self) -> Growth {
        Growth { from: before.now, to: self.most }
    }
}

/// From what at first to what at the most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    from: u32,
    to: u32,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = [self.from, self.to].map(|kibibytes| f64::from(kibibytes) / 1024.0);
        write!(f, "{from:.1} → {to:.1} MiB")
    }
}
