use super::{Example, user};

const ADMIN: &str = "directory/team/20000.xml";

#[test]
fn a_tree_without_its_root_file_is_told() {
    Example::new().remove("freeswitch.xml").check(&[
        "freeswitch.xml",
        "  there is no such file, or nothing in it — the switch begins with this file: put it there, or name the folder that holds it",
    ]);
}

#[test]
fn a_tree_that_the_switch_refuses_is_told_with_file_and_line() {
    Example::new().edit(ADMIN, "</params>", "</parms>").check(&[
        ADMIN,
        "  7: the switch refuses the whole configuration: `[error near line 529]: unexpected closing tag </parms>` — \
         mend the XML in this line or before it (the switch counts its lines in the merged text)",
    ]);
}

#[test]
fn a_missing_section_is_told() {
    Example::new().edit("freeswitch.xml", "section name=\"directory\"", "section name=\"directori\"").check(&[
        "freeswitch.xml",
        "  the connector could not read the configuration, and so the rest was not checked: the switch's answer to `xml_locate directory` cannot be used: \
         it says \"can't find anything\" — add or mend that section, and check again",
    ]);
}

#[test]
fn a_value_that_ends_the_escaping_is_told() {
    Example::new().edit(ADMIN, "value=\"admin\"", "value=\"a&lt;!&quot;b\"").check(&[
        ADMIN,
        "  10: a value holds `<!`, and from there on the switch's answer about the whole section is not escaped any more — \
         leave the `<!` out",
        "freeswitch.xml",
        "  the connector could not read the answer to `xml_locate directory`, and so the rest was not checked — \
         mend what makes it malformed, and check again",
    ]);
}

#[test]
fn an_element_that_is_shown_malformed_is_told() {
    Example::new().edit("dialplan/team.xml", "<context name=\"team\">", "<context name=\"team\"x\">").check(&[
        "dialplan/team.xml",
        "  4: the switch's answer about the whole section is malformed because of this element — \
         look for a stray quote or another odd sign in its name or attributes",
        "freeswitch.xml",
        "  the connector could not read the answer to `xml_locate dialplan`, and so the rest was not checked — \
         mend what makes it malformed, and check again",
    ]);
}

#[test]
fn an_include_that_finds_nothing_is_told_but_an_empty_folder_is_fine() {
    let include = |data: &str| format!("<X-PRE-PROCESS cmd=\"include\" data=\"{data}\"/>\n");
    let includes = ["more.xml", "more/*.xml", "public/*.xml", "/nonexistent/x.xml", "../../x.xml"].map(include);
    Example::new().write("directory/z.xml", &includes.concat()).check(&[
        "directory/z.xml",
        "  1: note: the include `more.xml` finds nothing — create the file, or correct the path",
        "  2: note: the include `more/*.xml` finds nothing: there is no folder `directory/more` — create it, or correct the path",
        "  4: note: the include `/nonexistent/x.xml` leads out of the tree, where neither this check nor `store` looks — \
         move what it names into the tree",
        "  5: note: the include `../../x.xml` leads out of the tree, where neither this check nor `store` looks — \
         move what it names into the tree",
    ]);
}

#[test]
fn files_that_include_each_other_are_told() {
    Example::new().write("directory/z.xml", "<X-PRE-PROCESS cmd=\"include\" data=\"z.xml\"/>\n").check(&[
        "directory/z.xml",
        "  1: the include `z.xml` goes too deep: files include each other without end — take one of the includes out",
    ]);
}

#[test]
fn an_undefined_variable_is_told() {
    Example::new().edit(ADMIN, "$${outbound_caller_id}", "$${outbound_id}").check(&[
        ADMIN,
        "  13: the variable `outbound_id` is not set here, so that nothing stands in its place — \
         set it before this line, best in vars.xml, or correct its name",
    ]);
}

#[test]
fn what_looks_like_a_variable_in_a_password_is_not_shown() {
    Example::new().edit(ADMIN, "change-me-at-once", "secret$${word}").check(&[
        ADMIN,
        "  5: a variable is not set here, so that nothing stands in its place — \
         set it before this line, best in vars.xml, or correct its name",
    ]);
}

#[test]
fn an_unterminated_variable_is_told() {
    Example::new()
        .edit(ADMIN, "$${outbound_caller_id}", "$${outbound_caller_id")
        .check(&[ADMIN, "  13: `$${` without `}`: it is no variable and stays as it is — add the `}`"]);
}

#[test]
fn a_line_that_grows_too_long_is_told() {
    let long = "x".repeat(600);
    Example::new()
        .edit("vars.xml", "outbound_caller_name=FreeSWITCH", &format!("outbound_caller_name={long}"))
        .edit(ADMIN, "$${outbound_caller_name}", &"$${outbound_caller_name}".repeat(4))
        .check(&[
            ADMIN,
            "  12: the switch's answer about the whole section is malformed because of this element — \
             look for a stray quote or another odd sign in its name or attributes",
            "  12: with the values of its variables the line is too long for the switch, which loses its end — \
             break the line, or shorten the values",
            "freeswitch.xml",
            "  the connector could not read the answer to `xml_locate directory`, and so the rest was not checked — \
             mend what makes it malformed, and check again",
        ]);
}

#[test]
fn an_unknown_command_is_told_and_one_that_reaches_outside_is_trusted() {
    let known = "<X-PRE-PROCESS cmd=\"stun-set\" data=\"external_sip_ip=stun:stun.example.org\"/>";
    let example =
        Example::new().edit("vars.xml", "<X-PRE-PROCESS cmd=\"set\" data=\"external_sip_ip=$${local_ip_v4}\"/>", known);
    example.check(&[]);
    example.edit("vars.xml", "cmd=\"stun-set\"", "cmd=\"stunset\"").check(&[
        "sip_profiles/internal.xml",
        "  14: the variable `external_sip_ip` is not set here, so that nothing stands in its place — \
         set it before this line, best in vars.xml, or correct its name",
        "vars.xml",
        "  23: the switch knows no command `stunset`, and drops the line — write `set` or `include`",
    ]);
}

#[test]
fn a_line_lost_to_the_preprocessor_is_told() {
    Example::new().edit(ADMIN, "value=\"admin@example.org\"", "value=\"X-Pre-Process\"").check(&[
        ADMIN,
        "  14: the switch drops this line, for it holds `x-pre-process` but no command that it understands — \
         write `<X-PRE-PROCESS cmd=\"…\" data=\"…\"/>` in one line and in this order, or leave the word out",
        "  3: note: user `20000` has no `verto_dvar_email` — add what is missing",
    ]);
    Example::new().edit(ADMIN, "    </params>", "    </params> <?x?>").check(&[
        ADMIN,
        "  7: the switch drops every line with `<include>`, `</include>` or `<?`, and all that stands on it — \
         give these a line of their own",
        "  19: the switch refuses the whole configuration: `[error near line 540]: unexpected closing tag </user>` — \
         mend the XML in this line or before it (the switch counts its lines in the merged text)",
    ]);
}

#[test]
fn drafts_and_copies_beside_the_files_are_told() {
    Example::new()
        .include("directory/team/.tmp-20000.xml", &user("20000", "team", "admin"))
        .include("directory/team/tmp-20000.xml", &user("20000", "team", "admin"))
        .check(&[
            "directory/team/tmp-20000.xml",
            "  looks like a draft or a copy, and the switch loads it like any other file — \
             delete it, or let its name begin with a dot",
            "  2: user `20000` is defined in directory/team/20000.xml:3, too, and only that one counts — \
             delete one of the two",
        ]);
}
