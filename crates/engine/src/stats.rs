//! Counters of one engine since it started.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use duban_store::{AMOUNTS, DURATIONS_US, Distribution, Histogram};
use serde::Serialize;

use crate::channel::ChannelError;

/// What an engine has done since it started. Counted, never estimated.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Stats {
    /// Commits written.
    pub commits: u64,
    /// Events in them.
    pub events: u64,
    /// Commands refused by their cases.
    pub refused: u64,
    /// Commands turned away because a queue was full.
    pub busy: u64,
    /// Commands answered from an idempotency key.
    pub repeated: u64,
    /// Commits that another writer had overtaken.
    pub conflicts: u64,
    /// Cases that failed inside the engine.
    pub faulted: u64,
    /// Functions and expressions that failed and were replaced by the built-in action.
    pub script_failures: u64,
    /// Cases loaded from the store because they were not in memory.
    pub loads: u64,
    /// Wake-ups handled.
    pub wakes: u64,
    /// Batches in which due cases were claimed.
    pub wake_batches: u64,
    /// How late the latest wake-up was handled, in milliseconds.
    pub lateness_ms_max: u64,
    /// How late wake-ups were handled in sum, in milliseconds.
    pub lateness_ms_sum: u64,
    /// Wake-ups whose index was wrong and was put right.
    pub repaired: u64,
    /// Cases compared with the wake-up index.
    pub checked: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Attempts of deliveries that failed.
    pub delivery_failures: u64,
    /// Attempts that ended in waiting for a channel's hours or turn.
    pub deliveries_held: u64,
    /// Deliveries given up.
    pub dead_letters: u64,
    /// Rows, events and deliveries that could not be read and were passed over; one may be
    /// counted as often as somebody asks for it.
    pub unreadable: u64,
    /// Entries written to the search index.
    pub indexed: u64,
    /// Events that the search index has yet to take in, as of its last step.
    pub index_behind: u64,
    /// How often the store was asked for due cases or deliveries. It stands still while nothing
    /// is due.
    pub index_queries: u64,
    /// Commands, wake-ups and other work under way or queued now.
    pub in_flight: u64,
    /// People's commands that wait in the workers' queues now.
    pub commands_queued: u64,
    /// Wake-ups and messages between cases that wait in the workers' queues now.
    pub background_queued: u64,
    /// Cases claimed as due and not yet handled now.
    pub wakes_claimed: u64,
    /// Cases kept in memory now.
    pub cases_cached: u64,
    /// Roughly what they take, in bytes.
    pub bytes_cached: u64,
    /// How late wake-ups were handled, in microseconds; exact to the millisecond.
    pub lateness_us: Distribution,
    /// How many events a commit had.
    pub commit_events: Distribution,
    /// Attempts to hand messages over.
    pub attempts: Vec<AttemptStats>,
}

/// Attempts of one channel that ended alike.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AttemptStats {
    /// The channel's name.
    pub channel: String,
    /// `taken`, or a word for why it was not: see [`ChannelError`].
    pub outcome: &'static str,
    /// How long they took, in microseconds.
    pub took_us: Distribution,
}

impl Stats {
    /// The mean lateness of a wake-up, in milliseconds; 0 before the first.
    pub fn lateness_ms_mean(&self) -> u64 {
        self.lateness_ms_sum.checked_div(self.wakes).unwrap_or(0)
    }
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) faulted: AtomicU64,
    pub(crate) script_failures: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) wakes: AtomicU64,
    pub(crate) wake_batches: AtomicU64,
    pub(crate) lateness_ms_max: AtomicU64,
    pub(crate) lateness_ms_sum: AtomicU64,
    pub(crate) repaired: AtomicU64,
    pub(crate) checked: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) delivery_failures: AtomicU64,
    pub(crate) deliveries_held: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) indexed: AtomicU64,
    pub(crate) index_behind: AtomicU64,
    pub(crate) index_queries: AtomicU64,
}

/// The distributions behind [`Stats`], and what workers keep in memory.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(crate) lateness_us: Histogram,
    pub(crate) commit_events: Histogram,
    attempts: Mutex<BTreeMap<(String, &'static str), Histogram>>,
    /// Cases and bytes, by worker.
    memory: Vec<(AtomicUsize, AtomicUsize)>,
    /// Since when work is under way and none has finished, by worker.
    waits: Vec<Mutex<Option<Instant>>>,
}

impl Meters {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            lateness_us: Histogram::new(DURATIONS_US),
            commit_events: Histogram::new(AMOUNTS),
            attempts: Mutex::default(),
            memory: (0..workers).map(|_| Default::default()).collect(),
            waits: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// Counts an attempt to hand a message over. Compared with the attempt the lock is nothing.
    pub(crate) fn note_attempt(
        &self,
        channel: &str,
        answer: &Result<(), ChannelError>,
        took: Duration,
    ) {
        let outcome = match answer {
            Ok(()) => "taken",
            Err(ChannelError::Retry { .. }) => "retry",
            Err(ChannelError::Dead { .. }) => "dead",
            Err(ChannelError::Hold { .. }) => "held",
        };
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = attempts.entry((channel.to_owned(), outcome));
        found.or_insert_with(|| Histogram::new(DURATIONS_US)).note_time(took);
    }

    /// Work has begun at a worker that had none.
    pub(crate) fn note_begun(&self, worker: usize) {
        let mut since = self.waits[worker].lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now);
    }

    /// Some work has finished at a worker; whether there is more under way.
    pub(crate) fn note_finished(&self, worker: usize, more: bool) {
        let mut since = self.waits[worker].lock().unwrap_or_else(PoisonError::into_inner);
        *since = more.then(Instant::now);
    }

    /// For how long no work has finished at the worker that is slowest, although some is under
    /// way.
    pub(crate) fn stuck_for(&self) -> Duration {
        let since = self
            .waits
            .iter()
            .filter_map(|since| *since.lock().unwrap_or_else(PoisonError::into_inner));
        since.map(|since| since.elapsed()).max().unwrap_or_default()
    }

    /// Keeps what a worker has in memory now.
    pub(crate) fn note_memory(&self, worker: usize, cases: usize, bytes: usize) {
        let (kept, size) = &self.memory[worker];
        kept.store(cases, Ordering::Relaxed);
        size.store(bytes, Ordering::Relaxed);
    }

    /// Adds the distributions to what was counted.
    pub(crate) fn complete(&self, stats: Stats) -> Stats {
        let sum = |of: fn(&(AtomicUsize, AtomicUsize)) -> &AtomicUsize| {
            let sum: usize = self.memory.iter().map(|one| of(one).load(Ordering::Relaxed)).sum();
            u64::try_from(sum).unwrap_or(u64::MAX)
        };
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = attempts.iter().map(|((channel, outcome), took)| AttemptStats {
            channel: channel.clone(),
            outcome,
            took_us: took.read(),
        });
        Stats {
            cases_cached: sum(|(cases, _)| cases),
            bytes_cached: sum(|(_, bytes)| bytes),
            lateness_us: self.lateness_us.read(),
            commit_events: self.commit_events.read(),
            attempts: attempts.collect(),
            ..stats
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn note_wake(&self, late_ms: i64) {
        let late = u64::try_from(late_ms).unwrap_or(0);
        add(&self.wakes, 1);
        add(&self.lateness_ms_sum, late);
        self.lateness_ms_max.fetch_max(late, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&self.commits),
            events: read(&self.events),
            refused: read(&self.refused),
            busy: read(&self.busy),
            repeated: read(&self.repeated),
            conflicts: read(&self.conflicts),
            faulted: read(&self.faulted),
            script_failures: read(&self.script_failures),
            loads: read(&self.loads),
            wakes: read(&self.wakes),
            wake_batches: read(&self.wake_batches),
            lateness_ms_max: read(&self.lateness_ms_max),
            lateness_ms_sum: read(&self.lateness_ms_sum),
            repaired: read(&self.repaired),
            checked: read(&self.checked),
            delivered: read(&self.delivered),
            delivery_failures: read(&self.delivery_failures),
            deliveries_held: read(&self.deliveries_held),
            dead_letters: read(&self.dead_letters),
            unreadable: read(&self.unreadable),
            indexed: read(&self.indexed),
            index_behind: read(&self.index_behind),
            index_queries: read(&self.index_queries),
            ..Stats::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_stuck_only_while_work_is_under_way_and_none_finishes() {
        let meters = Meters::new(2);
        let wait = Duration::from_millis(2);
        assert_eq!(meters.stuck_for(), Duration::ZERO);
        meters.note_begun(1);
        std::thread::sleep(wait);
        // More work at the same worker is no sign of life; the other worker has none.
        meters.note_begun(1);
        assert!(meters.stuck_for() >= wait);
        meters.note_finished(1, true);
        meters.note_begun(0);
        meters.note_finished(0, false);
        meters.note_finished(1, false);
        assert_eq!(meters.stuck_for(), Duration::ZERO);
    }
}
