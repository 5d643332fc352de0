//! The engine's loop: one thread, one input after the other, effects in their order. Nothing slow happens here.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fsconnector_disk::Disk;
use fsconnector_engine::Engine;
use fsconnector_engine::io::{Effect, FileError, Input};
use fsconnector_engine::note::{Level, Note};
use fsconnector_engine::state::State;
use fsconnector_engine::time::{Mono, Now, Wall};
use fsconnector_esl::{Batch, Outgoing};
use fsconnector_http::{Asked, Current, FromListener, Gate};
use smol::Timer;
use smol::channel::{Receiver, Sender};
use smol::future;

use crate::metrics::{Meter, Question};
use crate::program::Vital;

/// The clocks of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn mono(self) -> Mono {
        Mono(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn now(self) -> Now {
        // A clock set before 1970 is wrong in any case.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.mono(), wall: Wall(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)) }
    }
}

/// What the engine is wired to.
pub(crate) struct Wires {
    pub(crate) clock: Clock,
    /// What comes from the switch, a batch a chunk.
    pub(crate) from_switch: Receiver<Batch>,
    pub(crate) to_switch: Sender<Outgoing>,
    /// What administrators want changed.
    pub(crate) asked: Receiver<Asked>,
    /// What those do who listen to the live state.
    pub(crate) listening: Receiver<FromListener>,
    /// Who gives the ones their answers, and the others what they hear.
    pub(crate) gate: Arc<Gate>,
    pub(crate) disk: Disk,
    pub(crate) readers: Arc<Current>,
    /// Those who want to know how much there is of what.
    pub(crate) questions: Receiver<Question>,
    /// Gets the first state.
    pub(crate) states: Sender<Arc<State>>,
}

/// When the engine is to stop.
pub(crate) struct Stops {
    /// Closed when nothing that takes long is to be begun any more.
    pub(crate) soon: Receiver<()>,
    /// Closed when nobody asks for anything any more.
    pub(crate) now: Receiver<()>,
}

/// Which of them have been noticed.
#[derive(Clone, Copy)]
struct Known {
    soon: bool,
    now: bool,
}

/// Begins to run the engine on a thread of its own, until it is to stop and nothing is in flight.
pub(crate) fn start(engine: Engine, meter: Meter, wires: Wires, stops: Stops, vital: Vital) -> io::Result<()> {
    let run = move || smol::block_on(vital.held_in(beat(engine, meter, wires, stops)));
    thread::Builder::new().name("engine".into()).spawn(run)?;
    Ok(())
}

async fn beat(mut engine: Engine, mut meter: Meter, wires: Wires, stops: Stops) {
    let (files_done, from_files) = smol::channel::unbounded();
    let mut effects = Vec::new();
    let mut known = Known { soon: false, now: false };
    while !(known.now && engine.is_idle()) {
        let (read, mut inputs) = next_inputs(&wires, &from_files, (&stops, known), &engine).await;
        let before = known;
        known = Known { soon: stops.soon.is_closed(), now: stops.now.is_closed() };
        inputs.extend((known.soon && !before.soon).then_some(Input::Stop));
        // What comes together comes at one time: thousands of events a second need not look at the clock each.
        let now = wires.clock.now();
        meter.reads(now.mono, read);
        for input in inputs {
            meter.takes(&input);
            engine.handle(now, input, &mut effects);
            for effect in effects.drain(..) {
                carry_out(effect, &wires, &mut meter, &files_done);
            }
        }
    }
}

/// What comes next, and when it was read if it comes from the switch: from there, from administrators, from listeners, from
/// the disk, or the engine's deadline, in no fixed preference; nothing when something is to stop, or somebody was told
/// figures.
async fn next_inputs(
    wires: &Wires,
    from_files: &Receiver<Input>,
    (stops, known): (&Stops, Known),
    engine: &Engine,
) -> (Option<Mono>, Vec<Input>) {
    let switch = async {
        let Batch { read, inputs } = or_never(wires.from_switch.recv().await.ok()).await;
        (Some(read), inputs)
    };
    let asked = async { or_never(wires.asked.recv().await.ok().map(|asked| vec![asked.into()])).await };
    let listening = async { or_never(wires.listening.recv().await.ok().map(|does| vec![does.into_input()])).await };
    let files = async { or_never(from_files.recv().await.ok().map(|input| vec![input])).await };
    let tick = async {
        let left = or_never(engine.deadline()).await.0.saturating_sub(wires.clock.mono().0);
        Timer::after(Duration::from_micros(left)).await;
        vec![Input::Tick]
    };
    let told = async {
        let question = or_never(wires.questions.recv().await.ok()).await;
        // Whoever has asked may not be waiting any more.
        let _ = question.try_send(engine.figures());
        Vec::new()
    };
    let stopped = future::race(closed(&stops.soon, known.soon), closed(&stops.now, known.now));
    let outside = future::race(asked, listening);
    let inside = future::race(files, future::race(tick, future::race(told, stopped)));
    let others = async { (None, future::race(outside, inside).await) };
    future::race(switch, others).await
}

/// Ends when the channel is closed, unless that is known.
async fn closed(stop: &Receiver<()>, is_known: bool) -> Vec<Input> {
    or_never((!is_known).then_some(())).await;
    // Nothing is ever sent: it is closed.
    let _ = stop.recv().await;
    Vec::new()
}

async fn or_never<T>(value: Option<T>) -> T {
    match value {
        Some(value) => value,
        None => future::pending().await,
    }
}

fn carry_out(effect: Effect, wires: &Wires, meter: &mut Meter, files_done: &Sender<Input>) {
    match effect {
        Effect::Publish(state) => {
            // It has room for the first one only, and nobody may be waiting for that.
            let _ = wires.states.try_send(Arc::clone(&state));
            wires.readers.publish(state);
        }
        Effect::Respond { id, response } => wires.gate.respond(id, response),
        Effect::Log(note) => log(&note),
        Effect::Mark(mark) => meter.mark(wires.clock.mono(), mark),
        Effect::Live(notice) => wires.gate.tell(notice),
        Effect::Switch { id, epoch, command } => {
            // The queue has no bound, for the engine has a few commands on their way at most; and when it is closed the
            // program ends.
            let _ = wires.to_switch.try_send(Outgoing { id, epoch, command });
        }
        Effect::Files { id, work } => {
            let (disk, done) = (wires.disk.clone(), files_done.clone());
            let task = smol::spawn(async move {
                // Whatever becomes of it, the engine has to hear of it: it waits for nothing else.
                let perform = AssertUnwindSafe(move || disk.perform(&work));
                let result = smol::unblock(|| catch_unwind(perform).unwrap_or_else(|_| Err(broken()))).await;
                // Nobody waits for it when the program ends.
                let _ = done.send(Input::FilesDone { id, result }).await;
            });
            task.detach();
        }
    }
}

fn broken() -> FileError {
    FileError::Unfit("an error in the program; please report what its log says".into())
}

fn log(note: &Note) {
    let level = match note.level() {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
    };
    log::log!(level, "{note}");
}
