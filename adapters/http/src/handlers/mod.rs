//! The handlers behind the gate: what waits or touches files, on threads of their own, with tiny_http.
//!
//! They listen on Unix sockets in a folder nobody else can enter. tiny_http is not fit to stand in the open; only the
//! gate, which bounds and checks everything, talks to it.

mod answers;
mod body;
mod commands;
mod crew;
mod files;
mod json;
mod order;
mod parking;
mod report;
mod schema;
mod sending;
mod socket_folder;

use std::io;
use std::path::Path;
use std::sync::Arc;

use fsconnector_engine::change::command::{RequestId, Response};
use smol::channel::Sender;

use crate::relay::{DOWNLOADS, QUICK};
use crate::routes::{Changing, Reading};
use answers::Answers;
pub use commands::Asked;
use commands::Commands;
use crew::Crew;
pub(crate) use files::Files;
pub(crate) use files::UPLOAD;
pub use files::Uploads;
use parking::Parking;
use socket_folder::SocketFolder;

/// How many threads read commands. What they do is only computing, and never waits for the engine.
const COMMAND_THREADS: usize = 2;

/// How many threads remove recordings, and how many keep what phones upload: as many as a disk works for at once.
const REMOVAL_THREADS: usize = 4;
const UPLOAD_THREADS: usize = 8;

/// Sending a file needs little; the standard library's 2 MiB would only be reserved, but many times.
const DOWNLOAD_STACK: usize = 256 * 1024;
/// JSON may nest 127 deep, and each level takes its part.
const JSON_STACK: usize = 2 * 1024 * 1024;

/// The running handlers. Dropped, they finish what they are at, end, and take their sockets along.
pub(crate) struct Handlers {
    quick: Crew,
    downloads: Crew,
    commands: Crew,
    removals: Crew,
    uploads: Crew,
    answers: Answers,
    folder: SocketFolder,
}

impl Handlers {
    /// Starts the threads: for what is read as many as there can be requests at once. Commands go into `queue`.
    pub(crate) fn start(files: Files, queue: Sender<Asked>) -> io::Result<Self> {
        let folder = SocketFolder::fresh(&std::env::temp_dir())?;
        let socket = |name: &str| folder.path().join(name);
        let parking = Arc::new(Parking::new());
        let commands = Commands::new(Arc::clone(&parking), queue);
        let files = Arc::new(files);
        let crew_of_files = |name, count, stack| {
            let files = Arc::clone(&files);
            Crew::start(name, count, stack, socket(name), move |request| files.respond(request))
        };
        Ok(Self {
            quick: crew_of_files("quick", QUICK, JSON_STACK)?,
            downloads: crew_of_files("downloads", DOWNLOADS, DOWNLOAD_STACK)?,
            commands: Crew::start("commands", COMMAND_THREADS, JSON_STACK, socket("commands"), move |request| {
                commands.respond(request);
            })?,
            removals: crew_of_files("removals", REMOVAL_THREADS, JSON_STACK)?,
            uploads: crew_of_files("uploads", UPLOAD_THREADS, JSON_STACK)?,
            answers: Answers::start(parking)?,
            folder,
        })
    }

    /// Where those listen that read files.
    pub(crate) fn reading(&self, reading: Reading) -> &Path {
        match reading {
            Reading::Quick => self.quick.socket(),
            Reading::Download => self.downloads.socket(),
        }
    }

    /// Where those listen that change something.
    pub(crate) fn changing(&self, changing: Changing) -> &Path {
        match changing {
            Changing::Configuration => self.commands.socket(),
            Changing::Recordings => self.removals.socket(),
            Changing::Uploads => self.uploads.socket(),
        }
    }

    /// Hands over the answer to a command. Never waits.
    pub(crate) fn answer(&self, id: RequestId, response: Response) {
        self.answers.give(id, response);
    }

    /// Has the commands answered that are still waiting, and all that follow: it is too late for them. Does not wait.
    pub(crate) fn give_up(&self) {
        self.answers.give_up();
    }

    /// Leaves nothing behind when the process is about to end with these still at work: the log hears of the commands whose
    /// end nobody knows, and the sockets go.
    pub(crate) fn abandon(&self) {
        self.answers.abandon();
        self.folder.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_sockets_are_in_a_folder_of_our_own_that_goes_when_the_handlers_end() {
        let (queue, _asked) = smol::channel::bounded(1);
        let files = Files { current: Arc::default(), tree: None, recordings: None.into(), uploads: None };
        let handlers = Handlers::start(files, queue).unwrap();
        let folder = handlers.reading(Reading::Quick).parent().unwrap().to_owned();
        for changing in [Changing::Configuration, Changing::Recordings, Changing::Uploads] {
            assert_eq!(handlers.changing(changing).parent(), Some(&*folder));
        }
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(handlers);
        assert!(!folder.exists());
    }
}
