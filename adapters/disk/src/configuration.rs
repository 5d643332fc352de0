//! The configuration tree of the switch.

use std::io;
use std::path::PathBuf;

use fsconnector_engine::io::{FileError, FileWork, FilesDone};
use fsconnector_engine::path::RelPath;

use crate::root::Root;

/// The configuration tree, and the work that the engine wants done in it.
#[derive(Clone, Debug)]
pub struct ConfigurationTree {
    path: PathBuf,
}

impl ConfigurationTree {
    /// The tree at `path`. It need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Carries out one work. It blocks for as long as the disk takes.
    pub fn perform(&self, work: &FileWork) -> Result<FilesDone, FileError> {
        match work {
            FileWork::List(folders) => self.list(folders),
        }
    }

    fn list(&self, folders: &[RelPath]) -> Result<FilesDone, FileError> {
        let mut files = Vec::new();
        for folder in folders {
            let names = match Root::open_folder(&self.path).and_then(|root| root.names(folder)) {
                Ok(names) => names,
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.path.is_dir() => continue,
                Err(error) => return Err(FileError::Failed { path: folder.clone(), reason: error.to_string() }),
            };
            let visible = names.iter().filter(|name| !name.starts_with('.'));
            let xml = visible.filter(|name| name.rsplit_once('.').is_some_and(|(_, extension)| extension == "xml"));
            files.extend(xml.filter_map(|name| folder.join(name)));
        }
        files.sort();
        Ok(FilesDone::Listed(files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn the_visible_xml_files_of_the_folders_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("directory/team")).unwrap();
        for name in ["20001.xml", "20000.xml", ".20002.xml", "20003.txt"] {
            fs::write(folder.path().join("directory/team").join(name), "").unwrap();
        }
        let work = FileWork::List(vec![path("directory/team"), path("directory/friends")]);
        let done = ConfigurationTree::new(folder.path()).perform(&work);
        let expected = vec![path("directory/team/20000.xml"), path("directory/team/20001.xml")];
        assert_eq!(done, Ok(FilesDone::Listed(expected)));
    }

    #[test]
    fn a_tree_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let tree = ConfigurationTree::new(folder.path().join("missing"));
        let error = tree.perform(&FileWork::List(vec![path("directory/team")])).unwrap_err();
        assert_eq!(error.path, path("directory/team"));
    }
}
