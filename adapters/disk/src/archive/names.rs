//! The names in an archive, and where they are in the tree.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use fsconnector_engine::files::Part;
use fsconnector_engine::path::RelPath;

use super::bounds::Tally;
use super::fault::Fault;
use crate::journal::HIDDEN;

/// What an archive has named so far, which makes a tree.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: BTreeMap<RelPath, Known>,
    tally: Tally,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    File,
    Folder,
    /// A folder that something was in, but that was not named itself.
    Implied,
}

impl Names {
    /// Takes the name of a file, with the size of its content.
    pub(crate) fn add_file(&mut self, path: &RelPath, size: u64) -> Result<(), Fault> {
        self.add_parents(path)?;
        match self.known.get(path) {
            None => {}
            Some(Known::File) => return Err(Fault::Twice(path.clone())),
            Some(Known::Folder | Known::Implied) => return Err(Fault::FileAndFolder(path.clone())),
        }
        self.insert(path, Known::File)?;
        self.tally.add_content(path, size)
    }

    /// Takes the name of a folder.
    pub(crate) fn add_folder(&mut self, path: &RelPath) -> Result<(), Fault> {
        self.add_parents(path)?;
        match self.known.get_mut(path) {
            None => self.insert(path, Known::Folder),
            Some(known @ Known::Implied) => {
                *known = Known::Folder;
                Ok(())
            }
            Some(Known::Folder) => Err(Fault::Twice(path.clone())),
            Some(Known::File) => Err(Fault::FileAndFolder(path.clone())),
        }
    }

    fn add_parents(&mut self, path: &RelPath) -> Result<(), Fault> {
        for (at, _) in path.as_str().match_indices('/') {
            // What stands before a slash of a path is one as well.
            let Some(parent) = path.as_str().get(..at).and_then(RelPath::parse) else { continue };
            match self.known.get(&parent) {
                Some(Known::File) => return Err(Fault::FileAndFolder(parent)),
                Some(Known::Folder | Known::Implied) => {}
                None => self.insert(&parent, Known::Implied)?,
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &RelPath, known: Known) -> Result<(), Fault> {
        self.tally.add(path)?;
        if let Entry::Vacant(vacant) = self.known.entry(path.clone()) {
            vacant.insert(known);
        }
        Ok(())
    }
}

/// Reads a name in the archive of a part: the path in the tree; nothing if that is the whole tree's own folder. A `./` before the name and, if it is a folder's, a `/` behind it mean nothing.
pub(crate) fn parse(name: &[u8], part: Part, is_folder: bool) -> Result<Option<RelPath>, Fault> {
    let text = String::from_utf8_lossy(name).into_owned();
    let bare = text.strip_prefix("./").unwrap_or(&text);
    let bare = bare.strip_suffix('/').filter(|_| is_folder).unwrap_or(bare);
    let is_utf8 = std::str::from_utf8(name).is_ok();
    let Some(path) = RelPath::parse(bare).filter(|_| is_utf8) else { return Err(Fault::UnsafeName(text)) };
    if path.names().any(is_ours) {
        return Err(Fault::OwnName(text));
    }
    let Some(below) = path.as_str().strip_prefix(part.name()).filter(|below| is_below(below, is_folder)) else {
        return Err(Fault::Elsewhere { name: text, part });
    };
    Ok(match part.folder() {
        Some(folder) => RelPath::parse(&format!("{folder}{below}")),
        None => below.strip_prefix('/').and_then(RelPath::parse),
    })
}

/// Whether this can follow the name of a part: something in its folder, or, of the folder itself, nothing.
fn is_below(below: &str, is_folder: bool) -> bool {
    below.starts_with('/') || (is_folder && below.is_empty())
}

/// Whether the connector uses such names itself. They are no part of what is archived.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with(HIDDEN)
}

/// Whether this path in the tree leads to what belongs to the file system, if the tree is one: that is neither archived nor
/// restored, and cannot be removed.
pub(crate) fn is_file_systems(path: &str) -> bool {
    path.split('/').next() == Some("lost+found")
}

/// The name in the archive of a part of what is at `path` in the tree.
pub(crate) fn archived(part: Part, path: &RelPath) -> String {
    match part.folder() {
        Some(folder) => {
            let below = path.as_str().strip_prefix(folder.as_str()).unwrap_or_default();
            format!("{}{below}", part.name())
        }
        None => format!("{}/{path}", part.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[track_caller]
    fn check(name: &str, is_folder: bool, expected: &str) {
        assert_eq!(parse(name.as_bytes(), Part::Directory, is_folder), Ok(Some(path(expected))));
    }

    #[test]
    fn a_safe_name_is_a_path_with_or_without_the_usual_ornaments() {
        check("directory/team/20000.xml", false, "directory/team/20000.xml");
        check("./directory/.gitkeep", false, "directory/.gitkeep");
        check("directory/", true, "directory");
        check("./directory/team/", true, "directory/team");
        check("directory/ü 会議", false, "directory/ü 会議");
    }

    #[test]
    fn an_unsafe_name_is_refused() {
        for name in [
            "",
            "/",
            "./",
            "..",
            "/etc/passwd",
            "../directory/a",
            "directory/../../etc/passwd",
            "directory/./a",
            "directory//a",
            "//directory/a",
            "././directory/a",
            "directory/a\\b",
            "directory/a\nb",
            "directory/a\rb",
            "directory/a\0b",
            "directory/a/",
        ] {
            assert_eq!(parse(name.as_bytes(), Part::Directory, false), Err(Fault::UnsafeName(name.into())), "{name:?}");
        }
        let latin = parse(b"directory/\xfc", Part::Directory, false);
        assert_eq!(latin, Err(Fault::UnsafeName("directory/\u{fffd}".into())));
    }

    #[test]
    fn a_name_of_another_folder_is_refused() {
        for name in ["dialplan/a", "directory2/a", "a", "directory"] {
            let elsewhere = Fault::Elsewhere { name: name.into(), part: Part::Directory };
            assert_eq!(parse(name.as_bytes(), Part::Directory, false), Err(elsewhere));
        }
    }

    #[test]
    fn our_own_names_are_refused() {
        for name in ["freeswitch/.fsconnector-journal", "freeswitch/.fsconnector-x/a"] {
            assert_eq!(parse(name.as_bytes(), Part::FreeSwitch, false), Err(Fault::OwnName(name.into())));
        }
    }

    #[test]
    fn a_name_can_be_there_once_and_as_one_thing() {
        let mut names = Names::default();
        assert_eq!(names.add_file(&path("d/a/b"), 1), Ok(()));
        assert_eq!(names.add_folder(&path("d/a")), Ok(()), "it was only implied so far");
        assert_eq!(names.add_folder(&path("d/a")), Err(Fault::Twice(path("d/a"))));
        assert_eq!(names.add_file(&path("d/a/b"), 1), Err(Fault::Twice(path("d/a/b"))));
        assert_eq!(names.add_file(&path("d/a"), 1), Err(Fault::FileAndFolder(path("d/a"))));
        assert_eq!(names.add_folder(&path("d/a/b")), Err(Fault::FileAndFolder(path("d/a/b"))));
        assert_eq!(names.add_file(&path("d/a/b/c"), 1), Err(Fault::FileAndFolder(path("d/a/b"))));
        assert_eq!(names.add_file(&path("d"), 1), Err(Fault::FileAndFolder(path("d"))));
    }

    #[test]
    fn what_belongs_to_the_file_system_is_known_in_the_trees_own_folder_only() {
        assert!(is_file_systems("lost+found") && is_file_systems("lost+found/#12/a"));
        assert!(!is_file_systems("directory/lost+found") && !is_file_systems("lost+found.xml"));
    }

    #[test]
    fn a_path_in_the_tree_and_its_path_in_the_archive_belong_together() {
        for (part, tree, archive) in [
            (Part::Directory, "directory/team/a", "directory/team/a"),
            (Part::Conferences, "dialplan/conferences/a", "conferences/a"),
            (Part::Conferences, "dialplan/conferences", "conferences"),
            (Part::FreeSwitch, "directory/team", "freeswitch/directory/team"),
        ] {
            assert_eq!(archived(part, &path(tree)), archive);
            assert_eq!(parse(archive.as_bytes(), part, true), Ok(Some(path(tree))));
        }
        assert_eq!(parse(b"freeswitch/", Part::FreeSwitch, true), Ok(None));
    }
}
