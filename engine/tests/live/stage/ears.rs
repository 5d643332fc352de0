//! Those who listen: what they ask, what they hear, and what they make of it.

use std::sync::Arc;

use fsconnector_engine::access::Role;
use fsconnector_engine::io::Input;
use fsconnector_engine::live::listener::{Listener, ListenerId, Listening, Notice};
use fsconnector_engine::live::request::LiveRequest;
use serde_json::Value;

use super::Stage;
use crate::client::{Client, sort_members};
use crate::seen::Names;

/// Somebody who listens.
#[derive(Debug)]
pub(crate) struct Ear {
    role: Role,
    pub(crate) client: Client,
    /// The answers to its last request.
    answers: Vec<Notice>,
    pub(crate) closed: Option<&'static str>,
    /// Whether it is too slow, so that it misses all.
    is_slow: bool,
}

impl Stage {
    /// Somebody comes to listen, and asks for everything.
    pub(crate) fn join(&mut self, id: ListenerId, name: &str) {
        self.join_only(id, name);
        for request in [r#"{"req":"init"}"#, r#"{"req":"initreg"}"#] {
            self.ask(id, request).unwrap();
        }
    }

    /// Somebody comes to listen.
    pub(crate) fn join_only(&mut self, id: ListenerId, name: &str) {
        let (role, listener) = self.log_in(name);
        self.join_as(id, role, listener);
    }

    /// Somebody logs in, but comes to listen as number 9 when something else has happened.
    pub(crate) fn join_later(&mut self, name: &str, first: impl FnOnce(&mut Self)) {
        let (role, listener) = self.log_in(name);
        first(self);
        self.join_as(ListenerId(9), role, listener);
    }

    fn log_in(&self, name: &str) -> (Role, Listener) {
        let (user, role) = self.state.as_ref().unwrap().users.login(name).unwrap();
        (role, Listener { user: user.clone(), address: [192, 0, 2, 7].into() })
    }

    fn join_as(&mut self, id: ListenerId, role: Role, listener: Listener) {
        self.ears
            .insert(id, Ear { role, client: Client::default(), answers: Vec::new(), closed: None, is_slow: false });
        self.input(Input::Listener { id, does: Listening::Joins(Box::new(listener)) });
    }

    /// Somebody is gone.
    pub(crate) fn leaves(&mut self, id: ListenerId) {
        self.ears.get_mut(&id).unwrap().closed = Some("it has left");
        self.does(id, Listening::Leaves);
    }

    /// Somebody does something.
    pub(crate) fn does(&mut self, id: ListenerId, does: Listening) {
        self.input(Input::Listener { id, does });
        self.answer();
    }

    /// Somebody asks for something, and is answered with these frames, or is closed.
    pub(crate) fn ask(&mut self, id: ListenerId, text: &str) -> Result<Vec<Value>, &'static str> {
        let answer = self.ask_only(id, text);
        self.answer();
        answer
    }

    fn ask_only(&mut self, id: ListenerId, text: &str) -> Result<Vec<Value>, &'static str> {
        let request = LiveRequest::parse(text.as_bytes()).unwrap();
        self.ears.get_mut(&id).unwrap().answers.clear();
        self.input(Input::Listener { id, does: Listening::Asks(request) });
        let answers = std::mem::take(&mut self.ears.get_mut(&id).unwrap().answers);
        match &answers[..] {
            [Notice::Reply { frames, .. }] => Ok(frames.iter().map(|frame| json(frame.as_bytes())).collect()),
            [Notice::Close { why, .. }] => Err(why),
            other => panic!("{text} has {} answers", other.len()),
        }
    }

    /// The error that somebody gets.
    pub(crate) fn error(&mut self, id: ListenerId, text: &str) -> String {
        let frames = self.ask(id, text).unwrap();
        assert_eq!((frames.len(), &frames[0]["event"]), (1, &"error".into()), "{frames:?}");
        frames[0]["error"].as_str().unwrap().to_owned()
    }

    /// All conferences, as the engine tells somebody who asks.
    pub(crate) fn init(&mut self, id: ListenerId) -> Vec<Value> {
        self.list(id, r#"{"req":"init"}"#)
    }

    /// All registrations, as the engine tells somebody who asks.
    pub(crate) fn initreg(&mut self, id: ListenerId) -> Vec<Value> {
        self.list(id, r#"{"req":"initreg"}"#)
    }

    fn list(&mut self, id: ListenerId, text: &str) -> Vec<Value> {
        // Asked for somebody who is not there to hear it, so that its own picture stays as it is.
        let spy = ListenerId(id.0 + 1_000_000);
        let role = self.ears[&id].role;
        let state = Arc::clone(self.state.as_ref().unwrap());
        let user = state.users.iter().find(|user| state.users.login(&user.name).is_some_and(|(_, of)| of == role));
        let name = user.unwrap().name.clone();
        self.join_only(spy, &name);
        let answer = self.ask_only(spy, text).unwrap();
        self.input(Input::Listener { id: spy, does: Listening::Leaves });
        self.ears.remove(&spy);
        answer[0]["data"].as_array().unwrap().clone()
    }

    pub(super) fn check(&mut self) {
        if self.checks_all {
            self.check_ears();
        }
    }

    /// Everybody who listens finds out by events what somebody learns who asks now.
    pub(crate) fn check_ears(&mut self) {
        let ids: Vec<ListenerId> = self.ears.keys().copied().collect();
        for id in ids.into_iter().filter(|id| id.0 < 1_000_000) {
            if self.ears[&id].closed.is_some() || self.ears[&id].is_slow {
                continue;
            }
            if !self.is_silent
                && let Some(rooms) = self.ears[&id].client.rooms()
            {
                let mut truth = self.init(id);
                truth.iter_mut().for_each(sort_members);
                truth.sort_by_key(|room| room["name"].to_string());
                assert_eq!(rooms, truth, "what {:?} makes of its events", self.ears[&id].role);
            }
            if let Some(phones) = self.ears[&id].client.phones() {
                let mut truth = self.initreg(id);
                truth.sort_by_key(Value::to_string);
                assert_eq!(phones, truth, "what {:?} makes of its events", self.ears[&id].role);
            }
        }
    }

    /// What somebody has heard since it was asked last: each event with its conference and who or what it is about.
    pub(crate) fn heard(&mut self, id: ListenerId) -> Vec<String> {
        let frames = std::mem::take(&mut self.ears.get_mut(&id).unwrap().client.heard);
        frames.iter().map(short).collect()
    }

    /// Nobody has heard anything yet.
    pub(crate) fn hush(&mut self) {
        self.ears.values_mut().for_each(|ear| ear.client.heard.clear());
        self.told.clear();
        self.notes.clear();
        self.listings = 0;
    }

    pub(crate) fn ear(&self, id: ListenerId) -> &Ear {
        &self.ears[&id]
    }

    /// Somebody is too slow from now on, and misses all.
    pub(crate) fn gets_slow(&mut self, id: ListenerId) {
        self.ears.get_mut(&id).unwrap().is_slow = true;
    }

    /// Somebody who was too slow is told what it has missed.
    pub(crate) fn catches_up(&mut self, id: ListenerId) {
        let ear = self.ears.get_mut(&id).unwrap();
        if std::mem::take(&mut ear.is_slow) && ear.closed.is_none() {
            ear.answers.clear();
            self.does(id, Listening::HasMissed);
            assert_eq!(self.ears[&id].answers.len(), 1);
        }
    }

    pub(crate) fn may_log_in(&self, name: &str) -> bool {
        self.state.as_ref().unwrap().users.login(name).is_some()
    }

    /// The names of the users, by id.
    pub(crate) fn names(&self) -> Names {
        let users = self.state.as_ref().unwrap().users.iter();
        users.map(|user| (user.id.as_str().to_owned(), user.name.to_string())).collect()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        match &notice {
            Notice::Event { hearers, frame } => {
                let frame = json(frame.as_bytes());
                let hears = |ear: &&mut Ear| ear.closed.is_none() && !ear.is_slow && hearers.contains(ear.role);
                self.ears.values_mut().filter(hears).for_each(|ear| ear.client.hear(&frame));
            }
            Notice::Reply { listener, frames } => {
                let ear = self.ears.get_mut(listener).unwrap();
                assert_eq!(ear.closed, None, "who is closed is told nothing");
                if !ear.is_slow {
                    for frame in frames {
                        ear.client.hear(&json(frame.as_bytes()));
                    }
                }
                ear.answers.push(notice);
            }
            Notice::Close { listener, why } => {
                let ear = self.ears.get_mut(listener).unwrap();
                assert_eq!(ear.closed.replace(why), None, "closed twice");
                ear.answers.push(notice);
            }
        }
    }
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// An event in one line: `newMember room 2`.
fn short(frame: &Value) -> String {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let data = &frame["data"];
    let about = word(&frame["conference"]).or(word(&data["name"]).filter(|_| frame["event"] == "newConference"));
    let confid = word(data).or(word(&data["confid"]));
    let user = word(&frame["user"]["regid"]);
    let what = confid.or(user).or(word(&frame["file"])).or(word(&frame["error"])).or(word(&frame["reply"]));
    let words = [word(&frame["event"]), about, what];
    words.into_iter().flatten().collect::<Vec<String>>().join(" ")
}
