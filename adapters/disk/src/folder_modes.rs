//! The permission bits of folders that are there before a change set and after it.

use std::io;

use fsconnector_engine::io::FileError;
use fsconnector_engine::path::TreePath;

use crate::operations::Operations;
use crate::places::{Folders, failed};

/// What happens to the permission bits of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FolderMode {
    pub(crate) path: TreePath,
    pub(crate) old: u32,
    pub(crate) new: u32,
}

impl FolderMode {
    /// Gives the folder its new bits, durably, unless somebody has changed them.
    pub(crate) fn place<O: Operations>(&self, operations: &O, folders: &mut Folders<O>) -> Result<(), FileError> {
        self.set(operations, folders, self.old, self.new)
    }

    /// Gives the folder its old bits, durably, unless somebody has changed them.
    pub(crate) fn put_back<O: Operations>(&self, operations: &O, folders: &mut Folders<O>) -> Result<(), FileError> {
        self.set(operations, folders, self.new, self.old)
    }

    fn set<O: Operations>(
        &self,
        operations: &O,
        folders: &mut Folders<O>,
        from: u32,
        to: u32,
    ) -> Result<(), FileError> {
        let mut set = || {
            let folder = folders.open(operations, &(self.path.tree, Some(self.path.path.clone())))?;
            if operations.folder_access(&folder)?.mode == from {
                operations.set_folder_mode(&folder, to)?;
            }
            // Whoever has set them need not have synced them.
            operations.sync_folder(&folder)
        };
        match set() {
            // Only its owner can change the bits of a folder, and somebody may have removed it.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => Ok(()),
            other => other.map_err(|error| failed(&self.path, &error)),
        }
    }
}
