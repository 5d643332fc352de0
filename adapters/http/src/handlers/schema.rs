//! What the bodies of requests have to look like: JSON Schemas (draft 7), each compiled once.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::problem::Flaw;
use crate::schemas::RequestSchema;

/// The schema of an array.
pub(super) struct Schema {
    array: Validator,
    item: Validator,
}

/// All of them, each where its place in [`RequestSchema::ALL`] is.
static COMPILED: LazyLock<[Schema; RequestSchema::ALL.len()]> =
    LazyLock::new(|| RequestSchema::ALL.map(|schema| Schema::compile(schema.text())));

/// A schema, compiled.
pub(super) fn of(schema: RequestSchema) -> &'static Schema {
    // There is one for each, in their order.
    &COMPILED[schema as usize]
}

impl Schema {
    #[expect(clippy::expect_used, reason = "the files are a part of the program, and a test compiles each")]
    fn compile(text: &str) -> Self {
        let schema: Value = serde_json::from_str(text).expect("a schema of ours is JSON");
        let compile = |schema: &Value| jsonschema::draft7::new(schema).expect("a schema of ours is one");
        Self { array: compile(&schema), item: compile(schema.get("items").expect("a schema of ours has items")) }
    }

    /// Whether `body` is as it has to be.
    pub(super) fn fits(&self, body: &Value) -> bool {
        self.array.is_valid(body)
    }

    /// What is wrong with the item at this place.
    pub(super) fn flaws(&self, place: usize, item: &Value) -> Vec<Flaw> {
        self.item.iter_errors(item).flat_map(|error| describe(place, &error)).collect()
    }
}

/// An error in our words: the package's show the values, and one of those could be a password.
fn describe(place: usize, error: &ValidationError<'_>) -> Vec<Flaw> {
    let pointer = format!("/{place}{}", error.instance_path().as_str());
    let here = |detail: String| vec![Flaw { pointer: pointer.clone(), detail }];
    match error.kind() {
        ValidationErrorKind::Required { property } => here(format!("{property} is missing")),
        ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => {
            here(format!("this has to be of type {expected}"))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let there = |name: &String| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let flaw = |name| Flaw { pointer: there(name), detail: "there is no such property".into() };
            unexpected.iter().map(flaw).collect()
        }
        other => here(format!("this does not fit the schema's `{}`", other.keyword())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: RequestSchema, item: &Value) -> Vec<(String, String)> {
        let schema = of(schema);
        let flaws = schema.flaws(7, item);
        assert_eq!(schema.fits(&json!([item])), flaws.is_empty());
        flaws.into_iter().map(|flaw| (flaw.pointer, flaw.detail)).collect()
    }

    fn flaw(pointer: &str, detail: &str) -> (String, String) {
        (pointer.into(), detail.into())
    }

    #[test]
    fn every_schema_takes_an_empty_array_and_nothing_that_is_none() {
        for (place, schema) in RequestSchema::ALL.into_iter().enumerate() {
            assert_eq!(schema as usize, place);
            assert!(of(schema).fits(&json!([])), "{schema:?}");
            assert!(!of(schema).fits(&json!({})) && !of(schema).fits(&json!(null)), "{schema:?}");
        }
    }

    #[test]
    fn a_flaw_says_where_and_what_but_not_which_value() {
        let item = json!({"password": 4711, "name": "a", "email": ["secret"], "a/b~c": "secret"});
        let mut flaws = check(RequestSchema::UsersAdd, &item);
        flaws.sort();
        assert_eq!(
            flaws,
            [
                flaw("/7", "\"context\" is missing"),
                flaw("/7/a~1b~0c", "there is no such property"),
                flaw("/7/email", "this has to be of type string"),
                flaw("/7/password", "this has to be of type string"),
            ]
        );
    }

    #[test]
    fn an_item_is_an_object() {
        for item in [json!(1), json!("x"), json!(null), json!([])] {
            assert_eq!(check(RequestSchema::UsersDel, &item), [flaw("/7", "this has to be of type object")]);
        }
    }
}
