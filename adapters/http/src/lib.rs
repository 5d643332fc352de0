//! The HTTP side of fsconnector.

#![forbid(unsafe_code)]

mod answer;
mod auth;
mod current;
mod problem;
mod routes;
#[cfg(test)]
mod sample;
mod shown;
mod target;

pub use current::Current;
