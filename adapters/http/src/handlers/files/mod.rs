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
use tiny_http::Request;

use super::sending::send;
use crate::current::Current;
use crate::problem::Problem;
use crate::routes::FileRoute;
use recordings::Recordings;
use recordings_folder::RecordingsFolder;
use reply::Reply;
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
        match wish.file {
            FileRoute::Page => pages::reply(tree, wish),
            FileRoute::Recordings => all().list(),
            FileRoute::FindRecordings => all().find(&wish.parameter),
            FileRoute::Recording => all().one(wish),
            FileRoute::DelRecordings => all().remove(wish),
            FileRoute::FriendsRecordings => of_friends().list(),
            FileRoute::FriendsRecording => of_friends().one(wish),
            FileRoute::DelFriendsRecordings => of_friends().remove(wish),
            FileRoute::Linphone => provisioning::linphone(tree, wish),
            FileRoute::Phone => provisioning::phone(tree, state, wish),
            FileRoute::PhoneShared(folder) => provisioning::shared(tree, folder, wish),
            FileRoute::Upload => upload::reply(self.uploads.as_deref(), state, wish),
        }
    }
}
