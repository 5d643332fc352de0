//! The engine alone, on one core.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use fsconnector_engine::change::command::{Caller, Command, Entropy, RequestId};
use fsconnector_engine::config::{Config, NumberRange};
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::esl::frame::{ContentType, Framer};
use fsconnector_engine::io::{Effect, Epoch, FileWork, FilesDone, Input, Reply};
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::UserId;
use fsconnector_engine::switch::Reading;
use fsconnector_engine::time::Now;
use fsconnector_engine::{Engine, Start};

fn main() {
    divan::main();
}

/// A conference event of the size that the switch sends: 2.8 kB in 70 headers.
fn event_frame() -> String {
    let mut event = String::from("Event-Subclass: conference%3A%3Amaintenance\nEvent-Name: CUSTOM\n");
    for header in 0..64 {
        writeln!(event, "Caller-Header-Number-{header}: a%20value%20of%20some%20{header}").unwrap();
    }
    event += "Conference-Name: team\nConference-Unique-ID: 0b8c7a2e\nAction: mute-member\nMember-ID: 12\n";
    format!("Content-Length: {}\nContent-Type: text/event-plain\n\n{event}\n", event.len() + 1)
}

/// From bytes to events whose headers were all passed over once.
#[divan::bench]
fn event_stream(bencher: Bencher) {
    let frame = event_frame();
    let stream = frame.repeat(1_000);
    bencher.counter(BytesCount::of_str(&stream)).counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        let mut framer = Framer::default();
        let mut found = 0;
        for chunk in stream.as_bytes().chunks(256 * 1024) {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().unwrap() {
                assert_eq!(frame.content_type(), ContentType::EventPlain);
                let event = Event::plain(frame.body);
                found += event.plain_headers().filter(|(name, _)| matches!(*name, b"Action" | b"Member-ID")).count();
            }
        }
        assert_eq!(found, 2_000);
    });
}

/// The switch's answer to `xml_locate directory`, with its indents and empty lines.
fn directory(users: u32) -> Bytes {
    let mut xml = String::from("<section name=\"directory\">\n    <domain name=\"x\">\n        <groups>\n");
    xml += "            <group name=\"team\">\n                <users>\n";
    for id in 20_000..20_000 + users {
        let id_text = id.to_string();
        writeln!(xml, "              <user id=\"{id}\">\n                  <params>").unwrap();
        for (name, value) in [("password", "correct horse"), ("vm-password", &id_text)] {
            writeln!(xml, "                      <param name=\"{name}\" value=\"{value}\"></param>\n").unwrap();
        }
        xml += "      </params>\n\n                  <variables>\n";
        let name = format!("Caller M&#xFC;ller {id}");
        let variables = [
            ("user_context", "team"),
            ("effective_caller_id_name", &name),
            ("effective_caller_id_number", &id_text),
            ("outbound_caller_id_name", "FreeSWITCH"),
            ("outbound_caller_id_number", "0000000000"),
            ("verto_dvar_email", "somebody@example.org"),
            ("polymac", "none"),
            ("conf_flags", "moderator|mute-detect"),
            ("conpin", "2357"),
        ];
        for (name, value) in variables {
            writeln!(xml, "                      <variable name=\"{name}\" value=\"{value}\"></variable>\n").unwrap();
        }
        xml += "      </variables>\n\n    </user>\n\n";
    }
    xml += "        </users>\n\n      </group>\n\n    </groups>\n\n  </domain>\n\n  </section>\n";
    xml.into()
}

/// A round of answers becomes a state.
#[divan::bench(args = [3_000, 100_000])]
fn reading(bencher: Bencher, users: u32) {
    let mut config = Config::default();
    config.contexts.truncate(1);
    config.contexts[0].users = NumberRange::new(20_000, 20_000 + 2 * users).unwrap();
    config.contexts[0].conferences = NumberRange::new(1, 1_000).unwrap();
    let directory = directory(users);
    let replies = || {
        [
            Reply::Answer("FreeSWITCH\n".into()),
            Reply::Answer("domain=x\n".into()),
            Reply::Answer(directory.clone()),
            Reply::Answer("<configuration></configuration>".into()),
            Reply::Answer("<section></section>".into()),
        ]
    };
    bencher.counter(BytesCount::of_slice(&directory)).bench_local(|| {
        let reading = Reading::new(&config, replies(), &[]).unwrap();
        assert_eq!(reading.users.len(), users as usize);
        reading
    });
}

/// 900 users in one request: judged, planned and rendered.
#[divan::bench]
fn adding_900_users(bencher: Bencher) {
    let items: Vec<_> = (0..900)
        .map(|n| serde_json::json!({"name": format!("user {n}"), "email": "u@example.org", "context": "team"}))
        .collect();
    let items = serde_json::Value::from(items);
    let setting = || (connected_engine(), Command::AddUsers(serde_json::from_value(items.clone()).unwrap()));
    bencher.counter(ItemsCount::new(900_usize)).with_inputs(setting).bench_local_values(|(mut engine, command)| {
        let caller = Caller { id: UserId::parse("1").unwrap(), name: "bench".into(), address: [127, 0, 0, 1].into() };
        let mut out = Vec::new();
        let request = Input::Request { id: RequestId(1), caller, command, entropy: Entropy([7; 32]) };
        engine.handle(Now::default(), request, &mut out);
        let [Effect::Files { work: FileWork::Commit(set), .. }] = &out[..] else { panic!("{out:?}") };
        let bytes: usize = set
            .changes
            .iter()
            .filter_map(|change| set.content(change, None).unwrap())
            .map(|content| content.len())
            .sum();
        assert!(bytes > 900 * 500);
        bytes
    });
}

/// An engine that has read a switch without users.
fn connected_engine() -> Engine {
    let templates = Templates::new(fsconnector_templates::ALL).unwrap();
    let start = Start { templates, unsettled: false, phones: None };
    let mut engine = Engine::new(Config::default(), start, Now::default()).unwrap();
    let epoch = Epoch(1);
    let mut inputs = vec![Input::SwitchUp { epoch }];
    while let Some(input) = inputs.pop() {
        let mut out = Vec::new();
        engine.handle(Now::default(), input, &mut out);
        inputs.extend(out.into_iter().filter_map(|effect| match effect {
            Effect::Switch { id, command, .. } => {
                let body = match command {
                    SwitchCommand::ConferenceProfiles => "<configuration></configuration>",
                    SwitchCommand::Directory | SwitchCommand::Dialplan => "<section></section>",
                    _ => "domain=x\ndefconpin=1\n",
                };
                Some(Input::SwitchReply { epoch, id, reply: Reply::Answer(body.into()) })
            }
            Effect::Files { id, .. } => Some(Input::FilesDone { id, result: Ok(FilesDone::Listed(Vec::new())) }),
            _ => None,
        }));
    }
    engine
}

/// All numbers of a range are given, one after the other.
#[divan::bench(args = [1_000, 100_000])]
fn allocation(bencher: Bencher, numbers: u32) {
    let range = NumberRange::new(20_000, 20_000 + numbers - 1).unwrap();
    bencher.counter(ItemsCount::new(numbers)).bench_local(|| {
        let mut free = FreeNumbers::new(range, (20_000..20_000 + numbers).step_by(2));
        while free.take_lowest().is_some() {}
        free
    });
}
