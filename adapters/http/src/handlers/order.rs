//! The body of a request → a command.

use fsconnector_engine::change::command::{Command, Failed};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json;
use super::schema::{self, Schema};
use crate::change::Change;
use crate::problem::{Flaw, Problem};

/// A problem lists no more flaws than these.
const MOST_FLAWS: usize = 100;

/// Reads what is to be changed. The problem carries the lists that clients read.
pub(super) fn read(change: Change, body: &[u8]) -> Result<Command, Problem> {
    let Some(schema) = schema::of(change) else { return command(change, Value::Null) };
    let items = parse(body).map_err(|problem| problem.none_done(change.op(), Vec::new()))?;
    if !schema.fits(&items) {
        return Err(refusal(change, schema, items));
    }
    command(change, items)
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    let malformed = |detail| Problem::new(StatusCode::BAD_REQUEST, detail);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8".into()))?;
    json::read(text).map_err(|error| malformed(format!("the body cannot be read as JSON: {error}")))
}

/// What is wrong in the body, and for each item what is wrong with it.
fn refusal(change: Change, schema: &Schema, items: Value) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "the body is not as it has to be; nothing was changed");
    let Value::Array(items) = items else {
        let flaw = Flaw { pointer: String::new(), detail: "this has to be of type array".into() };
        return problem.flaws(vec![flaw]).none_done(change.op(), Vec::new());
    };
    let mut flaws = Vec::new();
    let mut failed = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let of_item = schema.flaws(place, &item);
        failed.push(Failed { error: reason(&of_item), noun: change.noun(), item });
        flaws.extend(of_item.into_iter().take(MOST_FLAWS - flaws.len()));
    }
    problem.flaws(flaws).none_done(change.op(), failed)
}

fn reason(flaws: &[Flaw]) -> String {
    match flaws.first() {
        Some(flaw) => format!("{}: {}", flaw.pointer, flaw.detail),
        None => "another item of the request is not as it has to be".into(),
    }
}

fn command(change: Change, items: Value) -> Result<Command, Problem> {
    match change {
        Change::AddUsers => typed(change, items).map(Command::AddUsers),
        Change::ModUsers => typed(change, items).map(Command::ModUsers),
        Change::DelUsers => typed(change, items).map(Command::DelUsers),
        Change::RebuildUsers => Ok(Command::RebuildUsers),
        Change::AddConferences => typed(change, items).map(Command::AddConferences),
        Change::ModConferences => typed(change, items).map(Command::ModConferences),
        Change::DelConferences => typed(change, items).map(Command::DelConferences),
    }
}

/// What fits the schema fits the type; a test sees to it.
fn typed<T: DeserializeOwned>(change: Change, items: Value) -> Result<T, Problem> {
    serde_json::from_value(items).map_err(|_| {
        log::error!("a body fits the schema of {} but not its type", change.op());
        Problem::new(StatusCode::BAD_REQUEST, "the body is not as it has to be").none_done(change.op(), Vec::new())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// All properties that the schemas know.
    const PROPERTIES: [&str; 9] = ["id", "password", "conpin", "context", "name", "email", "polymac", "num", "type"];

    fn read_items(change: Change, items: &Value) -> Result<Command, Value> {
        read(change, items.to_string().as_bytes()).map_err(|problem| {
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
            serde_json::from_slice(&problem.json()).unwrap()
        })
    }

    #[test]
    fn the_schemas_and_the_engine_agree_about_every_choice_of_properties() {
        for change in Change::ALL.into_iter().filter(|change| change.has_body()) {
            let mut good = 0;
            for choice in 0u32..1 << PROPERTIES.len() {
                let chosen = PROPERTIES.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
                let item: Value = chosen.map(|(_, name)| ((*name).to_owned(), Value::from("x"))).collect();
                let items = json!([item]);
                let fits = schema::of(change).unwrap().fits(&items);
                assert_eq!(command(change, items).is_ok(), fits, "{change:?}: {item}");
                good += u32::from(fits);
            }
            // Each property that may be missing doubles the number.
            let optional = match change {
                Change::AddUsers | Change::ModConferences => 3,
                Change::ModUsers => 6,
                _ => 0,
            };
            assert_eq!(good, 1 << optional, "{change:?}");
        }
    }

    #[test]
    fn a_command_is_what_was_asked_for() {
        for change in Change::ALL {
            assert_eq!(read(change, b"[]").unwrap().op(), change.op());
        }
    }

    #[test]
    fn a_body_with_a_flaw_comes_back_whole_with_the_reasons() {
        let items = json!([{"id": "1"}, {"id": 2}]);
        assert_eq!(
            read_items(Change::DelUsers, &items).unwrap_err(),
            json!({
                "title": "Bad Request",
                "status": 400,
                "detail": "the body is not as it has to be; nothing was changed",
                "errors": [{"pointer": "/1/id", "detail": "this has to be of type string"}],
                "op": "users/del",
                "done": [],
                "failed": [
                    {"error": "another item of the request is not as it has to be", "user": {"id": "1"}},
                    {"error": "/1/id: this has to be of type string", "user": {"id": 2}},
                ],
            })
        );
    }

    #[test]
    fn a_body_that_is_no_array_has_no_items() {
        let problem = read_items(Change::DelConferences, &json!({"num": "1"})).unwrap_err();
        assert_eq!(problem["errors"], json!([{"pointer": "", "detail": "this has to be of type array"}]));
        assert_eq!((&problem["op"], &problem["failed"]), (&json!("conferences/del"), &json!([])));
    }

    #[test]
    fn only_so_many_flaws_are_listed_but_all_items() {
        let problem = read_items(Change::DelUsers, &json!(vec![json!({}); 150])).unwrap_err();
        assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
        assert_eq!(problem["failed"].as_array().unwrap().len(), 150);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for body in [&b""[..], b"[", b"[]]", b"\xef\xbb\xbf[]", b"[\"\xff\"]", b"[{\"id\":\"1\",\"id\":\"2\"}]"] {
            assert!(read(Change::DelUsers, body).is_err(), "{body:?}");
        }
    }
}
