#![doc = "Under construction."]
#![forbid(unsafe_code)]

pub mod access;
pub mod config;
pub mod numbers;
pub mod path;
pub mod query;
pub mod secret;
pub mod state;
pub mod time;
