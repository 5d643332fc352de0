//! Reads a saved state. It is read strictly, for what is passed over would be lost; an error says what is wrong where, and
//! quotes no value, since any could be a secret.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::config::ContextName;
use crate::numbers::parse_number;
use crate::secret::Secret;
use crate::state::{Conference, Globals, User, UserId};

/// What a saved state says of the files.
pub(super) struct Saved {
    pub(super) globals: Globals,
    pub(super) users: Vec<User>,
    pub(super) conferences: Vec<Conference>,
}

/// Why a text is no saved state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebuildError {
    /// It is not JSON from here on.
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is JSON, but not of a state.
    Wrong {
        /// Where: a JSON pointer (RFC 6901).
        pointer: String,
        /// What is wrong there.
        what: Wrong,
    },
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// A state has no such property.
    Unknown,
    /// Another user or conference has the same number.
    Repeated,
    /// It is none of these.
    NotA(&'static str),
}

impl fmt::Display for RebuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column } => write!(f, "line {line}, column {column}: not JSON, or cut off"),
            Self::Wrong { pointer, what } if pointer.is_empty() => write!(f, "the whole: {what}"),
            Self::Wrong { pointer, what } => write!(f, "{pointer}: {what}"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::Unknown => f.write_str("a state has no such property"),
            Self::Repeated => f.write_str("there is another one with this number"),
            Self::NotA(what) => write!(f, "it has to be {what}"),
        }
    }
}

impl std::error::Error for RebuildError {}

/// Reads the answer of `GET /api/info/state`, or the state in it.
pub(super) fn read(text: &str) -> Result<Saved, RebuildError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| RebuildError::NotJson { line: error.line(), column: error.column() })?;
    let whole = Part { value: &value, pointer: String::new() };
    if whole.map()?.contains_key("state") {
        whole.only(&["op", "state"])?;
        read_state(&whole.property("state")?)
    } else {
        read_state(&whole)
    }
}

fn read_state(state: &Part<'_>) -> Result<Saved, RebuildError> {
    // What is free follows from the rest, and how things stood is over.
    state.only(&["info", "globals", "users", "conferencetypes", "conferences", "availUsrIds", "availConfNums"])?;
    let globals = state.property("globals")?;
    let text_of = |name: &String| Ok((name.clone(), globals.text(name)?.to_owned()));
    for profile in state.items("conferencetypes")? {
        profile.as_text()?;
    }
    Ok(Saved {
        globals: globals.map()?.keys().map(text_of).collect::<Result<_, RebuildError>>()?,
        users: all(state, "users", "id", read_user, |user| user.id.clone())?,
        conferences: all(state, "conferences", "num", read_conference, |conference| conference.num)?,
    })
}

/// Reads the items of a list, no two of which may have the same key.
fn all<T, K: Ord>(
    state: &Part<'_>,
    list: &str,
    key: &str,
    read: impl Fn(&Part<'_>) -> Result<T, RebuildError>,
    key_of: impl Fn(&T) -> K,
) -> Result<Vec<T>, RebuildError> {
    let (mut found, mut keys) = (Vec::new(), BTreeSet::new());
    for item in state.items(list)? {
        let read = read(&item)?;
        if !keys.insert(key_of(&read)) {
            return Err(item.wrong_at(key, Wrong::Repeated));
        }
        found.push(read);
    }
    Ok(found)
}

fn read_user(user: &Part<'_>) -> Result<User, RebuildError> {
    user.only(&["id", "password", "conpin", "context", "name", "email", "polymac"])?;
    let id =
        UserId::parse(user.text("id")?).ok_or_else(|| user.wrong_at("id", Wrong::NotA("a text with something in it")));
    Ok(User {
        id: id?,
        password: Secret::new(user.text("password")?),
        conpin: Secret::new(user.text("conpin")?),
        context: user.text("context")?.into(),
        name: user.text("name")?.into(),
        email: user.text("email")?.into(),
        polymac: user.text("polymac")?.into(),
    })
}

fn read_conference(conference: &Part<'_>) -> Result<Conference, RebuildError> {
    conference.only(&["num", "name", "type", "context", "pin"])?;
    let num = parse_number(conference.text("num")?);
    let context = ContextName::parse(conference.text("context")?);
    let pin = if conference.map()?.contains_key("pin") { conference.text("pin")? } else { "" };
    Ok(Conference {
        num: num.ok_or_else(|| conference.wrong_at("num", Wrong::NotA("a number in digits, as a text")))?,
        name: conference.text("name")?.to_owned(),
        profile: conference.text("type")?.to_owned(),
        context: context.map_err(|_| conference.wrong_at("context", Wrong::NotA("the name of a context")))?,
        pin: (!pin.is_empty()).then(|| Secret::new(pin)),
    })
}

/// A value, and where it is.
struct Part<'a> {
    value: &'a Value,
    pointer: String,
}

impl<'a> Part<'a> {
    fn map(&self) -> Result<&'a Map<String, Value>, RebuildError> {
        self.value.as_object().ok_or_else(|| self.wrong(Wrong::NotA("an object")))
    }

    /// Refuses all properties but these.
    fn only(&self, known: &[&str]) -> Result<(), RebuildError> {
        match self.map()?.keys().find(|key| !known.contains(&key.as_str())) {
            Some(other) => Err(self.wrong_at(other, Wrong::Unknown)),
            None => Ok(()),
        }
    }

    fn property(&self, key: &str) -> Result<Part<'a>, RebuildError> {
        let value = self.map()?.get(key).ok_or_else(|| self.wrong_at(key, Wrong::Missing))?;
        Ok(Part { value, pointer: self.below(key) })
    }

    fn text(&self, key: &str) -> Result<&'a str, RebuildError> {
        match self.map()?.get(key) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong_at(key, Wrong::NotA("a text"))),
            None => Err(self.wrong_at(key, Wrong::Missing)),
        }
    }

    fn as_text(&self) -> Result<&'a str, RebuildError> {
        self.value.as_str().ok_or_else(|| self.wrong(Wrong::NotA("a text")))
    }

    fn items(&self, key: &str) -> Result<impl Iterator<Item = Part<'a>>, RebuildError> {
        let list = self.property(key)?;
        let items = list.value.as_array().ok_or_else(|| list.wrong(Wrong::NotA("a list")))?;
        let pointer = list.pointer;
        Ok(items.iter().enumerate().map(move |(place, value)| Part { value, pointer: format!("{pointer}/{place}") }))
    }

    fn below(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"))
    }

    fn wrong(&self, what: Wrong) -> RebuildError {
        RebuildError::Wrong { pointer: self.pointer.clone(), what }
    }

    fn wrong_at(&self, key: &str, what: Wrong) -> RebuildError {
        RebuildError::Wrong { pointer: self.below(key), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    /// A state with these users and conferences.
    fn state(users: &str, conferences: &str) -> String {
        format!(
            r#"{{"info":{{}},"globals":{{"a":"b"}},"users":[{users}],"conferencetypes":["x"],"conferences":[{conferences}]}}"#
        )
    }

    const USER: &str = r#"{"id":"20000","password":"hunter2","conpin":"1","context":"team","name":"a","email":"a@b.c","polymac":"none"}"#;
    const CONFERENCE: &str = r#"{"num":"30000","name":"c","type":"x","context":"team"}"#;

    #[test]
    fn a_state_is_read_alone_or_in_its_answer() {
        let alone = state(USER, CONFERENCE);
        let answer = format!(r#"{{"op":"info/state","state":{alone}}}"#);
        for text in [alone, answer] {
            let saved = read(&text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(saved.globals, Globals::from([("a".into(), "b".into())]));
            assert_eq!((saved.users[0].id.as_str(), saved.users[0].password.expose()), ("20000", "hunter2"));
            assert_eq!((saved.conferences[0].num, &saved.conferences[0].pin), (30_000, &None));
        }
    }

    #[test]
    fn a_pin_is_kept() {
        let saved = read(&state("", &CONFERENCE.replace('}', r#","pin":"${conpin}"}"#))).ok().unwrap();
        assert_eq!(saved.conferences[0].pin, Some(Secret::new("${conpin}")));
    }

    #[test]
    fn an_error_says_what_is_wrong_where() {
        assert_eq!(fault(""), "line 1, column 0: not JSON, or cut off");
        assert_eq!(fault("{\n\"users\": [}"), "line 2, column 11: not JSON, or cut off");
        assert_eq!(fault("[]"), "the whole: it has to be an object");
        assert_eq!(fault("{}"), "/globals: it is missing");
        assert_eq!(fault(r#"{"op":"x","state":{"users":1},"x~/y":2}"#), "/x~0~1y: a state has no such property");
        assert_eq!(
            fault(r#"{"state":{"globals":{"a":1},"conferencetypes":[]}}"#),
            "/state/globals/a: it has to be a text"
        );
        assert_eq!(fault(r#"{"globals":{},"conferencetypes":[1]}"#), "/conferencetypes/0: it has to be a text");
        let second = |user: String| fault(&state(&format!("{USER},{user}"), ""));
        let other = USER.replace("20000", "20001");
        assert_eq!(second(USER.to_owned()), "/users/1/id: there is another one with this number");
        assert_eq!(second(other.replace("20001", "")), "/users/1/id: it has to be a text with something in it");
        assert_eq!(second(other.replace(r#""hunter2""#, "7")), "/users/1/password: it has to be a text");
        assert_eq!(second(other.replace(r#""polymac""#, r#""mac""#)), "/users/1/mac: a state has no such property");
        assert_eq!(second(other.replace(r#","polymac":"none""#, "")), "/users/1/polymac: it is missing");
        let conference = |text: String| fault(&state("", &text));
        assert_eq!(
            conference(CONFERENCE.replace("30000", "030000")),
            "/conferences/0/num: it has to be a number in digits, as a text"
        );
        assert_eq!(
            conference(CONFERENCE.replace("team", "../x")),
            "/conferences/0/context: it has to be the name of a context"
        );
        assert_eq!(
            conference(format!("{CONFERENCE},{CONFERENCE}")),
            "/conferences/1/num: there is another one with this number"
        );
    }

    #[test]
    fn no_error_quotes_a_value() {
        let text = state(USER, CONFERENCE);
        for end in 0..text.len() {
            assert!(!fault(&text[..end]).contains("hunter2"));
        }
        for broken in [r#"["hunter2"]"#, r#"{"hunter2":1}"#, "null", "4711"] {
            let error = fault(&text.replace(r#""hunter2""#, broken));
            assert_eq!(error, "/users/0/password: it has to be a text");
        }
    }
}
