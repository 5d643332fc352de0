//! What holds for any configuration: nothing in a file can make the loader panic or run away, and its report tells what it met.

#![allow(clippy::panic)]

use fsconnector_simulator::config::{Globals, LoadError, Loaded, Memory, Place, Problem, load};
use proptest::prelude::*;

const BASE: &str = "/etc/freeswitch";

fn loaded(files: &[(&str, &str)]) -> Loaded {
    load(&Memory::new(files.iter().copied()), BASE, &mut Globals::default())
}

fn place(file: &str, line: usize) -> Place {
    Place { file: file.to_owned(), line }
}

#[track_caller]
fn check_findings(files: &[(&str, &str)], expected: &[(&str, usize, Problem)]) {
    let findings = loaded(files).report.findings;
    let found: Vec<_> = findings.into_iter().map(|finding| (finding.place, finding.problem)).collect();
    let expected: Vec<_> = expected.iter().map(|(file, line, problem)| (place(file, *line), problem.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn an_include_that_finds_nothing_is_reported_where_it_stands() {
    let pattern = "users/*.xml".to_owned();
    check_findings(
        &[
            ("freeswitch.xml", "<a>\r\n<X-PRE-PROCESS cmd=\"include\" data=\"directory/*.xml\"/>\r\n</a>"),
            ("directory/a.xml", "<include>\n\n  <X-PRE-PROCESS cmd=\"include\" data=\"users/*.xml\"/>\n"),
        ],
        &[("directory/a.xml", 3, Problem::NothingIncluded { pattern })],
    );
}

#[test]
fn a_variable_that_is_not_set_yet_is_reported() {
    check_findings(
        &[("freeswitch.xml", "<a b=\"$${x}\"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/>\n<a b=\"$${x}\"/>\n")],
        &[("freeswitch.xml", 1, Problem::UndefinedVariable { name: "x".into() })],
    );
}

#[test]
fn a_command_that_reaches_outside_is_reported_and_not_carried_out() {
    check_findings(
        &[("freeswitch.xml", "<X-PRE-PROCESS cmd=\"exec\" data=\"touch /tmp/x\"/>\n<a/>\n")],
        &[("freeswitch.xml", 1, Problem::UnknownCommand { command: "exec".into() })],
    );
}

#[test]
fn every_included_file_names_who_included_it() {
    let report = loaded(&[
        ("freeswitch.xml", "<a>\n<X-PRE-PROCESS cmd=\"include\" data=\"b/*.xml\"/>\n</a>\n"),
        ("b/2.xml", "<b/>\n"),
        ("b/1.xml", "<X-PRE-PROCESS cmd=\"include\" data=\"../c.inc\"/>\n"),
        ("c.inc", "<c/>\n"),
    ])
    .report;
    let included: Vec<_> = report.included.into_iter().map(|inclusion| (inclusion.file, inclusion.by)).collect();
    assert_eq!(
        included,
        [
            ("freeswitch.xml".to_owned(), None),
            ("b/1.xml".to_owned(), Some(place("freeswitch.xml", 2))),
            ("c.inc".to_owned(), Some(place("b/1.xml", 1))),
            ("b/2.xml".to_owned(), Some(place("freeswitch.xml", 2))),
        ]
    );
}

#[test]
fn a_fault_in_the_merged_text_leads_back_to_its_file() {
    let loaded = loaded(&[
        ("freeswitch.xml", "<?xml?>\n<a>\n<X-PRE-PROCESS cmd=\"include\" data=\"b.xml\"/>\n</a>\n"),
        ("b.xml", "<include>\r\n<b>\r\n  <c/>\r\n</d>\r\n</include>\r\n"),
    ]);
    let Err(LoadError::Malformed(error)) = loaded.outcome else { panic!("this is malformed") };
    assert_eq!(String::from_utf8_lossy(&error.message()), "[error near line 5]: unexpected closing tag </d>");
    assert_eq!(loaded.report.origin(&loaded.merged, error.offset), Some(place("b.xml", 4)));
}

#[track_caller]
fn check_error_line(text: &str, message: &str) {
    let Err(error) = loaded(&[("freeswitch.xml", text)]).outcome else { panic!("this is malformed") };
    assert_eq!(String::from_utf8_lossy(&error.message()), message);
}

#[test]
fn line_ends_within_tags_do_not_count_before_an_error() {
    check_error_line("<a>\n<b\n\nx\n='\n'\ny=\"1\"/>\n</c>\n", "[error near line 4]: unexpected closing tag </c>");
    check_error_line("<a>\n<b\n\n=\"\n\" / >\n</a>\n", "[error near line 2]: missing >");
}

#[test]
fn an_error_is_cut_where_the_switch_has_no_more_room() {
    let name = "x".repeat(200);
    let cut = "x".repeat(127 - "[error near line 1]: unexpected closing tag </".len());
    check_error_line(&format!("<a></{name}>\n"), &format!("[error near line 1]: unexpected closing tag </{cut}"));
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let report =
        loaded(&[("freeswitch.xml", "<a/>\n<X-PRE-PROCESS cmd=\"include\" data=\"freeswitch.xml\"/>\n")]).report;
    assert_eq!(report.included.len(), 101);
    let deepest = report.findings.first().map(|finding| &finding.problem);
    assert_eq!(deepest, Some(&Problem::IncludedTooDeep { pattern: "freeswitch.xml".into() }));
}

#[test]
fn elements_nested_without_end_are_refused() {
    let deep = "<a>".repeat(100_000);
    assert!(matches!(loaded(&[("freeswitch.xml", &deep)]).outcome, Err(LoadError::Malformed(_))));
}

#[test]
fn two_attributes_without_a_value_are_both_shown() {
    let document = loaded(&[("freeswitch.xml", "<a x x x=\"1\" y=\"2\" y z=\"\" z=\"3\"/>\n")]).outcome.unwrap();
    assert_eq!(String::from_utf8_lossy(&document.root().to_xml()), "<a x=\"\" x=\"\" y=\"2\" z=\"\"></a>\n");
}

/// Pieces that mean something to the preprocessor or the parser, so that random files reach deep into both.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<a",
            "<b ",
            ">",
            "/>",
            "</a>",
            "</b >",
            "x=\"",
            "\"",
            "'",
            " ",
            "\n",
            "\r\n",
            "\r",
            "\0",
            "&amp;",
            "&lt;",
            "&#10;",
            "&#x7FFFFFFF;",
            "&e;",
            "&",
            "<!--",
            "-->",
            "--",
            "<![CDATA[",
            "]]>",
            "<!DOCTYPE a [",
            "<!ENTITY e \"&#38;f;\">",
            "<!ENTITY ",
            "% ",
            "]>",
            "<?",
            "?>",
            "<include>",
            "</include>",
            "$${x}",
            "$${",
            "}",
            "${y}",
            "<!--#set \"x=1\"",
            "<!",
            "<X-PRE-PROCESS cmd=\"set\" data=\"x=$${x}$${x}y\"/>\n",
            "<X-PRE-PROCESS cmd=\"set\" data=\"l[3]=a|:b\"/>\n",
            "<X-PRE-PROCESS cmd=\"include\" data=\"",
            "*.xml\"/>\n",
            "b/[!x]?.xml\"/>\n",
            "../b/1.xml\"/>\n",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_in_any_file_make_the_loader_panic(root in content(), first in content(), second in content()) {
        let files = Memory::new([("freeswitch.xml", [b"<a>", &root[..]].concat()), ("b/1.xml", first), ("b/2.xml", second)]);
        let loaded = load(&files, BASE, &mut Globals::default());
        match &loaded.outcome {
            Ok(document) => prop_assert!(document.root().to_xml().ends_with(b">\n")),
            Err(error) => prop_assert!(error.message().len() <= 127),
        }
    }

    #[test]
    fn ordinary_text_comes_back_through_parser_and_serialiser(value in "[^\0<&\"\r\n\t\u{b}\u{c}$]{0,40}") {
        let file = format!("<a b=\"{value}\"/>\n");
        prop_assume!(!file.to_ascii_lowercase().contains("x-pre-process"));
        let document = load(&Memory::new([("freeswitch.xml", file)]), BASE, &mut Globals::default()).outcome.unwrap();
        prop_assert_eq!(document.root().attribute(b"b"), Some(value.as_bytes()));
        let shown: String = value
            .chars()
            .map(|sign| match sign {
                '>' => "&gt;".to_owned(),
                '\0'..='\x7f' => sign.to_string(),
                _ => format!("&#x{:X};", u32::from(sign)),
            })
            .collect();
        prop_assert_eq!(document.root().to_xml(), format!("<a b=\"{shown}\"></a>\n").into_bytes());
    }
}
