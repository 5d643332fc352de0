//! How the connection of a listener ends.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Error;
use async_tungstenite::tungstenite::error::ProtocolError;
use smol::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use smol::stream::Stream as _;

use super::frames::{self, Farewell, NO_TEXT, NORMAL, PROTOCOL_ERROR, TOO_BIG};
use super::output::Output;
use super::wire::Wire;
use crate::deadline::Deadline;
use crate::gate::Broken;

/// How it ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// The client has closed it. It is answered already.
    Closed,
    /// We close it, and wait a little for the client to do the same.
    Close(Farewell),
    /// We close it, and nothing that the client sends can be understood any more.
    Fail(Farewell),
    /// It is of no use any more.
    Broken(Broken),
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Broken(error.into()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Fail(NORMAL),
            Error::Capacity(_) => Self::Fail(TOO_BIG),
            Error::Utf8(_) => Self::Fail(NO_TEXT),
            _ => Self::Fail(PROTOCOL_ERROR),
        }
    }
}

/// How long the end may take, and how much a client may still send. Cut at once, it could lose the last frames.
const FAREWELL_TIME: Duration = Duration::from_secs(2);
const FAREWELL_BYTES: u64 = 1 << 20;

impl Ending {
    /// Ends the connection like this. What is on its way is written first.
    pub(super) async fn carry_out<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        mut socket: WebSocketStream<Wire<S>>,
        mut output: Output,
    ) -> Result<(), Broken> {
        output.end().append(&mut socket.get_mut().answers);
        let waits_for_client = match self {
            Self::Broken(broken) => return Err(broken),
            Self::Closed => false,
            Self::Close(farewell) | Self::Fail(farewell) => {
                frames::append_close(farewell, output.end());
                matches!(self, Self::Close(_))
            }
        };
        let mut deadline = Deadline::at(Instant::now() + FAREWELL_TIME);
        let stream = &mut socket.get_mut().stream;
        let written = poll_fn(|cx| poll_write_all(&mut output, stream, cx));
        deadline.bound(written).await.ok_or(Broken::TimedOut)??;
        if waits_for_client {
            deadline.bound(poll_fn(|cx| poll_closed(&mut socket, cx))).await;
        }
        let stream = &mut socket.get_mut().stream;
        deadline.bound(stream.close()).await.ok_or(Broken::TimedOut)??;
        let mut rest = stream.take(FAREWELL_BYTES);
        let mut passed_over = [0; 1024];
        while let Some(Ok(1..)) = deadline.bound(rest.read(&mut passed_over)).await {}
        Ok(())
    }
}

fn poll_write_all<S: AsyncWrite + Unpin>(
    output: &mut Output,
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !output.is_done() {
        ready!(output.poll_write(Pin::new(stream), cx))?;
    }
    Poll::Ready(Ok(()))
}

/// Reads, and passes everything over until the client closes the connection as well.
fn poll_closed<S: AsyncRead + Unpin>(socket: &mut WebSocketStream<Wire<S>>, cx: &mut Context<'_>) -> Poll<()> {
    socket.get_mut().next_turn();
    loop {
        match ready!(Pin::new(&mut *socket).poll_next(cx)) {
            Some(Ok(message)) if !message.is_close() => socket.get_mut().answers.clear(),
            _ => return Poll::Ready(()),
        }
    }
}
