//! Under construction.

pub mod config;
mod switch;

pub use switch::{Answer, ConnectionId, Faults, Identity, Output, SimSwitch};
