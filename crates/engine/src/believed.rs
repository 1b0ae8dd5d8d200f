//! The time that the engine goes by: the last believed wall time and what has passed since.
//!
//! A wall clock can be set wrong, for forty seconds or for good; what it brings about in that time
//! cannot be taken back. So it is followed where it departs a little, taken for an outage where it
//! is ahead by no more than the longest public holiday, and otherwise not believed: time goes on
//! as before, moments wait, and an operator says what is right.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duban_calendar::Instant;
use duban_store::Store;
use serde::{Deserialize, Serialize};

use crate::clock::{BoxFuture, Clock};
use crate::clock_alarm;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::options::EngineLimits;
use crate::shared::{Phase, Shared};

/// The document that holds the time believed last.
const DOCUMENT: &str = "clock";

/// While a wall clock is followed, time goes faster or slower by this share.
const FOLLOW_SHARE: i64 = 20;

/// How often the wall clock's departure is taken into account, in milliseconds.
const FOLLOW_EVERY_MS: i64 = 1_000;

/// The longest sleep before the clocks are looked at again, in milliseconds.
const NAP_MS_MAX: i64 = 30_000;

/// Epochs of the clock that are kept in mind.
const EPOCHS_KEPT: usize = 50;

/// Why an epoch of the clock began.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EpochCause {
    /// The engine was started.
    Start,
    /// The wall clock was ahead and was taken for an outage.
    Outage,
    /// An operator said that it is right.
    Accepted,
}

/// A stretch of time in which one reckoning was believed. Events name its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Epoch {
    /// From 1.
    pub number: u32,
    /// The time that was believed when it began.
    pub from: Instant,
    /// Why it began.
    pub cause: EpochCause,
}

/// What somebody is to be told of the clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClockAlarm {
    /// It is not believed: what it shows.
    Doubted(Instant),
    /// It was ahead by so many minutes, taken for an outage.
    Outage(i64),
}

/// What the engine makes of its clock.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ClockState {
    /// The time that the engine goes by.
    pub believed: Instant,
    /// What the wall clock shows.
    pub wall: Instant,
    /// Since when the wall clock is not believed, and moments wait; `None`: it is.
    pub doubted_since: Option<Instant>,
    /// The last epochs, the present one at the end; none where the host answers for its clock.
    pub epochs: Vec<Epoch>,
}

/// The time believed last, as it is stored.
#[derive(Deserialize, Serialize)]
struct Heartbeat {
    believed: Instant,
    #[serde(default)]
    epochs: Vec<Epoch>,
}

/// A clock that believes another one with care.
pub(crate) struct Believed {
    clock: Arc<dyn Clock>,
    follow_ms_max: i64,
    outage_ms_max: i64,
    state: Mutex<State>,
}

struct State {
    /// The time believed when so much had passed.
    at: Instant,
    elapsed_ms: i64,
    doubted_since: Option<Instant>,
    epochs: Vec<Epoch>,
    /// What nobody has been told of yet.
    alarm: Option<ClockAlarm>,
}

impl State {
    fn begin_epoch(&mut self, cause: EpochCause) {
        let number = self.epochs.last().map_or(0, |epoch| epoch.number) + 1;
        self.epochs.push(Epoch { number, from: self.at, cause });
        let beyond = self.epochs.len().saturating_sub(EPOCHS_KEPT);
        self.epochs.drain(..beyond);
    }
}

/// What a wall clock is to time as it has passed.
#[derive(Debug, Eq, PartialEq)]
enum Departure {
    Near,
    Outage,
    Wrong,
}

impl Believed {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &EngineLimits) -> Self {
        let state = State {
            at: clock.now(),
            elapsed_ms: clock.elapsed_ms(),
            doubted_since: None,
            epochs: Vec::new(),
            alarm: None,
        };
        Self {
            clock,
            follow_ms_max: limits.clock_follow_ms_max,
            outage_ms_max: limits.clock_outage_ms_max,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, ahead_ms: i64) -> Departure {
        if ahead_ms.abs() <= self.follow_ms_max {
            Departure::Near
        } else if 0 < ahead_ms && ahead_ms <= self.outage_ms_max {
            Departure::Outage
        } else {
            Departure::Wrong
        }
    }

    /// Begins at the time that an earlier process believed last, where there was one.
    fn begin(&self, last: Option<Heartbeat>) {
        if self.clock.is_trusted() {
            return;
        }
        let mut state = self.lock();
        let Some(Heartbeat { believed: last, epochs }) = last else {
            state.begin_epoch(EpochCause::Start);
            return;
        };
        state.epochs = epochs;
        let wall = self.clock.now();
        let ahead_ms = wall.millis_since(last);
        let is_believed = match self.judge(ahead_ms) {
            Departure::Near | Departure::Outage => true,
            Departure::Wrong => false,
        };
        state.elapsed_ms = self.clock.elapsed_ms();
        // A little behind, it is followed from where time stood.
        state.at = if is_believed { wall.max(last) } else { last };
        state.begin_epoch(EpochCause::Start);
        if !is_believed {
            self.doubt(&mut state, wall);
        }
    }

    fn doubt(&self, state: &mut State, wall: Instant) {
        if state.doubted_since.is_none() {
            state.doubted_since = Some(state.at);
            state.alarm = Some(ClockAlarm::Doubted(wall));
            let believed = state.at;
            tracing::error!(
                %wall, %believed,
                "the system clock is not believed; moments wait until it is right again, or for `duban clock accept`",
            );
        }
    }

    /// Looks at both clocks.
    fn look(&self) -> (Instant, Option<Instant>) {
        if self.clock.is_trusted() {
            return (self.clock.now(), None);
        }
        let mut state = self.lock();
        let elapsed_ms = self.clock.elapsed_ms();
        let passed = elapsed_ms.saturating_sub(state.elapsed_ms).max(0);
        let expected = state.at.plus_millis(passed);
        let wall = self.clock.now();
        let ahead_ms = wall.millis_since(expected);
        match self.judge(ahead_ms) {
            Departure::Near if passed < FOLLOW_EVERY_MS && state.doubted_since.is_none() => {
                return (expected, None);
            }
            Departure::Near => {
                let most = passed / FOLLOW_SHARE;
                state.at = expected.plus_millis(ahead_ms.clamp(-most, most));
                if state.doubted_since.take().is_some() {
                    tracing::warn!(%wall, "the system clock is right again");
                }
            }
            Departure::Outage => {
                let minutes = ahead_ms / 60_000;
                tracing::error!(%wall, minutes, "the system clock is ahead: taken for an outage");
                state.at = wall;
                state.doubted_since = None;
                state.alarm = Some(ClockAlarm::Outage(minutes));
                state.begin_epoch(EpochCause::Outage);
            }
            Departure::Wrong => {
                state.at = expected;
                self.doubt(&mut state, wall);
            }
        }
        state.elapsed_ms = elapsed_ms;
        (state.at, state.doubted_since)
    }

    /// Whether the wall clock is not believed, so that moments wait.
    pub(crate) fn is_doubted(&self) -> bool {
        self.look().1.is_some()
    }

    pub(crate) fn state(&self) -> ClockState {
        let (believed, doubted_since) = self.look();
        let epochs = self.lock().epochs.clone();
        ClockState { believed, wall: self.clock.now(), doubted_since, epochs }
    }

    /// The number that events name; 0: the host answers for its clock.
    pub(crate) fn epoch(&self) -> u32 {
        self.lock().epochs.last().map_or(0, |epoch| epoch.number)
    }

    /// What somebody is to be told, once.
    pub(crate) fn take_alarm(&self) -> Option<ClockAlarm> {
        self.lock().alarm.take()
    }

    /// Believes the wall clock as it is now; answers with how far time moved, in milliseconds.
    fn accept(&self) -> i64 {
        let (before, _) = self.look();
        let mut state = self.lock();
        let wall = self.clock.now();
        let moved = wall.millis_since(before);
        state.at = wall;
        state.elapsed_ms = self.clock.elapsed_ms();
        // Said twice, it is the same time.
        if moved != 0 || state.doubted_since.take().is_some() {
            state.begin_epoch(EpochCause::Accepted);
        }
        moved
    }
}

impl Clock for Believed {
    fn now(&self) -> Instant {
        self.look().0
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'_, ()> {
        if self.clock.is_trusted() {
            return self.clock.sleep_until(at);
        }
        Box::pin(async move {
            loop {
                let left = at.millis_since(self.now());
                if left <= 0 {
                    return;
                }
                self.clock.pause(left.min(NAP_MS_MAX)).await;
            }
        })
    }

    fn is_trusted(&self) -> bool {
        self.clock.is_trusted()
    }

    fn elapsed_ms(&self) -> i64 {
        self.clock.elapsed_ms()
    }

    fn pause(&self, ms: i64) -> BoxFuture<'_, ()> {
        self.clock.pause(ms)
    }
}

async fn last_heartbeat<S: Store>(store: &S) -> Result<Option<Heartbeat>, EngineError> {
    let Some(json) = store.document(DOCUMENT).await? else { return Ok(None) };
    // What cannot be read says nothing; the next heartbeat replaces it.
    Ok(serde_json::from_str(&json).ok())
}

async fn keep<S: Store>(
    store: &S,
    believed: Instant,
    epochs: Vec<Epoch>,
) -> Result<(), EngineError> {
    let json = serde_json::to_string(&Heartbeat { believed, epochs });
    let json = json.expect("invariant: an instant is plain data");
    Ok(store.put_document(DOCUMENT, &json, believed.millis()).await?)
}

/// Begins where an earlier process ended. The new epoch is written down before any event names
/// it.
pub(crate) async fn begin<S: Store>(shared: &Shared<S>) -> Result<(), EngineError> {
    shared.clock.begin(last_heartbeat(&shared.store).await?);
    note(shared).await
}

/// Writes the time down, so that the next start can tell a wrong clock.
pub(crate) async fn note<S: Store>(shared: &Shared<S>) -> Result<(), EngineError> {
    if shared.clock.is_trusted() {
        return Ok(());
    }
    let ClockState { believed, epochs, .. } = shared.clock.state();
    keep(&shared.store, believed, epochs).await
}

/// Writes the time down now and then, and looks at the clocks while nothing else does.
pub(crate) async fn run<S: Store>(shared: Arc<Shared<S>>) {
    if shared.clock.is_trusted() {
        return;
    }
    let mut next = shared.clock.elapsed_ms();
    loop {
        shared.clock.look();
        if let Some(alarm) = shared.clock.take_alarm() {
            // An outage has begun an epoch.
            next = i64::MIN;
            if let Err(error) = clock_alarm::tell(&shared, alarm).await {
                tracing::error!(%error, "nobody could be told of the clock");
            }
        }
        if shared.clock.elapsed_ms() >= next {
            next = shared.clock.elapsed_ms().saturating_add(shared.limits.heartbeat_ms);
            if let Err(error) = note(&shared).await {
                tracing::error!(%error, "the time could not be written down");
            }
        }
        tokio::select! {
            () = shared.reached(Phase::Draining) => return,
            () = shared.clock.pause(NAP_MS_MAX) => {}
        }
    }
}

/// Has the next start believe a wall clock, in a store on which no engine runs. Answers with how
/// far time moves by it, in milliseconds; `None`: nothing was believed before.
///
/// # Errors
///
/// [`EngineError::Store`].
pub async fn accept_clock<S: Store>(store: &S, wall: Instant) -> Result<Option<i64>, EngineError> {
    let last = last_heartbeat(store).await?;
    let moved = last.as_ref().map(|last| wall.millis_since(last.believed));
    // The next start begins an epoch of its own.
    let epochs = last.map(|last| last.epochs).unwrap_or_default();
    apply(store, wall, moved.unwrap_or(0), epochs).await?;
    Ok(moved)
}

/// The last epochs of the clock in a store on which no engine runs.
///
/// # Errors
///
/// [`EngineError::Store`].
pub async fn clock_epochs<S: Store>(store: &S) -> Result<Vec<Epoch>, EngineError> {
    Ok(last_heartbeat(store).await?.map(|last| last.epochs).unwrap_or_default())
}

/// What is pending does not wait until a clock that went back has caught up.
async fn apply<S: Store>(
    store: &S,
    wall: Instant,
    moved: i64,
    epochs: Vec<Epoch>,
) -> Result<(), EngineError> {
    if moved < 0 {
        store.shift_deliveries(moved).await?;
    }
    keep(store, wall, epochs).await
}

impl<S: Store> Engine<S> {
    /// What the engine makes of its clock.
    pub fn clock(&self) -> ClockState {
        self.shared().clock.state()
    }

    /// Believes the wall clock as it is now: moments that wait go on by it. For an operator who
    /// has put it right, or knows that it is. Repeated: nothing changes.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`]: the time is believed, but pending deliveries may wait for it.
    pub async fn accept_clock(&self) -> Result<ClockState, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let work = async move {
            let moved_ms = shared.clock.accept();
            let now = shared.now();
            tracing::warn!(%now, moved_ms, "the system clock was accepted");
            let epochs = shared.clock.state().epochs;
            let applied = apply(&shared.store, now, moved_ms, epochs).await;
            shared.outbox.note(Some(i64::MIN));
            shared.wakeups.note(Some(i64::MIN));
            applied?;
            Ok(shared.clock.state())
        };
        self.shared().on_runtime(work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn at(ms: i64) -> Instant {
        Instant::from_millis(ms)
    }

    fn believed(clock: &TestClock) -> Believed {
        Believed::new(Arc::new(clock.clone()), &EngineLimits::default())
    }

    #[test]
    fn a_small_departure_is_followed_gently_and_never_backwards() {
        for jump in [8 * MINUTE, -8 * MINUTE] {
            let clock = TestClock::untrusted(at(DAY));
            let believed = believed(&clock);
            clock.jump(at(DAY + jump));
            assert_eq!(believed.now(), at(DAY), "nothing has passed");
            let mut last = believed.now();
            for _ in 0..400 {
                clock.set(clock.now().plus_millis(MINUTE));
                let now = believed.now();
                let passed = now.millis_since(last);
                assert!((57 * MINUTE..=63 * MINUTE).contains(&(passed * 60)), "{passed}");
                last = now;
            }
            assert_eq!(last, clock.now(), "it has caught up");
        }
    }

    #[test]
    fn looking_often_does_not_keep_it_from_following() {
        let clock = TestClock::untrusted(at(DAY));
        let believed = believed(&clock);
        clock.jump(at(DAY + 1_000));
        for _ in 0..3_000 {
            clock.set(clock.now().plus_millis(10));
            believed.now();
        }
        assert_eq!(believed.now(), clock.now());
    }

    #[test]
    fn what_is_believed_depends_on_how_far_it_is() {
        for (jump, expected) in [
            (10 * MINUTE + 1, Some(10 * MINUTE + 1)),
            (10 * DAY, Some(10 * DAY)),
            (10 * DAY + 1, None),
            (3_650 * DAY, None),
            (-10 * MINUTE - 1, None),
            (-400 * DAY, None),
        ] {
            let clock = TestClock::untrusted(at(5_000 * DAY));
            let believed = believed(&clock);
            clock.jump(at(5_000 * DAY + jump));
            let state = believed.state();
            assert_eq!(state.believed, at(5_000 * DAY + expected.unwrap_or(0)), "{jump}");
            assert_eq!(state.doubted_since.is_some(), expected.is_none(), "{jump}");
            // Time goes on, and is the same once the clock is put right.
            clock.set(clock.now().plus_millis(DAY));
            clock.jump(clock.now().plus_millis(-expected.map_or(jump, |_| 0)));
            let right = at(5_000 * DAY + expected.unwrap_or(0) + DAY);
            let state = believed.state();
            assert_eq!((state.believed, state.wall), (right, right), "{jump}");
            assert_eq!(state.doubted_since, None, "{jump}");
        }
    }

    #[test]
    fn a_start_is_compared_with_what_was_believed_last() {
        for (away, expected) in [
            (0, Some(0)),
            (9 * DAY, Some(9 * DAY)),
            (11 * DAY, None),
            (-5 * MINUTE, Some(0)),
            (-60 * MINUTE, None),
        ] {
            let clock = TestClock::untrusted(at(100 * DAY + away));
            let believed = believed(&clock);
            let epochs = vec![Epoch { number: 7, from: at(DAY), cause: EpochCause::Start }];
            believed.begin(Some(Heartbeat { believed: at(100 * DAY), epochs }));
            assert_eq!(believed.epoch(), 8);
            let state = believed.state();
            assert_eq!(state.believed, at(100 * DAY + expected.unwrap_or(0)), "{away}");
            assert_eq!(state.doubted_since.is_some(), expected.is_none(), "{away}");
            assert_eq!(believed.accept(), away - expected.unwrap_or(0));
            assert_eq!(believed.state().believed, clock.now());
            assert!(!believed.is_doubted());
        }
    }
}
