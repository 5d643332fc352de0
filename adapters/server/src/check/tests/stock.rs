//! What a switch has from the beginning, and what others have written there, may stay beside what the connector needs.

use super::{Example, check, conference, user};

const PUBLIC: &str = "dialplan/public.xml";
const OUTSIDE: &str = "sip_profiles/outside.xml";

/// The example on a switch that already had users, extensions, keys and recordings of its own.
fn beside_others() -> Example {
    let pointer = "<group name=\"sales\"><users><user id=\"1000\" type=\"pointer\"/></users></group>\n";
    let group =
        "<group name=\"default\"><users>\n<X-PRE-PROCESS cmd=\"include\" data=\"default/*.xml\"/>\n</users></group>\n";
    let theirs = "<user id=\"1000\">\n<params><param name=\"password\" value=\"$${default_password}\"/></params>\n<variables>\n\
                  <variable name=\"user_context\" value=\"default\"/>\n\
                  <variable name=\"effective_caller_id_name\" value=\"1000\"/>\n</variables></user>\n";
    let dialplan = format!(
        "<context name=\"default\">\n<extension name=\"intercept\">\n\
         <condition field=\"destination_number\" expression=\"^${{pickup}}\\d+$\"/>\n</extension>\n\
         <extension name=\"away\"><condition field=\"destination_number\" expression=\"2(0\\d{{3}}\">\n\
         <action application=\"transfer\" data=\"1 XML nowhere\"/></condition></extension>\n{}</context>\n",
        conference("^(30\\d{2})$", "$1-${domain_name}@default")
    );
    Example::new()
        .edit("freeswitch.xml", "<document ", "<!--#comment for the\n  preprocessor\n-->\n<document ")
        .edit("freeswitch.xml", "</document>", "<section name=\"chatplan\">\n<X-PRE-PROCESS cmd=\"include\" data=\"chatplan/*.xml\"/>\n</section>\n</document>")
        .edit("vars.xml", "</include>", "<X-PRE-PROCESS cmd=\"set\" data=\"default_password=1234\"/>\n<!-- <X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/> -->\n</include>")
        .edit("autoload_configs/event_socket.conf.xml", "value=\"$${es_listen_ip}\"", "value=\"::\"")
        .without_line("autoload_configs/event_socket.conf.xml", "apply-inbound-acl")
        .edit("autoload_configs/conference.conf.xml", "data=\"muteall\"", "data=\"grab-my-lunch\"")
        .edit("directory/default.xml", "    </groups>", &format!("{group}{pointer}    </groups>"))
        .include("directory/default/1000.xml", theirs)
        .include("dialplan/default.xml", &dialplan)
        .edit("dialplan/team.xml", "<context name=\"team\">\n", &format!("<context name=\"team\">\n{}", conference("^30002$", "a@48kHz-video")))
}

#[test]
fn what_others_have_written_is_only_noted() {
    let example = beside_others();
    let findings = check(example.tree.path(), &example.config).unwrap();
    assert!(findings.are_content(), "{findings}");
    example.check(&[
        "autoload_configs/conference.conf.xml",
        "  32: note: the key `*` sends `grab-my-lunch`, which the connector does not know — write one of muteall, \
         startrecording, pauserecording, resumerecording, stoprecording, checkrecording, conferencelock, conferenceunlock",
        "dialplan/default.xml",
        "  6: note: the expression `2(0\\d{3}` is no regular expression that can be understood: `Parsing error at position 8: \
         Opening parenthesis without closing parenthesis` — correct it, or write it more simply",
        "  7: note: the call is sent to the context `nowhere`, which does not exist — correct the name, or write that context",
        "  8: note: the connector passes over the conference in the extension `x`: its name or profile is not plain text — \
         write `NAME@PROFILE`",
        "dialplan/team.xml",
        "  5: note: conference 30002 is in no file of its own: the connector lists but cannot change it — \
         move it to dialplan/conferences/30002.xml",
        "directory/default/1000.xml",
        "  2: note: user `1000` has no `conpin`, no `verto_dvar_email`, no `polymac` — add what is missing",
        "  2: note: user `1000` is in no file of its own: the connector lists but cannot change it — \
         move it to directory/<context>/1000.xml",
        "  5: note: user `1000` has the context `default`, which is not configured: it cannot log in — \
         write one of team, friends, public",
        "  6: note: the `effective_caller_id_name` of user `1000` is nothing but digits — \
         write another one: the connector would refuse this value",
        "freeswitch.xml",
        "  23: note: the include `chatplan/*.xml` finds nothing: there is no folder `chatplan` — \
         create it, or correct the path",
        "vars.xml",
        "  67: note: a command within a comment is carried out all the same — \
         delete the line, and keep a copy outside of the tree",
    ]);
}

/// The example with a profile that asks nobody for a password.
fn with_open_profile(context: &str, more: &str) -> Example {
    let param = |name: &str, value: &str| format!("<param name=\"{name}\" value=\"{value}\"/>\n");
    let params = [param("auth-calls", "false"), param("context", context), more.to_owned()].concat();
    Example::new().write(OUTSIDE, &format!("<profile name=\"outside\">\n<settings>\n{params}</settings>\n</profile>\n"))
}

#[test]
fn strangers_in_a_context_of_users_are_told() {
    with_open_profile("Public", "").check(&[
        OUTSIDE,
        "  4: the SIP profile `outside` asks callers for no password, and puts them into the context `Public`: they reach what \
         its users reach — let it have a context of its own, and transfer from there what strangers may reach; or give these \
         users another context, and configure that",
    ]);
    with_open_profile("strangers", "").check(&[]);
    with_open_profile("public", "<param name=\"auth-calls\" value=\"TRUE\"/>\n").check(&[]);
    with_open_profile("public", "<param name=\"apply-inbound-acl\" value=\"providers\"/>\n").check(&[]);
}

#[test]
fn whoever_is_to_open_a_context_is_warned_of_strangers_in_it() {
    let empty = "<include>\n<context name=\"public\"/>\n</include>\n";
    let report = with_open_profile("public", "").write(PUBLIC, empty).report().join("\n");
    let warning = ", but not before the SIP profile `outside` has another context: until then strangers without a password reach \
                   whatever is opened here";
    assert_eq!(report.matches(warning).count(), 2, "{report}");
    let report = with_open_profile("strangers", "").write(PUBLIC, empty).report().join("\n");
    assert!(report.contains("widen an expression") && !report.contains("strangers"), "{report}");
}

#[test]
fn a_user_of_ours_who_cannot_log_in_is_more_than_a_note() {
    let nameless = |context: &str| {
        let nameless = user("21000", context, "").replace("effective_caller_id_name", "callgroup");
        Example::new().include("directory/friends/21000.xml", &nameless).report().join("\n")
    };
    assert!(nameless("friends").contains("  2: user `21000` has no `effective_caller_id_name` and cannot log in"));
    assert!(nameless("theirs").contains("  2: note: user `21000` has no `effective_caller_id_name` and cannot log in"));
}
