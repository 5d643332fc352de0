//! The real program against a simulated switch, over real sockets, with clients as they are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod connector;
mod curl;
mod listener;
mod observer;
mod samples;
mod secrets;
mod stage;

mod archives;
mod audit;
mod changes;
mod checking;
mod demo;
mod following;
mod hostile;
mod journal;
mod killing;
mod live;
mod login;
mod metrics;
mod provisioning;
mod rebuilding;
mod recordings;
mod shutdown;
mod templates;
mod tls;
mod trees;
