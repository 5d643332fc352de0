//! Both trees, taken over.

use std::path::Path;

use fsconnector_disk::{Disk, Folders as Places, NoStaticTree, OpenError, Recovered};
use fsconnector_engine::config::Config;

use crate::folders;
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

/// Has the log name the folders that cannot be written in, and what does not work because of that. Of a tree that was not taken
/// over the log knows already.
pub(crate) fn warn_of_obstacles(folders: &Folders, config: &Config, disk: &Disk) {
    let mut obstacles = Vec::new();
    let static_tree = disk.static_tree();
    if !matches!(static_tree, Err(NoStaticTree::OnlyRead)) {
        obstacles.extend(folders::in_configuration(&folders.configuration, config));
    }
    if static_tree.is_ok() {
        obstacles.extend(folders::in_static_tree(&folders.files));
    }
    obstacles.extend(folders::in_recordings(&folders.recordings));
    for obstacle in obstacles {
        log::warn!("{obstacle}");
    }
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
