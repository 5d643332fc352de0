//! What went wrong, as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use fsconnector_engine::change::command::Unavailable;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::answer::{Answer, HeaderLines};
use crate::operation::{Form, Operation};

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An answer that is not a success. Nothing of the server's inside belongs into `detail`.
#[derive(Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    headers: HeaderLines,
    more: Option<Box<More>>,
}

/// What some problems say beyond that.
#[derive(Clone, Default, Serialize)]
struct More {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Flaw>,
    #[serde(flatten)]
    none_done: Option<NoneDone>,
}

/// Something in the body that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Flaw {
    /// Where: a JSON Pointer (RFC 6901).
    pub(crate) pointer: String,
    /// What is wrong. It holds no value of the body, for that could be a password.
    pub(crate) detail: String,
}

/// What clients of changes read in any answer.
#[derive(Clone, Serialize)]
struct NoneDone {
    op: Cow<'static, str>,
    /// An empty list or an empty text.
    done: Value,
    /// The items that failed, or why nothing was done.
    failed: Value,
}

/// The items that failed can hold passwords.
impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({}: {})", self.status, self.detail)
    }
}

impl Problem {
    /// How long clients had better wait when a change cannot be made at the moment.
    pub(crate) const PAUSE: Duration = Duration::from_secs(5);

    /// A problem of this kind; `detail` tells the client what to do about it.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), headers: HeaderLines::default(), more: None }
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

    /// 503, since too many changes are waiting.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Unavailable::Busy.to_string()).retry_after(Self::PAUSE)
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

    /// With what is wrong in the body.
    #[must_use]
    pub(crate) fn flaws(mut self, flaws: Vec<Flaw>) -> Self {
        self.more.get_or_insert_default().errors = flaws;
        self
    }

    /// With what answers of this operation say was done: nothing. Where they have lists, `failed` are the items that failed;
    /// where they have texts, it is the detail.
    #[must_use]
    pub(crate) fn none_done(mut self, operation: &Operation, failed: Vec<Value>) -> Self {
        let op = operation.op.clone();
        let none_done = match operation.form {
            Form::Items(_) | Form::Names => NoneDone { op, done: Value::Array(Vec::new()), failed: failed.into() },
            Form::Part | Form::Time => NoneDone { op, done: "".into(), failed: self.detail.clone().into() },
        };
        self.more.get_or_insert_default().none_done = Some(none_done);
        self
    }

    /// The status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The JSON.
    pub(crate) fn json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Body<'a> {
            title: &'a str,
            status: u16,
            detail: &'a str,
            #[serde(flatten)]
            more: Option<&'a More>,
        }
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = Body { title, status: self.status.as_u16(), detail: &self.detail, more: self.more.as_deref() };
        // Numbers, strings and JSON that was read cannot fail to serialise.
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
    use fsconnector_engine::change::command::Noun;

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
    fn a_problem_of_a_change_has_the_lists_that_clients_read() {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "x");
        let operation = Operation { op: "users/add".into(), form: Form::Items(Noun::User) };
        let failed = operation.failure("y", serde_json::json!({"password": "secret"})).into_iter().collect();
        let flaw = Flaw { pointer: "/0".into(), detail: "z".into() };
        let problem = problem.flaws(vec![flaw]).none_done(&operation, failed);
        assert_eq!(
            problem.json(),
            concat!(
                r#"{"title":"Bad Request","status":400,"detail":"x","errors":[{"pointer":"/0","detail":"z"}],"#,
                r#""op":"users/add","done":[],"failed":[{"error":"y","user":{"password":"secret"}}]}"#
            )
        );
        assert!(!format!("{problem:?}").contains("secret"));
    }

    #[test]
    fn a_problem_of_one_thing_says_why_where_clients_look_for_it() {
        let operation = Operation { op: "store/x".into(), form: Form::Part };
        assert_eq!(
            Problem::new(StatusCode::FORBIDDEN, "x").none_done(&operation, Vec::new()).json(),
            r#"{"title":"Forbidden","status":403,"detail":"x","op":"store/x","done":"","failed":"x"}"#
        );
    }

    #[test]
    fn a_retry_after_is_in_whole_seconds_and_never_too_early() {
        let lines = |wait| Problem::not_found().retry_after(wait).headers.as_str().to_owned();
        assert_eq!(lines(Duration::from_millis(1001)), "Retry-After: 2\r\n");
        assert_eq!(lines(Duration::ZERO), "Retry-After: 1\r\n");
    }
}
