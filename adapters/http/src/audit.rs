//! The line of the log about a change: who, from where, what, with which result.
//!
//! What reaches the engine is noted by the engine. What does not is noted here, where it ends.

use std::borrow::Cow;

use fsconnector_engine::change::command::Caller;
use fsconnector_engine::note::Note;

use crate::shown;

/// Notes what was done, and what failed for which reason. What the log does not show of a path, it does not show of `op`.
pub(crate) fn note(caller: Caller, mut op: Cow<'static, str>, done: Vec<String>, failed: Vec<String>) {
    let plain = shown::plain(&op);
    if plain.len() < op.len() {
        op = format!("{plain}…").into();
    }
    log::info!("{}", Note::Audit { caller, op, done, failed });
}

/// Notes that nothing was done, and why.
pub(crate) fn refused(caller: Caller, op: Cow<'static, str>, why: &str) {
    note(caller, op, Vec::new(), vec![why.to_owned()]);
}
