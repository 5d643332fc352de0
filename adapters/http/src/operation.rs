//! What a request that changes something is called in answers, and how those say what came of it.

use std::borrow::Cow;

use fsconnector_engine::change::command::{Failed, Noun};
use serde_json::Value;

/// A request that changes something, as answers speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its name.
    pub(crate) op: Cow<'static, str>,
    /// How answers say what came of it.
    pub(crate) form: Form,
}

/// How an answer says what came of a request. Clients read `done` and `failed` in problems as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Two lists of items, those that failed each with the reason.
    Items(Noun),
    /// Two lists of names of files.
    Names,
    /// Two texts: what was archived or restored, and why not. One of them is empty.
    Part,
    /// A text: when it was done. If it could not be, that is empty, and a second one says why.
    Time,
}

impl Operation {
    /// How an answer shows that `item`, which is as it was sent, failed. Not at all if it is one text for the whole request.
    pub(crate) fn failure(&self, error: &str, item: Value) -> Option<Value> {
        match self.form {
            Form::Items(noun) => serde_json::to_value(Failed { error: error.to_owned(), noun, item }).ok(),
            Form::Names => item.get("file").filter(|name| name.is_string()).cloned(),
            Form::Part | Form::Time => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_failed_is_shown_as_the_form_wants_it() {
        let failure = |form, item| Operation { op: "x".into(), form }.failure("why", item);
        assert_eq!(
            failure(Form::Items(Noun::Conference), json!({"num": "1"})),
            Some(json!({"error": "why", "conference": {"num": "1"}}))
        );
        assert_eq!(failure(Form::Names, json!({"file": "a.wav"})), Some(json!("a.wav")));
        assert_eq!(failure(Form::Names, json!({"file": 1})), None);
        assert_eq!(failure(Form::Part, json!({})), None);
    }
}
