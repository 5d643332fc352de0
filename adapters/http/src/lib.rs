//! The HTTP side of fsconnector.
//!
//! - The **gate** is the only public listener. It bounds what a client may take, reads requests strictly, finds out who is
//!   calling (HTTP Digest), and looks up in one table of routes what they may do. What the published state can answer, it
//!   answers itself, from answers that are serialised once per state.
//! - The **handlers** behind it, on threads of their own with tiny_http, do what waits or touches files. They listen on
//!   Unix sockets that nobody else can reach; the **relay** is the bounded way there. What is short, what is long, and each
//!   kind of change go in lanes of their own, and in each every user has a share, so that nobody's slow downloads or
//!   uploads keep others waiting. A short answer is taken whole into memory: a slow client holds up no handler with it.
//! - **Listeners** to the live state are the gate's own: WebSockets that share one ring of events. Whoever tells an event
//!   waits for none of them, and none for another.
//! - The **description** of all that, an OpenAPI document, is made of the table of routes and of the schemas that check.
//! - A **change** is checked by a handler, goes into a queue for the engine, and is parked until its answer comes. Nobody
//!   waits for the engine but the client.
//!
//! What is absent: no request reaches a handler without a known caller, no handler sees the caller's password or
//! `Authorization` header, no other web site has anything changed, no change is handed on twice, and no lock that a thread
//! waits for is held while anything else waits.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use fsconnector_http::{COMMANDS, Current, Gate, GateConfig, Plain, serve};
//! use smol::Executor;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let current = Arc::new(Current::default()); // the engine's loop calls `current.publish(state)`
//! let (queue, asked) = smol::channel::bounded(COMMANDS); // the engine's loop takes what is asked,
//! // and calls `gate.respond(id, response)`; it takes what listeners do as well, and calls `gate.tell(notice)`
//! let (listeners, _listening) = smol::channel::bounded(256);
//! let gate = Gate::open(GateConfig::default(), Arc::clone(&current), queue, listeners)?;
//! let gate = Arc::new(gate);
//! let executor = Arc::new(Executor::new());
//! smol::block_on(executor.run(async {
//!     let listener = async_net::TcpListener::bind("127.0.0.1:3000").await?;
//!     let stop = std::future::pending(); // ready when the program is to end
//!     serve(gate, listener, Plain, Arc::clone(&executor), stop).await;
//!     Ok(())
//! }))
//! # }
//! ```

#![forbid(unsafe_code)]

mod answer;
mod audit;
mod auth;
mod budget;
mod caller;
mod change;
mod current;
mod deadline;
mod description;
mod gate;
mod handlers;
mod live;
mod metrics;
mod operation;
mod problem;
mod relay;
mod routes;
#[cfg(test)]
mod sample;
mod schemas;
mod shown;
mod sparing;
mod target;

pub use current::Current;
pub use gate::{
    Acceptor, Certificate, CertificateDoubt, CertificateFault, CertificateFiles, Doubt, Fault, Gate, GateConfig,
    GateError, Limits, Origin, Plain, Tls, TlsError, TlsStream, serve, serve_metrics,
};
pub use handlers::{Asked, Uploads};
pub use live::{FromListener, LiveLimits};
pub use relay::COMMANDS;
