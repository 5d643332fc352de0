//! The name of a recording, and whose recording it is.

use std::fmt;

use super::plain_name::PlainName;

/// The name of a file in the recordings folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordingName(PlainName);

impl RecordingName {
    /// The name, if it is a plain one.
    pub(super) fn parse(name: &str) -> Option<Self> {
        PlainName::parse(name).map(Self)
    }

    /// The name as text.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name of the conference that was recorded: what stands before the time in `<conference>-<time>.wav`. Nothing if
    /// the name is another.
    pub(super) fn conference(&self) -> Option<&str> {
        let stem = self.as_str().strip_suffix(".wav")?;
        let conference = FORMS.iter().find_map(|form| before(stem, form))?.strip_suffix('-')?;
        (!conference.is_empty()).then_some(conference)
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The forms that ISO 8601 has for a time in UTC with milliseconds, extended and basic. `0` stands for a digit and `.` for
/// a decimal sign, which may be a comma.
const FORMS: [&str; 2] = ["0000-00-00T00:00:00.000Z", "00000000T000000.000Z"];

/// What stands before a time of this form.
fn before<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (conference, time) = text.split_at_checked(text.len().checked_sub(form.len())?)?;
    (has_form(time, form) && is_time(time)).then_some(conference)
}

fn has_form(time: &str, form: &str) -> bool {
    time.bytes().zip(form.bytes()).all(|(byte, expected)| match expected {
        b'0' => byte.is_ascii_digit(),
        b'.' => matches!(byte, b'.' | b','),
        literal => byte == literal,
    })
}

/// Whether a calendar and a clock can show it.
fn is_time(time: &str) -> bool {
    time.replace(',', ".").parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fsconnector_engine::time::Wall;
    use proptest::prelude::*;

    fn conference(name: &str) -> Option<String> {
        RecordingName::parse(name).unwrap().conference().map(str::to_owned)
    }

    #[test]
    fn the_conference_stands_before_the_time() {
        for (name, expected) in [
            ("team-2026-11-23T08:25:58.123Z.wav", "team"),
            ("a-b-c-2026-11-23T08:25:58.123Z.wav", "a-b-c"),
            ("a--2026-11-23T08:25:58.123Z.wav", "a-"),
            ("日本.1_-2024-02-29T00:00:00.000Z.wav", "日本.1_"),
            ("a-20261123T082558.123Z.wav", "a"),
            ("a-2026-11-23T08:25:58,123Z.wav", "a"),
            ("a-2026-12-31T23:59:60.000Z.wav", "a"),
            ("a-2026-11-23T08:25:58.123Z-2026-11-23T08:25:58.124Z.wav", "a-2026-11-23T08:25:58.123Z"),
            ("a-2026-11-23T08:25:58.123Z.wav-2026-11-23T08:25:58.124Z.wav", "a-2026-11-23T08:25:58.123Z.wav"),
        ] {
            assert_eq!(conference(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_name_of_another_form_tells_no_conference() {
        for name in [
            "team.wav",
            "team-.wav",
            "-2026-11-23T08:25:58.123Z.wav",
            "2026-11-23T08:25:58.123Z.wav",
            "team2026-11-23T08:25:58.123Z.wav",
            "team_2026-11-23T08:25:58.123Z.wav",
            "team-2026-11-23T08:25:58.123Z",
            "team-2026-11-23T08:25:58.123Z.WAV",
            "team-2026-11-23T08:25:58.123Z.mp3",
            "team-2026-11-23T08:25:58.123Z.wav.wav",
            "team-2026-11-23T08:25:58.123.wav",
            "team-2026-11-23T08:25:58Z.wav",
            "team-2026-11-23T08:25:58.1234Z.wav",
            "team-2026-11-23T08:25:58.12Z.wav",
            "team-2026-11-23T08:25:58.123+01:00.wav",
            "team-2026-11-23 08:25:58.123Z.wav",
            "team-2026-11-23t08:25:58.123z.wav",
            "team-2026-13-23T08:25:58.123Z.wav",
            "team-2026-02-29T08:25:58.123Z.wav",
            "team-2026-11-23T24:25:58.123Z.wav",
            "team-2026-11-23T08:61:58.123Z.wav",
            "team-２026-11-23T08:25:58.123Z.wav",
            "ü026-11-23T08:25:58.123Z.wav",
        ] {
            assert_eq!(conference(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_a_recorder_writes_is_read_back(conference in "[^/\\\\.\\pC][^/\\\\\\pC]{0,30}", micros in 0i64..253_402_300_799_000_000) {
            let name = RecordingName::parse(&format!("{conference}-{}.wav", Wall(micros))).unwrap();
            prop_assert_eq!(name.conference(), Some(&*conference));
        }

        #[test]
        fn no_name_stops_the_program(name: String) {
            RecordingName::parse(&name).map(|name| name.conference().map(str::len));
        }
    }
}
