//! The [`Engine`] handle: starting, settling, stopping.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use duban_calendar::Instant;
use duban_store::Store;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use crate::agenda::Agenda;
use crate::apply;
use crate::attention;
use crate::believed::{self, Believed};
use crate::clock::Clock;
use crate::error::EngineError;
use crate::index;
use crate::library::Library;
use crate::openings::Openings;
use crate::options::Options;
use crate::outbox;
use crate::route::Waiting;
use crate::shard::Shard;
use crate::shared::{Inbox, Phase, Queues, Shared};
use crate::stats::{Counters, Meters, Stats};
use crate::thinking::Thinking;
use crate::upkeep;
use crate::wake::{self, Claims};

/// Tasks that a worker may run before it looks at its queues again.
const TASKS_BETWEEN_LOOKS: u32 = 4;

/// A running engine. A cheap handle: clones share one engine.
///
/// The engine has threads of its own, so that neither scripts nor reads block the host's
/// runtime; its methods may be awaited on any tokio runtime, a current-thread one included.
///
/// End it with [`shutdown`](Self::shutdown). Where the last handle is dropped instead, the engine
/// stops at once: what was answered is on the disk, what was not may be or not, and nothing is
/// delivered any more until the next start.
pub struct Engine<S: Store> {
    inner: Arc<Inner<S>>,
}

impl<S: Store> Clone for Engine<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<S: Store> {
    shared: Arc<Shared<S>>,
    options: Options,
    runtime: Option<Runtime>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    loops: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl<S: Store> Drop for Inner<S> {
    fn drop(&mut self) {
        self.shared.phase.send_replace(Phase::Stopped);
        self.shared.thinking.stop();
        let runtime = self.runtime.take();
        if let Some(runtime) = runtime {
            // Dropping it here could block the host's runtime.
            runtime.shutdown_background();
        }
    }
}

impl<S: Store> Engine<S> {
    /// Starts an engine on a store: workers, wake loop, outbox pump, search index, consistency check.
    ///
    /// Wake-ups and deliveries that fell due while no engine ran are handled at once.
    ///
    /// # Errors
    ///
    /// [`EngineError::Thread`]; [`EngineError::Store`]; [`EngineError::BadDocument`] where the
    /// stored directory cannot be read; [`EngineError::ChannelsShareName`].
    pub async fn start(store: S, options: Options) -> Result<Self, EngineError> {
        let mut names = BTreeSet::new();
        if let Some(twice) = options.channels.iter().find(|channel| !names.insert(channel.name())) {
            return Err(EngineError::ChannelsShareName(twice.name().to_owned()));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("duban-engine")
            .enable_all()
            .build()
            .map_err(EngineError::Thread)?;
        let (shared, inboxes) = share(store, &options, &runtime);
        let inner = Inner {
            shared: Arc::clone(&shared),
            options,
            runtime: Some(runtime),
            workers: Mutex::default(),
            loops: Mutex::default(),
        };
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let worker = start_worker(number, Arc::clone(&shared), inbox)?;
            inner.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        let loaded = Arc::clone(&shared);
        let load = async move {
            believed::begin(&loaded).await?;
            loaded.library.load().await?;
            apply::resume(&loaded).await
        };
        shared.on_runtime(load).await?;
        inner.start_loops();
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<S>> {
        &self.inner.shared
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The present moment, as the engine's clock has it.
    pub fn now(&self) -> Instant {
        self.shared().now()
    }

    /// Resolves at `at` by the engine's clock, or soon after; at once where that has passed.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`] once the engine shuts down.
    pub async fn sleep_until(&self, at: Instant) -> Result<(), EngineError> {
        let shared = self.shared();
        tokio::select! {
            () = shared.reached(Phase::Draining) => Err(EngineError::Closed),
            () = shared.clock.sleep_until(at) => Ok(()),
        }
    }

    /// The store under the engine, for reading.
    pub fn store(&self) -> &S {
        &self.shared().store
    }

    /// What the engine has done since it started.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (commands_queued, background_queued) = shared.queued();
        let counted = shared.meters.complete(shared.counters.snapshot());
        Stats {
            unreadable: counted.unreadable + shared.store.stats().set_aside,
            commands_queued: count(commands_queued),
            background_queued: count(background_queued),
            in_flight: count(*shared.jobs.borrow()),
            wakes_claimed: count(shared.claims.len()),
            ..counted
        }
    }

    /// For how long no command, wake-up or other work has finished at one of the workers although
    /// some is under way there. Zero while nothing is.
    pub fn stuck_for(&self) -> Duration {
        self.shared().meters.stuck_for()
    }

    /// Tells of something stored that a listing could not read and passed over: in the log, and
    /// in [`Stats::unreadable`]. Others go on.
    pub fn note_unreadable(
        &self,
        case: &str,
        what: &str,
        error: &(dyn std::error::Error + 'static),
    ) {
        self.shared().note_unreadable(case, what, error);
    }

    /// Waits until everything that is due at the clock's present is done: commands, wake-ups,
    /// deliveries, runs over all cases. With a clock that moves, more may be due at once.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`].
    pub async fn settled(&self) -> Result<(), EngineError> {
        let shared = self.shared();
        let settle = async {
            loop {
                let before = self.progress();
                let mut jobs = shared.jobs.subscribe();
                let idle = jobs.wait_for(|jobs| *jobs == 0).await.is_ok();
                shared.wakeups.quiet().await;
                shared.attention.quiet().await;
                shared.outbox.quiet().await;
                if idle && *shared.jobs.borrow() == 0 && self.progress() == before {
                    return;
                }
            }
        };
        tokio::select! {
            () = shared.reached(Phase::Draining) => Err(EngineError::Closed),
            () = settle => Ok(()),
        }
    }

    /// Counts what could bring something new to do.
    fn progress(&self) -> u64 {
        let counters = &self.shared().counters;
        [
            &counters.commits,
            &counters.delivered,
            &counters.delivery_failures,
            &counters.wake_batches,
        ]
        .into_iter()
        .fold(0, |sum, counter| sum.wrapping_add(counter.load(Ordering::SeqCst)))
    }

    /// When the engine next has something to do by itself, as far as it knows; best asked once it
    /// is [`settled`](Self::settled). `None`: nothing is to come.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`].
    pub async fn next_moment(&self) -> Result<Option<Instant>, EngineError> {
        self.shared().check_running()?;
        let shared = self.shared();
        let told = match shared.attends.load(Ordering::SeqCst) {
            true => shared.attention.earliest(),
            false => Instant::MAX,
        };
        let at = shared.wakeups.earliest().min(shared.outbox.earliest()).min(told);
        Ok(Some(at).filter(|at| *at < Instant::MAX))
    }

    /// Gives long decisions up, now and from now on: whoever waits for one is answered with
    /// [`EngineError::Closed`], and nothing of it was stored. For a host that was told to end and
    /// still waits for requests under way before it calls [`shutdown`](Self::shutdown).
    pub fn give_up_long_decisions(&self) {
        self.shared().thinking.stop();
    }

    /// Shuts the engine down in order: takes nothing new on, finishes what was taken on, closes
    /// the store. Decisions that take long are given up and answered with
    /// [`EngineError::Closed`]: nothing of them was stored. Deliveries under way are waited for as long as one attempt may take; what is
    /// left is delivered after the next start.
    ///
    /// From the first call on, every other method answers [`EngineError::Closed`], on all
    /// handles, and subscriptions end. Repeated or concurrent calls wait for the same end.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`] where the store could not be closed; everything answered before is
    /// on the disk nevertheless.
    pub async fn shutdown(&self) -> Result<(), EngineError> {
        let shared = self.shared();
        let is_first = shared.phase.send_if_modified(|phase| {
            let is_first = *phase == Phase::Running;
            *phase = (*phase).max(Phase::Draining);
            is_first
        });
        if !is_first {
            shared.reached(Phase::Closed).await;
            return Ok(());
        }
        shared.thinking.stop();
        self.inner.drain().await;
        shared.phase.send_replace(Phase::Stopped);
        let closed = self.inner.close().await;
        shared.phase.send_replace(Phase::Closed);
        closed
    }
}

impl<S: Store> Inner<S> {
    fn start_loops(&self) {
        let (shared, poll) = (&self.shared, self.options.poll);
        let mut loops = vec![
            shared.runtime.spawn(wake::run(Arc::clone(shared), poll)),
            shared.runtime.spawn(outbox::run(Arc::clone(shared), poll)),
            shared.runtime.spawn(attention::run(Arc::clone(shared))),
            shared.runtime.spawn(believed::run(Arc::clone(shared))),
        ];
        if let Some(every) = self.options.check_every {
            loops.push(shared.runtime.spawn(upkeep::watch(Arc::clone(shared), every)));
        }
        if self.options.search {
            loops.push(shared.runtime.spawn(index::run(Arc::clone(shared), poll)));
        }
        *self.loops.lock().unwrap_or_else(PoisonError::into_inner) = loops;
    }

    /// Waits until what was taken on is finished.
    async fn drain(&self) {
        let loops = std::mem::take(&mut *self.loops.lock().unwrap_or_else(PoisonError::into_inner));
        for one in loops {
            if let Err(error) = one.await {
                tracing::error!(%error, "a loop of the engine failed");
            }
        }
        let mut jobs = self.shared.jobs.subscribe();
        let drained = jobs.wait_for(|jobs| *jobs == 0).await;
        debug_assert!(drained.is_ok());
    }

    /// Waits for the workers to end, then closes the store.
    async fn close(&self) -> Result<(), EngineError> {
        let workers =
            std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = self.shared.runtime.spawn_blocking(move || {
            workers.into_iter().filter_map(|worker| worker.join().err()).count()
        });
        if !matches!(joined.await, Ok(0)) {
            tracing::error!("a worker of the engine had failed");
        }
        let shared = Arc::clone(&self.shared);
        let close = async move {
            if let Err(error) = believed::note(&shared).await {
                tracing::error!(%error, "the time could not be written down");
            }
            Ok(shared.store.close().await?)
        };
        self.shared.on_runtime(close).await
    }
}

fn share<S: Store>(store: S, options: &Options, runtime: &Runtime) -> (Arc<Shared<S>>, Vec<Inbox>) {
    let limits = &options.limits;
    let (queues, inboxes) = (0..options.workers())
        .map(|_| {
            let (people, people_in) = mpsc::channel(limits.commands_queued_max);
            let (background, background_in) = mpsc::channel(limits.background_queued_max);
            let inbox = Inbox { people: people_in, background: background_in };
            (Queues { people, background }, inbox)
        })
        .unzip();
    let library = Library::new(store.clone(), options.script.clone(), limits.programs_max);
    let shared = Shared {
        store,
        clock: Believed::new(Arc::clone(&options.clock), limits),
        limits: limits.clone(),
        channels: options.channels.clone(),
        evidence: Arc::clone(&options.evidence),
        library,
        thinking: Thinking::new(limits, options.workers()),
        queues,
        wakeups: Arc::new(Agenda::new()),
        claims: Arc::new(Claims::default()),
        outbox: Agenda::new(),
        attention: Agenda::new(),
        attends: AtomicBool::new(false),
        waiting: Waiting::default(),
        openings: Openings::default(),
        counters: Counters::default(),
        meters: Meters::new(options.workers()),
        commits: watch::Sender::new(0),
        indexes: options.search,
        indexed: watch::Sender::new(None),
        jobs: Arc::new(watch::Sender::new(0)),
        phase: watch::Sender::new(Phase::Running),
        runtime: runtime.handle().clone(),
        directory_run: AtomicU64::new(0),
        calendar_run: AtomicU64::new(0),
    };
    (Arc::new(shared), inboxes)
}

fn start_worker<S: Store>(
    number: usize,
    shared: Arc<Shared<S>>,
    inbox: Inbox,
) -> Result<JoinHandle<()>, EngineError> {
    // The queues are looked at after every few tasks: a person must not wait for a whole burst.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .event_interval(TASKS_BETWEEN_LOOKS)
        .build()
        .map_err(EngineError::Thread)?;
    std::thread::Builder::new()
        .name(format!("duban-worker-{number}"))
        .spawn(move || runtime.block_on(Shard::new(number, shared).run(inbox)))
        .map_err(EngineError::Thread)
}
