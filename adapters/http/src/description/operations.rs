//! What each route does, in words, and what comes back.

use fsconnector_engine::query::{ConferenceField, UserField};

use crate::change::Change;
use crate::current::Whole;
use crate::routes::{FileRoute, Read, Work};
use crate::schemas::AnswerSchema;

/// What a route does.
pub(super) struct Description {
    /// What it is about.
    pub(super) tag: Tag,
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// What follows in the path. A path with fewer parameters has the last ones.
    pub(super) parameters: &'static [Parameter],
    /// What comes back when all is well.
    pub(super) answer: Content,
}

/// What routes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Users,
    Conferences,
    Recordings,
    StoreAndRestore,
    Info,
    Everybody,
    Live,
    Provisioning,
    Pages,
}

impl Tag {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Users,
        Self::Conferences,
        Self::Recordings,
        Self::StoreAndRestore,
        Self::Info,
        Self::Everybody,
        Self::Live,
        Self::Provisioning,
        Self::Pages,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Conferences => "conferences",
            Self::Recordings => "recordings",
            Self::StoreAndRestore => "store and restore",
            Self::Info => "info",
            Self::Everybody => "for everybody",
            Self::Live => "live",
            Self::Provisioning => "provisioning",
            Self::Pages => "pages",
        }
    }
}

/// A part of the path.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) example: &'static str,
    /// What it has to look like: a regular expression.
    pub(super) pattern: Option<&'static str>,
}

/// The body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json(AnswerSchema),
    /// A file of one of these types. Conditions and ranges work.
    File(&'static [&'static str]),
    /// None: from then on it is a WebSocket.
    WebSocket,
}

const TEXT: &[Parameter] = &[parameter("text", "The text to look for. It may be empty.", "2")];
const RECORDING: &[Parameter] = &[name("file", "The name of the recording.", "weekly-2026-01-31T12:00:00.000Z.wav")];
const PART: &[Parameter] =
    &[parameter("part", "`directory`, `dialplan`, `conferences` or `freeswitch` (the whole tree).", "directory")];
const FIRMWARE: &[Parameter] =
    &[name("folder", "The folder.", "German_Germany"), name("file", "The name of the file.", "dictionary.xml")];
const PHONE_FILE: &[Parameter] = &[name(
    "file",
    "The name of the file. `.ld`, `.jpg`, `.wav` and `.ver` are firmware, the others the phone's own.",
    "0004f2abcdef.cfg",
)];
const UPLOAD: &[Parameter] = &[Parameter {
    name: "file",
    about: "The name of the file. One that ends in `-app.log` is continued, any other replaced.",
    example: "0004f2abcdef-app.log",
    pattern: Some("^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$"),
}];
const PAGE: &[Parameter] = &[name("path", "Where the file is. It may have slashes.", "index.html")];

const WAV: Content = Content::File(&["audio/wav", "application/octet-stream"]);
const ANY_FILE: Content = Content::File(&["*/*"]);

/// Something that may be empty.
const fn parameter(name: &'static str, about: &'static str, example: &'static str) -> Parameter {
    Parameter { name, about, example, pattern: None }
}

/// The name of a file or folder.
const fn name(name: &'static str, about: &'static str, example: &'static str) -> Parameter {
    Parameter { name, about, example, pattern: Some("^[^/]+$") }
}

/// Describes what is done.
pub(super) fn describe(work: Work) -> Description {
    match work {
        Work::Read(read) => describe_read(read),
        Work::File(file) => describe_file(file),
        Work::Command(change) => describe_change(change),
        Work::Listen => Description {
            tag: Tag::Live,
            summary: "A WebSocket that tells what happens in the conferences, and on which they are controlled",
            parameters: &[],
            answer: Content::WebSocket,
        },
        Work::Ticket => plain(Tag::Live, "A ticket for that, good once and not for long", AnswerSchema::LiveTicket),
        Work::Description => plain(Tag::Info, "This description", AnswerSchema::OpenApi),
    }
}

fn plain(tag: Tag, summary: &'static str, answer: AnswerSchema) -> Description {
    Description { tag, summary, parameters: &[], answer: Content::Json(answer) }
}

fn describe_read(read: Read) -> Description {
    use AnswerSchema as Answer;
    let (summary, answer) = match read {
        Read::Whole(whole) => return describe_whole(whole),
        Read::UserInfo => return plain(Tag::Everybody, "Your own data", Answer::UserInfo),
        Read::UsersBy(UserField::Id) => ("Users whose id begins with a text", Answer::UsersFound),
        Read::UsersBy(UserField::Name) => ("Users whose name begins with a text", Answer::UsersFound),
        Read::UsersBy(UserField::Email) => ("Users whose address contains a text", Answer::UsersFound),
        Read::UsersBy(UserField::Context) => ("Users whose context begins with a text", Answer::UsersFound),
        Read::UsersBy(UserField::Polymac) => ("Users whose phone's MAC begins with a text", Answer::UsersFound),
        Read::UsersMatch => ("Users whose name or address contains a text", Answer::UsersMatched),
        Read::ConferencesBy(ConferenceField::Num) => {
            ("Conferences whose number begins with a text", Answer::ConferencesFound)
        }
        Read::ConferencesBy(ConferenceField::Name) => {
            ("Conferences whose name begins with a text", Answer::ConferencesFound)
        }
        Read::ConferencesBy(ConferenceField::Type) => {
            ("Conferences whose type begins with a text", Answer::ConferencesFound)
        }
        Read::ConferencesBy(ConferenceField::Context) => {
            ("Conferences whose context begins with a text", Answer::ConferencesFound)
        }
    };
    let tag = if matches!(read, Read::ConferencesBy(_)) { Tag::Conferences } else { Tag::Users };
    Description { tag, summary, parameters: TEXT, answer: Content::Json(answer) }
}

fn describe_whole(whole: Whole) -> Description {
    match whole {
        Whole::Users => plain(Tag::Users, "All users", AnswerSchema::Users),
        Whole::Conferences => plain(Tag::Conferences, "All conferences", AnswerSchema::Conferences),
        Whole::Info => plain(Tag::Info, "What has happened, and the switch's globals", AnswerSchema::InfoAnswer),
        Whole::InfoState => plain(Tag::Info, "The whole state, enough to rebuild all files", AnswerSchema::InfoState),
        Whole::PubXml => plain(Tag::Everybody, "Names, numbers and public conferences", AnswerSchema::PubXml),
        Whole::FriendXml => plain(
            Tag::Everybody,
            "Names, numbers, addresses, and all conferences but the admins'",
            AnswerSchema::FriendXml,
        ),
    }
}

fn describe_change(change: Change) -> Description {
    use AnswerSchema::{ConferencesDone, ContactsDone, PartDone, UsersDone};
    let (tag, summary, parameters, answer) = match change {
        Change::AddUsers => (Tag::Users, "Makes users", &[][..], UsersDone),
        Change::ModUsers => (Tag::Users, "Changes users", &[][..], UsersDone),
        Change::DelUsers => (Tag::Users, "Removes users", &[][..], UsersDone),
        Change::RebuildUsers => (Tag::Users, "Writes the files of all users anew", &[][..], UsersDone),
        Change::ReprovisionUsers => (Tag::Users, "Writes the provisioning of all phones anew", &[][..], UsersDone),
        Change::AddConferences => (Tag::Conferences, "Makes conferences", &[][..], ConferencesDone),
        Change::ModConferences => (Tag::Conferences, "Changes conferences", &[][..], ConferencesDone),
        Change::DelConferences => (Tag::Conferences, "Removes conferences", &[][..], ConferencesDone),
        Change::RebuildContacts => (Tag::Conferences, "Writes the contacts of all phones anew", &[][..], ContactsDone),
        Change::Store => (Tag::StoreAndRestore, "Archives a part of the configuration tree", PART, PartDone),
        Change::Restore => (Tag::StoreAndRestore, "Puts an archived part back", PART, PartDone),
    };
    Description { tag, summary, parameters, answer: Content::Json(answer) }
}

fn describe_file(file: FileRoute) -> Description {
    use AnswerSchema::{Recordings, RecordingsDone, Upload};
    use Content::{File, Json};
    let (tag, summary, parameters, answer) = match file {
        FileRoute::Page => (Tag::Pages, "The web client, or the built-in start page", PAGE, ANY_FILE),
        FileRoute::Recordings => (Tag::Recordings, "The names of all recordings", &[][..], Json(Recordings)),
        FileRoute::FindRecordings => {
            (Tag::Recordings, "The names of recordings that contain a text", TEXT, Json(Recordings))
        }
        FileRoute::Recording => (Tag::Recordings, "A recording", RECORDING, WAV),
        FileRoute::DelRecordings => (Tag::Recordings, "Removes recordings", &[][..], Json(RecordingsDone)),
        FileRoute::FriendsRecordings => (
            Tag::Recordings,
            "The names of the recordings of conferences outside the admin context",
            &[][..],
            Json(Recordings),
        ),
        FileRoute::FriendsRecording => {
            (Tag::Recordings, "A recording of a conference outside the admin context", RECORDING, WAV)
        }
        FileRoute::DelFriendsRecordings => (
            Tag::Recordings,
            "Removes recordings of conferences outside the admin context",
            &[][..],
            Json(RecordingsDone),
        ),
        FileRoute::Linphone => {
            (Tag::Provisioning, "The provisioning of your Linphone", &[][..], File(&["application/xml"]))
        }
        FileRoute::Phone => (Tag::Provisioning, "A file for your Polycom phone", PHONE_FILE, ANY_FILE),
        FileRoute::PhoneShared(_) => (Tag::Provisioning, "A file for all Polycom phones", FIRMWARE, ANY_FILE),
        FileRoute::Upload => (Tag::Provisioning, "Takes what your Polycom phone uploads", UPLOAD, Json(Upload)),
    };
    Description { tag, summary, parameters, answer }
}
