//! The outbox pump: leases what is to be delivered and sees it through.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::{Body, CaseId, Sent};
use duban_store::{DeliveryRow, Store, StoreError};
use tokio::task::{JoinError, JoinSet};

use crate::channel::{Channel, ChannelError, Delivery};
use crate::options::EngineLimits;
use crate::route::{self, DeliveryId};
use crate::shared::{Phase, Shared, fnv};
use crate::stats::add;
use crate::wake::tick;

/// The pause after a failure of the store, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// What came of one attempt.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It arrived.
    Arrived,
    /// It is tried again, until there have been too many attempts.
    Failed { error: String, after: Option<Duration> },
    /// It is tried again for as long as it takes.
    Waits(String),
    /// It never will.
    Dead(String),
}

/// Delivers until the engine drains, then finishes what is under way.
pub(crate) async fn run<S: Store>(shared: Arc<Shared<S>>, poll: Option<Duration>) {
    let mut pump = Pump::new(Arc::clone(&shared));
    let draining = shared.reached(Phase::Draining);
    tokio::pin!(draining);
    loop {
        let asked = shared.outbox.asked();
        let until = pump.step().await.unwrap_or_else(|error| {
            tracing::error!(%error, "deliveries could not be leased");
            shared.now().plus_millis(PAUSE_MS)
        });
        if until <= shared.now() && pump.has_room() {
            continue;
        }
        if pump.running.is_empty() {
            shared.outbox.answer_quiet(asked);
        }
        tokio::select! {
            () = &mut draining => break,
            Some(done) = pump.running.join_next_with_id() => pump.settle(done).await,
            () = shared.outbox.changed() => {}
            () = shared.clock.sleep_until(until), if pump.has_room() => {}
            () = tick(poll) => shared.outbox.note(Some(shared.now().millis())),
        }
    }
    pump.finish().await;
}

struct Pump<S> {
    shared: Arc<Shared<S>>,
    running: JoinSet<(Verdict, Vec<bool>)>,
    tasks: HashMap<tokio::task::Id, (DeliveryId, u32)>,
    /// Which channels have taken a delivery that others have not.
    taken: BTreeMap<DeliveryId, Vec<bool>>,
}

impl<S: Store> Pump<S> {
    fn new(shared: Arc<Shared<S>>) -> Self {
        let taken = BTreeMap::new();
        Self { shared, running: JoinSet::new(), tasks: HashMap::new(), taken }
    }

    fn room(&self) -> usize {
        self.shared.limits.deliveries_running_max.saturating_sub(self.running.len())
    }

    fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// Starts what is due; answers when to look again.
    async fn step(&mut self) -> Result<Instant, StoreError> {
        let shared = Arc::clone(&self.shared);
        self.retry_ready().await?;
        let now = shared.now();
        if shared.outbox.earliest() > now || !self.has_room() {
            return Ok(shared.outbox.earliest());
        }
        shared.outbox.forget();
        let limits = &shared.limits;
        let lease_ms = i64::try_from(limits.delivery_ms_max.saturating_mul(2)).unwrap_or(i64::MAX);
        let room = self.room();
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let until = now.plus_millis(lease_ms).millis();
        add(&shared.counters.index_queries, 1);
        let leased = match shared.store.lease_deliveries(now.millis(), until, limit).await {
            Ok(leased) => leased,
            Err(error) => {
                shared.outbox.note(Some(now.plus_millis(PAUSE_MS).millis()));
                return Err(error);
            }
        };
        let next = match leased.len() < room {
            true => shared.store.next_delivery().await?,
            false => Some(now.millis()),
        };
        shared.outbox.note(next);
        for leased in leased {
            self.start(leased.delivery);
        }
        Ok(shared.outbox.earliest())
    }

    /// Brings forward watches whose case has opened.
    async fn retry_ready(&self) -> Result<(), StoreError> {
        for (case, seq) in self.shared.waiting.take_ready() {
            let now = self.shared.now().millis();
            self.shared.store.failed(&case, seq, "the case has opened", Some(now)).await?;
            self.shared.outbox.note(Some(now));
        }
        Ok(())
    }

    fn start(&mut self, delivery: DeliveryRow) {
        let id = (delivery.outgoing.case.clone(), delivery.outgoing.seq);
        let attempt = delivery.attempts.saturating_add(1);
        let taken = self.taken.remove(&id).unwrap_or_default();
        let task = attempt_one(Arc::clone(&self.shared), delivery, attempt, taken);
        let handle = self.running.spawn(task);
        self.tasks.insert(handle.id(), (id, attempt));
    }

    /// Notes what came of every attempt that has ended.
    async fn settle(&mut self, first: Ended) {
        let mut arrived = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            if let Err(error) = self.note(done, &mut arrived).await {
                tracing::error!(%error, "a delivery's state could not be kept; it comes again");
            }
            next = self.running.try_join_next_with_id();
        }
        self.mark(arrived).await;
        if self.running.is_empty()
            && let Err(error) = self.refresh().await
        {
            tracing::error!(%error, "the next delivery could not be found");
            self.shared.outbox.note(Some(self.shared.now().plus_millis(PAUSE_MS).millis()));
        }
    }

    /// With nothing under way the agenda held ends of leases; asks when it is really needed.
    async fn refresh(&self) -> Result<(), StoreError> {
        self.shared.outbox.forget();
        add(&self.shared.counters.index_queries, 1);
        self.shared.outbox.note(self.shared.store.next_delivery().await?);
        Ok(())
    }

    async fn mark(&self, arrived: Vec<DeliveryId>) {
        if arrived.is_empty() {
            return;
        }
        add(&self.shared.counters.delivered, u64::try_from(arrived.len()).unwrap_or(u64::MAX));
        let now = self.shared.now().millis();
        if let Err(error) = self.shared.store.delivered(arrived, now).await {
            tracing::error!(%error, "deliveries could not be marked; they come again");
        }
    }

    async fn note(&mut self, done: Ended, arrived: &mut Vec<DeliveryId>) -> Result<(), StoreError> {
        let (task, verdict, taken) = match done {
            Ok((task, (verdict, taken))) => (task, verdict, taken),
            Err(error) => (error.id(), crashed(&error), Vec::new()),
        };
        let Some((id, attempt)) = self.tasks.remove(&task) else { return Ok(()) };
        let shared = &self.shared;
        let wait_ms = retry_wait_ms(&shared.limits, &id, attempt);
        let (error, next_at) = match verdict {
            Verdict::Arrived => {
                arrived.push(id);
                return Ok(());
            }
            Verdict::Failed { error, .. } if attempt >= shared.limits.delivery_attempts_max => {
                (error, None)
            }
            Verdict::Failed { error, after } => {
                let asked = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                (error, Some(asked.unwrap_or(wait_ms)))
            }
            Verdict::Waits(error) => (error, Some(wait_ms)),
            Verdict::Dead(error) => (error, None),
        };
        add(&shared.counters.delivery_failures, 1);
        let now = shared.now();
        let next_at = next_at.map(|wait| now.plus_millis(i64::try_from(wait).unwrap_or(i64::MAX)));
        let next_at = next_at.map(Instant::millis);
        if next_at.is_none() {
            add(&shared.counters.dead_letters, 1);
            tracing::warn!(case = id.0, seq = id.1, error, "a delivery was given up");
        }
        shared.store.failed(&id.0, id.1, &error, next_at).await?;
        shared.outbox.note(next_at);
        if taken.contains(&true) && next_at.is_some() {
            self.taken.insert(id, taken);
        }
        Ok(())
    }

    /// Sees through what is under way; what takes too long comes again after the next start.
    async fn finish(&mut self) {
        let patience = Duration::from_millis(self.shared.limits.delivery_ms_max);
        let all = async {
            while let Some(done) = self.running.join_next_with_id().await {
                self.settle(done).await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("deliveries under way were left for the next start");
        }
    }
}

type Ended = Result<(tokio::task::Id, (Verdict, Vec<bool>)), JoinError>;

fn crashed(error: &JoinError) -> Verdict {
    Verdict::Failed { error: error.to_string(), after: None }
}

async fn attempt_one<S: Store>(
    shared: Arc<Shared<S>>,
    row: DeliveryRow,
    attempt: u32,
    mut taken: Vec<bool>,
) -> (Verdict, Vec<bool>) {
    let outgoing = row.outgoing;
    match outgoing.body {
        Body::People(sent) => {
            let delivery = Delivery {
                id: format!("{}-{}", outgoing.case, outgoing.seq),
                case: outgoing.case,
                seq: outgoing.seq,
                kind: outgoing.kind,
                at: Instant::from_millis(outgoing.at),
                attempt,
                sent: Sent::clone(&sent),
            };
            taken.resize(shared.channels.len(), false);
            let verdict = to_people(&shared, &delivery, &mut taken).await;
            (verdict, taken)
        }
        Body::Case(_, message) => {
            let id = (outgoing.case, outgoing.seq);
            let from = CaseId::new(&id.0);
            (route::route(&shared, &from, &id, &message).await, taken)
        }
    }
}

/// Hands a message to every channel that has not taken it yet.
async fn to_people<S: Store>(
    shared: &Shared<S>,
    delivery: &Delivery,
    taken: &mut [bool],
) -> Verdict {
    let mut worst = Verdict::Arrived;
    for (channel, taken) in shared.channels.iter().zip(taken).filter(|(_, taken)| !**taken) {
        match hand_over(channel.as_ref(), delivery, &shared.limits).await {
            Ok(()) => *taken = true,
            Err(ChannelError::Retry { error, after }) => {
                let error = format!("{}: {error}", channel.name());
                worst = Verdict::Failed { error, after };
            }
            Err(ChannelError::Dead { error }) => {
                if let Verdict::Arrived = worst {
                    worst = Verdict::Dead(format!("{}: {error}", channel.name()));
                }
            }
        }
    }
    worst
}

async fn hand_over(
    channel: &dyn Channel,
    delivery: &Delivery,
    limits: &EngineLimits,
) -> Result<(), ChannelError> {
    let patience = Duration::from_millis(limits.delivery_ms_max);
    tokio::time::timeout(patience, channel.deliver(delivery)).await.unwrap_or_else(|_| {
        let error = format!("no answer within `delivery_ms_max` ({} ms)", limits.delivery_ms_max);
        Err(ChannelError::Retry { error, after: None })
    })
}

/// How long to wait after a failed attempt, in milliseconds.
///
/// `cap = min(retry_ms_max, retry_ms_initial · 2^(attempt − 1))`; the wait lies in
/// `cap / 2 ..= cap`, at a place that follows from case, position and attempt alone, so that
/// deliveries that failed together do not come back together, and a run can be repeated.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter" ("equal jitter"), AWS Architecture Blog,
/// 2015.
fn retry_wait_ms(limits: &EngineLimits, id: &DeliveryId, attempt: u32) -> u64 {
    let doublings = attempt.saturating_sub(1);
    let cap = limits
        .retry_ms_initial
        .saturating_mul(2_u64.saturating_pow(doublings))
        .min(limits.retry_ms_max);
    let draw = fnv(format!("{}-{}-{attempt}", id.0, id.1).as_bytes());
    let half = cap / 2;
    cap - half + draw % half.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_differ_between_deliveries() {
        let limits = EngineLimits::default();
        let wait = |case: &str, attempt| retry_wait_ms(&limits, &(case.to_owned(), 1), attempt);
        for attempt in 1..=40 {
            let cap = (1_000_u64 << (attempt - 1).min(20)).min(3_600_000);
            let wait = wait("a", attempt);
            assert!(cap / 2 <= wait && wait <= cap, "attempt {attempt}: {wait} of {cap}");
        }
        assert_eq!(wait("a", 3), wait("a", 3));
        assert_ne!(wait("a", 3), wait("b", 3));
    }
}
