//! Somebody else on the switch's event socket, who hears what conferences are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::connector::PATIENCE;

/// A client of the event socket.
pub(crate) struct Observer(BufReader<TcpStream>);

impl Observer {
    /// Subscribes to the events of conferences.
    pub(crate) fn new(switch: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(switch).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"auth ClueCon\n\nevent plain CUSTOM conference::maintenance\n\n").unwrap();
        let mut observer = Self(BufReader::new(stream));
        // The greeting, and both answers.
        for _ in 0..3 {
            observer.frame();
        }
        observer
    }

    /// The sound that is played next to everybody in a conference: its file's name.
    pub(crate) fn next_sound(&mut self) -> String {
        loop {
            let event = self.frame();
            if event.lines().any(|line| line == "Action: play-file") {
                let file = event.lines().find_map(|line| line.strip_prefix("File: ")).unwrap();
                return file.rsplit(['/', 'F']).next().unwrap().to_owned();
            }
        }
    }

    /// The body of the next frame.
    fn frame(&mut self) -> String {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the switch has closed");
            match line.trim_end() {
                "" => break,
                line => {
                    if let Some(value) = line.strip_prefix("Content-Length: ") {
                        length = value.parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}
