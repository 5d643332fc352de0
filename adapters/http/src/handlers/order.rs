//! What is asked for → a command for the engine.

use fsconnector_engine::change::command::Command;
use fsconnector_engine::files::Part;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body;
use super::report;
use crate::answer::Answer;
use crate::change::Change;
use crate::operation::Operation;
use crate::problem::Problem;

/// What is to be changed. `parameter` is what follows in the path, still percent-encoded. If it cannot be, the answer says why.
pub(super) fn read(change: Change, parameter: &str, body: &[u8]) -> Result<Command, Answer> {
    let operation = change.operation(parameter);
    let items = match change.schema() {
        Some(schema) => body::items(schema, &operation, body)?,
        None => Value::Null,
    };
    command(change, &operation, items)
}

fn command(change: Change, operation: &Operation, items: Value) -> Result<Command, Answer> {
    match change {
        Change::AddUsers => typed(operation, items).map(Command::AddUsers),
        Change::ModUsers => typed(operation, items).map(Command::ModUsers),
        Change::DelUsers => typed(operation, items).map(Command::DelUsers),
        Change::RebuildUsers => Ok(Command::RebuildUsers),
        Change::ReprovisionUsers => Ok(Command::ReprovisionUsers),
        Change::AddConferences => typed(operation, items).map(Command::AddConferences),
        Change::ModConferences => typed(operation, items).map(Command::ModConferences),
        Change::DelConferences => typed(operation, items).map(Command::DelConferences),
        Change::RebuildContacts => Ok(Command::RebuildContacts),
        Change::Store => part(operation).map(Command::Store),
        Change::Restore => part(operation).map(Command::Restore),
    }
}

/// What fits the schema fits the type; a test sees to it.
fn typed<T: DeserializeOwned>(operation: &Operation, items: Value) -> Result<T, Answer> {
    serde_json::from_value(items).map_err(|_| {
        log::error!("a body fits the schema of {} but not its type", operation.op);
        let problem = Problem::new(StatusCode::BAD_REQUEST, "the body is not as it has to be");
        problem.none_done(operation, Vec::new()).into()
    })
}

/// The part that the operation's name ends in.
fn part(operation: &Operation) -> Result<Part, Answer> {
    let named = operation.op.split_once('/').and_then(|(_, name)| Part::named(name));
    named.ok_or_else(|| {
        let known: Vec<_> = Part::ALL.into_iter().map(Part::name).collect();
        report::single(operation, Err(&format!("there is no part of this name, only {}", known.join(", "))), &[])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::schema;
    use crate::schemas::RequestSchema;
    use serde_json::json;

    /// All properties that the schemas know.
    const PROPERTIES: [&str; 9] = ["id", "password", "conpin", "context", "name", "email", "polymac", "num", "type"];

    #[test]
    fn the_schemas_and_the_engine_agree_about_every_choice_of_properties() {
        for change in Change::ALL {
            let Some(schema) = change.schema() else { continue };
            let mut good = 0;
            for choice in 0u32..1 << PROPERTIES.len() {
                let chosen = PROPERTIES.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
                let item: Value = chosen.map(|(_, name)| ((*name).to_owned(), Value::from("x"))).collect();
                let items = json!([item]);
                let fits = schema::of(schema).fits(&items);
                assert_eq!(command(change, &change.operation(""), items).is_ok(), fits, "{change:?}: {item}");
                good += u32::from(fits);
            }
            // Each property that may be missing doubles the number.
            let optional = match schema {
                RequestSchema::UsersAdd | RequestSchema::ConferencesMod => 3,
                RequestSchema::UsersMod => 6,
                _ => 0,
            };
            assert_eq!(good, 1 << optional, "{change:?}");
        }
    }

    #[test]
    fn a_command_is_what_was_asked_for() {
        for change in Change::ALL {
            assert_eq!(read(change, "dialplan", b"[]").unwrap().op(), change.operation("dialplan").op);
        }
        for part in Part::ALL {
            assert_eq!(read(Change::Store, part.name(), b"").unwrap(), Command::Store(part));
        }
        assert_eq!(read(Change::Restore, "%64ialplan", b"").unwrap(), Command::Restore(Part::Dialplan));
    }

    #[test]
    fn a_part_that_is_none_fails_in_the_answer() {
        for (name, shown) in [("", ""), ("sip%20ä", "sip ä"), ("dialplan/", "dialplan/"), ("%2e%2E", "..")] {
            let answer = read(Change::Store, name, b"").unwrap_err();
            let told: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!((answer.status, &told["op"]), (StatusCode::OK, &json!(format!("store/{shown}"))));
            assert_eq!(told["done"], "");
            assert!(told["failed"].as_str().unwrap().contains("directory, dialplan, conferences, freeswitch"));
        }
    }
}
