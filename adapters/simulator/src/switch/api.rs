//! The commands behind `api` and `bgapi`: each takes an argument and gives a text.

use super::{SimSwitch, Uptime};
use crate::config::{Document, Element, Files};

/// What a command answers, and what else it has done.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// It has loaded a new configuration.
    pub(super) has_reloaded: bool,
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
            "status" => self.status(now),
            "version" => format!("FreeSWITCH Version {FULL_VERSION} ({BUILT})\n").into_bytes(),
            "xml_locate" => self.xml_locate(argument),
            "global_getvar" if argument.is_empty() => self.globals.listing(),
            "global_getvar" => self.globals.value(argument.as_bytes()).unwrap_or_default(),
            "user_data" => self.user_data(argument).unwrap_or_default(),
            "conference" => conference(argument),
            "show" => show(argument),
            _ => format!("-ERR {command} Command not found!\n").into_bytes(),
        };
        Answer { body, has_reloaded: false }
    }

    fn reloadxml(&mut self) -> Answer {
        let (message, has_reloaded) = match self.load() {
            Ok(()) => (b"Success".to_vec(), true),
            Err(message) => (message, false),
        };
        let body = [b"+OK [", &message[..], b"]\n"].concat();
        Answer { body, has_reloaded }
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
        let groups = first(domain, b"groups")?;
        let group_and_user = groups.children().filter(|group| group.name() == b"group").find_map(|group| {
            let user = first(group, b"users")?.child_with(b"user", b"id", id.as_bytes())?;
            Some((group, user))
        });
        let (group, user) = group_and_user?;
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

fn first<'d>(element: Element<'d>, tag: &[u8]) -> Option<Element<'d>> {
    element.children().find(|child| child.name() == tag)
}

/// The value of a `<param>` or `<variable>`; of two equal ones the last counts.
fn setting<'d>(level: Element<'d>, list: &[u8], tag: &[u8], name: &str) -> Option<&'d [u8]> {
    let settings = first(level, list)?.children().filter(|setting| setting.name() == tag);
    let named = settings.filter(|setting| setting.attribute(b"name") == Some(name.as_bytes()));
    named.last()?.attribute(b"value")
}

/// No conference is ever alive here, so there is little to say.
fn conference(argument: &str) -> Vec<u8> {
    match argument.split_ascii_whitespace().next() {
        // The real one explains each of its commands on such a line.
        None => b"<conf name> json_list [compact]\n".to_vec(),
        Some("json_list") => b"[]".to_vec(),
        Some("list") => b"+OK No active conferences.\n".to_vec(),
        Some(name) => format!("-ERR Conference {name} not found\n").into_bytes(),
    }
}

/// Nobody is ever registered here.
fn show(argument: &str) -> Vec<u8> {
    if argument.ends_with("as json") { b"{\"row_count\": 0}\n".to_vec() } else { b"\n0 total.\n".to_vec() }
}
