//! What phones upload: their logs, their own contacts and settings. Each phone has a folder of its own, and no more room
//! than it needs.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;

use fsconnector_engine::io::FileError;
use fsconnector_engine::mac::Mac;
use fsconnector_engine::path::{RelPath, TreePath};

use crate::disk::NoStaticTree;
use crate::journal::HIDDEN;
use crate::operations::{Entry, EntryKind, Found, NewAccess, Operations};
use crate::places::{Folders, failed};
use crate::staging::closed;

/// The largest upload in bytes.
pub const LARGEST_UPLOAD: usize = 1 << 20;

/// How large a log in bytes can grow before it is put aside and begun anew. One earlier log is kept.
pub const LARGEST_LOG: usize = 512 << 10;

/// How many bytes all files of a phone can have, those included that are written for it.
pub const LARGEST_FOLDER: u64 = 8 << 20;

/// How many files a phone can have, those included that are written for it.
pub const MOST_FILES: usize = 64;

/// The name of an upload: 1 to 128 ASCII letters, digits, `_`, `.` and `-`, not beginning with a dot. Phones name their
/// files so, after their MAC, and what else could be in a name is not worth its dangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadName(Box<str>);

impl UploadName {
    /// Reads a name; nothing if it is none of ours.
    pub fn parse(name: &str) -> Option<Self> {
        let is_ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let fits = (1..=128).contains(&name.len()) && !name.starts_with('.');
        (fits && name.chars().all(is_ours)).then(|| Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a log, which is continued.
    pub fn is_log(&self) -> bool {
        self.0.ends_with("-app.log")
    }

    fn put_aside(&self) -> String {
        format!("{}.1", self.0)
    }
}

impl fmt::Display for UploadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// A log was continued or begun.
    Appended,
    /// A file was made or replaced.
    Written,
}

/// Why an upload was not taken. Nothing has changed, unless it is [`Failed`](Self::Failed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadError {
    /// It has more bytes than an upload can have, or than the phone has room for.
    TooLarge,
    /// The phone has as many files as it can have.
    TooMany,
    /// There is no static tree.
    Unavailable(NoStaticTree),
    /// The operating system could not do it. The file is as it was, or as it was to be, but then it need not be durable; the
    /// phone's folder may have been made. A log that was to be put aside is not lost, but the one before it may be.
    Failed(FileError),
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the upload is too large"),
            Self::TooMany => f.write_str("there are too many files of this phone"),
            Self::Unavailable(none) => none.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UploadError {}

/// Takes an upload, durably. There may be only one at a time in a tree.
pub fn upload<O: Operations>(
    operations: &O,
    mac: &Mac,
    name: &UploadName,
    content: &[u8],
) -> Result<Uploaded, UploadError> {
    if content.len() > if name.is_log() { LARGEST_LOG } else { LARGEST_UPLOAD } {
        return Err(UploadError::TooLarge);
    }
    let folder = phone_folder(mac);
    let mut folders = Folders::of(1).doubted(true);
    let opened = open_phone(operations, &mut folders, &folder).map_err(UploadError::Failed)?;
    let upload = Upload { operations, folder: &opened, name };
    let failed = |error| UploadError::Failed(failed(&folder, &error));
    let turn = upload.plan(content).map_err(failed)?;
    upload.refuse(&turn).map_err(failed)??;
    let written = upload.write(&turn);
    // What cannot be removed now is removed by the next upload of that file, or at the next start.
    let _ = operations.remove(&opened, &upload.hidden());
    written.map_err(failed)?;
    folders.sync_names(operations).map_err(UploadError::Failed)?;
    Ok(if name.is_log() { Uploaded::Appended } else { Uploaded::Written })
}

#[expect(clippy::expect_used, reason = "the digits of a MAC are a plain name")]
fn phone_folder(mac: &Mac) -> TreePath {
    TreePath::in_static(RelPath::parse(&format!("polycom/{mac}")).expect("plain names"))
}

/// Opens the phone's folder. It is made if it is not there, durably, whatever comes of the upload: what others write in it
/// later must not be lost with it.
fn open_phone<O: Operations>(
    operations: &O,
    folders: &mut Folders<O>,
    folder: &TreePath,
) -> Result<Rc<O::Folder>, FileError> {
    let path = (folder.tree, Some(folder.path.clone()));
    let missing = folders.missing_down_to(operations, path.clone())?;
    if !missing.is_empty() {
        let mut make = |folder| folders.make(operations, folder, NewAccess::LikeFolder).map(drop);
        let made = missing.iter().try_for_each(&mut make).map_err(FileError::from);
        if let Err(error) = made.and_then(|()| folders.sync_names(operations)) {
            for folder in missing.iter().rev() {
                let _ = folders.remove(operations, folder);
            }
            return Err(error);
        }
    }
    folders.open(operations, &path).map_err(|error| failed(folder, &error))
}

struct Upload<'a, O: Operations> {
    operations: &'a O,
    folder: &'a O::Folder,
    name: &'a UploadName,
}

/// What becomes of the files.
struct Turn {
    new: Vec<u8>,
    access: NewAccess,
    /// Whether the log that is there is put aside.
    rotates: bool,
}

/// The files of a phone by name, with their sizes.
type Sizes = BTreeMap<String, u64>;

impl<O: Operations> Upload<'_, O> {
    fn plan(&self, content: &[u8]) -> io::Result<Turn> {
        let Some(old) = self.find(self.name.as_str())? else {
            return Ok(Turn { new: content.to_vec(), access: NewAccess::LikeFolderClosed, rotates: false });
        };
        let access = NewAccess::Like(closed(old.access));
        let rotates = self.name.is_log() && old.content.len() + content.len() > LARGEST_LOG;
        if rotates {
            self.find(&self.name.put_aside())?;
        }
        let continues = self.name.is_log() && !rotates;
        let new = if continues { [&*old.content, content].concat() } else { content.to_vec() };
        Ok(Turn { new, access, rotates })
    }

    /// The plain file of this name. What else has it is in the way.
    fn find(&self, name: &str) -> io::Result<Option<Found>> {
        match self.operations.read(self.folder, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let in_the_way = self.operations.exists(self.folder, name)?;
                let error =
                    || io::Error::new(io::ErrorKind::AlreadyExists, "something that is no plain file has the name");
                if in_the_way { Err(error()) } else { Ok(None) }
            }
            other => other.map(Some),
        }
    }

    /// Refuses what there is no room for.
    fn refuse(&self, turn: &Turn) -> io::Result<Result<(), UploadError>> {
        let before = self.sizes()?;
        let mut after = before.clone();
        let size = after.insert(self.name.as_str().to_owned(), turn.new.len() as u64);
        after.extend(size.filter(|_| turn.rotates).map(|size| (self.name.put_aside(), size)));
        let bytes = |sizes: &Sizes| sizes.values().sum::<u64>();
        Ok(if after.len() > MOST_FILES.max(before.len()) {
            Err(UploadError::TooMany)
        } else if bytes(&after) > LARGEST_FOLDER.max(bytes(&before)) {
            Err(UploadError::TooLarge)
        } else {
            Ok(())
        })
    }

    fn sizes(&self) -> io::Result<Sizes> {
        let entries = self.operations.entries(self.folder)?;
        let counts = |entry: &Entry| entry.kind == EntryKind::File && !entry.name.starts_with(HIDDEN);
        let mut sizes = Sizes::new();
        for Entry { name, .. } in entries.into_iter().filter(counts) {
            match self.operations.size(self.folder, &name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                size => drop(sizes.insert(name, size?)),
            }
        }
        Ok(sizes)
    }

    /// At every moment each name stands for a whole file.
    fn write(&self, turn: &Turn) -> io::Result<()> {
        let hidden = self.hidden();
        if self.operations.exists(self.folder, &hidden)? {
            self.operations.remove(self.folder, &hidden)?;
        }
        self.operations.write_new(self.folder, &hidden, &turn.new, turn.access)?;
        self.operations.sync_file(self.folder, &hidden)?;
        if turn.rotates { self.rotate() } else { self.put(&hidden, self.name.as_str()) }
    }

    /// Begins a log anew and puts the one that is there aside. Those two change places at once, when the new one is where the
    /// old one is to be: so the old one has one of these names whatever happens, and only the one before it can be lost.
    fn rotate(&self) -> io::Result<()> {
        let (hidden, aside) = (self.hidden(), self.name.put_aside());
        self.put(&hidden, &aside)?;
        self.operations.exchange(self.folder, &aside, self.name.as_str()).inspect_err(|_| {
            // If this fails, too, the new log is there instead of the one before, of which this would be the end anyway.
            let _ = self.put(&aside, &hidden);
        })
    }

    /// Gives a file another name; if a file has it, that one gets the first.
    fn put(&self, from: &str, to: &str) -> io::Result<()> {
        match self.operations.rename_new(self.folder, from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.operations.exchange(self.folder, from, to)
            }
            other => other,
        }
    }

    fn hidden(&self) -> String {
        format!("{HIDDEN}upload-{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_one_that_phones_use() {
        let longest = "x".repeat(128);
        for good in ["0004f2000000-app.log", "a.b_c-D9", "x", &longest] {
            assert_eq!(UploadName::parse(good).unwrap().as_str(), good);
        }
        let too_long = "x".repeat(129);
        for bad in ["", ".", "..", ".x", "a/b", "a\\b", "a b", "ü", "a\0", "a%2fb", "a\n", &too_long] {
            assert_eq!(UploadName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_the_application_log_is_continued() {
        let is_log = |name| UploadName::parse(name).unwrap().is_log();
        assert!(is_log("0004f2000000-app.log"));
        assert!(!is_log("0004f2000000-boot.log") && !is_log("app.log") && !is_log("x-app.log.1"));
    }
}
