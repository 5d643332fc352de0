//! The real program against a simulated switch, over real sockets, with clients as they are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod connector;
mod stage;

mod demo;
mod following;
mod login;
mod trees;
