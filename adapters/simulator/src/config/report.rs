//! What a load met on its way: a by-product of the preprocessor, for whoever wants to check a configuration.

use std::fmt;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as a path from the tree's root.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The file, as a path from the tree's root.
    pub file: String,
    /// Where it was included; `None` for the root file.
    pub by: Option<Place>,
}

/// Something that looks wrong. None of it keeps the switch from answering `[Success]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub problem: Problem,
}

/// What can look wrong to the preprocessor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// An include named a file that cannot be read, or a pattern that no file fits.
    NothingIncluded {
        /// The file or pattern, as it is written.
        pattern: String,
    },
    /// `$${name}` stands for a variable that is not set at this point: it becomes nothing.
    UndefinedVariable {
        /// The variable's name.
        name: String,
    },
    /// `$${` without `}`: it stays as it is.
    UnterminatedVariable,
    /// With its variables replaced the line is longer than the switch's buffer: its end is lost.
    LineTooLong,
    /// Files include each other without end, or too often; the switch stops at a depth of 100.
    IncludedTooDeep {
        /// The file or pattern, as it is written.
        pattern: String,
    },
    /// A command that the simulator does not carry out, such as `exec`.
    UnknownCommand {
        /// The command.
        command: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NothingIncluded { pattern } => write!(f, "the include `{pattern}` finds no file"),
            Problem::UndefinedVariable { name } => write!(f, "the variable `{name}` is not set here"),
            Problem::UnterminatedVariable => f.write_str("`$${` has no `}`"),
            Problem::LineTooLong => f.write_str("with its variables replaced the line is too long: its end is lost"),
            Problem::IncludedTooDeep { pattern } => write!(f, "the include `{pattern}` goes too deep"),
            Problem::UnknownCommand { command } => write!(f, "the command `{command}` is not carried out"),
        }
    }
}

/// What a load met: every file it read, everything odd in them, and which line of the merged text came from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The files, in the order in which they were read; a file included twice is there twice.
    pub included: Vec<Inclusion>,
    /// What looks wrong, in the order in which it was met.
    pub findings: Vec<Finding>,
    origins: Vec<Origin>,
}

/// From here on the merged text comes from this line, and from those that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    offset: usize,
    /// The index into [`Report::included`].
    inclusion: usize,
    line: usize,
}

impl Report {
    /// Notes that a file is read, and gives its number.
    pub(super) fn include(&mut self, file: String, by: Option<Place>) -> usize {
        self.included.push(Inclusion { file, by });
        self.included.len() - 1
    }

    /// Notes that the merged text goes on at `offset` with a line of a file.
    pub(super) fn begins(&mut self, offset: usize, inclusion: usize, line: usize) {
        self.origins.push(Origin { offset, inclusion, line });
    }

    pub(super) fn place(&self, inclusion: usize, line: usize) -> Place {
        let file = self.included.get(inclusion).map(|inclusion| inclusion.file.clone()).unwrap_or_default();
        Place { file, line }
    }

    /// Where the byte at `offset` of the merged text comes from.
    pub fn origin(&self, merged: &[u8], offset: usize) -> Option<Place> {
        let behind = self.origins.partition_point(|origin| origin.offset <= offset);
        let origin = self.origins.get(behind.checked_sub(1)?)?;
        let between = merged.get(origin.offset..offset)?;
        Some(self.place(origin.inclusion, origin.line + super::preprocess::lines_in(between)))
    }
}
