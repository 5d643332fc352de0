//! What happens between a TCP connection and the first byte of HTTP on it.

use std::future::Future;
use std::io;

use async_net::TcpStream;
use smol::io::{AsyncRead, AsyncWrite};

/// Turns TCP connections into streams that HTTP is spoken on.
pub trait Acceptor: Clone + Send + Sync + 'static {
    /// What HTTP is spoken on.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Whether nobody between can read along.
    const IS_SECURE: bool;

    /// Shakes hands with the client. It has [`Limits::head_time`](crate::Limits::head_time) for that.
    fn accept(&self, connection: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// HTTP straight on TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Acceptor for Plain {
    type Stream = TcpStream;

    const IS_SECURE: bool = false;

    async fn accept(&self, connection: TcpStream) -> io::Result<TcpStream> {
        Ok(connection)
    }
}
