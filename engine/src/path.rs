//! Names of files below a root, and the roots there are.

use std::fmt;

/// A relative path that cannot leave its root: one or more plain names joined by `/`, none of them empty, `.` or `..`,
/// none with a NUL, a line break or a backslash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelPath(Box<str>);

impl RelPath {
    /// Reads a relative path; nothing if it is none of ours.
    pub fn parse(path: &str) -> Option<Self> {
        let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\0', '\\', '\n', '\r']);
        path.split('/').all(plain).then(|| Self(path.into()))
    }

    /// The path below this one with that last name.
    pub fn join(&self, name: &str) -> Option<Self> {
        Self::parse(&format!("{self}/{name}"))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names it is made of, from the root down.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last of its names.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The trees that the connector writes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// The switch's XML files.
    Configuration,
    /// What clients are served: provisioning, the web client, archives.
    Static,
}

/// A file or folder of one of the trees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath {
    /// The tree.
    pub tree: Tree,
    /// Where it is in there.
    pub path: RelPath,
}

impl TreePath {
    /// A path in the configuration tree.
    pub fn configuration(path: RelPath) -> Self {
        Self { tree: Tree::Configuration, path }
    }

    /// A path in the static tree.
    pub fn in_static(path: RelPath) -> Self {
        Self { tree: Tree::Static, path }
    }
}

/// The path below its root. No path is in both trees, so that says enough.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_cannot_leave_its_root() {
        for good in ["a", "a/b.xml", ".hidden", "a/..b", "会議/x"] {
            assert_eq!(RelPath::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\\b", "a\0", "a\nb"] {
            assert_eq!(RelPath::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_joined_name_is_one_more_step_down() {
        let folder = RelPath::parse("directory/team").unwrap();
        assert_eq!(folder.join("20000.xml").unwrap().as_str(), "directory/team/20000.xml");
        assert_eq!(folder.join(".."), None);
        assert_eq!(folder.file_name(), "team");
    }
}
