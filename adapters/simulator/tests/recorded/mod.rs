//! Recordings of a real switch, cut into frames.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use fsconnector_simulator::config::Memory;
use fsconnector_simulator::{ConnectionId, Identity, Output, SimSwitch};

/// The folder of recordings, where there is one.
pub fn captures() -> Option<PathBuf> {
    std::env::var_os("FSCONNECTOR_CAPTURES").map(PathBuf::from)
}

/// Who the recorded switch said it was.
pub fn identity() -> Identity {
    Identity {
        hostname: "vm".to_owned(),
        ipv4: "192.0.2.2".to_owned(),
        ipv6: "fd00::2".to_owned(),
        ..Identity::default()
    }
}

/// All that was sent to a client, and whether it was closed behind it.
pub fn sent(out: &[Output], to: ConnectionId) -> (Vec<u8>, bool) {
    let bytes = out.iter().filter_map(|output| match output {
        Output::Send(id, bytes) if *id == to => Some(&bytes[..]),
        _ => None,
    });
    (bytes.collect::<Vec<_>>().concat(), out.last() == Some(&Output::Close(to)))
}

/// A client that has said `commands` after its authentication, and whose answers to them are forgotten.
pub fn client(switch: &mut SimSwitch<Memory>, now: u64, commands: &str) -> ConnectionId {
    let mut out = Vec::new();
    let id = switch.connect(&mut out);
    switch.receive(now, id, commands.as_bytes(), &mut out);
    id
}

/// A conversation cut into frames, each a head and a body.
pub fn frames(stream: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while let Some(end) = memchr::memmem::find(rest, b"\n\n") {
        let (head, behind) = rest.split_at(end + 2);
        let head = String::from_utf8(head.to_vec()).unwrap();
        let length = length_in(&head).unwrap_or(0);
        let (body, behind) =
            behind.split_at_checked(length).unwrap_or_else(|| panic!("the body is shorter than {head}"));
        frames.push((head, body.to_vec()));
        rest = behind;
    }
    assert!(rest.is_empty(), "a frame without an end: {:?}", String::from_utf8_lossy(rest));
    frames
}

/// The length that a head or an event tells of what follows it.
pub fn length_in(head: &str) -> Option<usize> {
    head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map(|length| length.parse().unwrap())
}

/// A configuration made of what the recorded switch itself told of it: directory, dialplan and conference profiles.
pub fn configuration() -> Option<Memory> {
    let folder = captures()?.join("protocol");
    let told = |name: &str| {
        let stream = fs::read(folder.join(format!("{name}.event.plain.s2c"))).unwrap();
        let (_, event) = frames(&stream).pop().unwrap();
        let event = String::from_utf8(event).unwrap();
        event.split_once("\n\n").unwrap().1.to_owned()
    };
    let root = format!(
        "<document>\n<X-PRE-PROCESS cmd=\"set\" data=\"sound_prefix=/srv/fs/share/freeswitch/sounds/en/us/callie\"/>\n\
         <section name=\"configuration\">\n{}</section>\n{}{}</document>\n",
        told("25-bgapi-xml_locate-conference.conf"),
        told("24-bgapi-xml_locate-dialplan"),
        told("23-bgapi-xml_locate-directory"),
    );
    Some(Memory::new([("freeswitch.xml", root)]))
}

/// A recorded step: what was said in it, and all that was heard.
pub struct Step {
    pub name: String,
    pub command: Option<String>,
    pub heard: Vec<u8>,
    /// When its first event was made, in microseconds since 1970.
    pub begins: u64,
}

/// The steps of a recorded story, in order.
pub fn steps(story: &str) -> Vec<Step> {
    let Some(folder) = captures().map(|captures| captures.join(story)) else { return Vec::new() };
    let mut steps: Vec<Step> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".s2c")?.to_owned()))
        .map(|name| {
            let heard = fs::read(folder.join(format!("{name}.s2c"))).unwrap();
            let command = fs::read_to_string(folder.join(format!("{name}.c2s"))).ok();
            let begins = header(&String::from_utf8_lossy(&heard), "Event-Date-Timestamp").unwrap().parse().unwrap();
            Step { name, command, heard, begins }
        })
        .collect();
    steps.sort_by(|one, other| one.name.cmp(&other.name));
    steps
}

/// The value of the first header of a name.
pub fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The frames of a story that concern it and are wanted, each as a text, with everything masked that cannot be the same twice. UUIDs are numbered in
/// the order in which they appear, so that it still shows who is who.
pub fn told(
    stream: &[u8],
    subclass: &str,
    changing: &[&str],
    uuids: &mut Vec<String>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut told = Vec::new();
    for (head, body) in frames(stream) {
        let body = String::from_utf8(body).unwrap();
        let name = header(&body, "Event-Name").unwrap_or_default();
        let is_told = match name {
            "CUSTOM" => header(&body, "Event-Subclass").is_some_and(|found| found.starts_with(subclass)),
            "" | "BACKGROUND_JOB" | "API" => true,
            _ => false,
        };
        if is_told && is_wanted(&body) {
            let (inner, text) = body.split_once("\n\n").unwrap_or((&body, ""));
            assert_eq!(length_in(inner).unwrap_or(0), text.len());
            let lines = head.lines().chain(inner.lines()).chain(text.lines());
            let masked: Vec<String> = lines.map(|line| masked(line, changing, uuids)).collect();
            told.push(masked.join("\n"));
        }
    }
    told
}

fn masked(line: &str, changing: &[&str], uuids: &mut Vec<String>) -> String {
    let always = ["Event-Date-", "Event-Sequence", "Content-Length"];
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    if always.iter().chain(changing).any(|begin| name.trim().starts_with(begin)) {
        // A call that was never answered, somebody who was never heard: that shows.
        let is_never = value == " 0" && (name.starts_with("Caller-") || name.starts_with("Current-"));
        return if is_never { line.to_owned() } else { format!("{name}: …") };
    }
    numbered(line, uuids)
}

/// Replaces UUIDs by the order in which they appeared.
fn numbered(line: &str, uuids: &mut Vec<String>) -> String {
    let mut result = String::new();
    let mut rest = line;
    while let Some(at) = (0..rest.len()).find(|&at| rest.get(at..at + 36).is_some_and(is_uuid)) {
        let uuid = &rest[at..at + 36];
        let number = uuids.iter().position(|known| known == uuid).unwrap_or_else(|| {
            uuids.push(uuid.to_owned());
            uuids.len() - 1
        });
        let _ = write!(result, "{}UUID#{number}", &rest[..at]);
        rest = &rest[at + 36..];
    }
    result + rest
}

fn is_uuid(text: &str) -> bool {
    text.char_indices().all(|(at, sign)| match at {
        8 | 13 | 18 | 23 => sign == '-',
        _ => sign.is_ascii_hexdigit(),
    })
}
