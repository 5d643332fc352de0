//! The event-socket language and the readers, held against byte-exact transcripts of a real FreeSWITCH.
//!
//! The transcripts are looked for in the folder that `FSCONNECTOR_CAPTURES` names; without it there is nothing to hold
//! against, and these tests pass.

// The engine reads no files; its tests may.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::esl::frame::{ContentType, Frame, Framer};
use fsconnector_engine::io::Reply;
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::query::Query;
use fsconnector_engine::state::{Info, State};
use fsconnector_engine::switch::{Oddity, Reading};
use fsconnector_engine::time::Wall;

fn captures() -> Option<PathBuf> {
    std::env::var_os("FSCONNECTOR_CAPTURES").map(PathBuf::from)
}

/// The files of a folder whose names end so, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    files
}

fn frames(bytes: &[u8], chunk: usize) -> Vec<Frame> {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    for piece in bytes.chunks(chunk) {
        framer.push(piece);
        while let Some(frame) = framer.next_frame().unwrap() {
            found.push(frame);
        }
    }
    found
}

fn event(frame: &Frame) -> Option<Event> {
    match frame.content_type() {
        ContentType::EventPlain => Some(Event::plain(frame.body.clone())),
        ContentType::EventJson => Some(Event::json(frame.body.clone())),
        _ => None,
    }
}

/// The output of the background job whose events are in `name`.
fn job_output(folder: &Path, name: &str) -> Reply {
    let bytes = fs::read(folder.join(name)).unwrap();
    let job = frames(&bytes, bytes.len()).iter().filter_map(event).find(|event| event.name() == "BACKGROUND_JOB");
    Reply::Answer(job.unwrap().body().into_owned().into())
}

#[test]
fn every_byte_of_every_transcript_is_part_of_a_frame_wherever_the_stream_is_cut() {
    let Some(captures) = captures() else { return };
    let mut events = 0;
    for folder in ["protocol", "conference", "registration", "lifecycle"] {
        for path in files(&captures.join(folder), ".s2c") {
            let bytes = fs::read(&path).unwrap();
            let whole = frames(&bytes, bytes.len().max(1));
            assert_eq!(whole, frames(&bytes, 7), "{}", path.display());
            let heads: usize = whole.iter().map(|frame| head_length(frame, &bytes)).sum();
            let bodies: usize = whole.iter().map(|frame| frame.body.len()).sum();
            assert_eq!(heads + bodies, bytes.len(), "{}", path.display());
            for event in whole.iter().filter_map(event) {
                assert_ne!(event.name(), "", "{}", path.display());
                assert!(event.header("Event-Sequence").is_some(), "{}", path.display());
                events += 1;
            }
        }
    }
    assert!(events > 1000, "only {events} events");
}

/// How many bytes the frame's head has: its body is preceded by an empty line.
fn head_length(frame: &Frame, stream: &[u8]) -> usize {
    let known = ["Content-Type", "Content-Length", "Reply-Text", "Job-UUID", "Content-Disposition"];
    let lines = known.iter().filter_map(|name| frame.header(name).map(|value| name.len() + 2 + value.len() + 1));
    let length = lines.sum::<usize>() + 1;
    assert!(length <= stream.len());
    length
}

#[test]
fn plain_and_json_events_of_one_job_say_the_same() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("protocol");
    let read = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        event(&frames(&bytes, bytes.len())[0]).unwrap()
    };
    let plain = read("22-bgapi-reloadxml-good.event.plain.s2c");
    let json = read("22-bgapi-reloadxml-good.event.json.s2c");
    for name in ["Event-Name", "FreeSWITCH-IPv6", "Job-Command", "Content-Length", "Event-Date-GMT"] {
        let (plain, json) = (plain.header(name).unwrap(), json.header(name).unwrap());
        assert!(plain == json || name == "Event-Date-GMT", "{name}: {plain} and {json}");
    }
    assert_eq!(plain.header("Job-Command-Arg"), None);
    assert_eq!(&*plain.body(), b"+OK [Success]\n");
    assert_eq!(plain.body(), json.body());
}

#[test]
fn the_state_of_the_captured_switch_is_read_in_full() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("protocol");
    let replies = [
        Reply::Answer("FreeSWITCH Version 1.11.2-release (git 3f13ad1)\n\n".into()),
        job_output(&folder, "26-bgapi-global_getvar.event.plain.s2c"),
        job_output(&folder, "23-bgapi-xml_locate-directory.event.plain.s2c"),
        job_output(&folder, "25-bgapi-xml_locate-conference.conf.event.plain.s2c"),
        job_output(&folder, "24-bgapi-xml_locate-dialplan.event.plain.s2c"),
    ];
    let config = Config::default();
    let reading = Reading::new(&config, replies, &[]).unwrap();
    assert_eq!(reading.oddities, []);
    let answer = |query: Query<'_>| String::from_utf8(query.answer(&state(&config, &reading))).unwrap();
    let user = |id, name, email, context, conpin| {
        format!(
            r#"{{"id":"{id}","password":"napw","conpin":"{conpin}","context":"{context}","name":"{name}","email":"{email}","polymac":"none"}}"#
        )
    };
    let users = [
        user("20000", "defaultuser", "foo@bar.baz", "team", "2357"),
        user("20001", "Anna Müller", "u20001@example.org", "team", "2357"),
        user("20002", "teamtwo", "u20002@example.org", "team", "2357"),
        user("21000", "friendone", "u21000@example.org", "friends", "2357"),
        user("22000", "pubone", "u22000@example.org", "public", "0815"),
    ];
    assert_eq!(
        answer(Query::Users),
        format!(
            r#"{{"op":"users","info":{{"total":5,"contexts":{{"team":3,"friends":1,"public":1}}}},"users":[{}]}}"#,
            users.join(",")
        )
    );
    let conferences = [
        r#"{"num":"30000","name":"team_g722","type":"16kHz-novideo","context":"team"}"#,
        r#"{"num":"30001","name":"team_video","type":"48kHz-video","context":"team","pin":"${conpin}"}"#,
        r#"{"num":"30002","name":"My Conf","type":"16kHz-novideo","context":"team"}"#,
        r#"{"num":"32000","name":"public_g722","type":"16kHz-novideo","context":"public"}"#,
    ];
    assert_eq!(
        answer(Query::Conferences),
        format!(
            r#"{{"op":"conferences","info":{{"total":4,"contexts":{{"team":3,"friends":0,"public":1}},"types":["16kHz-novideo","48kHz-video"]}},"conferences":[{}]}}"#,
            conferences.join(",")
        )
    );
    assert_eq!(reading.globals.len(), 50);
    assert_eq!(reading.globals["sip_tls_ciphers"], "ALL:!ADH:!LOW:!EXP:!MD5:@STRENGTH");
    assert_eq!(reading.globals["modconpin"], "2357");
    assert_eq!(reading.globals["recordings_dir"], "/srv/fs-rec");
    assert_eq!(reading.version, "FreeSWITCH Version 1.11.2-release (git 3f13ad1)");
    let next = |numbers: &FreeNumbers| (numbers.lowest().unwrap(), numbers.count());
    let free: Vec<_> = reading.free.iter().map(|free| (next(&free.users), next(&free.conferences))).collect();
    assert_eq!(free, [((20_003, 997), (30_003, 997)), ((21_001, 999), (31_000, 1000)), ((22_001, 999), (32_001, 999))]);
}

fn state(config: &Config, reading: &Reading) -> State {
    State {
        config: config.clone().into(),
        info: Info {
            reload: None,
            maintenance: None,
            connected: true,
            since: Wall(0),
            version: reading.version.clone(),
        },
        globals: reading.globals.clone(),
        users: reading.users.clone(),
        conference_types: reading.conference_types.clone(),
        conferences: reading.conferences.clone(),
        free: reading.free.clone(),
    }
}

/// What is read of a captured configuration tree; nothing if an answer cannot be read.
fn read_tree(tree: &Path) -> Option<Reading> {
    let answer = |name: &str| Reply::Answer(fs::read(tree.join(name)).unwrap().into());
    let replies = [
        Reply::Answer("FreeSWITCH\n".into()),
        answer("globals.txt"),
        answer("directory.xml"),
        answer("conference.conf.xml"),
        answer("dialplan.xml"),
    ];
    Reading::new(&Config::default(), replies, &[]).ok()
}

#[test]
fn every_captured_configuration_tree_is_read_or_refused_whole() {
    let Some(captures) = captures() else { return };
    let read: Vec<(String, Option<usize>)> = files(&captures.join("tree"), "")
        .into_iter()
        .filter(|tree| tree.join("directory.xml").is_file())
        .map(|tree| {
            let name = tree.file_name().unwrap().to_string_lossy().into_owned();
            (name, read_tree(&tree).map(|reading| reading.users.len()))
        })
        .collect();
    let expected = [
        ("01-plain", Some(3)),
        // `<!` in values.
        ("02-awkward", None),
        ("03-lenient", None),
        ("04-preprocess", None),
        ("04b-preprocess-again", None),
        ("05-directory", Some(26)),
        ("05b-one-group", Some(1)),
        ("05c-no-users", Some(0)),
        ("06-dialplan", Some(3)),
        ("06b-no-dialplan", Some(3)),
        ("07a-before", Some(3)),
        ("07b-broken", Some(3)),
        ("07c-repaired", Some(3)),
        ("08-large", Some(300)),
        ("09-long-lines", Some(3)),
    ];
    assert_eq!(read, expected.map(|(name, users)| (name.to_owned(), users)));
}

#[test]
fn the_odd_directory_is_read_as_the_switch_would_look_it_up() {
    let Some(captures) = captures() else { return };
    let reading = read_tree(&captures.join("tree/05-directory")).unwrap();
    let users = &reading.users;
    let password = |id: &str| users.by_id(id).unwrap().password.expose().to_owned();
    // Of two equal ids the first, of two blocks the first, of two variables the last; names in any case.
    assert_eq!(password("20000"), "another password");
    assert_eq!(password("20008"), "first block");
    assert_eq!(&*users.by_id("20008").unwrap().context, "friends");
    assert_eq!(password("20009"), "capital");
    assert_eq!(password("20007"), "second");
    assert_eq!(password("20010"), "");
    let repeated: Vec<&str> = users.repeated().map(fsconnector_engine::state::UserId::as_str).collect();
    assert_eq!(repeated, ["20000"]);
    let astray = |oddity: &Oddity| match oddity {
        Oddity::UserAstray(id) => Some(id.as_str().to_owned()),
        _ => None,
    };
    let astray: Vec<String> = reading.oddities.iter().filter_map(astray).collect();
    assert_eq!(
        astray,
        ["29000", "29001", "20040", "20013", "20022", "20034", "29002", "29003"],
        "who stands outside of domain/groups/group/users"
    );
}

#[test]
fn of_the_odd_dialplan_the_conferences_that_fit_are_read() {
    let Some(captures) = captures() else { return };
    let reading = read_tree(&captures.join("tree/06-dialplan")).unwrap();
    let conferences: Vec<String> = reading
        .conferences
        .iter()
        .map(|conference| format!("{} {}@{}", conference.num, conference.name, conference.profile))
        .collect();
    let expected = [
        "30001 only_one@48kHz-video",
        "30000 team_g722@48kHz-video",
        "30035 a@b@16kHz-novideo",
        "30037 pin@16kHz-novideo",
        "30038 pin_flags@16kHz-novideo",
        "30050 upper@16kHz-novideo",
        "30051 nested_condition@16kHz-novideo",
        "30054 from_text@16kHz-novideo",
        "30055 same_name_again@16kHz-novideo",
        "30056 order@16kHz-novideo",
        "30060 room_0@with blank",
        "30061 room_1@a&b",
        "30062 room_2@üml",
        "30063 room_3@会議",
        "30064 room_4@plus",
        "30065 room_5@colon:x",
        "30066 room_6@slash/x",
        "30067 room_7@at@x",
        "30068 room_8@{braces}",
        "30069 room_9@\"quoted\"",
        "31000 in_odd@16kHz-novideo",
        "31001 second@16kHz-novideo",
    ];
    assert_eq!(conferences, expected);
    let types: Vec<&str> = reading.conference_types.iter().map(String::as_str).collect();
    assert_eq!(types.len(), 15, "{types:?}");
    // Numbers that any extension spells out are taken, whether it is a conference or not.
    let team = &reading.free[0].conferences;
    for taken in [30_000, 30_001, 30_002, 30_011, 30_030, 30_053 - 1] {
        assert_eq!(team.contains(taken), taken == 30_052, "{taken}");
    }
}
