//! The handlers behind the gate: what waits or touches files, on threads of their own, with tiny_http.
//!
//! They listen on a Unix socket in a folder nobody else can enter. tiny_http is not fit to stand in the open; only the
//! gate, which bounds and checks everything, talks to it.

mod conditional;
mod media_type;
mod pages;
mod start_page;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tiny_http::{Method, Request, Response, Server};

use crate::relay::CONNECTIONS;
pub(crate) use pages::Pages;

/// The running handlers. Dropped, they finish what they are at, end, and take their socket along.
pub(crate) struct Handlers {
    server: Arc<Server>,
    ending: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    folder: SocketFolder,
}

impl Handlers {
    /// Starts the threads: as many as there can be requests at once.
    pub(crate) fn start(pages: Pages) -> io::Result<Self> {
        let folder = SocketFolder::fresh()?;
        let server = Server::http_unix(&folder.socket).map_err(io::Error::other)?;
        let mut handlers =
            Self { server: Arc::new(server), ending: Arc::default(), workers: Vec::with_capacity(CONNECTIONS), folder };
        let pages = Arc::new(pages);
        for number in 0..CONNECTIONS {
            let (server, ending, pages) =
                (Arc::clone(&handlers.server), Arc::clone(&handlers.ending), Arc::clone(&pages));
            let worker = thread::Builder::new().name(format!("pages {number}")).stack_size(STACK);
            handlers.workers.push(worker.spawn(move || work(&server, &ending, &pages))?);
        }
        Ok(handlers)
    }

    /// Where they listen.
    pub(crate) fn socket(&self) -> &Path {
        &self.folder.socket
    }
}

/// A handler needs little; the standard library's 2 MiB would only be reserved, but sixteen times.
const STACK: usize = 256 * 1024;

fn work(server: &Server, ending: &AtomicBool, pages: &Pages) {
    while !ending.load(Ordering::Acquire) {
        match server.recv() {
            Ok(request) if *request.method() == Method::Options => greet(request),
            Ok(request) => pages.respond(request),
            // `unblock` shows as an error, too.
            Err(_) if ending.load(Ordering::Acquire) => (),
            Err(error) => log::error!("the handlers' socket failed: {error}"),
        }
    }
}

/// The gate's first request on a connection only asks whether somebody listens.
fn greet(request: Request) {
    if let Err(error) = request.respond(Response::empty(204)) {
        log::debug!("the gate did not wait for the greeting: {error}");
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        for _ in &self.workers {
            self.server.unblock();
        }
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                log::error!("a handler panicked");
            }
        }
    }
}

/// A folder that only this user can enter, made for the socket and removed with it.
struct SocketFolder {
    folder: PathBuf,
    socket: PathBuf,
}

impl SocketFolder {
    fn fresh() -> io::Result<Self> {
        let number = getrandom::u64().map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("fsconnector-{number:016x}"));
        // Fails if it exists, whoever made it.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let socket = folder.join("handlers");
        Ok(Self { folder, socket })
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log::warn!("the folder of the handlers' socket could not be removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_socket_is_in_a_folder_of_our_own_that_goes_when_the_handlers_end() {
        let handlers = Handlers::start(Pages::new(None)).unwrap();
        let folder = handlers.socket().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(handlers);
        assert!(!folder.exists());
    }
}
