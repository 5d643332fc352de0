//! Archives of parts of the configuration tree: a gzip'd tar each, in the static tree.
//!
//! *Store* writes one, always the same bytes for the same files. *Restore* takes one apart, without trusting it, compares it
//! with the tree, and makes a change set of the differences: so the tree is what was archived, or stays as it is.

mod bounds;
mod compare;
mod fault;
mod names;
mod pack;
mod read;
mod restore;
mod shelf;
mod store;
mod walk;
mod wanted;
mod xml;

pub(crate) use restore::Restoration;
pub(crate) use store::store;
