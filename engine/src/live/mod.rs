//! The live state: who is in which conference, what is recorded, who is registered.

pub mod listener;
pub mod request;
