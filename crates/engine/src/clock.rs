//! Where the engine gets the time from: the system's clock, or a test's.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
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
    /// The present moment. It may be set; see [`is_trusted`](Self::is_trusted).
    fn now(&self) -> Instant;

    /// Resolves at `at`, or soon after; at once where that has passed.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'_, ()>;

    /// Whether its time is right by definition, as a test's is. Another's is compared with what has
    /// passed, and believed with care.
    fn is_trusted(&self) -> bool {
        true
    }

    /// Milliseconds that have passed since some beginning; nobody can set them.
    fn elapsed_ms(&self) -> i64 {
        self.now().millis()
    }

    /// Resolves after so many milliseconds; earlier where the clock was set.
    fn pause(&self, ms: i64) -> BoxFuture<'_, ()> {
        self.sleep_until(self.now().plus_millis(ms))
    }
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

    fn is_trusted(&self) -> bool {
        false
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn pause(&self, ms: i64) -> BoxFuture<'_, ()> {
        let ms = u64::try_from(ms).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// When the process first asked how much time has passed.
static BEGUN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock {
    shared: Arc<TestTime>,
}

#[derive(Debug)]
struct TestTime {
    now_ms: AtomicI64,
    elapsed_ms: AtomicI64,
    is_trusted: bool,
    moved: Notify,
}

impl TestClock {
    /// A clock that shows `at`.
    pub fn new(at: Instant) -> Self {
        Self::showing(at, true)
    }

    /// A clock that an engine believes no more than the system's: what [`set`](Self::set) moves has
    /// passed, what [`jump`](Self::jump) moves has not.
    pub fn untrusted(at: Instant) -> Self {
        Self::showing(at, false)
    }

    fn showing(at: Instant, is_trusted: bool) -> Self {
        let now_ms = AtomicI64::new(at.millis());
        let (elapsed_ms, moved) = (AtomicI64::new(0), Notify::new());
        Self { shared: Arc::new(TestTime { now_ms, elapsed_ms, is_trusted, moved }) }
    }

    /// Shows `at` from now on, though no time has passed: somebody has set the clock.
    pub fn jump(&self, at: Instant) {
        self.shared.now_ms.store(at.millis(), Ordering::SeqCst);
        self.shared.moved.notify_waiters();
    }

    /// Jumps to `at`, forwards or back, and waits for nothing. A jump over several moments is
    /// what an outage looks like to an engine.
    pub fn set(&self, at: Instant) {
        let before = self.shared.now_ms.swap(at.millis(), Ordering::SeqCst);
        let passed = at.millis().saturating_sub(before).max(0);
        self.shared.elapsed_ms.fetch_add(passed, Ordering::SeqCst);
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

    fn is_trusted(&self) -> bool {
        self.shared.is_trusted
    }

    fn elapsed_ms(&self) -> i64 {
        self.shared.elapsed_ms.load(Ordering::SeqCst)
    }

    fn pause(&self, ms: i64) -> BoxFuture<'_, ()> {
        let until = self.elapsed_ms().saturating_add(ms);
        let offset = self.now().millis() - self.elapsed_ms();
        Box::pin(async move {
            loop {
                let moved = self.shared.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                let elapsed_ms = self.elapsed_ms();
                if elapsed_ms >= until || self.now().millis() - elapsed_ms != offset {
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
