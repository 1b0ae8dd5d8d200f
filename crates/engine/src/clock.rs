//! Where the engine gets the time from: the system's clock, or a test's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use duban_calendar::Instant;
use duban_store::Store;
use tokio::sync::Notify;

use crate::engine::Engine;
use crate::error::EngineError;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. It may step back; the engine then waits until it has caught up.
    fn now(&self) -> Instant;

    /// Resolves at `at`, or soon after; at once where that has passed.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'_, ()>;
}

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The wall clock may be set while the engine sleeps; it is looked at again after this long.
const NAP_MS_MAX: i64 = 30_000;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Instant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = at.millis_since(self.now());
                let Ok(nap) = u64::try_from(left.min(NAP_MS_MAX)) else { return };
                if nap == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(nap)).await;
            }
        })
    }
}

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock {
    shared: Arc<TestTime>,
}

#[derive(Debug)]
struct TestTime {
    now_ms: AtomicI64,
    moved: Notify,
}

impl TestClock {
    /// A clock that shows `at`.
    pub fn new(at: Instant) -> Self {
        let shared = TestTime { now_ms: AtomicI64::new(at.millis()), moved: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Jumps to `at`, forwards or back, and waits for nothing. A jump over several moments is
    /// what an outage looks like to an engine.
    pub fn set(&self, at: Instant) {
        self.shared.now_ms.store(at.millis(), Ordering::SeqCst);
        self.shared.moved.notify_waiters();
    }

    /// Lives through the time until `to`: stops at every wake-up and every delivery on the way
    /// and waits until everything due there is done.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`] if the engine shuts down meanwhile; [`EngineError::Store`].
    pub async fn advance<S: Store>(
        &self,
        engine: &Engine<S>,
        to: Instant,
    ) -> Result<(), EngineError> {
        loop {
            engine.settled().await?;
            match engine.next_moment().await? {
                Some(at) if self.now() < at && at <= to => self.set(at),
                _ => break,
            }
        }
        self.set(to);
        engine.settled().await
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant::from_millis(self.shared.now_ms.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let moved = self.shared.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                if self.now() >= at {
                    return;
                }
                moved.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_test_clock_wakes_sleepers_when_it_reaches_their_instant() {
        let clock = TestClock::new(Instant::from_millis(0));
        let sleeper = clock.clone();
        let task = tokio::spawn(async move { sleeper.sleep_until(Instant::from_millis(10)).await });
        clock.set(Instant::from_millis(9));
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        clock.set(Instant::from_millis(10));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn the_past_is_not_waited_for() {
        SystemClock.sleep_until(Instant::MIN).await;
        TestClock::new(Instant::MAX).sleep_until(Instant::MIN).await;
    }
}
