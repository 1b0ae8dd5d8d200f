//! How an engine is set up: clock, limits, channels, workers.

use std::sync::Arc;
use std::time::Duration;

use crate::channel::{Channel, LogChannel};
use crate::clock::{Clock, SystemClock};

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
            attempts_max: 8,
            wakes_before_command_max: 1_000,
            wake_batch_max: 256,
            wakes_claimed_max: 512,
            wake_lease_ms: 60_000,
            deliveries_running_max: 128,
            delivery_ms_max: 30_000,
            delivery_attempts_max: 20,
            retry_ms_initial: 1_000,
            retry_ms_max: 3_600_000,
            chunk_cases: 64,
            key_ms_max: 30 * 24 * 3_600_000,
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
