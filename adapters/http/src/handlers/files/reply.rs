//! An answer that can be a file.

use std::fs::File;
use std::io::Read;

use bytes::{Buf as _, Bytes};
use http::StatusCode;
use serde::Serialize;
use tiny_http::{Request, Response};

use crate::answer::{Answer, HeaderLines};
use crate::handlers::sending::{header_list, respond};
use crate::problem::Problem;

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderLines,
    pub(super) body: Body,
}

/// The body of an answer.
pub(super) enum Body {
    /// So many bytes of a file, from where it is.
    File(File, u64),
    Bytes(Bytes),
}

impl Reply {
    /// 200 with JSON.
    pub(super) fn json(value: &impl Serialize) -> Self {
        // What is answered here are texts in lists, and those cannot fail to serialise.
        Answer::json(serde_json::to_vec(value).unwrap_or_default().into()).into()
    }

    /// Sends it.
    pub(super) fn send(self, request: Request) {
        let headers = header_list(&self.headers);
        let (body, length): (Box<dyn Read + Send>, u64) = match self.body {
            // A file that grows meanwhile must not overrun what was announced.
            Body::File(file, length) => (Box::new(file.take(length)), length),
            Body::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (Box::new(bytes.reader()), length)
            }
        };
        let length = usize::try_from(length).ok();
        respond(request, Response::new(self.status.as_u16().into(), headers, body, length, None));
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let Answer { status, headers, body } = answer;
        Self { status, headers, body: Body::Bytes(body) }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        Answer::from(problem).into()
    }
}
