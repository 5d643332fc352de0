//! What is answered from files: the web client, recordings, and the provisioning of phones.

mod byte_range;
mod conditional;
mod media_type;
mod offer;
mod pages;
mod plain_name;
mod provisioning;
mod recording_name;
mod recordings;
mod recordings_folder;
mod reply;
mod start_page;
mod upload;
mod wish;

use std::sync::Arc;

use fsconnector_disk::Root;
use fsconnector_engine::state::User;
use tiny_http::Request;

use super::sending::send;
use crate::current::Current;
use crate::problem::Problem;
use crate::routes::FileRoute;
use recordings::Recordings;
use recordings_folder::RecordingsFolder;
use reply::Reply;
pub(crate) use upload::OP as UPLOAD;
pub use upload::Uploads;
use wish::{NoWish, Wish};

/// Answers from files.
pub(crate) struct Files {
    /// Whose recordings and phones there are.
    pub(crate) current: Arc<Current>,
    /// The static tree, if it could be reached.
    pub(crate) tree: Option<Arc<Root>>,
    /// Where the recordings are.
    pub(crate) recordings: RecordingsFolder,
    /// Who keeps what phones upload, if anybody does.
    pub(crate) uploads: Option<Arc<dyn Uploads>>,
}

impl Files {
    /// Answers a request of the gate.
    pub(super) fn respond(&self, mut request: Request) {
        let mut body = Vec::new();
        let outcome = request.as_reader().read_to_end(&mut body);
        // A body that breaks off looks like one that ends, but for its length.
        if outcome.is_err() || request.body_length().is_some_and(|length| length != body.len()) {
            return log::debug!("a request for a file broke off");
        }
        let reply = match Wish::read(&request, &body) {
            Ok(wish) => self.reply(&wish),
            // The gate has sent what is not for us.
            Err(NoWish) => return send(request, &Problem::not_found().into()),
        };
        reply.send(request);
    }

    fn reply(&self, wish: &Wish<'_>) -> Reply {
        // Nobody gets past the gate before there is a state.
        let Some(published) = self.current.latest() else { return Problem::not_found().into() };
        let (tree, state) = (self.tree.as_deref(), published.state());
        let all = || Recordings::all(&self.recordings);
        let of_friends = || Recordings::of_friends(&self.recordings, state);
        let for_user = |answer: &dyn Fn(&User) -> Reply| match provisioning::user(state, &wish.caller) {
            Some(user) => answer(user),
            None => Problem::not_found().into(),
        };
        match wish.file {
            FileRoute::Page => pages::reply(tree, wish),
            FileRoute::Recordings => all().list(),
            FileRoute::FindRecordings => all().find(&wish.parameter),
            FileRoute::Recording => all().one(wish),
            FileRoute::DelRecordings => all().remove(wish, state.info.connected),
            FileRoute::FriendsRecordings => of_friends().list(),
            FileRoute::FriendsRecording => of_friends().one(wish),
            FileRoute::DelFriendsRecordings => of_friends().remove(wish, state.info.connected),
            FileRoute::Linphone => for_user(&|user| provisioning::linphone(tree, user, wish)),
            FileRoute::Phone => for_user(&|user| provisioning::phone(tree, state, user, wish)),
            FileRoute::PhoneShared(folder) => for_user(&|_| provisioning::shared(tree, folder, wish)),
            FileRoute::Upload => upload::reply(self.uploads.as_deref(), state, wish),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use http::StatusCode;
    use tiny_http::{Header, TestRequest};

    use crate::caller::HEADER;
    use crate::sample;

    /// What is answered to somebody who had this id and this name when the gate looked.
    fn answered(files: &Files, path: &str, id: &str, name: &str) -> StatusCode {
        let caller = Header::from_bytes(HEADER, format!("admin 192.0.2.1 {id} {name}")).unwrap();
        let request: Request = TestRequest::new().with_path(path).with_header(caller).into();
        let Ok(wish) = Wish::read(&request, b"") else { panic!("no wish") };
        files.reply(&wish).status
    }

    #[test]
    fn nobody_gets_the_files_of_whoever_was_given_the_same_id_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["linphone/20000/linphone.xml", "polycom/ucs/sip.ld", "polycom/ucs/Config/site.cfg"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "password").unwrap();
        }
        let tree = Some(Arc::new(Root::open_folder(folder.path()).unwrap()));
        let files = Files { current: Arc::default(), tree, recordings: None.into(), uploads: None };
        files.current.publish(sample::state());
        for path in ["/linphone", "/polycom/sip.ld", "/polycom/Config/site.cfg"] {
            assert_eq!(answered(&files, path, "20000", "anna"), StatusCode::OK, "{path}");
            assert_eq!(answered(&files, path, "20000", "adam"), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
