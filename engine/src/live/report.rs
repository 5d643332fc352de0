//! What the switch's events say. Only those headers are looked for that matter for what has happened.

use std::borrow::Cow;

use super::recorder::RecordingCall;
use crate::esl::command::MemberId;
use crate::esl::event::Event;

/// The event class of conferences.
pub(crate) const CONFERENCE: &str = "conference::maintenance";

/// The event classes of registrations.
pub(crate) const REGISTRATION: [&str; 3] = ["sofia::register", "sofia::unregister", "sofia::expire"];

/// What an event says about a conference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report<'e> {
    /// `Conference-Unique-ID`: the one name that no other conference ever has.
    pub(super) uuid: Cow<'e, str>,
    /// `Conference-Name`
    pub(super) name: Cow<'e, str>,
    /// `Conference-Size`: how many members there are after somebody has come or gone.
    pub(super) size: Option<usize>,
    pub(super) happening: Happening<'e>,
}

/// What has happened in a conference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happening<'e> {
    Created,
    Destroyed,
    Joined(MemberId, Member<'e>),
    Left(MemberId),
    /// The floor is this member's now, or nobody's.
    Floor(Option<MemberId>),
    /// A member can be heard, or not.
    Mute(MemberId, bool),
    Lock(bool),
    Recording(Cow<'e, str>, Recording<'e>),
    /// A moderator has pressed a key.
    Key(Key),
    /// Something that changes nothing here.
    Nothing,
}

/// Who has joined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member<'e> {
    /// `Caller-Username`: who has logged in to the switch. Loopback legs have none.
    pub(super) username: Option<Cow<'e, str>>,
    /// `Caller-Caller-ID-Number`: what the phone claims.
    pub(super) number: Cow<'e, str>,
    /// `Caller-Caller-ID-Name`: what the phone claims.
    pub(super) name: Cow<'e, str>,
    pub(super) mute: bool,
}

/// What has become of a recording.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recording<'e> {
    Started,
    /// The file could not be opened, with the switch's words.
    Failed(Cow<'e, str>),
    Paused,
    Resumed,
    Stopped,
}

/// What a moderator's key asks for: the data of a caller control with the action `event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    MuteAll,
    Recording(RecordingCall),
    Lock,
    Unlock,
}

impl<'e> Report<'e> {
    /// Reads an event of the class [`CONFERENCE`]; nothing if it does not say which conference it is about.
    pub(super) fn read(event: &'e Event) -> Option<Self> {
        let happening = Happening::read(event).unwrap_or(Happening::Nothing);
        let size = match happening {
            Happening::Joined(..) | Happening::Left(_) => number(event, "Conference-Size"),
            _ => None,
        };
        Some(Self {
            uuid: some_text(event, "Conference-Unique-ID")?,
            name: some_text(event, "Conference-Name")?,
            size: size.and_then(|size| usize::try_from(size).ok()),
            happening,
        })
    }
}

impl Report<'_> {
    /// Whether anything may be different after it.
    pub(super) fn may_change_something(&self) -> bool {
        !matches!(self.happening, Happening::Nothing | Happening::Key(_))
    }
}

impl<'e> Happening<'e> {
    fn read(event: &'e Event) -> Option<Self> {
        let member = || number(event, "Member-ID").map(MemberId);
        let path = || event.header("Path");
        Some(match &*event.header("Action")? {
            "conference-create" => Self::Created,
            "conference-destroy" => Self::Destroyed,
            "add-member" => Self::Joined(member()?, Member::read(event)),
            "del-member" => Self::Left(member()?),
            "floor-change" => Self::Floor(number(event, "New-ID").map(MemberId)),
            "mute-member" => Self::Mute(member()?, true),
            "unmute-member" => Self::Mute(member()?, false),
            // Held, nobody can speak; whether it was muted before shows only afterwards.
            "unhold-member" if !is_held(event) => Self::Mute(member()?, !can_speak(event)),
            "lock" => Self::Lock(true),
            "unlock" => Self::Lock(false),
            "start-recording" => match event.header("Error") {
                Some(error) => Self::Recording(path()?, Recording::Failed(error)),
                None => Self::Recording(path()?, Recording::Started),
            },
            "pause-recording" => Self::Recording(path()?, Recording::Paused),
            "resume-recording" => Self::Recording(path()?, Recording::Resumed),
            "stop-recording" => Self::Recording(path()?, Recording::Stopped),
            "dtmf" => Self::Key(Key::read(&event.header("Data")?)?),
            _ => return None,
        })
    }
}

impl<'e> Member<'e> {
    fn read(event: &'e Event) -> Self {
        Self {
            username: some_text(event, "Caller-Username"),
            number: event.header("Caller-Caller-ID-Number").unwrap_or_default(),
            name: event.header("Caller-Caller-ID-Name").unwrap_or_default(),
            mute: !can_speak(event) && !is_held(event),
        }
    }
}

fn can_speak(event: &Event) -> bool {
    event.header("Speak").is_none_or(|speak| speak != "false")
}

fn is_held(event: &Event) -> bool {
    event.header("Hold").is_some_and(|hold| hold == "true")
}

/// The value of a header, unless it is empty.
fn some_text<'e>(event: &'e Event, name: &str) -> Option<Cow<'e, str>> {
    event.header(name).filter(|value| !value.is_empty())
}

fn number(event: &Event, name: &str) -> Option<u32> {
    event.header(name)?.parse().ok()
}

impl Key {
    fn read(data: &str) -> Option<Self> {
        Some(match data {
            "muteall" => Self::MuteAll,
            "startrecording" => Self::Recording(RecordingCall::Start),
            "pauserecording" => Self::Recording(RecordingCall::Pause),
            "resumerecording" => Self::Recording(RecordingCall::Resume),
            "stoprecording" => Self::Recording(RecordingCall::Stop),
            "checkrecording" => Self::Recording(RecordingCall::Check),
            "conferencelock" => Self::Lock,
            "conferenceunlock" => Self::Unlock,
            _ => return None,
        })
    }
}

/// What an event says about the registration of a phone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Registering<'e> {
    /// `sofia::register`: a phone has registered, or refreshed its registration.
    Comes {
        user: Cow<'e, str>,
        call_id: Cow<'e, str>,
        /// Where it is: `ip:port`.
        address: String,
        /// The URI it wants to be called at.
        contact: Cow<'e, str>,
    },
    /// `sofia::unregister` or `sofia::expire`
    Goes { user: Cow<'e, str>, call_id: Cow<'e, str> },
}

impl<'e> Registering<'e> {
    /// Reads an event of one of the classes [`REGISTRATION`]; nothing if it does not say whose registration it is.
    pub(super) fn read(event: &'e Event) -> Option<Self> {
        let header = |name| some_text(event, name);
        let call_id = header("call-id")?;
        // An expiry has no `from-user`.
        let user = header("from-user").or_else(|| header("user")).or_else(|| header("username"))?;
        if header("Event-Subclass")? != "sofia::register" {
            return Some(Self::Goes { user, call_id });
        }
        let address = socket_address(&header("network-ip")?, &header("network-port")?);
        Some(Self::Comes { user, call_id, address, contact: header("contact").unwrap_or_default() })
    }
}

/// `ip:port`, with brackets around an IPv6 address (RFC 3986 section 3.2.2).
pub(super) fn socket_address(ip: &str, port: &str) -> String {
    if ip.contains(':') && !ip.starts_with('[') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(text: &str) -> Event {
        Event::plain(text.to_owned().into())
    }

    #[track_caller]
    fn check(headers: &str, expected: &Happening<'_>) {
        let event = event(&format!("Conference-Name: a%20b\nConference-Unique-ID: u\nConference-Size: 2\n{headers}"));
        let report = Report::read(&event).unwrap();
        let changes_size = matches!(expected, Happening::Joined(..) | Happening::Left(_));
        assert_eq!((&*report.uuid, &*report.name, report.size), ("u", "a b", changes_size.then_some(2)));
        assert_eq!(&report.happening, expected, "{headers}");
    }

    #[test]
    fn every_action_is_read() {
        let id = MemberId(7);
        check("Action: conference-create", &Happening::Created);
        check("Action: conference-destroy", &Happening::Destroyed);
        check("Action: del-member\nMember-ID: 7", &Happening::Left(id));
        check("Action: floor-change\nOld-ID: none\nNew-ID: 7", &Happening::Floor(Some(id)));
        check("Action: floor-change\nOld-ID: 7\nNew-ID: none", &Happening::Floor(None));
        check("Action: mute-member\nMember-ID: 7", &Happening::Mute(id, true));
        check("Action: unmute-member\nMember-ID: 7", &Happening::Mute(id, false));
        check("Action: lock", &Happening::Lock(true));
        check("Action: unlock", &Happening::Lock(false));
        check("Action: start-recording\nPath: /r/x", &Happening::Recording("/r/x".into(), Recording::Started));
        check(
            "Action: start-recording\nPath: x\nError: no%20file",
            &Happening::Recording("x".into(), Recording::Failed("no file".into())),
        );
        check("Action: pause-recording\nPath: x", &Happening::Recording("x".into(), Recording::Paused));
        check("Action: resume-recording\nPath: x", &Happening::Recording("x".into(), Recording::Resumed));
        check("Action: stop-recording\nPath: x", &Happening::Recording("x".into(), Recording::Stopped));
        check("Action: dtmf\nDTMF-Key: 1\nData: startrecording", &Happening::Key(Key::Recording(RecordingCall::Start)));
        check("Action: dtmf\nDTMF-Key: 6\nData: conferencelock", &Happening::Key(Key::Lock));
    }

    #[test]
    fn who_joins_is_told_by_name_and_number_and_held_is_not_muted() {
        let caller = |username: Option<&'static str>, mute| {
            let username = username.map(Cow::from);
            Happening::Joined(MemberId(7), Member { username, number: "20001".into(), name: "Müller".into(), mute })
        };
        let headers =
            "Action: add-member\nMember-ID: 7\nCaller-Caller-ID-Name: M%C3%BCller\nCaller-Caller-ID-Number: 20001";
        check(&format!("{headers}\nSpeak: true\nHold: false\nCaller-Username: 20000"), &caller(Some("20000"), false));
        check(&format!("{headers}\nSpeak: false\nHold: false"), &caller(None, true));
        check(&format!("{headers}\nSpeak: false\nHold: true"), &caller(None, false));
        check("Action: hold-member\nMember-ID: 7\nSpeak: false\nHold: true", &Happening::Nothing);
        check("Action: unhold-member\nMember-ID: 7\nSpeak: true\nHold: false", &Happening::Mute(MemberId(7), false));
        check("Action: unhold-member\nMember-ID: 7\nSpeak: false\nHold: false", &Happening::Mute(MemberId(7), true));
    }

    #[test]
    fn what_is_unknown_or_incomplete_changes_nothing() {
        for headers in [
            "",
            "Action: energy-level\nMember-ID: 7",
            "Action: del-member",
            "Action: add-member\nMember-ID: x",
            "Action: start-recording",
            "Action: dtmf\nDTMF-Key: 1",
            "Action: dtmf\nData: shutdown",
        ] {
            check(headers, &Happening::Nothing);
        }
        assert_eq!(Report::read(&event("Action: lock\nConference-Name: a")), None);
        assert_eq!(Report::read(&event("Action: lock\nConference-Unique-ID: u")), None);
    }

    #[test]
    fn registrations_are_read_and_an_expiry_names_its_user_otherwise() {
        let comes = event(
            "Event-Subclass: sofia%3A%3Aregister\nfrom-user: 20000\ncall-id: c%401\nnetwork-ip: fd00%3A%3A1\n\
             network-port: 5060\ncontact: %3Csip%3A20000%40x%3E",
        );
        assert_eq!(
            Registering::read(&comes),
            Some(Registering::Comes {
                user: "20000".into(),
                call_id: "c@1".into(),
                address: "[fd00::1]:5060".into(),
                contact: "<sip:20000@x>".into()
            })
        );
        let expired = event("Event-Subclass: sofia%3A%3Aexpire\nuser: 20000\ncall-id: c\nusername: x");
        assert_eq!(Registering::read(&expired), Some(Registering::Goes { user: "20000".into(), call_id: "c".into() }));
        assert_eq!(Registering::read(&event("Event-Subclass: sofia%3A%3Aunregister\nfrom-user: 1")), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let event = Event::plain(bytes.into());
            let _ = (Report::read(&event), Registering::read(&event));
        }
    }
}
