//! The body of a request as JSON that fits its schema.

use http::StatusCode;
use serde_json::Value;

use super::json;
use super::schema::{self, Schema};
use crate::operation::Operation;
use crate::problem::{Flaw, Problem};
use crate::schemas::RequestSchema;

/// A problem lists no more flaws than these.
const MOST_FLAWS: usize = 100;

/// Reads the items of a request. The problem carries the lists that clients read.
pub(super) fn items(schema: RequestSchema, operation: &Operation, body: &[u8]) -> Result<Value, Problem> {
    let schema = schema::of(schema);
    let items = parse(body).map_err(|problem| problem.none_done(operation, Vec::new()))?;
    if schema.fits(&items) { Ok(items) } else { Err(refusal(operation, schema, items)) }
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    let malformed = |detail| Problem::new(StatusCode::BAD_REQUEST, detail);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8".into()))?;
    json::read(text).map_err(|error| malformed(format!("the body cannot be read as JSON: {error}")))
}

/// What is wrong in the body, and for each item what is wrong with it.
fn refusal(operation: &Operation, schema: &Schema, items: Value) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "the body is not as it has to be; nothing was changed");
    let Value::Array(items) = items else {
        let flaw = Flaw { pointer: String::new(), detail: "this has to be of type array".into() };
        return problem.flaws(vec![flaw]).none_done(operation, Vec::new());
    };
    let mut flaws = Vec::new();
    let mut failed = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let of_item = schema.flaws(place, &item);
        failed.extend(operation.failure(&reason(&of_item), item));
        flaws.extend(of_item.into_iter().take(MOST_FLAWS - flaws.len()));
    }
    problem.flaws(flaws).none_done(operation, failed)
}

fn reason(flaws: &[Flaw]) -> String {
    match flaws.first() {
        Some(flaw) => format!("{}: {}", flaw.pointer, flaw.detail),
        None => "another item of the request is not as it has to be".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_engine::change::command::Noun;
    use serde_json::json;

    use crate::operation::Form;

    fn refused(schema: RequestSchema, form: Form, body: &str) -> Value {
        let operation = Operation { op: "x".into(), form };
        let problem = items(schema, &operation, body.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        serde_json::from_slice(&problem.json()).unwrap()
    }

    fn refused_users(body: &str) -> Value {
        refused(RequestSchema::UsersDel, Form::Items(Noun::User), body)
    }

    #[test]
    fn a_body_with_a_flaw_comes_back_whole_with_the_reasons() {
        assert_eq!(
            refused_users(r#"[{"id": "1"}, {"id": 2}]"#),
            json!({
                "title": "Bad Request",
                "status": 400,
                "detail": "the body is not as it has to be; nothing was changed",
                "errors": [{"pointer": "/1/id", "detail": "this has to be of type string"}],
                "op": "x",
                "done": [],
                "failed": [
                    {"error": "another item of the request is not as it has to be", "user": {"id": "1"}},
                    {"error": "/1/id: this has to be of type string", "user": {"id": 2}},
                ],
            })
        );
    }

    #[test]
    fn the_names_of_recordings_come_back_where_they_are_names() {
        let problem = refused(RequestSchema::RecordingsDel, Form::Names, r#"[{"file": "a"}, {"file": 2}, 3]"#);
        assert_eq!(problem["failed"], json!(["a"]));
        let places: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|flaw| &flaw["pointer"]).collect();
        assert_eq!(places, ["/1/file", "/2"]);
    }

    #[test]
    fn a_body_that_is_no_array_has_no_items() {
        let problem = refused_users(r#"{"id": "1"}"#);
        assert_eq!(problem["errors"], json!([{"pointer": "", "detail": "this has to be of type array"}]));
        assert_eq!((&problem["op"], &problem["failed"]), (&json!("x"), &json!([])));
    }

    #[test]
    fn only_so_many_flaws_are_listed_but_all_items() {
        let problem = refused_users(&json!(vec![json!({}); 150]).to_string());
        assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
        assert_eq!(problem["failed"].as_array().unwrap().len(), 150);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let operation = Operation { op: "x".into(), form: Form::Names };
        for body in [&b""[..], b"[", b"[]]", b"\xef\xbb\xbf[]", b"[\"\xff\"]", b"[{\"id\":\"1\",\"id\":\"2\"}]"] {
            assert!(items(RequestSchema::UsersDel, &operation, body).is_err(), "{body:?}");
        }
    }
}
