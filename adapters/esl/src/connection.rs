//! One pair of connections after the other.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use async_net::TcpStream;
use fsconnector_engine::esl::command::SwitchCommand;
use fsconnector_engine::esl::session::{Action, Line, Session, SessionEnd};
use fsconnector_engine::io::{EffectId, Epoch, Input};
use fsconnector_engine::time::Mono;
use smol::Timer;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWriteExt};
use smol::stream::Stream;

use crate::backoff::Backoff;
use crate::{Address, Clock};

/// How long opening a connection, or writing one command, may take.
const SOCKET_PATIENCE: Duration = Duration::from_secs(10);

/// How much is read at once. A directory of 3 000 users has 3 MB.
const CHUNK: usize = 256 * 1024;

/// A command of the engine on its way to the switch.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The effect that asked for it.
    pub id: EffectId,
    /// The session it is meant for.
    pub epoch: Epoch,
    /// The command.
    pub command: SwitchCommand,
}

/// What came from the switch at once, for the engine.
#[derive(Debug)]
pub struct Batch {
    /// When it was read.
    pub read: Mono,
    /// In the order in which it came.
    pub inputs: Vec<Input>,
}

/// Holds a session with the switch, again and again, until the other ends of both channels are gone: then it says
/// `exit` and returns.
pub async fn stay_connected(address: Address, clock: Clock, commands: Receiver<Outgoing>, inputs: Sender<Batch>) {
    let mut commands = pin!(commands);
    let mut backoff = Backoff::new();
    let mut complaint = String::new();
    for epoch in (1..).map(Epoch) {
        let Some(connected) = unless_over(connect(&address), commands.as_mut()).await else { return };
        let end = match connected {
            Ok(lines) => {
                let mut pair = Pair::new(epoch, &address, clock.clone(), lines, &inputs);
                let end = pair.run(commands.as_mut()).await;
                if let Some(since) = pair.up_since {
                    let held = Duration::from_micros(clock().0.saturating_sub(since.0));
                    if backoff.after_session(held) {
                        complaint.clear();
                    }
                }
                end
            }
            Err(error) => SessionEnd::Unreachable(error.to_string()),
        };
        if end == SessionEnd::Exit || inputs.is_closed() {
            return;
        }
        complain(&mut complaint, &address, &end);
        if unless_over(Timer::after(backoff.wait(random())), commands.as_mut()).await.is_none() {
            return;
        }
    }
}

/// Says why there is no session, but not the same again and again.
fn complain(last: &mut String, address: &Address, end: &SessionEnd) {
    let complaint = end.to_string();
    if *last != complaint {
        log::warn!("switch at {}:{}: {complaint}; trying again", address.host, address.port);
        *last = complaint;
    }
}

pub(crate) async fn connect(address: &Address) -> io::Result<(TcpStream, TcpStream)> {
    Ok((open(address).await?, open(address).await?))
}

async fn open(address: &Address) -> io::Result<TcpStream> {
    let stream = in_time(TcpStream::connect((address.host.as_str(), address.port))).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let timeout = async {
        Timer::after(SOCKET_PATIENCE).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    work.or(timeout).await
}

/// Does this, unless there will be no more commands meanwhile. Those that come are for a session that is over.
async fn unless_over<T>(work: impl Future<Output = T>, commands: Pin<&mut Receiver<Outgoing>>) -> Option<T> {
    let over = async {
        while commands.recv().await.is_ok() {}
        None
    };
    async { Some(work.await) }.or(over).await
}

fn random() -> u32 {
    // Without randomness the waits are merely not jittered.
    getrandom::u32().unwrap_or(u32::MAX)
}

/// Two open connections and their session.
pub(crate) struct Pair<'a> {
    session: Session,
    clock: Clock,
    events: TcpStream,
    control: TcpStream,
    inputs: &'a Sender<Batch>,
    up_since: Option<Mono>,
}

/// What happened next.
enum Happening {
    Read(Line, io::Result<usize>),
    Command(Option<Outgoing>),
    Deadline,
}

impl<'a> Pair<'a> {
    /// A session on two connections that were just opened, the one for events first.
    pub(crate) fn new(
        epoch: Epoch,
        address: &Address,
        clock: Clock,
        (events, control): (TcpStream, TcpStream),
        inputs: &'a Sender<Batch>,
    ) -> Self {
        let session = Session::new(epoch, address.password.clone(), address.patience, clock());
        Self { session, clock, events, control, inputs, up_since: None }
    }

    /// Holds the session until it ends. It takes leave when there will be no more commands.
    pub(crate) async fn run(&mut self, mut commands: Pin<&mut Receiver<Outgoing>>) -> SessionEnd {
        let mut buffer = vec![0; CHUNK];
        let mut turn = 0;
        let mut actions = Vec::new();
        loop {
            let happening = self.next(&mut turn, &mut buffer, commands.as_mut()).await;
            let now = (self.clock)();
            match happening {
                Happening::Read(_, Ok(0)) => self.session.lost("the switch closed it", &mut actions),
                Happening::Read(line, Ok(length)) => {
                    self.session.receive(now, line, buffer.get(..length).unwrap_or_default(), &mut actions);
                }
                Happening::Read(_, Err(error)) => self.session.lost(error.to_string(), &mut actions),
                Happening::Command(Some(Outgoing { id, epoch, command })) => {
                    self.session.send(now, id, epoch, command, &mut actions);
                }
                Happening::Command(None) => self.session.exit(&mut actions),
                Happening::Deadline => self.session.tick(now, &mut actions),
            }
            if let Some(end) = self.carry_out(now, &mut actions).await {
                return end;
            }
            // A switch that never pauses would have the thread to itself, for nothing here ever waits then.
            smol::future::yield_now().await;
        }
    }

    /// The next thing that happens. The two connections and the commands take turns, so that none of them, however
    /// busy, keeps the others waiting; a deadline counts only while nothing else is there, for what would have met it
    /// may wait in the socket.
    async fn next(
        &mut self,
        turn: &mut usize,
        buffer: &mut [u8],
        mut commands: Pin<&mut Receiver<Outgoing>>,
    ) -> Happening {
        let left = self.session.deadline().0.saturating_sub((self.clock)().0);
        let mut timer = Timer::after(Duration::from_micros(left));
        std::future::poll_fn(|context| {
            for _ in 0..3 {
                *turn = (*turn + 1) % 3;
                let happening = match *turn {
                    0 => {
                        Pin::new(&mut self.events).poll_read(context, buffer).map(|n| Happening::Read(Line::Events, n))
                    }
                    1 => Pin::new(&mut self.control)
                        .poll_read(context, buffer)
                        .map(|n| Happening::Read(Line::Control, n)),
                    _ => commands.as_mut().poll_next(context).map(Happening::Command),
                };
                if happening.is_ready() {
                    return happening;
                }
            }
            match Pin::new(&mut timer).poll(context) {
                Poll::Ready(_) => Poll::Ready(Happening::Deadline),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Carries out what the session wants since `read`, in its order; the end of the session if that is what it wants.
    async fn carry_out(&mut self, read: Mono, actions: &mut Vec<Action>) -> Option<SessionEnd> {
        let mut inputs = Vec::new();
        let mut end = None;
        for action in actions.drain(..) {
            match action {
                Action::Deliver(input) => {
                    if matches!(input, Input::SwitchUp { .. }) {
                        self.up_since = Some((self.clock)());
                    }
                    inputs.push(input);
                }
                Action::Send(line, bytes) => {
                    let stream = if line == Line::Events { &mut self.events } else { &mut self.control };
                    // A connection that cannot be written to is found by its reading side, or by the answer's deadline.
                    if let Err(error) = in_time(stream.write_all(&bytes)).await {
                        log::debug!("writing to the switch: {error}");
                    }
                }
                Action::Close(why) => end = Some(why),
            }
        }
        if !inputs.is_empty() && self.inputs.send(Batch { read, inputs }).await.is_err() {
            // Nobody listens any more.
            return Some(SessionEnd::Exit);
        }
        end
    }
}
