//! The commands behind `api` and `bgapi`: each takes an argument and gives a text.

use super::directory::{self, setting};
use super::event::Event;
use super::{SimSwitch, Uptime};
use crate::config::{Document, Element, Files};

/// What a command answers, and what else it has done.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// It has loaded a new configuration.
    pub(super) has_reloaded: bool,
    /// What has happened while it was carried out.
    pub(super) events: Vec<Event>,
}

impl Answer {
    /// An answer that has no effect.
    fn text(body: impl Into<Vec<u8>>) -> Self {
        Answer { body: body.into(), has_reloaded: false, events: Vec::new() }
    }
}

const VERSION: &str = "1.11.2-release";
const BUILT: &str = "git 3f13ad1 2026-08-09 16:23:10Z 64bit";
/// The version as events tell it.
pub(super) const FULL_VERSION: &str = "1.11.2-release+git~20260809T162310Z~3f13ad1b1d~64bit";
const NOT_FOUND: &[u8] = b"can't find anything\n";

impl<F: Files> SimSwitch<F> {
    pub(super) fn execute(&mut self, now: u64, command: &str, argument: &str) -> Answer {
        let body = match command {
            "reloadxml" => return self.reloadxml(),
            "conference" => return self.conference(now, argument),
            "status" => self.status(now),
            "version" => format!("FreeSWITCH Version {FULL_VERSION} ({BUILT})\n").into_bytes(),
            "xml_locate" => self.xml_locate(argument),
            "global_getvar" if argument.is_empty() => self.globals.listing(),
            "global_getvar" => self.globals.value(argument.as_bytes()).unwrap_or_default(),
            "user_data" => self.user_data(argument).unwrap_or_default(),
            "show" => self.show(argument).into_bytes(),
            "uuid_recv_dtmf" => self.receive_keys(now, argument).into_bytes(),
            "hupall" => self.hang_up_all(now).into_bytes(),
            _ => format!("-ERR {command} Command not found!\n").into_bytes(),
        };
        Answer::text(body)
    }

    fn reloadxml(&mut self) -> Answer {
        let (message, has_reloaded) = match self.load() {
            Ok(()) => (b"Success".to_vec(), true),
            Err(message) => (message, false),
        };
        let body = [b"+OK [", &message[..], b"]\n"].concat();
        Answer { body, has_reloaded, events: Vec::new() }
    }

    fn conference(&mut self, now: u64, argument: &str) -> Answer {
        let (body, events) = self.in_moment(now, |conferences, moment| conferences.command(moment, argument));
        Answer { body: body.into_bytes(), has_reloaded: false, events }
    }

    /// `registrations [as json|xml]`; there is nothing else to show.
    fn show(&self, argument: &str) -> String {
        let (what, format) = argument.split_once(' ').unwrap_or((argument, ""));
        let registrations = &self.registrations;
        let hostname = &self.origin.identity.hostname;
        match what {
            "registrations" => registrations.show(format.trim(), hostname),
            _ if format.ends_with("as json") => "{\"row_count\": 0}\n".to_owned(),
            _ => "\n0 total.\n".to_owned(),
        }
    }

    /// `UUID KEYS`: the keys of a call, as if pressed; they arrive behind the answer.
    fn receive_keys(&mut self, now: u64, argument: &str) -> String {
        let (uuid, keys) = argument.split_once(' ').unwrap_or((argument, ""));
        let Some(call) = self.conferences.call_of(uuid) else { return "-ERR no such channel!\n".to_owned() };
        self.conferences.press_later(now, call, keys);
        format!("+OK {uuid} received DTMF {keys}.\n")
    }

    fn hang_up_all(&mut self, now: u64) -> String {
        let cause = "MANAGER_REQUEST";
        self.in_moment(now, |conferences, moment| conferences.hang_up_all(moment, cause));
        format!("+OK hangup all channels with cause {cause}\n")
    }

    fn status(&self, now: u64) -> Vec<u8> {
        let up = Uptime(now.saturating_sub(self.started));
        format!(
            "UP {up}\nFreeSWITCH (Version {VERSION} {BUILT}) is ready\n0 session(s) since startup\n\
             0 session(s) - peak 0, last 5min 0 \n0 session(s) per Sec out of max 30, peak 0, last 5min 0 \n\
             1000 session(s) max\nmin idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/8192K\n"
        )
        .into_bytes()
    }

    /// `SECTION [TAG ATTRIBUTE VALUE]`
    fn xml_locate(&self, argument: &str) -> Vec<u8> {
        let words: Vec<&str> = argument.split_ascii_whitespace().collect();
        let document = self.document.as_ref();
        let found = match words[..] {
            [] | [_, _] | [_, _, _] => return b"-ERR bad args\n".to_vec(),
            ["root"] => document.map(Document::root),
            [section] => document.and_then(|document| document.section(section.as_bytes())),
            [section, tag, attribute, value, ..] => document
                .and_then(|document| document.section(section.as_bytes()))
                .and_then(|section| section.child_with(tag.as_bytes(), attribute.as_bytes(), value.as_bytes())),
        };
        found.map_or_else(|| NOT_FOUND.to_vec(), Element::to_xml)
    }

    /// `ID@DOMAIN attr|param|var NAME`, for users in groups.
    fn user_data(&self, argument: &str) -> Option<Vec<u8>> {
        let mut words = argument.split_ascii_whitespace();
        let (id, domain) = words.next()?.split_once('@')?;
        let (kind, name) = (words.next()?, words.next()?);
        let directory = self.document.as_ref()?.section(b"directory")?;
        let domain = directory.child_with(b"domain", b"name", domain.as_bytes())?;
        let [user, group, domain] = directory::user_of(domain, id)?;
        let value = match kind {
            "attr" => user.attribute(name.as_bytes()),
            "param" => [user, group, domain].into_iter().find_map(|level| setting(level, b"params", b"param", name)),
            "var" => {
                [user, group, domain].into_iter().find_map(|level| setting(level, b"variables", b"variable", name))
            }
            _ => None,
        };
        value.map(<[u8]>::to_vec)
    }
}
