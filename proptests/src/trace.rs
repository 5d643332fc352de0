//! How the trace shows what happens.

use std::fmt;

use fsconnector_engine::access::Role;
use fsconnector_engine::files::FileWork;
use fsconnector_engine::io::Effect;
use fsconnector_engine::live::listener::{ListenerId, Notice};

use crate::live::Doing;
use crate::phones::Upload;
use crate::requests::done_items;
use crate::scene::{Plan, shown as shown_edit};
use crate::view::View;
use crate::world::Step;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = |plan: &Plan| {
            let all =
                plan.iter().map(|(operation, happening)| format!("\n        before operation {operation} {happening}"));
            all.collect::<String>()
        };
        match self {
            Self::Edit(edit) => f.write_str(&shown_edit(edit)),
            Self::WriteOn(path, content) => {
                write!(f, "somebody writes on in {path}: {}", String::from_utf8_lossy(content))
            }
            Self::Upload(Upload { mac, name, content }, disturbances) => {
                let content = String::from_utf8_lossy(content);
                write!(f, "the phone {mac} uploads {name}: {content}{}", plan(disturbances))
            }
            Self::Disk(disturbances) => write!(f, "disk{}", plan(disturbances)),
            Self::Start(disturbances) => write!(f, "start{}", plan(disturbances)),
            Self::Listener(ListenerId(id), Doing::Ask(text)) => {
                write!(f, "listener {id} asks {}", String::from_utf8_lossy(text))
            }
            Self::Listener(ListenerId(id), Doing::Join(user)) => {
                write!(f, "listener {id} joins: {} {:?} of {}", user.id, user.name, user.context)
            }
            Self::Ask(ask) => write!(f, "{:?} {}", ask.operation, serde_json::Value::from(ask.items.clone())),
            other => write!(f, "{other:?}"),
        }
    }
}

/// An effect as the trace shows it, on a line of its own.
pub(crate) fn shown(effect: &Effect) -> String {
    let text = match effect {
        Effect::Respond { id, response } => format!("answer {}: done {:?}, {response:?}", id.0, done_items(response)),
        Effect::Files { work: FileWork::Commit(set), .. } => {
            let changes = set.changes.iter().map(|change| {
                let kind = format!("{:?}", change.kind);
                format!(" {} {}", kind.split('(').next().unwrap_or_default(), change.path)
            });
            format!("disk: commit{}", changes.collect::<String>())
        }
        Effect::Files { work: FileWork::List(_), .. } => "disk: list".to_owned(),
        Effect::Files { work, .. } => format!("disk: {work:?}"),
        Effect::Switch { command, .. } => format!("switch: {command}"),
        Effect::Publish(state) => format!("publish {:?}", View::of_state(state)),
        Effect::Log(note) => format!("log: {note}"),
        Effect::Mark(mark) => format!("mark: {mark:?}"),
        Effect::Live(Notice::Event { hearers, frame }) => {
            let hears = |role| if hearers.contains(role) { role.to_string() } else { String::new() };
            let hearers = [Role::Admin, Role::Member, Role::Guest].map(hears);
            format!("live, to {hearers:?}: {}", String::from_utf8_lossy(frame.as_bytes()))
        }
        Effect::Live(Notice::Reply { listener, frames }) => {
            let frames = frames.iter().map(|frame| String::from_utf8_lossy(frame.as_bytes())).collect::<Vec<_>>();
            format!("live, to listener {}: {}", listener.0, frames.join(" "))
        }
        Effect::Live(Notice::Close { listener, why }) => format!("live: listener {} is closed: {why}", listener.0),
    };
    format!("\n        {text}")
}
