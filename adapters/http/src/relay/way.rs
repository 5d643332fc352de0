//! A Unix socket that handlers listen on, and HTTP on it.

use std::io;
use std::os::unix::net::UnixStream as Pair;
use std::path::{Path, PathBuf};

use async_net::unix::UnixStream;
use smol::io::AsyncWriteExt as _;
use smol::lock::Mutex;

use super::reply::Start;
use super::{Failure, HANDLER_TIME};
use crate::deadline::within;

/// What a new connection begins with. It is answered at once, with 204.
pub(super) const GREETING: &str = "OPTIONS * HTTP/1.1\r\nHost: gate\r\n\r\n";

/// The way to the handlers that listen on a socket.
pub(super) struct Way {
    socket: PathBuf,
    connecting: Mutex<()>,
}

impl Way {
    pub(super) fn to(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), connecting: Mutex::new(()) }
    }

    /// A new connection that a thread of tiny_http's attends to.
    ///
    /// When two come at once, tiny_http can give both to one idle thread, and the second is then never looked at, for the
    /// first one stays open. So they come one at a time, and each is known to be attended to before the next.
    pub(super) async fn connect(&self) -> Result<UnixStream, Failure> {
        let _one_at_a_time = self.connecting.lock().await;
        check_descriptors()?;
        let stream = within(HANDLER_TIME, UnixStream::connect(&self.socket)).await.ok_or(Failure::TimedOut)??;
        let (stream, _greeting) =
            within(HANDLER_TIME, send(stream, GREETING, &[], false)).await.ok_or(Failure::TimedOut)??;
        Ok(stream)
    }
}

/// Fails if descriptors are about to run out. A thread of tiny_http's that gets none for a connection ends, and nobody ever
/// listens on its socket again.
fn check_descriptors() -> io::Result<()> {
    /// Two descriptors each. A connection takes three, and there may be others at the same moment.
    const SPARE_PAIRS: usize = 8;
    let _spare = (0..SPARE_PAIRS).map(|_| Pair::pair()).collect::<io::Result<Vec<_>>>()?;
    Ok(())
}

/// Sends a request and waits for the beginning of the answer.
pub(super) async fn send(
    mut stream: UnixStream,
    head: &str,
    body: &[u8],
    is_head: bool,
) -> Result<(UnixStream, Start), Failure> {
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let start = Start::read(&mut stream, is_head).await?;
    Ok((stream, start))
}
