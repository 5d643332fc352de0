//! The HTTP side of fsconnector.

#![forbid(unsafe_code)]

mod answer;
mod auth;
mod caller;
mod current;
mod gate;
mod handlers;
mod problem;
mod relay;
mod routes;
#[cfg(test)]
mod sample;
mod shown;
mod target;

pub use current::Current;
pub use gate::{Acceptor, Gate, GateConfig, GateError, Limits, Origin, Plain, serve};
