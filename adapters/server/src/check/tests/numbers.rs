use super::Example;
use fsconnector_engine::config::NumberRange;

const TEAM: &str = "dialplan/team.xml";

#[test]
fn users_whom_no_extension_reaches_are_told() {
    Example::new().edit(TEAM, r"^(20\d{3})$", r"^(20[0-4]\d{2})$").check(&[
        TEAM,
        "  4: no extension of the context `team` connects a call to 20500-20999 (users of team) — \
         widen an expression for destination_number there, or configure another range",
    ]);
}

#[test]
fn a_configured_range_that_the_dialplan_does_not_know_is_told() {
    let mut example = Example::new();
    example.config.contexts[2].users = NumberRange::new(22_900, 23_099).unwrap();
    example.check(&[
        "dialplan/public.xml",
        "  4: no extension of the context `public` connects a call to 23000-23099 (users of public) — \
         widen an expression for destination_number there, or configure another range",
    ]);
}

#[test]
fn users_who_are_turned_away_are_told() {
    let refuse = "<extension name=\"night\">\n<condition field=\"destination_number\" expression=\"^22.*5$\">\n\
                  <action application=\"respond\" data=\"404\"/></condition></extension>\n";
    let context = "<context name=\"public\">\n";
    Example::new().edit("dialplan/public.xml", context, &format!("{context}{refuse}")).check(&[
        "dialplan/public.xml",
        "  5: the extension `night` takes the calls to 22005, 22015, 22025, others (users of public) and connects nobody — \
         narrow its expression for destination_number",
    ]);
}

#[test]
fn an_extension_that_swallows_conferences_is_told() {
    let circle = "narrow its expression, or transfer to another context";
    Example::new().edit(TEAM, r"^(22\d{3})$", r"^([23]2\d{3})$").check(&[
        TEAM,
        &format!("  26: the extension `public_users` sends the calls to 32000-32999 (conferences of public) back to where they came from — {circle}"),
    ]);
    Example::new().edit(TEAM, r"^(20\d{3})$", r"^([23]0\d{3})$").check(&[
        TEAM,
        "  13: the extension `team_users` takes the calls to 30000-30999 (conferences of team) and does not lead to these — \
         narrow its expression, or put it behind what leads to the conferences",
    ]);
}

#[test]
fn conferences_that_no_extension_leads_to_are_told() {
    Example::new().edit("dialplan/friends.xml", r"^(31\d{3})$", r"^(310\d{2})$").check(&[
        "dialplan/friends.xml",
        "  4: no extension of the context `friends` leads to 31100-31999 (conferences of friends) — \
         transfer these numbers to the context that includes conferences/*.xml",
    ]);
}

#[test]
fn an_expression_that_is_not_anchored_is_told() {
    Example::new().edit(TEAM, r"^(21\d{3})$", r"(21\d{3})").check(&[
        TEAM,
        r"  21: the expression `(21\d{3})` also takes other numbers, such as 9921000 — begin it with `^` and end it with `$`",
    ]);
}

#[test]
fn an_expression_that_is_none_is_told() {
    Example::new().edit(TEAM, r"^(21\d{3})$", r"^(21\d{3}$").check(&[
        TEAM,
        "  21: the expression `^(21\\d{3}$` is no regular expression that can be understood: \
         `Parsing error at position 10: Opening parenthesis without closing parenthesis` — correct it, or write it more simply",
    ]);
}

#[test]
fn a_call_sent_to_a_context_that_is_not_there_is_told() {
    Example::new().edit(TEAM, "$1 XML friends", "$1 XML freinds").check(&[
        TEAM,
        "  22: the call is sent to the context `freinds`, which does not exist — correct the name, or write that context",
    ]);
}
