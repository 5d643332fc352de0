//! A request of the gate, taken apart.

use std::borrow::Cow;

use fsconnector_engine::change::command::Caller;
use fsconnector_engine::state::UserId;
use http::Method;
use tiny_http::Request;

use super::conditional::Conditions;
use super::plain_name::PlainName;
use crate::audit;
use crate::caller::{self, NamedCaller};
use crate::operation::Operation;
use crate::routes::{self, FileRoute, Found, Route, Work};
use crate::target;

/// What is asked for.
pub(super) struct Wish<'a> {
    /// What is to be done.
    pub(super) file: FileRoute,
    /// What follows in the path, decoded.
    pub(super) parameter: Cow<'a, str>,
    /// Who asks.
    pub(super) caller: NamedCaller,
    /// What was sent along.
    pub(super) body: &'a [u8],
    /// What follows in the path, as it was sent.
    encoded: &'a str,
    request: &'a Request,
}

/// Nothing that is done with files.
pub(super) struct NoWish;

impl<'a> Wish<'a> {
    /// Reads a request whose body is this.
    pub(super) fn read(request: &'a Request, body: &'a [u8]) -> Result<Self, NoWish> {
        let method = Method::from_bytes(request.method().as_str().as_bytes()).map_err(|_| NoWish)?;
        let Found::Route(Route { work: Work::File(file), .. }, encoded) = routes::find(&method, request.url()) else {
            return Err(NoWish);
        };
        let parameter = target::decode(encoded).ok_or(NoWish)?;
        let caller = header(request, caller::HEADER).and_then(caller::from_header).ok_or(NoWish)?;
        Ok(Self { file: *file, parameter, caller, body, encoded, request })
    }

    /// The one name that follows in the path; nothing if that is no plain one.
    pub(super) fn name(&self) -> Option<PlainName> {
        PlainName::parse(&self.parameter)
    }

    /// The names that follow in the path; nothing if one of them is no plain one. An encoded slash separates nothing.
    pub(super) fn names(&self) -> Option<Vec<PlainName>> {
        self.encoded.split('/').map(|name| PlainName::parse(&target::decode(name)?)).collect()
    }

    /// The part of a file that is asked for, as it is asked for. Only GET can ask for one (RFC 9110 §14.2).
    pub(super) fn range(&self) -> Option<Cow<'a, str>> {
        (*self.request.method() == tiny_http::Method::Get).then(|| list(self.request, "Range"))?
    }

    /// What the answer depends on.
    pub(super) fn conditions(&self) -> Conditions<'a> {
        let list = |name| list(self.request, name);
        Conditions {
            matches: list("If-Match"),
            unmodified_since: list("If-Unmodified-Since"),
            matches_none: list("If-None-Match"),
            modified_since: list("If-Modified-Since"),
            part_of: list("If-Range"),
        }
    }

    /// Tells the log who has changed what.
    pub(super) fn audit(&self, op: impl Into<Cow<'static, str>>, done: Vec<String>, failed: Vec<String>) {
        let NamedCaller { id, name, address, .. } = &self.caller;
        let Some(id) = UserId::parse(id) else { return };
        let caller = Caller { id, name: name.clone(), address: *address };
        audit::note(caller, op.into(), done, failed);
    }

    /// What answers call it, if they report on it.
    pub(super) fn operation(&self) -> Option<Operation> {
        Work::File(self.file).changes("").operation()
    }
}

fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    headers(request, name).next()
}

/// The values of all headers of this name, which mean the same as one that lists them (RFC 9110 §5.3).
fn list<'a>(request: &'a Request, name: &'static str) -> Option<Cow<'a, str>> {
    let mut values = headers(request, name);
    let first = values.next()?;
    Some(values.fold(first.into(), |list, value| format!("{list}, {value}").into()))
}

fn headers<'a>(request: &'a Request, name: &'static str) -> impl Iterator<Item = &'a str> {
    request.headers().iter().filter(move |header| header.field.equiv(name)).map(|header| header.value.as_str())
}
