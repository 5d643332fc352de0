//! What went wrong, as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use crate::answer::{Answer, HeaderLines};

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An answer that is not a success. Nothing of the server's inside belongs into `detail`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    headers: HeaderLines,
}

impl Problem {
    /// A problem of this kind; `detail` tells the client what to do about it.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), headers: HeaderLines::default() }
    }

    /// 404 for a path.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// 405, with the methods that would work.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path only knows {allowed}"));
        problem.headers.push("Allow", allowed);
        problem
    }

    /// With `Retry-After`, in whole seconds, rounded up.
    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.headers.push("Retry-After", wait.as_micros().div_ceil(1_000_000).max(1));
        self
    }

    /// With one more header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON.
    pub(crate) fn json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Body<'a> {
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = Body { title, status: self.status.as_u16(), detail: &self.detail };
        // Strings and a number cannot fail to serialise.
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let mut answer = Self::api(problem.status, MEDIA_TYPE, problem.json());
        answer.headers.extend(&problem.headers);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_title_status_and_detail() {
        let answer = Answer::from(Problem::method_not_allowed("GET, HEAD"));
        assert_eq!(
            answer.body,
            br#"{"title":"Method Not Allowed","status":405,"detail":"this path only knows GET, HEAD"}"#.as_slice()
        );
        assert!(answer.headers.as_str().ends_with("Content-Type: application/problem+json\r\nAllow: GET, HEAD\r\n"));
    }

    #[test]
    fn a_retry_after_is_in_whole_seconds_and_never_too_early() {
        let lines = |wait| Problem::not_found().retry_after(wait).headers.as_str().to_owned();
        assert_eq!(lines(Duration::from_millis(1001)), "Retry-After: 2\r\n");
        assert_eq!(lines(Duration::ZERO), "Retry-After: 1\r\n");
    }
}
