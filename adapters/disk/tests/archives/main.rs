//! Archives of the configuration tree: storing and restoring, on the disk of this machine and on the model of one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod by_hand;
mod hostile;
mod interruptions;
mod restoring;
mod storing;
mod trees;
