use super::{Example, conference};

const FILE: &str = "dialplan/conferences/30001.xml";

#[track_caller]
fn check(inside: &str, expected: &[&str]) {
    let mut lines = vec![FILE];
    lines.extend(expected);
    Example::new().include(FILE, inside).check(&lines);
}

#[test]
fn conferences_that_share_a_file_are_told() {
    check(
        &(conference("^30001$", "a@48kHz-video") + &conference("^30002$", "b@48kHz-video")),
        &[
            "  2: note: conference 30001 shares its file with 1 conference more: the connector lists but cannot change it — \
             move it to dialplan/conferences/30001.xml",
            "  7: note: conference 30002 shares its file with 1 conference more: the connector lists but cannot change it — \
             move it to dialplan/conferences/30002.xml",
        ],
    );
}

#[test]
fn a_conference_in_a_file_of_another_name_or_folder_is_told() {
    check(
        &conference("^30002$", "a@48kHz-video"),
        &["  2: note: conference 30002 is in a file of another name: the connector lists but cannot change it — \
           move it to dialplan/conferences/30002.xml"],
    );
    let context = "<context name=\"team\">\n";
    let with_conference = format!("{context}{}", conference("^30002$", "a@48kHz-video"));
    Example::new().edit("dialplan/team.xml", context, &with_conference).check(&[
        "dialplan/team.xml",
        "  5: note: conference 30002 is in no file of its own: the connector lists but cannot change it — \
         move it to dialplan/conferences/30002.xml",
    ]);
}

#[test]
fn a_file_without_a_conference_is_told() {
    check("", &["  the switch finds no conference in this file — mend the file, or delete it"]);
}

#[test]
fn an_expression_without_anchors_is_told() {
    check(
        &conference("30001", "a@48kHz-video"),
        &[
            "  2: note: the expression of conference 30001 also takes other numbers, such as 9930001 — write `^30001$`, or have the \
           connector rebuild it",
        ],
    );
}

#[test]
fn a_profile_that_does_not_exist_is_told() {
    check(
        &conference("^30001$", "a@default"),
        &["  2: conference 30001 has the profile `default`, which conference.conf does not have — \
           name one that exists, or write that profile"],
    );
}

#[test]
fn a_name_that_is_taken_or_cannot_be_sent_is_told() {
    check(
        &conference("^30001$", "team@48kHz-video"),
        &["  2: conference 30001 has the same name as 30000: callers of both meet in one — give it a name of its own"],
    );
    for name in ["o'clock", "list"] {
        check(
            &conference("^30001$", &format!("{name}@48kHz-video")),
            &[
                "  2: note: conference 30001 has a name that the connector cannot send to the switch: it is shown, not controlled — \
               use letters, digits, `_`, `.` and `-`",
            ],
        );
    }
}

#[test]
fn what_the_connector_passes_over_is_told_with_the_reason() {
    let passed = "  2: the connector passes over the conference in the extension `x`: ";
    let cases = [
        (
            "^33000$",
            "a@48kHz-video",
            "its number is in no conference range — take a number of 30000-30999, 31000-31999, 32000-32999",
        ),
        ("^30001$", "a", "its data is not NAME@PROFILE — write `NAME@PROFILE`"),
        ("^30001$", "${x}@48kHz-video", "its name or profile is not plain text — write `NAME@PROFILE`"),
        (
            "^300(01|02)$",
            "a@48kHz-video",
            "its destination_number is not one number, as in ^30000$ — give each conference a number of its own",
        ),
        ("^30000$", "a@48kHz-video", "an extension before it has the same number — give it another number"),
    ];
    for (expression, data, why) in cases {
        check(&conference(expression, data), &[&format!("{passed}{why}")]);
    }
}

#[test]
fn a_pin_is_not_shown() {
    let example = Example::new().include(FILE, &conference("3000", "a b@x+271828"));
    assert!(!example.report().join("\n").contains("271828"));
}
