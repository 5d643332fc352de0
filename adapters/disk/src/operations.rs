//! What the change sets need of a disk: a dozen operations, so that the code that ships is the code that is tested on a
//! disk that fails, fills up and loses its power.

use std::io;

use fsconnector_engine::path::{RelPath, Tree};
use fsconnector_engine::time::Wall;

/// Operations on the files of a tree. Each either happens as a whole or fails; [`write_new`](Self::write_new) alone can
/// leave a part behind. No operation follows a link. What is not synced may be gone when the power comes back.
pub trait Operations {
    /// A folder that is held open, and stays the same one if it is moved.
    type Folder;
    /// The file systems of some folders.
    type Volumes: Default;

    /// Opens the folder of this tree at `path`; without a path that is the tree's own. A tree that there is none of is
    /// [`io::ErrorKind::NotFound`].
    fn folder(&self, tree: Tree, path: Option<&RelPath>) -> io::Result<Self::Folder>;

    /// Who may list and change a folder.
    fn folder_access(&self, folder: &Self::Folder) -> io::Result<Access>;

    /// What is in the folder, in no order.
    fn entries(&self, folder: &Self::Folder) -> io::Result<Vec<Entry>>;

    /// Whether anything at all has this name, be it a link that leads nowhere.
    fn exists(&self, folder: &Self::Folder, name: &str) -> io::Result<bool>;

    /// Reads a plain file. Anything else is [`io::ErrorKind::NotFound`].
    fn read(&self, folder: &Self::Folder, name: &str) -> io::Result<Found> {
        self.read_up_to(folder, name, u64::MAX)
    }

    /// Reads a plain file that has so many bytes at most; [`io::ErrorKind::FileTooLarge`] if it has more.
    fn read_up_to(&self, folder: &Self::Folder, name: &str, most: u64) -> io::Result<Found>;

    /// How many bytes a plain file has. Anything else is [`io::ErrorKind::NotFound`].
    fn size(&self, folder: &Self::Folder, name: &str) -> io::Result<u64>;

    /// When a plain file was written last. Anything else is [`io::ErrorKind::NotFound`].
    fn modified(&self, folder: &Self::Folder, name: &str) -> io::Result<Wall>;

    /// Writes a file that is not there yet; [`io::ErrorKind::AlreadyExists`] if anything has the name.
    fn write_new(&self, folder: &Self::Folder, name: &str, content: &[u8], access: NewAccess) -> io::Result<()>;

    /// Gives a file another name that nothing has yet; [`io::ErrorKind::AlreadyExists`] otherwise.
    fn rename_new(&self, folder: &Self::Folder, from: &str, to: &str) -> io::Result<()>;

    /// Swaps what two names stand for; at every moment both names stand for something.
    fn exchange(&self, folder: &Self::Folder, one: &str, other: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, folder: &Self::Folder, name: &str) -> io::Result<()>;

    /// Removes files, as far as they are there and can be removed.
    fn remove_all(&self, files: &[(&Self::Folder, &str)]) {
        for (folder, name) in files {
            let _ = self.remove(folder, name);
        }
    }

    /// Makes a folder; [`io::ErrorKind::AlreadyExists`] if anything has the name. With [`NewAccess::LikeFolder`] it is
    /// as open as the folder it is in.
    fn make_folder(&self, folder: &Self::Folder, name: &str, access: NewAccess) -> io::Result<()>;

    /// Gives a folder other permission bits.
    fn set_folder_mode(&self, folder: &Self::Folder, mode: u32) -> io::Result<()>;

    /// Removes a folder; [`io::ErrorKind::DirectoryNotEmpty`] if anything is in it.
    fn remove_folder(&self, folder: &Self::Folder, name: &str) -> io::Result<()>;

    /// Makes the content of a file durable. When this has failed the content is lost, whatever a second try says.
    fn sync_file(&self, folder: &Self::Folder, name: &str) -> io::Result<()>;

    /// Makes the names in a folder durable, and its permission bits.
    fn sync_folder(&self, folder: &Self::Folder) -> io::Result<()>;

    /// Adds the file system of a folder to `volumes`. Of what fails there from now on, their syncing tells.
    fn add_volume(&self, volumes: &mut Self::Volumes, folder: &Self::Folder) -> io::Result<()>;

    /// Makes all that is written on the file systems durable, contents and names; [`io::ErrorKind::Unsupported`] where
    /// there is no such operation.
    fn sync_volumes(&self, volumes: &Self::Volumes) -> io::Result<()>;
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name; of one that is no UTF-8, what can be shown of it.
    pub name: String,
    /// What it is the name of.
    pub kind: EntryKind,
}

/// What a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
    /// Anything, with a name that is no UTF-8. The program never writes one, and cannot reach it.
    Nameless,
}

/// A plain file that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub content: Vec<u8>,
    /// Who may read and write it.
    pub access: Access,
}

/// Contents can hold passwords: a debug print shows the length only.
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({} bytes, {:?})", self.content.len(), self.access)
    }
}

/// Who may read and write a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The permission bits.
    pub mode: u32,
    /// The user id of the owner.
    pub owner: u32,
    /// The id of the group.
    pub group: u32,
}

/// Who may read and write a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAccess {
    /// Nobody but the program.
    Private,
    /// Whoever may list and change the folder: 0640 in a folder of 0750, 0644 in one of 0755, and the folder's owner
    /// and group. So the switch can read a new file whoever it runs as, if it can read the folder.
    LikeFolder,
    /// As [`LikeFolder`](Self::LikeFolder), but never for everybody, and the group only reads.
    LikeFolderClosed,
    /// These permission bits, with the folder's owner and group.
    Mode(u32),
    /// As with the file it takes the place of.
    Like(Access),
}
