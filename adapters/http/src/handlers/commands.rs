//! What comes in as a command: it is read, checked, and handed to the engine; its answer comes later.

use std::fmt;
use std::sync::Arc;

use fsconnector_engine::change::command::{Caller, Command, Entropy, RequestId};
use fsconnector_engine::io::Input;
use fsconnector_engine::state::UserId;
use http::{Method, StatusCode};
use smol::channel::{Sender, TrySendError};
use tiny_http::Request;

use super::order;
use super::parking::{Parked, Parking, stopping};
use super::sending::send;
use crate::audit;
use crate::caller;
use crate::change::Change;
use crate::problem::Problem;
use crate::routes::{self, Found, Route, Work};

/// A command for the engine. Its answer is expected by [`Gate::respond`](crate::Gate::respond), under its id.
pub struct Asked {
    /// The name of the request. A gate never gives the same one twice.
    pub id: RequestId,
    /// Who asks.
    pub caller: Caller,
    /// What is to be done.
    pub command: Command,
    /// From the operating system's randomness. Passwords are made of it, so a debug print does not show it.
    pub entropy: [u8; 32],
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, caller, command, entropy: _ } = self;
        f.debug_struct("Asked")
            .field("id", id)
            .field("caller", caller)
            .field("command", command)
            .finish_non_exhaustive()
    }
}

impl From<Asked> for Input {
    fn from(asked: Asked) -> Self {
        let Asked { id, caller, command, entropy } = asked;
        Self::Request { id, caller, command, entropy: Entropy(entropy) }
    }
}

/// Handles commands.
pub(super) struct Commands {
    parking: Arc<Parking>,
    queue: Sender<Asked>,
}

impl Commands {
    /// For commands whose answers will be found by way of `parking`.
    pub(super) fn new(parking: Arc<Parking>, queue: Sender<Asked>) -> Self {
        Self { parking, queue }
    }

    /// Takes a request of the gate. It is answered at once only if nothing comes of it.
    pub(super) fn respond(&self, mut request: Request) {
        let (Some((change, parameter)), Some(caller)) = (change(&request), caller(&request)) else {
            // The gate has sent what is not for us.
            return send(request, &Problem::not_found().into());
        };
        let mut body = Vec::new();
        let outcome = request.as_reader().read_to_end(&mut body);
        // A body that breaks off looks like one that ends, but for its length.
        if outcome.is_err() || request.body_length().is_some_and(|length| length != body.len()) {
            return log::debug!("a command broke off");
        }
        match order::read(change, &parameter, &body) {
            Ok(command) => {
                let operation = change.operation(&parameter);
                self.order(Parked { caller, request, operation, body }, command);
            }
            Err(answer) => {
                audit::refused(caller, change.operation(&parameter).op, "it is not as it has to be");
                send(request, &answer);
            }
        }
    }

    fn order(&self, parked: Parked, command: Command) {
        let mut entropy = [0; 32];
        if let Err(error) = getrandom::fill(&mut entropy) {
            log::error!("the operating system gives no random numbers: {error}");
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there are no random numbers");
            return parked.refuse_and_note(&problem);
        }
        let caller = parked.caller.clone();
        // Parked first: the answer could come at once.
        let id = match self.parking.park(parked) {
            Ok(id) => id,
            Err(parked) => return parked.refuse_and_note(&stopping()),
        };
        let problem = match self.queue.try_send(Asked { id, caller, command, entropy }) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => Problem::busy(),
            Err(TrySendError::Closed(_)) => stopping(),
        };
        if let Some(parked) = self.parking.take(id) {
            parked.refuse_and_note(&problem);
        }
    }
}

/// The change that is asked for, with what follows in the path.
fn change(request: &Request) -> Option<(Change, String)> {
    let method = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    match routes::find(&method, request.url()) {
        Found::Route(Route { work: Work::Command(change), .. }, parameter) => Some((*change, parameter.to_owned())),
        Found::Route(..) | Found::OtherMethods(..) | Found::Nothing => None,
    }
}

fn caller(request: &Request) -> Option<Caller> {
    let header = request.headers().iter().find(|header| header.field.equiv(caller::HEADER))?;
    let caller = caller::from_header(header.value.as_str())?;
    Some(Caller { id: UserId::parse(&caller.id)?, name: caller.name, address: caller.address })
}
