//! What a listener may ask for, read from the text it sent.

use serde::Deserialize;
use serde_json::Value;

/// A request of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "req", rename_all = "lowercase", deny_unknown_fields)]
pub enum LiveRequest {
    /// All conferences it may see.
    Init {},
    /// All registrations.
    InitReg {},
    /// Something is to be done with a conference.
    Exec {
        /// The name of the conference.
        conference: String,
        /// What is to be done.
        call: ConferenceCall,
    },
    /// Something is to be done with a member of a conference.
    MemExec {
        /// The name of the conference.
        conference: String,
        /// What is to be done.
        call: MemberCall,
        /// The member's id in the conference.
        member: String,
    },
}

/// What can be done with a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConferenceCall {
    /// Nobody else gets in.
    Lock,
    /// Everybody gets in again.
    Unlock,
    /// Begin to record.
    StartRec,
    /// Stop recording for a while.
    PauseRec,
    /// Go on recording.
    ResumeRec,
    /// Stop recording.
    StopRec,
    /// Mute all members.
    MuteAll,
    /// Throw everybody out.
    KickAll,
}

/// What can be done with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberCall {
    /// It is not heard any more.
    Mute,
    /// It is heard again.
    Unmute,
    /// Throw it out.
    Kick,
}

/// Why a text is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misunderstood {
    /// It is no JSON, or `null`.
    WrongFormat,
    /// It is not what can be asked for: a field is missing, unknown, or has another type.
    WrongProtocol,
}

impl LiveRequest {
    /// Reads a request.
    pub fn parse(text: &[u8]) -> Result<Self, Misunderstood> {
        match serde_json::from_slice(text) {
            Err(_) | Ok(Value::Null) => Err(Misunderstood::WrongFormat),
            // Only objects: an array of the fields' values would do as well otherwise.
            Ok(value @ Value::Object(_)) => serde_json::from_value(value).map_err(|_| Misunderstood::WrongProtocol),
            Ok(_) => Err(Misunderstood::WrongProtocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Result<LiveRequest, Misunderstood>) {
        assert_eq!(LiveRequest::parse(text.as_bytes()).as_ref(), expected.as_ref(), "{text}");
    }

    #[test]
    fn every_request_of_the_protocol_is_read() {
        check(r#"{"req":"init"}"#, &Ok(LiveRequest::Init {}));
        check(r#"{"req":"initreg"}"#, &Ok(LiveRequest::InitReg {}));
        for (word, call) in [
            ("lock", ConferenceCall::Lock),
            ("unlock", ConferenceCall::Unlock),
            ("startrec", ConferenceCall::StartRec),
            ("pauserec", ConferenceCall::PauseRec),
            ("resumerec", ConferenceCall::ResumeRec),
            ("stoprec", ConferenceCall::StopRec),
            ("muteall", ConferenceCall::MuteAll),
            ("kickall", ConferenceCall::KickAll),
        ] {
            let text = format!(r#"{{"call":"{word}","req":"exec","conference":"a b"}}"#);
            check(&text, &Ok(LiveRequest::Exec { conference: "a b".into(), call }));
        }
        for (word, call) in [("mute", MemberCall::Mute), ("unmute", MemberCall::Unmute), ("kick", MemberCall::Kick)] {
            let text = format!(r#"{{"req":"memexec","conference":"c","call":"{word}","member":"7"}}"#);
            check(&text, &Ok(LiveRequest::MemExec { conference: "c".into(), call, member: "7".into() }));
        }
    }

    #[test]
    fn what_is_no_json_has_the_wrong_format() {
        for text in ["", "null", " null ", "{", "init", "{\"req\":\"init\"} x", "\u{0}"] {
            check(text, &Err(Misunderstood::WrongFormat));
        }
        assert_eq!(LiveRequest::parse(b"\xff\xfe"), Err(Misunderstood::WrongFormat));
        assert_eq!(LiveRequest::parse("[".repeat(100_000).as_bytes()), Err(Misunderstood::WrongFormat));
    }

    #[test]
    fn what_cannot_be_asked_for_is_the_wrong_protocol() {
        for text in [
            "1",
            "[]",
            "{}",
            "\"init\"",
            r#"["init"]"#,
            r#"{"req":"Init"}"#,
            r#"{"req":"init","x":1}"#,
            r#"{"req":["init"]}"#,
            r#"{"req":"exec"}"#,
            r#"{"req":"exec","conference":"c"}"#,
            r#"{"req":"exec","conference":"c","call":"mute"}"#,
            r#"{"req":"exec","conference":"c","call":"lock","member":"1"}"#,
            r#"{"req":"exec","conference":5,"call":"lock"}"#,
            r#"{"req":"memexec","conference":"c","call":"mute","member":7}"#,
            r#"{"req":"memexec","conference":"c","call":"lock","member":"7"}"#,
        ] {
            check(text, &Err(Misunderstood::WrongProtocol));
        }
    }
}
