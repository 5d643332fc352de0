//! A tap in the line between the switch and the connector: what the connector hears is the switch's own, and what is
//! poured in between, as fast as it is taken.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The tap.
pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    /// The connector's connection for events, once it has subscribed.
    events: Arc<Mutex<Option<TcpStream>>>,
}

impl Tap {
    /// A tap in front of a switch.
    pub(crate) fn new(switch: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let events = Arc::new(Mutex::new(None));
        let tap = Self { address, events: Arc::clone(&events) };
        thread::spawn(move || {
            for client in listener.incoming() {
                connect(&client.unwrap(), &TcpStream::connect(switch).unwrap(), &events);
            }
        });
        tap
    }

    /// Has the connector hear this. Between what the switch itself says, which is always whole frames.
    pub(crate) fn pour(&self, bytes: &[u8]) {
        self.events.lock().unwrap().as_mut().unwrap().write_all(bytes).unwrap();
    }
}

fn connect(client: &TcpStream, switch: &TcpStream, events: &Arc<Mutex<Option<TcpStream>>>) {
    let up = (client.try_clone().unwrap(), switch.try_clone().unwrap());
    let down = (switch.try_clone().unwrap(), client.try_clone().unwrap());
    client.set_nodelay(true).unwrap();
    let subscribed = Arc::clone(events);
    thread::spawn(move || {
        let client = up.0.try_clone().unwrap();
        copy(up, |bytes, to| {
            if bytes.starts_with(b"event ") {
                *subscribed.lock().unwrap() = Some(client.try_clone()?);
            }
            to.write_all(bytes)
        });
    });
    let events = Arc::clone(events);
    thread::spawn(move || {
        copy(down, |bytes, to| {
            // While something is poured in, the switch has to wait.
            let _poured = events.lock().unwrap();
            to.write_all(bytes)
        });
    });
}

/// Has what comes from one side passed on to the other, until one of them is gone.
fn copy((mut from, mut to): (TcpStream, TcpStream), pass_on: impl Fn(&[u8], &mut TcpStream) -> io::Result<()>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if pass_on(&buffer[..length], &mut to).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
