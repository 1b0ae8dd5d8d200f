//! The outbox pump: leases what is to be delivered and sees it through.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::{Body, Message};
use duban_store::{ChannelState, DeliveryRow, Noted, NotedState, Store, StoreError};
use tokio::task::{JoinError, JoinSet};

use crate::attempt::{Attempted, attempt, failed, retry_at};
use crate::clock::Clock;
use crate::openings::{self, Admission};
use crate::route::DeliveryId;
use crate::shared::{Phase, Shared};
use crate::stats::add;
use crate::wake::tick;

/// The pause after a failure of the store, in milliseconds.
const PAUSE_MS: i64 = 1_000;

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
    running: JoinSet<Attempted>,
    tasks: HashMap<tokio::task::Id, (DeliveryId, u32)>,
}

impl<S: Store> Pump<S> {
    fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, running: JoinSet::new(), tasks: HashMap::new() }
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
        let mut held = Vec::new();
        for leased in leased {
            match self.hold(&leased.delivery).await {
                Some(note) => held.push(note),
                None => self.start(leased.delivery),
            }
        }
        self.note(held).await;
        Ok(shared.outbox.earliest())
    }

    /// Brings forward watches whose case has opened.
    async fn retry_ready(&self) -> Result<(), StoreError> {
        let ready = self.shared.waiting.take_ready();
        if ready.is_empty() {
            return Ok(());
        }
        let now = self.shared.now().millis();
        let why = || "the case has opened".to_owned();
        let note = |id| failed(id, NotedState::Pending(now), why());
        self.shared.store.noted(ready.into_iter().map(note).collect()).await?;
        self.shared.outbox.note(Some(now));
        Ok(())
    }

    /// Whether a case that another asks to be opened must wait, or is never opened. Looked at one
    /// after the other, so that they open in their order.
    async fn hold(&self, delivery: &DeliveryRow) -> Option<Noted> {
        let Body::Case(_, message) = &delivery.outgoing.body else { return None };
        let Message::Open(request) = &**message else { return None };
        let id = (delivery.outgoing.case.clone(), delivery.outgoing.seq);
        match openings::admit(&self.shared, &id, request).await {
            Ok(Admission::Open) => None,
            Ok(Admission::Later(at, why)) => {
                openings::held_back(&self.shared, request, Some("opened_per_day_max")).await;
                let note = failed(id, NotedState::Pending(at.millis()), why);
                Some(Noted { counts: false, ..note })
            }
            Ok(Admission::Never(why)) => {
                openings::held_back(&self.shared, request, Some("opened_depth_max")).await;
                Some(failed(id, NotedState::Dead, why))
            }
            // The attempt itself comes upon the same error, and is tried again for it.
            Err(error) => {
                tracing::warn!(%error, case = id.0, seq = id.1, "an opening could not be counted");
                None
            }
        }
    }

    fn start(&mut self, delivery: DeliveryRow) {
        let id = (delivery.outgoing.case.clone(), delivery.outgoing.seq);
        let number = delivery.attempts.saturating_add(1);
        let handle = self.running.spawn(attempt(Arc::clone(&self.shared), delivery));
        self.tasks.insert(handle.id(), (id, number));
    }

    /// Notes what came of every attempt that has ended.
    async fn settle(&mut self, first: Ended) {
        let (mut arrived, mut noted) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(done) = next {
            let (task, attempted) = match done {
                Ok((task, attempted)) => (task, Ok(attempted)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Some((id, attempt)) = self.tasks.remove(&task) {
                match attempted {
                    Ok(Attempted::Arrived) => arrived.push(id),
                    Ok(Attempted::Noted(note)) => noted.push(note),
                    Err(error) => noted.push(self.crashed(id, attempt, &error)),
                }
            }
            next = self.running.try_join_next_with_id();
        }
        self.mark(arrived).await;
        self.note(noted).await;
        if self.running.is_empty()
            && let Err(error) = self.refresh().await
        {
            tracing::error!(%error, "the next delivery could not be found");
            self.shared.outbox.note(Some(self.shared.now().plus_millis(PAUSE_MS).millis()));
        }
    }

    /// An attempt that failed inside a channel, or inside the engine.
    fn crashed(&self, id: DeliveryId, attempt: u32, error: &JoinError) -> Noted {
        let limits = &self.shared.limits;
        let state = match attempt >= limits.delivery_attempts_max {
            true => NotedState::Dead,
            false => NotedState::Pending(retry_at(limits, self.shared.now(), &id, attempt)),
        };
        failed(id, state, error.to_string())
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

    async fn note(&self, notes: Vec<Noted>) {
        if notes.is_empty() {
            return;
        }
        let (shared, mut next) = (&self.shared, None::<i64>);
        for note in &notes {
            self.count(note);
            if let NotedState::Pending(at) = note.state {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        match shared.store.noted(notes).await {
            Ok(()) => shared.outbox.note(next),
            Err(error) => {
                tracing::error!(%error, "deliveries' states could not be kept; they come again");
            }
        }
    }

    fn count(&self, note: &Noted) {
        let counters = &self.shared.counters;
        if note.error.is_some() {
            add(&counters.delivery_failures, 1);
        }
        let held = note.channels.iter().flat_map(|notes| notes.values());
        let is_held = held.filter(|note| is_held(note.state)).count() > 0;
        match note.state {
            NotedState::Pending(_) if is_held => add(&counters.deliveries_held, 1),
            NotedState::Pending(_) => {}
            NotedState::Delivered(_) => add(&counters.delivered, 1),
            NotedState::Dead => {
                add(&counters.dead_letters, 1);
                let error = note.error.as_deref().unwrap_or_default();
                tracing::warn!(case = note.case, seq = note.seq, error, "a delivery was given up");
            }
        }
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

type Ended = Result<(tokio::task::Id, Attempted), JoinError>;

fn is_held(state: ChannelState) -> bool {
    matches!(state, ChannelState::Held | ChannelState::Paced)
}
