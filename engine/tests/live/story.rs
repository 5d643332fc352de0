//! What happens in a switch, written as short lines.
//!
//! ```text
//! room create                   room destroy               room lock            room unlock
//! room join 2 20001             … name=Ann user=20001 mute hold (`user=-`: a leg that nobody has logged in on)
//! room leave 2                  room floor 2               room floor none
//! room mute 2                   room unmute 2              room hold 2          room unhold 2
//! room rec /r/x.wav             room pause /r/x.wav        room resume /r/x.wav
//! room stop /r/x.wav            room fail /r/x.wav         room key startrecording
//! phone register 20001 call-1 10.0.0.1:5060                phone unregister 20001 call-1
//! phone expire 20001 call-1
//! ```
//!
//! `room~2` is the second generation of `room`. Names are URL-encoded, as they are in events.

use crate::switch::decoded;

/// The headers of the event that tells of `line`.
pub(crate) fn event(line: &str) -> Vec<(&'static str, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    let (room, action, rest) = (words[0], words[1], &words[2..]);
    if room == "phone" { registration(action, rest) } else { conference(room, action, rest) }
}

/// The body of an event with these headers.
pub(crate) fn body(headers: &[(&str, String)]) -> String {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    lines.concat() + "\n"
}

fn conference(room: &str, action: &str, rest: &[&str]) -> Vec<(&'static str, String)> {
    let (name, _) = room.split_once('~').unwrap_or((room, "1"));
    let mut headers = vec![
        ("Event-Subclass", "conference%3A%3Amaintenance".to_owned()),
        ("Event-Name", "CUSTOM".to_owned()),
        ("Conference-Name", name.to_owned()),
        ("Conference-Unique-ID", room.to_owned()),
    ];
    let mut header = |name, value: &str| headers.push((name, value.to_owned()));
    let first = rest.first().copied().unwrap_or_default();
    let action = match action {
        "create" => "conference-create",
        "destroy" => "conference-destroy",
        "join" => {
            person(first, rest, &mut header);
            "add-member"
        }
        "leave" | "mute" | "unmute" | "hold" | "talk" | "kick" => {
            header("Member-ID", first);
            match action {
                "leave" => "del-member",
                "mute" => "mute-member",
                "unmute" => "unmute-member",
                "hold" => "hold-member",
                "kick" => "kick-member",
                _ => "start-talking",
            }
        }
        "unhold" => {
            header("Member-ID", first);
            header("Hold", "false");
            header("Speak", if rest.contains(&"mute") { "false" } else { "true" });
            "unhold-member"
        }
        "floor" => {
            header("Old-ID", "none");
            header("New-ID", first);
            "floor-change"
        }
        "lock" | "unlock" => action,
        "key" => {
            header("DTMF-Key", "1");
            header("Data", first);
            "dtmf"
        }
        recording => {
            header("Path", first);
            match recording {
                "rec" => "start-recording",
                "fail" => {
                    header("Error", "File%20could%20not%20be%20opened%20for%20recording");
                    "start-recording"
                }
                "pause" => "pause-recording",
                "resume" => "resume-recording",
                "stop" => "stop-recording",
                other => panic!("{other}"),
            }
        }
    };
    header("Action", action);
    headers
}

fn person(id: &str, rest: &[&str], header: &mut impl FnMut(&'static str, &str)) {
    let number = rest[1];
    let option = |name: &str| rest.iter().find_map(|word| word.strip_prefix(name));
    header("Member-ID", id);
    if let Some(user) = Some(option("user=").unwrap_or(number)).filter(|user| *user != "-") {
        header("Caller-Username", user);
    }
    header("Caller-Caller-ID-Name", option("name=").unwrap_or(number));
    header("Caller-Caller-ID-Number", number);
    header("Speak", if rest.contains(&"mute") || rest.contains(&"hold") { "false" } else { "true" });
    header("Hold", if rest.contains(&"hold") { "true" } else { "false" });
}

fn registration(action: &str, rest: &[&str]) -> Vec<(&'static str, String)> {
    let (user, call_id) = (rest[0], rest[1]);
    let mut headers = vec![("Event-Subclass", format!("sofia%3A%3A{action}")), ("Event-Name", "CUSTOM".to_owned())];
    let mut header = |name, value: &str| headers.push((name, value.to_owned()));
    header("call-id", call_id);
    // An expiry names its user otherwise.
    header(if action == "expire" { "user" } else { "from-user" }, user);
    if let Some((ip, port)) = rest.get(2).and_then(|address| address.rsplit_once(':')) {
        header("network-ip", ip);
        header("network-port", port);
        let contact = rest.get(3).map_or_else(|| format!("sip:{user}@{ip}:{port}"), |contact| decoded(contact));
        header("contact", &format!("\"\" <{contact}>"));
    }
    headers
}
