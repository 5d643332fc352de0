//! What the tree is to be, by what an archive says.

use std::collections::BTreeMap;

use fsconnector_engine::files::Part;
use fsconnector_engine::path::RelPath;

use super::fault::Fault;
use super::read::{Member, read};
use super::xml;
use crate::fingerprint::Fingerprint;

/// The files and folders of a part, by their paths in the tree, with every folder that one of them is in.
pub(crate) type Wanted = BTreeMap<RelPath, Thing>;

/// A file or folder that is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    /// A folder, and its permission bits if the archive says.
    Folder { mode: Option<u32> },
    /// A file with this content and these permission bits.
    File { content: Fingerprint, mode: u32 },
}

/// Looks through the whole archive of a part, so that nothing is wrong with what is read of it later.
pub(crate) fn survey(packed: &[u8], part: Part) -> Result<Wanted, Fault> {
    let mut wanted = Wanted::new();
    read(packed, part, |Member { path, mode, content }| {
        let thing = match content {
            None => Thing::Folder { mode: Some(mode) },
            Some(content) => {
                check_xml(path, content)?;
                // A file that its owner cannot read could not be compared.
                Thing::File { content: Fingerprint::of(content), mode: mode | 0o400 }
            }
        };
        wanted.insert(path.clone(), thing);
        for parent in parents(path) {
            wanted.entry(parent).or_insert(Thing::Folder { mode: None });
        }
        Ok::<(), Fault>(())
    })?;
    Ok(wanted)
}

/// The folders that `path` is in, from the root down.
pub(crate) fn parents(path: &RelPath) -> impl Iterator<Item = RelPath> {
    let ends = path.as_str().match_indices('/');
    ends.filter_map(|(end, _)| path.as_str().get(..end).and_then(RelPath::parse))
}

fn check_xml(path: &RelPath, content: &[u8]) -> Result<(), Fault> {
    if !xml::is_loaded(path) {
        return Ok(());
    }
    xml::check(content).map_err(|flaw| Fault::Xml { path: path.clone(), line: flaw.line, why: flaw.why })
}
