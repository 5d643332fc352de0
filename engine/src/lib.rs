#![doc = "Under construction."]
#![forbid(unsafe_code)]

pub mod access;
pub mod config;
mod engine;
pub mod esl;
pub mod io;
pub mod note;
pub mod numbers;
pub mod path;
pub mod query;
pub mod secret;
pub mod state;
pub mod switch;
pub mod time;

pub use engine::Engine;
