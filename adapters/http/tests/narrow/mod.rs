//! A proxy that lets only one of the two challenges through, so that a client has to take that.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A place that leads to `address`, where challenges for `algorithm` are not heard. It is there until the test ends.
pub(crate) fn without(algorithm: &'static str, address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let place = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || pass_on(algorithm, client, TcpStream::connect(address)?));
        }
    });
    place
}

fn pass_on(algorithm: &'static str, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    let mut unread = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 4096];
            match server.read(&mut piece)? {
                0 => return client.shutdown(std::net::Shutdown::Both),
                count => unread.extend_from_slice(&piece[..count]),
            }
        };
        let head: Vec<u8> = unread.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let heard = head.split_inclusive("\r\n").filter(|line| !line.contains(&format!("algorithm={algorithm},")));
        client.write_all(heard.collect::<String>().as_bytes())?;
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while unread.len() < length {
            let mut piece = [0; 4096];
            let count = server.read(&mut piece)?;
            unread.extend_from_slice(&piece[..count]);
        }
        client.write_all(&unread.drain(..length).collect::<Vec<u8>>())?;
    }
}
