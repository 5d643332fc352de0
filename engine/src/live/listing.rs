//! What the switch lists: its live conferences, and the phones that are registered.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::recordings::Recording;
use super::report::socket_address;
use crate::esl::command::MemberId;
use crate::io::Reply;

/// A conference as `conference json_list` has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListedConference {
    pub(super) uuid: Arc<str>,
    pub(super) name: Arc<str>,
    /// For how many seconds it has been there.
    pub(super) age: i64,
    pub(super) locked: bool,
    pub(super) floor: Option<MemberId>,
    /// In the order in which they have joined.
    pub(super) members: Vec<ListedMember>,
    pub(super) recordings: Vec<Recording>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListedMember {
    pub(super) id: MemberId,
    pub(super) number: Arc<str>,
    pub(super) name: Arc<str>,
    /// Nothing while on hold, for that hides it.
    pub(super) mute: Option<bool>,
}

/// A registration as `show registrations as json` has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListedRegistration {
    pub(super) user: Arc<str>,
    pub(super) call_id: Arc<str>,
    pub(super) address: Arc<str>,
    /// The URI the phone wants to be called at, with the switch's own words around it.
    pub(super) contact: Arc<str>,
}

/// What a switch says that has no conference and no JSON for that.
const NONE: [&str; 3] = ["+OK No active conferences", "-ERR No active conferences", "No active conferences"];

/// Reads the answer to `conference json_list`, the newest conference first; else what the switch said, as far as it can
/// be shown.
pub(super) fn conferences(reply: &Reply) -> Result<Vec<ListedConference>, String> {
    let text = text_of(reply)?;
    // Older switches have words for it. Names are the phones' own, so these words can stand in a list as well.
    if NONE.iter().any(|words| text.starts_with(words)) {
        return Ok(Vec::new());
    }
    let raw: Vec<RawConference<'_>> = serde_json::from_str(&text).map_err(|error| excerpt(&text, &error))?;
    Ok(raw.into_iter().filter_map(RawConference::read).collect())
}

/// Reads the answer to `show registrations as json`; else what the switch said, as far as it can be shown.
pub(super) fn registrations(reply: &Reply) -> Result<Vec<ListedRegistration>, String> {
    let text = text_of(reply)?;
    let raw: RawTable<'_> = serde_json::from_str(&text).map_err(|error| excerpt(&text, &error))?;
    Ok(raw.rows.into_iter().filter_map(RawRegistration::read).collect())
}

/// The names in it are the phones' own: they need not be UTF-8.
fn text_of(reply: &Reply) -> Result<Cow<'_, str>, String> {
    match reply {
        Reply::Answer(body) => Ok(String::from_utf8_lossy(body)),
        Reply::Refused(words) => Err(words.clone()),
    }
}

/// How much of an answer that cannot be read is shown.
const EXCERPT: usize = 100;

fn excerpt(text: &str, error: &serde_json::Error) -> String {
    let beginning: String = text.chars().take(EXCERPT).collect();
    format!("{beginning:?}: {error}")
}

/// The switch's own notation. What a switch leaves out does not matter.
#[derive(Deserialize)]
struct RawConference<'a> {
    #[serde(borrow, default)]
    conference_name: Cow<'a, str>,
    #[serde(borrow, default)]
    conference_uuid: Cow<'a, str>,
    /// For how many seconds it has been there: less than none, if the clock was set back.
    #[serde(default, deserialize_with = "lenient")]
    run_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    locked: Option<bool>,
    #[serde(borrow, default)]
    members: Vec<RawMember<'a>>,
}

#[derive(Deserialize)]
struct RawMember<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    flags: Option<RawFlags>,
    #[serde(borrow)]
    caller_id_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    caller_id_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    record_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

/// A value, unless it is something else than expected: one odd value must not spoil the whole list.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[derive(Clone, Copy, Deserialize)]
#[serde(default)]
struct RawFlags {
    can_speak: bool,
    hold: bool,
    has_floor: bool,
}

impl Default for RawFlags {
    fn default() -> Self {
        Self { can_speak: true, hold: false, has_floor: false }
    }
}

impl RawConference<'_> {
    fn read(self) -> Option<ListedConference> {
        if self.conference_name.is_empty() || self.conference_uuid.is_empty() {
            return None;
        }
        let floor = self.members.iter().find(|member| member.flags().has_floor).and_then(RawMember::id);
        let mut recordings: Vec<Recording> = self.members.iter().filter_map(RawMember::recording).collect();
        // The newest is listed first.
        recordings.reverse();
        let mut members: Vec<ListedMember> = self.members.into_iter().filter_map(RawMember::read).collect();
        members.sort_by_key(|member| member.id);
        Some(ListedConference {
            uuid: self.conference_uuid.into(),
            name: self.conference_name.into(),
            age: self.run_time.unwrap_or_default(),
            locked: self.locked.unwrap_or(false),
            floor,
            members,
            recordings,
        })
    }
}

impl RawMember<'_> {
    fn id(&self) -> Option<MemberId> {
        self.id.filter(|_| self.kind == "caller").map(MemberId)
    }

    fn flags(&self) -> RawFlags {
        self.flags.unwrap_or_default()
    }

    fn read(self) -> Option<ListedMember> {
        let flags = self.flags();
        Some(ListedMember {
            id: self.id()?,
            number: self.caller_id_number.unwrap_or_default().into(),
            name: self.caller_id_name.unwrap_or_default().into(),
            mute: (!flags.hold).then_some(!flags.can_speak),
        })
    }

    fn recording(&self) -> Option<Recording> {
        let file = self.record_path.as_deref().filter(|_| self.kind == "recording_node")?;
        Some(Recording { file: file.into(), paused: self.status.as_deref() == Some("paused") })
    }
}

#[derive(Deserialize)]
struct RawTable<'a> {
    #[serde(borrow, default)]
    rows: Vec<RawRegistration<'a>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct RawRegistration<'a> {
    #[serde(borrow)]
    reg_user: Cow<'a, str>,
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    network_ip: Cow<'a, str>,
    #[serde(borrow)]
    network_port: Cow<'a, str>,
}

impl RawRegistration<'_> {
    fn read(self) -> Option<ListedRegistration> {
        if self.reg_user.is_empty() || self.token.is_empty() {
            return None;
        }
        Some(ListedRegistration {
            user: self.reg_user.into(),
            call_id: self.token.into(),
            address: socket_address(&self.network_ip, &self.network_port).into(),
            contact: self.url.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(text: &str) -> Reply {
        Reply::Answer(text.to_owned().into())
    }

    #[test]
    fn a_conference_is_read_with_members_in_their_order_and_recorders_apart() {
        let listed = conferences(&answer(
            r#"[{"conference_name":"a\"b","conference_uuid":"u","run_time":7,"locked":true,"members":[
                {"type":"recording_node","record_path":"/r/2.wav","status":"paused","flags":{}},
                {"type":"recording_node","record_path":"/r/1.wav"},
                {"type":"caller","id":9,"flags":{"can_speak":false,"hold":true},"caller_id_name":"x","caller_id_number":"1"},
                {"type":"caller","id":3,"flags":{"can_speak":false,"has_floor":true},"caller_id_name":null}]}]"#,
        ))
        .unwrap();
        let member = |id, number: &str, name: &str, mute| ListedMember {
            id: MemberId(id),
            number: number.into(),
            name: name.into(),
            mute,
        };
        assert_eq!(
            listed,
            [ListedConference {
                uuid: "u".into(),
                name: "a\"b".into(),
                age: 7,
                locked: true,
                floor: Some(MemberId(3)),
                members: vec![member(3, "", "", Some(true)), member(9, "1", "x", None)],
                recordings: vec![
                    Recording { file: "/r/1.wav".into(), paused: false },
                    Recording { file: "/r/2.wav".into(), paused: true },
                ],
            }]
        );
    }

    #[test]
    fn no_conference_has_many_forms() {
        for text in ["[]", "[{}]", "+OK No active conferences.\n", r#"[{"conference_name":"x","members":[]}]"#] {
            assert_eq!(conferences(&answer(text)), Ok(vec![]), "{text}");
        }
        let empty = conferences(&answer(r#"[{"conference_name":"x","conference_uuid":"u","members":[]}]"#)).unwrap();
        assert_eq!(empty[0].members, []);
    }

    #[test]
    fn a_phone_that_calls_itself_like_an_empty_list_empties_none() {
        let listed = conferences(&answer(
            r#"[{"conference_name":"x","conference_uuid":"u","members":[
                {"type":"caller","id":1,"caller_id_name":"No active conferences"}]}]"#,
        ));
        assert_eq!(listed.unwrap()[0].members.len(), 1);
    }

    #[test]
    fn an_odd_value_spoils_nothing_else() {
        let listed = conferences(&answer(
            r#"[{"conference_name":"x","conference_uuid":"u","run_time":-3600,"locked":null,"members":[
                {"type":"caller","id":-1,"flags":null},{"type":"caller","id":2,"flags":7},
                {"type":"caller","id":99999999999}]}]"#,
        ));
        let ids: Vec<MemberId> = listed.unwrap()[0].members.iter().map(|member| member.id).collect();
        assert_eq!(ids, [MemberId(2)]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_shows_it() {
        assert!(conferences(&answer("-ERR conference Command not found!\n")).unwrap_err().contains("not found"));
        assert!(registrations(&Reply::Refused("-ERR no".into())).unwrap_err().contains("-ERR no"));
        assert!(conferences(&answer(&"x".repeat(10_000))).unwrap_err().len() < 300);
    }

    #[test]
    fn a_name_that_is_no_utf_8_does_not_spoil_the_rest() {
        let bytes = b"[{\"conference_name\":\"M\xfcller\",\"conference_uuid\":\"u\"}]";
        let listed = conferences(&Reply::Answer(bytes.to_vec().into())).unwrap();
        assert_eq!(&*listed[0].name, "M\u{fffd}ller");
    }

    #[test]
    fn registrations_are_read_and_none_is_an_empty_list() {
        assert_eq!(registrations(&answer("{\"row_count\": 0}\n")), Ok(vec![]));
        let listed = registrations(&answer(
            r#"{"row_count":2,"rows":[{"reg_user":"1","realm":"r","token":"c","url":"sofia/internal/sip:1@x","expires":"9",
                "network_ip":"10.0.0.1","network_port":"5060"},{"reg_user":""}]}"#,
        ));
        let expected = ListedRegistration {
            user: "1".into(),
            call_id: "c".into(),
            address: "10.0.0.1:5060".into(),
            contact: "sofia/internal/sip:1@x".into(),
        };
        assert_eq!(listed, Ok(vec![expected]));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let reply = Reply::Answer(bytes.into());
            let _ = (conferences(&reply), registrations(&reply));
        }
    }
}
