//! The commands behind `conference`.

use super::events::{self, Kind};
use super::room::Room;
use super::{Conferences, RoomId};
use crate::switch::moment::Moment;

/// How a command is used; what a member is comes last.
const USAGES: [(&str, &str); 21] = [
    ("list", " [delim <string>]|[count]"),
    ("json_list", " [compact]"),
    ("play", " <file_path> [async|<member_id> [nomux]]"),
    ("stop", " <[current|all|async|last]> [<member_id>]"),
    ("kick", " <[member_id|all|last|non_moderator]> [<optional sound file>]"),
    ("hup", " <[member_id|all|last|non_moderator]>"),
    ("hold", " <[member_id|all]|last|non_moderator> [file]"),
    ("unhold", " <[member_id|all]|last|non_moderator>"),
    ("mute", " <[member_id|all]|last|non_moderator> [<quiet>]"),
    ("tmute", " <[member_id|all]|last|non_moderator> [<quiet>]"),
    ("unmute", " <[member_id|all]|last|non_moderator> [<quiet>]"),
    ("deaf", " <[member_id|all]|last|non_moderator>"),
    ("undeaf", " <[member_id|all]|last|non_moderator>"),
    ("lock", ""),
    ("unlock", ""),
    ("record", " <filename>"),
    ("norecord", " <[filename|all]>"),
    ("chkrecord", " <confname>"),
    ("recording", " [start|stop|check|pause|resume] [<filename>|all]"),
    ("floor", " <member_id|last>"),
    ("vid-floor", " <member_id|last> [force]"),
];

impl Conferences {
    /// `conference ARGUMENT`: what it answers. What it does at once is told; the rest follows when it is due.
    pub(in crate::switch) fn command(&mut self, moment: &mut Moment<'_>, argument: &str) -> String {
        let words = words(argument);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => USAGES.map(|(name, arguments)| format!("<conf name> {name}{arguments}\n")).concat(),
            ["json_list", "compact", ..] => self.json_list(moment.seconds()).compact(),
            ["json_list", ..] => self.json_list(moment.seconds()).pretty(),
            ["list", ..] => self.list_all(),
            [name, ref command @ ..] => match self.named(name) {
                None => format!("-ERR Conference {name} not found\n"),
                Some(at) => self.command_in(moment, at, command),
            },
        }
    }

    fn command_in(&mut self, moment: &mut Moment<'_>, at: RoomId, words: &[&str]) -> String {
        let [command, arguments @ ..] = words else {
            return "Conference command, not specified.\nTry 'help'\n".to_owned();
        };
        let command = command.to_ascii_lowercase();
        match (command.as_str(), arguments) {
            ("json_list", ["compact", ..]) => self.json_list_of(at, moment.seconds()).compact(),
            ("json_list", _) => self.json_list_of(at, moment.seconds()).pretty(),
            ("list", _) => self.rooms.get(&at).map(list).unwrap_or_default(),
            ("lock" | "unlock", _) => self.set_locked(moment, at, command == "lock"),
            (
                "mute" | "unmute" | "tmute" | "deaf" | "undeaf" | "kick" | "hup" | "hold" | "unhold",
                [who, rest @ ..],
            ) => {
                let is_quiet = rest.first().is_some_and(|word| word.eq_ignore_ascii_case("quiet"));
                let answer = self.for_each(moment, at, who, |conferences, moment, id| {
                    conferences.act_on(moment, at, id, &command, is_quiet)
                });
                answer.unwrap_or_else(|| usage(&command))
            }
            ("floor", [who, ..]) => self.take_floor(moment, at, who),
            ("vid-floor", [_, ..]) => String::new(),
            ("play", [file, ..]) => self.play_file(moment, at, file),
            ("stop", [what, ..]) => {
                let is_all = what.eq_ignore_ascii_case("all");
                format!("+OK Stopped {} files.\n", self.stop(moment, at, is_all))
            }
            ("recording", _) => self.recording_command(moment, at, arguments),
            ("record", [path, ..]) => self.start_recording(moment, at, path, ""),
            ("norecord", [path, ..]) => self.stop_recordings(moment, at, path),
            ("chkrecord", _) => self.check_recordings(at),
            (known, _) if USAGES.iter().any(|(name, _)| *name == known) => usage(known),
            _ => format!("-ERR Conference command '{}' not found.\n", words.first().unwrap_or(&"")),
        }
    }

    /// Locks the conference or opens it, be it so already or not.
    pub(super) fn set_locked(&mut self, moment: &mut Moment<'_>, at: RoomId, is_locked: bool) -> String {
        let Some(room) = self.rooms.get_mut(&at) else { return String::new() };
        room.locked = is_locked;
        let (kind, done, sound) = if is_locked {
            (&events::LOCK, "locked", "is-locked-sound")
        } else {
            (&events::UNLOCK, "unlocked", "is-unlocked-sound")
        };
        room.tell(moment, kind, |event| event);
        let answer = format!("+OK {} {done}\n", room.name);
        self.announce(moment, at, sound, moment.timing.lead_in);
        answer
    }

    /// Does something to those whom a word means: a member's id, `all`, `last` or `non_moderator`. `None` when it means nobody.
    fn for_each(
        &mut self,
        moment: &mut Moment<'_>,
        at: RoomId,
        who: &str,
        mut act: impl FnMut(&mut Self, &mut Moment<'_>, u64) -> String,
    ) -> Option<String> {
        let room = self.rooms.get(&at)?;
        let ids = room.ids();
        let moderators = room.members.iter().filter(|member| member.is_moderator);
        let moderators: Vec<u64> = moderators.map(|member| member.id).collect();
        Some(match who.to_ascii_lowercase().as_str() {
            "all" => ids.into_iter().map(|id| act(self, moment, id)).collect(),
            "last" => ids.into_iter().take(1).map(|id| act(self, moment, id)).collect(),
            "non_moderator" => {
                let mut unless_moderator = |id| {
                    if moderators.contains(&id) {
                        format!("Skipping moderator (member id {id}).\n")
                    } else {
                        act(self, moment, id)
                    }
                };
                ids.into_iter().map(&mut unless_moderator).collect()
            }
            number => match number.parse() {
                Ok(id) if ids.contains(&id) => act(self, moment, id),
                Ok(id) => format!("-ERR Non-Existant ID {id}\n"),
                Err(_) => return None,
            },
        })
    }

    fn act_on(&mut self, moment: &mut Moment<'_>, at: RoomId, id: u64, command: &str, is_quiet: bool) -> String {
        let mut send_away = |kind: &Kind, done: &str| {
            self.send_away(moment, at, id, Some(kind));
            format!("+OK {done} {id}\n")
        };
        match command {
            "kick" => return send_away(&events::KICK, "kicked"),
            "hup" => return send_away(&events::HUP, "hup"),
            _ => {}
        }
        let can_speak = self.rooms.get(&at).and_then(|room| room.member(id)).is_some_and(|member| member.can_speak);
        let done = match command {
            "tmute" if can_speak => "mute",
            "tmute" => "unmute",
            other => other,
        };
        match done {
            "mute" | "unmute" => self.set_muted(moment, at, id, done == "mute", is_quiet),
            "deaf" | "undeaf" => self.set_deaf(moment, at, id, done == "deaf"),
            _ => self.set_held(moment, at, id, done == "hold"),
        }
        format!("+OK {done} {id}\n")
    }

    /// Takes the floor, unless somebody else has it; from the one who has it, it is taken away.
    fn take_floor(&mut self, moment: &mut Moment<'_>, at: RoomId, who: &str) -> String {
        let Some(room) = self.rooms.get_mut(&at) else { return String::new() };
        let id = if who.eq_ignore_ascii_case("last") { room.ids().first().copied() } else { who.parse().ok() };
        let Some(id) = id else { return usage("floor") };
        let Some(member) = room.member(id).cloned() else { return format!("-ERR Non-Existant ID {id}\n") };
        match room.floor {
            Some(holder) if holder != id => format!("-ERR floor is held by {holder}\n"),
            Some(_) => {
                room.floor = None;
                room.tell(moment, &events::FLOOR_CHANGE, |event| event.with("Old-ID", "none").with("New-ID", "none"));
                "+OK floor none\n".to_owned()
            }
            None => {
                room.give_floor(moment, &member);
                format!("+OK floor {id}\n")
            }
        }
    }

    fn play_file(&mut self, moment: &mut Moment<'_>, at: RoomId, file: &str) -> String {
        let Some(room) = self.rooms.get(&at) else { return String::new() };
        if moment.faults.has_sound(file) {
            room.tell(moment, &events::PLAY_FILE, |event| event.with("File", file).with("Async", "false"));
            self.play(moment, at, file, 0);
            return format!("+OK (play) Playing file {file}\n");
        }
        let path = room.profile.sound_path(file);
        room.tell(moment, &events::PLAY_FILE_FAILED, |event| {
            event.with("File", &path).with("Async", "false").with("Error", "File could not be played")
        });
        format!("-ERR (play) File: {file} not found.\n")
    }

    fn recording_command(&mut self, moment: &mut Moment<'_>, at: RoomId, words: &[&str]) -> String {
        match *words {
            [] => usage("recording"),
            ["check", ..] => self.check_recordings(at),
            // What follows the path is a canvas, and there is none.
            ["start", path, _, ..] => {
                format!("-ERR Invalid canvas\n{}", self.start_recording(moment, at, path, " canvas 1"))
            }
            ["stop", path, ..] => self.stop_recordings(moment, at, path),
            [action @ ("pause" | "resume"), path, ..] => {
                let (is_paused, name) = if action == "pause" { (true, "Pause") } else { (false, "Resume") };
                let is_done = self.pause_recording(moment, at, path, is_paused);
                let error = if is_done { String::new() } else { non_existent(path) };
                format!("+OK {name} recording file {path}\n{error}")
            }
            // A single word is taken for a file, whatever it is.
            ["start", path] | [path, ..] => self.start_recording(moment, at, path, ""),
        }
    }

    fn start_recording(&mut self, moment: &Moment<'_>, at: RoomId, path: &str, canvas: &str) -> String {
        if self.record(moment, at, path) {
            format!("+OK Record file {path}{canvas}\n")
        } else {
            format!("-ERR file [{path}] is already being used for recording.\n")
        }
    }

    fn stop_recordings(&mut self, moment: &Moment<'_>, at: RoomId, path: &str) -> String {
        let is_all = path.eq_ignore_ascii_case("all");
        let stopped = self.stop_recording(moment, at, Some(path).filter(|_| !is_all));
        let error = if stopped.is_empty() && !is_all { non_existent(path) } else { String::new() };
        let lines: Vec<String> = stopped.iter().map(|path| format!("Stopped recording file {path}\n")).collect();
        // It counts what could not be stopped at once: nothing, ever.
        format!("{error}{}+OK Stopped recording 0 files\n", lines.concat())
    }

    fn check_recordings(&self, at: RoomId) -> String {
        let recordings = self.rooms.get(&at).map(|room| &room.recordings[..]).unwrap_or_default();
        let running = recordings.iter().rev().filter(|recording| recording.is_wanted());
        let lines: Vec<String> = running.map(|recording| format!("+OK Record file {}\n", recording.path)).collect();
        if lines.is_empty() { "-ERR Conference is not being recorded.\n".to_owned() } else { lines.concat() }
    }

    fn list_all(&self) -> String {
        let lines = self.listed().map(|room| {
            let (name, count, rate) = (&room.name, room.members.len(), room.profile.rate());
            let locked = if room.locked { "locked|" } else { "" };
            let head =
                format!("+OK Conference {name} ({count} members rate: {rate} flags: {locked}running|answered)\n");
            head + &list(room)
        });
        let lines: String = lines.collect();
        if lines.is_empty() { "+OK No active conferences.\n".to_owned() } else { lines }
    }
}

/// A line for each member, the newest first.
fn list(room: &Room) -> String {
    let lines = room.members.iter().rev().map(|member| {
        let flags = [
            (member.can_hear, "hear"),
            (member.speaks(), "speak"),
            (member.is_talking, "talking"),
            (room.floor == Some(member.id), "floor"),
            (member.is_moderator, "moderator"),
        ];
        let flags: Vec<&str> = flags.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect();
        let (id, leg) = (member.id, &member.leg);
        let (channel, name, number) = (leg.channel(), &leg.caller.name, &leg.caller.number);
        let levels = format!("{};{};{}", member.volume_in, member.volume_out, member.energy_level);
        format!("{id};{channel};{};{name};{number};{};{levels}\n", leg.uuid, flags.join("|"))
    });
    lines.collect()
}

fn non_existent(path: &str) -> String {
    format!("-ERR non-existant recording '{path}'\n")
}

fn usage(command: &str) -> String {
    let arguments = USAGES.iter().find(|(name, _)| *name == command).map_or("", |(_, arguments)| arguments);
    format!("{command}{arguments}")
}

/// The words of an argument: blanks part them, but not inside single quotes or behind a backslash, which stays.
fn words(argument: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut signs = argument.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' if !is_quoted => words.extend(word.take()),
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' => {
                let word = word.get_or_insert_default();
                word.push(sign);
                word.extend(signs.next());
            }
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_part_words_unless_quoted_or_escaped() {
        for (argument, expected) in [
            ("a  b", &["a", "b"][..]),
            ("'My Conf' lock", &["My Conf", "lock"]),
            ("My\\ Conf lock", &["My\\ Conf", "lock"]),
            ("a '' b", &["a", "", "b"]),
            ("a'b c'd", &["ab cd"]),
            ("'open", &["open"]),
            ("\\", &["\\"]),
            ("", &[]),
        ] {
            assert_eq!(words(argument), expected, "{argument}");
        }
    }
}
