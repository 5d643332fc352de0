//! What the program tells whoever measures it, in OpenMetrics.
//!
//! What happens is counted as it happens: at the gate by the gate, in the engine's loop by the [`Meter`]. How much there is
//! of something is looked up when somebody asks: the engine is sent a question, and its loop answers with its
//! [`Figures`]. If it does not in time, the answer goes without them, and says so.

mod durations;
mod meter;
mod process;
mod queues;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_net::TcpListener;
use fsconnector_engine::mark::Figures;
use fsconnector_http::{Gate, serve_metrics};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use smol::channel::{Receiver, Sender, bounded};
use smol::future::FutureExt as _;
use smol::{Executor, Task, Timer};

pub(crate) use meter::{Measures, Meter};
pub(crate) use process::Process;
pub(crate) use queues::Queues;

/// Where the engine's loop is to send its figures.
pub(crate) type Question = Sender<Figures>;

/// How long the engine's loop has for its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many questions may wait for the engine's loop.
const QUESTIONS: usize = 8;

/// All that is told.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Not kept alive by those who look at it.
    pub(crate) gate: Weak<Gate>,
    pub(crate) measures: Measures,
    pub(crate) queues: Queues,
    pub(crate) questions: Sender<Question>,
    pub(crate) process: Process,
}

/// A way to ask the engine's loop.
pub(crate) fn questions() -> (Sender<Question>, Receiver<Question>) {
    bounded(QUESTIONS)
}

impl Metrics {
    /// Begins to tell it at `address`, on `executor`, as long as the task lives; also gives the address in use. If that is not
    /// possible the program goes on without: phones matter more.
    pub(crate) async fn tell(
        self,
        address: Option<SocketAddr>,
        executor: &Arc<Executor<'static>>,
    ) -> Option<(Task<()>, SocketAddr)> {
        let address = address?;
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            Ok::<_, io::Error>((listener.local_addr()?, listener))
        };
        match listening.await {
            Ok((address, listener)) => {
                log::info!("metrics at http://{address}/metrics");
                let serving = async move { serve_metrics(listener, || self.render()).await };
                Some((executor.spawn(serving), address))
            }
            Err(error) => {
                let advice = "choose another address or port under [metrics], or set enabled = false there";
                log::error!("cannot listen on {address} for metrics, and goes on without: {error}; {advice}");
                None
            }
        }
    }

    /// The text, as it is at the moment.
    async fn render(&self) -> String {
        let figures = self.ask().await;
        let mut registry = Registry::default();
        self.process.report(&mut registry);
        let ours = registry.sub_registry_with_prefix("fsconnector");
        let build = vec![("version", env!("CARGO_PKG_VERSION")), ("commit", env!("FSCONNECTOR_BUILT_FROM"))];
        ours.register("build", "What is running", Info::new(build));
        self.measures.report(ours);
        if let Some(gate) = self.gate.upgrade() {
            gate.report(ours);
        }
        self.queues.report(ours);
        report(figures, ours);
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    /// The engine's figures; nothing if its loop does not answer in time.
    async fn ask(&self) -> Option<Figures> {
        let (question, answer) = bounded(1);
        let asked = async {
            self.questions.send(question).await.ok()?;
            answer.recv().await.ok()
        };
        let too_late = async {
            Timer::after(PATIENCE).await;
            None
        };
        asked.or(too_late).await
    }
}

fn report(figures: Option<Figures>, registry: &mut Registry) {
    let mut gauge = |name: &str, help: &str, figure: usize| {
        registry.register(name, help, ConstGauge::new(signed(figure)));
    };
    let help = "Whether the engine has answered within a second; if not, what it would have said is not here";
    gauge("engine_answered", help, figures.is_some().into());
    let Some(figures) = figures else { return };
    gauge("switch_connected", "Whether there is a session with the switch", figures.is_connected.into());
    gauge("waiting_changes", "Requests for changes that wait for their transaction", figures.waiting_changes);
    gauge("waiting_sweeps", "Requests that wait for the files of all phones", figures.waiting_sweeps);
    gauge("users", "Users of the directory", figures.users);
    gauge("live_conferences", "Conferences in which somebody is", figures.conferences);
    gauge("live_members", "Members of live conferences, all together", figures.members);
    gauge("live_recordings", "Live conferences that are recorded, or whose recording is paused", figures.recordings);
    gauge("live_registrations", "Phones that are registered", figures.registrations);
    gauge("live_orders", "Orders to conferences that the switch has not answered yet", figures.orders);
}

/// Nothing here is as much as that.
fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use fsconnector_http::{Current, GateConfig};

    use super::*;

    fn metrics(gate: &Arc<Gate>, questions: Sender<Question>) -> Metrics {
        Metrics {
            gate: Arc::downgrade(gate),
            measures: Meter::default().measures(),
            queues: Queues::default(),
            questions,
            process: Process::start(),
        }
    }

    fn gate() -> Arc<Gate> {
        let (queue, _) = bounded(1);
        let (listeners, _) = bounded(1);
        Arc::new(Gate::open(GateConfig::default(), Arc::new(Current::default()), queue, listeners).unwrap())
    }

    #[test]
    fn the_engine_says_how_much_there_is_of_what() {
        let (gate, (asking, asked)) = (gate(), questions());
        let metrics = metrics(&gate, asking);
        let engine = async {
            let figures = Figures { is_connected: true, members: 7, ..Figures::default() };
            asked.recv().await.unwrap().send(figures).await.unwrap();
        };
        let (text, ()) = smol::block_on(smol::future::zip(metrics.render(), engine));
        for line in ["engine_answered 1", "switch_connected 1", "live_members 7", "listeners_limit 768"] {
            assert!(text.contains(&format!("\nfsconnector_{line}\n")), "{line}: {text}");
        }
        assert!(
            text.contains(&format!("\nfsconnector_build_info{{version=\"{}\",", env!("CARGO_PKG_VERSION"))),
            "{text}"
        );
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn an_engine_that_does_not_answer_leaves_its_figures_out_and_nothing_else() {
        let (gate, (asking, asked)) = (gate(), questions());
        let metrics = metrics(&gate, asking);
        // It does not look at what it is asked, and then it is gone.
        for asked in [Some(asked), None] {
            let text = smol::block_on(metrics.render());
            assert!(text.contains("\nfsconnector_engine_answered 0\n"), "{text}");
            assert!(!text.contains("fsconnector_live_members"), "{text}");
            for name in ["fsconnector_switch_events_total 0", "fsconnector_http_connections_open 0"] {
                assert!(text.contains(name), "{text}");
            }
            drop(asked);
        }
    }
}
