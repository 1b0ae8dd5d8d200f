//! How an engine is set up: clock, limits, channels, workers.

use std::sync::Arc;
use std::time::Duration;

use duban_core::{OPENED_DEPTH_MAX, OPENED_PER_DAY_MAX};

use crate::channel::{Channel, LogChannel};
use crate::clock::{Clock, SystemClock};
use crate::evidence::{EvidenceCheck, HostsWord};

/// Bounds of one engine. Reaching one gives an error, or a wait, that names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineLimits {
    /// People's commands that may queue at one worker; one more is
    /// [`Busy`](crate::EngineError::Busy).
    pub commands_queued_max: usize,
    /// People's commands of one worker that may be under way at once.
    pub commands_running_max: usize,
    /// Commands that may queue at one case; one more is [`Busy`](crate::EngineError::Busy).
    pub case_queued_max: usize,
    /// Wake-ups and messages between cases that may queue at one worker; more must wait.
    pub background_queued_max: usize,
    /// Wake-ups and messages of one worker that may be under way at once. A person's command
    /// waits for no more than these.
    pub background_running_max: usize,
    /// Cases kept in memory, over all workers.
    pub cached_cases_max: usize,
    /// Estimated bytes of cases kept in memory, over all workers.
    pub cached_bytes_max: usize,
    /// Compiled definitions kept in memory.
    pub programs_max: usize,
    /// Operations of all scripts of one decision, native work included. Beyond this and the next
    /// three a command or an opening is refused; a wake-up cuts the script in hand off and goes on
    /// in another commit.
    pub decision_operations_max: u64,
    /// Items that one decision may make; a wake-up may make more.
    pub decision_items_max: usize,
    /// Events that one decision may write; a wake-up may write more.
    pub decision_events_max: usize,
    /// How long one decision may take, in milliseconds.
    pub decision_ms_max: u64,
    /// How long a decision may take at its worker, in milliseconds; a longer one is made on a
    /// thread beside it.
    pub decision_slice_ms: u64,
    /// How often a command is tried when other writers come first.
    pub attempts_max: u32,
    /// Wake-up commits that may come before one command of a case after an outage.
    pub wakes_before_command_max: u32,
    /// Due cases that are claimed at once.
    pub wake_batch_max: u32,
    /// Due cases that may be claimed and not yet handled.
    pub wakes_claimed_max: usize,
    /// How long a claimed case is kept from other daemons, in milliseconds.
    pub wake_lease_ms: i64,
    /// Deliveries under way at once.
    pub deliveries_running_max: usize,
    /// How long one attempt of a delivery may take, in milliseconds; the lease is twice that.
    pub delivery_ms_max: u64,
    /// How deep cases may open cases by themselves; what lies deeper is never opened.
    pub opened_depth_max: usize,
    /// Cases of one workflow that other cases may open for one unit on one day; more open on the
    /// next day, in order.
    pub opened_per_day_max: usize,
    /// Attempts after which a delivery is a dead letter.
    pub delivery_attempts_max: u32,
    /// The first wait after a failed delivery, in milliseconds; it doubles with each attempt.
    pub retry_ms_initial: u64,
    /// The longest such wait, in milliseconds.
    pub retry_ms_max: u64,
    /// Cases that a background run (directory, calendar, consistency check) handles at once.
    pub chunk_cases: u32,
    /// How long idempotency keys are remembered, in milliseconds.
    pub key_ms_max: i64,
    /// How far a wall clock may depart from the time that has passed, in milliseconds, and still
    /// be followed.
    pub clock_follow_ms_max: i64,
    /// How far ahead it may be, in milliseconds, and be taken for an outage; further ahead, or
    /// behind by more than `clock_follow_ms_max`, it is not believed.
    pub clock_outage_ms_max: i64,
    /// How often the time is written down, in milliseconds, so that the next start can tell.
    pub heartbeat_ms: i64,
    /// Events that one step of a subscription reads.
    pub feed_batch: u32,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            commands_queued_max: 1_024,
            commands_running_max: 256,
            case_queued_max: 64,
            background_queued_max: 1_024,
            background_running_max: 64,
            cached_cases_max: 10_000,
            cached_bytes_max: 256 * 1024 * 1024,
            programs_max: 256,
            decision_operations_max: 10_000_000,
            decision_items_max: 40_000,
            decision_events_max: 50_000,
            decision_ms_max: 10_000,
            decision_slice_ms: 20,
            attempts_max: 8,
            wakes_before_command_max: 1_000,
            wake_batch_max: 256,
            wakes_claimed_max: 512,
            wake_lease_ms: 60_000,
            deliveries_running_max: 128,
            delivery_ms_max: 30_000,
            opened_depth_max: OPENED_DEPTH_MAX,
            opened_per_day_max: OPENED_PER_DAY_MAX,
            delivery_attempts_max: 20,
            retry_ms_initial: 1_000,
            retry_ms_max: 3_600_000,
            chunk_cases: 64,
            key_ms_max: 30 * 24 * 3_600_000,
            clock_follow_ms_max: 10 * 60_000,
            clock_outage_ms_max: 10 * 24 * 3_600_000,
            heartbeat_ms: 3_600_000,
            feed_batch: 256,
        }
    }
}

/// How an engine is set up. [`Options::default`] suits a program with one SQLite file.
#[derive(Clone)]
pub struct Options {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: EngineLimits,
    /// How messages reach people. A message has arrived when every channel has taken it.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Bounds of scripts.
    pub script: duban_script::Limits,
    /// Worker threads; 0: as many as the machine runs at once.
    pub workers: usize,
    /// How often to look for due cases and deliveries of which other daemons on the same
    /// database know. `None`: this process has the database to itself, and an idle engine asks
    /// it nothing.
    pub poll: Option<Duration>,
    /// How often the wake-up index is compared with the cases; `None`: never, nor at the start.
    pub check_every: Option<Duration>,
    /// Whether what is written is indexed for [`Engine::search`](crate::Engine::search).
    pub search: bool,
    /// What says whether the files that a move names are there. By default every reference is
    /// taken: the host answers for it.
    pub evidence: Arc<dyn EvidenceCheck>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            limits: EngineLimits::default(),
            channels: vec![Arc::new(LogChannel)],
            script: duban_script::Limits::default(),
            workers: 0,
            poll: None,
            check_every: Some(Duration::from_secs(3_600)),
            search: true,
            evidence: Arc::new(HostsWord),
        }
    }
}

impl Options {
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }
}
