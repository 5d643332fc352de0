//! Lines on their way to whoever reads the log.
//!
//! A pipe that nobody reads, or a disk that is full, must stop nothing: writing a line never waits, for a thread of its own
//! does the rest. What has no room meanwhile is lost, and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many bytes of lines may wait.
const ROOM: usize = 1 << 20;

/// Where lines go.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// There is something to write.
    filled: Condvar,
    /// There is nothing to write any more.
    emptied: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    /// How many there was no room for, behind those that wait.
    lost: usize,
    is_writing: bool,
}

impl Outbox {
    /// Starts the thread that writes to `sink`.
    pub(super) fn to(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let outbox = Self(Arc::default());
        let shared = Arc::clone(&outbox.0);
        thread::Builder::new().name("log".into()).spawn(move || shared.write_all(sink))?;
        Ok(outbox)
    }

    /// Waits until all is written, but not longer than this.
    pub(super) fn drain(&self, time: Duration) {
        let is_busy = |lines: &mut Lines| lines.is_writing || !lines.waiting.is_empty();
        // Whether it has come to that does not matter: there is nothing left to be done.
        let _ = self.0.emptied.wait_timeout_while(self.0.lines(), time, is_busy);
    }
}

/// Takes a line at a time, at once.
impl Write for Outbox {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lines();
        // After one that is lost all are, until there is room: so it is known where they are missing.
        if lines.lost > 0 || lines.waiting.len() + line.len() > ROOM {
            lines.lost += 1;
        } else {
            lines.waiting.extend_from_slice(line);
            self.0.filled.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Writes what comes, for ever.
    fn write_all(&self, mut sink: impl Write) {
        let mut lost = 0;
        loop {
            let (lines, lost_behind) = self.next();
            let is_written = sink.write_all(&lines).and_then(|()| sink.flush()).is_ok();
            lost += lost_behind;
            if !is_written {
                lost += lines.split_inclusive(|byte| *byte == b'\n').count();
            } else if lost > 0 {
                tell_of(mem::take(&mut lost));
            }
            self.rest();
        }
    }

    /// The lines that wait, as soon as there are any, and how many are lost behind them.
    fn next(&self) -> (Vec<u8>, usize) {
        let is_empty = |lines: &mut Lines| lines.waiting.is_empty();
        let mut lines = self.filled.wait_while(self.lines(), is_empty).unwrap_or_else(PoisonError::into_inner);
        lines.is_writing = true;
        (mem::take(&mut lines.waiting), mem::take(&mut lines.lost))
    }

    fn rest(&self) {
        self.lines().is_writing = false;
        self.emptied.notify_all();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing in here can panic half-way.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_of(lost: usize) {
    log::warn!("{lost} lines of the log are missing before this one: nobody took them in time");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Somebody who takes nothing until told to.
    struct Stuck {
        go_on: Receiver<()>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Told to once is told to for ever.
            let _ = self.go_on.recv();
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_stuck_and_no_line_is_torn() {
        let ((told, go_on), (sender, taken)) = (channel(), channel());
        let mut outbox = Outbox::to(Stuck { go_on, taken: sender }).unwrap();
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        for _ in 0..3 * ROOM / line.len() {
            outbox.write_all(&line).unwrap();
        }
        outbox.drain(Duration::ZERO);
        assert!(outbox.0.lines().lost > 0);
        drop(told);
        outbox.drain(Duration::from_secs(60));
        let written: Vec<u8> = taken.try_iter().flatten().collect();
        assert!(written.len() <= 2 * ROOM && written.chunks(line.len()).all(|chunk| chunk == line));
        outbox.write_all(b"later\n").unwrap();
        outbox.drain(Duration::from_secs(60));
        assert_eq!(taken.try_iter().last().unwrap(), b"later\n", "there is room again");
    }
}
