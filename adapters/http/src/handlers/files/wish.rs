//! A request of the gate, taken apart.

use std::borrow::Cow;

use http::Method;
use tiny_http::Request;

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
    request: &'a Request,
}

/// Nothing that is done with files.
pub(super) struct NoWish;

impl<'a> Wish<'a> {
    /// Reads a request whose body is this.
    pub(super) fn read(request: &'a Request, body: &'a [u8]) -> Result<Self, NoWish> {
        let method = Method::from_bytes(request.method().as_str().as_bytes()).map_err(|_| NoWish)?;
        let Found::Route(Route { work: Work::File(file), .. }, parameter) = routes::find(&method, request.url()) else {
            return Err(NoWish);
        };
        let parameter = target::decode(parameter).ok_or(NoWish)?;
        let caller = header(request, caller::HEADER).and_then(caller::from_header).ok_or(NoWish)?;
        Ok(Self { file: *file, parameter, caller, body, request })
    }

    /// The value of the first header of this name. The gate hands on only some.
    pub(super) fn header(&self, name: &'static str) -> Option<&'a str> {
        header(self.request, name)
    }

    /// What answers call it, if they report on it.
    pub(super) fn operation(&self) -> Option<Operation> {
        Work::File(self.file).changes("").operation()
    }
}

fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}
