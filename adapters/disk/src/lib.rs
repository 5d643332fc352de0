//! The files of fsconnector.
//!
//! Everything below a [`Root`] is reached through [`RelPath`]s, which cannot leave it, and no link on the way is
//! followed: whoever can write into the tree still cannot make the program read or list anything outside of it.
//! [`ConfigurationTree`] carries out the file work of the engine.

mod configuration;
mod root;

pub use configuration::ConfigurationTree;
#[doc(no_inline)]
pub use fsconnector_engine::path::RelPath;
pub use root::Root;
