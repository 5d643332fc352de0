//! The pure state engine of fsconnector.
//!
//! It keeps the state of a FreeSWITCH conference system – users, conferences, profiles, global variables, and what is live –
//! as the switch reports it. Whoever embeds it hands in what happened as an [`Input`](io::Input) and carries out the
//! [`Effect`](io::Effect)s that come out; there is no other door.
//!
//! ```
//! use fsconnector_engine::{Engine, Start};
//! use fsconnector_engine::render::Templates;
//! use fsconnector_engine::config::Config;
//! use fsconnector_engine::io::{Effect, Epoch, Input};
//! use fsconnector_engine::time::Now;
//!
//! let templates = Templates::new(fsconnector_templates::ALL)?;
//! let start = Start { templates, unsettled: false, phones: None };
//! let mut engine = Engine::new(Config::default(), start, Now::default())?;
//! let mut effects = Vec::new();
//! engine.handle(Now::default(), Input::SwitchUp { epoch: Epoch(1) }, &mut effects);
//! let questions = effects.iter().filter(|effect| matches!(effect, Effect::Switch { .. }));
//! assert_eq!(questions.count(), 7); // five about the configuration, two about what is live
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a state comes about
//!
//! When a session with the switch is up, and whenever the switch reloads its XML – by whose order does not matter – the
//! engine asks one round of questions ([`switch::QUESTIONS`]) and lists the files whose names are numbers. The answers
//! become one [`State`](state::State), which is published and never changes; readers ask it by [`query::Query`] without
//! waiting for anybody. An answer that cannot be read leaves the state before in place.
//!
//! # What is live
//!
//! Who is in which conference, what is recorded, who is registered: that changes with every event and stays inside the
//! engine ([`live`]). Whoever listens [joins](live::listener::Listening::Joins), asks for all of it, and hears every event
//! after that; both come as [`Effect::Live`](io::Effect::Live), in one order.
//!
//! # Invariants
//!
//! - The engine performs no IO, reads no clock, holds no random numbers and spawns nothing: the same inputs give the
//!   same effects, byte for byte. `clippy.toml` refuses what would break this.
//! - [`Engine::handle`] never fails and never panics, whatever the switch or a file contains.
//! - Effects are to be carried out in their order.
//! - Input of an earlier session with the switch changes nothing.
//! - No password or PIN is in any [`Note`](note::Note) or debug print; they live in [`Secret`](secret::Secret)s.
//!
//! # Rooms
//!
//! [`io`] is the border, [`engine`](Engine) the loop of questions and answers. [`esl`] is the language of the event
//! socket, with a pure [`Session`](esl::session::Session) for whoever owns the sockets. [`switch`] reads what the switch
//! answers, [`state`] holds it, [`query`] answers from it, [`numbers`] knows what is free. [`access`] is the table of
//! who may do what, [`config`] what the engine is told at its start. [`change`] has what is to be changed judged and carried
//! out as [`change_set`]s of files ([`files`]), whose text [`render`] makes. [`live`] follows calls and phones.
//! [`mark`] is for whoever measures.
//! [`rebuild`] plans all files from a saved state, without an engine.

#![forbid(unsafe_code)]

pub mod access;
pub mod change;
pub mod change_set;
pub mod config;
mod engine;
pub mod esl;
pub mod files;
pub mod io;
pub mod live;
pub mod mac;
pub mod mark;
pub mod note;
pub mod numbers;
pub mod path;
pub mod query;
pub mod rebuild;
pub mod render;
pub mod secret;
pub mod state;
pub mod switch;
pub mod time;

pub use engine::{Engine, Start};
