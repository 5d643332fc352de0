//! The engine alone, on one core.

#![allow(clippy::unwrap_used, clippy::panic)]

mod connected;
mod events;
mod live;

use std::fmt::Write;

use bytes::Bytes;
use connected::NOTHING;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use fsconnector_engine::change::command::{Caller, Command, Entropy, RequestId};
use fsconnector_engine::config::{Config, NumberRange};
use fsconnector_engine::io::{Effect, FileWork, Input, Reply};
use fsconnector_engine::numbers::FreeNumbers;
use fsconnector_engine::state::UserId;
use fsconnector_engine::switch::Reading;
use fsconnector_engine::time::Now;

fn main() {
    divan::main();
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
    let setting =
        || (connected::engine(NOTHING, NOTHING).0, Command::AddUsers(serde_json::from_value(items.clone()).unwrap()));
    bencher.counter(ItemsCount::new(900_usize)).with_inputs(setting).bench_local_values(|(mut engine, command)| {
        let caller = Caller { id: UserId::parse("1").unwrap(), name: "bench".into(), address: [127, 0, 0, 1].into() };
        let mut out = Vec::new();
        let request = Input::Request { id: RequestId(1), caller, command, entropy: Entropy([7; 32]) };
        engine.handle(Now::default(), request, &mut out);
        let [Effect::Mark(_), Effect::Files { work: FileWork::Commit(set), .. }] = &out[..] else { panic!("{out:?}") };
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
