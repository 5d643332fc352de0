//! Requests that wait for their answers.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fsconnector_engine::change::command::{Caller, RequestId, Response};
use http::StatusCode;
use serde_json::Value;
use tiny_http::Request;

use super::report;
use super::sending::send;
use crate::audit;
use crate::operation::Operation;
use crate::problem::Problem;

/// The requests that wait. Their number is bounded by that of the connections they came over.
pub(super) struct Parking {
    lot: Mutex<Lot>,
}

#[derive(Default)]
struct Lot {
    is_closed: bool,
    last: u64,
    parked: BTreeMap<RequestId, Parked>,
    /// Those that were given up while the engine was at them: who has asked for what.
    given_up: BTreeMap<RequestId, (Caller, Operation)>,
}

/// A request that waits.
pub(super) struct Parked {
    pub(super) caller: Caller,
    pub(super) request: Request,
    pub(super) operation: Operation,
    /// As it was sent: whoever is refused is told what.
    pub(super) body: Vec<u8>,
}

impl Parking {
    /// Empty, and open.
    pub(super) fn new() -> Self {
        Self { lot: Mutex::default() }
    }

    /// Has a request wait under a new name. Gives it back if it is too late for that.
    #[expect(clippy::result_large_err, reason = "it is moved once, and rarely")]
    pub(super) fn park(&self, parked: Parked) -> Result<RequestId, Parked> {
        let mut lot = self.lot();
        if lot.is_closed {
            return Err(parked);
        }
        lot.last += 1;
        let id = RequestId(lot.last);
        lot.parked.insert(id, parked);
        Ok(id)
    }

    /// The request of this name, if it is still waiting.
    pub(super) fn take(&self, id: RequestId) -> Option<Parked> {
        self.lot().parked.remove(&id)
    }

    /// Gives up all that wait, and all that come later. What the log says of them depends on the engine, which may still
    /// [settle](Self::settle) them.
    pub(super) fn close(&self) {
        let parked = {
            let mut lot = self.lot();
            lot.is_closed = true;
            let parked = mem::take(&mut lot.parked);
            lot.given_up
                .extend(parked.iter().map(|(id, parked)| (*id, (parked.caller.clone(), parked.operation.clone()))));
            parked
        };
        for parked in parked.into_values() {
            parked.refuse(&cut_short());
        }
    }

    /// The engine has answered, and noted, a request that nobody waits for any more.
    pub(super) fn settle(&self, id: RequestId) {
        self.lot().given_up.remove(&id);
    }

    /// Tells the log of the requests that were given up and not settled since.
    pub(super) fn abandon(&self) {
        let given_up = mem::take(&mut self.lot().given_up);
        for (caller, operation) in given_up.into_values() {
            audit::refused(caller, operation.op, "the connector stops; whether it was done will show");
        }
    }

    fn lot(&self) -> MutexGuard<'_, Lot> {
        // Nothing in here can panic half-way.
        self.lot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parked {
    /// Answers with what the engine says.
    pub(super) fn answer(self, response: Response) {
        send(self.request, &report::answer(&self.operation, response));
    }

    /// Answers with a problem that the log hears of: nothing was done, and nobody else knows of it.
    pub(super) fn refuse_and_note(self, problem: &Problem) {
        audit::refused(self.caller.clone(), self.operation.op.clone(), problem.detail());
        self.refuse(problem);
    }

    /// Answers with a problem: nothing was done, as far as anybody knows.
    fn refuse(self, problem: &Problem) {
        let Self { request, operation, body, caller: _ } = self;
        let items: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
        let failed = items.into_iter().filter_map(|item| operation.failure(problem.detail(), item)).collect();
        send(request, &problem.clone().none_done(&operation, failed).into());
    }
}

/// There is no more time to wait for the engine. What it was given it may still do.
fn cut_short() -> Problem {
    let detail = "the connector stops; whether the change was made will show when it is back";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Problem::PAUSE)
}

/// The engine takes no more requests.
pub(super) fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the connector stops; nothing was changed")
        .retry_after(Problem::PAUSE)
}
