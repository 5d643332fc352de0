//! A connection after the handshake.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use async_net::TcpStream;
use futures_rustls::server;
use smol::io::{AsyncRead, AsyncWrite};

/// A connection on which TLS is spoken. However it ends, the client is told (`close_notify`), as far as that takes no
/// waiting.
#[derive(Debug)]
pub struct TlsStream(server::TlsStream<TcpStream>);

impl From<server::TlsStream<TcpStream>> for TlsStream {
    fn from(stream: server::TlsStream<TcpStream>) -> Self {
        Self(stream)
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // Says nothing if it was said before; and where the client reads nothing, it does without.
        let _ = Pin::new(&mut self.0).poll_close(&mut Context::from_waker(Waker::noop()));
    }
}
