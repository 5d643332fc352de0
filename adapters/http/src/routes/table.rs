//! The table.

use fsconnector_engine::access::Right;
use fsconnector_engine::query::{ConferenceField, UserField};
use http::Method;

use super::{FileRoute, Path, Read, Route, Work};
use crate::change::Change;
use crate::current::Whole;

/// The first path that fits counts. The routes of one path stand together.
pub(super) static TABLE: [Route; 51] = {
    use Change::{
        AddConferences, AddUsers, DelConferences, DelUsers, ModConferences, ModUsers, RebuildContacts, RebuildUsers,
        ReprovisionUsers, Restore, Store,
    };
    use FileRoute::{
        DelFriendsRecordings, DelRecordings, FindRecordings, FriendsRecording, FriendsRecordings, Linphone, Page,
        Phone, PhoneShared, Recording, Recordings, Upload,
    };
    use Path::{Below, Else, Is, Names};
    use Read::{ConferencesBy, UserInfo, UsersBy, UsersMatch, Whole as All};
    use Right::{Administer, KeepFriendsRecordings, Listen, Provision, ReadFriends, ReadOwn, ReadPages, ReadPublic};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    [
        read(Is("/api/users"), Administer, All(Whole::Users)),
        read(Below("/api/users/byid/"), Administer, UsersBy(UserField::Id)),
        read(Below("/api/users/byname/"), Administer, UsersBy(UserField::Name)),
        read(Below("/api/users/byemail/"), Administer, UsersBy(UserField::Email)),
        read(Below("/api/users/bycontext/"), Administer, UsersBy(UserField::Context)),
        read(Below("/api/users/bypolymac/"), Administer, UsersBy(UserField::Polymac)),
        read(Below("/api/users/match/"), Administer, UsersMatch),
        command(POST, Is("/api/users/add"), AddUsers),
        command(POST, Is("/api/users/mod"), ModUsers),
        command(POST, Is("/api/users/del"), DelUsers),
        command(GET, Is("/api/users/rebuild"), RebuildUsers),
        command(POST, Is("/api/users/rebuild"), RebuildUsers),
        command(GET, Is("/api/users/reprov"), ReprovisionUsers),
        command(POST, Is("/api/users/reprov"), ReprovisionUsers),
        read(Is("/api/conferences"), Administer, All(Whole::Conferences)),
        read(Below("/api/conferences/bynum/"), Administer, ConferencesBy(ConferenceField::Num)),
        read(Below("/api/conferences/byname/"), Administer, ConferencesBy(ConferenceField::Name)),
        read(Below("/api/conferences/bytype/"), Administer, ConferencesBy(ConferenceField::Type)),
        read(Below("/api/conferences/bycontext/"), Administer, ConferencesBy(ConferenceField::Context)),
        command(POST, Is("/api/conferences/add"), AddConferences),
        command(POST, Is("/api/conferences/mod"), ModConferences),
        command(POST, Is("/api/conferences/del"), DelConferences),
        command(GET, Is("/api/conferences/rebuildcontacts"), RebuildContacts),
        command(POST, Is("/api/conferences/rebuildcontacts"), RebuildContacts),
        file(GET, Is("/api/recordings"), Administer, Recordings),
        file(GET, Below("/api/recordings/find/"), Administer, FindRecordings),
        file(POST, Is("/api/recordings/del"), Administer, DelRecordings),
        file(GET, Names("/api/recordings/", 1), Administer, Recording),
        command(GET, Below("/api/store/"), Store),
        command(POST, Below("/api/store/"), Store),
        command(GET, Below("/api/restore/"), Restore),
        command(POST, Below("/api/restore/"), Restore),
        read(Is("/api/info"), Administer, All(Whole::Info)),
        read(Is("/api/info/state"), Administer, All(Whole::InfoState)),
        Route { method: GET, path: Is("/api/openapi.json"), right: ReadOwn, work: Work::Description },
        Route { method: GET, path: Is("/api/live"), right: Listen, work: Work::Listen },
        Route { method: POST, path: Is("/api/live/ticket"), right: Listen, work: Work::Ticket },
        read(Is("/userinfo"), ReadOwn, UserInfo),
        read(Is("/pubxml"), ReadPublic, All(Whole::PubXml)),
        read(Is("/friendxml"), ReadFriends, All(Whole::FriendXml)),
        file(GET, Is("/fr/friendsrec"), KeepFriendsRecordings, FriendsRecordings),
        file(GET, Names("/fr/friendsrec/", 1), KeepFriendsRecordings, FriendsRecording),
        file(POST, Is("/fr/delfriendsrec"), KeepFriendsRecordings, DelFriendsRecordings),
        file(GET, Is("/linphone"), Provision, Linphone),
        file(GET, Names("/polycom/SoundPointIPLocalization/", 2), Provision, PhoneShared("SoundPointIPLocalization")),
        file(GET, Names("/polycom/Config/", 1), Provision, PhoneShared("Config")),
        file(GET, Names("/polycom/languages/", 1), Provision, PhoneShared("languages")),
        file(GET, Names("/polycom/", 1), Provision, Phone),
        file(PUT, Names("/polycom/", 1), Provision, Upload),
        file(GET, Is("/"), ReadPages, Page),
        file(GET, Else, ReadPages, Page),
    ]
};

/// Folders that only have the paths in the table: an unknown path below them is a mistake, not a page that is missing.
pub(super) const RESERVED: [&str; 4] = ["/api", "/fr", "/linphone", "/polycom"];

const fn read(path: Path, right: Right, read: Read) -> Route {
    Route { method: Method::GET, path, right, work: Work::Read(read) }
}

const fn file(method: Method, path: Path, right: Right, file: FileRoute) -> Route {
    Route { method, path, right, work: Work::File(file) }
}

const fn command(method: Method, path: Path, change: Change) -> Route {
    Route { method, path, right: Right::Administer, work: Work::Command(change) }
}
