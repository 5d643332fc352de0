//! The process, under the names by which Prometheus knows those figures of any program. Where there is no `/proc`, some are
//! missing.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The running process.
#[derive(Debug)]
pub(crate) struct Process {
    started: SystemTime,
}

impl Process {
    /// It has started just now.
    pub(crate) fn start() -> Self {
        Self { started: SystemTime::now() }
    }

    /// Has told how it is, to whoever asks.
    pub(super) fn report(&self, registry: &mut Registry) {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let help = "When the process started, in seconds since 1970";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, ConstGauge::new(started));
        let time = clock_gettime(ClockId::ProcessCPUTime);
        #[expect(clippy::cast_precision_loss, reason = "it will not run for so many years")]
        let busy = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        let help = "How long the process has kept processors busy";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, ConstCounter::new(busy));
        if let Some(memory) = resident_memory() {
            let help = "Memory that it has in use";
            registry.register_with_unit("process_resident_memory", help, Unit::Bytes, ConstGauge::new(memory));
        }
        if let Some(descriptors) = open_descriptors() {
            registry.register(
                "process_open_fds",
                "Descriptors that the process has open",
                ConstGauge::new(descriptors),
            );
        }
        if let Some(limit) = getrlimit(Resource::Nofile).current.and_then(|limit| i64::try_from(limit).ok()) {
            registry.register("process_max_fds", "Descriptors that can be open at once", ConstGauge::new(limit));
        }
    }
}

/// In bytes.
fn resident_memory() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Without the one that is open for looking.
fn open_descriptors() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;

    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn memory_and_descriptors_are_found() {
        assert!(resident_memory().unwrap() > 1 << 20);
        let before = open_descriptors().unwrap();
        let files: Vec<File> = (0..1000).map(|_| File::open("/proc/self/status").unwrap()).collect();
        // Other tests open and close some, too.
        assert!(open_descriptors().unwrap() > before + 500);
        drop(files);
    }

    #[test]
    fn figures_have_the_names_that_are_usual() {
        let (mut registry, mut text) = (Registry::default(), String::new());
        Process::start().report(&mut registry);
        encode(&mut text, &registry).unwrap();
        for name in [
            "process_start_time_seconds ",
            "process_cpu_seconds_total ",
            "process_resident_memory_bytes ",
            "process_open_fds ",
            "process_max_fds ",
        ] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name}: {text}");
        }
    }
}
