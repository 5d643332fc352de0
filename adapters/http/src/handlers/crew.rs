//! Threads that answer what comes over a Unix socket.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tiny_http::{Method, Request, Response, Server};

/// Running threads. Dropped, they finish what they are at, and end.
pub(super) struct Crew {
    server: Arc<Server>,
    ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    socket: PathBuf,
}

impl Crew {
    /// Starts `count` threads with stacks of this size, which answer with `respond` what comes over a new socket at
    /// `socket`. It may leave the answer to others, but must not wait for them.
    pub(super) fn start(
        name: &str,
        count: usize,
        stack: usize,
        socket: PathBuf,
        respond: impl Fn(Request) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let server = Arc::new(Server::http_unix(&socket).map_err(io::Error::other)?);
        let mut crew = Self { server, ending: Arc::default(), threads: Vec::with_capacity(count), socket };
        let respond = Arc::new(respond);
        for number in 0..count {
            let (server, ending, respond) = (Arc::clone(&crew.server), Arc::clone(&crew.ending), Arc::clone(&respond));
            let thread = thread::Builder::new().name(format!("{name} {number}")).stack_size(stack);
            crew.threads.push(thread.spawn(move || work(&server, &ending, &*respond))?);
        }
        Ok(crew)
    }

    /// Where they listen.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

fn work(server: &Server, ending: &AtomicBool, respond: &impl Fn(Request)) {
    while !ending.load(Ordering::Acquire) {
        match server.recv() {
            Ok(request) if *request.method() == Method::Options => greet(request),
            Ok(request) => respond(request),
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

impl Drop for Crew {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        for _ in &self.threads {
            self.server.unblock();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a handler panicked");
            }
        }
    }
}
