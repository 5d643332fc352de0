use super::{Example, user};
use fsconnector_engine::access::Role;
use fsconnector_engine::config::{Context, ContextName, NumberRange};

#[test]
fn a_context_without_a_dialplan_is_told() {
    Example::new().edit("dialplan/friends.xml", "<context name=\"friends\">", "<context name=\"freinds\">").check(&[
        "dialplan/friends.xml",
        "  there is no dialplan context `friends`, so that its users reach nobody — \
         write it in this file, or take the context out of the connector's configuration",
        "dialplan/public.xml",
        "  28: the call is sent to the context `friends`, which does not exist — correct the name, or write that context",
        "dialplan/team.xml",
        "  22: the call is sent to the context `friends`, which does not exist — correct the name, or write that context",
    ]);
}

#[test]
fn a_context_that_is_there_twice_is_told() {
    Example::new().write("dialplan/z.xml", "<include>\n<context name=\"Team\"/>\n</include>\n").check(&[
        "dialplan/z.xml",
        "  2: the context `Team` is also in dialplan/team.xml:4, and only that one counts — make one context of both",
    ]);
}

#[test]
fn a_configured_context_that_the_tree_knows_nothing_of_is_told() {
    let mut example = Example::new();
    example.config.contexts.push(Context {
        name: ContextName::parse("board").unwrap(),
        role: Role::Member,
        users: NumberRange::new(23_000, 23_999).unwrap(),
        conferences: NumberRange::new(33_000, 33_999).unwrap(),
    });
    example.check(&[
        "dialplan/board.xml",
        "  there is no dialplan context `board`, so that its users reach nobody — \
         write it in this file, or take the context out of the connector's configuration",
        "directory/board",
        "  the switch would not find a new user in this folder — \
         include `board/*.xml` in directory/default.xml, inside of domain, groups, a group and its users",
        "  there is no such folder, or it cannot be read — \
         create it, owned by the user the connector runs as, readable for the switch",
    ]);
}

#[test]
fn a_folder_that_is_not_there_is_told_once() {
    Example::new().remove("directory/public").check(&[
        "directory/public",
        "  there is no such folder, or it cannot be read — \
         create it, owned by the user the connector runs as, readable for the switch",
    ]);
}

#[test]
fn a_folder_of_users_that_is_not_included_is_told() {
    Example::new().without_line("directory/default.xml", "friends/*.xml").check(&[
        "directory/friends",
        "  the switch would not find a new user in this folder — \
         include `friends/*.xml` in directory/default.xml, inside of domain, groups, a group and its users",
    ]);
}

#[test]
fn a_folder_of_users_that_is_included_where_the_switch_does_not_look_is_told() {
    Example::new()
        .without_line("directory/default.xml", "friends/*.xml")
        .edit(
            "directory/default.xml",
            "  </domain>",
            "<X-PRE-PROCESS cmd=\"include\" data=\"friends/*.xml\"/>\n  </domain>",
        )
        .check(&[
            "directory/friends",
            "  the switch would not find a new user in this folder — \
             include `friends/*.xml` in directory/default.xml, inside of domain, groups, a group and its users",
        ]);
}

#[test]
fn an_include_may_be_written_in_any_way() {
    Example::new()
        .edit("directory/default.xml", "friends/*.xml", "../directory/f?iends/[0-9]*.xml")
        .edit("dialplan/team.xml", "conferences/*.xml", "$${conf_dir}/dialplan/conferences/*.xml")
        .check(&[]);
    let include = "<X-PRE-PROCESS cmd=\"include\" data=\"conferences/*.xml\"/>\n";
    Example::new().edit("dialplan/friends.xml", "  </context>", &format!("{include}  </context>")).check(&[]);
}

#[test]
fn conferences_that_are_not_included_are_told() {
    Example::new().without_line("dialplan/team.xml", "conferences/*.xml").check(&[
        "dialplan/conferences",
        "  the switch would not find a new conference in this folder — \
         include `conferences/*.xml` inside of a context in the folder dialplan",
        "dialplan/conferences/30000.xml",
        "  the switch finds no conference in this file — mend the file, or delete it",
        "dialplan/conferences/31000.xml",
        "  the switch finds no conference in this file — mend the file, or delete it",
        "dialplan/conferences/32000.xml",
        "  the switch finds no conference in this file — mend the file, or delete it",
    ]);
}

#[test]
fn a_user_whose_context_is_not_configured_is_told() {
    Example::new().include("directory/team/20001.xml", &user("20001", "default", "x")).check(&[
        "directory/team/20001.xml",
        "  6: note: user `20001` has the context `default`, which is not configured: it cannot log in — \
         write one of team, friends, public",
    ]);
}

#[test]
fn a_user_in_the_folder_of_another_context_is_told() {
    Example::new().include("directory/public/21000.xml", &user("21000", "friends", "x")).check(&[
        "directory/public/21000.xml",
        "  6: note: user `21000` has the context `friends`, but its file is in the folder of `public`: the connector lists but \
         cannot change it — \
         move the file, or correct the context",
    ]);
}

#[test]
fn a_user_with_a_number_of_others_is_told() {
    Example::new()
        .include("directory/public/21000.xml", &user("21000", "public", "x"))
        .include("directory/public/32001.xml", &user("32001", "public", "y"))
        .check(&[
            "directory/public/21000.xml",
            "  2: the number of user `21000` is among those of the users of friends (21000-21999) — \
             give it a number among 22000-22999",
            "directory/public/32001.xml",
            "  2: the number of user `32001` is among those of the conferences of public (32000-32999) — \
             give it a number among 22000-22999",
        ]);
}
