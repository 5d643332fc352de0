//! Lines on their way to whoever reads the log.
//!
//! A pipe that nobody reads, or a disk that is full, must stop nothing: writing a line never waits, for a thread of its own
//! does the rest. What has no room meanwhile is lost, and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::Level;

use super::line::line;

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

    /// Takes a line, at once.
    pub(super) fn put(&self, line: &str) {
        let mut lines = self.0.lines();
        // After one that is lost all are, until there is room: so it is known where they are missing.
        if lines.lost > 0 || lines.waiting.len() + line.len() > ROOM {
            lines.lost += 1;
        } else {
            lines.waiting.extend_from_slice(line.as_bytes());
            self.0.filled.notify_one();
        }
    }

    /// Waits until all is written, but not longer than this.
    pub(super) fn drain(&self, time: Duration) {
        let is_busy = |lines: &mut Lines| lines.is_writing || !lines.waiting.is_empty();
        // Whether it has come to that does not matter: there is nothing left to be done.
        let _ = self.0.emptied.wait_timeout_while(self.0.lines(), time, is_busy);
    }
}

impl Shared {
    /// Writes what comes, for ever.
    fn write_all(&self, sink: impl Write) {
        let mut reader = Reader { sink, missing: 0 };
        loop {
            let (lines, lost_behind) = self.next();
            reader.hear_what_is_missing();
            reader.take(&lines);
            reader.missing += lost_behind;
            reader.hear_what_is_missing();
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

/// Whoever reads the log.
struct Reader<S> {
    sink: S,
    /// How many lines have not reached it since it was told so last.
    missing: usize,
}

impl<S: Write> Reader<S> {
    fn take(&mut self, lines: &[u8]) {
        if self.write(lines).is_err() {
            self.missing += lines.split_inclusive(|byte| *byte == b'\n').count();
        }
    }

    /// Says it where the lines are missing, whatever is logged otherwise.
    fn hear_what_is_missing(&mut self) {
        let missing = self.missing;
        let text = format_args!("{missing} lines of the log are missing before this one: nobody took them in time");
        if missing > 0 && self.write(line(Level::Warn, text).as_bytes()).is_ok() {
            self.missing = 0;
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.sink.write_all(text)?;
        self.sink.flush()
    }
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
    fn nobody_waits_for_a_reader_that_is_stuck_no_line_is_torn_and_what_is_missing_is_said_where() {
        const COUNT: usize = 3000;
        let ((told, go_on), (sender, taken)) = (channel(), channel());
        let outbox = Outbox::to(Stuck { go_on, taken: sender }).unwrap();
        let line = "x".repeat(999) + "\n";
        for _ in 0..COUNT {
            outbox.put(&line);
        }
        outbox.drain(Duration::ZERO);
        assert!(outbox.0.lines().lost > 0);
        drop(told);
        outbox.drain(Duration::from_secs(60));
        outbox.put("later\n");
        outbox.drain(Duration::from_secs(60));
        let written = String::from_utf8(taken.try_iter().flatten().collect()).unwrap();
        let kept = written.matches(&line).count();
        assert!(kept * line.len() <= 2 * ROOM, "{kept}");
        let rest = written.strip_prefix(&line.repeat(kept)).unwrap();
        let (missing, later) = rest.split_once('\n').unwrap();
        let expected = format!(" WARN  {} lines of the log are missing before this one: ", COUNT - kept);
        assert!(missing.contains(&expected), "{missing}");
        assert_eq!(later, "later\n", "there is room again");
    }

    /// Somebody who cannot write for a while.
    struct Full {
        is_full: Receiver<bool>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full.recv().unwrap_or(false) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_written_is_counted_until_that_can_be_said() {
        let ((tell, is_full), (sender, taken)) = (channel(), channel());
        // A line and that it is missing, then that again, another line, and that both are.
        for refused in [true; 5] {
            tell.send(refused).unwrap();
        }
        drop(tell);
        let outbox = Outbox::to(Full { is_full, taken: sender }).unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            outbox.put(line);
            outbox.drain(Duration::from_secs(60));
        }
        let written = String::from_utf8(taken.try_iter().flatten().collect()).unwrap();
        let (missing, rest) = written.split_once('\n').unwrap();
        assert!(
            missing.contains(" 2 lines of the log are missing before this one: ") && rest == "three\n",
            "{written}"
        );
    }
}
