//! Both trees, taken over.

use std::path::Path;

use fsconnector_disk::{Disk, Folders as Places, OpenError, Recovered};

use crate::settings::Folders;

/// Takes over the trees; the log says what an earlier run has left to do there. Fails if another connector is at work in
/// them.
pub(crate) fn take_over(folders: &Folders) -> Result<(Disk, Recovered), OpenError> {
    let (disk, recovered) = Disk::open(places(folders))?;
    report(&recovered);
    if is_below(&folders.files, &folders.configuration) {
        log::warn!(
            "the static tree lies in the configuration tree: store/freeswitch takes its own archives along, and \
             restore/freeswitch puts back old files of phones; move it elsewhere"
        );
    }
    if let Err(none) = disk.static_tree() {
        log::warn!("{none}; phones are not provisioned");
    }
    Ok((disk, recovered))
}

fn is_below(inner: &Path, outer: &Path) -> bool {
    // What cannot be found is in nothing.
    matches!((inner.canonicalize(), outer.canonicalize()), (Ok(inner), Ok(outer)) if inner.starts_with(&outer))
}

/// Where the trees are.
pub(crate) fn places(folders: &Folders) -> Places {
    Places { configuration: folders.configuration.clone(), files: Some(folders.files.clone()) }
}

fn report(recovered: &Recovered) {
    if recovered.unsettled {
        log::warn!("an unfinished change of an earlier run was undone");
    }
    for path in &recovered.left {
        log::warn!("{path} was changed by hand meanwhile and left as it is");
    }
}
