//! Making an archive of a part of the configuration tree.

use fsconnector_engine::files::Part;
use fsconnector_engine::io::FileError;

use super::fault::Fault;
use super::pack::Packer;
use super::shelf::Shelf;
use super::walk::{Item, ItemKind, open, read_file, unreadable, walk};
use crate::operations::Operations;

/// Writes the archive of a part, durably. The one before is kept under its time.
pub(crate) fn store<O: Operations>(operations: &O, part: Part) -> Result<(), FileError> {
    let shelf = Shelf::make(operations)?;
    let packed = pack(operations, part)?;
    shelf.put(operations, part, &packed)
}

/// The archive of a part as it is now.
fn pack<O: Operations>(operations: &O, part: Part) -> Result<Vec<u8>, FileError> {
    let folder = open(operations, part)?.ok_or(Fault::NoFolder(part))?;
    let access = operations.folder_access(&folder).map_err(|error| unreadable(part.folder().as_ref(), &error))?;
    let mut packer = Packer::new(part);
    packer.add_root(access.mode)?;
    walk(operations, part, &folder, &mut |item| add(operations, &mut packer, &item))?;
    Ok(packer.finish()?)
}

fn add<O: Operations>(operations: &O, packer: &mut Packer, item: &Item<'_, O::Folder>) -> Result<(), FileError> {
    let path = item.path;
    match item.kind {
        ItemKind::Folder(folder) => {
            let access = operations.folder_access(folder).map_err(|error| unreadable(Some(path), &error))?;
            packer.add_folder(path, access.mode)?;
        }
        ItemKind::File(folder, name) => {
            if let Some(found) = read_file(operations, path, folder, name)? {
                packer.add_file(path, found.access.mode, &found.content)?;
            }
        }
    }
    Ok(())
}
