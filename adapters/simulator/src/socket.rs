//! The event socket on TCP: a [`SimSwitch`] with a listener, a clock and real connections around it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_net::{TcpListener, TcpStream};
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::{Executor, Task, Timer};

use crate::config::Files;
use crate::{ConnectionId, Output, SimSwitch};

/// How much is read from a client at once.
const CHUNK: usize = 1 << 16;
/// How long after a client that could not be accepted the next is tried.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);

/// A simulated switch that listens on TCP, on a thread of its own, until it is dropped.
pub struct EventSocket<F: Files + Send + 'static> {
    shared: Arc<Shared<F>>,
    executor: Arc<Executor<'static>>,
    /// Dropped to end the thread.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the tasks of an event socket share.
struct Shared<F> {
    address: SocketAddr,
    clock: Clock,
    state: Mutex<State<F>>,
    /// Tells the timer that the deadline may have changed.
    changed: Sender<()>,
}

struct State<F> {
    switch: SimSwitch<F>,
    /// The way to each client's writer.
    clients: BTreeMap<ConnectionId, Sender<Outgoing>>,
    /// Accepts clients; there while the switch is up.
    listener: Option<Task<()>>,
    /// The next thing sent to anyone is cut behind so many bytes.
    cut: Option<usize>,
}

/// What a client's writer is to do.
enum Outgoing {
    Bytes(Vec<u8>),
    Close,
}

impl<F: Files + Send + 'static> EventSocket<F> {
    /// Listens on `address`; port 0 picks a free one. Fails when the address cannot be had.
    pub fn open(switch: SimSwitch<F>, address: SocketAddr) -> io::Result<Self> {
        let listener = smol::block_on(TcpListener::bind(address))?;
        let (changed, news) = bounded(1);
        let state = State { switch, clients: BTreeMap::new(), listener: None, cut: None };
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            clock: Clock::new(),
            state: Mutex::new(state),
            changed,
        });
        let executor = Arc::new(Executor::new());
        let (running, ended) = bounded::<()>(1);
        let thread = {
            let executor = Arc::clone(&executor);
            let run = move || {
                let _ = smol::block_on(executor.run(ended.recv()));
            };
            std::thread::Builder::new().name("event socket".to_owned()).spawn(run)?
        };
        executor.spawn(keep_time(Arc::clone(&shared), news)).detach();
        let socket = EventSocket { shared, executor, running: Some(running), thread: Some(thread) };
        socket.accept(listener);
        Ok(socket)
    }

    /// Where clients connect. It stays the same over restarts.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Looks at the switch or changes it: its files, its faults.
    pub fn edit<R>(&self, act: impl FnOnce(&mut SimSwitch<F>) -> R) -> R {
        let result = act(&mut self.shared.lock().switch);
        self.shared.wake_timer();
        result
    }

    /// Lets phones and callers do something, at the present time, and sends what clients hear of it:
    /// `socket.drive(|switch, now, out| switch.dial(now, Caller::user("20000"), "30000", out))`.
    pub fn drive<R>(&self, act: impl FnOnce(&mut SimSwitch<F>, u64, &mut Vec<Output>) -> R) -> R {
        let mut out = Vec::new();
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        let result = act(&mut state.switch, now, &mut out);
        state.carry_out(out);
        drop(state);
        self.shared.wake_timer();
        result
    }

    /// Somebody else reloads the configuration. Gives the answer that one gets.
    pub fn reload(&self) -> Vec<u8> {
        let now = self.shared.clock.now();
        let mut out = Vec::new();
        let mut state = self.shared.lock();
        let answer = state.switch.reload(now, &mut out);
        state.carry_out(out);
        answer
    }

    /// Shuts the switch down in good order: every client is told and closed, and then nobody listens.
    pub fn shut_down(&self) {
        let now = self.shared.clock.now();
        let mut out = Vec::new();
        let mut state = self.shared.lock();
        state.switch.shutdown(now, &mut out);
        state.carry_out(out);
        stop_listening(state);
    }

    /// The switch dies: every connection breaks off without a word, and nobody listens.
    pub fn kill(&self) {
        let mut state = self.shared.lock();
        state.close_all();
        stop_listening(state);
    }

    /// Starts the switch again at the same address, after [`EventSocket::shut_down`] or [`EventSocket::kill`]. Fails when somebody else
    /// has taken the address; does nothing while the switch is up.
    pub fn start(&self) -> io::Result<()> {
        if self.shared.lock().listener.is_some() {
            return Ok(());
        }
        let listener = smol::block_on(TcpListener::bind(self.shared.address))?;
        let mut state = self.shared.lock();
        state.switch.faults.frozen = false;
        state.switch.restart(self.shared.clock.now());
        drop(state);
        self.accept(listener);
        Ok(())
    }

    /// Breaks every connection off, at once. The switch goes on.
    pub fn cut(&self) {
        self.shared.lock().close_all();
    }

    /// Breaks off the next connection that anything is sent on, behind the first `bytes` of that.
    pub fn cut_within_next_frame(&self, bytes: usize) {
        self.shared.lock().cut = Some(bytes);
    }

    /// The switch hangs: connections stay open, but nothing is read or sent any more. [`EventSocket::kill`] and
    /// [`EventSocket::start`] end that.
    pub fn freeze(&self) {
        self.edit(|switch| switch.faults.frozen = true);
    }

    fn accept(&self, listener: TcpListener) {
        let (shared, executor) = (Arc::clone(&self.shared), Arc::clone(&self.executor));
        let accepting = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => shared.welcome(&stream, &executor),
                    // The client has given up, or there are too many files open: the next may do better.
                    Err(_) => drop(Timer::after(ACCEPT_AGAIN).await),
                }
            }
        };
        // Under the lock, so that the first client already finds the switch up.
        let mut state = self.shared.lock();
        state.listener = Some(self.executor.spawn(accepting));
        drop(state);
        self.shared.wake_timer();
    }
}

impl<F: Files + Send + 'static> Drop for EventSocket<F> {
    fn drop(&mut self) {
        self.kill();
        self.running.take();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; if it has panicked, that was told already.
            let _ = thread.join();
        }
    }
}

impl<F: Files + Send + 'static> Shared<F> {
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_timer(&self) {
        // When the channel is full the timer has been told already.
        let _ = self.changed.try_send(());
    }

    /// Greets a new client, and lets its bytes flow both ways.
    fn welcome(self: &Arc<Self>, stream: &TcpStream, executor: &Arc<Executor<'static>>) {
        let mut state = self.lock();
        if state.listener.is_none() {
            return;
        }
        // Small frames should not wait for each other; where that cannot be had they do.
        let _ = stream.set_nodelay(true);
        let (sender, outgoing) = unbounded();
        let mut out = Vec::new();
        let id = state.switch.connect(&mut out);
        state.clients.insert(id, sender);
        state.carry_out(out);
        drop(state);
        executor.spawn(write(stream.clone(), outgoing)).detach();
        executor.spawn(read(Arc::clone(self), id, stream.clone())).detach();
    }

    fn receive(&self, from: ConnectionId, bytes: &[u8]) {
        let mut out = Vec::new();
        let mut state = self.lock();
        state.switch.receive(self.clock.now(), from, bytes, &mut out);
        state.carry_out(out);
        drop(state);
        self.wake_timer();
    }
}

impl<F: Files> State<F> {
    /// Hands what the switch does over to the clients' writers. Who is gone is passed over.
    fn carry_out(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send(to, mut bytes) => {
                    let cut = self.cut.take();
                    bytes.truncate(cut.unwrap_or(usize::MAX));
                    if let Some(client) = self.clients.get(&to) {
                        let _ = client.try_send(Outgoing::Bytes(bytes));
                    }
                    if cut.is_some() {
                        self.close(to);
                    }
                }
                Output::Close(id) => self.close(id),
            }
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.switch.disconnected(id);
        if let Some(client) = self.clients.remove(&id) {
            let _ = client.try_send(Outgoing::Close);
        }
    }

    fn close_all(&mut self) {
        let ids: Vec<ConnectionId> = self.clients.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
    }
}

/// Returns when connections are refused.
fn stop_listening<F>(mut state: MutexGuard<'_, State<F>>) {
    let listener = state.listener.take();
    // The task may be waiting for the state.
    drop(state);
    if let Some(listener) = listener {
        smol::block_on(listener.cancel());
    }
}

/// Reads from a client until it is gone.
async fn read<F: Files + Send + 'static>(shared: Arc<Shared<F>>, id: ConnectionId, mut stream: TcpStream) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        shared.receive(id, chunk.get(..length).unwrap_or_default());
    }
    shared.lock().close(id);
}

/// Writes to a client until it is to be closed or is gone. What waits together is written together.
async fn write(mut stream: TcpStream, outgoing: Receiver<Outgoing>) {
    let mut next = outgoing.recv().await;
    while let Ok(Outgoing::Bytes(mut bytes)) = next {
        let mut waiting = outgoing.try_recv();
        while let (Ok(Outgoing::Bytes(more)), true) = (&waiting, bytes.len() < CHUNK) {
            bytes.extend_from_slice(more);
            waiting = outgoing.try_recv();
        }
        if stream.write_all(&bytes).await.is_err() {
            break;
        }
        next = match waiting {
            Ok(waiting) => Ok(waiting),
            Err(_) => outgoing.recv().await,
        };
    }
    // A client that is gone is as good as closed.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Lets the switch do what is due, when it is due.
async fn keep_time<F: Files + Send + 'static>(shared: Arc<Shared<F>>, news: Receiver<()>) {
    loop {
        let deadline = {
            let state = shared.lock();
            state.listener.is_some().then(|| state.switch.deadline())
        };
        let due = async {
            match deadline {
                Some(deadline) => drop(Timer::after(shared.clock.until(deadline)).await),
                None => smol::future::pending().await,
            }
        };
        let changed = async {
            let _ = news.recv().await;
        };
        due.or(changed).await;
        let now = shared.clock.now();
        let mut out = Vec::new();
        let mut state = shared.lock();
        if state.listener.is_some() {
            state.switch.tick(now, &mut out);
            state.carry_out(out);
        }
    }
}

/// Microseconds since 1970 that never go back.
struct Clock {
    started: Instant,
    started_at: u64,
}

impl Clock {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), started_at: micros(since) }
    }

    fn now(&self) -> u64 {
        self.started_at.saturating_add(micros(self.started.elapsed()))
    }

    fn until(&self, deadline: u64) -> Duration {
        Duration::from_micros(deadline.saturating_sub(self.now()))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
