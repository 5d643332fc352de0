//! Any legal value comes back from the switch as it was asked for: JSON → template → file → the switch → its answer → the
//! engine. What is not legal is refused, and nothing else is.

#![allow(clippy::unwrap_used)]

use fsconnector_proptests::requests::{AWKWARD, Ask, Operation, REFUSED};
use fsconnector_proptests::world::{Step, World};
use proptest::prelude::*;
use serde_json::{Value, json};

const ADDRESS: &str = "probe@example.org";

/// Texts of pieces that mean something to somebody on the way.
fn text() -> impl Strategy<Value = String> {
    let mut pieces = vec![
        "$",
        "{",
        "}",
        "$$",
        "${",
        "<",
        "!",
        "<!",
        "--",
        "-->",
        "]]>",
        "&",
        "&#10;",
        "&#x27;",
        ";",
        "'",
        "\"",
        "\\",
        "\\n",
        "%41",
        "x-pre-",
        "process",
        "X-PRE-PROCESS",
        " ",
        "  ",
        "=",
        "/>",
        "</include>",
        "<include>",
        "|",
        "@",
        "+",
        "a",
        "Z",
        "ü",
        "ß",
        "\u{a0}",
        "\u{2028}",
        "\u{fffd}",
        "\u{feff}",
        "\u{fffe}",
        "\u{202e}",
        "e\u{301}",
    ];
    pieces.extend(AWKWARD.iter().chain(&REFUSED));
    let piece = prop_oneof![
        6 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn is_legal(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
        && !value.contains("${")
        && !value.contains("<!")
        && !value.to_ascii_lowercase().contains("x-pre-process")
        && value.chars().count() <= 128
}

fn is_legal_name(name: &str) -> bool {
    is_legal(name) && !name.is_empty() && !name.contains(':') && !name.chars().all(|c| c.is_ascii_digit())
}

/// Asks for one thing, and lets the world look at the answer: what is done has to be as it was asked for.
fn ask(operation: Operation, item: Value) -> Result<World, TestCaseError> {
    let fail = |violation| TestCaseError::fail(format!("{violation}"));
    let mut world = World::new().map_err(fail)?;
    world.settle().map_err(fail)?;
    world.step(Step::Ask(Ask { operation, items: vec![item] })).map_err(fail)?;
    world.settle().map_err(fail)?;
    Ok(world)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_user_comes_back_as_it_was_asked_for(name in text(), password in text(), before in text()) {
        let email = format!("{before} <{ADDRESS}>");
        let item = json!({ "name": &*name, "password": &*password, "email": &*email, "context": "team" });
        let world = ask(Operation::AddUsers, item)?;
        let users = world.seen().unwrap().users;
        let user = users.values().find(|user| user[4].contains(ADDRESS));
        let legal = is_legal_name(name.trim()) && is_legal(&password) && is_legal(email.trim());
        prop_assert_eq!(user.is_some(), legal, "{:?} {:?} {:?}", name, password, email);
        if let Some([is_password, _, _, is_name, is_email, _]) = user {
            prop_assert_eq!([&**is_name, is_password, is_email], [name.trim(), &password, email.trim()]);
        }
    }

    #[test]
    fn a_conference_comes_back_as_it_was_asked_for(
        name in "[\\p{L}\\p{N}_][\\p{L}\\p{N}_.-]{0,20}",
        profile in proptest::sample::select(vec!["16kHz-novideo", "48kHz-video", "other"]),
    ) {
        let item = json!({ "name": &*name, "type": profile, "context": "friends" });
        let conferences = ask(Operation::AddConferences, item)?.seen().unwrap().conferences;
        let expected = [name, profile.to_owned(), "friends".to_owned()];
        prop_assert_eq!(conferences.into_iter().collect::<Vec<_>>(), [("31000".to_owned(), expected)]);
    }
}
