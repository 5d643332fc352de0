//! The description is complete: nothing is routed that is not described, and nothing described that is not routed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use std::collections::BTreeSet;

use fsconnector_engine::live::request::LiveRequest;
use http::Method;
use serde_json::{Value, json};

use super::document::{build, template};
use super::operations::describe;
use crate::routes::{self, Found};
use crate::schemas::{AnswerSchema, LiveSchema, RequestSchema};

/// All operations, each with its method and path.
fn operations(document: &Value) -> Vec<(Method, &str, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    let operations = items.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap(), &**path, operation)
        })
    });
    operations.collect()
}

/// The path with its examples in the places of its parameters.
fn example(path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.fold(path.to_owned(), |path, parameter| {
        let (name, example) = (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap());
        path.replace(&format!("{{{name}}}"), example)
    })
}

fn validator(document: &Value, schema: &str) -> jsonschema::Validator {
    let reference = format!("#/components/schemas/{schema}");
    let whole = json!({"$ref": reference, "components": document["components"]});
    jsonschema::draft202012::new(&whole).unwrap()
}

#[test]
fn every_route_is_described_and_leads_to_itself() {
    let document = build();
    for route in routes::all() {
        let (path, count) = template(route.path, describe(route.work).parameters);
        let operation = &document["paths"][&path][route.method.as_str().to_ascii_lowercase()];
        assert!(operation["summary"].is_string(), "{} {path}", route.method);
        assert_eq!(operation["parameters"].as_array().map_or(0, Vec::len), count, "{} {path}", route.method);
        assert_eq!(path.matches('{').count(), count, "{path}");
        let asked = example(&path, operation);
        let Found::Route(found, _) = routes::find(&route.method, &asked) else { panic!("{} {asked}", route.method) };
        assert!(std::ptr::eq(found, route), "{} {asked}", route.method);
    }
}

#[test]
fn everything_described_is_routed_or_a_probe() {
    let document = build();
    let all = operations(&document);
    let probes = ["/livez", "/readyz"];
    assert_eq!(all.len(), routes::all().len() + probes.len());
    for (method, path, operation) in all {
        let asked = example(path, operation);
        assert!(!asked.contains('{'), "{asked}");
        assert_eq!(operation["security"] == json!([]), probes.contains(&path), "{path}");
        assert!(matches!(routes::find(&method, &asked), Found::Route(..)), "{method} {asked}");
    }
}

#[test]
fn no_two_operations_have_the_same_name() {
    let document = build();
    let ids = operations(&document).into_iter().filter_map(|(_, _, operation)| operation["operationId"].as_str());
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

/// All references in a part of the document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => (),
    }
}

#[test]
fn every_component_is_used_and_every_reference_leads_somewhere() {
    let document = build();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let mut known = BTreeSet::new();
    for kind in ["schemas", "responses"] {
        let names = document["components"][kind].as_object().unwrap().keys();
        known.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(used, known);
}

#[test]
fn every_schema_has_examples_and_they_fit() {
    let document = build();
    let names =
        RequestSchema::ALL.map(RequestSchema::name).into_iter().chain(AnswerSchema::ALL.map(AnswerSchema::name));
    let names = names.chain(LiveSchema::ALL.map(LiveSchema::name));
    for name in names.filter(|name| *name != AnswerSchema::OpenApi.name()) {
        let examples = document["components"]["schemas"][name]["examples"].as_array();
        let examples = examples.unwrap_or_else(|| panic!("{name} has no examples"));
        assert!(!examples.is_empty(), "{name}");
        let validator = validator(&document, name);
        for example in examples {
            let errors: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
    assert!(validator(&document, AnswerSchema::OpenApi.name()).is_valid(&document));
}

#[test]
fn the_schema_of_live_requests_and_the_engine_agree_about_every_choice_of_fields() {
    let document = build();
    let validator = validator(&document, LiveSchema::Request.name());
    let values = [
        ("req", ["init", "initreg", "exec", "memexec", "x"]),
        ("call", ["lock", "kickall", "mute", "kick", ""]),
        ("conference", ["", "team", "", "", ""]),
        ("member", ["", "117", "", "", ""]),
        ("x", ["", "", "", "", ""]),
    ];
    let mut good = 0;
    for choice in 0..6usize.pow(5) {
        let chosen = values.iter().enumerate().filter_map(|(place, (name, values))| {
            let value = values.get(choice / 6usize.pow(u32::try_from(place).unwrap()) % 6)?;
            Some(((*name).to_owned(), Value::from(*value)))
        });
        let request: Value = chosen.collect::<serde_json::Map<_, _>>().into();
        let fits = validator.is_valid(&request);
        assert_eq!(LiveRequest::parse(request.to_string().as_bytes()).is_ok(), fits, "{request}");
        good += usize::from(fits);
    }
    assert!(good > 10, "{good}");
}
