//! The answers to requests.

use serde_json::Value;

use super::command::{Command, Failed, Form, Noun, Outcome, Response, Unavailable};
use super::plan::Plan;
use super::transaction::{Group, Task};
use super::{Failure, Queued};
use crate::query::user_json;
use crate::state::State;

/// The requests with their answers.
pub(super) fn answered(responses: Vec<Response>, requests: Vec<Queued>) -> Vec<(Queued, Response)> {
    requests.into_iter().zip(responses).collect()
}

/// The answers when all went as planned.
pub(super) fn all_done(group: Group) -> Vec<(Queued, Response)> {
    let Group { requests, task, left_alone, .. } = group;
    match task {
        Task::Plan(plan) => {
            let damaged: Vec<_> =
                left_alone.iter().map(|left| (plan.requests_of(&left.path), left.to_string())).collect();
            let mut responses = plan.responses(&requests);
            for (owners, words) in damaged {
                for owner in owners {
                    responses.get_mut(owner).into_iter().for_each(|response| response.left_alone.push(words.clone()));
                }
            }
            answered(responses, requests)
        }
        Task::Restore(part) => {
            let folder = part.folder().map_or_else(|| ".".to_owned(), |folder| folder.to_string());
            each(requests, |queued| single(queued, Ok(folder.clone())))
        }
    }
}

/// The answers when nothing was done, for this reason.
pub(super) fn all_fail(group: Group, why: &Failure) -> Vec<(Queued, Response)> {
    let Group { requests, task, .. } = group;
    match task {
        Task::Plan(plan) => answered(Plan::refusals(plan, &requests, why), requests),
        Task::Restore(_) => each(requests, |queued| none_done(queued, &why.to_string())),
    }
}

/// The answers to requests that cannot be carried out now.
pub(super) fn refused(requests: Vec<Queued>, why: Unavailable) -> Vec<(Queued, Response)> {
    each(requests, |queued| refusal(queued, why))
}

/// The requests, each with its answer.
pub(super) fn each(requests: Vec<Queued>, answer: impl Fn(&Queued) -> Response) -> Vec<(Queued, Response)> {
    let answer = |queued: Queued| {
        let response = answer(&queued);
        (queued, response)
    };
    requests.into_iter().map(answer).collect()
}

/// The answer to a request that cannot be carried out now.
pub(crate) fn refusal(queued: &Queued, why: Unavailable) -> Response {
    Response { unavailable: Some(why), ..none_done(queued, &why.to_string()) }
}

/// The answer to a request of which nothing was done, everything for the same reason.
pub(super) fn none_done(queued: &Queued, error: &str) -> Response {
    match queued.command.form() {
        Form::Single => single(queued, Err(error.to_owned())),
        Form::Items(noun) => {
            let fail = |item: &Value| Failed { error: error.to_owned(), noun, item: item.clone() };
            let failed = queued.command.sent().into_iter().map(fail).collect();
            items(queued, Vec::new(), failed)
        }
    }
}

/// The answer to a request all of which fails for the same reason; that of a rebuild is of all users there are.
pub(super) fn all_failed(queued: &Queued, why: &Failure, state: Option<&State>) -> Response {
    let error = why.to_string();
    match (&queued.command, state) {
        (Command::RebuildUsers, Some(state)) => {
            let fail = |user| Failed { error: error.clone(), noun: Noun::User, item: user_json(user) };
            items(queued, Vec::new(), state.users.iter().map(fail).collect())
        }
        _ => none_done(queued, &error),
    }
}

/// An answer of items.
pub(super) fn items(queued: &Queued, done: Vec<Value>, failed: Vec<Failed>) -> Response {
    let outcome = Outcome::Items { done, failed };
    Response { op: queued.command.op(), outcome, left_alone: Vec::new(), unavailable: None }
}

/// An answer of one text.
pub(super) fn single(queued: &Queued, result: Result<String, String>) -> Response {
    let outcome = Outcome::Single(result);
    Response { op: queued.command.op(), outcome, left_alone: Vec::new(), unavailable: None }
}
