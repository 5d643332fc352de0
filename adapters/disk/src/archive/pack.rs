//! Writing an archive. Of the same tree it always makes the same bytes.

use std::io;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use fsconnector_engine::files::Part;
use fsconnector_engine::path::RelPath;
use tar::{Builder, EntryType, Header};

use super::bounds::{LARGEST_ARCHIVE, Tally, length};
use super::fault::{Bound, Fault};
use super::names::archived;

/// The archive of a part that is being written, in memory. The paths are those in the tree.
pub(crate) struct Packer {
    part: Part,
    builder: Builder<GzEncoder<Vec<u8>>>,
    tally: Tally,
}

impl Packer {
    /// An archive with nothing in it.
    pub(crate) fn new(part: Part) -> Self {
        let packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        Self { part, builder: Builder::new(packed), tally: Tally::default() }
    }

    /// Adds the folder of the part itself, with these permission bits.
    pub(crate) fn add_root(&mut self, mode: u32) -> Result<(), Fault> {
        self.append(EntryType::Directory, &format!("{}/", self.part.name()), mode, &[])
    }

    /// Adds a folder with these permission bits.
    pub(crate) fn add_folder(&mut self, path: &RelPath, mode: u32) -> Result<(), Fault> {
        self.tally.add(path)?;
        self.append(EntryType::Directory, &format!("{}/", archived(self.part, path)), mode, &[])
    }

    /// Adds a file with these permission bits and what it says.
    pub(crate) fn add_file(&mut self, path: &RelPath, mode: u32, content: &[u8]) -> Result<(), Fault> {
        self.tally.add(path)?;
        self.tally.add_content(path, length(content.len()))?;
        self.append(EntryType::Regular, &archived(self.part, path), mode, content)
    }

    /// The whole archive, compressed.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Fault> {
        let packed = self.builder.into_inner().and_then(GzEncoder::finish).map_err(not_packed)?;
        check_size(&packed)?;
        Ok(packed)
    }

    fn append(&mut self, kind: EntryType, name: &str, mode: u32, content: &[u8]) -> Result<(), Fault> {
        // No times and no owners: they would make two archives of the same tree differ.
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(length(content.len()));
        self.builder.append_data(&mut header, name, content).map_err(not_packed)?;
        check_size(self.builder.get_ref().get_ref())
    }
}

fn check_size(packed: &[u8]) -> Result<(), Fault> {
    if length(packed.len()) > LARGEST_ARCHIVE { Err(Fault::TooMuch(Bound::Archive)) } else { Ok(()) }
}

/// Writing to memory cannot fail; a name could, if it is longer than any archive can hold.
#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped with")]
fn not_packed(error: io::Error) -> Fault {
    Fault::NotPacked(error.to_string())
}
