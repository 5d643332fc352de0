//! The live state: by example, by replay of what a real switch has sent, and at random.
//!
//! ```text
//! stage.rs     an engine, a session and listeners; what happens is written as short lines
//! switch.rs    a switch in miniature: what it would list, by its events
//! client.rs    a client that stumbles over every event that does not fit what it knows
//! seen.rs      what is to be seen, read from listings and from answers to clients
//! ```
//!
//! None of these shares a line with the engine's live state.

#![allow(clippy::unwrap_used, clippy::panic)]

mod audits;
mod captures;
mod chaos;
mod client;
mod conferences;
mod control;
mod keys;
mod members;
mod races;
mod registrations;
mod seen;
mod sessions;
mod stage;
mod story;
mod switch;
mod town;
