//! Which files there are.

use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::{RelPath, Tree, TreePath};

use crate::operations::{EntryKind, Operations};
use crate::places::failed;

/// The visible `*.xml` files in these folders, in order: those that the switch would include. A folder that is not there
/// has none.
pub(crate) fn list<O: Operations>(operations: &O, folders: &[RelPath]) -> Result<Vec<RelPath>, FileError> {
    let mut files = Vec::new();
    for folder in folders {
        let entries =
            operations.folder(Tree::Configuration, Some(folder)).and_then(|opened| operations.entries(&opened));
        let entries = match entries {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| failed(&TreePath::configuration(folder.clone()), &error))?,
        };
        let names = entries.iter().filter(|entry| entry.kind != EntryKind::Nameless).map(|entry| entry.name.as_str());
        files.extend(names.filter(|name| is_visible_xml(name)).filter_map(|name| folder.join(name)));
    }
    files.sort();
    Ok(files)
}

fn is_visible_xml(name: &str) -> bool {
    !name.starts_with('.') && name.rsplit_once('.').is_some_and(|(_, extension)| extension == "xml")
}
