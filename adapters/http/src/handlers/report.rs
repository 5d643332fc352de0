//! What came of a change, as clients read it.

use fsconnector_engine::change::command::{Failed, Outcome, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::operation::{Form, Operation};
use crate::problem::Problem;

/// The engine's answer.
pub(super) fn answer(operation: &Operation, response: Response) -> Answer {
    let Response { op: _, outcome, left_alone, unavailable } = response;
    if let Some(why) = unavailable {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()).retry_after(Problem::PAUSE);
        return problem.none_done(operation, items_of(outcome)).into();
    }
    match outcome {
        Outcome::Items { done, failed } => items(operation, &done, &failed, &left_alone),
        Outcome::Single(result) => single(operation, result.as_deref().map_err(String::as_str), &left_alone),
    }
}

fn items_of(outcome: Outcome) -> Vec<Value> {
    match outcome {
        Outcome::Items { failed, .. } => failed.iter().flat_map(serde_json::to_value).collect(),
        Outcome::Single(_) => Vec::new(),
    }
}

fn items(operation: &Operation, done: &[Value], failed: &[Failed], left_alone: &[String]) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Lists<'a> {
        op: &'a str,
        done: &'a [Value],
        failed: &'a [Failed],
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        left_alone: &'a [String],
    }
    json(&Lists { op: &operation.op, done, failed, left_alone })
}

/// What came of the one thing that was asked for: what was done, or why nothing was.
pub(super) fn single(operation: &Operation, result: Result<&str, &str>, left_alone: &[String]) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Texts<'a> {
        op: &'a str,
        done: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<&'a str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        left_alone: &'a [String],
    }
    let empty = (operation.form != Form::Time).then_some("");
    let (done, failed) = match result {
        Ok(done) => (done, empty),
        Err(why) => ("", Some(why)),
    };
    json(&Texts { op: &operation.op, done, failed, left_alone })
}

fn json(value: &impl Serialize) -> Answer {
    // JSON values and strings cannot fail to serialise.
    Answer::json(serde_json::to_vec(value).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_engine::change::command::{Noun, Unavailable};
    use serde_json::json;

    use crate::change::Change;

    fn shown(change: Change, outcome: Outcome, left_alone: &[&str], unavailable: Option<Unavailable>) -> (u16, Value) {
        let left_alone = left_alone.iter().map(|text| (*text).to_owned()).collect();
        let response = Response { op: "", outcome, left_alone, unavailable };
        let answer = answer(&change.operation("dialplan"), response);
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
    }

    fn lists() -> Outcome {
        let failed = vec![Failed { error: "why".into(), noun: Noun::User, item: json!({"id": "2"}) }];
        Outcome::Items { done: vec![json!({"id": "1"})], failed }
    }

    #[test]
    fn lists_say_what_was_left_alone_only_if_something_was() {
        let mut expected =
            json!({"op": "users/add", "done": [{"id": "1"}], "failed": [{"error": "why", "user": {"id": "2"}}]});
        assert_eq!(shown(Change::AddUsers, lists(), &[], None), (200, expected.clone()));
        expected["leftAlone"] = json!(["a is damaged"]);
        assert_eq!(shown(Change::AddUsers, lists(), &["a is damaged"], None), (200, expected));
    }

    #[test]
    fn a_part_has_both_texts_always_and_a_time_says_what_failed_only_if_it_did() {
        let done = || Outcome::Single(Ok("x".into()));
        let failed = || Outcome::Single(Err("why".into()));
        for (change, outcome, expected) in [
            (Change::Store, done(), json!({"op": "store/dialplan", "done": "x", "failed": ""})),
            (Change::Restore, failed(), json!({"op": "restore/dialplan", "done": "", "failed": "why"})),
            (Change::RebuildContacts, done(), json!({"op": "conferences/rebuildcontacts", "done": "x"})),
            (
                Change::RebuildContacts,
                failed(),
                json!({"op": "conferences/rebuildcontacts", "done": "", "failed": "why"}),
            ),
        ] {
            assert_eq!(shown(change, outcome, &[], None), (200, expected));
        }
    }

    #[test]
    fn a_time_says_what_was_left_alone() {
        let done = Outcome::Single(Ok("now".into()));
        let expected =
            json!({"op": "conferences/rebuildcontacts", "done": "now", "leftAlone": ["a is damaged", "b is damaged"]});
        let left_alone = ["a is damaged", "b is damaged"];
        assert_eq!(shown(Change::RebuildContacts, done, &left_alone, None), (200, expected));
    }

    #[test]
    fn what_cannot_be_carried_out_is_a_problem_in_the_same_form() {
        let away = Some(Unavailable::SwitchAway);
        let (status, problem) = shown(Change::AddUsers, lists(), &[], away);
        assert_eq!((status, &problem["done"]), (503, &json!([])));
        assert_eq!(problem["failed"], json!([{"error": "why", "user": {"id": "2"}}]));
        let (status, problem) = shown(Change::Store, Outcome::Single(Err("x".into())), &[], away);
        assert_eq!((status, &problem["op"], &problem["done"]), (503, &json!("store/dialplan"), &json!("")));
        assert_eq!(problem["failed"], problem["detail"]);
    }
}
