//! Waiting no longer than until some instant, at next to no cost when there is nothing to wait for.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use smol::Timer;
use smol::future::{self, FutureExt as _};

/// A deadline that moves on with every step of a connection.
///
/// Moving it touches no timer: an armed one is left to fire, and armed anew only then. So a busy connection registers a
/// timer every few seconds instead of several per request.
pub(super) struct Deadline {
    due: Instant,
    timer: Timer,
    /// When `timer` fires, which may be before `due`, but not after.
    fires: Instant,
}

impl Deadline {
    /// One that is due at that time.
    pub(super) fn at(due: Instant) -> Self {
        Self { due, timer: Timer::at(due), fires: due }
    }

    /// Moves it.
    pub(super) fn move_to(&mut self, due: Instant) {
        self.due = due;
        if due < self.fires {
            self.arm();
        }
    }

    /// Moves it, unless that would be later.
    pub(super) fn bring_forward_to(&mut self, due: Instant) {
        self.move_to(self.due.min(due));
    }

    /// Whether it has passed, by the clock alone.
    pub(super) fn has_passed(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Ready once it has passed.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while Pin::new(&mut self.timer).poll(cx).is_ready() {
            if self.due <= Instant::now() {
                self.arm();
                return Poll::Ready(());
            }
            self.arm();
        }
        Poll::Pending
    }

    /// The outcome of `work`, unless the deadline passes before.
    pub(super) async fn bound<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        future::poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => self.poll_passed(cx).map(|()| None),
        })
        .await
    }

    fn arm(&mut self) {
        self.timer.set_at(self.due);
        self.fires = self.due;
    }
}

/// The outcome of `work`, unless it takes longer than `time`.
pub(crate) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timeout = async {
        Timer::after(time).await;
        None
    };
    async { Some(work.await) }.or(timeout).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_can_be_moved_to_earlier_and_to_later() {
        smol::block_on(async {
            let start = Instant::now();
            let mut deadline = Deadline::at(start + Duration::from_secs(3600));
            deadline.move_to(start + Duration::from_millis(5));
            assert_eq!(deadline.bound(future::pending::<()>()).await, None);
            deadline.move_to(start + Duration::from_millis(10));
            deadline.move_to(start + Duration::from_millis(30));
            assert_eq!(deadline.bound(future::pending::<()>()).await, None);
            assert!(start.elapsed() >= Duration::from_millis(30));
        });
    }

    #[test]
    fn what_is_ready_comes_before_a_deadline_that_has_passed() {
        let mut deadline = Deadline::at(Instant::now());
        assert_eq!(smol::block_on(deadline.bound(async { 7 })), Some(7));
    }
}
