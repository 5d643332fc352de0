//! The JSON Schemas (draft 7) of what clients send and get. The same files check the bodies and describe them.

macro_rules! schemas {
    ($(#[$about:meta])* $name:ident in $folder:literal { $($schema:ident = $file:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($schema,)+ }

        impl $name {
            /// All of them.
            pub(crate) const ALL: [Self; [$($file),+].len()] = [$(Self::$schema),+];

            /// The name, which is that of the file as well.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$schema => $file,)+ }
            }

            /// The text of the schema.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$schema => include_str!(concat!("../schemas/", $folder, $file, ".json")),)+ }
            }
        }
    };
}

schemas! {
    /// A schema of the body of a request; each is that of an array.
    RequestSchema in "" {
        UsersAdd = "users-add",
        UsersMod = "users-mod",
        UsersDel = "users-del",
        ConferencesAdd = "conferences-add",
        ConferencesMod = "conferences-mod",
        ConferencesDel = "conferences-del",
        RecordingsDel = "recordings-del",
    }
}

schemas! {
    /// A schema of the JSON of an answer, or of a part that several have.
    AnswerSchema in "answers/" {
        User = "user",
        Conference = "conference",
        Users = "users",
        UsersFound = "users-found",
        UsersMatched = "users-matched",
        UsersDone = "users-done",
        Conferences = "conferences",
        ConferencesFound = "conferences-found",
        ConferencesDone = "conferences-done",
        PartDone = "part-done",
        ContactsDone = "contacts-done",
        Recordings = "recordings",
        RecordingsDone = "recordings-done",
        Upload = "upload",
        LiveTicket = "live-ticket",
        Info = "info",
        InfoAnswer = "info-answer",
        InfoState = "info-state",
        UserInfo = "userinfo",
        PubXml = "pubxml",
        FriendXml = "friendxml",
        OpenApi = "openapi",
        Problem = "problem",
    }
}

schemas! {
    /// A schema of what goes over the WebSocket of a listener, or of a part of that.
    LiveSchema in "live/" {
        Request = "live-request",
        Frame = "live-frame",
        Conference = "live-conference",
        Member = "live-member",
        Registration = "live-registration",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn files(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder);
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
    }

    #[test]
    fn every_file_is_known() {
        let requests: BTreeSet<_> = RequestSchema::ALL.into_iter().map(|schema| schema.name().to_owned()).collect();
        let answers: BTreeSet<_> = AnswerSchema::ALL.into_iter().map(|schema| schema.name().to_owned()).collect();
        let live: BTreeSet<_> = LiveSchema::ALL.into_iter().map(|schema| schema.name().to_owned()).collect();
        assert_eq!((requests, answers, live), (files(""), files("answers"), files("live")));
    }
}
