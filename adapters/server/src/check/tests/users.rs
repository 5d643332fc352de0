use super::{Example, user};

const FILE: &str = "directory/friends/21000.xml";
const NOBODY: &str = "  no administrator can log in, so that nobody can change anything — \
                      write a user here with the context `team`, a password, and a name that no other user has";

fn friend(edit: impl FnOnce(String) -> String) -> Example {
    Example::new().include(FILE, &edit(user("21000", "friends", "x")))
}

#[track_caller]
fn check(edit: impl FnOnce(String) -> String, expected: &str) {
    friend(edit).check(&[FILE, expected]);
}

#[test]
fn several_users_in_one_file_are_told() {
    check(
        |one| one + &user("21001", "friends", "y"),
        "  note: 2 users share this file (`21000`, `21001`): the connector lists but cannot change them — \
         put each user into a file of its own, directory/<context>/<id>.xml",
    );
}

#[test]
fn a_user_in_a_file_of_another_name_is_told() {
    check(
        |one| one.replace("21000", "21001"),
        "  2: note: user `21001` is in no file of its own: the connector lists but cannot change it — \
         move it to directory/<context>/21001.xml",
    );
}

#[test]
fn a_user_outside_of_the_folders_is_told() {
    let users = "<group name=\"team\">\n        <users>\n";
    let with_user = format!("{users}{}", user("20001", "team", "x"));
    Example::new().edit("directory/default.xml", users, &with_user).check(&[
        "directory/default.xml",
        "  15: note: user `20001` is in no file of its own: the connector lists but cannot change it — \
         move it to directory/<context>/20001.xml",
    ]);
}

#[test]
fn a_file_without_a_user_is_told() {
    check(|_| String::new(), "  the switch finds no user in this file — mend the file, or delete it");
}

#[test]
fn a_user_that_is_defined_twice_is_told_with_the_file_that_wins() {
    Example::new().include("directory/team/20000.xml", &user("20000", "team", "x")).include(
        "directory/public/20000.xml", &user("20000", "team", "y")
    ).check(&[
        "directory/public/20000.xml",
        "  2: user `20000` is defined in directory/team/20000.xml:2, too, and only that one counts — delete one of the two",
    ]);
}

#[test]
fn a_user_whose_file_is_included_twice_is_told() {
    Example::new().edit("directory/default.xml", "friends/*.xml", "t*/*.xml").check(&[
        "directory/friends",
        "  the switch would not find a new user in this folder — \
         include `friends/*.xml` in directory/default.xml, inside of domain, groups, a group and its users",
        "directory/team/20000.xml",
        "  3: user `20000` is loaded twice, for its file is included twice — take one of the includes out",
    ]);
}

#[test]
fn a_user_without_password_or_name_is_told() {
    check(
        |one| one.replace("\"password\"", "\"passwort\"").replace("effective_caller_id_name", "name"),
        "  2: user `21000` has no `password`, no `effective_caller_id_name` and cannot log in — add what is missing",
    );
    check(|one| one.replace("polymac", "mac"), "  2: note: user `21000` has no `polymac` — add what is missing");
}

#[test]
fn a_tree_that_nobody_can_administer_is_told() {
    Example::complete().remove("directory/team/20000.xml").check(&["directory/team", NOBODY]);
    Example::new().edit("directory/team/20000.xml", "change-me-at-once", "").check(&[
        "directory/team",
        NOBODY,
        "directory/team/20000.xml",
        "  5: user `20000` has an empty password and cannot log in — give it a password",
    ]);
    Example::new()
        .remove("directory/team/20000.xml")
        .include("directory/team/20001.xml", &user("20001", "team", "x"))
        .check(&[]);
}

#[test]
fn an_empty_password_or_name_is_told() {
    check(
        |one| one.replace("its-password", ""),
        "  4: user `21000` has an empty password and cannot log in — give it a password",
    );
    check(
        |one| one.replace("value=\"x\"", "value=\"\""),
        "  7: user `21000` has an empty name and cannot log in — give it a name",
    );
}

#[test]
fn a_user_without_id_is_told() {
    check(
        |one| one.replace(" id=\"21000\"", ""),
        "  the switch finds no user in this file — mend the file, or delete it\n  \
         2: a user without id is passed over — give it an id, or delete it",
    );
}

#[test]
fn a_user_where_the_switch_does_not_look_is_told() {
    let stray = user("20001", "team", "x");
    Example::new()
        .edit(
            "directory/default.xml",
            "  <domain name=\"$${domain}\">\n",
            &format!("  <domain name=\"$${{domain}}\">\n{stray}"),
        )
        .check(&[
            "directory/default.xml",
            "  4: the switch does not find user `20001` here — put it inside of domain, groups, a group and its users",
            "  4: note: user `20001` is in no file of its own: the connector lists but cannot change it — \
         move it to directory/<context>/20001.xml",
        ]);
}

#[test]
fn a_name_that_two_users_share_is_told_at_both() {
    friend(|one| one.replace("value=\"x\"", "value=\"admin\"")).check(&[
        FILE,
        "  7: user `21000` has the same name as user `20000`: neither can log in — give one of them another name",
        "directory/team",
        NOBODY,
        "directory/team/20000.xml",
        "  10: user `20000` has the same name as user `21000`: neither can log in — give one of them another name",
    ]);
}

#[test]
fn a_phone_that_two_users_share_is_told() {
    friend(|one| one.replace("\"none\"", "\"0004F2-000001\""))
        .edit(
            "directory/team/20000.xml",
            "name=\"polymac\" value=\"none\"",
            "name=\"polymac\" value=\"00:04:f2:00:00:01\"",
        )
        .check(&[
            FILE,
            "  9: user `21000` has the same phone as user `20000` — write `none`, or the MAC of its own phone",
        ]);
}

#[test]
fn values_that_the_connector_would_refuse_are_told_without_the_value() {
    let cases = [
        ("value=\"x\"", "value=\"a:b\"", 7, "effective_caller_id_name", "holds a `:`, which no login name can hold"),
        ("value=\"x\"", "value=\"123\"", 7, "effective_caller_id_name", "is nothing but digits"),
        ("value=\"x\"", "value=\"a${b}\"", 7, "effective_caller_id_name", "holds `${`, which the switch would expand"),
        ("its-password", "its\u{7f}password", 4, "password", "holds a control character"),
        ("$${defconpin}", "12a4", 10, "conpin", "is not only digits"),
        ("\"none\"", "\"0004f2\"", 9, "polymac", "is neither `none` nor the 12 digits of a MAC"),
    ];
    for (from, to, line, property, fault) in cases {
        check(
            |one| one.replace(from, to),
            &format!(
                "  {line}: the `{property}` of user `21000` {fault} — write another one: the connector would refuse this value"
            ),
        );
    }
    check(
        |one| one.replace("its-password", &"p".repeat(129)),
        "  4: the `password` of user `21000` is too long — write another one: the connector would refuse this value",
    );
}
