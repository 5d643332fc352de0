//! Why something cannot be archived or restored, in words for whoever has asked.

use std::fmt;

use fsconnector_engine::files::Part;
use fsconnector_engine::io::FileError;
use fsconnector_engine::path::RelPath;

use super::bounds::{DEEPEST, LARGEST_ARCHIVE, LARGEST_FILE, MOST_BYTES, MOST_ENTRIES, MOST_NAMES};
use super::xml::Why;
use crate::places::LONGEST_NAME;

/// Why a tree cannot be archived, or an archive not be restored. Nothing of what a file says is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no archive.
    NoArchive(RelPath),
    /// There is no static tree to keep archives in.
    NoStaticTree,
    /// The part is not there.
    NoFolder(Part),
    /// The part, or what it is in, is a file.
    NotAFolder(RelPath),
    /// It is no archive, or not a whole one.
    Damaged(String),
    /// The archive cannot be written.
    NotPacked(String),
    /// Something that is no part of the archive follows it.
    Trailing,
    /// There is no file in the archive.
    Empty,
    /// What has this name is neither a file nor a folder.
    Odd { name: String, kind: Odd },
    /// A name that leads out of the tree, is not UTF-8, or is no name at all.
    UnsafeName(String),
    /// A name that the connector uses itself.
    OwnName(String),
    /// A name that is not below the folder of the part.
    Elsewhere { name: String, part: Part },
    /// A name is there twice.
    Twice(RelPath),
    /// A name is that of a file and that of a folder, in the archive.
    FileAndFolder(RelPath),
    /// A name is that of a file in the archive and that of a folder in the tree, or the other way round.
    OtherKind(RelPath),
    /// A file would not parse.
    Xml { path: RelPath, line: usize, why: Why },
    /// A bound was passed.
    TooMuch(Bound),
}

/// What is neither a file nor a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    SymbolicLink,
    HardLink,
    Sparse,
    /// A pipe, a socket or a device, or of a kind that no system has.
    Other,
}

/// The bounds of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Archive,
    Entries,
    Bytes,
    Names,
    File(RelPath),
    Depth(RelPath),
    /// The last name of a file that is to be changed.
    Name(RelPath),
}

impl From<Fault> for FileError {
    fn from(fault: Fault) -> Self {
        Self::Unfit(fault.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArchive(path) => write!(f, "there is no archive {path}"),
            Self::NoStaticTree => f.write_str("there is no static tree, in which archives are kept"),
            Self::NoFolder(part) => match part.folder() {
                Some(folder) => write!(f, "there is no folder {folder}"),
                None => f.write_str("there is no configuration tree"),
            },
            Self::NotAFolder(path) => write!(f, "{path} is no folder"),
            Self::Damaged(why) => write!(f, "the archive is damaged, or is no tar.gz: {why}"),
            Self::NotPacked(why) => write!(f, "the archive cannot be written: {why}"),
            Self::Trailing => f.write_str("the archive is damaged: something follows its end"),
            Self::Empty => f.write_str("there is no file in the archive"),
            Self::Odd { name, kind } => {
                write!(f, "{} is {kind}; only files and folders can be archived and restored", shown(name))
            }
            Self::UnsafeName(name) => write!(f, "{} is no name that files here may have", shown(name)),
            Self::OwnName(name) => write!(f, "{} is a name that the connector uses itself", shown(name)),
            Self::Elsewhere { name, part } => {
                write!(f, "{} is not below {}/: this is the archive of another folder", shown(name), part.name())
            }
            Self::Twice(path) => write!(f, "{path} is in the archive twice"),
            Self::FileAndFolder(path) => write!(f, "{path} is a file and a folder in the archive"),
            Self::OtherKind(path) => {
                write!(
                    f,
                    "{path} is a file in the archive and a folder in the tree, or the other way round; move it away"
                )
            }
            Self::Xml { path, line, why } => write!(f, "{path} would not parse: line {line}: {why}"),
            Self::TooMuch(bound) => bound.fmt(f),
        }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SymbolicLink => "a link",
            Self::HardLink => "a hard link",
            Self::Sparse => "a sparse file",
            Self::Other => "a pipe, a socket, a device or something else",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        match self {
            Self::Archive => write!(f, "the archive has more than {} MiB", LARGEST_ARCHIVE / MIB),
            Self::Entries => write!(f, "there are more than {MOST_ENTRIES} files and folders"),
            Self::Bytes => write!(f, "the files have more than {} MiB", MOST_BYTES / MIB),
            Self::Names => write!(f, "the names of the files have more than {} MiB", MOST_NAMES / MIB),
            Self::File(path) => write!(f, "{path} has more than {} MiB", LARGEST_FILE / MIB),
            Self::Name(path) => write!(f, "{path} has a name of more than {LONGEST_NAME} bytes"),
            Self::Depth(path) => write!(f, "{path} is deeper than {DEEPEST} folders"),
        }
    }
}

/// A name that comes from anywhere, in a form that can stand in a message.
fn shown(name: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "an empty name".into() } else { shown }
}
