//! How many messages a minute a channel takes, and whose turn is when.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use duban_calendar::Instant;
use duban_engine::{ChannelError, Delivery, Hold};
use governor::clock::{Clock as _, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Gives each message a turn, evenly spaced over the minute.
///
/// A message that comes too early is told its own turn, and is let through when it comes back
/// then: however many wait, each is asked about twice, and no more a minute than may be sent.
/// After a restart those that wait are given turns anew when they come back.
pub(crate) struct Pace {
    limiter: RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>,
    /// A clock that is told the time: by the engine's clock, and ahead of it for turns to come.
    clock: FakeRelativeClock,
    turns: Mutex<Turns>,
}

#[derive(Default)]
struct Turns {
    /// What the clock was told last; `None` before the first message.
    told: Option<Instant>,
    booked: BTreeMap<String, Instant>,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

/// Turns remembered at most. Beyond, those that were not kept are forgotten.
const BOOKED_MAX: usize = 100_000;

impl Pace {
    pub(crate) fn per_minute(messages: NonZeroU32) -> Self {
        let quota = Quota::with_period(Duration::from_secs(60) / messages.get());
        let quota = quota.unwrap_or_else(|| Quota::per_minute(messages));
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        Self { limiter, clock, turns: Mutex::default() }
    }

    /// Lets a message through whose turn it is.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Hold`] with its turn.
    pub(crate) fn turn(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let known = turns.booked.remove(&delivery.id);
        let until = known.unwrap_or_else(|| self.book(&mut turns.told, delivery.now));
        if until <= delivery.now {
            return Ok(());
        }
        if turns.booked.len() >= BOOKED_MAX {
            turns.booked.retain(|_, turn| *turn > delivery.now);
        }
        turns.booked.insert(delivery.id.clone(), until);
        Err(ChannelError::Hold { until, why: Hold::Turn })
    }

    /// The next free turn, which is taken with it.
    fn book(&self, told: &mut Option<Instant>, now: Instant) -> Instant {
        let mut at = told.map_or(now, |told| told.max(now));
        self.tell(told, at);
        if let Err(early) = self.limiter.check() {
            let wait = early.wait_time_from(self.clock.now());
            // Whole milliseconds, rounded up: a turn that comes too early would be none.
            let wait = wait.as_nanos().div_ceil(1_000_000);
            at = at.plus_millis(i64::try_from(wait).unwrap_or(i64::MAX));
            self.tell(told, at);
            // The turn that was waited for: nobody else has the lock.
            drop(self.limiter.check());
        }
        at
    }

    fn tell(&self, told: &mut Option<Instant>, at: Instant) {
        let before = told.replace(at).unwrap_or(at);
        let by = u64::try_from(at.millis_since(before)).unwrap_or(0);
        self.clock.advance(Duration::from_millis(by));
    }
}

#[cfg(test)]
mod tests {
    use duban_core::Sent;

    use super::*;

    fn message(id: u32, now: Instant) -> Delivery {
        let sent = r#"{"kind":"remind","to":[],"people":[],"text":"一"}"#;
        let sent: Sent = serde_json::from_str(sent).unwrap();
        Delivery {
            id: id.to_string(),
            case: "c".to_owned(),
            seq: 1,
            kind: "remind".to_owned(),
            at: now,
            attempt: 1,
            now,
            sent,
        }
    }

    #[test]
    fn a_burst_is_spread_over_minutes_and_nobody_is_asked_about_more_than_twice() {
        let pace = Pace::per_minute(NonZeroU32::new(20).unwrap());
        let start = Instant::from_millis(1_656_604_800_000);
        let mut sent: Vec<i64> = Vec::new();
        let mut waiting: Vec<(i64, u32)> = (0..1_000).map(|id| (start.millis(), id)).collect();
        let mut asked = 0;
        while let Some((at, id)) = waiting.pop() {
            asked += 1;
            match pace.turn(&message(id, Instant::from_millis(at))) {
                Ok(()) => sent.push(at - start.millis()),
                Err(ChannelError::Hold { until, why: Hold::Turn }) => {
                    waiting.push((until.millis(), id));
                }
                Err(other) => panic!("{other}"),
            }
            waiting.sort_by(|a, b| b.cmp(a));
        }
        assert_eq!((sent.len(), asked), (1_000, 1_999));
        for minute in sent.windows(21) {
            assert!(minute[20] - minute[0] >= 60_000, "{minute:?}");
        }
        assert_eq!(sent.last(), Some(&(999 * 3_000)), "and no slower than it may be");
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_further_turns() {
        let pace = Pace::per_minute(NonZeroU32::new(60).unwrap());
        let now = Instant::from_millis(1_656_604_800_000);
        pace.turn(&message(1, now)).unwrap();
        let back = now.plus_millis(-500);
        let ChannelError::Hold { until, .. } = pace.turn(&message(2, back)).unwrap_err() else {
            panic!("it must wait")
        };
        assert_eq!(until, now.plus_millis(1_000));
    }
}
