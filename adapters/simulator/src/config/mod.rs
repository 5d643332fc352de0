//! How the switch reads its configuration: files → one merged text → a tree → sections written out again.
//!
//! ```text
//! files.rs       where the files are: a folder, or a map in memory
//! mount.rs       the absolute paths the switch uses, and its globs, over those files
//! globals.rs     the global variables, in the order in which they are listed
//! expand.rs      `$${name}` within one line
//! preprocess.rs  lines, commands and includes → the merged text, and the report on what was met
//! decode.rs      references, entities and white space in a value or a text
//! parse.rs       the lenient parser: the merged text → a tree, or an error and its line
//! document.rs    the tree, and finding sections in it
//! serialise.rs   an element as `xml_locate` shows it
//! report.rs      what a load met: included files, missing ones, undefined variables
//! ```
//!
//! Everything works on bytes: neither the preprocessor nor the parser knows an encoding.

mod decode;
mod document;
mod expand;
mod files;
mod globals;
mod mount;
mod parse;
mod preprocess;
mod report;
mod serialise;

pub use document::{Document, Element};
pub use files::{Files, Folder, Memory};
pub use globals::Globals;
pub use parse::ParseError;
pub use report::{Finding, Inclusion, Place, Problem, Report};

use mount::Mount;

/// The file that a load begins with.
const ROOT_FILE: &str = "freeswitch.xml";

/// What one load of the configuration gave.
pub struct Loaded {
    /// The tree, or why there is none. The variables have their new values in both cases.
    pub outcome: Result<Document, LoadError>,
    /// All files merged, as they were before parsing; error lines count in it.
    pub merged: Vec<u8>,
    /// Which files were read, and what was odd about them.
    pub report: Report,
}

/// Why a load gave no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// There is no root file, or it comes out empty.
    NoRootFile,
    /// The merged text cannot be parsed.
    Malformed(ParseError),
}

impl LoadError {
    /// The switch's own words, as `reloadxml` answers them between its brackets.
    pub fn message(&self) -> Vec<u8> {
        match self {
            LoadError::NoRootFile => b"Cannot Open log directory or XML Root!".to_vec(),
            LoadError::Malformed(error) => error.message(),
        }
    }
}

/// Loads `freeswitch.xml` and all that it includes.
///
/// `base` is the absolute path under which the switch knows the folder (its `conf_dir`), without a slash at its end.
/// Variables are read from `globals` and set in it.
pub fn load(files: &dyn Files, base: &str, globals: &mut Globals) -> Loaded {
    let mount = Mount::new(files, base);
    let root = format!("{base}/{ROOT_FILE}");
    let (merged, report) = preprocess::merge(&mount, root.as_bytes(), globals);
    let outcome = if merged.is_empty() {
        Err(LoadError::NoRootFile)
    } else {
        parse::parse(&merged).map_err(LoadError::Malformed)
    };
    Loaded { outcome, merged, report }
}
