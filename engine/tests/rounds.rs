//! How the engine keeps its state: the rounds of questions, and what becomes of the answers.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use fsconnector_engine::config::Config;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::event::Event;
use fsconnector_engine::io::{Effect, EffectId, Epoch, FileError, FileWork, FilesDone, Input, Reply};
use fsconnector_engine::note::{Level, Note};
use fsconnector_engine::path::{RelPath, TreePath};
use fsconnector_engine::query::Query;
use fsconnector_engine::render::Templates;
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_engine::{Engine, Start};

/// An engine with a switch whose answers the test decides.
struct Desk {
    engine: Engine,
    now: Now,
    /// What the switch would answer now.
    answers: BTreeMap<SwitchCommand, String>,
    files: Result<FilesDone, FileError>,
    /// Questions that are not answered yet.
    asked: Vec<(EffectId, Epoch, SwitchCommand)>,
    listings: Vec<EffectId>,
    published: Vec<Arc<State>>,
    notes: Vec<Note>,
}

fn directory(users: &[&str]) -> String {
    let user = |id: &&str| {
        format!(
            r#"<user id="{id}"><params><param name="password" value="pw"></param></params><variables>
            <variable name="user_context" value="team"></variable><variable name="conpin" value="1"></variable>
            <variable name="effective_caller_id_name" value="name {id}"></variable>
            <variable name="verto_dvar_email" value="{id}@example.org"></variable>
            <variable name="polymac" value="none"></variable></variables></user>"#
        )
    };
    let users: String = users.iter().map(user).collect();
    format!(
        r#"<section name="directory"><domain name="x"><groups><group name="team"><users>{users}</users></group></groups></domain></section>"#
    )
}

fn dialplan(numbers: &[u32]) -> String {
    let extension = |number: &u32| {
        format!(
            r#"<extension name="c{number}"><condition field="destination_number" expression="^{number}$">
            <action application="conference" data="c{number}@16kHz-novideo++flags{{x}}"></action></condition></extension>"#
        )
    };
    let extensions: String = numbers.iter().map(extension).collect();
    format!(r#"<section name="dialplan"><context name="team">{extensions}</context></section>"#)
}

fn profiles() -> String {
    r#"<configuration name="conference.conf"><profiles><profile name="16kHz-novideo"></profile></profiles></configuration>"#
        .into()
}

fn start() -> Start {
    let templates = Templates::new(fsconnector_templates::ALL).unwrap();
    Start { templates, unsettled: false, phones: None }
}

impl Desk {
    fn new() -> Self {
        let now = Now { mono: Mono(0), wall: Wall(1_800_000_000_000_000) };
        Self {
            engine: Engine::new(Config::default(), start(), now).unwrap(),
            now,
            answers: BTreeMap::from([
                (SwitchCommand::Version, "FreeSWITCH Version 1.11.2\n\n".into()),
                (SwitchCommand::Globals, "domain=x\nhostname=h\n".into()),
                (SwitchCommand::Directory, directory(&["20000"])),
                (SwitchCommand::ConferenceProfiles, profiles()),
                (SwitchCommand::Dialplan, dialplan(&[30_000])),
            ]),
            files: Ok(FilesDone::Listed(Vec::new())),
            asked: Vec::new(),
            listings: Vec::new(),
            published: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn connected() -> Self {
        let mut desk = Self::new();
        desk.input(Input::SwitchUp { epoch: Epoch(1) });
        desk.answer_all();
        desk
    }

    fn input(&mut self, input: Input) {
        self.now.mono.0 += 1_000;
        self.now.wall.0 += 1_000;
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        for effect in out {
            match effect {
                // What is live is not of interest here.
                Effect::Mark(_)
                | Effect::Switch { command: SwitchCommand::LiveConferences | SwitchCommand::Registrations, .. } => {}
                Effect::Switch { id, epoch, command } => self.asked.push((id, epoch, command)),
                Effect::Files { id, work: FileWork::List(_) } => self.listings.push(id),
                Effect::Publish(state) => self.published.push(state),
                Effect::Log(note) => self.notes.push(note),
                other => panic!("{other:?}"),
            }
        }
    }

    fn reload(&mut self) {
        let event = Event::plain("Event-Name: RELOADXML\n".into());
        self.input(Input::SwitchEvent { epoch: Epoch(1), event });
    }

    /// Answers every question, also those that come meanwhile.
    fn answer_all(&mut self) {
        loop {
            let listings = std::mem::take(&mut self.listings);
            let asked = std::mem::take(&mut self.asked);
            if listings.is_empty() && asked.is_empty() {
                return;
            }
            for (id, epoch, command) in asked {
                let reply = Reply::Answer(self.answers[&command].clone().into());
                self.input(Input::SwitchReply { epoch, id, reply });
            }
            for id in listings {
                self.input(Input::FilesDone { id, result: self.files.clone() });
            }
        }
    }

    fn state(&self) -> &State {
        self.published.last().unwrap()
    }

    fn ids(&self) -> Vec<&str> {
        self.state().users.iter().map(|user| user.id.as_str()).collect()
    }

    fn count(&self, wanted: impl Fn(&Note) -> bool) -> usize {
        self.notes.iter().filter(|note| wanted(note)).count()
    }
}

#[test]
fn nothing_is_published_before_every_question_is_answered() {
    let mut desk = Desk::new();
    desk.input(Input::SwitchUp { epoch: Epoch(1) });
    let commands: Vec<String> = desk.asked.iter().map(|(_, _, command)| command.to_string()).collect();
    assert_eq!(
        commands,
        [
            "version",
            "global_getvar",
            "xml_locate directory",
            "xml_locate configuration configuration name conference.conf",
            "xml_locate dialplan"
        ]
    );
    let (id, epoch, _) = desk.asked.remove(4);
    desk.answer_all();
    assert!(desk.published.is_empty());
    assert!(!desk.engine.is_idle());
    desk.input(Input::SwitchReply { epoch, id, reply: Reply::Answer(dialplan(&[30_000]).into()) });
    assert_eq!(desk.ids(), ["20000"]);
    assert!(desk.engine.is_idle());
}

#[test]
fn a_reload_by_anybody_is_followed() {
    let mut desk = Desk::connected();
    desk.answers.insert(SwitchCommand::Directory, directory(&["20000", "20001"]));
    desk.reload();
    desk.answer_all();
    assert_eq!(desk.ids(), ["20000", "20001"]);
    let info = String::from_utf8(Query::Info.answer(desk.state())).unwrap();
    assert!(info.contains(r#""reloadxml":{"lastrun":"2027-01-15T08:00:00.0"#), "{info}");
    assert!(info.contains(r#""lastmsg":"+OK [Success]"}"#), "{info}");
}

#[test]
fn a_reload_during_a_round_begins_another_round_after_it() {
    let mut desk = Desk::connected();
    desk.reload();
    let (first, ..) = desk.asked[0];
    desk.reload();
    desk.reload();
    assert_eq!(desk.asked.len(), 5, "the round under way is finished first");
    desk.answers.insert(SwitchCommand::Directory, directory(&["20009"]));
    let before = desk.published.len();
    desk.answer_all();
    assert_eq!(desk.published.len(), before + 2);
    assert_eq!(desk.ids(), ["20009"]);
    assert!(first > EffectId(0));
}

#[test]
fn a_lost_switch_leaves_the_last_state_and_the_next_session_reads_anew() {
    let mut desk = Desk::connected();
    desk.reload();
    desk.input(Input::SwitchDown { epoch: Epoch(1) });
    assert!(desk.engine.is_idle());
    assert!(!desk.state().info.connected);
    assert_eq!(desk.ids(), ["20000"]);
    let left_over = std::mem::take(&mut desk.asked);
    desk.listings.clear();
    desk.answers.insert(SwitchCommand::Directory, directory(&["20005"]));
    desk.input(Input::SwitchUp { epoch: Epoch(2) });
    for (id, epoch, _) in left_over {
        desk.input(Input::SwitchReply { epoch, id, reply: Reply::Answer("late".into()) });
    }
    desk.answer_all();
    assert!(desk.state().info.connected);
    assert_eq!(desk.ids(), ["20005"]);
}

#[test]
fn what_an_earlier_session_left_behind_is_ignored() {
    let mut desk = Desk::connected();
    desk.input(Input::SwitchUp { epoch: Epoch(2) });
    desk.answer_all();
    desk.input(Input::SwitchDown { epoch: Epoch(1) });
    assert!(desk.state().info.connected);
    desk.reload();
    assert!(desk.asked.is_empty());
}

#[test]
fn an_answer_that_cannot_be_read_leaves_the_state_and_is_asked_for_again_later() {
    for (command, bad) in [
        (SwitchCommand::Directory, "can't find anything\n"),
        (
            SwitchCommand::Directory,
            r#"<section name="directory"><user id="20000"><param value="<! " x"></param></user>"#,
        ),
        (SwitchCommand::Dialplan, "-ERR bad args\n"),
        (SwitchCommand::ConferenceProfiles, "<section></section>"),
        (SwitchCommand::Globals, "-ERR no reply\n"),
    ] {
        let mut desk = Desk::connected();
        let good = desk.answers.insert(command.clone(), bad.into()).unwrap();
        desk.reload();
        desk.answer_all();
        assert_eq!(desk.ids(), ["20000"], "{command}");
        assert_eq!(desk.count(|note| matches!(note, Note::Unreadable(_)) && note.level() == Level::Error), 1);
        let due = desk.engine.deadline().unwrap();
        assert!(due > desk.now.mono);
        desk.answers.insert(command, good);
        desk.answers.insert(SwitchCommand::Globals, "domain=other\n".into());
        desk.now.mono = due;
        desk.input(Input::Tick);
        desk.answer_all();
        assert_eq!(desk.state().globals["domain"], "other");
        assert_eq!(desk.engine.deadline(), None);
    }
}

#[test]
fn a_command_that_the_switch_does_not_take_is_no_answer() {
    let mut desk = Desk::new();
    desk.input(Input::SwitchUp { epoch: Epoch(1) });
    let (id, epoch, _) = desk.asked.remove(2);
    desk.input(Input::SwitchReply { epoch, id, reply: Reply::Refused("-ERR command not found".into()) });
    desk.answer_all();
    assert!(desk.published.is_empty());
    let note = desk.notes.iter().find(|note| matches!(note, Note::Unreadable(_))).unwrap();
    assert!(note.to_string().contains("`xml_locate directory`"), "{note}");
    assert!(note.to_string().contains("-ERR command not found"), "{note}");
}

#[test]
fn the_number_of_a_file_that_the_switch_does_not_show_is_taken() {
    let mut desk = Desk::new();
    let files = ["directory/team/20001.xml", "directory/team/shared.xml", "dialplan/conferences/30001.xml"];
    desk.files = Ok(FilesDone::Listed(files.iter().filter_map(|path| RelPath::parse(path)).collect()));
    desk.input(Input::SwitchUp { epoch: Epoch(1) });
    desk.answer_all();
    let free = &desk.state().free[0];
    assert_eq!((free.users.lowest(), free.conferences.lowest()), (Some(20_002), Some(30_002)));
    let info = String::from_utf8(Query::InfoState.answer(desk.state())).unwrap();
    assert!(info.contains(r#""availUsrIds":{"team":{"next":"20002","free":998},"friends""#), "{info}");
    assert!(info.contains(r#""availConfNums":{"team":{"next":"30002","free":998},"friends""#), "{info}");
}

#[test]
fn a_tree_that_cannot_be_listed_is_noted_and_the_state_is_read_all_the_same() {
    let mut desk = Desk::new();
    let path = TreePath::configuration(RelPath::parse("directory/team").unwrap());
    desk.files = Err(FileError::Failed { path, reason: "Permission denied".into() });
    desk.input(Input::SwitchUp { epoch: Epoch(1) });
    desk.answer_all();
    assert_eq!(desk.ids(), ["20000"]);
    assert_eq!(desk.count(|note| matches!(note, Note::NotListed(_))), 1);
}

#[test]
fn an_oddity_is_said_once_and_again_after_it_was_mended() {
    let mut desk = Desk::connected();
    let odd = |desk: &Desk| desk.count(|note| matches!(note, Note::Odd(_)));
    let good = desk.answers[&SwitchCommand::Dialplan].clone();
    let bad = dialplan(&[29_999]);
    for (dialplan, said) in [(&bad, 1), (&bad, 1), (&good, 1), (&bad, 2)] {
        desk.answers.insert(SwitchCommand::Dialplan, dialplan.clone());
        desk.reload();
        desk.answer_all();
        assert_eq!(odd(&desk), said);
    }
}

#[test]
fn the_same_inputs_give_the_same_effects() {
    let run = || {
        let mut desk = Desk::connected();
        desk.reload();
        desk.answer_all();
        format!("{:?}", (desk.published, desk.notes))
    };
    assert_eq!(run(), run());
}

#[test]
fn no_note_and_no_debug_print_shows_a_password() {
    let mut desk = Desk::new();
    desk.answers.insert(SwitchCommand::Directory, directory(&["20000"]).replace("pw", "hunter2"));
    desk.input(Input::SwitchUp { epoch: Epoch(1) });
    desk.answer_all();
    let bad = r#"<section><user id="1"><params><param name="password" value="hunter2 <! " x"></param></params></user>"#;
    desk.answers.insert(SwitchCommand::Directory, bad.into());
    desk.reload();
    desk.answer_all();
    let text = format!("{:?} {:?} {:?}", desk.published, desk.notes, desk.engine);
    let said: Vec<String> = desk.notes.iter().map(ToString::to_string).collect();
    assert!(!text.contains("hunter2") && !said.join("\n").contains("hunter2"), "{text} {said:?}");
}
