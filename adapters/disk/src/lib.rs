//! The files of fsconnector.
//!
//! Everything below a [`Root`] is reached through [`RelPath`]s, which cannot leave it, and no link on the way is
//! followed: whoever can write into the tree still cannot make the program read, list or change anything outside of it.
//!
//! [`Disk`] is the door: it carries out the file work of the engine in both trees, and takes what phones upload. Behind it
//! are [`ChangeSets`], which change all files of a request or none, under a journal; write the files of all phones, each for
//! itself, and make them durable when all are written; and store and restore parts of the configuration. They know the disk only by its [`Operations`], so the code that
//! works on a [`Real`] disk is tested on a [`Model`] of one that fails, fills up, and loses its power at any moment.

mod archive;
mod change_sets;
mod checking;
mod disk;
mod fingerprint;
mod folder_modes;
mod journal;
mod listing;
mod lock;
mod model;
mod operations;
mod places;
mod placing;
mod provisioning;
mod real;
mod root;
mod staging;
mod static_tree;
mod strays;
mod uploads;

pub use change_sets::{ChangeSets, Recovered};
pub use disk::{Disk, Folders, NoStaticTree, OpenError};
#[doc(no_inline)]
pub use fsconnector_engine::path::{RelPath, Tree, TreePath};
pub use model::{Edit, Editing, Model, Opened};
pub use operations::{Access, Entry, EntryKind, Found, NewAccess, Operations};
pub use real::{Real, Volume};
pub use root::Root;
pub use uploads::{LARGEST_FOLDER, LARGEST_LOG, LARGEST_UPLOAD, MOST_FILES, UploadError, UploadName, Uploaded, upload};
