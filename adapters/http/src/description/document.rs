//! The document, put together.

use std::collections::BTreeSet;

use fsconnector_engine::access::Role;
use serde_json::{Map, Value, json};

use super::operations::{Content, Description, Parameter, Tag, describe};
use crate::problem;
use crate::routes::{self, Changes, FileRoute, Path, Payload, Route, Work};
use crate::schemas::{AnswerSchema, LiveSchema, RequestSchema};

const ABOUT: &str = "\
    Users, conferences, recordings and phones of a FreeSWITCH.\n\n\
    Everybody logs in with HTTP Digest, with the name and password of a user; `x-roles` says whose request is answered, \
    others get 403. HEAD works wherever GET does, unless something is changed. Requests that change something are refused \
    when a page of another web site sends them.";

/// All of it.
pub(super) fn build() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "fsconnector", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "security": [{"digest": []}],
        "tags": Tag::ALL.map(|tag| json!({"name": tag.name()})),
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "digest": {"type": "http", "scheme": "digest"},
                "login": {"type": "apiKey", "in": "query", "name": "login", "description": "`NAME:PASSWORD`"},
                "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "See `/api/live/ticket`."},
            },
            "schemas": schemas(),
            "responses": responses(),
        },
    })
}

/// How a path is written in the document, and how many parameters it has.
pub(super) fn template(path: Path, parameters: &[Parameter]) -> (String, usize) {
    let (prefix, count) = match path {
        Path::Is(literal) => (literal, 0),
        Path::Below(prefix) => (prefix, 1),
        Path::Names(prefix, count) => (prefix, count),
        Path::Else => ("/", 1),
    };
    let names: Vec<_> = last(parameters, count).iter().map(|parameter| format!("{{{}}}", parameter.name)).collect();
    (format!("{prefix}{}", names.join("/")), count)
}

fn last(parameters: &[Parameter], count: usize) -> &[Parameter] {
    parameters.get(parameters.len().saturating_sub(count)..).unwrap_or_default()
}

fn paths() -> Value {
    let mut paths = Map::new();
    paths.insert("/livez".into(), probe("Whether the program runs", &[200]));
    paths.insert("/readyz".into(), probe("Whether requests can be answered", &[200, 503]));
    for route in routes::all() {
        let description = describe(route.work);
        let (path, count) = template(route.path, description.parameters);
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        let method = route.method.as_str().to_ascii_lowercase();
        item[&method] = operation(route, &description, &path, count);
    }
    paths.into()
}

/// A question that needs no login.
fn probe(summary: &str, statuses: &[u16]) -> Value {
    let response = |status: &u16| match status {
        200 => ("200".into(), json!({"description": "Yes.", "content": {"text/plain": {"schema": {"const": "ok\n"}}}})),
        other => (other.to_string(), refusal(*other)),
    };
    let responses: Map<String, Value> = statuses.iter().map(response).collect();
    json!({"get": {"summary": summary, "tags": [Tag::Info.name()], "security": [], "responses": responses}})
}

fn operation(route: &Route, description: &Description, path: &str, count: usize) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route.method.as_str(), path),
        "summary": description.summary,
        "tags": [description.tag.name()],
        "x-roles": roles(route).iter().map(Role::to_string).collect::<Vec<_>>(),
    });
    if count > 0 {
        operation["parameters"] = last(description.parameters, count).iter().map(parameter).collect();
    }
    if let Some(body) = request_body(route.work.payload()) {
        operation["requestBody"] = body;
    }
    if description.answer == Content::WebSocket {
        operation["security"] = json!([{"digest": []}, {"login": []}, {"ticket": []}]);
        operation["x-websocket"] = json!({
            "requests": reference(LiveSchema::Request.name()),
            "frames": reference(LiveSchema::Frame.name()),
        });
    }
    operation["responses"] = all_responses(route, description.answer);
    operation
}

/// The method and the words of the path.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

fn roles(route: &Route) -> Vec<Role> {
    [Role::Admin, Role::Member, Role::Guest].into_iter().filter(|role| role.may(route.right)).collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = json!({"type": "string"});
    if let Some(pattern) = parameter.pattern {
        schema["pattern"] = pattern.into();
    }
    json!({
        "name": parameter.name,
        "in": "path",
        "required": true,
        "description": parameter.about,
        "schema": schema,
        "example": parameter.example,
    })
}

fn request_body(payload: Payload) -> Option<Value> {
    let (required, content) = match payload {
        Payload::Nothing => return None,
        Payload::Json(schema) => (true, json!({"application/json": {"schema": reference(schema.name())}})),
        // A file may be empty, and clients send that as if there was no body.
        Payload::Bytes => (false, json!({"application/octet-stream": {}})),
    };
    Some(json!({"required": required, "content": content}))
}

fn all_responses(route: &Route, answer: Content) -> Value {
    let mut responses = Map::new();
    let (content, successes): (Value, &[u16]) = match answer {
        Content::Json(schema) => (json!({"application/json": {"schema": reference(schema.name())}}), &[200]),
        Content::File(types) => {
            let types = types.iter().map(|media_type| ((*media_type).to_owned(), json!({})));
            (types.collect::<Map<_, _>>().into(), &[200, 206])
        }
        Content::WebSocket => (json!({}), &[101]),
    };
    for status in successes {
        let about = match status {
            101 => "The connection is a WebSocket now.",
            206 => "The part that was asked for.",
            _ => "It is done.",
        };
        responses.insert(status.to_string(), json!({"description": about, "content": content.clone()}));
    }
    if successes.len() > 1 {
        responses.insert("304".into(), json!({"description": "You have the current version already."}));
    }
    for status in refusals(route, answer) {
        responses.insert(status.to_string(), refusal(status));
    }
    responses.into()
}

/// The statuses of the problems there can be.
fn refusals(route: &Route, answer: Content) -> BTreeSet<u16> {
    let changes = route.work.changes("") != Changes::Nothing;
    let mut statuses = BTreeSet::from([400, 401, 405, 429, 503]);
    if changes || roles(route).len() < 3 {
        statuses.insert(403);
    }
    if route.work.payload() != Payload::Nothing {
        statuses.extend([408, 411, 413]);
    }
    if matches!(route.work.payload(), Payload::Json(_)) {
        statuses.insert(415);
    }
    match answer {
        Content::Json(_) => (),
        Content::File(_) => statuses.extend([404, 412, 416]),
        Content::WebSocket => statuses.extend([403, 426]),
    }
    match route.work {
        Work::Read(_) | Work::Description | Work::Listen | Work::Ticket => (),
        Work::File(FileRoute::Upload) => statuses.extend([404, 502, 504, 507]),
        Work::Command(_) | Work::File(FileRoute::DelRecordings | FileRoute::DelFriendsRecordings) => {
            statuses.extend([502, 504]);
        }
        Work::File(_) => statuses.extend([502]),
    }
    statuses
}

fn refusal(status: u16) -> Value {
    json!({"$ref": format!("#/components/responses/{status}")})
}

fn responses() -> Value {
    let problem = json!({problem::MEDIA_TYPE: {"schema": reference(AnswerSchema::Problem.name())}});
    let mut responses = Map::new();
    for (status, about, header) in [
        (400, "The request is malformed, or its body is not as the schema says.", None),
        (401, "Nobody has logged in.", Some("WWW-Authenticate")),
        (403, "Your role may not do this, or another web site asks for it.", None),
        (404, "There is nothing at this path.", None),
        (405, "This path does not know this method.", Some("Allow")),
        (408, "The body took too long.", None),
        (411, "The body's length is missing.", None),
        (412, "It is not the version that the request is for.", None),
        (413, "The body is too large.", None),
        (415, "The body has to be JSON, and say so.", None),
        (416, "The file has no such part.", Some("Content-Range")),
        (426, "The request is no handshake of a WebSocket of version 13.", Some("Upgrade")),
        (429, "There were too many wrong passwords, or too many are listening.", Some("Retry-After")),
        (502, "The answer did not come.", None),
        (503, "It cannot be done at the moment; nothing was changed.", None),
        (504, "The answer did not come in time.", None),
        (507, "There is no room for it.", None),
    ] {
        let mut response = json!({"description": about, "content": problem});
        if let Some(header) = header {
            response["headers"] = json!({header: {"schema": {"type": "string"}}});
        }
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn schemas() -> Value {
    let requests = RequestSchema::ALL.into_iter().map(|schema| (schema.name(), schema.text()));
    let answers = AnswerSchema::ALL.into_iter().map(|schema| (schema.name(), schema.text()));
    // A test reads all of them.
    let schema =
        |(name, text): (&str, &str)| (name.to_owned(), serde_json::from_str(text).map_or(Value::Null, embedded));
    let live = LiveSchema::ALL.into_iter().map(|schema| (schema.name(), schema.text()));
    requests.chain(answers).chain(live).map(schema).collect::<Map<_, _>>().into()
}

/// A schema as a part of the document: what names another file names another part, and the dialect is the document's. All
/// that our schemas use means the same in both.
fn embedded(schema: Value) -> Value {
    match schema {
        Value::Object(map) => map.into_iter().filter_map(embedded_entry).collect::<Map<_, _>>().into(),
        Value::Array(items) => items.into_iter().map(embedded).collect(),
        other => other,
    }
}

fn embedded_entry((key, value): (String, Value)) -> Option<(String, Value)> {
    match (&*key, value) {
        ("$schema", _) => None,
        ("$ref", Value::String(file)) => {
            let name = file.strip_suffix(".json").unwrap_or(&file);
            Some((key, format!("#/components/schemas/{name}").into()))
        }
        (_, value) => Some((key, embedded(value))),
    }
}
