//! Clients that speak plain HTTP to a port where TLS is spoken: they are told so.

use std::io;

use async_net::TcpStream;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What they are told. It is plain text since it is for a person in front of a browser.
const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 73\r\n\
    Connection: close\r\n\
    \r\n\
    This port speaks HTTPS: the address has to begin with https:// not http.\n";

/// So much of what they send is read before the connection is cut: cut at once, they could lose the answer.
const PASSED_OVER: u64 = 64 * 1024;

/// Whether the client begins as in plain HTTP: with a letter, where TLS has 22. Waits for the first byte.
pub(super) async fn is_spoken_on(connection: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    match connection.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0].is_ascii_alphabetic()),
    }
}

/// Tells the client, and says why the connection ends.
pub(super) async fn turn_away(mut connection: TcpStream) -> io::Error {
    match tell(&mut connection).await {
        Ok(()) => io::Error::new(io::ErrorKind::InvalidData, "it spoke plain HTTP where TLS is spoken"),
        Err(error) => error,
    }
}

async fn tell(connection: &mut TcpStream) -> io::Result<()> {
    connection.write_all(ANSWER).await?;
    connection.close().await?;
    smol::io::copy(connection.take(PASSED_OVER), smol::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
