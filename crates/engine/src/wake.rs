//! The wake loop: hands cases to the workers when their time comes.
//!
//! It sleeps until the earliest wake-up known, claims due cases in batches, and keeps only a
//! bounded number of them under way, so that a burst of deadlines never stands between a person
//! and the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duban_calendar::Instant;
use duban_core::CaseId;
use duban_store::{Store, StoreError};

use crate::agenda::Agenda;
use crate::clock::Clock;
use crate::shared::{Phase, Shared};
use crate::stats::add;
use crate::work::Work;

/// How long a case whose wake-up failed is left alone.
const PUT_OFF_MS: i64 = 60_000;

/// How often the index is looked at while cases are under way or put off, in milliseconds.
const RECHECK_MS: i64 = 100;
const RECHECK_PUT_OFF_MS: i64 = 1_000;

/// The pause after a failure of the store, or while the clock is not believed, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Cases claimed as due and not yet handled.
#[derive(Default)]
pub(crate) struct Claims {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    under_way: BTreeSet<String>,
    put_off: BTreeMap<String, Instant>,
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().under_way.len()
    }

    fn has_put_off(&self) -> bool {
        !self.lock().put_off.is_empty()
    }

    /// Cases that must not be claimed again now.
    fn skip(&self, now: Instant) -> Vec<String> {
        let mut state = self.lock();
        state.put_off.retain(|_, until| *until > now);
        state.under_way.iter().chain(state.put_off.keys()).cloned().collect()
    }
}

/// One claimed case. Dropping it makes room for another.
pub(crate) struct Claim {
    case: String,
    pub(crate) due: Instant,
    /// More has passed already at this instant: the case is claimed again once it is free.
    pub(crate) more_at: Option<Instant>,
    claims: Arc<Claims>,
    agenda: Arc<Agenda>,
}

impl Claim {
    fn new(case: String, due: Instant, claims: &Arc<Claims>, agenda: &Arc<Agenda>) -> Self {
        claims.lock().under_way.insert(case.clone());
        let (claims, agenda) = (Arc::clone(claims), Arc::clone(agenda));
        Self { case, due, more_at: None, claims, agenda }
    }

    /// Leaves the case alone for a while: its wake-up failed.
    pub(crate) fn put_off(&self, now: Instant) {
        self.claims.lock().put_off.insert(self.case.clone(), now.plus_millis(PUT_OFF_MS));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.lock().under_way.remove(&self.case);
        // Noted any earlier, it would be looked for while the case could not be claimed.
        self.agenda.note(self.more_at.map(Instant::millis));
        self.agenda.nudge();
    }
}

/// What the loop does next.
enum Next {
    /// Looks again at once.
    Again,
    /// Waits for room, or until an instant.
    Wait(Instant),
    /// Has nothing to do until an instant.
    Idle(Instant),
}

/// Wakes cases until the engine drains.
pub(crate) async fn run<S: Store>(shared: Arc<Shared<S>>, poll: Option<std::time::Duration>) {
    let mut wakes =
        WakeLoop { shared: Arc::clone(&shared), is_unsure: true, looked_at: Instant::MIN };
    let draining = shared.reached(Phase::Draining);
    tokio::pin!(draining);
    loop {
        let asked = shared.wakeups.asked();
        let next = wakes.step().await.unwrap_or_else(|error| {
            tracing::error!(%error, "due cases could not be claimed");
            Next::Wait(shared.now().plus_millis(PAUSE_MS))
        });
        let until = match next {
            Next::Again => continue,
            Next::Wait(until) => until,
            Next::Idle(until) => {
                shared.wakeups.answer_quiet(asked);
                until
            }
        };
        tokio::select! {
            () = &mut draining => return,
            () = shared.wakeups.changed() => {}
            () = shared.clock.sleep_until(until) => {}
            () = tick(poll) => wakes.is_unsure = true,
        }
    }
}

/// Resolves after a poll interval; never without one.
pub(crate) async fn tick(poll: Option<std::time::Duration>) {
    match poll {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}

struct WakeLoop<S> {
    shared: Arc<Shared<S>>,
    /// Something may be due of which the agenda does not know.
    is_unsure: bool,
    /// When due cases were claimed last.
    looked_at: Instant,
}

impl<S: Store> WakeLoop<S> {
    async fn step(&mut self) -> Result<Next, StoreError> {
        let shared = Arc::clone(&self.shared);
        let now = shared.now();
        if shared.clock.is_doubted() {
            return Ok(Next::Idle(now.plus_millis(PAUSE_MS)));
        }
        let under_way = shared.claims.len();
        if shared.wakeups.earliest() <= now {
            return self.claim(now, under_way).await;
        }
        if !self.is_unsure {
            return Ok(Next::Idle(shared.wakeups.earliest()));
        }
        if under_way == 0 {
            return self.refresh(now).await;
        }
        let again_at = self.looked_at.plus_millis(RECHECK_MS);
        // A clock that stepped back must not keep the loop from looking.
        if again_at <= now || self.looked_at > now {
            return self.claim(now, under_way).await;
        }
        Ok(Next::Wait(again_at.min(shared.wakeups.earliest())))
    }

    async fn claim(&mut self, now: Instant, under_way: usize) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let limits = &shared.limits;
        let room = limits.wakes_claimed_max.saturating_sub(under_way);
        let batch = usize::try_from(limits.wake_batch_max).unwrap_or(usize::MAX).min(room);
        if under_way > 0 && batch < usize::try_from(limits.wake_batch_max / 2).unwrap_or(0).max(1) {
            return Ok(Next::Wait(Instant::MAX));
        }
        self.is_unsure = true;
        self.looked_at = now;
        shared.wakeups.forget();
        let until = now.plus_millis(limits.wake_lease_ms).millis();
        let limit = u32::try_from(batch.max(1)).unwrap_or(u32::MAX);
        let skip = shared.claims.skip(now);
        add(&shared.counters.index_queries, 1);
        let claimed = match shared.store.claim_due(now.millis(), until, limit, &skip).await {
            Ok(claimed) => claimed,
            Err(error) => {
                shared.wakeups.note(Some(now.millis()));
                return Err(error);
            }
        };
        if claimed.is_empty() {
            return Ok(Next::Again);
        }
        add(&shared.counters.wake_batches, 1);
        if claimed.len() >= batch {
            shared.wakeups.note(Some(now.millis()));
        }
        for (case, due) in claimed {
            let id = CaseId::new(&case);
            let due = Instant::from_millis(due);
            let claim = Claim::new(case, due, &shared.claims, &shared.wakeups);
            if shared.submit_later(&id, Work::Wake(claim)).await.is_err() {
                return Ok(Next::Wait(Instant::MAX));
            }
        }
        Ok(Next::Again)
    }

    /// Asks the store for the next wake-up, once nothing is under way.
    async fn refresh(&mut self, now: Instant) -> Result<Next, StoreError> {
        let shared = &self.shared;
        shared.wakeups.forget();
        add(&shared.counters.index_queries, 1);
        let next = shared.store.next_wakeup().await?.map(Instant::from_millis);
        if next.is_some_and(|at| at <= now)
            && (shared.claims.has_put_off() || self.looked_at == now)
        {
            // What is due was put off, or is leased to another daemon.
            self.looked_at = now;
            shared.wakeups.note(Some(now.plus_millis(RECHECK_PUT_OFF_MS).millis()));
            return Ok(Next::Idle(shared.wakeups.earliest()));
        }
        self.is_unsure = false;
        shared.wakeups.note(next.map(Instant::millis));
        Ok(Next::Again)
    }
}
