//! A gate that serves on a loopback socket, on threads of its own, until it is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use fsconnector_http::{Acceptor, Gate, serve};
use smol::channel::{Sender, bounded};
use smol::{Executor, future};

pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) executor: Arc<Executor<'static>>,
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(gate: &Arc<Gate>, acceptor: impl Acceptor) -> Self {
        let listener = future::block_on(async_net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let executor = Arc::new(Executor::new());
        let (stop, stopping) = bounded::<()>(1);
        let (alive, ended) = bounded::<()>(1);
        let mut threads: Vec<JoinHandle<()>> = (0..2)
            .map(|_| {
                let (executor, ended) = (Arc::clone(&executor), ended.clone());
                thread::spawn(move || {
                    let _ = smol::block_on(executor.run(ended.recv()));
                })
            })
            .collect();
        let serving = serve(Arc::clone(gate), listener, acceptor, Arc::clone(&executor), async move {
            // Nothing is ever sent: it is closed.
            let _ = stopping.recv().await;
        });
        threads.push(thread::spawn(move || {
            smol::block_on(serving);
            drop(alive);
        }));
        Self { address, executor, stop: Some(stop), threads }
    }

    /// Asks the gate to stop, without waiting for it.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits until the gate has stopped.
    pub(crate) fn ended(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
        if !thread::panicking() {
            self.ended();
        }
    }
}
